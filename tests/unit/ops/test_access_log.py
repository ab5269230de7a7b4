"""The access log: one JSON object per line with fixed fields for any query; its failures never stop a response."""

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


def make_test_entry(
    query: str = "alice", reference: str | None = None, peer: str | None = "192.0.2.0"
) -> access_log.AccessLogEntry:
    return make_entry("finger", "lookup", query, peer, None, "found", 120, 1.23456, reference)


@pytest.fixture
def log_messages() -> Iterator[list[str]]:
    """Collect the log messages."""
    texts: list[str] = []

    def keep(event: dict[str, Any]) -> None:
        texts.append(formatEvent(event))

    observer: Any = keep
    globalLogPublisher.addObserver(observer)
    yield texts
    globalLogPublisher.removeObserver(observer)


def start_log(path: Path | None, addresses: LoggedAddress = "truncated") -> tuple[AccessLog, Clock]:
    clock = Clock()
    log = AccessLog(path, addresses, clock)
    log.startService()
    return log, clock


def lines(path: Path) -> list[dict[str, Any]]:
    text = path.read_bytes()
    assert text == b"" or text.endswith(b"\n")
    return [json.loads(line) for line in text.split(b"\n")[:-1]]


def test_fields_of_an_entry(tmp_path: Path) -> None:
    log, clock = start_log(tmp_path / "r")
    before = datetime.now(UTC)
    log.write(make_test_entry())
    log.write(make_test_entry("x", "a1b2"))
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
def test_one_line_for_any_query(query: str) -> None:
    line = msgspec.json.encode(make_test_entry(query))
    assert len(line.decode().splitlines()) == 1
    held = json.loads(line)["query"]
    assert held.isprintable()


def test_queries_are_escaped_and_truncated(tmp_path: Path) -> None:
    log, clock = start_log(tmp_path / "r")
    for query in ("\x1b[31m\r\nx", 'a"b\\c', "x" * 600):
        log.write(make_test_entry(query))
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
def test_logged_addresses(tmp_path: Path, addresses: LoggedAddress, v4: str | None, v6: str | None) -> None:
    log, _ = start_log(tmp_path / "r", addresses)
    assert (log.peer(V4), log.peer(V6), log.peer(None)) == (v4, v6, None)


def test_hashed_addresses(tmp_path: Path) -> None:
    """The hash of an address is the same within a run, another in the next, and reveals nothing."""
    one, _ = start_log(tmp_path / "r", "hash")
    two, _ = start_log(tmp_path / "r", "hash")
    assert one.peer(V4) == one.peer(Address.parse("::ffff:192.0.2.77"))
    assert one.peer(V4) != one.peer(V6)
    assert one.peer(V4) != two.peer(V4)
    assert re.fullmatch("[0-9a-f]{16}", one.peer(V4) or "")
    assert one.peer(None) is None


def test_entries_are_written_in_batches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log, clock = start_log(tmp_path / "r")
    writes: list[bytes] = []
    write = os.write

    def counting_write(file: int, data: bytes) -> int:
        writes.append(bytes(data))
        return write(file, data)

    monkeypatch.setattr(os, "write", counting_write)
    for number in range(1000):
        log.write(make_test_entry(str(number)))
    clock.advance(0.19)
    assert writes == []
    clock.advance(0.01)
    assert len(writes) == 1
    assert [each["query"] for each in lines(tmp_path / "r")] == [str(number) for number in range(1000)]
    clock.advance(10)
    assert len(writes) == 1
    assert not clock.getDelayedCalls()
    log.write(make_test_entry())
    clock.advance(0.2)
    assert len(writes) == 2


def test_stop_writes_waiting_entries(tmp_path: Path) -> None:
    log, clock = start_log(tmp_path / "r")
    log.write(make_test_entry())
    log.stopService()
    assert len(lines(tmp_path / "r")) == 1
    assert not clock.getDelayedCalls()
    log.startService()
    log.write(make_test_entry())
    log.stopService()
    assert len(lines(tmp_path / "r")) == 2


