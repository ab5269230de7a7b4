"""The finger client, against servers that do what they like."""

from typing import Any

import pytest
from twisted.internet.defer import CancelledError, TimeoutError
from twisted.internet.error import ConnectionLost

from gateway.outbound.finger_client import ConnectionBroken, query_server
from gateway.outbound.safe_dialer import HostResolver, NoSuchHost, SafeDialer, Unreachable, allow_any_address

from .network import Begun, Network

MOST = 1000


class Asked(Begun):
    """A question that is under way."""

    def __init__(self, line: str = "alice", host: str = "127.0.0.1", network: Network | None = None) -> None:
        self.network = network or Network()
        self.taken: list[bytes] = []
        endpoint = SafeDialer(self.network, HostResolver(self.network), host, 1079, 10.0, allow_any_address)
        super().__init__(query_server(self.network, endpoint, line, self.take, 10.0, MOST))

    def take(self, data: bytes) -> None:
        self.taken.append(data)


def test_it_sends_one_line_and_hands_on_what_comes_as_it_comes() -> None:
    asked = Asked("/W žofie")
    assert asked.network.tried == [("127.0.0.1", 1079)]
    server = asked.network.takes()
    assert server.heard == b"/W \xc5\xbeofie\r\n"
    server.says(b"Login: ")
    assert asked.taken == [b"Login: "]
    server.says(b"\xff\x1b[2J", b"\r\n")
    assert (asked.taken, asked.results) == ([b"Login: ", b"\xff\x1b[2J", b"\r\n"], [])
    server.closes()
    assert asked.result is True


def test_F091_a_server_that_never_ends_is_cut_and_dropped() -> None:
    asked = Asked()
    server = asked.network.takes()
    server.says(b"x" * (MOST - 1), b"y")
    assert (asked.results, server.dropped) == ([], False)
    server.says(b"z", b"and more")
    assert (asked.result, server.dropped) == (False, True)
    assert b"".join(asked.taken) == b"x" * (MOST - 1) + b"y"


def test_F091_all_has_to_be_there_in_time() -> None:
    """One deadline, whatever drips in."""
    asked = Asked()
    asked.network.advance(4)
    server = asked.network.takes()
    for _ in range(5):
        asked.network.advance(1)
        server.says(b".")
    assert asked.results == []
    asked.network.advance(1.1)
    assert isinstance(asked.error, TimeoutError)
    assert server.dropped


def test_a_connection_that_is_not_made_in_time_is_given_up() -> None:
    asked = Asked()
    asked.network.advance(10.1)
    assert isinstance(asked.error, TimeoutError)


def test_no_connection_is_told() -> None:
    asked = Asked()
    asked.network.refuses()
    assert isinstance(asked.error, Unreachable)
    assert asked.error.host == "127.0.0.1"
    assert isinstance(Asked(host="nobody.test").error, NoSuchHost)


def test_a_connection_that_breaks_is_no_whole_answer() -> None:
    asked = Asked()
    server = asked.network.takes()
    server.says(b"half")
    server.closes(ConnectionLost())
    assert isinstance(asked.error, ConnectionBroken)


def test_who_goes_takes_the_connection_with_them() -> None:
    asked = Asked()
    server = asked.network.takes()
    asked.deferred.cancel()
    assert server.dropped
    assert isinstance(asked.error, CancelledError)
    server.closes()


def test_a_taker_that_fails_ends_the_question() -> None:
    class Broken(Asked):
        def take(self, data: bytes) -> None:
            raise BrokenPipeError

    asked = Broken()
    server = asked.network.takes()
    server.says(b"one", b"two")
    assert server.dropped
    assert isinstance(asked.error, BrokenPipeError)


@pytest.mark.parametrize("answer", [b"", b"No one is logged on.\r\n"])
def test_an_empty_answer_is_an_answer(answer: bytes) -> None:
    asked: Any = Asked("")
    server = asked.network.takes()
    assert server.heard == b"\r\n"
    server.says(answer)
    server.closes()
    assert asked.result is True
    assert b"".join(asked.taken) == answer
