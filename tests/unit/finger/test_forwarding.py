"""Forwarded queries on a fake network: what is sent, what is returned, and what is refused."""

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
from tests.unit.fixtures import GatewayHarness, make_dependencies
from tests.unit.outbound.network import Network, StartedCoroutine

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


class Reactor(Network, fixtures.ReactorClock):
    """A fake network that is also the clock of the store."""


@pytest.fixture
def built(tmp_path: Path) -> Iterator[GatewayHarness]:
    made = make_dependencies(tmp_path, clock=Reactor(NAMES), listen_addresses=["9.9.9.1"])
    yield made
    made.stop()


class Forwarded(StartedCoroutine):
    """A query that is being forwarded; *output* is what the client has received so far."""

    def __init__(
        self, built: GatewayHarness, line: str, hops: int = 1, allowed: Sequence[str] = ALLOWED, **options: Any
    ) -> None:
        self.network: Any = built.clock
        self.output: list[str] = []
        query = parse_query(line, built.deps.site.hosts.__contains__)
        assert isinstance(query, ForwardQuery), query
        settings = FingerSettings(forward_to=list(allowed), max_hops=hops, **options)
        super().__init__(forward(query, self.output.append, settings, built.deps))


@pytest.mark.parametrize(
    ("line", "address", "sent"),
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
def test_F087_the_rest_of_the_query_goes_to_the_rightmost_host(
    built: GatewayHarness, line: str, address: str, sent: bytes | None
) -> None:
    forwarded = Forwarded(built, line, hops=2)
    if sent is None:  # one of the hosts is this server, so the query would come back
        assert forwarded.result == (f"{DENIED}: b.test is this server.", "refused")
        return
    assert forwarded.network.tried == [(address, 79)]
    assert forwarded.network.accept().received == sent


@pytest.mark.parametrize(
    "line",
    [
        "bob@other.test", "@other.test", "/W bob@other.test", "bob@h1@h2", "bob@b.test@other.test", "bob@example.org",
        "bob@badexample.org", "bob@b.test:79", "bob@b.test.other.test", "bob@9.9.9.10", "bob@-b.test", "bob@b.test\x00",
        # allowed host, but text that must not be sent to any server
        "-l@b.test", "--help@b.test", "bob -l@b.test", "bob,-l@b.test", "/PULL@b.test", "bob /x@b.test",
        "bob\x1b[2J@b.test", "bob\x00@b.test", "bob\tb@b.test", "bob\x9b@b.test", "bob\u202e@b.test", "bob\ufffd@b.test",
        "bob@@b.test", "bob@-x@b.test", "bob@a b@b.test", "bob@a\x07@b.test", "bob@a/b@b.test",
        "bob" + "@h" * 200 + "@b.test", "@" * 499 + "b.test",
        # an address disguised as an allowed name
        "bob@64:ff9b::808:808%.example.org", "bob@[fe80::1%.example.org]", "bob@2620:fe::9%x.example.org",
    ],
)  # fmt: skip
def test_F076_F077_F084_forbidden_queries_cause_no_lookup_and_no_connection(built: GatewayHarness, line: str) -> None:
    forwarded = Forwarded(built, line, hops=8)
    assert forwarded.result[1] == "refused" and forwarded.result[0].startswith(DENIED)
    assert (forwarded.network.names.queried, forwarded.network.tried, forwarded.output) == ([], [], [])


def test_F076_forwarding_is_off_by_default(built: GatewayHarness) -> None:
    forwarded = Forwarded(built, "bob@b.test", allowed=FingerSettings().forward_to)
    assert forwarded.result == (DENIED, "refused")
    assert (forwarded.network.names.queried, forwarded.network.tried) == ([], [])


def test_F088_the_answer_is_streamed_and_sanitized(built: GatewayHarness) -> None:
    forwarded = Forwarded(built, "bob@b.test")
    server = forwarded.network.accept()
    server.send(b"Login: bob\r\nName: \x1b[3")
    assert forwarded.output == ["Login: bob\n"]
    forwarded.network.advance(4)
    server.send(b"1mB\xc5")
    server.send(b"\xbe\x1b[0m\r\n\x1b]0;owned\x07caf\xe9\n")
    assert forwarded.output == ["Login: bob\n", "Name: Bž\ncafé\n"]
    forwarded.network.advance(4)
    server.send(b"no end")
    assert forwarded.results == []
    server.close()
    assert (forwarded.output[2:], forwarded.result) == (["no end"], ("", "served"))


def test_colours_pass_and_other_escapes_are_removed_with_ansi_sgr(built: GatewayHarness) -> None:
    forwarded = Forwarded(built, "bob@b.test", ansi="sgr")
    server = forwarded.network.accept()
    server.send(b"\x1b[31mred\x1b[2J\r\n")
    assert "\x1b[2J" not in forwarded.output[0] and "red" in forwarded.output[0]


def test_F028_a_forwarded_answer_is_ascii_with_charset_ascii(built: GatewayHarness) -> None:
    forwarded = Forwarded(built, "bob@b.test", charset="ascii")
    forwarded.network.accept().send("Name: Žofie\r\n".encode())
    assert forwarded.output == ["Name: Zofie\n"]


@pytest.mark.parametrize(
    ("line", "message", "outcome"),
    [
        ("bob@private.test", f"{DENIED}: private.test has no public address.", "refused"),
        ("bob@10.0.0.1", f"{DENIED}: 10.0.0.1 has no public address.", "refused"),
        ("bob@gone.test", "gone.test: no such host.", "unavailable"),
    ],
)
def test_F089_a_private_address_is_refused_after_resolving(
    built: GatewayHarness, line: str, message: str, outcome: str
) -> None:
    forwarded = Forwarded(built, line)
    assert forwarded.result == (message, outcome)
    assert forwarded.network.tried == []


def test_F089_a_name_is_resolved_once(built: GatewayHarness) -> None:
    forwarded = Forwarded(built, "bob@rebinding.test")
    forwarded.network.advance(5)
    assert forwarded.network.tried == [("9.9.9.5", 79)]
    assert forwarded.network.names.queried.count("rebinding.test") == 1


@pytest.mark.parametrize(
    ("line", "hops", "message"),
    [
        ("bob@us.test", 1, f"{DENIED}: us.test is this server."),
        ("bob@dir.test@b.test", 2, f"{DENIED}: b.test is this server."),
        ("bob@127.0.0.1@b.test", 2, f"{DENIED}: b.test is this server."),
        ("bob@a.test@b.test", 1, f"{DENIED}: a query may name 1 host."),
        ("bob@a.test@a.test@b.test", 2, f"{DENIED}: a query may name 2 hosts."),
    ],
)
def test_F090_loops_are_refused(built: GatewayHarness, line: str, hops: int, message: str) -> None:
    forwarded = Forwarded(built, line, hops)
    assert forwarded.result == (message, "refused")
    assert forwarded.network.tried == []


def test_F091_an_endless_answer_is_truncated(built: GatewayHarness) -> None:
    forwarded = Forwarded(built, "bob@b.test")
    server = forwarded.network.accept()
    line = b"x" * 78 + b"\r\n"
    while not forwarded.results:
        server.send(line * 100)
    assert server.aborted
    assert forwarded.result == ("[cut off here: b.test sent too much]", "served")
    assert (
        sum(map(len, forwarded.output))
        <= MAX_ANSWER_BYTES
        < sum(map(len, forwarded.output)) + 2 * MAX_ANSWER_BYTES // 80 + 80
    )


def test_F091_silent_slow_broken_and_empty_servers(built: GatewayHarness) -> None:
    silent = Forwarded(built, "bob@b.test")
    connection = silent.network.accept()
    silent.network.advance(10.1)
    assert (silent.result, connection.aborted) == (("b.test: no answer in time.", "timeout"), True)
    slow = Forwarded(built, "bob@b.test")
    connection = slow.network.accept()
    for _ in range(9):
        slow.network.advance(1)
        connection.send(b".")
    slow.network.advance(1.1)
    assert (slow.output, slow.result) == (["." * 9], ("[incomplete: b.test closed the connection]", "timeout"))
    broken = Forwarded(built, "bob@b.test")
    connection = broken.network.accept()
    connection.send(b"half\r\n")
    connection.close(ConnectionError())
    assert (broken.output, broken.result) == (["half\n"], ("[incomplete: b.test closed the connection]", "unavailable"))
    empty = Forwarded(built, "bob@b.test")
    empty.network.accept().close()
    assert empty.result == ("b.test: sent an empty answer.", "served")


def test_F091_an_unreachable_server_is_reported_in_one_line(built: GatewayHarness) -> None:
    forwarded = Forwarded(built, "bob@b.test")
    forwarded.network.refuse()
    assert forwarded.result == ("b.test: cannot be reached.", "unavailable")


def test_F091_parallel_forwarded_queries_are_limited(built: GatewayHarness) -> None:
    running = [Forwarded(built, "bob@b.test") for _ in range(MAX_CONNECTIONS_PER_HOST)]
    assert Forwarded(built, "bob@b.test").result == (
        "Too many queries are being passed on, try again later.",
        "limited",
    )
    running[0].deferred.cancel()
    assert not Forwarded(built, "bob@b.test").results


def test_F088_over_the_wire_with_one_access_log_entry(built: GatewayHarness) -> None:
    network: Any = built.clock
    client = Client(built, settings=FingerSettings(forward_to=["b.test"]))
    client.send(b"/W bob@b.test\r\n")
    server = network.accept()
    assert server.received == b"/W bob\r\n"
    server.send(b"one\ntwo\r")
    assert client.received == b"one\r\n"
    server.send(b"\n\x1b[2Jthree")
    assert client.received == b"one\r\ntwo\r\n"
    assert not client.transport.write_side_closed
    server.close()
    client.drain()
    assert client.received == b"one\r\ntwo\r\nthree\r\n"
    (entry,) = built.access_log_entries
    assert (entry["query"], entry["outcome"], entry["bytes"]) == ("/W bob@b.test", "served", 17)


def test_a_client_disconnect_closes_the_outbound_connection(built: GatewayHarness) -> None:
    network: Any = built.clock
    client = Client(built, settings=FingerSettings(forward_to=["b.test"]))
    client.send(b"bob@b.test\r\n")
    server = network.accept()
    client.lose_connection()
    assert server.aborted
    assert [entry["outcome"] for entry in built.access_log_entries] == ["gone"]
    assert not built.deps.outbound._open
