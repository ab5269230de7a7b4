"""One question and its answer: limited, timed, counted, recorded. Every question on every protocol passes here, once.

A protocol opens an exchange before it asks the directory, and closes it whatever happened. Who asks and what they may
see is decided elsewhere.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Literal

import msgspec
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
from .access_log import Records, stamped
from .rate_limit import Rate

Outcome = Literal[
    "found", "several", "unknown", "listed", "refused", "limited", "invalid", "unavailable", "changed", "served",
    "timeout", "empty", "gone", "error",
]  # fmt: skip

_OUTCOMES: dict[type, Outcome] = {
    Found: "found", Several: "several", Unknown: "unknown", Listing: "listed", History: "found", Refused: "refused",
    Unavailable: "unavailable", Saved: "changed", Conflict: "refused", Invalid: "invalid",
}  # fmt: skip


# Upper bounds in seconds; what takes longer than the last is counted behind it.
BUCKETS = (
    0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
)  # fmt: skip
MOST_COUNTS = 1000  # kinds of questions that are told apart
OTHER = "other"  # the verb of all others


@dataclass(slots=True)
class Latencies:
    """How long the questions of one protocol took: their number by BUCKETS (not summed up), and all seconds together."""

    counts: list[int] = field(default_factory=lambda: [0] * (len(BUCKETS) + 1))
    seconds: float = 0.0


def outcome(answer: object) -> Outcome:
    """What a record says of an answer of the directory."""
    return _OUTCOMES[type(answer)]


class Asked(msgspec.Struct, frozen=True):
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

    __slots__ = ("_asked", "_exchanges", "_open", "_started")

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

    __slots__ = ("seconds",)

    def __init__(self, exchanges: "Exchanges", asked: Asked, started: float, seconds: float) -> None:
        super().__init__(exchanges, asked, started)
        self.seconds = seconds


class Exchanges:
    """All of them. *counts* is by protocol, verb and outcome, *latencies* by protocol; no name of a person is in either."""

    def __init__(self, rate: Rate, records: Records, clock: IReactorTime) -> None:
        self._rate, self._records, self._clock = rate, records, clock
        self.counts: Counter[tuple[str, str, Outcome]] = Counter()
        self.latencies: dict[str, Latencies] = {}
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
        self._closed(asked, None, outcome, size, reference)

    def count(self, protocol: str, verb: str, outcome: Outcome) -> None:
        """Counts something that leaves no record."""
        key = (protocol, verb, outcome)
        if key not in self.counts and len(self.counts) >= MOST_COUNTS:
            key = (protocol, OTHER, outcome)
        self.counts[key] += 1

    def idle(self) -> "Deferred[None]":
        """Fires when no exchange is open."""
        if not self.in_flight:
            return succeed(None)
        waiting: Deferred[None] = Deferred(self._idle.remove)
        self._idle.append(waiting)
        return waiting

    def _closed(self, asked: Asked, started: float | None, outcome: Outcome, size: int, reference: str | None) -> None:
        self.in_flight -= 1
        self.count(asked.protocol, asked.verb, outcome)
        took = 0.0
        if started is not None:
            took = self._clock.seconds() - started
            latencies = self.latencies.get(asked.protocol)
            if latencies is None:
                latencies = self.latencies[asked.protocol] = Latencies()
            latencies.counts[bisect_left(BUCKETS, took)] += 1
            latencies.seconds += took
        peer = asked.peer if asked.address is None else self._records.peer(asked.address)
        self._records.write(
            stamped(asked.protocol, asked.verb, asked.query, peer, asked.login, outcome, size, took * 1000, reference)
        )
        if not self.in_flight:
            waiting, self._idle = self._idle, []
            for each in waiting:
                each.callback(None)
