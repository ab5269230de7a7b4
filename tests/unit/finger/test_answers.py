"""The answers to the queries of tests/behaviours/finger.md."""

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.finger.settings import FingerSettings
from tests.unit.finger.conftest import Build
from tests.unit.finger.wire import MEMBER, Client, FailingSource, UnavailableSource, ask, logged_failures
from tests.unit.fixtures import ALICE, GatewayHarness

ALICE_PLAIN = (
    b"Login:      alice\r\n"
    b"Name:       Alice Adams\r\n"
    b"Title:      Keeper of the kettle\r\n"
    b"Links:      https://alice.example/ (Blog)\r\n"
    b"Project:    A better teapot\r\n"
    b"Web:        https://dir.test/users/alice\r\n"
    b"Changed:    2026-11-20 09:30 UTC\r\n"
    b"\r\n"
    b"Plan:\r\n"
    b"First line\r\n"
    b"Second line\r\n"
)
NOBODY_ONLINE = b"No one is logged on.\r\n"
DENIED = b"Finger forwarding service denied\r\n"
TOO_LONG = b"Query too long.\r\n"

LINES = {
    "F002": b"alice\r\n",
    "F003": b"alice\r\nbob\r\n",
    "F006": b"alice\n",
    "F029": b"dave\r\n",
    "F039": b"\r\n",
    "F040": b"\n",
    "F041": b"/W\r\n",
    "F042": b"/W \r\n",
    "F043": b"   \r\n",
    "F045": b"/W alice\r\n",
    "F046": b"/w alice\r\n",
    "F049": b" alice\r\n",
    "F050": b"alice  \r\n",
    "F058": b"ALICE\r\n",
    "F066": b"\x1b[31mx\r\n",
    "F067": b"\xff\xfe\r\n",
    "F068": b"\xff\xfb\x18\xff\xfd\x03alice\r\n",
    "F069": b"ali\x00ce\r\n",
    "F070": b"a" * 512 + b"\r\n",
    "F071": b"a" * 536 + b"\r\n",
    "F071-4096": b"A" * 4096 + b"\r\n",
    "F076": b"bob@other.test\r\n",
    "F077": b"@other.test\r\n",
    "F078": b"alice@dir.test\r\n",
    "F079": b"@dir.test\r\n",
    "F096": b"zofie\r\n",
    "F102": b"carol\r\n",
    "F103": b"root\r\n",
    "ambiguous": b"adams\r\n",
    "a lone CR": b"\r\r\n",
}


def is_crlf_lines(reply: bytes) -> bool:
    """Return whether *reply* is UTF-8 in complete lines that end in CRLF, without other CR or LF (F022, F025)."""
    text = reply.decode("utf-8", "strict")
    bare = text.replace("\r\n", "")
    return text.endswith("\r\n") and "\r" not in bare and "\n" not in bare


# connection and flow


def test_F001_the_server_never_talks_first(built: GatewayHarness) -> None:
    client = Client(built)
    built.clock.advance(0.3)
    assert client.received == b""
    assert not client.write_closed()
    client.lose_connection()


def test_F002_the_server_answers_one_line_and_closes(built: GatewayHarness) -> None:
    client = Client(built).send(b"alice\r\n")
    assert client.received == ALICE_PLAIN
    assert client.write_closed()
    assert not client.aborted()
    client.read_reply()


@pytest.mark.parametrize(
    "segments",
    [
        pytest.param([b"ali", b"ce", b"\r\n"], id="F004"),
        pytest.param([bytes([each]) for each in b"alice\r\n"], id="F005"),
        pytest.param([b"alice\r", b"\n"], id="F005-crlf-split"),
        pytest.param([b"alice\n"], id="F006"),
        pytest.param([b"alice\r\nbob\r\n"], id="F003"),
        pytest.param([b"\xff", b"\xfb", b"\x18\xff\xfd", b"\x03alice\r\n"], id="F068-split"),
    ],
)
def test_segmentation_does_not_change_the_answer(built: GatewayHarness, segments: list[bytes]) -> None:
    assert ask(built, *segments) == ALICE_PLAIN


