"""Houses for the finger room's units."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.unit.fixtures import Built, make_dependencies

Build = Callable[..., Built]


@pytest.fixture
def build(tmp_path: Path) -> Iterator[Build]:
    """Makes houses that end with the test."""
    made: list[Built] = []

    def make(**settings: Any) -> Built:
        folder = tmp_path / str(len(made))
        folder.mkdir()
        made.append(make_dependencies(folder, **settings))
        return made[-1]

    yield make
    for built in made:
        built.stop()


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Built]:
    """The house of most tests; they only ask."""
    one = make_dependencies(tmp_path_factory.mktemp("house"), queries_per_minute=10_000_000)
    yield one
    one.stop()
