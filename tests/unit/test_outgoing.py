"""The finger client, against servers that do what they like."""

from typing import Any

import pytest
from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred, TimeoutError
from twisted.internet.error import ConnectionDone, ConnectionRefusedError
from twisted.internet.testing import MemoryReactorClock, StringTransport
from twisted.python.failure import Failure

from gateway.outgoing.finger import MOST, ask


class Asked:
    """A question that is under way, as the far end sees it."""

    def __init__(self, line: str = "alice") -> None:
        self.clock = MemoryReactorClock()
        self.results: list[Any] = []
        Deferred.fromCoroutine(ask(self.clock, "127.0.0.1", 1079, line, 10.0)).addBoth(self.results.append)
        (connection,) = self.clock.tcpClients
        self.host, self.port = connection[:2]
        self.factory: Any = connection[2]
        self.transport = StringTransport()

    def connected(self) -> "Asked":
        self.protocol = self.factory.buildProtocol(IPv4Address("TCP", "127.0.0.1", 1079))
        self.protocol.makeConnection(self.transport)
        return self

    def says(self, *data: bytes) -> None:
        for each in data:
            self.protocol.dataReceived(each)

    def closes(self) -> None:
        self.protocol.connectionLost(Failure(ConnectionDone()))


def test_it_sends_one_line_and_gives_all_that_comes_until_the_end() -> None:
    asked = Asked("/W žofie").connected()
    assert (asked.host, asked.port) == ("127.0.0.1", 1079)
    assert asked.transport.value() == b"/W \xc5\xbeofie\r\n"
    asked.says(b"Login: ", b"\xff\x1b[2J", b"\r\n")
    assert asked.results == []
    asked.closes()
    assert asked.results == [b"Login: \xff\x1b[2J\r\n"]


def test_a_server_that_never_ends_is_cut() -> None:
    asked = Asked().connected()
    asked.says(b"x" * (MOST - 1), b"yz")
    assert asked.transport.disconnected
    asked.closes()
    assert asked.results == [b"x" * (MOST - 1) + b"y"]


def test_all_has_to_be_there_in_time() -> None:
    asked = Asked().connected()
    for _ in range(9):
        asked.clock.advance(1)
        asked.says(b".")
    assert asked.results == []
    asked.clock.advance(1.1)
    asked.closes()
    (failure,) = asked.results
    assert failure.check(TimeoutError)


def test_no_connection_is_told() -> None:
    asked = Asked()
    asked.factory.clientConnectionFailed(None, Failure(ConnectionRefusedError()))
    asked.clock.advance(1)
    (failure,) = asked.results
    assert failure.check(ConnectionRefusedError)


@pytest.mark.parametrize("answer", [b"", b"No one is logged on.\r\n"])
def test_an_empty_answer_is_an_answer(answer: bytes) -> None:
    asked = Asked("").connected()
    assert asked.transport.value() == b"\r\n"
    asked.says(answer)
    asked.closes()
    assert asked.results == [answer]