def test_F004_a_switch_in_its_own_segment(built: GatewayHarness) -> None:
    assert ask(built, b"/W ", b"alice", b"\r\n") == ask(built, b"/W alice\r\n")


def test_F061_a_character_split_over_segments(build: Build) -> None:
    built = build(people=[{"login": "žofie", "name": "Žofie Černá"}])
    assert "Žofie Černá".encode() in ask(built, b"\xc5", b"\xbeofie\r\n")


def test_F003_a_second_line_is_ignored(build: Build) -> None:
    built = build()
    ask(built, b"alice\r\nbob\r\n")
    assert [entry["query"] for entry in built.access_log_entries] == ["alice"]


def test_F007_a_half_close_ends_the_line(built: GatewayHarness) -> None:
    client = Client(built).send(b"alice").half_close()
    assert client.received == ALICE_PLAIN
    assert client.transport.disconnecting
    client.lose_connection()


# data format


@pytest.mark.parametrize("line", LINES.values(), ids=LINES.keys())
def test_F022_every_line_of_a_reply_ends_in_crlf(built: GatewayHarness, line: bytes) -> None:
    for listing in (True, False):
        for empty in ("online", "people"):
            assert is_crlf_lines(ask(built, line, settings=FingerSettings(listing=listing, empty_query=empty)))


@pytest.mark.parametrize(
    ("plan", "sent"),
    [
        pytest.param("a\nb\r\nc\rd", b"a\r\nb\r\nc\r\nd\r\n", id="F023"),
        pytest.param("no end", b"no end\r\n", id="F024"),
        pytest.param("an end\r\n", b"an end\r\n", id="F024-crlf"),
        pytest.param("příliš žluťoučký kůň\n", "příliš žluťoučký kůň\r\n".encode(), id="F025"),
        pytest.param("\x1b[31mRED\x1b[0m \x1b]0;T\x07", b"RED \r\n", id="F029"),
        pytest.param("\tTAB\tkept\n", b"\tTAB\tkept\r\n", id="F032"),
        pytest.param("  art\n\n\n   /\\  \n", b"  art\r\n\r\n\r\n   /\\  \r\n", id="F035"),
    ],
)
def test_plan_text_on_the_wire(build: Build, plan: str, sent: bytes) -> None:
    reply = ask(build(people=[{"login": "dave", "name": "Dave", "plan": plan}]), b"dave\r\n")
    assert reply.partition(b"\r\nPlan:\r\n")[2] == sent


def test_F029_escape_sequences_are_removed_completely(built: GatewayHarness) -> None:
    reply = ask(built, b"dave\r\n")
    assert b"RED " in reply
    assert b"\x1b" not in reply
    assert b"[31m" not in reply
    assert b"\x07" not in reply


# query grammar


@pytest.mark.parametrize(
    "line", [b"\r\n", b"\n", b"/W\r\n", b"/W \r\n", b"   \r\n", b"@dir.test\r\n", b"/W @dir.test\r\n"]
)
def test_F039_F040_F041_F042_F043_F079_the_empty_query(built: GatewayHarness, line: bytes) -> None:
    assert ask(built, line) == NOBODY_ONLINE
    assert ask(built, line, settings=FingerSettings(listing=False)) == b"Finger online user list denied\r\n"


def test_F039_the_list_of_people_shows_logins_and_full_names(built: GatewayHarness) -> None:
    reply = ask(built, b"\r\n", settings=FingerSettings(empty_query="people"))
    assert reply == (
        b"Login  Name         Title\r\n"
        b"alice  Alice Adams  Keeper of the kettle\r\n"
        b"bob    Bob Adams\r\n"
        b"dave   Dave\r\n" + "zofie  Žofie Černá\r\n".encode()
    )


def test_an_empty_list_of_people(build: Build) -> None:
    assert (
        ask(build(people=[]), b"\r\n", settings=FingerSettings(empty_query="people")) == b"No one is listed here.\r\n"
    )


