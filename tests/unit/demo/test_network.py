"""The demo's IRC network, with clients that the test plays."""

from collections.abc import Iterator
from typing import Any

import pytest
from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.internet.error import ConnectionDone
from twisted.internet.testing import StringTransport
from twisted.logger import globalLogPublisher
from twisted.python.failure import Failure

from gateway.demo.network import make_network

WELCOME = [
    ":irc.demo 001 bob :Welcome to the demo network, bob",
    ":irc.demo 002 bob :Your host is irc.demo",
    ":irc.demo 003 bob :This server was made for you just now",
    ":irc.demo 004 bob irc.demo finger-gateway o n",
    ":irc.demo 005 bob CASEMAPPING=ascii CHANTYPES=# NICKLEN=30 :are supported here",
    ":irc.demo 375 bob :- irc.demo -",
    ":irc.demo 372 bob :- Try: /msg fingerbot help",
    ":irc.demo 376 bob :End of /MOTD command.",
]


@pytest.fixture(autouse=True)
def failures() -> Iterator[list[Any]]:
    """Fail the test if a client causes a traceback."""
    failures_logged: list[Any] = []

    def observer(event: dict[str, Any]) -> None:
        if event.get("isError") or "log_failure" in event:
            failures_logged.append(event)

    legacy_observer: Any = observer
    globalLogPublisher.addObserver(legacy_observer)
    yield failures_logged
    globalLogPublisher.removeObserver(legacy_observer)
    assert failures_logged == []


class FakeClient:
    """One client's connection."""

    def __init__(self, network: Any, nick: str | None = None) -> None:
        self.protocol = network.buildProtocol(IPv4Address("TCP", "127.0.0.1", 1))
        self.transport = StringTransport()
        self.protocol.makeConnection(self.transport)
        if nick is not None:
            self.send(f"NICK {nick}", f"USER {nick} 0 * :{nick}")

    def send(self, *lines: str | bytes) -> list[str]:
        for line in lines:
            self.protocol.dataReceived((line.encode() if isinstance(line, str) else line) + b"\r\n")
        return self.received()

    def received(self) -> list[str]:
        data: bytes = self.transport.value()
        self.transport.clear()
        return data.decode().split("\r\n")[:-1]

    def disconnect(self) -> None:
        self.protocol.connectionLost(Failure(ConnectionDone()))


@pytest.fixture
def network() -> Any:
    return make_network()


def test_registers_without_a_password(network: Any) -> None:
    """I020: with NICK and USER in any order, without a password."""
    assert FakeClient(network).send("PASS secret", "NICK bob", "USER bob 0 * :Bob") == WELCOME
    assert (
        FakeClient(network).send("USER eve 0 * :Eve", "NICK eve")[0]
        == ":irc.demo 001 eve :Welcome to the demo network, eve"
    )


def test_answers_cap(network: Any) -> None:
    """I001: no capability is offered, and the end of the negotiation is not waited for."""
    assert FakeClient(network).send("CAP LS 302", "CAP REQ :sasl", "CAP LIST", "CAP END") == [
        ":irc.demo CAP * LS :",
        ":irc.demo CAP * NAK :sasl",
        ":irc.demo CAP * LIST :",
    ]


def test_refuses_nicks_that_are_in_use_or_invalid(network: Any) -> None:
    """I006"""
    FakeClient(network, "bob")
    other = FakeClient(network)
    assert other.send("NICK BOB", "USER x 0 * :x") == [":irc.demo 433 * BOB :Nickname is already in use"]
    assert other.send("NICK eve")[0].startswith(":irc.demo 001 eve")
    assert other.send("NICK bob") == [":irc.demo 433 eve bob :Nickname is already in use"]
    assert other.send("NICK #x", "NICK a!b", "NICK 1x") == [
        ":irc.demo 432 eve #x :Not a nick",
        ":irc.demo 432 eve a!b :Not a nick",
        ":irc.demo 432 eve 1x :Not a nick",
    ]


def test_frees_the_nick_of_a_client_that_left(network: Any) -> None:
    """I006"""
    FakeClient(network, "bob").disconnect()
    assert FakeClient(network).send("NICK bob", "USER bob 0 * :Bob") == WELCOME


