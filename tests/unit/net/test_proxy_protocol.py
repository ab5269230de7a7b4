"""Connections behind a proxy, without a network: who is let in, whose address counts, what passes through, what is told."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IHalfCloseableProtocol, ISSLTransport
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.ssl import CertificateOptions
from twisted.internet.testing import MemoryReactor, StringTransport
from twisted.logger import Logger
from twisted.protocols.tls import TLSMemoryBIOProtocol
from twisted.python.failure import Failure

from gateway.config.problems import CannotStart
from gateway.finger.protocol import FingerService
from gateway.finger.settings import FingerSettings
from gateway.net.endpoints import BoundPorts, Listener, server_endpoint, trusts_any_proxy
from gateway.net.proxy_protocol import ProxyProtocolFactory, ProxyProtocolGate, ProxyProtocolReactor
from gateway.web.app import WebService
from gateway.web.settings import WebSettings
from tests.unit.finger.wire import HalfCloseTransport, logged_failures
from tests.unit.fixtures import GatewayHarness, make_create_edit, make_dependencies
from tests.unit.proxy import CLIENT, HERE, LOCAL, addresses, relayed, v1, v2
from tests.unit.web.browser import WebTransport

ADDRESS_OF_PROXY = "127.0.0.1"
BEHIND = "10.0.0.5"  # where the proxy connects to
MEMBER = "192.0.2.1"
ASK = b"nobody\r\n"
ANSWER = b"nobody: no such user.\r\n"


class Front:
    """The haproxy: endpoint of one factory, and what its entrance told."""

    def __init__(self, built: GatewayHarness, factory: Any, table: str = "finger") -> None:
        self.built = built
        self.counts: list[str] = []
        self.entrance = ProxyProtocolGate(table, built.clock, built.deps.admission, self.counts.append)
        self.entrance.set_trust([ADDRESS_OF_PROXY, "::1"], built.deps.timeout)
        self.behind = factory
        self.factory = ProxyProtocolFactory(self.entrance, factory)

    def connect(self, peer: Any = ADDRESS_OF_PROXY, kind: type[StringTransport] = HalfCloseTransport) -> "Connection":
        return Connection(self, peer, kind)


class Connection:
    """One connection to a Front."""

    def __init__(self, front: Front, peer: Any, kind: type[StringTransport]) -> None:
        if isinstance(peer, str):
            peer = (IPv6Address if ":" in peer else IPv4Address)("TCP", peer, 40000)
        self.wire: Any = kind(hostAddress=IPv4Address("TCP", BEHIND, 1079), peerAddress=peer)
        self.protocol: Any = front.factory.buildProtocol(peer)
        if self.protocol is not None:
            self.protocol.makeConnection(self.wire)

    def send(self, *segments: bytes) -> "Connection":
        for segment in segments:
            self.protocol.dataReceived(segment)
        return self

    def lose(self) -> None:
        self.protocol.connectionLost(Failure(ConnectionDone()))

    @property
    def received(self) -> bytes:
        return bytes(self.wire.value())

    @property
    def aborted(self) -> bool:
        return bool(self.wire.disconnected)


@pytest.fixture
def built(tmp_path: Path) -> Iterator[GatewayHarness]:
    one = make_dependencies(tmp_path, queries_per_minute=5, connections=10, per_address=2, hosts=["dir.test"])
    yield one
    one.stop()


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What the gates log. Made before them: a gate takes its logger when it is made."""
    events: list[dict[str, Any]] = []
    monkeypatch.setattr(ProxyProtocolGate, "log", Logger(namespace="test", observer=events.append))  # type: ignore[arg-type]
    return events


@pytest.fixture
def front(told: list[dict[str, Any]], built: GatewayHarness) -> Front:
    return Front(built, FingerService(FingerSettings(), built.deps).factory)


def peers(built: GatewayHarness) -> list[str]:
    return [record["peer"] for record in built.access_log_entries]


