"""One request: limited, timed, counted and logged exactly once."""

import json
from pathlib import Path
from typing import Any, get_args

import pytest
from twisted.internet.task import Clock

from gateway.directory import results
from gateway.directory.addresses import Address
from gateway.ops import request_tracker
from gateway.ops.access_log import AccessLog
from gateway.ops.rate_limit import RateLimit
from gateway.ops.request_tracker import RequestInfo, RequestTracker

ONE, OTHER = Address.parse("192.0.2.1"), Address.parse("192.0.2.2")


class TrackerSetup:
    """A request tracker with an access-log file."""

    def __init__(self, folder: Path, per_minute: int = 60) -> None:
        self.file, self.clock = folder / "r", Clock()
        self._access_log = AccessLog(self.file, "full", self.clock)
        self._access_log.startService()
        self.tracker = RequestTracker(RateLimit(per_minute, self.clock.seconds), self._access_log, self.clock)

    @property
    def entries(self) -> list[dict[str, Any]]:
        self.clock.advance(1)
        return [json.loads(line) for line in self.file.read_bytes().splitlines()]


@pytest.fixture
def setup(tmp_path: Path) -> TrackerSetup:
    return TrackerSetup(tmp_path)


def make_info(query: str = "alice", **more: Any) -> RequestInfo:
    return RequestInfo("finger", "lookup", query, **({"address": ONE} | more))


def test_a_request_is_timed_counted_and_logged(setup: TrackerSetup) -> None:
    one = setup.tracker.start(make_info())
    assert one.retry_after is None
    assert setup.tracker.in_flight == 1
    setup.clock.advance(0.25)
    one.finish("found", 120)
    assert setup.tracker.in_flight == 0
    assert setup.tracker.counts == {("finger", "lookup", "found"): 1}
    (entry,) = setup.entries
    del entry["time"]
    assert entry == {
        "protocol": "finger", "peer": "192.0.2.1", "login": None, "verb": "lookup", "query": "alice",
        "outcome": "found", "bytes": 120, "ms": 250.0,
    }  # fmt: skip


def test_only_the_first_finish_counts(setup: TrackerSetup) -> None:
    one = setup.tracker.start(make_info())
    one.finish("error", 5, "a1b2")
    one.finish("found", 120)
    one.finish("gone")
    assert setup.tracker.in_flight == 0
    assert setup.tracker.counts == {("finger", "lookup", "error"): 1}
    (entry,) = setup.entries
    assert (entry["outcome"], entry["bytes"], entry["reference"]) == ("error", 5, "a1b2")


def test_over_the_limit(tmp_path: Path) -> None:
    setup = TrackerSetup(tmp_path, per_minute=2)
    for _ in range(2):
        setup.tracker.start(make_info()).finish("found")
    limited = setup.tracker.start(make_info())
    assert limited.retry_after is not None
    assert limited.retry_after == pytest.approx(30.0)
    assert setup.tracker.in_flight == 1
    limited.finish("limited", 40)
    assert setup.tracker.in_flight == 0
    assert setup.tracker.start(make_info(address=OTHER)).retry_after is None
    assert setup.tracker.counts["finger", "lookup", "limited"] == 1
    assert setup.entries[-1]["outcome"] == "limited"


def test_client_key_of_the_rate_limit(tmp_path: Path) -> None:
    setup = TrackerSetup(tmp_path, per_minute=1)

    def limited(**more: Any) -> bool:
        return setup.tracker.start(RequestInfo(**({"verb": "lookup", "query": "x"} | more))).retry_after is not None

    six, same, other_network = (Address.parse(text) for text in ("2001:db8::1", "2001:db8::2", "2001:db8:0:1::1"))
    assert not limited(protocol="finger", address=six)
    assert limited(protocol="web", address=same)  # the same /64, on any protocol
    assert not limited(protocol="finger", address=other_network)
    assert not limited(protocol="irc", peer="alice!a@host", key=("libera", "host"))
    assert limited(protocol="irc", peer="bob!b@host", key=("libera", "host"))
    assert not limited(protocol="irc", key=("oftc", "host"))
    assert not limited(protocol="web", key=("libera", "host"))
    assert not limited(protocol="finger")
    assert limited(protocol="finger")
    assert not limited(protocol="finger", address=six, key="a session")


