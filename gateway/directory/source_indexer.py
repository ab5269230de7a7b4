"""Read all people of another source into an index from time to time, so that lists, searches and full names find them.

Who may see them is decided elsewhere, from what the sources say when they are asked. A source may be slow, down,
endless or wrong: it is read a few people at a time between other work, entries that are not people are skipped, and a
run that fails changes nothing: the last complete index stays.
"""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import msgspec
from twisted.application.service import Service
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.internet.task import deferLater
from twisted.logger import Logger
from twisted.python.failure import Failure

from .interfaces import RebuildableIndex, Source, SourceDown
from .names import canonical_login_or_none
from .person import PartialPerson

BATCH_SIZE = 50  # people, before the reactor gets its turn
READ_TIMEOUT = 60.0  # seconds for one batch
MAX_PEOPLE = 1_000_000  # of one source
DEFAULT_INTERVAL = timedelta(minutes=1)  # for a source without a cache_ttl
MIN_INTERVAL = 1.0  # seconds between two runs
MIN_PAUSE_FACTOR = 20  # the pause is at least so many times the duration of a run

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(PartialPerson).decode


class SourceIndexer(Service):
    """Rebuilds *index* from *source* at the start, and as often as the source's answers may change."""

    def __init__(self, source: Source, index: RebuildableIndex, clock: IReactorTime) -> None:
        self._source, self._index, self._clock = source, index, clock
        self._running: Deferred[Any] | None = None
        self._next: IDelayedCall | None = None
        self._read_deadline: IDelayedCall | None = None
        self._timed_out = False
        self._warned = ""
        self._log = Logger()

    def startService(self) -> None:
        super().startService()
        self._begin()

    def stopService(self) -> "Deferred[None]":
        super().stopService()
        if self._next is not None and self._next.active():
            self._next.cancel()
        running = self._running
        if running is None:
            return self._index.stop()
        running.addBoth(lambda _: self._index.stop())
        running.cancel()
        return running

    def _begin(self) -> None:
        began, self._timed_out = self._clock.seconds(), False
        self._running = Deferred.fromCoroutine(self._rebuild_index())
        self._running.addCallbacks(self._warn, self._report_failure).addBoth(lambda _: self._schedule_next(began))

    async def _rebuild_index(self) -> str:
        """Read everybody once; return in words what was skipped."""
        await self._index.begin()
        people = self._source.everyone()
        self._arm_deadline()
        try:
            passed = await self._read(people)
        finally:
            try:
                if (close := getattr(people, "aclose", None)) is not None:
                    await close()
            finally:
                self._disarm_deadline()
        await self._index.finish()
        return passed

    async def _read(self, people: AsyncIterator[Any]) -> str:
        seen: set[str] = set()
        batch: list[PartialPerson] = []
        count = passed = 0
        first = ""
        async for each in people:
            count += 1
            if count > MAX_PEOPLE:
                raise SourceDown(f"more than {MAX_PEOPLE} people")
            try:
                batch.append(_validate(each, seen))
            except ValueError as wrong:
                passed += 1
                first = first or f"number {count}: {wrong}"
            if count % BATCH_SIZE == 0:
                self._arm_deadline()
                await self._index.add(batch)
                batch = []
                await deferLater(self._clock, 0)
        await self._index.add(batch)
        return f"{passed} of {count} skipped, first {first}" if passed else ""

    def _arm_deadline(self) -> None:
        """Give the source READ_TIMEOUT for its next people."""
        self._disarm_deadline()
        self._read_deadline = self._clock.callLater(READ_TIMEOUT, self._time_out)

    def _disarm_deadline(self) -> None:
        if self._read_deadline is not None and self._read_deadline.active():
            self._read_deadline.cancel()

    def _time_out(self) -> None:
        self._timed_out = True
        self._arm_deadline()  # its clean-up may never end, either
        if self._running is not None:
            self._running.cancel()

    def _report_failure(self, failure: Failure) -> None:
        if self._timed_out:
            self._warn(f"did not go on for {READ_TIMEOUT:g} seconds")
        elif failure.check(SourceDown):
            self._warn(str(failure.value))
        elif self.running:
            self._warn(f"{type(failure.value).__name__}: {failure.value}")

    def _warn(self, text: str) -> None:
        """Log a warning once, not after each run."""
        if text and text != self._warned:
            self._log.warn("people of {source}: {text}", source=self._source.name, text=text)
        self._warned = text

    def _schedule_next(self, began: float) -> None:
        self._running = None
        if self.running:
            hold = DEFAULT_INTERVAL if self._source.cache_ttl is None else self._source.cache_ttl
            took = self._clock.seconds() - began
            self._next = self._clock.callLater(
                max(hold.total_seconds(), MIN_INTERVAL, took * MIN_PAUSE_FACTOR), self._begin
            )


def _validate(person: object, seen: set[str]) -> PartialPerson:
    """Return *person* if it is one with a canonical login that is not in *seen*. Raises ValueError."""
    if not isinstance(person, PartialPerson):
        raise ValueError("not a PartialPerson")
    try:
        sound = _decode(_encode(person))
    except (msgspec.MsgspecError, TypeError, ValueError, OverflowError) as error:
        raise ValueError(str(error)) from None
    if canonical_login_or_none(sound.login) != sound.login:
        raise ValueError("a login that is not canonical")
    if sound.login in seen:
        raise ValueError("a login that was there before")
    seen.add(sound.login)
    return sound