def test_the_file_is_private_and_appended_to(tmp_path: Path) -> None:
    path = tmp_path / "r"
    for _ in range(2):
        log, _clock = start_log(path)
        log.write(make_test_entry())
        log.stopService()
    assert len(lines(path)) == 2
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_file_that_cannot_be_opened(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        start_log(tmp_path / "no" / "r")


def test_standard_output(capfd: pytest.CaptureFixture[str]) -> None:
    log, _ = start_log(None)
    log.write(make_test_entry())
    log.stopService()
    assert json.loads(capfd.readouterr().out)["outcome"] == "found"
    os.write(1, b"")  # standard output is still open


def test_a_full_disk_drops_entries_and_counts_them() -> None:
    """R039"""
    log, clock = start_log(Path("/dev/full"))
    for _ in range(5):
        log.write(make_test_entry())
    clock.advance(0.2)
    assert log.dropped == 5
    log.write(make_test_entry())
    clock.advance(0.2)
    assert log.dropped == 5, "retried every 10 s, not with each batch"
    clock.advance(access_log.RETRY_INTERVAL)
    assert log.dropped == 6
    log.stopService()
    assert not clock.getDelayedCalls()


def test_a_write_error_is_reported_once_and_recovers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, log_messages: list[str]
) -> None:
    """R039"""
    log, clock = start_log(tmp_path / "r")
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", no_space_left)
        for _ in range(3):
            log.write(make_test_entry("lost"))
            clock.advance(access_log.RETRY_INTERVAL)
    log.write(make_test_entry("kept"))
    clock.advance(access_log.RETRY_INTERVAL)
    assert [each["query"] for each in lines(tmp_path / "r")] == ["kept"]
    assert (log.written, log.dropped) == (1, 3)
    assert log_messages == [
        "the access log cannot be written, trying again: [Errno 28] No space left on device",
        "the access log is written again; 3 entries were lost so far",
    ]


def no_space_left(file: int, data: bytes) -> int:
    raise OSError(28, "No space left on device")