def test_peer_in_the_access_log(setup: TrackerSetup) -> None:
    setup.tracker.start(make_info(peer="somebody")).finish("found")
    setup.tracker.start(make_info(address=None, peer="alice!a@host", login="alice")).finish("found")
    setup.tracker.start(make_info(address=None)).finish("found")
    assert [(each["peer"], each["login"]) for each in setup.entries] == [
        ("192.0.2.1", None),
        ("alice!a@host", "alice"),
        (None, None),
    ]


def test_connections_without_a_request_are_logged(tmp_path: Path) -> None:
    setup = TrackerSetup(tmp_path, per_minute=1)
    for _ in range(5):
        setup.tracker.record_unanswered(make_info(""), "empty")
    setup.tracker.record_unanswered(make_info("al"), "timeout", 7)
    assert setup.tracker.start(make_info()).retry_after is None  # it costs nothing
    assert setup.tracker.counts["finger", "lookup", "empty"] == 5
    assert [(each["outcome"], each["bytes"], each["ms"]) for each in setup.entries] == [("empty", 0, 0.0)] * 5 + [
        ("timeout", 7, 0.0)
    ]


def test_when_idle_fires_after_the_last_request(setup: TrackerSetup) -> None:
    fired: list[str] = []
    setup.tracker.when_idle().addCallback(lambda _: fired.append("at once"))
    assert fired == ["at once"]
    one, two = setup.tracker.start(make_info()), setup.tracker.start(make_info())
    setup.tracker.when_idle().addCallback(lambda _: fired.append("first"))
    setup.tracker.when_idle().addCallback(lambda _: fired.append("second"))
    left = setup.tracker.when_idle()
    left.addErrback(lambda _: fired.append("left"))
    left.cancel()
    one.finish("found")
    one.finish("found")
    assert fired == ["at once", "left"]
    two.finish("found")
    assert fired == ["at once", "left", "first", "second"]
    three = setup.tracker.start(make_info())
    three.finish("found")
    assert len(fired) == 4


def test_outcome_of_every_answer() -> None:
    """The outcomes in the access log. A hidden person is not_found."""
    expected = {
        "Found": "found", "Ambiguous": "ambiguous", "NotFound": "not_found", "Listing": "listed", "Forbidden": "refused",
        "Unavailable": "unavailable", "Saved": "changed", "Invalid": "invalid", "Conflict": "refused", "History": "found",
    }  # fmt: skip
    for kind in {*get_args(results.LookupResult), *get_args(results.EditResult), results.Listing, results.History}:
        assert kind.outcome == expected[kind.__name__], kind
    words = {
        "found", "ambiguous", "not_found", "listed", "refused", "limited", "invalid", "unavailable", "changed", "served",
        "timeout", "empty",
    }  # fmt: skip
    assert words <= set(get_args(request_tracker.Outcome))


def test_counters_contain_no_query(setup: TrackerSetup) -> None:
    setup.tracker.start(make_info("somebody-secret")).finish("not_found")
    assert "somebody" not in repr(setup.tracker.counts)


def test_latency_buckets_by_protocol(setup: TrackerSetup) -> None:
    for protocol, seconds in (("finger", 0.0001), ("finger", 0.00011), ("finger", 11.0), ("web", 0.04)):
        one = (
            setup.tracker.start(make_info())
            if protocol == "finger"
            else setup.tracker.start(RequestInfo("web", "page", "/"))
        )
        setup.clock.advance(seconds)
        one.finish("found")
    setup.tracker.record_unanswered(make_info(""), "timeout")  # was no request
    finger, web = setup.tracker.latencies["finger"], setup.tracker.latencies["web"]
    assert len(finger.counts) == len(request_tracker.LATENCY_BUCKETS) + 1
    assert (finger.counts[0], finger.counts[1], finger.counts[-1], sum(finger.counts)) == (1, 1, 1, 3)
    assert finger.seconds == pytest.approx(11.00021)
    assert web.counts[request_tracker.LATENCY_BUCKETS.index(0.05)] == 1


def test_count_without_an_access_log_entry(setup: TrackerSetup) -> None:
    setup.tracker.count("web", "probe", "served")
    assert setup.tracker.counts == {("web", "probe", "served"): 1}
    assert setup.entries == [] and setup.tracker.in_flight == 0


def test_number_of_counters_is_limited(setup: TrackerSetup) -> None:
    for number in range(2 * request_tracker.MAX_COUNTERS):
        setup.tracker.record_unanswered(RequestInfo("own", f"verb{number}", "x"), "found")
    assert len(setup.tracker.counts) == request_tracker.MAX_COUNTERS + 1
    assert setup.tracker.counts["own", "other", "found"] == request_tracker.MAX_COUNTERS
