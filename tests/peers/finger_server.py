"""The finger service on a real reactor, in a process of its own, with the people of tests/unit/fixtures.py. It prints
its port.

Run by tests/peers/finger_client.py; by hand: `python -m tests.peers.finger_server /tmp/folder`.
"""

import argparse
import signal
import sys
import time
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

from twisted.internet import epollreactor

epollreactor.install()

from twisted.internet import reactor as _reactor  # noqa: E402
from twisted.internet.task import deferLater  # noqa: E402
from twisted.logger import globalLogBeginner, textFileLogObserver  # noqa: E402

from gateway.directory.person import PartialPerson  # noqa: E402
from gateway.finger.protocol import FingerService  # noqa: E402
from gateway.finger.settings import FingerSettings  # noqa: E402
from tests.unit.fixtures import PEOPLE, make_dependencies  # noqa: E402

reactor: Any = _reactor
FRANK = {"login": "frank", "name": "Frank", "plan": "".join(f"{n:06} {'x' * 92}\n" for n in range(1000))}


class SlowSource:
    """A source without people that takes *seconds* for each lookup."""

    name, restricts, cache_ttl = "slow", False, timedelta(0)

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    async def get(self, login: str) -> PartialPerson | None:
        await deferLater(reactor, self._seconds)
        return None

    async def everyone(self) -> AsyncIterator[PartialPerson]:
        return
        yield


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--slow", type=float, default=0.0, help="seconds per lookup")
    parser.add_argument("--timeout", type=float, default=10.0)
    parser.add_argument("--per-address", type=int, default=100_000)
    parser.add_argument("--send-buffer", type=int, default=0, help="bytes of an answer that the kernel buffers")
    parser.add_argument("--interface", default="127.0.0.1")
    options = parser.parse_args()
    globalLogBeginner.beginLoggingTo([textFileLogObserver(sys.stderr)], redirectStandardIO=False)
    reactor.seconds = time.monotonic
    built = make_dependencies(
        options.folder,
        people=[*PEOPLE, FRANK],
        sources=[SlowSource(options.slow)] if options.slow else [],
        queries_per_minute=100_000_000,
        connections=100_000,
        per_address=options.per_address,
        timeout=options.timeout,
        hosts=("dir.test", "club.test", "localhost"),
        clock=reactor,
    )
    service = FingerService(FingerSettings(max_plan_bytes=200_000), built.deps)
    service.startService()
    port = reactor.listenTCP(0, service.factory, backlog=1024, interface=options.interface)
    if options.send_buffer:
        import socket

        port.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, options.send_buffer)
    reactor.addSystemEventTrigger("before", "shutdown", port.stopListening)
    reactor.addSystemEventTrigger("before", "shutdown", service.stopService)
    reactor.addSystemEventTrigger("after", "shutdown", built.stop)
    reactor.callWhenRunning(lambda: print(port.getHost().port, flush=True))
    timers_file = options.folder / "timers"

    def write_timer_count() -> None:
        """On SIGUSR1, write the number of pending delayed calls to a file."""
        timers_file.with_suffix(".new").write_text(str(len(reactor.getDelayedCalls())))
        timers_file.with_suffix(".new").rename(timers_file)

    signal.signal(signal.SIGUSR1, lambda *_: reactor.callFromThread(write_timer_count))
    reactor.run()


if __name__ == "__main__":
    main()
