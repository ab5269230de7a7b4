"""Fixtures for the web tests: gateways with a site, and the failures that they log."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from twisted.logger import globalLogPublisher

from tests.unit.fixtures import GatewayHarness, make_dependencies
from tests.unit.web.browser import Browser

Build = Callable[..., Browser]


@pytest.fixture
def build(tmp_path: Path) -> Iterator[Build]:
    """Build gateways that stop with the test."""
    made: list[GatewayHarness] = []

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
    """Share one gateway among the tests of a module that only read."""
    built = make_dependencies(tmp_path_factory.mktemp("gateway"), queries_per_minute=10_000_000)
    yield Browser(built)
    built.stop()


@pytest.fixture(autouse=True)
def failures() -> Iterator[list[dict[str, Any]]]:
    """Collect what is logged with a traceback; a test that expects one clears the list."""
    events: list[dict[str, Any]] = []

    def keep(event: dict[str, Any]) -> None:
        if "log_failure" in event:
            events.append(event)

    observer: Any = keep
    globalLogPublisher.addObserver(observer)
    yield events
    globalLogPublisher.removeObserver(observer)
    assert events == []
