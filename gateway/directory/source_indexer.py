"""Sweeps: all people of another source are read into an index now and again, so that lists, searches and full names find
them. Who may see them is judged elsewhere, of what the sources say when they are asked.

A source may be slow, down, endless or wrong. It is read a few people at a time between other work; what is no person is
passed over; and a sweep that does not end well changes nothing: the last whole one stands.
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
from .person import Partial

BATCH = 50  # people who are read before others get their turn
READ_TIMEOUT = 60.0  # seconds that a source may take for so many
MAX_PEOPLE = 1_000_000  # people of one source
WARNING_INTERVAL = timedelta(minutes=1)  # between two sweeps of a source that does not say how long its answers hold
MIN_INTERVAL = 1.0  # seconds between two sweeps
SHARE = 20  # between two sweeps there is so many times what one takes

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Partial).decode


class SourceIndexer(Service):
    """Reads *source* into *index* at the start, and as often as its answers may change."""

    def __init__(self, source: Source, index: RebuildableIndex, clock: IReactorTime) -> None:
        self._source, self._index, self._clock = source, index, clock
        self._running: Deferred[Any] | None = None
        self._next: IDelayedCall | None = None
        self._patience: IDelayedCall | None = None
        self._late = False
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
        began, self._late = self._clock.seconds(), False
        self._running = Deferred.fromCoroutine(self._sweep())
        self._running.addCallbacks(self._warn, self._failed).addBoth(lambda _: self._ended(began))

    async def _sweep(self) -> str:
        """One sweep. Gives what was passed over, in words."""
        await self._index.begin()
        people = self._source.everyone()
        self._wait()
        try:
            passed = await self._read(people)
        finally:
            try:
                if (close := getattr(people, "aclose", None)) is not None:
                    await close()
            finally:
                self._wait_no_longer()
        await self._index.finish()
        return passed

    async def _read(self, people: AsyncIterator[Any]) -> str:
        told: set[str] = set()
        batch: list[Partial] = []
        count = passed = 0
        first = ""
        async for each in people:
            count += 1
            if count > MAX_PEOPLE:
                raise SourceDown(f"more than {MAX_PEOPLE} people")
            try:
                batch.append(_sound(each, told))
            except ValueError as wrong:
                passed += 1
                first = first or f"number {count}: {wrong}"
            if count % BATCH == 0:
                self._wait()
                await self._index.add(batch)
                batch = []
                await deferLater(self._clock, 0)
        await self._index.add(batch)
        return f"{passed} of {count} passed over, first {first}" if passed else ""

    def _wait(self) -> None:
        """From now on, for PATIENCE."""
        self._wait_no_longer()
        self._patience = self._clock.callLater(READ_TIMEOUT, self._give_up)

    def _wait_no_longer(self) -> None:
        if self._patience is not None and self._patience.active():
            self._patience.cancel()

    def _give_up(self) -> None:
        self._late = True
        self._wait()  # what it does in the end may never end, either
        if self._running is not None:
            self._running.cancel()

    def _failed(self, failure: Failure) -> None:
        if self._late:
            self._warn(f"did not go on for {READ_TIMEOUT:g} seconds")
        elif failure.check(SourceDown):
            self._warn(str(failure.value))
        elif self.running:
            self._warn(f"{type(failure.value).__name__}: {failure.value}")

    def _warn(self, text: str) -> None:
        """Said once, not after each sweep."""
        if text and text != self._warned:
            self._log.warn("people of {source}: {text}", source=self._source.name, text=text)
        self._warned = text

    def _ended(self, began: float) -> None:
        self._running = None
        if self.running:
            hold = WARNING_INTERVAL if self._source.cache_ttl is None else self._source.cache_ttl
            took = self._clock.seconds() - began
            self._next = self._clock.callLater(max(hold.total_seconds(), MIN_INTERVAL, took * SHARE), self._begin)


def _sound(person: object, told: set[str]) -> Partial:
    """*person*, where it is one with a login that is not among those *told* before. Raises ValueError."""
    if not isinstance(person, Partial):
        raise ValueError("no Partial")
    try:
        sound = _decode(_encode(person))
    except (msgspec.MsgspecError, TypeError, ValueError, OverflowError) as error:
        raise ValueError(str(error)) from None
    if canonical_login_or_none(sound.login) != sound.login:
        raise ValueError("a login that is not canonical")
    if sound.login in told:
        raise ValueError("a login told of twice")
    told.add(sound.login)
    return sound
