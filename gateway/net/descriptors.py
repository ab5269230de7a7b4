"""File descriptors: how many connections fit into what the system lets us have, and a short word in the log when they
run out. Twisted recovers by itself (a descriptor in reserve lets it close what it cannot serve), but tells of each
connection in three lines, hundreds of kilobytes a second under a flood."""

import resource
from collections.abc import Callable
from typing import Any

from twisted.internet import tcp
from twisted.logger import ILogObserver, LogEvent, Logger, globalLogPublisher
from zope.interface import implementer

OWN = 40  # descriptors that are no connections: log, records, database, listeners, what a command opens
SHARE = 0.8  # of all descriptors
EVERY = 10.0  # seconds from one word to the next
_ACCEPT = "twisted.internet.tcp"  # the namespace of Twisted's ports


def room_for(wanted: int) -> int:
    """How many connections there may be of the *wanted* ones. The soft limit is raised as far as they need and may be."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = int(1.2 * wanted / SHARE) + OWN
    if soft < needed and (hard == resource.RLIM_INFINITY or soft < hard):
        soft = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    # Up to 1.2 times as many are let in, to be told that there is no room (limits.Connections).
    return max(1, min(wanted, int(SHARE * soft), int((soft - OWN) / 1.2)))


@implementer(ILogObserver)
class ThrottledObserver:
    """Takes what Twisted's ports log. Connections closed for want of a descriptor are counted and told each *every*
    seconds; all else passes, each kind as often."""

    def __init__(self, to: ILogObserver, now: Callable[[], float], every: float = EVERY) -> None:
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


def tell_seldom(now: Callable[[], float]) -> None:
    """From now on Twisted's ports log through a Seldom."""
    port: Any = tcp.Port
    port._logger = Logger(namespace=_ACCEPT, observer=ThrottledObserver(globalLogPublisher, now))
