"""Work that can wait, a few milliseconds of it in each turn of the reactor, so that whoever brings much of it at once does
not hold up the others."""

import time
from collections import deque
from collections.abc import Callable

from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.internet.task import deferLater

SHARE = 0.004  # seconds of a turn


class YieldEvery:
    """Lets others have their turn while one does much, about every *large* of whatever it counts."""

    def __init__(self, reactor: IReactorTime, large: int) -> None:
        self._reactor, self._large, self._done = reactor, large, 0

    async def after(self, size: int) -> None:
        """Work of *size* is done, and more is to come."""
        self._done += size
        if self._done > self._large:
            self._done = 0
            await deferLater(self._reactor, 0)


class CooperativeQueue:
    """First come, first served. *now* in seconds, by a clock that goes on within a turn."""

    def __init__(self, reactor: IReactorTime, now: Callable[[], float] = time.perf_counter) -> None:
        self._reactor, self._now = reactor, now
        self._waiting: deque[Callable[[], object]] = deque()
        self._next: IDelayedCall | None = None

    def __len__(self) -> int:
        return len(self._waiting)

    def now(self) -> float:
        return self._now()

    def spent(self, began: float) -> bool:
        """Has who *began* then had all that one may take of a turn?"""
        return self._now() - began >= SHARE

    def soon(self, call: Callable[[], object]) -> None:
        """Calls *call*, which does not raise, in a later turn."""
        self._waiting.append(call)
        if self._next is None:
            self._next = self._reactor.callLater(0, self._turn)

    def _turn(self) -> None:
        end = self._now() + SHARE
        self._next = None
        for _ in range(len(self._waiting)):  # what comes in meanwhile has to wait for the next turn
            self._waiting.popleft()()
            if self._now() >= end:
                break
        if self._waiting and self._next is None:
            self._next = self._reactor.callLater(0, self._turn)
