"""Connections through a PROXY-protocol proxy, without a network: trust, client addresses, data flow, log messages."""

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
REQUEST = b"nobody\r\n"
ANSWER = b"nobody: no such user.\r\n"


class ProxiedFactory:
    """The haproxy: endpoint of one factory, and the outcomes that its gate counted."""

    def __init__(self, built: GatewayHarness, factory: Any, table: str = "finger") -> None:
        self.built = built
        self.counts: list[str] = []
        self.gate = ProxyProtocolGate(table, built.clock, built.deps.admission, self.counts.append)
        self.gate.set_trust([ADDRESS_OF_PROXY, "::1"], built.deps.timeout)
        self.behind = factory
        self.factory = ProxyProtocolFactory(self.gate, factory)

    def connect(self, peer: Any = ADDRESS_OF_PROXY, kind: type[StringTransport] = HalfCloseTransport) -> "Connection":
        return Connection(self, peer, kind)


class Connection:
    """One connection to a ProxiedFactory."""

    def __init__(self, front: ProxiedFactory, peer: Any, kind: type[StringTransport]) -> None:
        if isinstance(peer, str):
            peer = (IPv6Address if ":" in peer else IPv4Address)("TCP", peer, 40000)
        self.transport: Any = kind(hostAddress=IPv4Address("TCP", BEHIND, 1079), peerAddress=peer)
        self.protocol: Any = front.factory.buildProtocol(peer)
        if self.protocol is not None:
            self.protocol.makeConnection(self.transport)

    def send(self, *segments: bytes) -> "Connection":
        for segment in segments:
            self.protocol.dataReceived(segment)
        return self

    def lose(self) -> None:
        self.protocol.connectionLost(Failure(ConnectionDone()))

    @property
    def received(self) -> bytes:
        return bytes(self.transport.value())

    @property
    def aborted(self) -> bool:
        return bool(self.transport.disconnected)


@pytest.fixture
def built(tmp_path: Path) -> Iterator[GatewayHarness]:
    one = make_dependencies(tmp_path, queries_per_minute=5, connections=10, per_address=2, hosts=["dir.test"])
    yield one
    one.stop()


