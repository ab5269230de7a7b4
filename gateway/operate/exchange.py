"""One question and its answer: limited, timed, counted, recorded. Every question on every protocol passes here, once.

A protocol opens an exchange before it asks the directory, and closes it whatever happened. Who asks and what they may
see is decided elsewhere.
"""

from collections import Counter
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Literal

from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IReactorTime

from ..directory.addresses import Address
from ..directory.answers import (
    Conflict,
    Found,
    History,
    Invalid,
    Listing,
    Refused,
    Saved,
    Several,
    Unavailable,
    Unknown,
)
from .limits import Rate
from .records import Records, stamped

Outcome = Literal[
    "found", "several", "unknown", "listed", "refused", "limited", "invalid", "unavailable", "changed", "served",
    "timeout", "empty", "gone", "error",
]  # fmt: skip

_OUTCOMES: dict[type, Outcome] = {
    Found: "found", Several: "several", Unknown: "unknown", Listing: "listed", History: "found", Refused: "refused",
    Unavailable: "unavailable", Saved: "changed", Conflict: "refused", Invalid: "invalid",
}  # fmt: skip


def outcome(answer: object) -> Outcome:
    """What a record says of an answer of the directory."""
    return _OUTCOMES[type(answer)]


@dataclass(frozen=True, slots=True)
class Asked:
    """A question. *query* as typed; *key* is who it counts for: by default the address (an IPv6 one's /64). IRC gives
    its own, since nobody has an address there."""

    protocol: str
    verb: str
    query: str
    address: Address | None = None
    login: str | None = None
    peer: str | None = None
    key: Hashable = None

    @property
    def asker(self) -> Hashable:
        return self.address.key if self.key is None and self.address is not None else (self.protocol, self.key)


class Exchange:
    """A question that is being answered."""

    def __init__(self, exchanges: "Exchanges", asked: Asked, started: float) -> None:
        self._exchanges, self._asked, self._started = exchanges, asked, started
        self._open = True

    def close(self, outcome: Outcome, size: int = 0, reference: str | None = None) -> None:
        """It is answered, with *size* bytes. Only the first call counts."""
        if self._open:
            self._open = False
            self._exchanges._closed(self._asked, self._started, outcome, size, reference)


class Limited(Exchange):
    """A question that is not to be answered: the asker has to wait *seconds*. Is closed like any other."""

    def __init__(self, exchanges: "Exchanges", asked: Asked, started: float, seconds: float) -> None:
        super().__init__(exchanges, asked, started)
        self.seconds = seconds


class Exchanges:
    """All of them. *counts* is by protocol, verb and outcome; no name of a person is in it."""

    def __init__(self, rate: Rate, records: Records, clock: IReactorTime) -> None:
        self._rate, self._records, self._clock = rate, records, clock
        self.counts: Counter[tuple[str, str, Outcome]] = Counter()
        self.in_flight = 0
        self._idle: list[Deferred[None]] = []

    def open(self, asked: Asked) -> Exchange | Limited:
        """Starts the clock, unless the asker is over the limit. The caller closes what it gets."""
        self.in_flight += 1
        now = self._clock.seconds()
        wait = self._rate.wait(asked.asker)
        return Limited(self, asked, now, wait) if wait else Exchange(self, asked, now)

    def note(self, asked: Asked, outcome: Outcome, size: int = 0, reference: str | None = None) -> None:
        """Counts and records what never came to be a question: a time-out, a connection that asked nothing."""
        self.in_flight += 1
        self._closed(asked, self._clock.seconds(), outcome, size, reference)

    def idle(self) -> "Deferred[None]":
        """Fires when no exchange is open."""
        if not self.in_flight:
            return succeed(None)
        waiting: Deferred[None] = Deferred(self._idle.remove)
        self._idle.append(waiting)
        return waiting

    def _closed(self, asked: Asked, started: float, outcome: Outcome, size: int, reference: str | None) -> None:
        self.in_flight -= 1
        self.counts[asked.protocol, asked.verb, outcome] += 1
        peer = asked.peer if asked.address is None else self._records.peer(asked.address)
        ms = (self._clock.seconds() - started) * 1000
        self._records.write(
            stamped(asked.protocol, asked.verb, asked.query, peer, asked.login, outcome, size, ms, reference)
        )
        if not self.in_flight:
            waiting, self._idle = self._idle, []
            for each in waiting:
                each.callback(None)
