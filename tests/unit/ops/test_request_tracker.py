"""One question and its answer: limited, timed, counted, recorded, once."""

import json
from pathlib import Path
from typing import Any, get_args

import pytest
from twisted.internet.task import Clock

from gateway.directory import answers
from gateway.directory.addresses import Address
from gateway.ops import request_tracker
from gateway.ops.access_log import AccessLog
from gateway.ops.rate_limit import RateLimit
from gateway.ops.request_tracker import RequestInfo, RequestTracker

ONE, OTHER = Address.parse("192.0.2.1"), Address.parse("192.0.2.2")


class Desk:
    """Exchanges on a file of records."""

    def __init__(self, folder: Path, per_minute: int = 60) -> None:
        self.file, self.clock = folder / "r", Clock()
        self._records = AccessLog(self.file, "full", self.clock)
        self._records.startService()
        self.tracker = RequestTracker(RateLimit(per_minute, self.clock.seconds), self._records, self.clock)

    @property
    def records(self) -> list[dict[str, Any]]:
        self.clock.advance(1)
        return [json.loads(line) for line in self.file.read_bytes().splitlines()]


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def asked(query: str = "alice", **more: Any) -> RequestInfo:
    return RequestInfo("finger", "lookup", query, **({"address": ONE} | more))


def test_a_question_is_timed_counted_and_recorded(desk: Desk) -> None:
    one = desk.tracker.start(asked())
    assert one.retry_after is None
    assert desk.tracker.in_flight == 1
    desk.clock.advance(0.25)
    one.finish("found", 120)
    assert desk.tracker.in_flight == 0
    assert desk.tracker.counts == {("finger", "lookup", "found"): 1}
    (record,) = desk.records
    del record["time"]
    assert record == {
        "protocol": "finger", "peer": "192.0.2.1", "login": None, "verb": "lookup", "query": "alice",
        "outcome": "found", "bytes": 120, "ms": 250.0,
    }  # fmt: skip


def test_only_the_first_close_counts(desk: Desk) -> None:
    one = desk.tracker.start(asked())
    one.finish("error", 5, "a1b2")
    one.finish("found", 120)
    one.finish("gone")
    assert desk.tracker.in_flight == 0
    assert desk.tracker.counts == {("finger", "lookup", "error"): 1}
    (record,) = desk.records
    assert (record["outcome"], record["bytes"], record["reference"]) == ("error", 5, "a1b2")


def test_over_the_limit(tmp_path: Path) -> None:
    desk = Desk(tmp_path, per_minute=2)
    for _ in range(2):
        desk.tracker.start(asked()).finish("found")
    limited = desk.tracker.start(asked())
    assert limited.retry_after is not None
    assert limited.retry_after == pytest.approx(30.0)
    assert desk.tracker.in_flight == 1
    limited.finish("limited", 40)
    assert desk.tracker.in_flight == 0
    assert desk.tracker.start(asked(address=OTHER)).retry_after is None
    assert desk.tracker.counts["finger", "lookup", "limited"] == 1
    assert desk.records[-1]["outcome"] == "limited"


def test_who_a_question_counts_for(tmp_path: Path) -> None:
    desk = Desk(tmp_path, per_minute=1)

    def limited(**more: Any) -> bool:
        return desk.tracker.start(RequestInfo(**({"verb": "lookup", "query": "x"} | more))).retry_after is not None

    six, same, else_ = (Address.parse(text) for text in ("2001:db8::1", "2001:db8::2", "2001:db8:0:1::1"))
    assert not limited(protocol="finger", address=six)
    assert limited(protocol="web", address=same)  # the same /64, on any protocol
    assert not limited(protocol="finger", address=else_)
    assert not limited(protocol="irc", peer="alice!a@host", key=("libera", "host"))
    assert limited(protocol="irc", peer="bob!b@host", key=("libera", "host"))
    assert not limited(protocol="irc", key=("oftc", "host"))
    assert not limited(protocol="web", key=("libera", "host"))
    assert not limited(protocol="finger")
    assert limited(protocol="finger")
    assert not limited(protocol="finger", address=six, key="a session")


def test_the_peer_of_a_record(desk: Desk) -> None:
    desk.tracker.start(asked(peer="somebody")).finish("found")
    desk.tracker.start(asked(address=None, peer="alice!a@host", login="alice")).finish("found")
    desk.tracker.start(asked(address=None)).finish("found")
    assert [(each["peer"], each["login"]) for each in desk.records] == [
        ("192.0.2.1", None),
        ("alice!a@host", "alice"),
        (None, None),
    ]


