"""Random lines without a socket: parsed alone, sent in random segments, and in large numbers."""

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
from tests.fuzz import HOSTILE_BYTES, LONG, OTHER_PROTOCOLS, SEED, Case, find_fault, make_case, resident_kib
from tests.unit.finger.conftest import Build
from tests.unit.finger.wire import Client, logged_failures
from tests.unit.fixtures import PEOPLE, GatewayHarness

COUNT = 800_000 if LONG else 80_000  # lines; peers/test_finger_fuzz.py sends more, over sockets
BATCH = 1_000
# A plan with colours, accents, controls and a great length.
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
    st.sampled_from(OTHER_PROTOCOLS),
    st.builds(lambda number: make_case("hypothesis", number).sent, st.integers(0, 10**9)),
    st.lists(st.sampled_from([*HOSTILE_BYTES, b"alice", b"/W ", b"@dir.test", b"\r\n", b"\n"]), max_size=12).map(
        b"".join
    ),
)


def is_our_host(host: str) -> bool:
    return host.lower().rstrip(".") == "dir.test"


@given(noise)
@settings(max_examples=1000, deadline=None)
def test_F120_every_line_is_parsed(line: bytes) -> None:
    """A forwarded query goes to a host that is not this server, and no name contains a host."""
    query = parse_query(decode_line(line), is_our_host)
    if isinstance(query, ForwardQuery):
        assert query.hosts[-1]
        assert not is_our_host(query.hosts[-1])
        assert "@" not in query.name + "".join(query.hosts)
    elif isinstance(query, UserQuery):
        assert query.name
        assert "@" not in query.name


@given(st.text(max_size=60))
@settings(max_examples=500, deadline=None)
def test_F120_the_switch_does_not_change_the_name(text: str) -> None:
    """F045: before a line without a slash, /W only asks for the long answer; the query is the same otherwise."""
    text = text.replace("/", "")
    plain, verbose = parse_query(text, is_our_host), parse_query("/W " + text, is_our_host)
    assert isinstance(plain, UserQuery | ForwardQuery | ListQuery)
    assert isinstance(verbose, UserQuery | ForwardQuery | ListQuery)
    assert (plain.verbose, verbose.verbose) == (False, True)
    assert getattr(plain, "name", None) == getattr(verbose, "name", None)


def reply_to(factory: Any, built: GatewayHarness, pieces: tuple[bytes, ...], ended: bool) -> bytes:
    """Send *pieces* and return the whole reply; the client closes its side before the reply (*ended*) or after it."""
    client = Client(built, factory=factory).send(*pieces)
    if ended:
        client.half_close()
    assert client.write_closed(), "no reply yet"
    client.drain()
    if not ended:
        client.half_close()
    assert client.fully_closed(), "still open"
    assert not client.aborted(), "aborted"
    client.lose_connection()
    return client.received


@given(noise, st.lists(st.integers(0, 700), max_size=6), st.booleans())
@settings(max_examples=600, deadline=None)
def test_F004_F005_F120_segmentation_does_not_change_the_reply(
    built: GatewayHarness, data: bytes, cuts: list[int], ended: bool
) -> None:
    factory = FingerService(FingerSettings(), built.deps).factory
    bounds = sorted({0, len(data), *(cut for cut in cuts if cut < len(data))})
    pieces = tuple(data[start:end] for start, end in pairwise(bounds))
    single_bytes = tuple(data[offset : offset + 1] for offset in range(len(data)))
    ended = ended or b"\n" not in data
    expected = reply_to(factory, built, (data,) if data else (), ended)
    assert not find_fault(data, expected)
    assert reply_to(factory, built, pieces, ended) == expected
    assert reply_to(factory, built, single_bytes, ended) == expected


def describe_fault(fuzz_case: Case, reply: bytes, setting: FingerSettings) -> str:
    """Say how *reply* breaks "Bytes of a reply" in behaviours/finger.md, given what *setting* lets pass (F028, F034)."""
    if setting.ansi == "sgr":
        if (colours := SGR.findall(reply)) and colours[-1] != b"\x1b[0m":
            return "a colour that is not reset"
        reply = SGR.sub(b"", reply)
    if setting.charset == "ascii" and not reply.isascii():
        return "not ASCII"
    return find_fault(fuzz_case.sent, reply)


def send_case(factory: Any, built: GatewayHarness, fuzz_case: Case) -> None:
    """Send *fuzz_case*; every eighth case is sent again in one segment and must get the same reply."""
    try:
        reply = reply_to(factory, built, fuzz_case.segments, fuzz_case.half_closes)
        problem = describe_fault(fuzz_case, reply, factory.handler.settings)
        if (
            not problem
            and fuzz_case.number % 8 == 0
            and reply_to(factory, built, (fuzz_case.sent,), fuzz_case.half_closes) != reply
        ):
            problem = "a different reply to the same bytes in one segment"
    except Exception as error:
        error.add_note(str(fuzz_case))
        raise
    assert not problem, f"{problem}: {reply[:300]!r}\n{fuzz_case}"


@pytest.mark.usefixtures("untraced")
@pytest.mark.parametrize("number", range(len(SETTINGS)))
def test_F120_F022_F025_F038_random_lines(build: Build, number: int) -> None:
    """Each gets one valid reply and one access-log entry; no failure is logged, no timer is left, memory does not grow."""
    built = build(people=[*PEOPLE, HOSTILE], queries_per_minute=10**9)
    factory = FingerService(SETTINGS[number], built.deps).factory
    cases = COUNT // len(SETTINGS)
    count = memory = 0
    timers = len(built.clock.getDelayedCalls())
    with logged_failures() as failures:
        for first in range(0, cases, BATCH):
            for case_number in range(first, first + BATCH):
                send_case(factory, built, make_case(f"{SEED}-{number}", case_number))
                count += 1 + (case_number % 8 == 0)
            built.clock.advance(1)
            assert len(built.clock.getDelayedCalls()) <= timers, f"timers left before {SEED}-{number} {first + BATCH}"
            assert not failures, f"between {SEED}-{number} {first} and {first + BATCH}: {failures[0]}"
            memory = memory or (resident_kib() if first >= cases // 4 else 0)
    assert count_lines(built.access_log_path) == count
    assert not factory.connections
    assert resident_kib() - memory < 16 * 1024, "KiB"


def count_lines(file: Path) -> int:
    with file.open("rb") as lines:
        return sum(1 for _ in lines)
