"""For all tests: children get Ctrl-C as from a terminal, even if the parent of the tests ignores it. Tests marked
`long` run only with tests/run --long."""

import os
import signal
import sys
from collections.abc import Iterator

import pytest


def pytest_configure() -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if "FINGER_GATEWAY_LONG" not in os.environ:
        late = [item for item in items if item.get_closest_marker("long")]
        items[:] = [item for item in items if item not in late]
        config.hook.pytest_deselected(items=late)


@pytest.fixture
def untraced() -> Iterator[None]:
    """Switch coverage off: it doubles the time where the same lines run a hundred thousand times."""
    tracer = sys.gettrace()
    sys.settrace(None)
    yield
    sys.settrace(tracer)
