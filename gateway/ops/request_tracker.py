"""Requests in flight: rate limit, duration, counters, access log. Every request of every protocol passes here once.

A protocol starts a tracked request before it asks the directory, and finishes it whatever happens. Who the client is and
what they may see is decided elsewhere.
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
from .access_log import AccessLog, make_entry
from .rate_limit import RateLimit

Outcome = Literal[
    "found", "ambiguous", "not_found", "listed", "refused", "limited", "invalid", "unavailable", "changed", "served",
    "timeout", "empty", "gone", "error",
]  # fmt: skip

# Upper bounds in seconds. Requests that take longer than the last are counted in one more bucket.
LATENCY_BUCKETS = (
    0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
)  # fmt: skip
MAX_COUNTERS = 1000  # combinations of protocol, verb and outcome; a client cannot make more
OTHER_VERB = "other"  # counts the combinations beyond MAX_COUNTERS


@dataclass(slots=True)
class LatencyHistogram:
    """How long the requests of one protocol took: a number for each of LATENCY_BUCKETS (not cumulative), and all seconds."""

    counts: list[int] = field(default_factory=lambda: [0] * (len(LATENCY_BUCKETS) + 1))
    seconds: float = 0.0


class RequestInfo(msgspec.Struct, frozen=True):
    """The client and the query of a request.

    *query* is the text as typed. *login* is the authenticated client, or None. *key* is who the request
    counts for; None means the address (of IPv6, the /64). IRC gives a key and a *peer* of its own, because its clients
    have no address.
    """

    protocol: str
    verb: str
    query: str
    address: Address | None = None
    login: str | None = None
    peer: str | None = None
    key: Hashable = None

    @property
    def rate_key(self) -> Hashable:
        return self.address.key if self.key is None and self.address is not None else (self.protocol, self.key)


class TrackedRequest(msgspec.Struct, eq=False):
    """A request that is being answered.

    *retry_after* is None for a request within the rate limit, else the seconds that the client has to wait: then the
    protocol refuses, and finishes the request with the outcome "limited".
    """

    tracker: "RequestTracker"
    info: RequestInfo
    started: float
    retry_after: float | None
    is_open: bool = True

    def finish(self, outcome: Outcome, size: int = 0, reference: str | None = None) -> None:
        """Record that the request was answered with *size* bytes. Later calls do nothing."""
        if self.is_open:
            self.is_open = False
            self.tracker._record(self.info, self.started, outcome, size, reference)


class RequestTracker:
    """Starts and finishes all requests.

    *counts* is by protocol, verb and outcome, *latencies* by protocol. Neither holds anything that a client typed.
    """

    def __init__(self, rate_limit: RateLimit, access_log: AccessLog, clock: IReactorTime) -> None:
        self._rate_limit, self._access_log, self._clock = rate_limit, access_log, clock
        self.counts: Counter[tuple[str, str, Outcome]] = Counter()
        self.latencies: dict[str, LatencyHistogram] = {}
        self.in_flight = 0
        self._idle: list[Deferred[None]] = []

    def start(self, info: RequestInfo) -> TrackedRequest:
        """Start the clock and check the rate limit. The caller finishes what it gets, whatever happens."""
        self.in_flight += 1
        now = self._clock.seconds()
        return TrackedRequest(self, info, now, self._rate_limit.retry_after(info.rate_key) or None)

    def record_unanswered(
        self, info: RequestInfo, outcome: Outcome, size: int = 0, reference: str | None = None
    ) -> None:
        """Count and log a connection that sent no request: a time-out, a refusal, an empty connection."""
        self.in_flight += 1
        self._record(info, None, outcome, size, reference)

    def count(self, protocol: str, verb: str, outcome: Outcome) -> None:
        """Count without an access-log line."""
        key = (protocol, verb, outcome)
        if key not in self.counts and len(self.counts) >= MAX_COUNTERS:
            key = (protocol, OTHER_VERB, outcome)
        self.counts[key] += 1

    def when_idle(self) -> "Deferred[None]":
        """Return a Deferred that fires when no request is open."""
        if not self.in_flight:
            return succeed(None)
        waiting: Deferred[None] = Deferred(self._idle.remove)
        self._idle.append(waiting)
        return waiting

    def _record(
        self, info: RequestInfo, started: float | None, outcome: Outcome, size: int, reference: str | None
    ) -> None:
        self.in_flight -= 1
        self.count(info.protocol, info.verb, outcome)
        took = 0.0
        if started is not None:
            took = self._clock.seconds() - started
            latencies = self.latencies.get(info.protocol)
            if latencies is None:
                latencies = self.latencies[info.protocol] = LatencyHistogram()
            latencies.counts[bisect_left(LATENCY_BUCKETS, took)] += 1
            latencies.seconds += took
        peer = info.peer if info.address is None else self._access_log.peer(info.address)
        self._access_log.write(
            make_entry(info.protocol, info.verb, info.query, peer, info.login, outcome, size, took * 1000, reference)
        )
        if not self.in_flight:
            waiting, self._idle = self._idle, []
            for each in waiting:
                each.callback(None)
