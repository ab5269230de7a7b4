"""Queries that are passed on: what goes out, what comes back, and what is refused. The network is the test's."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from gateway.finger.forwarding import MAX_ANSWER_BYTES, forward
from gateway.finger.query import ForwardQuery, parse_query
from gateway.finger.settings import FingerSettings
from gateway.outbound.public_hosts import MAX_CONNECTIONS_PER_HOST
from tests.unit import fixtures
from tests.unit.finger.wire import Client
from tests.unit.fixtures import Built, make_dependencies
from tests.unit.outbound.network import Begun, Network

DENIED = "Finger forwarding service denied"
NAMES = {
    "b.test": [["9.9.9.2"]],
    "www.example.org": [["9.9.9.3"]],
    "xn--bcher-kva.example": [["9.9.9.4"]],
    "private.test": [["10.0.0.1", "::1"]],
    "us.test": [["9.9.9.1"]],
    "dir.test": [["9.9.9.1"]],
    "rebinding.test": [["9.9.9.5"], ["169.254.169.254"]],
}
ALLOWED = ["B.test.", "*.example.org", "bücher.example", "private.test", "us.test", "gone.test", "rebinding.test", "9.9.9.9",
           "10.0.0.1", "dir.test"]  # fmt: skip


class Reactor(Network, fixtures.TestClock):
    """The network and the store's clock in one."""


@pytest.fixture
def built(tmp_path: Path) -> Iterator[Built]:
    made = make_dependencies(tmp_path, clock=Reactor(NAMES), listen_addresses=["9.9.9.1"])
    yield made
    made.stop()


class Passed(Begun):
    """A query that is being passed on, and what the asker has seen of the answer."""

    def __init__(
        self, built: Built, line: str, hops: int = 1, allowed: Sequence[str] = ALLOWED, **options: Any
    ) -> None:
        self.network: Any = built.clock
        self.said: list[str] = []
        query = parse_query(line, built.deps.site.hosts.__contains__)
        assert isinstance(query, ForwardQuery), query
        settings = FingerSettings(forward_to=list(allowed), max_hops=hops, **options)
        super().__init__(forward(query, self.said.append, settings, built.deps))


@pytest.mark.parametrize(
    ("line", "place", "sent"),
    [
        ("bob@b.test", "9.9.9.2", b"bob\r\n"),
        ("/W bob@b.test", "9.9.9.2", b"/W bob\r\n"),
        ("/w bob@B.TEST.", "9.9.9.2", b"/W bob\r\n"),
        ("bob@dir.test@b.test@dir.test", "9.9.9.2", None),
        ("/W bob@a.test@b.test", "9.9.9.2", b"/W bob@a.test\r\n"),
        ("/W bob@a.test@b.test@dir.test", "9.9.9.2", b"/W bob@a.test\r\n"),
        ("@b.test", "9.9.9.2", b"\r\n"),
        ("/W @b.test", "9.9.9.2", b"/W\r\n"),
        ("@a.test@b.test", "9.9.9.2", b"@a.test\r\n"),
        ("Žofie Černá@b.test", "9.9.9.2", "Žofie Černá\r\n".encode()),
        ("bob@www.example.org", "9.9.9.3", b"bob\r\n"),
        ("bob@BÜCHER.example", "9.9.9.4", b"bob\r\n"),
        ("bob@9.9.9.9", "9.9.9.9", b"bob\r\n"),
    ],
)
def test_F087_the_right_most_host_is_asked_the_rest(built: Built, line: str, place: str, sent: bytes | None) -> None:
    passed = Passed(built, line, hops=2)
    if sent is None:  # a host of ours among the others: it would come back here
        assert passed.result == (f"{DENIED}: b.test is this server.", "refused")
        return
    assert passed.network.tried == [(place, 79)]
    assert passed.network.takes().heard == sent