def test_announces_a_new_nick_to_all_channels(network: Any) -> None:
    """I006"""
    bob, eve = FakeClient(network, "bob"), FakeClient(network, "eve")
    bob.send("JOIN #tea")
    eve.send("JOIN #tea", "JOIN #two")
    bob.send("JOIN #two")
    eve.received()
    assert bob.send("NICK Robert") == [":bob!bob@irc.demo NICK :Robert"]
    assert eve.received() == [":bob!bob@irc.demo NICK :Robert"]
    assert eve.send("NAMES #tea")[0] == ":irc.demo 353 eve = #tea :eve Robert"
    eve.send("PRIVMSG robert :hi", "PRIVMSG bob :hi")
    assert bob.received() == [":eve!eve@irc.demo PRIVMSG Robert :hi"]
    assert bob.send("NICK ROBERT") == [":Robert!Robert@irc.demo NICK :ROBERT"]
    FakeClient(network).send("NICK bob", "USER x 0 * :x")


def test_creates_channels_on_join(network: Any) -> None:
    """I022"""
    bob = FakeClient(network, "bob")
    joined = bob.send("JOIN #tea,#two", "JOIN #tea")
    assert joined[:4] == [
        ":bob!bob@irc.demo JOIN #tea",
        ":irc.demo 353 bob = #tea :bob",
        ":irc.demo 366 bob #tea :End of /NAMES list",
        ":irc.demo 332 bob #tea :Ask me: !finger alice",
    ]
    assert [line for line in joined if " JOIN " in line] == [
        ":bob!bob@irc.demo JOIN #tea",
        ":bob!bob@irc.demo JOIN #two",
    ]
    assert bob.send("JOIN tea") == [":irc.demo 403 bob tea :No such channel"]
    assert bob.send("TOPIC #tea :new", "TOPIC #x :new") == [
        ":bob!bob@irc.demo TOPIC #tea :new",
        ":irc.demo 442 bob #x :You are not on that channel",
    ]
    assert bob.send("PART #tea :bye", "PART #tea") == [
        ":bob!bob@irc.demo PART #tea :bye",
        ":irc.demo 442 bob #tea :You are not on that channel",
    ]


def test_delivers_utf_8_to_channels_and_clients(network: Any) -> None:
    """I025: even if a character is split over two TCP segments."""
    bob, eve = FakeClient(network, "bob"), FakeClient(network, "eve")
    bob.send("JOIN #tea")
    eve.send("JOIN #tea")
    bob.received()
    for byte in "PRIVMSG #tea,bob :Žofie 漢\r\n".encode():
        eve.protocol.dataReceived(bytes([byte]))
    assert bob.received() == [":eve!eve@irc.demo PRIVMSG #tea :Žofie 漢", ":eve!eve@irc.demo PRIVMSG bob :Žofie 漢"]
    assert eve.received() == []
    eve.send("NOTICE bob :psst", "PRIVMSG bob :\x01ACTION waves\x01")
    assert bob.received() == [
        ":eve!eve@irc.demo NOTICE bob :psst",
        ":eve!eve@irc.demo PRIVMSG bob :\x01ACTION waves\x01",
    ]


def test_reports_missing_targets_except_for_notices(network: Any) -> None:
    """I020"""
    eve = FakeClient(network, "eve")
    FakeClient(network, "bob").disconnect()
    assert eve.send("PRIVMSG bob :hi", "PRIVMSG #x :hi", "NOTICE bob :hi") == [
        ":irc.demo 401 eve bob :No such nick/channel",
        ":irc.demo 401 eve #x :No such nick/channel",
    ]