@pytest.mark.parametrize("header", [v1(), relayed()], ids=["version 1", "version 2"])
def test_F019_the_client_of_the_header_is_recorded_however_it_is_split(
    built: GatewayHarness, front: Front, header: bytes
) -> None:
    whole = header + ASK
    one = front.connect().send(whole)
    one.lose()
    other = front.connect().send(*(whole[at : at + 1] for at in range(len(whole))))
    third = front.connect().send(header[:20], header[20:] + ASK[:3], ASK[3:])
    assert [each.received for each in (one, other, third)] == [ANSWER] * 3
    assert peers(built) == [CLIENT] * 3
    assert front.counts == []


@pytest.mark.parametrize(
    "header",
    [b"PROXY UNKNOWN\r\n", b"PROXY UNKNOWN \x1b[31m\r\n", v2(LOCAL, 0, b""), v2(LOCAL, 0x11, addresses())],
    ids=["UNKNOWN", "UNKNOWN and more", "LOCAL", "LOCAL with addresses"],
)
def test_F019_R034_who_is_not_named_has_the_address_of_the_connection(
    built: GatewayHarness, front: Front, header: bytes
) -> None:
    assert front.connect().send(header + ASK).received == ANSWER
    assert peers(built) == [ADDRESS_OF_PROXY]


@pytest.mark.parametrize("peer", ["127.0.0.2", "198.51.100.1", "2001:db8::1", "::ffff:10.0.0.1"])
def test_R034_a_stranger_with_a_header_is_not_let_in(
    built: GatewayHarness, front: Front, told: list[dict[str, Any]], peer: str
) -> None:
    assert front.connect(peer).protocol is None
    assert front.counts == ["refused"]
    assert (told[0]["peer"], told[0]["why"]) == (peer, "not one of finger.trusted_proxies")
    assert peers(built) == []


@pytest.mark.parametrize("peer", ["127.0.0.1", "::1", "::ffff:127.0.0.1", UNIXAddress("/run/finger"), UNIXAddress("")])
def test_a_proxy_is_let_in_by_any_form_of_its_address_and_by_a_socket_in_the_file_system(
    front: Front, peer: Any
) -> None:
    assert front.connect(peer).send(v1() + ASK).received == ANSWER


def test_R034_what_is_no_header_closes_and_nothing_of_it_is_told(
    built: GatewayHarness, front: Front, told: list[dict[str, Any]]
) -> None:
    evil = b"PROXY TCP4 evil\x1b[31m 1.2.3.4 1 2\r\nalice\r\n"
    with logged_failures() as seen:
        for _ in range(50):
            one = front.connect().send(evil)
            assert one.aborted and one.received == b""
            one.send(b"more that was on its way").lose()
    assert seen == []
    assert front.counts == ["invalid"] * 50
    assert len(told) == 1 and "evil" not in repr(told) and "\x1b" not in repr(told)
    built.clock.advance(10)
    front.connect().send(b"alice\r\n").lose()
    assert [event["failures"] for event in told] == [1, 51]
    assert peers(built) == [] and built.deps.admission.open == 0


def test_F019_on_a_plain_endpoint_a_header_is_a_question_like_any_other(built: GatewayHarness) -> None:
    """Words of which nobody is called one; whose address it claims does not matter."""
    factory = FingerService(FingerSettings(), built.deps).factory
    for header in (v1(), relayed(), b"PROXY UNKNOWN\r\n"):
        wire = HalfCloseTransport(
            hostAddress=IPv4Address("TCP", HERE, 79), peerAddress=IPv4Address("TCP", "203.0.113.5", 1)
        )
        protocol = factory.buildProtocol(None)
        protocol.makeConnection(wire)
        protocol.dataReceived(header + b"alice\r\n")
        assert b"Alice Adams" not in wire.value()
        protocol.connectionLost(Failure(ConnectionDone()))
    assert peers(built) == ["203.0.113.5"] * 3


def test_F019_records_have_the_header_s_address_in_any_form(built: GatewayHarness, front: Front) -> None:
    for source in (MEMBER, f"::ffff:{MEMBER}", CLIENT):
        front.connect().send(v1(source, f"::ffff:{HERE}" if ":" in source else HERE) + ASK)
    assert peers(built) == [MEMBER, MEMBER, CLIENT]


