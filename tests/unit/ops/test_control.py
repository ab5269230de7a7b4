"""The control socket: who may ask, what is answered, which sockets are replaced."""

import os
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.internet.testing import MemoryReactorClock, StringTransport
from twisted.python.failure import Failure

from gateway.ops.control import (
    CONNECTION_TIMEOUT,
    MAX_SOCKET_PATH_BYTES,
    ControlFactory,
    ControlSocket,
    SocketInUse,
    check_path,
    peer_uid,
)


class Connection:
    """One connection of somebody with *uid*. `slow` ends when `work` does, `bad` has a mistake in it."""

    def __init__(self, uid: int = 0) -> None:
        self.clock = Clock()
        self.work: Deferred[Mapping[str, Any]] = Deferred()
        self.transport = StringTransport()

        async def slow() -> Mapping[str, Any]:
            return await self.work

        async def bad() -> Mapping[str, Any]:
            raise RuntimeError("on purpose")

        self.protocol = ControlFactory({"slow": slow, "bad": bad}, self.clock, lambda _: uid).buildProtocol(None)
        self.protocol.makeConnection(self.transport)

    def send(self, data: bytes) -> None:
        self.protocol.dataReceived(data)

    @property
    def said(self) -> Any:
        data = self.transport.value()
        assert data.endswith(b"\n") and data.count(b"\n") == 1
        return msgspec.json.decode(data)


@pytest.mark.parametrize("uid", [0, os.geteuid()])
def test_one_line_in_one_object_out(uid: int) -> None:
    connection = Connection(uid)
    connection.send(b"slow\r\nslow\n")
    assert connection.transport.value() == b""
    connection.clock.advance(10 * CONNECTION_TIMEOUT)
    connection.work.callback({"changed": ["site.name"]})
    assert connection.said == {"changed": ["site.name"]}
    assert connection.transport.disconnecting


def test_somebody_else_is_told_why_not_and_nothing_is_done() -> None:
    connection = Connection(os.geteuid() + 4711)
    assert connection.said == {"error": "only root and the gateway's own user may do this"}
    assert connection.transport.disconnecting
    connection.send(b"bad\n")
    assert "internal" not in connection.transport.value().decode()


def test_an_unknown_command_is_told_what_there_is() -> None:
    connection = Connection()
    connection.send(b"\xff\xfe\n")
    assert connection.said == {"error": "unknown command; known: slow, bad"}


def test_a_mistake_of_ours_is_told_without_its_words() -> None:
    connection = Connection()
    connection.send(b"bad\n")
    assert connection.said == {"error": "internal error; see the gateway's log"}


def test_who_says_nothing_is_cut_off() -> None:
    connection = Connection()
    connection.send(b"slo")
    connection.clock.advance(CONNECTION_TIMEOUT)
    assert connection.transport.disconnecting


def test_a_line_that_is_too_long_is_cut_off() -> None:
    connection = Connection()
    connection.send(b"x" * 5000)
    assert connection.transport.disconnecting


def test_who_leaves_meanwhile_does_not_stop_the_work() -> None:
    connection = Connection()
    connection.send(b"slow\n")
    connection.protocol.connectionLost(Failure(ConnectionError()))
    connection.work.callback({})
    assert connection.transport.value() == b""
    assert connection.clock.getDelayedCalls() == []


def test_the_kernel_tells_who_asks() -> None:
    ours, theirs = socket.socketpair(socket.AF_UNIX)
    with ours, theirs:

        class Wire:
            socket = ours

        assert peer_uid(Wire()) == os.geteuid()


def start(path: Path) -> MemoryReactorClock:
    reactor = MemoryReactorClock()
    ControlSocket(path, {}, reactor).startService()
    return reactor


def test_a_socket_that_a_dead_gateway_left_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "control.sock"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    (listening,) = start(path).unixServers
    assert (listening[0], listening[3]) == (str(path), 0o600)
    assert not path.exists()


def test_one_that_lives_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "control.sock"
    with socket.socket(socket.AF_UNIX) as living:
        living.bind(str(path))
        living.listen()
        with pytest.raises(SocketInUse):
            start(path)
        assert path.is_socket()


def test_a_file_is_never_taken_away(tmp_path: Path) -> None:
    path = tmp_path / "control.sock"
    path.write_text("mine")
    with pytest.raises(FileExistsError, match="there is something else than a socket"):
        start(path)
    assert path.read_text() == "mine"


def test_a_path_is_as_long_as_the_kernel_takes(tmp_path: Path) -> None:
    check_path(Path("/" + "x" * (MAX_SOCKET_PATH_BYTES - 1)))
    with pytest.raises(OSError, match="the path has 108 bytes; a socket's may have at most 107"):
        check_path(Path("/" + "x" * MAX_SOCKET_PATH_BYTES))
    with pytest.raises(OSError, match="the path has 109 bytes"):
        check_path(Path("/" + "x" * 106 + "é"))
