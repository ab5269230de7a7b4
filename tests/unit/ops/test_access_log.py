"""The access log: one JSON object a line with a fixed set of fields, whatever the query holds; it never stops an answer."""

import json
import os
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.task import Clock
from twisted.logger import formatEvent, globalLogPublisher

from gateway.directory.addresses import Address
from gateway.ops import access_log
from gateway.ops.access_log import AccessLog, LoggedAddress, make_entry

FIELDS = ["time", "protocol", "peer", "login", "verb", "query", "outcome", "bytes", "ms", "reference"]


def record(
    query: str = "alice", reference: str | None = None, peer: str | None = "192.0.2.0"
) -> access_log.AccessLogEntry:
    return make_entry("finger", "lookup", query, peer, None, "found", 120, 1.23456, reference)


@pytest.fixture
def said() -> Iterator[list[str]]:
    """What is logged."""
    texts: list[str] = []

    def keep(event: dict[str, Any]) -> None:
        texts.append(formatEvent(event))

    observer: Any = keep
    globalLogPublisher.addObserver(observer)
    yield texts
    globalLogPublisher.removeObserver(observer)


def started(path: Path | None, addresses: LoggedAddress = "truncated") -> tuple[AccessLog, Clock]:
    clock = Clock()
    made = AccessLog(path, addresses, clock)
    made.startService()
    return made, clock


def lines(path: Path) -> list[dict[str, Any]]:
    text = path.read_bytes()
    assert text == b"" or text.endswith(b"\n")
    return [json.loads(line) for line in text.split(b"\n")[:-1]]


def test_the_fields_are_those_of_the_interface(tmp_path: Path) -> None:
    made, clock = started(tmp_path / "r")
    before = datetime.now(UTC)
    made.write(record())
    made.write(record("x", "a1b2"))
    clock.advance(1)
    one, two = lines(tmp_path / "r")
    assert list(one) == FIELDS[:-1], "a reference only on errors"
    assert list(two) == FIELDS
    assert two["reference"] == "a1b2"
    assert one == {
        "time": one["time"],
        "protocol": "finger",
        "peer": "192.0.2.0",
        "login": None,
        "verb": "lookup",
        "query": "alice",
        "outcome": "found",
        "bytes": 120,
        "ms": 1.23,
    }
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", one["time"])
    assert before <= datetime.fromisoformat(one["time"]) <= datetime.now(UTC)


@given(
    st.one_of(st.text(), st.text(st.characters(categories=["Cs", "Cc", "Zl", "Zp", "Cf"])), st.text("\r\n\u2028\x85"))
)
def test_one_line_whatever_the_query_holds(query: str) -> None:
    line = msgspec.json.encode(record(query))
    assert len(line.decode().splitlines()) == 1
    held = json.loads(line)["query"]
    assert held.isprintable()


def test_queries_are_escaped_and_cut(tmp_path: Path) -> None:
    made, clock = started(tmp_path / "r")
    for query in ("\x1b[31m\r\nx", 'a"b\\c', "x" * 600):
        made.write(record(query))
    clock.advance(1)
    assert [each["query"] for each in lines(tmp_path / "r")] == ["\\x1b[31m\\r\\nx", 'a"b\\c', "x" * 511 + "…"]


V4, V6 = Address.parse("192.0.2.77"), Address.parse("2001:db8:1:2:3:4:5:6")


@pytest.mark.parametrize(
    ("addresses", "v4", "v6"),
    [
        ("full", "192.0.2.77", "2001:db8:1:2:3:4:5:6"),
        ("truncated", "192.0.2.0", "2001:db8:1::"),
        ("none", None, None),
    ],
)
def test_addresses(tmp_path: Path, addresses: LoggedAddress, v4: str | None, v6: str | None) -> None:
    made, _ = started(tmp_path / "r", addresses)
    assert (made.peer(V4), made.peer(V6), made.peer(None)) == (v4, v6, None)


def test_hashed_addresses(tmp_path: Path) -> None:
    """The same within a run, other in the next, and nothing of the address in them."""
    one, _ = started(tmp_path / "r", "hash")
    two, _ = started(tmp_path / "r", "hash")
    assert one.peer(V4) == one.peer(Address.parse("::ffff:192.0.2.77"))
    assert one.peer(V4) != one.peer(V6)
    assert one.peer(V4) != two.peer(V4)
    assert re.fullmatch("[0-9a-f]{16}", one.peer(V4) or "")
    assert one.peer(None) is None


def test_records_are_written_in_batches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made, clock = started(tmp_path / "r")
    writes: list[bytes] = []
    write = os.write

    def noted(file: int, data: bytes) -> int:
        writes.append(bytes(data))
        return write(file, data)

    monkeypatch.setattr(os, "write", noted)
    for number in range(1000):
        made.write(record(str(number)))
    clock.advance(0.19)
    assert writes == []
    clock.advance(0.01)
    assert len(writes) == 1
    assert [each["query"] for each in lines(tmp_path / "r")] == [str(number) for number in range(1000)]
    clock.advance(10)
    assert len(writes) == 1
    assert not clock.getDelayedCalls()
    made.write(record())
    clock.advance(0.2)
    assert len(writes) == 2