def test_a_truncated_list_links_to_the_web(build: Build) -> None:
    people = [{"login": f"p{number:03}", "name": f"Person {number}"} for number in range(51)]
    reply = ask(build(people=people), b"\r\n", settings=FingerSettings(empty_query="people"))
    assert reply.endswith("p049   Person 49\r\n… and more: https://dir.test/users\r\n".encode())


@pytest.mark.parametrize(
    "line",
    [
        pytest.param(b"alice\r\n", id="F044"),
        pytest.param(b" alice\r\n", id="F049"),
        pytest.param(b"alice  \r\n", id="F050"),
        pytest.param(b"ALICE\r\n", id="F058"),
        pytest.param(b"\xff\xfb\x18\xff\xfd\x03alice\r\n", id="F068"),
        pytest.param(b"alice@dir.test\r\n", id="F078"),
        pytest.param(b"alice@DIR.TEST.\r\n", id="F080-case-and-dot"),
        pytest.param(b"alice@127.0.0.1\r\n", id="F080-loopback"),
        pytest.param(b"alice@[::1]\r\n", id="F080-v6"),
        pytest.param(b"alice@203.0.113.9\r\n", id="F080-the-address-that-was-dialled"),
        pytest.param(b"alice@club.test\r\n", id="F081"),
    ],
)
def test_queries_for_alice(built: GatewayHarness, line: bytes) -> None:
    assert ask(built, line) == ALICE_PLAIN


@pytest.mark.parametrize("line", [b"/W alice\r\n", b"/w alice\r\n", b"/W alice@dir.test\r\n"])
def test_F045_F046_verbose(built: GatewayHarness, line: bytes) -> None:
    reply = ask(built, line)
    assert b"Aliases:    ally\r\n" in reply
    assert set(ALICE_PLAIN.splitlines()) <= set(reply.splitlines())  # F100


