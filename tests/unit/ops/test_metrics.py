"""Prometheus metrics: every counter under its name, and no label that clients control."""

from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families
from twisted.internet.task import Clock
from twisted.web.test.requesthelper import DummyRequest

from gateway.directory.addresses import Address
from gateway.directory.viewers import Viewer
from gateway.ops.metrics import LAG_SAMPLE_INTERVAL, MetricsSources, ReactorLag
from gateway.ops.metrics_server import MetricsRoot, MetricsServer
from gateway.ops.request_tracker import LATENCY_BUCKETS, RequestInfo
from tests.unit.fixtures import make_dependencies, result_of


class Bot:
    name = "libera"
    state = (True, False, 7)


class MeasuredGateway:
    """A gateway whose metrics are read."""

    def __init__(self, folder: Path) -> None:
        self.built = make_dependencies(folder, per_address=1)
        deps = self.built.deps
        sources = MetricsSources(
            deps.tracker, deps.admission, deps.tracker._access_log, deps.directory,
            lambda: {"finger": 3, "web": 0}, lambda: [Bot()], lambda: 2,
        )  # fmt: skip
        self.service = MetricsServer(sources, deps.health, self.built.clock)
        self.viewer: Viewer = deps.viewers.from_address("finger", None)

    def request(self, path: bytes, accept: bytes = b"") -> Any:
        root = self.service.factory.resource
        assert isinstance(root, MetricsRoot)
        request = DummyRequest([])
        request.method = b"GET"
        request.requestHeaders.setRawHeaders(b"accept", [accept])
        page: Any = root.getChildWithDefault(path, request)
        written = page.render(request)
        if isinstance(written, bytes):
            request.write(written)
        return request

    def scrape(self) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
        text = b"".join(self.request(b"metrics").written).decode()
        return {
            (sample.name, tuple(sorted(sample.labels.items()))): sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
        }


@pytest.fixture
def gateway(tmp_path: Path) -> Any:
    started = MeasuredGateway(tmp_path)
    yield started
    started.built.stop()


def test_metrics_after_some_requests(gateway: MeasuredGateway) -> None:
    tracker = gateway.built.deps.tracker
    for seconds in (0.0002, 0.3):
        one = tracker.start(RequestInfo("finger", "lookup", "alice"))
        gateway.built.clock.advance(seconds)
        one.finish("found")
    tracker.start(RequestInfo("web", "list", ""))
    for name in ("alice", "alice", "nobody"):
        result_of(gateway.built.deps.directory.lookup(name, gateway.viewer))
    for _ in range(2):
        gateway.built.deps.admission.admit(None)
    assert gateway.built.access_log_entries
    samples = gateway.scrape()

    def value(name: str, **labels: str) -> float:
        return samples[f"finger_gateway_{name}", tuple(sorted(labels.items()))]

    assert value("requests_total", protocol="finger", verb="lookup", outcome="found") == 2
    assert value("requests_in_flight") == 1
    assert value("request_seconds_count", protocol="finger") == 2
    assert value("request_seconds_sum", protocol="finger") == pytest.approx(0.3002)
    assert value("request_seconds_bucket", protocol="finger", le="0.0001") == 0
    assert value("request_seconds_bucket", protocol="finger", le="0.00025") == 1
    assert value("request_seconds_bucket", protocol="finger", le="0.25") == 1
    assert value("request_seconds_bucket", protocol="finger", le="0.5") == 2
    assert value("request_seconds_bucket", protocol="finger", le="+Inf") == 2
    assert value("connections_open", protocol="finger") == 3
    assert value("cache_hits_total") == 1
    assert value("cache_misses_total") == 2
    assert value("cache_entries") == 2
    assert value("store_last_change") == 5
    assert value("store_slow_reads_total") == 2
    assert value("source_up", source="store") == 1
    assert value("source_last_answer_timestamp_seconds", source="store") > 1.7e9
    assert value("bot_connected", network="libera") == 1
    assert value("bot_signed_on", network="libera") == 0
    assert value("bot_queue_lines", network="libera") == 7
    assert value("access_log_written_total") == 2
    assert value("access_log_dropped_total") == 0
    assert value("reactor_lag_seconds") == 0
    assert samples["process_start_time_seconds", ()] > 1.7e9
    assert [name for name, labels in samples if "build_info" in name and dict(labels)["python"].startswith("3.")]
    assert len(LATENCY_BUCKETS) >= 10 and LATENCY_BUCKETS[0] == 0.0001


def test_refused_connections_are_counted(gateway: MeasuredGateway) -> None:
    one = Address.parse("192.0.2.1")
    for _ in range(4):
        gateway.built.deps.admission.admit(one)
    assert gateway.scrape()["finger_gateway_connections_refused_total", ()] == 3


def test_no_label_contains_input_of_clients(gateway: MeasuredGateway) -> None:
    for number in range(20):
        result_of(gateway.built.deps.directory.lookup(f"secret{number}", gateway.viewer))
        gateway.built.deps.tracker.start(RequestInfo("finger", "lookup", f"secret{number}", login="alice")).finish(
            "not_found"
        )
    text = b"".join(gateway.request(b"metrics").written).decode()
    for word in ("secret", "alice", "Adams", "192.0.2"):
        assert word not in text
    labels = {name for _, pairs in gateway.scrape() for name, _ in pairs}
    assert labels == {"protocol", "verb", "outcome", "le", "source", "network", "version", "python"}


def test_health_probes_on_the_metrics_port(gateway: MeasuredGateway) -> None:
    assert b"".join(gateway.request(b"healthz").written) == b"ok\n"
    assert b"".join(gateway.request(b"readyz", b"application/json").written) == b'{"status":"ready"}'
    gateway.built.deps.directory.running = 0
    request = gateway.request(b"readyz")
    assert request.responseCode == 503
    assert b"".join(request.written) == b"starting or stopping\n"
    other = gateway.request(b"users")
    assert other.responseCode == 404
    assert b"".join(other.written) == b"/metrics, /healthz and /readyz are here.\n"


def test_reactor_lag_is_the_maximum_of_the_last_minute() -> None:
    clock = Clock()
    lag = ReactorLag(clock)
    lag.start()
    clock.advance(LAG_SAMPLE_INTERVAL)
    assert lag.worst == 0
    clock.advance(LAG_SAMPLE_INTERVAL + 0.25)
    assert lag.worst == pytest.approx(0.25)
    for _ in range(70):
        clock.advance(LAG_SAMPLE_INTERVAL)
    assert lag.worst < 0.01
    lag.stop()
    assert not clock.getDelayedCalls()
