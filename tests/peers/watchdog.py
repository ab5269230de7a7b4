"""The finger-gateway command with a watchdog: a reactor iteration that takes over 50 ms of CPU is reported on
standard error. Run as a script by tests/peers/gateway_process.py; the command does not know of it."""

import sys
import time
from collections.abc import Callable
from typing import Any

from twisted.internet import epollreactor

MAX_CPU_SECONDS = 0.050  # seconds of CPU in the reactor's thread
MESSAGE = "watchdog: a reactor iteration took"


def report_long_calls(turn: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap *turn* to measure the CPU time of its own thread; waiting for events costs none."""

    def timed(*arguments: Any) -> Any:
        began = time.thread_time()
        try:
            return turn(*arguments)
        finally:
            took = time.thread_time() - began
            if took > max_cpu_seconds:
                sys.stderr.write(f"{MESSAGE} {took * 1000:.0f} ms of CPU in {turn.__name__}\n")

    return timed


# Under coverage every line of the gateway costs several times as much.
max_cpu_seconds = MAX_CPU_SECONDS if "coverage" not in sys.modules else 4 * MAX_CPU_SECONDS


def main() -> None:
    kind: Any = epollreactor.EPollReactor
    kind.runUntilCurrent = report_long_calls(kind.runUntilCurrent)
    kind.doIteration = report_long_calls(kind.doIteration)
    epollreactor.install()
    from gateway.cli import main as command

    command()


if __name__ == "__main__":
    main()
