"""Prometheus metrics: what the parts of the house have counted, read when somebody asks, so that a scrape costs and no
question does. scraped.py serves them; imported only where the settings name a listener.

No label holds anything that an asker or a person wrote: protocols, verbs and outcomes are ours, networks and sources the
operator's.
"""

import platform
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import accumulate
from typing import Protocol

from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall

from .. import __version__
from ..directory.service import DirectoryService
from ..net.admission import AdmissionControl
from .access_log import AccessLog
from .request_tracker import LATENCY_BUCKETS, RequestTracker

EVERY = 1.0  # seconds between two looks at the reactor's lag
KEPT = 60  # looks of which the worst is told


class Bot(Protocol):
    """What is told of the bot on one network."""

    name: str  # the network's

    @property
    def state(self) -> tuple[bool, bool, int]:
        """Connected? Signed on? How many lines wait to be said?"""


@dataclass(frozen=True)
class MetricsSources:
    """What is looked into. *open* gives the connections of each protocol that listens, *slow_reads* those of the store."""

    tracker: RequestTracker
    connections: AdmissionControl
    records: AccessLog
    directory: DirectoryService
    open: Callable[[], Mapping[str, int]]
    bots: Callable[[], Iterable[Bot]]
    slow_reads: Callable[[], int]


class Lag:
    """How much too late the reactor comes to what is due."""

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock
        self._looks: deque[float] = deque(maxlen=KEPT)
        self._due = 0.0
        self._looking = LoopingCall(self._look)
        self._looking.clock = clock

    def start(self) -> None:
        self._due = self._clock.seconds() + EVERY
        self._looking.start(EVERY, now=False)

    def stop(self) -> None:
        if self._looking.running:
            self._looking.stop()

    @property
    def worst(self) -> float:
        """Seconds; of the last minute."""
        return max(self._looks, default=0.0)

    def _look(self) -> None:
        now = self._clock.seconds()
        self._looks.append(max(0.0, now - self._due))
        self._due = now + EVERY


class Metrics(Collector):
    """All metrics of ours, made anew for each scrape."""

    def __init__(self, watched: MetricsSources, lag: Lag, clock: IReactorTime) -> None:
        self._watched, self._lag, self._clock = watched, lag, clock

    def collect(self) -> Iterator[Metric]:
        yield from self._questions()
        yield from self._connections()
        yield from self._directory()
        yield from self._bots()
        records = self._watched.records
        yield _counter("records_written", "Records that reached their file.", records.written)
        yield _counter("records_dropped", "Records that were lost: the file could not be written.", records.dropped)
        yield _gauge(
            "reactor_lag_seconds", "The longest that the reactor was late in the last minute.", self._lag.worst
        )
        build = GaugeMetricFamily("finger_gateway_build_info", "What runs.", labels=("version", "python"))
        build.add_metric((__version__, platform.python_version()), 1)
        yield build

    def _questions(self) -> Iterator[Metric]:
        tracker = self._watched.tracker
        counted = CounterMetricFamily(
            "finger_gateway_questions", "What was asked, and what became of it.", labels=("protocol", "verb", "outcome")
        )
        for key, count in tuple(tracker.counts.items()):
            counted.add_metric(key, count)
        yield counted
        took = HistogramMetricFamily(
            "finger_gateway_question_seconds", "From the question to its answer.", labels=("protocol",)
        )
        for protocol, latencies in tuple(tracker.latencies.items()):
            totals = zip((*map(str, LATENCY_BUCKETS), "+Inf"), accumulate(latencies.counts), strict=True)
            took.add_metric((protocol,), tuple(totals), latencies.seconds)
        yield took
        yield _gauge("questions_in_flight", "Questions that are being answered.", tracker.in_flight)

    def _connections(self) -> Iterator[Metric]:
        opened = GaugeMetricFamily("finger_gateway_connections_open", "Open connections.", labels=("protocol",))
        for protocol, count in self._watched.open().items():
            opened.add_metric((protocol,), count)
        yield opened
        refused = self._watched.connections.refused
        yield _counter("connections_refused", "Connections over a limit: told so, or closed at once.", refused)

    def _directory(self) -> Iterator[Metric]:
        state = self._watched.directory.state()
        yield _counter("cache_hits", "Lookups of a person that the cache answered.", state.hits)
        yield _counter("cache_misses", "Lookups of a person that had to ask the sources.", state.misses)
        yield _gauge("cache_entries", "Logins in the cache, with a person or without.", state.entries)
        yield _gauge("store_last_change", "The number of the newest change that is followed.", state.last_change)
        yield _counter("store_slow_reads", "Reads of the database that took too long.", self._watched.slow_reads())
        up = GaugeMetricFamily("finger_gateway_source_up", "Did the source answer last time?", labels=("source",))
        answered = GaugeMetricFamily(
            "finger_gateway_source_last_answer_timestamp_seconds", "When it last answered.", labels=("source",)
        )
        for source in state.sources:
            up.add_metric((source.name,), source.up)
            if source.answered is not None:
                answered.add_metric((source.name,), time.time() - (self._clock.seconds() - source.answered))
        yield up
        yield answered

    def _bots(self) -> Iterator[Metric]:
        of = {
            name: GaugeMetricFamily(f"finger_gateway_bot_{name}", about, labels=("network",))
            for name, about in (
                ("connected", "Is the bot connected?"),
                ("signed_on", "Has the network welcomed it?"),
                ("queue_lines", "Lines that wait to be said."),
            )
        }
        for bot in self._watched.bots():
            for metric, value in zip(of.values(), bot.state, strict=True):
                metric.add_metric((bot.name,), value)
        yield from of.values()


def _counter(name: str, about: str, value: int) -> Metric:
    return CounterMetricFamily(f"finger_gateway_{name}", about, value=value)


def _gauge(name: str, about: str, value: float) -> Metric:
    return GaugeMetricFamily(f"finger_gateway_{name}", about, value=value)
