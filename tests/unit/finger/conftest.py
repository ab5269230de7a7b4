"""Fixtures with protocol dependencies for the tests of the finger package."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.unit.fixtures import GatewayHarness, make_dependencies

Build = Callable[..., GatewayHarness]


@pytest.fixture
def build(tmp_path: Path) -> Iterator[Build]:
    """Return a function that makes dependencies; they are stopped at the end of the test."""
    made: list[GatewayHarness] = []

    def make(**settings: Any) -> GatewayHarness:
        folder = tmp_path / str(len(made))
        folder.mkdir()
        made.append(make_dependencies(folder, **settings))
        return made[-1]

    yield make
    for built in made:
        built.stop()


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayHarness]:
    """Return dependencies that the tests of a module share, because they only read."""
    dependencies = make_dependencies(tmp_path_factory.mktemp("shared"), queries_per_minute=10_000_000)
    yield dependencies
    dependencies.stop()
