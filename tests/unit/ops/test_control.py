"""The control socket: permissions, responses, and which existing sockets are replaced."""

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
    """A connection of a user with *uid*. The command `slow` waits for `work`, `bad` raises an exception."""

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
    def response(self) -> Any:
        data = self.transport.value()
        assert data.endswith(b"\n") and data.count(b"\n") == 1
        return msgspec.json.decode(data)


@pytest.mark.parametrize("uid", [0, os.geteuid()])
def test_one_command_line_gets_one_JSON_object(uid: int) -> None:
    connection = Connection(uid)
    connection.send(b"slow\r\nslow\n")
    assert connection.transport.value() == b""
    connection.clock.advance(10 * CONNECTION_TIMEOUT)
    connection.work.callback({"changed": ["site.name"]})
    assert connection.response == {"changed": ["site.name"]}
    assert connection.transport.disconnecting


def test_another_user_is_refused() -> None:
    connection = Connection(os.geteuid() + 4711)
    assert connection.response == {"error": "only root and the gateway's own user may do this"}
    assert connection.transport.disconnecting
    connection.send(b"bad\n")
    assert "internal" not in connection.transport.value().decode()


def test_an_unknown_command_lists_the_known_ones() -> None:
    connection = Connection()
    connection.send(b"\xff\xfe\n")
    assert connection.response == {"error": "unknown command; known: slow, bad"}


def test_an_exception_is_reported_without_its_text() -> None:
    connection = Connection()
    connection.send(b"bad\n")
    assert connection.response == {"error": "internal error; see the gateway's log"}


def test_a_silent_client_is_disconnected() -> None:
    connection = Connection()
    connection.send(b"slo")
    connection.clock.advance(CONNECTION_TIMEOUT)
    assert connection.transport.disconnecting


def test_an_overlong_line_is_disconnected() -> None:
    connection = Connection()
    connection.send(b"x" * 5000)
    assert connection.transport.disconnecting


def test_a_disconnect_does_not_stop_the_command() -> None:
    connection = Connection()
    connection.send(b"slow\n")
    connection.protocol.connectionLost(Failure(ConnectionError()))
    connection.work.callback({})
    assert connection.transport.value() == b""
    assert connection.clock.getDelayedCalls() == []


def test_peer_uid_comes_from_the_kernel() -> None:
    server, client = socket.socketpair(socket.AF_UNIX)
    with server, client:

        class Wire:
            socket = server

        assert peer_uid(Wire()) == os.geteuid()


def start(path: Path) -> MemoryReactorClock:
    reactor = MemoryReactorClock()
    ControlSocket(path, {}, reactor).startService()
    return reactor


def test_a_stale_socket_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "control.sock"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    (listening,) = start(path).unixServers
    assert (listening[0], listening[3]) == (str(path), 0o600)
    assert not path.exists()


def test_a_socket_in_use_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "control.sock"
    with socket.socket(socket.AF_UNIX) as living:
        living.bind(str(path))
        living.listen()
        with pytest.raises(SocketInUse):
            start(path)
        assert path.is_socket()


def test_another_file_is_never_removed(tmp_path: Path) -> None:
    path = tmp_path / "control.sock"
    path.write_text("mine")
    with pytest.raises(FileExistsError, match="the path exists but is not a socket"):
        start(path)
    assert path.read_text() == "mine"


def test_the_path_length_is_limited_by_the_kernel(tmp_path: Path) -> None:
    check_path(Path("/" + "x" * (MAX_SOCKET_PATH_BYTES - 1)))
    with pytest.raises(OSError, match="the path has 108 bytes; a socket path may have at most 107"):
        check_path(Path("/" + "x" * MAX_SOCKET_PATH_BYTES))
    with pytest.raises(OSError, match="the path has 109 bytes"):
        check_path(Path("/" + "x" * 106 + "é"))
