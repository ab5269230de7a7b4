"""The finger client, against slow, broken and hostile servers."""

from typing import Any

import pytest
from twisted.internet.defer import CancelledError, TimeoutError
from twisted.internet.error import ConnectionLost

from gateway.outbound.finger_client import ConnectionBroken, query_server
from gateway.outbound.safe_dialer import HostResolver, NoSuchHost, SafeDialer, Unreachable, allow_any_address

from .network import Network, StartedCoroutine

MAX_BYTES = 1000


class Query(StartedCoroutine):
    """A running query."""

    def __init__(self, line: str = "alice", host: str = "127.0.0.1", network: Network | None = None) -> None:
        self.network = network or Network()
        self.taken: list[bytes] = []
        endpoint = SafeDialer(self.network, HostResolver(self.network), host, 1079, 10.0, allow_any_address)
        super().__init__(query_server(self.network, endpoint, line, self.take, 10.0, MAX_BYTES))

    def take(self, data: bytes) -> None:
        self.taken.append(data)


def test_sends_one_line_and_passes_on_data_as_it_arrives() -> None:
    query = Query("/W žofie")
    assert query.network.tried == [("127.0.0.1", 1079)]
    server = query.network.accept()
    assert server.received == b"/W \xc5\xbeofie\r\n"
    server.send(b"Login: ")
    assert query.taken == [b"Login: "]
    server.send(b"\xff\x1b[2J", b"\r\n")
    assert (query.taken, query.results) == ([b"Login: ", b"\xff\x1b[2J", b"\r\n"], [])
    server.close()
    assert query.result is True


def test_F091_an_endless_answer_is_truncated_and_disconnected() -> None:
    query = Query()
    server = query.network.accept()
    server.send(b"x" * (MAX_BYTES - 1), b"y")
    assert (query.results, server.aborted) == ([], False)
    server.send(b"z", b"and more")
    assert (query.result, server.aborted) == (False, True)
    assert b"".join(query.taken) == b"x" * (MAX_BYTES - 1) + b"y"


def test_F091_deadline_for_the_whole_answer() -> None:
    """One deadline for the whole answer, however it arrives."""
    query = Query()
    query.network.advance(4)
    server = query.network.accept()
    for _ in range(5):
        query.network.advance(1)
        server.send(b".")
    assert query.results == []
    query.network.advance(1.1)
    assert isinstance(query.error, TimeoutError)
    assert server.aborted


def test_connection_timeout() -> None:
    query = Query()
    query.network.advance(10.1)
    assert isinstance(query.error, TimeoutError)


def test_connection_errors() -> None:
    query = Query()
    query.network.refuse()
    assert isinstance(query.error, Unreachable)
    assert query.error.host == "127.0.0.1"
    assert isinstance(Query(host="nobody.test").error, NoSuchHost)


def test_a_lost_connection_is_an_error() -> None:
    query = Query()
    server = query.network.accept()
    server.send(b"half")
    server.close(ConnectionLost())
    assert isinstance(query.error, ConnectionBroken)


def test_cancelling_closes_the_connection() -> None:
    query = Query()
    server = query.network.accept()
    query.deferred.cancel()
    assert server.aborted
    assert isinstance(query.error, CancelledError)
    server.close()


def test_an_exception_in_the_callback_ends_the_query() -> None:
    class FailingQuery(Query):
        def take(self, data: bytes) -> None:
            raise BrokenPipeError

    query = FailingQuery()
    server = query.network.accept()
    server.send(b"one", b"two")
    assert server.aborted
    assert isinstance(query.error, BrokenPipeError)


@pytest.mark.parametrize("answer", [b"", b"No one is logged on.\r\n"])
def test_empty_query_and_empty_answer(answer: bytes) -> None:
    query: Any = Query("")
    server = query.network.accept()
    assert server.received == b"\r\n"
    server.send(answer)
    server.close()
    assert query.result is True
    assert b"".join(query.taken) == answer