@pytest.fixture
def log_events(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Collect what gates log. A gate takes its logger when it is created, so this fixture comes first."""
    events: list[dict[str, Any]] = []
    monkeypatch.setattr(ProxyProtocolGate, "log", Logger(namespace="test", observer=events.append))  # type: ignore[arg-type]
    return events


@pytest.fixture
def front(log_events: list[dict[str, Any]], built: GatewayHarness) -> ProxiedFactory:
    return ProxiedFactory(built, FingerService(FingerSettings(), built.deps).factory)


def logged_peers(built: GatewayHarness) -> list[str]:
    return [entry["peer"] for entry in built.access_log_entries]


@pytest.mark.parametrize("header", [v1(), relayed()], ids=["version 1", "version 2"])
def test_F019_the_client_of_the_header_is_logged_however_it_is_split(
    built: GatewayHarness, front: ProxiedFactory, header: bytes
) -> None:
    whole = header + REQUEST
    one = front.connect().send(whole)
    one.lose()
    other = front.connect().send(*(whole[at : at + 1] for at in range(len(whole))))
    third = front.connect().send(header[:20], header[20:] + REQUEST[:3], REQUEST[3:])
    assert [each.received for each in (one, other, third)] == [ANSWER] * 3
    assert logged_peers(built) == [CLIENT] * 3
    assert front.counts == []


@pytest.mark.parametrize(
    "header",
    [b"PROXY UNKNOWN\r\n", b"PROXY UNKNOWN \x1b[31m\r\n", v2(LOCAL, 0, b""), v2(LOCAL, 0x11, addresses())],
    ids=["UNKNOWN", "UNKNOWN and more", "LOCAL", "LOCAL with addresses"],
)
def test_F019_R034_without_a_client_the_connections_address_counts(
    built: GatewayHarness, front: ProxiedFactory, header: bytes
) -> None:
    assert front.connect().send(header + REQUEST).received == ANSWER
    assert logged_peers(built) == [ADDRESS_OF_PROXY]


@pytest.mark.parametrize("peer", ["127.0.0.2", "198.51.100.1", "2001:db8::1", "::ffff:10.0.0.1"])
def test_R034_untrusted_peers_are_refused(
    built: GatewayHarness, front: ProxiedFactory, log_events: list[dict[str, Any]], peer: str
) -> None:
    assert front.connect(peer).protocol is None
    assert front.counts == ["refused"]
    assert (log_events[0]["peer"], log_events[0]["why"]) == (peer, "not one of finger.trusted_proxies")
    assert logged_peers(built) == []


@pytest.mark.parametrize("peer", ["127.0.0.1", "::1", "::ffff:127.0.0.1", UNIXAddress("/run/finger"), UNIXAddress("")])
def test_trusted_proxies_by_any_form_of_address_and_by_Unix_socket(front: ProxiedFactory, peer: Any) -> None:
    assert front.connect(peer).send(v1() + REQUEST).received == ANSWER


def test_R034_an_invalid_header_closes_and_is_not_logged(
    built: GatewayHarness, front: ProxiedFactory, log_events: list[dict[str, Any]]
) -> None:
    evil = b"PROXY TCP4 evil\x1b[31m 1.2.3.4 1 2\r\nalice\r\n"
    with logged_failures() as failures_logged:
        for _ in range(50):
            one = front.connect().send(evil)
            assert one.aborted and one.received == b""
            one.send(b"more data in transit").lose()
    assert failures_logged == []
    assert front.counts == ["invalid"] * 50
    assert len(log_events) == 1 and "evil" not in repr(log_events) and "\x1b" not in repr(log_events)
    built.clock.advance(10)
    front.connect().send(b"alice\r\n").lose()
    assert [event["failures"] for event in log_events] == [1, 51]
    assert logged_peers(built) == [] and built.deps.admission.open == 0


def test_F019_on_a_plain_endpoint_a_header_is_an_ordinary_query(built: GatewayHarness) -> None:
    """It is a query for a person with an odd name, and the address in it does not count."""
    factory = FingerService(FingerSettings(), built.deps).factory
    for header in (v1(), relayed(), b"PROXY UNKNOWN\r\n"):
        transport = HalfCloseTransport(
            hostAddress=IPv4Address("TCP", HERE, 79), peerAddress=IPv4Address("TCP", "203.0.113.5", 1)
        )
        protocol = factory.buildProtocol(None)
        protocol.makeConnection(transport)
        protocol.dataReceived(header + b"alice\r\n")
        assert b"Alice Adams" not in transport.value()
        protocol.connectionLost(Failure(ConnectionDone()))
    assert logged_peers(built) == ["203.0.113.5"] * 3


def test_F019_the_access_log_has_the_address_of_the_header(built: GatewayHarness, front: ProxiedFactory) -> None:
    for source in (MEMBER, f"::ffff:{MEMBER}", CLIENT):
        front.connect().send(v1(source, f"::ffff:{HERE}" if ":" in source else HERE) + REQUEST)
    assert logged_peers(built) == [MEMBER, MEMBER, CLIENT]


def test_F019_members_are_recognised_by_the_address_of_the_header(built: GatewayHarness, front: ProxiedFactory) -> None:
    built.change(
        make_create_edit({"login": "shy", "name": "Shy Sue", "email": "s@dir.test", "visibility": {"email": "members"}})
    )
    built.poll_store()
    for source, visible in ((MEMBER, True), (f"::ffff:{MEMBER}", True), (CLIENT, False)):
        one = front.connect().send(relayed(source, f"::ffff:{HERE}" if ":" in source else HERE) + b"shy\r\n")
        assert b"Shy Sue" in one.received and (b"s@dir.test" in one.received) is visible


def test_F019_limits_count_clients_and_not_the_proxy(built: GatewayHarness, front: ProxiedFactory) -> None:
    for number in range(6):
        one = front.connect().send(relayed() + REQUEST)
        assert one.received.startswith(b"Too many queries" if number == 5 else ANSWER)
        one.lose()
    other = front.connect().send(relayed("198.51.100.8") + REQUEST)
    assert other.received == ANSWER
    held = [front.connect().send(relayed("2001:db8::1", "2001:db8::9")) for _ in range(3)]
    assert [each.transport.disconnecting for each in held] == [False, False, True]
    assert built.deps.admission.open == 4  # the three, and the other connection


def test_F019_the_own_address_is_the_destination_of_the_header(front: ProxiedFactory) -> None:
    own_address = front.connect().send(v1() + b"nobody@[203.0.113.9]\r\n")
    assert own_address.received == ANSWER
    other_address = front.connect().send(v1("198.51.100.8") + b"nobody@[10.0.0.5]\r\n")
    assert other_address.received != ANSWER


def test_R031_a_slow_header_has_one_deadline(
    built: GatewayHarness, front: ProxiedFactory, log_events: list[dict[str, Any]]
) -> None:
    slow = front.connect()
    for byte in v1()[:19]:
        slow.send(bytes([byte]))
        built.clock.advance(0.5)
        assert not slow.aborted
    built.clock.advance(0.6)
    assert slow.aborted and slow.received == b""
    assert front.counts == ["timeout"] and built.deps.admission.open == 0
    assert [event["why"] for event in log_events] == ["the header was not received in time"]


def test_R031_the_query_after_a_header_has_its_own_deadline(built: GatewayHarness, front: ProxiedFactory) -> None:
    slow = front.connect()
    built.clock.advance(9.9)
    slow.send(v1())
    built.clock.advance(9.9)
    assert slow.received == b""
    built.clock.advance(0.2)
    assert slow.received == b"Input timeout.\r\n"


def test_silent_connections_count_and_give_way(built: GatewayHarness, front: ProxiedFactory) -> None:
    """The limit is 10 connections, and 12 with waiting ones: the 13th is accepted and the oldest waiting one closed."""
    silent = [front.connect() for _ in range(12)]
    assert built.deps.admission.open == 12 and not any(each.aborted for each in silent)
    late = front.connect().send(v1() + REQUEST)
    assert [each.aborted for each in silent] == [True] + [False] * 11
    assert b"Too many connections" in late.received
    for each in (*silent, late):
        each.lose()
    assert built.deps.admission.open == 0
    assert front.counts == ["limited"] + ["empty"] * 11


def test_a_silent_connection_is_counted_and_not_logged(
    built: GatewayHarness, front: ProxiedFactory, log_events: list[dict[str, Any]]
) -> None:
    shut = front.connect()
    shut.protocol.readConnectionLost()
    assert shut.transport.disconnecting
    shut.lose()
    front.connect().lose()
    assert (front.counts, log_events, logged_peers(built)) == (["empty", "empty"], [], [])
    front.connect().send(v1()[:9]).lose()
    assert front.counts[2:] == ["gone"] and log_events[0]["why"] == "closed before its end"


def test_a_health_check_is_no_request(
    built: GatewayHarness, front: ProxiedFactory, log_events: list[dict[str, Any]]
) -> None:
    """As haproxy's `check` sends it: a header without a client and nothing else, then a FIN or a reset."""
    for header in (v2(LOCAL, 0, b""), b"PROXY UNKNOWN\r\n"):
        shut = front.connect().send(header)
        shut.protocol.readConnectionLost()
        assert shut.transport.disconnecting and shut.received == b""
        shut.lose()
        front.connect().send(header[:5], header[5:]).lose()
    assert (front.counts, log_events, logged_peers(built)) == (["empty"] * 4, [], [])
    assert built.deps.admission.open == 0


def test_a_silent_client_after_a_header_times_out(built: GatewayHarness, front: ProxiedFactory) -> None:
    silent = front.connect().send(b"PROXY UNKNOWN\r\n")
    built.clock.advance(10)
    assert silent.received == b""
    built.clock.advance(10)
    assert silent.received == b"Input timeout.\r\n"
    late = front.connect().send(b"PROXY UNKNOWN\r\n", REQUEST[:3], REQUEST[3:])
    assert late.received == ANSWER


def test_half_closes_pass_in_both_directions(front: ProxiedFactory) -> None:
    """As with nc -N: a line without an end and the client's FIN; then the answer, our FIN, and a short wait."""
    one = front.connect().send(v1() + b"nobody")
    assert one.received == b""
    one.protocol.readConnectionLost()
    assert one.received == ANSWER
    assert one.transport.disconnecting
    other = front.connect().send(v1() + REQUEST)
    assert other.transport.write_side_closed and not other.transport.disconnecting
    other.protocol.writeConnectionLost()
    assert not other.transport.disconnecting
    front.built.clock.advance(1)
    assert other.transport.disconnecting
    other.lose()


def test_a_half_close_closes_protocols_without_half_close(built: GatewayHarness) -> None:
    class Echo(Protocol):
        def dataReceived(self, data: bytes) -> None:
            assert self.transport is not None
            self.transport.write(data)

    assert not IHalfCloseableProtocol.implementedBy(Echo)
    one = ProxiedFactory(built, Factory.forProtocol(Echo)).connect().send(v1() + b"all", b" of it")
    one.protocol.writeConnectionLost()
    one.protocol.readConnectionLost()
    assert one.received == b"all of it" and one.transport.disconnecting


def test_producers_and_aborts_reach_the_connection(built: GatewayHarness, front: ProxiedFactory) -> None:
    class Held(Protocol):
        """A protocol that keeps its transport."""

        transport: Any

    factory = Factory.forProtocol(Held)
    one = ProxiedFactory(built, factory).connect().send(v1())
    held = one.protocol._wrapped
    assert (held.transport.getPeer(), held.transport.getHost()) == (
        IPv4Address("TCP", CLIENT, 50000),
        IPv4Address("TCP", HERE, 79),
    )
    producer = object()
    held.transport.registerProducer(producer, False)
    assert one.transport.producer is producer
    held.transport.unregisterProducer()
    held.transport.writeSequence([b"a", b"b"])
    held.transport.abortConnection()
    assert one.received == b"ab" and one.aborted
    one.lose()
    assert one.protocol._wrapped is None


def test_a_factory_without_a_protocol_closes(built: GatewayHarness) -> None:
    class Nothing(Factory[Protocol]):
        def buildProtocol(self, addr: Any) -> None:
            assert addr == IPv4Address("TCP", CLIENT, 50000)

    one = ProxiedFactory(built, Nothing()).connect().send(v1() + b"x")
    assert one.aborted
    one.lose()


def test_F019_the_web_server_sees_the_client_of_the_header(built: GatewayHarness) -> None:
    front = ProxiedFactory(built, WebService(WebSettings(), built.deps).factory, "web")
    one = front.connect(kind=WebTransport).send(
        relayed("2001:db8::7", "2001:db8::9") + b"GET /users/nobody.txt HTTP/1.1\r\nHost: dir.test\r\n\r\n"
    )
    built.clock.advance(0)
    assert one.received.startswith(b"HTTP/1.1 404 ")
    assert logged_peers(built) == ["2001:db8::7"]
    assert one.protocol._wrapped.own_address == "2001:db8::9"


def test_stopping_aborts_connections_that_wait_for_a_header(
    built: GatewayHarness, front: ProxiedFactory, log_events: list[dict[str, Any]]
) -> None:
    silent, busy = front.connect(), front.connect().send(v1())
    front.factory.doStart()
    front.factory.doStop()
    assert silent.aborted and not busy.aborted
    silent.lose()
    assert (front.counts, log_events, built.deps.admission.open) == ([], [], 1)


# endpoints


def listen(endpoint: str, tmp_path: Path) -> MemoryReactor:
    """Return the reactor on which *endpoint* listens."""
    reactor = MemoryReactor()
    reactor.seconds = lambda: 0.0  # type: ignore[attr-defined]
    built = make_dependencies(tmp_path)
    gate = ProxiedFactory(built, Factory()).gate
    BoundPorts(reactor, "gateway.toml").listen(
        [Listener("finger.listen[0]", endpoint, Factory.forProtocol(Protocol), gate)]
    )
    built.stop()
    return reactor


@pytest.mark.parametrize("kind", ["tcp:79", r"tcp6:79:interface=\:\:1", "tcp:79:interface=127.0.0.1"])
def test_F019_haproxy_endpoints_use_our_factory(tmp_path: Path, kind: str) -> None:
    reactor = listen(f"haproxy:{kind}", tmp_path)
    ((port, factory, backlog, _),) = reactor.tcpServers
    assert (port, type(factory), backlog) == (79, ProxyProtocolFactory, 1024)


def test_haproxy_endpoints_on_Unix_sockets(tmp_path: Path) -> None:
    ((path, factory, backlog, _, _),) = listen("haproxy:unix:/run/finger", tmp_path).unixServers
    assert (path, type(factory), backlog) == ("/run/finger", ProxyProtocolFactory, 1024)


def test_the_header_comes_before_the_TLS_handshake(built: GatewayHarness) -> None:
    reactor = MemoryReactor()
    front = ProxiedFactory(built, Factory())
    context = CertificateOptions()
    ProxyProtocolReactor(reactor, front.gate).listenSSL(443, Factory.forProtocol(Protocol), context, backlog=5)
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


def test_a_listener_without_a_gate_refuses_haproxy_endpoints(tmp_path: Path) -> None:
    reactor = MemoryReactor()
    reactor.seconds = lambda: 0.0  # type: ignore[attr-defined]
    with pytest.raises(CannotStart, match="must be without haproxy:"):
        BoundPorts(reactor, "gateway.toml").listen([Listener("--irc", "haproxy:tcp:6667", Factory())])
    assert reactor.tcpServers == []


@pytest.mark.parametrize("endpoint", ["haproxy:haproxy:tcp:79", "haproxy:", "haproxy:tcp:x", "haproxy:gopher:70"])
def test_invalid_haproxy_endpoints(endpoint: str) -> None:
    with pytest.raises(CannotStart) as error:
        server_endpoint(MemoryReactor(), "gateway.toml", "finger.listen[0]", endpoint)
    assert str(error.value).startswith(f"gateway.toml: finger.listen[0]: found {endpoint!r} (")


@pytest.mark.parametrize(
    ("endpoint", "trusts_all"),
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
def test_F019_endpoints_that_trust_headers_on_every_address(endpoint: str, trusts_all: bool) -> None:
    assert trusts_any_proxy(endpoint) is trusts_all
