"""One question and its answer: limited, timed, counted, recorded, once."""

import json
from pathlib import Path
from typing import Any, get_args

import pytest
from twisted.internet.task import Clock

from gateway.directory import answers
from gateway.directory.addresses import Address
from gateway.ops import request_tracker
from gateway.ops.access_log import Records
from gateway.ops.rate_limit import Rate
from gateway.ops.request_tracker import Asked, Exchanges, Limited, outcome

ONE, OTHER = Address.parse("192.0.2.1"), Address.parse("192.0.2.2")


class Desk:
    """Exchanges on a file of records."""

    def __init__(self, folder: Path, per_minute: int = 60) -> None:
        self.file, self.clock = folder / "r", Clock()
        self._records = Records(self.file, "full", self.clock)
        self._records.startService()
        self.exchanges = Exchanges(Rate(per_minute, self.clock.seconds), self._records, self.clock)

    @property
    def records(self) -> list[dict[str, Any]]:
        self.clock.advance(1)
        return [json.loads(line) for line in self.file.read_bytes().splitlines()]


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def asked(query: str = "alice", **more: Any) -> Asked:
    return Asked("finger", "lookup", query, **({"address": ONE} | more))


def test_a_question_is_timed_counted_and_recorded(desk: Desk) -> None:
    one = desk.exchanges.open(asked())
    assert not isinstance(one, Limited)
    assert desk.exchanges.in_flight == 1
    desk.clock.advance(0.25)
    one.close("found", 120)
    assert desk.exchanges.in_flight == 0
    assert desk.exchanges.counts == {("finger", "lookup", "found"): 1}
    (record,) = desk.records
    del record["time"]
    assert record == {
        "protocol": "finger", "peer": "192.0.2.1", "login": None, "verb": "lookup", "query": "alice",
        "outcome": "found", "bytes": 120, "ms": 250.0,
    }  # fmt: skip


def test_only_the_first_close_counts(desk: Desk) -> None:
    one = desk.exchanges.open(asked())
    one.close("error", 5, "a1b2")
    one.close("found", 120)
    one.close("gone")
    assert desk.exchanges.in_flight == 0
    assert desk.exchanges.counts == {("finger", "lookup", "error"): 1}
    (record,) = desk.records
    assert (record["outcome"], record["bytes"], record["reference"]) == ("error", 5, "a1b2")


def test_over_the_limit(tmp_path: Path) -> None:
    desk = Desk(tmp_path, per_minute=2)
    for _ in range(2):
        desk.exchanges.open(asked()).close("found")
    limited = desk.exchanges.open(asked())
    assert isinstance(limited, Limited)
    assert limited.seconds == pytest.approx(30.0)
    assert desk.exchanges.in_flight == 1
    limited.close("limited", 40)
    assert desk.exchanges.in_flight == 0
    assert not isinstance(desk.exchanges.open(asked(address=OTHER)), Limited)
    assert desk.exchanges.counts["finger", "lookup", "limited"] == 1
    assert desk.records[-1]["outcome"] == "limited"


def test_who_a_question_counts_for(tmp_path: Path) -> None:
    desk = Desk(tmp_path, per_minute=1)

    def limited(**more: Any) -> bool:
        return isinstance(desk.exchanges.open(Asked(**({"verb": "lookup", "query": "x"} | more))), Limited)

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
    desk.exchanges.open(asked(peer="somebody")).close("found")
    desk.exchanges.open(asked(address=None, peer="alice!a@host", login="alice")).close("found")
    desk.exchanges.open(asked(address=None)).close("found")
    assert [(each["peer"], each["login"]) for each in desk.records] == [
        ("192.0.2.1", None),
        ("alice!a@host", "alice"),
        (None, None),
    ]


