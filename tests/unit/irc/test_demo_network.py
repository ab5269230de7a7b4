"""The demo's own IRC network, spoken to by hand."""

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
    """Whatever a client sends, no traceback comes of it."""
    seen: list[Any] = []

    def observer(event: dict[str, Any]) -> None:
        if event.get("isError") or "log_failure" in event:
            seen.append(event)

    told: Any = observer
    globalLogPublisher.addObserver(told)
    yield seen
    globalLogPublisher.removeObserver(told)
    assert seen == []


class Somebody:
    """A client's connection."""

    def __init__(self, network: Any, nick: str | None = None) -> None:
        self.protocol = network.buildProtocol(IPv4Address("TCP", "127.0.0.1", 1))
        self.transport = StringTransport()
        self.protocol.makeConnection(self.transport)
        if nick is not None:
            self.says(f"NICK {nick}", f"USER {nick} 0 * :{nick}")

    def says(self, *lines: str | bytes) -> list[str]:
        for line in lines:
            self.protocol.dataReceived((line.encode() if isinstance(line, str) else line) + b"\r\n")
        return self.hears()

    def hears(self) -> list[str]:
        data: bytes = self.transport.value()
        self.transport.clear()
        return data.decode().split("\r\n")[:-1]

    def goes(self) -> None:
        self.protocol.connectionLost(Failure(ConnectionDone()))


@pytest.fixture
def network() -> Any:
    return make_network()


def test_signs_in_at_once(network: Any) -> None:
    """I020: with NICK and USER in any order, without a password."""
    assert Somebody(network).says("PASS secret", "NICK bob", "USER bob 0 * :Bob") == WELCOME
    assert (
        Somebody(network).says("USER eve 0 * :Eve", "NICK eve")[0]
        == ":irc.demo 001 eve :Welcome to the demo network, eve"
    )


def test_cap_is_answered(network: Any) -> None:
    """I001: nothing is offered, and nobody waits for its end."""
    assert Somebody(network).says("CAP LS 302", "CAP REQ :sasl", "CAP LIST", "CAP END") == [
        ":irc.demo CAP * LS :",
        ":irc.demo CAP * NAK :sasl",
        ":irc.demo CAP * LIST :",
    ]


def test_a_nick_in_use_is_refused(network: Any) -> None:
    """I006"""
    Somebody(network, "bob")
    other = Somebody(network)
    assert other.says("NICK BOB", "USER x 0 * :x") == [":irc.demo 433 * BOB :Nickname is already in use"]
    assert other.says("NICK eve")[0].startswith(":irc.demo 001 eve")
    assert other.says("NICK bob") == [":irc.demo 433 eve bob :Nickname is already in use"]
    assert other.says("NICK #x", "NICK a!b", "NICK 1x") == [
        ":irc.demo 432 eve #x :Not a nick",
        ":irc.demo 432 eve a!b :Not a nick",
        ":irc.demo 432 eve 1x :Not a nick",
    ]


def test_a_nick_is_free_again_once_its_user_has_gone(network: Any) -> None:
    """I006"""
    Somebody(network, "bob").goes()
    assert Somebody(network).says("NICK bob", "USER bob 0 * :Bob") == WELCOME


def test_a_user_is_renamed_everywhere(network: Any) -> None:
    """I006"""
    bob, eve = Somebody(network, "bob"), Somebody(network, "eve")
    bob.says("JOIN #tea")
    eve.says("JOIN #tea", "JOIN #two")
    bob.says("JOIN #two")
    eve.hears()
    assert bob.says("NICK Robert") == [":bob!bob@irc.demo NICK :Robert"]
    assert eve.hears() == [":bob!bob@irc.demo NICK :Robert"]
    assert eve.says("NAMES #tea")[0] == ":irc.demo 353 eve = #tea :eve Robert"
    eve.says("PRIVMSG robert :hi", "PRIVMSG bob :hi")
    assert bob.hears() == [":eve!eve@irc.demo PRIVMSG Robert :hi"]
    assert bob.says("NICK ROBERT") == [":Robert!Robert@irc.demo NICK :ROBERT"]
    Somebody(network).says("NICK bob", "USER x 0 * :x")


def test_a_channel_comes_to_be_by_joining(network: Any) -> None:
    """I022"""
    bob = Somebody(network, "bob")
    joined = bob.says("JOIN #tea,#two", "JOIN #tea")
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
    assert bob.says("JOIN tea") == [":irc.demo 403 bob tea :No such channel"]
    assert bob.says("TOPIC #tea :new", "TOPIC #x :new") == [
        ":bob!bob@irc.demo TOPIC #tea :new",
        ":irc.demo 442 bob #x :You are not on that channel",
    ]
    assert bob.says("PART #tea :bye", "PART #tea") == [
        ":bob!bob@irc.demo PART #tea :bye",
        ":irc.demo 442 bob #tea :You are not on that channel",
    ]