def test_what_never_came_to_be_a_question_is_noted(tmp_path: Path) -> None:
    desk = Desk(tmp_path, per_minute=1)
    for _ in range(5):
        desk.tracker.record_unanswered(asked(""), "empty")
    desk.tracker.record_unanswered(asked("al"), "timeout", 7)
    assert desk.tracker.start(asked()).retry_after is None  # it costs nothing
    assert desk.tracker.counts["finger", "lookup", "empty"] == 5
    assert [(each["outcome"], each["bytes"], each["ms"]) for each in desk.records] == [("empty", 0, 0.0)] * 5 + [
        ("timeout", 7, 0.0)
    ]


def test_idle_fires_when_none_is_open(desk: Desk) -> None:
    fired: list[str] = []
    desk.tracker.when_idle().addCallback(lambda _: fired.append("at once"))
    assert fired == ["at once"]
    one, two = desk.tracker.start(asked()), desk.tracker.start(asked())
    desk.tracker.when_idle().addCallback(lambda _: fired.append("first"))
    desk.tracker.when_idle().addCallback(lambda _: fired.append("second"))
    left = desk.tracker.when_idle()
    left.addErrback(lambda _: fired.append("left"))
    left.cancel()
    one.finish("found")
    one.finish("found")
    assert fired == ["at once", "left"]
    two.finish("found")
    assert fired == ["at once", "left", "first", "second"]
    three = desk.tracker.start(asked())
    three.finish("found")
    assert len(fired) == 4


def test_the_outcome_of_every_answer() -> None:
    """The words of the access log. A hidden person is not_found."""
    expected = {
        "Found": "found", "Ambiguous": "ambiguous", "NotFound": "not_found", "Listing": "listed", "Forbidden": "refused",
        "Unavailable": "unavailable", "Saved": "changed", "Invalid": "invalid", "Conflict": "refused", "History": "found",
    }  # fmt: skip
    for kind in {*get_args(answers.LookupResult), *get_args(answers.EditResult), answers.Listing, answers.History}:
        assert kind.outcome == expected[kind.__name__], kind
    words = {
        "found", "ambiguous", "not_found", "listed", "refused", "limited", "invalid", "unavailable", "changed", "served",
        "timeout", "empty",
    }  # fmt: skip
    assert words <= set(get_args(request_tracker.Outcome))


def test_no_count_names_anybody(desk: Desk) -> None:
    desk.tracker.start(asked("somebody-secret")).finish("not_found")
    assert "somebody" not in repr(desk.tracker.counts)


def test_latencies_are_counted_by_protocol_from_a_tenth_of_a_millisecond_on(desk: Desk) -> None:
    for protocol, seconds in (("finger", 0.0001), ("finger", 0.00011), ("finger", 11.0), ("web", 0.04)):
        one = (
            desk.tracker.start(asked()) if protocol == "finger" else desk.tracker.start(RequestInfo("web", "page", "/"))
        )
        desk.clock.advance(seconds)
        one.finish("found")
    desk.tracker.record_unanswered(asked(""), "timeout")  # was no question
    finger, web = desk.tracker.latencies["finger"], desk.tracker.latencies["web"]
    assert len(finger.counts) == len(request_tracker.LATENCY_BUCKETS) + 1
    assert (finger.counts[0], finger.counts[1], finger.counts[-1], sum(finger.counts)) == (1, 1, 1, 3)
    assert finger.seconds == pytest.approx(11.00021)
    assert web.counts[request_tracker.LATENCY_BUCKETS.index(0.05)] == 1


def test_something_may_be_counted_without_a_record(desk: Desk) -> None:
    desk.tracker.count("web", "probe", "served")
    assert desk.tracker.counts == {("web", "probe", "served"): 1}
    assert desk.records == [] and desk.tracker.in_flight == 0


def test_counts_are_bounded_whatever_a_protocol_calls_its_verbs(desk: Desk) -> None:
    for number in range(2 * request_tracker.MAX_COUNTERS):
        desk.tracker.record_unanswered(RequestInfo("own", f"verb{number}", "x"), "found")
    assert len(desk.tracker.counts) == request_tracker.MAX_COUNTERS + 1
    assert desk.tracker.counts["own", "other", "found"] == request_tracker.MAX_COUNTERS