@pytest.mark.parametrize(
    "line",
    [
        "bob@other.test", "@other.test", "/W bob@other.test", "bob@h1@h2", "bob@b.test@other.test", "bob@example.org",
        "bob@badexample.org", "bob@b.test:79", "bob@b.test.other.test", "bob@9.9.9.10", "bob@-b.test", "bob@b.test\x00",
        # to a host that is allowed, what no server should be asked
        "-l@b.test", "--help@b.test", "bob -l@b.test", "bob,-l@b.test", "/PULL@b.test", "bob /x@b.test",
        "bob\x1b[2J@b.test", "bob\x00@b.test", "bob\tb@b.test", "bob\x9b@b.test", "bob\u202e@b.test", "bob\ufffd@b.test",
        "bob@@b.test", "bob@-x@b.test", "bob@a b@b.test", "bob@a\x07@b.test", "bob@a/b@b.test",
        "bob" + "@h" * 200 + "@b.test", "@" * 499 + "b.test",
        # an address in the clothes of a name that is allowed
        "bob@64:ff9b::808:808%.example.org", "bob@[fe80::1%.example.org]", "bob@2620:fe::9%x.example.org",
    ],
)  # fmt: skip
def test_F076_F077_F084_what_is_not_allowed_is_neither_looked_up_nor_dialled(built: Built, line: str) -> None:
    passed = Passed(built, line, hops=8)
    assert passed.result[1] == "refused" and passed.result[0].startswith(DENIED)
    assert (passed.network.names.asked, passed.network.tried, passed.said) == ([], [], [])


def test_F076_by_default_nobody_is_asked(built: Built) -> None:
    passed = Passed(built, "bob@b.test", allowed=FingerSettings().forward_to)
    assert passed.result == (DENIED, "refused")
    assert (passed.network.names.asked, passed.network.tried) == ([], [])


def test_F088_what_comes_is_passed_on_as_it_comes_and_cleaned(built: Built) -> None:
    passed = Passed(built, "bob@b.test")
    server = passed.network.takes()
    server.says(b"Login: bob\r\nName: \x1b[3")
    assert passed.said == ["Login: bob\n"]
    passed.network.advance(4)
    server.says(b"1mB\xc5")
    server.says(b"\xbe\x1b[0m\r\n\x1b]0;owned\x07caf\xe9\n")
    assert passed.said == ["Login: bob\n", "Name: Bž\ncafé\n"]
    passed.network.advance(4)
    server.says(b"no end")
    assert passed.results == []
    server.closes()
    assert (passed.said[2:], passed.result) == (["no end"], ("", "served"))


def test_a_kept_colour_is_closed_where_colours_pass(built: Built) -> None:
    passed = Passed(built, "bob@b.test", ansi="sgr")
    server = passed.network.takes()
    server.says(b"\x1b[31mred\x1b[2J\r\n")
    assert "\x1b[2J" not in passed.said[0] and "red" in passed.said[0]


def test_F028_an_answer_is_in_ascii_where_ours_are(built: Built) -> None:
    passed = Passed(built, "bob@b.test", charset="ascii")
    passed.network.takes().says("Name: Žofie\r\n".encode())
    assert passed.said == ["Name: Zofie\n"]


@pytest.mark.parametrize(
    ("line", "said", "outcome"),
    [
        ("bob@private.test", f"{DENIED}: private.test has no public address.", "refused"),
        ("bob@10.0.0.1", f"{DENIED}: 10.0.0.1 has no public address.", "refused"),
        ("bob@gone.test", "gone.test: no such host.", "unavailable"),
    ],
)
def test_F089_a_private_target_is_refused_after_it_is_resolved(
    built: Built, line: str, said: str, outcome: str
) -> None:
    passed = Passed(built, line)
    assert passed.result == (said, outcome)
    assert passed.network.tried == []


def test_F089_the_name_is_resolved_once(built: Built) -> None:
    passed = Passed(built, "bob@rebinding.test")
    passed.network.advance(5)
    assert passed.network.tried == [("9.9.9.5", 79)]
    assert passed.network.names.asked.count("rebinding.test") == 1