def test_utf_8_reaches_channels_and_people(network: Any) -> None:
    """I025: a character parted over two segments lives."""
    bob, eve = Somebody(network, "bob"), Somebody(network, "eve")
    bob.says("JOIN #tea")
    eve.says("JOIN #tea")
    bob.hears()
    for byte in "PRIVMSG #tea,bob :Žofie 漢\r\n".encode():
        eve.protocol.dataReceived(bytes([byte]))
    assert bob.hears() == [":eve!eve@irc.demo PRIVMSG #tea :Žofie 漢", ":eve!eve@irc.demo PRIVMSG bob :Žofie 漢"]
    assert eve.hears() == []
    eve.says("NOTICE bob :psst", "PRIVMSG bob :\x01ACTION waves\x01")
    assert bob.hears() == [":eve!eve@irc.demo NOTICE bob :psst", ":eve!eve@irc.demo PRIVMSG bob :\x01ACTION waves\x01"]


def test_nobody_there(network: Any) -> None:
    """I020"""
    eve = Somebody(network, "eve")
    Somebody(network, "bob").goes()
    assert eve.says("PRIVMSG bob :hi", "PRIVMSG #x :hi", "NOTICE bob :hi") == [
        ":irc.demo 401 eve bob :No such nick/channel",
        ":irc.demo 401 eve #x :No such nick/channel",
    ]


def test_unknown_and_unfinished_commands(network: Any) -> None:
    """I009: 421, 461 and 451."""
    eve = Somebody(network)
    assert eve.says("JOIN #tea", "FROB") == [
        ":irc.demo 451 * :You have not registered",
        ":irc.demo 451 * :You have not registered",
    ]
    eve.says("NICK eve", "USER e 0 * :e")
    assert eve.says("FROB x", "JOIN", "PRIVMSG bob", "PRIVMSG bob :", "DATARECEIVED", "UNKNOWN") == [
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
def test_what_clients_send_is_survived(network: Any, line: bytes) -> None:
    """I009"""
    eve = Somebody(network, "eve")
    Somebody(network, "bob")
    eve.says("JOIN #tea")
    for each in eve.says(line, line):
        assert each.startswith((":irc.demo ", ":eve!eve@irc.demo ", "ERROR :"))


def test_whois_tells_no_jokes(network: Any) -> None:
    """I020"""
    told = "\n".join(Somebody(network, "eve").says("WHOIS eve"))
    assert ":the demo of finger-gateway" in told
    assert "mom" not in told


def test_ping(network: Any) -> None:
    """I008"""
    assert Somebody(network, "eve").says("PING abc") == [":irc.demo PONG irc.demo :abc"]


def test_quit_is_seen_once_by_everybody_near(network: Any) -> None:
    """I012"""
    bob, eve, zoe = Somebody(network, "bob"), Somebody(network, "eve"), Somebody(network, "zoe")
    for each in (bob, eve):
        each.says("JOIN #tea", "JOIN #two")
    bob.hears()
    assert eve.says("QUIT :going home", "PRIVMSG bob :late") == ["ERROR :Closing Link: Quit: going home"]
    assert eve.transport.disconnecting
    eve.goes()
    assert bob.hears() == [":eve!eve@irc.demo QUIT :Quit: going home"]
    assert zoe.hears() == []
    assert bob.says("NAMES #tea")[0] == ":irc.demo 353 bob = #tea :bob"
    bob.goes()


def test_a_connection_lost_is_a_quit_too(network: Any) -> None:
    """I012"""
    bob, eve = Somebody(network, "bob"), Somebody(network, "eve")
    bob.says("JOIN #tea")
    eve.says("JOIN #tea")
    bob.hears()
    eve.goes()
    assert bob.hears() == [":eve!eve@irc.demo QUIT :connection closed"]


def test_an_endless_line_ends_the_connection(network: Any) -> None:
    """I009"""
    eve = Somebody(network, "eve")
    eve.protocol.dataReceived(b"x" * 20_000)
    assert eve.hears() == ["ERROR :Closing Link: Your line is too long"]
    assert eve.transport.disconnecting


def test_a_client_that_does_not_read_fills_no_memory(network: Any) -> None:
    """I026"""
    bob, eve = Somebody(network, "bob"), Somebody(network, "eve")
    producer: Any = bob.transport.producer
    producer.pauseProducing()
    eve.says("PRIVMSG bob :lost")
    producer.resumeProducing()
    eve.says("PRIVMSG bob :heard")
    assert bob.hears() == [":eve!eve@irc.demo PRIVMSG bob :heard"]
    producer.stopProducing()


def test_only_this_machine_is_let_in(network: Any) -> None:
    """I010"""
    assert network.buildProtocol(IPv4Address("TCP", "192.0.2.1", 1)) is None
    assert network.buildProtocol(IPv6Address("TCP", "2001:db8::1", 1)) is None
    for near in (IPv6Address("TCP", "::1", 1), IPv4Address("TCP", "127.9.9.9", 1), UNIXAddress("x"), None):
        assert network.buildProtocol(near) is not None
