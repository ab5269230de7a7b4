"""Prometheus metrics, read from counters when they are scraped, so that a scrape costs time and a request does not.

metrics_server.py serves them. The module is imported only if the settings name a listener. No label holds anything that a
client or a person wrote: protocols, verbs and outcomes are constants, networks and sources are the operator's names.
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

LAG_SAMPLE_INTERVAL = 1.0  # seconds
LAG_SAMPLES = 60  # the worst of these is reported


class MonitoredBot(Protocol):
    """What the metrics show of the bot on one network."""

    name: str  # of the network

    @property
    def state(self) -> tuple[bool, bool, int]:
        """Is it connected, is it registered, and how many lines wait to be sent."""


@dataclass(frozen=True)
class MetricsSources:
    """Where the numbers come from.

    *open_connections* counts them by protocol; *slow_reads* counts the store's.
    """

    tracker: RequestTracker
    admission: AdmissionControl
    access_log: AccessLog
    directory: DirectoryService
    open_connections: Callable[[], Mapping[str, int]]
    bots: Callable[[], Iterable[MonitoredBot]]
    slow_reads: Callable[[], int]


class ReactorLag:
    """How late the reactor calls what is due."""

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock
        self._samples: deque[float] = deque(maxlen=LAG_SAMPLES)
        self._due = 0.0
        self._sampling = LoopingCall(self._sample)
        self._sampling.clock = clock

    def start(self) -> None:
        self._due = self._clock.seconds() + LAG_SAMPLE_INTERVAL
        self._sampling.start(LAG_SAMPLE_INTERVAL, now=False)

    def stop(self) -> None:
        if self._sampling.running:
            self._sampling.stop()

    @property
    def worst(self) -> float:
        """The worst of the last minute, in seconds."""
        return max(self._samples, default=0.0)

    def _sample(self) -> None:
        now = self._clock.seconds()
        self._samples.append(max(0.0, now - self._due))
        self._due = now + LAG_SAMPLE_INTERVAL


class MetricsCollector(Collector):
    """All metrics of the gateway, built for each scrape."""

    def __init__(self, sources: MetricsSources, lag: ReactorLag, clock: IReactorTime) -> None:
        self._sources, self._lag, self._clock = sources, lag, clock

    def collect(self) -> Iterator[Metric]:
        yield from self._requests()
        yield from self._connections()
        yield from self._directory()
        yield from self._bots()
        access_log = self._sources.access_log
        yield _counter("access_log_written", "Access-log entries that were written.", access_log.written)
        yield _counter("access_log_dropped", "Access-log entries that were lost.", access_log.dropped)
        yield _gauge("reactor_lag_seconds", "The reactor's worst lag in the last minute.", self._lag.worst)
        build = GaugeMetricFamily(
            "finger_gateway_build_info", "Version of the gateway and of Python.", labels=("version", "python")
        )
        build.add_metric((__version__, platform.python_version()), 1)
        yield build

    def _requests(self) -> Iterator[Metric]:
        tracker = self._sources.tracker
        counted = CounterMetricFamily(
            "finger_gateway_requests", "Requests by outcome.", labels=("protocol", "verb", "outcome")
        )
        for key, count in tuple(tracker.counts.items()):
            counted.add_metric(key, count)
        yield counted
        took = HistogramMetricFamily(
            "finger_gateway_request_seconds", "Time to answer a request.", labels=("protocol",)
        )
        for protocol, latencies in tuple(tracker.latencies.items()):
            totals = zip((*map(str, LATENCY_BUCKETS), "+Inf"), accumulate(latencies.counts), strict=True)
            took.add_metric((protocol,), tuple(totals), latencies.seconds)
        yield took
        yield _gauge("requests_in_flight", "Requests that are being answered.", tracker.in_flight)

    def _connections(self) -> Iterator[Metric]:
        opened = GaugeMetricFamily("finger_gateway_connections_open", "Open connections.", labels=("protocol",))
        for protocol, count in self._sources.open_connections().items():
            opened.add_metric((protocol,), count)
        yield opened
        refused = self._sources.admission.refused
        yield _counter("connections_refused", "Connections that were refused because of a limit.", refused)

    def _directory(self) -> Iterator[Metric]:
        state = self._sources.directory.state()
        yield _counter("cache_hits", "Lookups of a person answered from the cache.", state.hits)
        yield _counter("cache_misses", "Lookups of a person that asked the sources.", state.misses)
        yield _gauge("cache_entries", "Logins in the cache, also of missing people.", state.entries)
        yield _gauge("store_last_change", "Number of the newest change that was read.", state.last_change)
        yield _counter("store_slow_reads", "Reads of the database that were too slow.", self._sources.slow_reads())
        up = GaugeMetricFamily("finger_gateway_source_up", "Whether the source answered last time.", labels=("source",))
        answered = GaugeMetricFamily(
            "finger_gateway_source_last_answer_timestamp_seconds", "When the source last answered.", labels=("source",)
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
                ("connected", "Whether the bot is connected."),
                ("signed_on", "Whether the bot is registered with the network."),
                ("queue_lines", "Lines that wait to be sent."),
            )
        }
        for bot in self._sources.bots():
            for metric, value in zip(of.values(), bot.state, strict=True):
                metric.add_metric((bot.name,), value)
        yield from of.values()


def _counter(name: str, about: str, value: int) -> Metric:
    return CounterMetricFamily(f"finger_gateway_{name}", about, value=value)


def _gauge(name: str, about: str, value: float) -> Metric:
    return GaugeMetricFamily(f"finger_gateway_{name}", about, value=value)