@pytest.mark.parametrize(
    ("line", "reply"),
    [
        pytest.param(b"\x1b[31mx\r\n", b"\\x1b[31mx: no such user.\r\n", id="F066"),
        pytest.param(b"y" * 100 + b"\r\n", b"y" * 63 + "…".encode() + b": no such user.\r\n", id="F066-cut"),
        pytest.param("\u202egnp\r\n".encode(), b"\\u202egnp: no such user.\r\n", id="F066-bidi"),
        pytest.param(b"\xff\xfe\r\n", "\ufffd\ufffd: no such user.\r\n".encode(), id="F067"),
        pytest.param(b"ali\x00ce\r\n", b"ali\\x00ce: no such user.\r\n", id="F069"),
        pytest.param(b"a" * 512 + b"\r\n", b"a" * 63 + "…".encode() + b": no such user.\r\n", id="F070"),
        pytest.param(b"a" * 512 + b"\n", b"a" * 63 + "…".encode() + b": no such user.\r\n", id="F070-lf"),
        pytest.param(b"a" * 513 + b"\r\n", TOO_LONG, id="F071-513"),
        pytest.param(b"a" * 513 + b"\n", TOO_LONG, id="F071-513-lf"),
        pytest.param(b"a" * 536 + b"\r\n", TOO_LONG, id="F071-536"),
        pytest.param(b"A" * 4096 + b"\r\n", TOO_LONG, id="F071-4096"),
        pytest.param(b"bob@other.test\r\n", DENIED, id="F076"),
        pytest.param(b"@other.test\r\n", DENIED, id="F077"),
        pytest.param(b"/W bob@other.test\r\n", DENIED, id="F077-verbose"),
        pytest.param(b"bob@h1@h2\r\n", DENIED, id="F077-two-hosts"),
        pytest.param(b"bob@198.51.100.1\r\n", DENIED, id="F077-address"),
        pytest.param(b"-l\r\n", b"-l: no such user.\r\n", id="F054"),
        pytest.param(b"--version\r\n", b"--version: no such user.\r\n", id="F054-long"),
        pytest.param(b"/PULL alice\r\n", ALICE_PLAIN, id="F053"),
        pytest.param(b"~alice\r\n", ALICE_PLAIN, id="F063"),
        pytest.param(b"acct:alice@dir.test\r\n", ALICE_PLAIN, id="F064"),
        pytest.param(b"finger://dir.test/alice\r\n", ALICE_PLAIN, id="F064-finger"),
        pytest.param(b"mailto:alice@dir.test\r\n", ALICE_PLAIN, id="F064-mailto"),
        pytest.param(
            b"GET /users/alice HTTP/1.1\r\nHost: dir.test\r\n\r\n",
            b"This is a finger server; web: https://dir.test/users/alice\r\n",
            id="F073",
        ),
        pytest.param(
            b"GET /\x1b[31m HTTP/1.0\r\n\r\n", b"This is a finger server; web: https://dir.test/\r\n", id="F073-escape"
        ),
        pytest.param(
            b"CLIENT libcurl 7.88.1\r\nalice\r\nQUIT\r\n", b"CLIENT libcurl 7.88.1: no such user.\r\n", id="F075"
        ),
        pytest.param(b"@alice@dir.test\r\n", ALICE_PLAIN, id="F085"),
        pytest.param(b"@alice@other.test\r\n", DENIED, id="F085-elsewhere"),
        pytest.param(b"dir.test!alice\r\n", b"dir.test!alice: no such user.\r\n", id="F086"),
        pytest.param(b"alice%other.test\r\n", b"alice%other.test: no such user.\r\n", id="F086-percent"),
        pytest.param(b"../../etc/passwd\r\n", b"../../etc/passwd: no such user.\r\n", id="a-path"),
        pytest.param(b";id\r\n", b";id: no such user.\r\n", id="F113"),
        pytest.param(b"$(id)\r\n", b"$(id): no such user.\r\n", id="F113-dollar"),
        pytest.param(b"|/bin/id\r\n", b"|/bin/id: no such user.\r\n", id="F113-pipe"),
        pytest.param(b"`id`\r\n", b"`id`: no such user.\r\n", id="F113-backticks"),
        pytest.param(b"root\r\n", b"root: no such user.\r\n", id="F103"),
        pytest.param(b"daemon\r\n", b"daemon: no such user.\r\n", id="F103-daemon"),
    ],
)
def test_queries_and_complete_answers(built: GatewayHarness, line: bytes, reply: bytes) -> None:
    assert ask(built, line) == reply


def test_F071_too_long_without_a_line_end(built: GatewayHarness) -> None:
    client = Client(built).send(b"a" * 300)
    assert client.received == b""
    client.send(b"a" * 300)
    assert client.read_reply() == TOO_LONG


def test_F071_too_long_and_half_closed(built: GatewayHarness) -> None:
    client = Client(built).send(b"a" * 513).half_close()
    assert client.received == TOO_LONG
    client.lose_connection()


_EVENTS: list[tuple[str, Any]] = []
_WATCHED_PREFIXES: tuple[str, ...] = ()


def _audit(event: str, arguments: Any) -> None:
    if _WATCHED_PREFIXES and event.startswith(_WATCHED_PREFIXES):
        _EVENTS.append((event, arguments))


sys.addaudithook(_audit)


@contextmanager
def audit_events(*events: str) -> Iterator[list[tuple[str, Any]]]:
    """Collect the audit events of the interpreter whose names start with one of *events*."""
    global _WATCHED_PREFIXES  # noqa: PLW0603  # an audit hook cannot be removed
    _EVENTS.clear()
    _WATCHED_PREFIXES = events
    try:
        yield _EVENTS
    finally:
        _WATCHED_PREFIXES = ()


@pytest.mark.parametrize(
    "line", [b"bob@other.test\r\n", b"@other.test\r\n", b"/W bob@other.test\r\n", b"bob@h1@h2\r\n"]
)
def test_F076_F077_no_lookup_and_no_connection(built: GatewayHarness, line: bytes) -> None:
    with audit_events("socket.") as events:  # covers name lookups and connections
        assert ask(built, line) == DENIED
    assert events == []