def test_F019_members_are_told_by_the_header_s_address(built: GatewayHarness, front: Front) -> None:
    built.change(
        make_create_edit({"login": "shy", "name": "Shy Sue", "email": "s@dir.test", "visibility": {"email": "members"}})
    )
    built.poll_store()
    for source, sees in ((MEMBER, True), (f"::ffff:{MEMBER}", True), (CLIENT, False)):
        one = front.connect().send(relayed(source, f"::ffff:{HERE}" if ":" in source else HERE) + b"shy\r\n")
        assert b"Shy Sue" in one.received and (b"s@dir.test" in one.received) is sees


def test_F019_limits_are_each_client_s_and_not_the_proxy_s(built: GatewayHarness, front: Front) -> None:
    for number in range(6):
        one = front.connect().send(relayed() + ASK)
        assert one.received.startswith(b"Too many queries" if number == 5 else ANSWER)
        one.lose()
    other = front.connect().send(relayed("198.51.100.8") + ASK)
    assert other.received == ANSWER
    held = [front.connect().send(relayed("2001:db8::1", "2001:db8::9")) for _ in range(3)]
    assert [each.wire.disconnecting for each in held] == [False, False, True]
    assert built.deps.admission.open == 4  # the three and the other one


def test_F019_the_address_that_was_dialled_is_the_header_s(front: Front) -> None:
    ours = front.connect().send(v1() + b"nobody@[203.0.113.9]\r\n")
    assert ours.received == ANSWER
    theirs = front.connect().send(v1("198.51.100.8") + b"nobody@[10.0.0.5]\r\n")
    assert theirs.received != ANSWER


def test_R031_a_header_that_trickles_ends_at_its_deadline(
    built: GatewayHarness, front: Front, told: list[dict[str, Any]]
) -> None:
    slow = front.connect()
    for byte in v1()[:19]:
        slow.send(bytes([byte]))
        built.clock.advance(0.5)
        assert not slow.aborted
    built.clock.advance(0.6)
    assert slow.aborted and slow.received == b""
    assert front.counts == ["timeout"] and built.deps.admission.open == 0
    assert [event["why"] for event in told] == ["it did not come in time"]


def test_R031_the_line_behind_a_header_has_a_deadline_of_its_own(built: GatewayHarness, front: Front) -> None:
    slow = front.connect()
    built.clock.advance(9.9)
    slow.send(v1())
    built.clock.advance(9.9)
    assert slow.received == b""
    built.clock.advance(0.2)
    assert slow.received == b"Input timeout.\r\n"


def test_who_says_nothing_counts_and_gives_way(built: GatewayHarness, front: Front) -> None:
    """Ten may be connected, 12 at the most: the 13th is let in, and who has waited longest goes."""
    silent = [front.connect() for _ in range(12)]
    assert built.deps.admission.open == 12 and not any(each.aborted for each in silent)
    late = front.connect().send(v1() + ASK)
    assert [each.aborted for each in silent] == [True] + [False] * 11
    assert b"Too many connections" in late.received
    for each in (*silent, late):
        each.lose()
    assert built.deps.admission.open == 0
    assert front.counts == ["limited"] + ["empty"] * 11


def test_a_connection_that_says_nothing_is_counted_and_not_told(
    built: GatewayHarness, front: Front, told: list[dict[str, Any]]
) -> None:
    shut = front.connect()
    shut.protocol.readConnectionLost()
    assert shut.wire.disconnecting
    shut.lose()
    front.connect().lose()
    assert (front.counts, told, peers(built)) == (["empty", "empty"], [], [])
    front.connect().send(v1()[:9]).lose()
    assert front.counts[2:] == ["gone"] and told[0]["why"] == "closed before its end"


def test_a_health_check_comes_to_no_question(built: GatewayHarness, front: Front, told: list[dict[str, Any]]) -> None:
    """A header that names nobody and then nothing, as haproxy's `check` sends it; ended by a FIN or a reset."""
    for header in (v2(LOCAL, 0, b""), b"PROXY UNKNOWN\r\n"):
        shut = front.connect().send(header)
        shut.protocol.readConnectionLost()
        assert shut.wire.disconnecting and shut.received == b""
        shut.lose()
        front.connect().send(header[:5], header[5:]).lose()
    assert (front.counts, told, peers(built)) == (["empty"] * 4, [], [])
    assert built.deps.admission.open == 0


