"""Random lines, on the room without a socket: parsed by themselves, in any pieces, and by the ten thousand."""

import re
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.finger.protocol import FingerService
from gateway.finger.query import ForwardQuery, ListQuery, UserQuery, decode_line, parse_query
from gateway.finger.settings import FingerSettings
from tests.fuzz import GREETINGS, LONG, NASTY, SEED, Case, case, fault, resident
from tests.unit.finger.conftest import Build
from tests.unit.finger.wire import Client, logged_failures
from tests.unit.fixtures import PEOPLE, Built

COUNT = 800_000 if LONG else 80_000  # lines; peers/test_finger_fuzz.py sends more, over sockets
BATCH = 1_000
# A plan for each letter that may come out of one, and what may not.
HOSTILE = {"login": "frank", "name": "Frank \x1b[1m", "plan": "\x1b[32mgrün\n\x9b31m\u202e\x07\r\n" + "é" * 70_000}
SGR = re.compile(rb"\x1b\[[0-9;:]*m")
SETTINGS = [
    FingerSettings(),
    FingerSettings(ansi="sgr", charset="ascii", max_plan_bytes=300),
    FingerSettings(ambiguous="short", empty_query="people", listing=False, max_names=1),
    FingerSettings(ambiguous="deny", empty_query="people", max_names=16),
]

noise = st.one_of(
    st.binary(max_size=700),
    st.sampled_from(GREETINGS),
    st.builds(lambda number: case("hypothesis", number).sent, st.integers(0, 10**9)),
    st.lists(st.sampled_from([*NASTY, b"alice", b"/W ", b"@dir.test", b"\r\n", b"\n"]), max_size=12).map(b"".join),
)


def ours(host: str) -> bool:
    return host.lower().rstrip(".") == "dir.test"


@given(noise)
@settings(max_examples=1000, deadline=None)
def test_F120_every_line_means_something(line: bytes) -> None:
    """What is left to be asked elsewhere is not ours, and no name holds a host."""
    query = parse_query(decode_line(line), ours)
    if isinstance(query, ForwardQuery):
        assert query.hosts[-1]
        assert not ours(query.hosts[-1])
        assert "@" not in query.name + "".join(query.hosts)
    elif isinstance(query, UserQuery):
        assert query.name
        assert "@" not in query.name


@given(st.text(max_size=60))
@settings(max_examples=500, deadline=None)
def test_F120_the_switch_changes_who_is_meant_in_nothing(text: str) -> None:
    """F045: /W before a line that holds no slash and is no address says how much is told, no more."""
    text = text.replace("/", "")
    plain, verbose = parse_query(text, ours), parse_query("/W " + text, ours)
    assert isinstance(plain, UserQuery | ForwardQuery | ListQuery)
    assert isinstance(verbose, UserQuery | ForwardQuery | ListQuery)
    assert (plain.verbose, verbose.verbose) == (False, True)
    assert getattr(plain, "name", None) == getattr(verbose, "name", None)


def told(factory: Any, built: Built, pieces: tuple[bytes, ...], ended: bool) -> bytes:
    """The whole reply to *pieces*, with the client's FIN behind them or behind the reply."""
    client = Client(built, factory=factory).send(*pieces)
    if ended:
        client.half_close()
    assert client.closed(), "it waits"
    client.drain()
    if not ended:
        client.half_close()
    assert client.finished(), "it stays open"
    assert not client.aborted(), "a reset"
    client.lose_connection()
    return client.received


@given(noise, st.lists(st.integers(0, 700), max_size=6), st.booleans())
@settings(max_examples=600, deadline=None)
def test_F004_F005_F120_pieces_change_nothing(built: Built, data: bytes, cuts: list[int], ended: bool) -> None:
    factory = FingerService(FingerSettings(), built.deps).factory
    marks = sorted({0, len(data), *(cut for cut in cuts if cut < len(data))})
    pieces = tuple(data[one:two] for one, two in pairwise(marks))
    single = tuple(data[place : place + 1] for place in range(len(data)))
    ended = ended or b"\n" not in data
    whole = told(factory, built, (data,) if data else (), ended)
    assert not fault(data, whole)
    assert told(factory, built, pieces, ended) == whole
    assert told(factory, built, single, ended) == whole


def out_of_line(one: Case, reply: bytes, setting: FingerSettings) -> str:
    """Say how *reply* breaks "Bytes of a reply" in behaviours/finger.md, given what *setting* lets pass (F028, F034)."""
    if setting.ansi == "sgr":
        if (colours := SGR.findall(reply)) and colours[-1] != b"\x1b[0m":
            return "a colour that does not end"
        reply = SGR.sub(b"", reply)
    if setting.charset == "ascii" and not reply.isascii():
        return "more than ASCII"
    return fault(one.sent, reply)


def attack(factory: Any, built: Built, one: Case) -> None:
    """Sends *one*, and once in eight times all of it again in one piece."""
    try:
        reply = told(factory, built, one.pieces, one.ended)
        wrong = out_of_line(one, reply, factory.handler.settings)
        if not wrong and one.number % 8 == 0 and told(factory, built, (one.sent,), one.ended) != reply:
            wrong = "another reply to the same in one piece"
    except Exception as error:
        error.add_note(str(one))
        raise
    assert not wrong, f"{wrong}: {reply[:300]!r}\n{one}"


@pytest.mark.usefixtures("untraced")
@pytest.mark.parametrize("number", range(len(SETTINGS)))
def test_F120_F022_F025_F038_random_lines(build: Build, number: int) -> None:
    """Each gets one reply in the data format and one record; nothing is logged, no timer is left, memory stays."""
    built = build(people=[*PEOPLE, HOSTILE], queries_per_minute=10**9)
    factory = FingerService(SETTINGS[number], built.deps).factory
    share = COUNT // len(SETTINGS)
    count = memory = 0
    timers = len(built.clock.getDelayedCalls())
    with logged_failures() as seen:
        for first in range(0, share, BATCH):
            for place in range(first, first + BATCH):
                attack(factory, built, case(f"{SEED}-{number}", place))
                count += 1 + (place % 8 == 0)
            built.clock.advance(1)
            assert len(built.clock.getDelayedCalls()) <= timers, f"timers left before {SEED}-{number} {first + BATCH}"
            assert not seen, f"between {SEED}-{number} {first} and {first + BATCH}: {seen[0]}"
            memory = memory or (resident() if first >= share // 4 else 0)
    assert records(built.access_log_path) == count
    assert not factory.connections
    assert resident() - memory < 16 * 1024, "KiB"


def records(file: Path) -> int:
    with file.open("rb") as lines:
        return sum(1 for _ in lines)