def test_reports_unknown_and_incomplete_commands(network: Any) -> None:
    """I009: 421, 461 and 451."""
    eve = FakeClient(network)
    assert eve.send("JOIN #tea", "FROB") == [
        ":irc.demo 451 * :You have not registered",
        ":irc.demo 451 * :You have not registered",
    ]
    eve.send("NICK eve", "USER e 0 * :e")
    assert eve.send("FROB x", "JOIN", "PRIVMSG bob", "PRIVMSG bob :", "DATARECEIVED", "UNKNOWN") == [
        ":irc.demo 421 eve FROB :Unknown command",
        ":irc.demo 461 eve JOIN :Not enough parameters",
        ":irc.demo 461 eve PRIVMSG :Not enough parameters",
        ":irc.demo 461 eve PRIVMSG :Not enough parameters",
        ":irc.demo 421 eve DATARECEIVED :Unknown command",
        ":irc.demo 421 eve UNKNOWN :Unknown command",
    ]


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"  ",
        b":",
        b":x",
        b"\xff\xfe",
        b"\0",
        b"MODE eve +i",
        b"MODE #x",
        b"MODE #tea b",
        b"MODE #tea",
        b"WHO",
        b"WHO #tea",
        b"WHO #x",
        b"WHO eve",
        b"WHO nobody",
        b"WHOIS eve",
        b"WHOIS nobody",
        b"LIST",
        b"LIST #tea,#x",
        b"NAMES #x",
        b"USERHOST eve",
        b"PONG",
        b"TOPIC #tea",
        b"USER a b c d",
        b"NICK eve",
        b"PASS x",
        b"ISON eve",
        b"PRIVMSG \xff :x",
        b"JOIN #\xff",
        b"JOIN #a#b",
        b"QUIT",
        b"JOIN 0",
        b"PART #",
        b"PRIVMSG # :x",
        b"MODE eve",
        b"MODE bob",
        b"MODE nobody +x",
    ],
)
def test_survives_odd_commands(network: Any, line: bytes) -> None:
    """I009"""
    eve = FakeClient(network, "eve")
    FakeClient(network, "bob")
    eve.send("JOIN #tea")
    for each in eve.send(line, line):
        assert each.startswith((":irc.demo ", ":eve!eve@irc.demo ", "ERROR :"))


def test_whois_names_the_demo(network: Any) -> None:
    """I020"""
    reply = "\n".join(FakeClient(network, "eve").send("WHOIS eve"))
    assert ":the demo of finger-gateway" in reply
    assert "mom" not in reply


def test_answers_ping(network: Any) -> None:
    """I008"""
    assert FakeClient(network, "eve").send("PING abc") == [":irc.demo PONG irc.demo :abc"]


def test_sends_quit_once_to_each_channel_member(network: Any) -> None:
    """I012"""
    bob, eve, zoe = FakeClient(network, "bob"), FakeClient(network, "eve"), FakeClient(network, "zoe")
    for each in (bob, eve):
        each.send("JOIN #tea", "JOIN #two")
    bob.received()
    assert eve.send("QUIT :going home", "PRIVMSG bob :late") == ["ERROR :Closing Link: Quit: going home"]
    assert eve.transport.disconnecting
    eve.disconnect()
    assert bob.received() == [":eve!eve@irc.demo QUIT :Quit: going home"]
    assert zoe.received() == []
    assert bob.send("NAMES #tea")[0] == ":irc.demo 353 bob = #tea :bob"
    bob.disconnect()


def test_sends_quit_for_a_lost_connection(network: Any) -> None:
    """I012"""
    bob, eve = FakeClient(network, "bob"), FakeClient(network, "eve")
    bob.send("JOIN #tea")
    eve.send("JOIN #tea")
    bob.received()
    eve.disconnect()
    assert bob.received() == [":eve!eve@irc.demo QUIT :connection closed"]


def test_closes_on_a_line_that_is_too_long(network: Any) -> None:
    """I009"""
    eve = FakeClient(network, "eve")
    eve.protocol.dataReceived(b"x" * 20_000)
    assert eve.received() == ["ERROR :Closing Link: Your line is too long"]
    assert eve.transport.disconnecting


def test_drops_lines_for_a_client_that_does_not_read(network: Any) -> None:
    """I026"""
    bob, eve = FakeClient(network, "bob"), FakeClient(network, "eve")
    producer: Any = bob.transport.producer
    producer.pauseProducing()
    eve.send("PRIVMSG bob :lost")
    producer.resumeProducing()
    eve.send("PRIVMSG bob :heard")
    assert bob.received() == [":eve!eve@irc.demo PRIVMSG bob :heard"]
    producer.stopProducing()


def test_accepts_only_loopback_clients(network: Any) -> None:
    """I010"""
    assert network.buildProtocol(IPv4Address("TCP", "192.0.2.1", 1)) is None
    assert network.buildProtocol(IPv6Address("TCP", "2001:db8::1", 1)) is None
    for address in (IPv6Address("TCP", "::1", 1), IPv4Address("TCP", "127.9.9.9", 1), UNIXAddress("x"), None):
        assert network.buildProtocol(address) is not None