@pytest.mark.parametrize("first", [b"\x16\x03\x01\x02\x00\x01", b"\x00\x00\x00\xa4\xffSMB", b"\x03\x00\x00*%\xe0"])
@pytest.mark.parametrize("in_one_segment", [True, False])
def test_F074_other_protocols_are_closed_without_a_reply(
    built: GatewayHarness, first: bytes, in_one_segment: bool
) -> None:
    client = Client(built).send(*([first] if in_one_segment else [bytes([each]) for each in first + b"\r\n"]))
    assert (client.received, client.write_closed()) == (b"", True)
    client.lose_connection()
    assert built.access_log_entries[-1]["outcome"] == "invalid"


def test_F074_an_incomplete_tls_hello_is_closed_without_a_reply(build: Build) -> None:
    built = build(timeout=10.0)
    client = Client(built).send(b"\x16", b"\x03\x01")
    built.clock.advance(10.1)
    assert (client.received, client.write_closed()) == (b"", True)
    client.lose_connection()


def test_F053_an_unknown_switch_is_in_the_access_log(build: Build) -> None:
    built = build()
    ask(built, b"/PULL alice\r\n")
    assert [entry["query"] for entry in built.access_log_entries] == ["/PULL alice"]


@pytest.mark.parametrize(
    "line", [b"help\r\n", b"?\r\n", b"HELP\r\n", b"/W help\r\n", b"help@dir.test\r\n", b"/help\r\n"]
)
def test_F065_help(built: GatewayHarness, line: bytes) -> None:
    reply = ask(built, line)
    assert b"finger -l alice@dir.test" in reply
    assert max(map(len, reply.splitlines())) <= 80
    assert built.access_log_entries[-1]["outcome"] == "served"


def test_F065_a_person_called_help_is_shown_instead_of_the_help(build: Build) -> None:
    built = build(people=[{"login": "help", "name": "Helga Pond"}])
    assert b"Name:       Helga Pond\r\n" in ask(built, b"help\r\n")


def test_F113_no_query_starts_a_process(built: GatewayHarness) -> None:
    """F112: no program of a user is started either."""
    with audit_events("subprocess.", "os.exec", "os.posix_spawn", "os.fork", "os.system") as events:
        for line in (b";id\r\n", b"$(id)\r\n", b"|/bin/id\r\n", b"`id`\r\n", b"alice\r\n", b"/W alice\r\n"):
            ask(built, line)
    assert events == []


# answers


def test_F096_the_answer_has_the_full_name(built: GatewayHarness) -> None:
    assert b"Name:       Alice Adams\r\n" in ask(built, b"alice\r\n")
    assert "Name:       Žofie Černá\r\n".encode() in ask(built, b"zofie\r\n")


@pytest.mark.parametrize("switch", [b"", b"/W "])
def test_F102_hidden_and_missing_people_get_the_same_answer(build: Build, switch: bytes) -> None:
    built = build()
    hidden, unknown = ask(built, switch + b"carol\r\n"), ask(built, switch + b"nobdy\r\n")
    assert hidden == b"carol: no such user.\r\n"
    assert hidden.replace(b"carol", b"nobdy") == unknown
    hidden_entry, missing_entry = built.access_log_entries
    for entry in (hidden_entry, missing_entry):
        del entry["time"], entry["ms"], entry["query"]
    assert hidden_entry == missing_entry
    assert hidden_entry["outcome"] == "not_found"


def test_F102_hidden_and_missing_people_take_the_same_code_path(build: Build) -> None:
    """The calls outside the directory package are the same; tests/unit/directory covers the calls inside."""
    built = build()
    calls_by_name = {}
    for name in (b"carol", b"nobdy"):
        ask(built, name + b"\r\n")
    for name in (b"carol", b"nobdy"):
        calls: list[str] = []

        def record_call(frame: Any, event: str, argument: Any, calls: list[str] = calls) -> None:
            file = frame.f_code.co_filename
            if event == "call" and "/gateway/" in file and "/gateway/directory/" not in file:
                calls.append(f"{file}:{frame.f_code.co_qualname}")

        sys.setprofile(record_call)
        try:
            ask(built, name + b"\r\n")
        finally:
            sys.setprofile(None)
        calls_by_name[name] = calls
    assert calls_by_name[b"carol"] == calls_by_name[b"nobdy"]
    assert any("find" in call for call in calls_by_name[b"carol"])


