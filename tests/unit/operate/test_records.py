"""One JSON object a line: exactly the fields of INTERFACE.md, whatever the query holds, and no answer ever stopped."""

import json
import os
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.task import Clock

from gateway.directory.addresses import Address
from gateway.operate import records
from gateway.operate.records import Addresses, Records, stamped

FIELDS = ["time", "protocol", "peer", "login", "verb", "query", "outcome", "bytes", "ms", "reference"]


def record(query: str = "alice", reference: str | None = None, peer: str | None = "192.0.2.0") -> records.Record:
    return stamped("finger", "lookup", query, peer, None, "found", 120, 1.23456, reference)


def started(path: Path | None, addresses: Addresses = "truncated") -> tuple[Records, Clock]:
    clock = Clock()
    made = Records(path, addresses, clock)
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
def test_addresses(tmp_path: Path, addresses: Addresses, v4: str | None, v6: str | None) -> None:
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
    made, clock = started(Path("/dev/full"))
    for _ in range(5):
        made.write(record())
    clock.advance(0.2)
    assert made.dropped == 5
    made.write(record())
    clock.advance(0.2)
    assert made.dropped == 6
    made.stopService()


def test_what_waits_is_bounded(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert records.MOST_WAITING == 20_000
    monkeypatch.setattr(records, "MOST_WAITING", 10)
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
        made._flush()  # still full
    made.write(record("fifth"))
    clock.advance(0.2)
    queries = [each["query"] for each in lines(tmp_path / "r")]
    assert queries == ["first", "second", "third", "fifth"]
    assert made.dropped == 1


def test_records_before_the_start_wait(tmp_path: Path) -> None:
    clock = Clock()
    made = Records(tmp_path / "r", "full", clock)
    made.write(record("early"))
    clock.advance(1)
    made.startService()
    made.write(record("late"))
    clock.advance(1)
    assert [each["query"] for each in lines(tmp_path / "r")] == ["early", "late"]
