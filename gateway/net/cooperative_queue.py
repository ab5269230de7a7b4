"""Work in small pieces, a few milliseconds in each turn of the reactor, so that a busy client does not hold up others."""

import time
from collections import deque
from collections.abc import Callable

from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.internet.task import deferLater

MAX_TIME_SLICE = 0.004  # seconds


class YieldEvery:
    """Lets the reactor work about every *interval* units of work."""

    def __init__(self, reactor: IReactorTime, interval: int) -> None:
        self._reactor, self._interval, self._done = reactor, interval, 0

    async def count(self, size: int) -> None:
        """Count *size* finished units of work; yield to the reactor if it is time."""
        self._done += size
        if self._done > self._interval:
            self._done = 0
            await deferLater(self._reactor, 0)


class CooperativeQueue:
    """A first-come, first-served queue of calls. *now* is a clock in seconds that advances within a turn."""

    def __init__(self, reactor: IReactorTime, now: Callable[[], float] = time.perf_counter) -> None:
        self._reactor, self._now = reactor, now
        self._waiting: deque[Callable[[], object]] = deque()
        self._next: IDelayedCall | None = None

    def __len__(self) -> int:
        return len(self._waiting)

    def now(self) -> float:
        return self._now()

    def used_up_turn(self, began: float) -> bool:
        """Return whether work that began at *began* has used up its share of a turn."""
        return self._now() - began >= MAX_TIME_SLICE

    def call_later(self, call: Callable[[], object]) -> None:
        """Call *call*, which must not raise, in a later turn."""
        self._waiting.append(call)
        if self._next is None:
            self._next = self._reactor.callLater(0, self._turn)

    def _turn(self) -> None:
        end = self._now() + MAX_TIME_SLICE
        self._next = None
        for _ in range(len(self._waiting)):  # calls added meanwhile wait for the next turn
            self._waiting.popleft()()
            if self._now() >= end:
                break
        if self._waiting and self._next is None:
            self._next = self._reactor.callLater(0, self._turn)