@pytest.mark.parametrize(
    ("line", "hops", "said"),
    [
        ("bob@us.test", 1, f"{DENIED}: us.test is this server."),
        ("bob@dir.test@b.test", 2, f"{DENIED}: b.test is this server."),
        ("bob@127.0.0.1@b.test", 2, f"{DENIED}: b.test is this server."),
        ("bob@a.test@b.test", 1, f"{DENIED}: a query may name 1 host."),
        ("bob@a.test@a.test@b.test", 2, f"{DENIED}: a query may name 2 hosts."),
    ],
)
def test_F090_loops_are_refused(built: Built, line: str, hops: int, said: str) -> None:
    passed = Passed(built, line, hops)
    assert passed.result == (said, "refused")
    assert passed.network.tried == []


def test_F091_an_endless_answer_is_cut(built: Built) -> None:
    passed = Passed(built, "bob@b.test")
    server = passed.network.takes()
    line = b"x" * 78 + b"\r\n"
    while not passed.results:
        server.says(line * 100)
    assert server.dropped
    assert passed.result == ("[cut off here: b.test sent too much]", "served")
    assert sum(map(len, passed.said)) <= MAX_ANSWER_BYTES < sum(map(len, passed.said)) + 2 * MAX_ANSWER_BYTES // 80 + 80


def test_F091_a_silent_server_a_slow_one_and_one_that_breaks(built: Built) -> None:
    silent = Passed(built, "bob@b.test")
    connection = silent.network.takes()
    silent.network.advance(10.1)
    assert (silent.result, connection.dropped) == (("b.test: no answer in time.", "timeout"), True)
    slow = Passed(built, "bob@b.test")
    connection = slow.network.takes()
    for _ in range(9):
        slow.network.advance(1)
        connection.says(b".")
    slow.network.advance(1.1)
    assert (slow.said, slow.result) == (["." * 9], ("[broken off here: b.test did not finish]", "timeout"))
    broken = Passed(built, "bob@b.test")
    connection = broken.network.takes()
    connection.says(b"half\r\n")
    connection.closes(ConnectionError())
    assert (broken.said, broken.result) == (["half\n"], ("[broken off here: b.test did not finish]", "unavailable"))
    empty = Passed(built, "bob@b.test")
    empty.network.takes().closes()
    assert empty.result == ("b.test: an empty answer.", "served")


def test_F091_an_unreachable_server_is_told_in_one_line(built: Built) -> None:
    passed = Passed(built, "bob@b.test")
    passed.network.refuses()
    assert passed.result == ("b.test: cannot be reached.", "unavailable")


def test_F091_only_so_many_at_once(built: Built) -> None:
    begun = [Passed(built, "bob@b.test") for _ in range(MAX_CONNECTIONS_PER_HOST)]
    assert Passed(built, "bob@b.test").result == ("Too many queries are being passed on, try again later.", "limited")
    begun[0].deferred.cancel()
    assert not Passed(built, "bob@b.test").results


def test_F088_over_the_wire_with_one_record(built: Built) -> None:
    network: Any = built.clock
    client = Client(built, settings=FingerSettings(forward_to=["b.test"]))
    client.send(b"/W bob@b.test\r\n")
    server = network.takes()
    assert server.heard == b"/W bob\r\n"
    server.says(b"one\ntwo\r")
    assert client.received == b"one\r\n"
    server.says(b"\n\x1b[2Jthree")
    assert client.received == b"one\r\ntwo\r\n"
    assert not client.transport.write_side_closed
    server.closes()
    client.drain()
    assert client.received == b"one\r\ntwo\r\nthree\r\n"
    (record,) = built.access_log_entries
    assert (record["query"], record["outcome"], record["bytes"]) == ("/W bob@b.test", "served", 17)


def test_who_goes_takes_the_connection_with_them(built: Built) -> None:
    network: Any = built.clock
    client = Client(built, settings=FingerSettings(forward_to=["b.test"]))
    client.send(b"bob@b.test\r\n")
    server = network.takes()
    client.lose_connection()
    assert server.dropped
    assert [record["outcome"] for record in built.access_log_entries] == ["gone"]
    assert not built.deps.outbound._open