@pytest.mark.parametrize("peer", ["198.51.100.7", MEMBER])
@pytest.mark.parametrize("line", [b"alice\r\n", b"/W alice\r\n"])
def test_F104_nothing_about_the_machine_is_revealed(built: GatewayHarness, line: bytes, peer: str) -> None:
    reply = ask(built, line, peer=peer).lower()
    for word in (
        b"directory:",
        b"shell:",
        b"/home",
        b"/root",
        b"/bin",
        b"no mail",
        b"unread",
        b"forward",
        b"logged in",
    ):
        assert word not in reply


def test_F104_strangers_see_no_field_for_members(built: GatewayHarness) -> None:
    members = [b"B12", b"+420 555 0100", b"alice@dir.test"]
    for line in (b"alice\r\n", b"/W alice\r\n"):
        assert not any(value in ask(built, line) for value in members)
        assert all(value in ask(built, line, peer=MEMBER) for value in members)


def test_F104_an_internal_error_shows_only_a_reference(build: Build) -> None:
    built = build(sources=[FailingSource()])
    with logged_failures() as logged:
        reply = ask(built, b"alice\r\n")
    match = re.fullmatch(rb"Internal error in server, reference ([0-9a-f]{8})\.\r\n", reply)
    assert match
    (entry,) = built.access_log_entries
    assert (entry["outcome"], entry["reference"]) == ("error", match[1].decode())
    assert [event["reference"] for event in logged] == [match[1].decode()]


def test_answers_while_the_directory_is_down(build: Build) -> None:
    built = build(sources=[UnavailableSource()])
    for line, verb in ((b"alice\r\n", "lookup"), (b"\r\n", "list")):
        reply = ask(built, line, settings=FingerSettings(empty_query="people"))
        assert reply == b"The directory is unavailable, try again later.\r\n"
        assert (built.access_log_entries[-1]["verb"], built.access_log_entries[-1]["outcome"]) == (verb, "unavailable")


# F120, small


@settings(max_examples=300, deadline=None)
@given(st.lists(st.binary(min_size=1, max_size=300), max_size=5), st.booleans())
def test_F120_random_bytes_in_random_segments(built: GatewayHarness, segments: list[bytes], end: bool) -> None:
    client = Client(built)
    for segment in [*segments, *([b"\r\n"] if end else [])]:
        client.send(segment)
    if not client.write_closed():
        client.half_close()
    if b"".join(segments).startswith((b"\x16\x03", b"\x00", b"\x03\x00")):  # F074
        assert client.received == b"" or is_crlf_lines(client.received)
    elif segments or end:
        assert is_crlf_lines(client.received)
    assert client.write_closed()
    assert not client.aborted()
    client.lose_connection()


def test_F115_each_query_is_in_the_access_log(build: Build) -> None:
    built = build()
    ask(built, b"/W alice\r\n")
    ask(built, b"\r\n")
    ask(built, b"bob@other.test\r\n")
    entries = [(r["protocol"], r["peer"], r["verb"], r["query"], r["outcome"]) for r in built.access_log_entries]
    assert entries == [
        ("finger", "198.51.100.7", "lookup", "/W alice", "found"),
        ("finger", "198.51.100.7", "list", "", "listed"),
        ("finger", "198.51.100.7", "lookup", "bob@other.test", "refused"),
    ]
    assert [r["bytes"] for r in built.access_log_entries][1:] == [len(NOBODY_ONLINE), len(DENIED)]


def test_the_fixture_matches_the_behaviours_page() -> None:
    assert ALICE["name"] == "Alice Adams"
