"""Houses with a web side, and the log."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from twisted.logger import globalLogPublisher

from tests.unit.fixtures import Built, make_dependencies
from tests.unit.web.wire import Browser

Build = Callable[..., Browser]


@pytest.fixture
def build(tmp_path: Path) -> Iterator[Build]:
    """Makes houses that end with the test."""
    made: list[Built] = []

    def make(**settings: Any) -> Browser:
        folder = tmp_path / str(len(made))
        folder.mkdir()
        made.append(make_dependencies(folder, **settings))
        return Browser(made[-1])

    yield make
    for built in made:
        built.stop()


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """The house of most tests; they only ask."""
    built = make_dependencies(tmp_path_factory.mktemp("house"), queries_per_minute=10_000_000)
    yield Browser(built)
    built.stop()


@pytest.fixture(autouse=True)
def failures() -> Iterator[list[dict[str, Any]]]:
    """What is logged with a traceback; a test that expects one takes it out of the list."""
    events: list[dict[str, Any]] = []

    def keep(event: dict[str, Any]) -> None:
        if "log_failure" in event:
            events.append(event)

    observer: Any = keep
    globalLogPublisher.addObserver(observer)
    yield events
    globalLogPublisher.removeObserver(observer)
    assert events == []
