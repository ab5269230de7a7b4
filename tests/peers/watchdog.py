"""The finger-gateway command with a watchdog: a turn of the reactor that takes over 50 ms of CPU is told on standard
error. Run as a script by tests/peers/gateway.py; the command knows nothing of it."""

import sys
import time
from collections.abc import Callable
from typing import Any

from twisted.internet import epollreactor

MOST = 0.050  # seconds of CPU in the reactor's thread
SAID = "watchdog: a turn of the reactor took"


def watched(turn: Callable[..., Any]) -> Callable[..., Any]:
    """*turn*, timed by the CPU of its own thread: waiting for events costs nothing."""

    def timed(*arguments: Any) -> Any:
        began = time.thread_time()
        try:
            return turn(*arguments)
        finally:
            took = time.thread_time() - began
            if took > most:
                sys.stderr.write(f"{SAID} {took * 1000:.0f} ms of CPU in {turn.__name__}\n")

    return timed


# Under coverage every line of ours costs several times what it does in the wild.
most = MOST if "coverage" not in sys.modules else 4 * MOST


def main() -> None:
    kind: Any = epollreactor.EPollReactor
    kind.runUntilCurrent = watched(kind.runUntilCurrent)
    kind.doIteration = watched(kind.doIteration)
    epollreactor.install()
    from gateway.cli import main as command

    command()


if __name__ == "__main__":
    main()