def test_what_never_came_to_be_a_question_is_noted(tmp_path: Path) -> None:
    desk = Desk(tmp_path, per_minute=1)
    for _ in range(5):
        desk.exchanges.note(asked(""), "empty")
    desk.exchanges.note(asked("al"), "timeout", 7)
    assert not isinstance(desk.exchanges.open(asked()), Limited)  # it costs nothing
    assert desk.exchanges.counts["finger", "lookup", "empty"] == 5
    assert [(each["outcome"], each["bytes"], each["ms"]) for each in desk.records] == [("empty", 0, 0.0)] * 5 + [
        ("timeout", 7, 0.0)
    ]


def test_idle_fires_when_none_is_open(desk: Desk) -> None:
    fired: list[str] = []
    desk.exchanges.idle().addCallback(lambda _: fired.append("at once"))
    assert fired == ["at once"]
    one, two = desk.exchanges.open(asked()), desk.exchanges.open(asked())
    desk.exchanges.idle().addCallback(lambda _: fired.append("first"))
    desk.exchanges.idle().addCallback(lambda _: fired.append("second"))
    left = desk.exchanges.idle()
    left.addErrback(lambda _: fired.append("left"))
    left.cancel()
    one.close("found")
    one.close("found")
    assert fired == ["at once", "left"]
    two.close("found")
    assert fired == ["at once", "left", "first", "second"]
    three = desk.exchanges.open(asked())
    three.close("found")
    assert len(fired) == 4


def test_the_outcome_of_every_answer() -> None:
    """INTERFACE.md's words; the hidden are unknown."""
    expected = {
        "Found": "found", "Several": "several", "Unknown": "unknown", "Listing": "listed", "Refused": "refused",
        "Unavailable": "unavailable", "Saved": "changed", "Invalid": "invalid", "Conflict": "refused", "History": "found",
    }  # fmt: skip
    for kind in {*get_args(answers.Answer), *get_args(answers.Outcome), answers.Listing, answers.History}:
        assert request_tracker._OUTCOMES[kind] == expected[kind.__name__], kind
    assert outcome(answers.Unknown()) == "unknown"
    assert outcome(answers.Saved(3)) == "changed"
    words = {
        "found", "several", "unknown", "listed", "refused", "limited", "invalid", "unavailable", "changed", "served",
        "timeout", "empty",
    }  # fmt: skip
    assert words <= set(get_args(request_tracker.Outcome))


def test_no_count_names_anybody(desk: Desk) -> None:
    desk.exchanges.open(asked("somebody-secret")).close("unknown")
    assert "somebody" not in repr(desk.exchanges.counts)


def test_latencies_are_counted_by_protocol_from_a_tenth_of_a_millisecond_on(desk: Desk) -> None:
    for protocol, seconds in (("finger", 0.0001), ("finger", 0.00011), ("finger", 11.0), ("web", 0.04)):
        one = desk.exchanges.open(asked()) if protocol == "finger" else desk.exchanges.open(Asked("web", "page", "/"))
        desk.clock.advance(seconds)
        one.close("found")
    desk.exchanges.note(asked(""), "timeout")  # was no question
    finger, web = desk.exchanges.latencies["finger"], desk.exchanges.latencies["web"]
    assert len(finger.counts) == len(request_tracker.BUCKETS) + 1
    assert (finger.counts[0], finger.counts[1], finger.counts[-1], sum(finger.counts)) == (1, 1, 1, 3)
    assert finger.seconds == pytest.approx(11.00021)
    assert web.counts[request_tracker.BUCKETS.index(0.05)] == 1


def test_something_may_be_counted_without_a_record(desk: Desk) -> None:
    desk.exchanges.count("web", "probe", "served")
    assert desk.exchanges.counts == {("web", "probe", "served"): 1}
    assert desk.records == [] and desk.exchanges.in_flight == 0


def test_counts_are_bounded_whatever_a_protocol_calls_its_verbs(desk: Desk) -> None:
    for number in range(2 * request_tracker.MOST_COUNTS):
        desk.exchanges.note(Asked("own", f"verb{number}", "x"), "found")
    assert len(desk.exchanges.counts) == request_tracker.MOST_COUNTS + 1
    assert desk.exchanges.counts["own", "other", "found"] == request_tracker.MOST_COUNTS
