"""All patches of Twisted, and one setting of the Python runtime, for a process that only serves.

Each says why it is needed. When Twisted is upgraded, check whether each is still needed.
"""

import gc
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from twisted.internet import tcp
from twisted.logger import ILogObserver, LogEvent, Logger, globalLogPublisher
from zope.interface import implementer

MAX_LOOKUP_THREADS = 10  # as many as the reactor has for it
REPORT_INTERVAL = 10.0  # seconds between two log messages of a kind
_ACCEPT = "twisted.internet.tcp"  # the log namespace of Twisted's ports


def use_monotonic_clock(reactor: Any) -> None:
    """Run timers by the monotonic clock: a clock set back by an hour must not stop them.

    Call it before anything is scheduled.
    """
    reactor.seconds = time.monotonic


def resolve_in_daemon_threads(reactor: Any) -> None:
    """Look up names in daemon threads.

    A stop waits for the reactor's own: a dead name server would delay it by 12 seconds.
    """
    from twisted.internet._resolver import GAIResolver  # there is no public name for it
    from twisted.python.threadpool import ThreadPool

    threads = ThreadPool(0, MAX_LOOKUP_THREADS, "lookups")
    threads.threadFactory = partial(threading.Thread, daemon=True)  # type: ignore[assignment]  # called like the class
    threads.start()
    reactor.installNameResolver(GAIResolver(reactor, lambda: threads))


@implementer(ILogObserver)
class ThrottledObserver:
    """Takes the log of Twisted's ports and passes each kind of message at most once every *every* seconds.

    When file descriptors run out, Twisted recovers by itself, but logs three lines for each connection, hundreds of
    kilobytes a second under a flood. Such connections are counted instead.
    """

    def __init__(self, to: ILogObserver, now: Callable[[], float], every: float = REPORT_INTERVAL) -> None:
        self._to, self._now, self._every = to, now, every
        self._log = Logger(namespace="gateway.ops", observer=to)
        self._last: dict[str, float] = {}
        self.closed = 0

    def __call__(self, event: LogEvent) -> None:
        kind = str(event.get("log_format"))
        if "EMFILE" in kind and "log_failure" not in event:
            self.closed += "address" in event
            if self.closed and self._due("EMFILE"):
                self._log.warn("no file descriptor is free; connections closed so far: {closed}", closed=self.closed)
        elif self._due(kind):
            self._to(event)

    def _due(self, kind: str) -> bool:
        now = self._now()
        if now - self._last.get(kind, -self._every) < self._every:
            return False
        self._last[kind] = now
        return True


def throttle_accept_log(now: Callable[[], float]) -> None:
    """Make Twisted's ports log through a ThrottledObserver."""
    port: Any = tcp.Port
    port._logger = Logger(namespace=_ACCEPT, observer=ThrottledObserver(globalLogPublisher, now))


def tune_gc_after_startup() -> None:
    """Freeze start-up objects and raise the GC thresholds: without it a full collection stops the reactor for 70 ms."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 100)
