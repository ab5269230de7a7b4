"""The clock by which timers run."""

import time
from typing import Any


def steady_clock(reactor: Any) -> None:
    """Timers by the monotonic clock: one set back by an hour must not stop them. Before anything is scheduled."""
    reactor.seconds = time.monotonic