def test_who_is_not_named_and_says_nothing_is_told_when_the_time_is_over(built: GatewayHarness, front: Front) -> None:
    silent = front.connect().send(b"PROXY UNKNOWN\r\n")
    built.clock.advance(10)
    assert silent.received == b""
    built.clock.advance(10)
    assert silent.received == b"Input timeout.\r\n"
    late = front.connect().send(b"PROXY UNKNOWN\r\n", ASK[:3], ASK[3:])
    assert late.received == ANSWER


def test_half_a_close_passes_through_both_ways(front: Front) -> None:
    """nc -N: a line without its end, then the client's FIN; the answer, then ours; then a moment for theirs."""
    one = front.connect().send(v1() + b"nobody")
    assert one.received == b""
    one.protocol.readConnectionLost()
    assert one.received == ANSWER
    assert one.wire.disconnecting
    other = front.connect().send(v1() + ASK)
    assert other.wire.write_side_closed and not other.wire.disconnecting
    other.protocol.writeConnectionLost()
    assert not other.wire.disconnecting
    front.built.clock.advance(1)
    assert other.wire.disconnecting
    other.lose()


def test_what_knows_no_half_is_closed_with_it(built: GatewayHarness) -> None:
    class Echo(Protocol):
        def dataReceived(self, data: bytes) -> None:
            assert self.transport is not None
            self.transport.write(data)

    assert not IHalfCloseableProtocol.implementedBy(Echo)
    one = Front(built, Factory.forProtocol(Echo)).connect().send(v1() + b"all", b" of it")
    one.protocol.writeConnectionLost()
    one.protocol.readConnectionLost()
    assert one.received == b"all of it" and one.wire.disconnecting


def test_a_long_answer_goes_by_a_producer_and_an_abort_reaches_the_connection(
    built: GatewayHarness, front: Front
) -> None:
    class Held(Protocol):
        """Says where it is, and keeps its transport."""

        transport: Any

    factory = Factory.forProtocol(Held)
    one = Front(built, factory).connect().send(v1())
    held = one.protocol._wrapped
    assert (held.transport.getPeer(), held.transport.getHost()) == (
        IPv4Address("TCP", CLIENT, 50000),
        IPv4Address("TCP", HERE, 79),
    )
    producer = object()
    held.transport.registerProducer(producer, False)
    assert one.wire.producer is producer
    held.transport.unregisterProducer()
    held.transport.writeSequence([b"a", b"b"])
    held.transport.abortConnection()
    assert one.received == b"ab" and one.aborted
    one.lose()
    assert one.protocol._wrapped is None


def test_a_factory_that_makes_nothing_closes(built: GatewayHarness) -> None:
    class Nothing(Factory[Protocol]):
        def buildProtocol(self, addr: Any) -> None:
            assert addr == IPv4Address("TCP", CLIENT, 50000)

    one = Front(built, Nothing()).connect().send(v1() + b"x")
    assert one.aborted
    one.lose()


def test_F019_the_web_side_sees_the_client_of_the_header(built: GatewayHarness) -> None:
    front = Front(built, WebService(WebSettings(), built.deps).factory, "web")
    one = front.connect(kind=WebTransport).send(
        relayed("2001:db8::7", "2001:db8::9") + b"GET /users/nobody.txt HTTP/1.1\r\nHost: dir.test\r\n\r\n"
    )
    built.clock.advance(0)
    assert one.received.startswith(b"HTTP/1.1 404 ")
    assert peers(built) == ["2001:db8::7"]
    assert one.protocol._wrapped.own_address == "2001:db8::9"


def test_when_the_house_closes_who_waits_is_cut(
    built: GatewayHarness, front: Front, told: list[dict[str, Any]]
) -> None:
    silent, asking = front.connect(), front.connect().send(v1())
    front.factory.doStart()
    front.factory.doStop()
    assert silent.aborted and not asking.aborted
    silent.lose()
    assert (front.counts, told, built.deps.admission.open) == ([], [], 1)