def test_a_stop_writes_what_waits(tmp_path: Path) -> None:
    made, clock = started(tmp_path / "r")
    made.write(record())
    made.stopService()
    assert len(lines(tmp_path / "r")) == 1
    assert not clock.getDelayedCalls()
    made.startService()
    made.write(record())
    made.stopService()
    assert len(lines(tmp_path / "r")) == 2


def test_the_file_is_the_owners_and_is_added_to(tmp_path: Path) -> None:
    path = tmp_path / "r"
    for _ in range(2):
        made, _clock = started(path)
        made.write(record())
        made.stopService()
    assert len(lines(path)) == 2
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_file_that_cannot_be_opened(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        started(tmp_path / "no" / "r")


def test_standard_output(capfd: pytest.CaptureFixture[str]) -> None:
    made, _ = started(None)
    made.write(record())
    made.stopService()
    assert json.loads(capfd.readouterr().out)["outcome"] == "found"
    os.write(1, b"")  # is still open


def test_a_full_disk_stops_nothing_and_is_counted() -> None:
    """R039"""
    made, clock = started(Path("/dev/full"))
    for _ in range(5):
        made.write(record())
    clock.advance(0.2)
    assert made.dropped == 5
    made.write(record())
    clock.advance(0.2)
    assert made.dropped == 5, "tried again each 10 s, not at each batch"
    clock.advance(access_log.RETRY_INTERVAL)
    assert made.dropped == 6
    made.stopService()
    assert not clock.getDelayedCalls()


def test_what_cannot_be_written_is_said_once_and_heals_by_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: list[str]
) -> None:
    """R039"""
    made, clock = started(tmp_path / "r")
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", full)
        for _ in range(3):
            made.write(record("lost"))
            clock.advance(access_log.RETRY_INTERVAL)
    made.write(record("kept"))
    clock.advance(access_log.RETRY_INTERVAL)
    assert [each["query"] for each in lines(tmp_path / "r")] == ["kept"]
    assert (made.written, made.dropped) == (1, 3)
    assert said == [
        "the access log cannot be written, trying again: [Errno 28] No space left on device",
        "the access log is written again; 3 entries were lost so far",
    ]


def full(file: int, data: bytes) -> int:
    raise OSError(28, "No space left on device")