def test_number_of_waiting_entries_is_limited(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert access_log.MAX_WAITING_ENTRIES == 20_000
    monkeypatch.setattr(access_log, "MAX_WAITING_ENTRIES", 10)
    log, clock = start_log(tmp_path / "r")
    for number in range(15):
        log.write(make_test_entry(str(number)))
    assert log.dropped == 5
    clock.advance(0.2)
    assert [each["query"] for each in lines(tmp_path / "r")] == [str(number) for number in range(10)]
    log.write(make_test_entry("again"))
    clock.advance(0.2)
    assert lines(tmp_path / "r")[-1]["query"] == "again"


def test_partial_writes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log, clock = start_log(tmp_path / "r")
    write = os.write
    monkeypatch.setattr(os, "write", lambda file, data: write(file, data[:7]))
    for number in range(20):
        log.write(make_test_entry(str(number)))
    clock.advance(0.2)
    assert len(lines(tmp_path / "r")) == 20


def test_a_line_cut_by_a_full_disk_does_not_corrupt_the_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log, clock = start_log(tmp_path / "r")
    write = os.write
    free_bytes = [450]

    def no_space_left(file: int, data: bytes) -> int:
        if not free_bytes[0]:
            raise OSError(28, "No space left on device")
        written = write(file, data[: free_bytes[0]])
        free_bytes[0] -= written
        return written

    log.write(make_test_entry("first"))
    log.write(make_test_entry("second"))
    log.write(make_test_entry("third"))
    log.write(make_test_entry("fourth"))
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", no_space_left)
        clock.advance(0.2)
        clock.advance(access_log.RETRY_INTERVAL)  # the disk is still full
    log.write(make_test_entry("fifth"))
    clock.advance(access_log.RETRY_INTERVAL)
    queries = [each["query"] for each in lines(tmp_path / "r")]
    assert queries == ["first", "second", "third", "fifth"]
    assert log.dropped == 1


def test_entries_before_the_start_wait(tmp_path: Path) -> None:
    clock = Clock()
    log = AccessLog(tmp_path / "r", "full", clock)
    log.write(make_test_entry("early"))
    clock.advance(1)
    log.startService()
    log.write(make_test_entry("late"))
    clock.advance(1)
    assert [each["query"] for each in lines(tmp_path / "r")] == ["early", "late"]


class WallClock:
    """A wall clock that the test sets."""

    def __init__(self, at: datetime) -> None:
        self.at = at

    def now(self) -> datetime:
        return self.at


def start_rotating_log(
    path: Path, at: str, retention: timedelta = timedelta(days=30)
) -> tuple[AccessLog, Clock, WallClock]:
    clock, wall = Clock(), WallClock(datetime.fromisoformat(at).replace(tzinfo=UTC))
    log = AccessLog(path, "full", clock, retention, wall.now)
    log.startService()
    return log, clock, wall


def set_modification_time(path: Path, at: str) -> None:
    """Set the modification time of *path*."""
    seconds = datetime.fromisoformat(at).replace(tzinfo=UTC).timestamp()
    os.utime(path, (seconds, seconds))


def names(folder: Path) -> list[str]:
    return sorted(each.name for each in folder.iterdir())


def test_F117_with_retention_there_is_one_file_per_day(tmp_path: Path) -> None:
    log, clock, wall = start_rotating_log(tmp_path / "r", "2026-11-22T23:59:58")
    log.write(make_test_entry("one"))
    clock.advance(1)
    wall.at += timedelta(seconds=5)
    log.write(make_test_entry("two"))
    clock.advance(1)
    assert names(tmp_path) == ["r", "r-2026-11-22"]
    assert [each["query"] for each in lines(tmp_path / "r-2026-11-22")] == ["one"]
    assert [each["query"] for each in lines(tmp_path / "r")] == ["two"]
    assert (tmp_path / "r").stat().st_mode & 0o777 == 0o600
    log.stopService()
    assert not clock.getDelayedCalls()


def test_F117_only_files_older_than_the_retention_are_removed(tmp_path: Path) -> None:
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
    log, clock, wall = start_rotating_log(tmp_path / "r", "2026-11-22T00:00:00")
    assert names(tmp_path) == ["other-2020-01-01", "r", "r-2026-10-23", "r-2026-99-99", "r-old"]
    wall.at += timedelta(days=1)
    clock.advance(access_log.ROTATION_CHECK_INTERVAL)  # without any request
    assert "r-2026-10-23" not in names(tmp_path)
    log.stopService()


def test_F117_start_rotates_the_file_of_an_earlier_day(tmp_path: Path) -> None:
    log, clock, _ = start_rotating_log(tmp_path / "r", "2026-11-20T12:00:00")
    log.write(make_test_entry("one"))
    log.stopService()
    set_modification_time(tmp_path / "r", "2026-11-20T12:00:00")
    (tmp_path / "r-2026-11-20").write_text("another file\n")
    log, clock, _ = start_rotating_log(tmp_path / "r", "2026-11-22T12:00:00")
    log.write(make_test_entry("two"))
    clock.advance(1)
    assert names(tmp_path) == ["r", "r-2026-11-20", "r-2026-11-20.2"]
    assert [each["query"] for each in lines(tmp_path / "r-2026-11-20.2")] == ["one"]
    assert (tmp_path / "r-2026-11-20").read_text() == "another file\n"
    log.stopService()


def test_without_retention_the_file_is_not_rotated(tmp_path: Path) -> None:
    (tmp_path / "r-2020-01-01").touch()
    (tmp_path / "r").write_text("{}\n")
    set_modification_time(tmp_path / "r", "2026-01-01T00:00:00")
    log, clock = start_log(tmp_path / "r")
    log.write(make_test_entry())
    clock.advance(1)
    assert names(tmp_path) == ["r", "r-2020-01-01"] and len(lines(tmp_path / "r")) == 2
    log.stopService()


def test_a_rotation_error_is_reported_once_and_logging_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, log_messages: list[str]
) -> None:
    log, clock, wall = start_rotating_log(tmp_path / "r", "2026-11-22T12:00:00")
    log.write(make_test_entry("one"))
    clock.advance(1)
    wall.at += timedelta(days=1)

    def denied(self: Path, target: Path) -> None:
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", denied)
        for number in range(3):
            log.write(make_test_entry(f"more{number}"))
            clock.advance(1)
    assert [each["query"] for each in lines(tmp_path / "r")] == ["one", "more0", "more1", "more2"]
    assert log_messages == ["the access log of another day cannot be renamed or removed: [Errno 13] Permission denied"]
    clock.advance(access_log.ROTATION_CHECK_INTERVAL)
    log.write(make_test_entry("today"))
    clock.advance(1)
    assert [each["query"] for each in lines(tmp_path / "r")] == ["today"]
    log.stopService()


def test_R036_reload_changes_the_file_and_the_retention(tmp_path: Path) -> None:
    log, clock, wall = start_rotating_log(tmp_path / "r", "2026-11-22T12:00:00")
    (tmp_path / "s-2026-11-01").touch()
    log.prepare_reload(tmp_path / "s", "full", timedelta(days=1))[0]()
    assert names(tmp_path) == ["r", "s"]
    log.write(make_test_entry())
    clock.advance(1)
    wall.at += timedelta(days=1)
    clock.advance(access_log.ROTATION_CHECK_INTERVAL)
    assert names(tmp_path) == ["r", "s", "s-2026-11-22"]
    log.prepare_reload(tmp_path / "s", "full", None)[0]()
    assert not clock.getDelayedCalls()
    log.stopService()