# endpoints


def listened(endpoint: str, tmp_path: Path) -> MemoryReactor:
    """The reactor whose ports *endpoint* opened."""
    reactor = MemoryReactor()
    reactor.seconds = lambda: 0.0  # type: ignore[attr-defined]
    built = make_dependencies(tmp_path)
    entrance = Front(built, Factory()).entrance
    BoundPorts(reactor, "gateway.toml").listen(
        [Listener("finger.listen[0]", endpoint, Factory.forProtocol(Protocol), entrance)]
    )
    built.stop()
    return reactor


@pytest.mark.parametrize("kind", ["tcp:79", r"tcp6:79:interface=\:\:1", "tcp:79:interface=127.0.0.1"])
def test_F019_haproxy_endpoints_are_ours_and_not_twisted_s(tmp_path: Path, kind: str) -> None:
    reactor = listened(f"haproxy:{kind}", tmp_path)
    ((port, factory, backlog, _),) = reactor.tcpServers
    assert (port, type(factory), backlog) == (79, ProxyProtocolFactory, 1024)


def test_haproxy_endpoints_of_sockets_in_the_file_system(tmp_path: Path) -> None:
    ((path, factory, backlog, _, _),) = listened("haproxy:unix:/run/finger", tmp_path).unixServers
    assert (path, type(factory), backlog) == ("/run/finger", ProxyProtocolFactory, 1024)


def test_a_header_comes_before_the_handshake_of_tls(built: GatewayHarness) -> None:
    reactor = MemoryReactor()
    front = Front(built, Factory())
    context = CertificateOptions()
    ProxyProtocolReactor(reactor, front.entrance).listenSSL(443, Factory.forProtocol(Protocol), context, backlog=5)
    ((port, factory, backlog, _),) = reactor.tcpServers
    assert isinstance(factory, ProxyProtocolFactory)
    front.factory = factory
    assert (port, backlog) == (443, 5)
    one = front.connect().send(v1())
    assert isinstance(one.protocol._wrapped, TLSMemoryBIOProtocol)
    inner: Any = one.protocol._wrapped.wrappedProtocol
    transport = inner.transport
    assert ISSLTransport.providedBy(transport)
    assert transport.getPeer() == IPv4Address("TCP", CLIENT, 50000)


def test_a_listener_without_an_entrance_is_not_behind_a_proxy(tmp_path: Path) -> None:
    reactor = MemoryReactor()
    reactor.seconds = lambda: 0.0  # type: ignore[attr-defined]
    with pytest.raises(CannotStart, match="must be without haproxy:"):
        BoundPorts(reactor, "gateway.toml").listen([Listener("--irc", "haproxy:tcp:6667", Factory())])
    assert reactor.tcpServers == []


@pytest.mark.parametrize("endpoint", ["haproxy:haproxy:tcp:79", "haproxy:", "haproxy:tcp:x", "haproxy:gopher:70"])
def test_a_haproxy_endpoint_that_means_nothing_is_told_as_it_stands(endpoint: str) -> None:
    with pytest.raises(CannotStart) as told:
        server_endpoint(MemoryReactor(), "gateway.toml", "finger.listen[0]", endpoint)
    assert str(told.value).startswith(f"gateway.toml: finger.listen[0]: found {endpoint!r} (")


@pytest.mark.parametrize(
    ("endpoint", "all_of_them"),
    [
        ("haproxy:tcp:79", True),
        ("haproxy:tcp6:79", True),
        ("haproxy:tcp:79:interface=0.0.0.0", True),
        (r"haproxy:tcp6:79:interface=\:\:", True),
        ("haproxy:tcp:79:interface=127.0.0.1", False),
        ("haproxy:tcp:79:10.0.0.1", False),
        (r"haproxy:tcp6:79:interface=\:\:1", False),
        ("haproxy:unix:/run/finger", False),
        ("haproxy:systemd:domain=INET:name=finger", False),
        ("tcp:79", False),
    ],
)
def test_F019_an_endpoint_that_believes_headers_on_every_address_is_found(endpoint: str, all_of_them: bool) -> None:
    assert trusts_any_proxy(endpoint) is all_of_them