def test_what_waits_is_bounded(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert access_log.MAX_WAITING_ENTRIES == 20_000
    monkeypatch.setattr(access_log, "MAX_WAITING_ENTRIES", 10)
    made, clock = started(tmp_path / "r")
    for number in range(15):
        made.write(record(str(number)))
    assert made.dropped == 5
    clock.advance(0.2)
    assert [each["query"] for each in lines(tmp_path / "r")] == [str(number) for number in range(10)]
    made.write(record("again"))
    clock.advance(0.2)
    assert lines(tmp_path / "r")[-1]["query"] == "again"


def test_a_batch_that_is_taken_in_pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made, clock = started(tmp_path / "r")
    write = os.write
    monkeypatch.setattr(os, "write", lambda file, data: write(file, data[:7]))
    for number in range(20):
        made.write(record(str(number)))
    clock.advance(0.2)
    assert len(lines(tmp_path / "r")) == 20


def test_a_line_that_was_cut_by_a_full_disk_does_not_spoil_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, clock = started(tmp_path / "r")
    write = os.write
    room = [450]

    def full(file: int, data: bytes) -> int:
        if not room[0]:
            raise OSError(28, "No space left on device")
        written = write(file, data[: room[0]])
        room[0] -= written
        return written

    made.write(record("first"))
    made.write(record("second"))
    made.write(record("third"))
    made.write(record("fourth"))
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", full)
        clock.advance(0.2)
        clock.advance(access_log.RETRY_INTERVAL)  # still full
    made.write(record("fifth"))
    clock.advance(access_log.RETRY_INTERVAL)
    queries = [each["query"] for each in lines(tmp_path / "r")]
    assert queries == ["first", "second", "third", "fifth"]
    assert made.dropped == 1


def test_records_before_the_start_wait(tmp_path: Path) -> None:
    clock = Clock()
    made = AccessLog(tmp_path / "r", "full", clock)
    made.write(record("early"))
    clock.advance(1)
    made.startService()
    made.write(record("late"))
    clock.advance(1)
    assert [each["query"] for each in lines(tmp_path / "r")] == ["early", "late"]


class Wall:
    """The wall clock, set by hand."""

    def __init__(self, at: datetime) -> None:
        self.at = at

    def now(self) -> datetime:
        return self.at


def kept(path: Path, at: str, keep: timedelta = timedelta(days=30)) -> tuple[AccessLog, Clock, Wall]:
    clock, wall = Clock(), Wall(datetime.fromisoformat(at).replace(tzinfo=UTC))
    made = AccessLog(path, "full", clock, keep, wall.now)
    made.startService()
    return made, clock, wall


def age(path: Path, at: str) -> None:
    """Last written at *at*."""
    seconds = datetime.fromisoformat(at).replace(tzinfo=UTC).timestamp()
    os.utime(path, (seconds, seconds))


def names(folder: Path) -> list[str]:
    return sorted(each.name for each in folder.iterdir())


def test_F117_with_keep_there_is_a_file_a_day(tmp_path: Path) -> None:
    made, clock, wall = kept(tmp_path / "r", "2026-11-22T23:59:58")
    made.write(record("one"))
    clock.advance(1)
    wall.at += timedelta(seconds=5)
    made.write(record("two"))
    clock.advance(1)
    assert names(tmp_path) == ["r", "r-2026-11-22"]
    assert [each["query"] for each in lines(tmp_path / "r-2026-11-22")] == ["one"]
    assert [each["query"] for each in lines(tmp_path / "r")] == ["two"]
    assert (tmp_path / "r").stat().st_mode & 0o777 == 0o600
    made.stopService()
    assert not clock.getDelayedCalls()


def test_F117_days_older_than_keep_are_removed_and_nothing_else(tmp_path: Path) -> None:
    for name in (
        "r-2026-10-22",
        "r-2026-10-23",
        "r-2026-10-22.2",
        "r-2026-10-01",
        "r-2026-99-99",
        "r-old",
        "other-2020-01-01",
    ):
        (tmp_path / name).touch()
    made, clock, wall = kept(tmp_path / "r", "2026-11-22T00:00:00")
    assert names(tmp_path) == ["other-2020-01-01", "r", "r-2026-10-23", "r-2026-99-99", "r-old"]
    wall.at += timedelta(days=1)
    clock.advance(access_log.ROTATION_CHECK_INTERVAL)  # nobody asks anything
    assert "r-2026-10-23" not in names(tmp_path)
    made.stopService()


def test_F117_a_start_puts_aside_what_another_day_left(tmp_path: Path) -> None:
    made, clock, _ = kept(tmp_path / "r", "2026-11-20T12:00:00")
    made.write(record("one"))
    made.stopService()
    age(tmp_path / "r", "2026-11-20T12:00:00")
    (tmp_path / "r-2026-11-20").write_text("somebody's own\n")
    made, clock, _ = kept(tmp_path / "r", "2026-11-22T12:00:00")
    made.write(record("two"))
    clock.advance(1)
    assert names(tmp_path) == ["r", "r-2026-11-20", "r-2026-11-20.2"]
    assert [each["query"] for each in lines(tmp_path / "r-2026-11-20.2")] == ["one"]
    assert (tmp_path / "r-2026-11-20").read_text() == "somebody's own\n"
    made.stopService()


def test_without_keep_a_file_goes_on_for_ever(tmp_path: Path) -> None:
    (tmp_path / "r-2020-01-01").touch()
    (tmp_path / "r").write_text("{}\n")
    age(tmp_path / "r", "2026-01-01T00:00:00")
    made, clock = started(tmp_path / "r")
    made.write(record())
    clock.advance(1)
    assert names(tmp_path) == ["r", "r-2020-01-01"] and len(lines(tmp_path / "r")) == 2
    made.stopService()


def test_a_day_that_cannot_be_put_aside_is_told_once_and_records_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: list[str]
) -> None:
    made, clock, wall = kept(tmp_path / "r", "2026-11-22T12:00:00")
    made.write(record("one"))
    clock.advance(1)
    wall.at += timedelta(days=1)

    def denied(self: Path, target: Path) -> None:
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", denied)
        for number in range(3):
            made.write(record(f"more{number}"))
            clock.advance(1)
    assert [each["query"] for each in lines(tmp_path / "r")] == ["one", "more0", "more1", "more2"]
    assert said == ["the access log of another day cannot be renamed or removed: [Errno 13] Permission denied"]
    clock.advance(access_log.ROTATION_CHECK_INTERVAL)
    made.write(record("today"))
    clock.advance(1)
    assert [each["query"] for each in lines(tmp_path / "r")] == ["today"]
    made.stopService()


def test_R036_a_reload_goes_on_in_another_file_and_keeps_for_as_long_as_it_says(tmp_path: Path) -> None:
    made, clock, wall = kept(tmp_path / "r", "2026-11-22T12:00:00")
    (tmp_path / "s-2026-11-01").touch()
    made.prepare_reload(tmp_path / "s", "full", timedelta(days=1))[0]()
    assert names(tmp_path) == ["r", "s"]
    made.write(record())
    clock.advance(1)
    wall.at += timedelta(days=1)
    clock.advance(access_log.ROTATION_CHECK_INTERVAL)
    assert names(tmp_path) == ["r", "s", "s-2026-11-22"]
    made.prepare_reload(tmp_path / "s", "full", None)[0]()
    assert not clock.getDelayedCalls()
    made.stopService()
