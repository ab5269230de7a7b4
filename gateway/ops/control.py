"""The control socket: one verb in, one JSON object out, for root and the gateway's own user.

The kernel says who the peer is (SO_PEERCRED). The verbs are given by application.py; `send_verb` is the client's side.
"""

import errno
import os
import socket
import stat
import struct
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec
from twisted.application.service import Service
from twisted.internet.defer import Deferred, maybeDeferred, succeed
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IAddress, IListeningPort
from twisted.internet.protocol import Factory
from twisted.logger import Logger
from twisted.protocols.basic import LineOnlyReceiver
from twisted.python.failure import Failure

from ..net.deadline import Deadline
from . import messages

MAX_SOCKET_PATH_BYTES = 107  # unix(7)
MAX_LINE_BYTES = 4096
CONNECTION_TIMEOUT = 10.0  # seconds for the line to come, and for the answer to be read

ControlVerb = Callable[[], Awaitable[Mapping[str, Any]]]


class SocketInUse(Exception):
    """Another process answers on this socket."""


class ControlRefused(Exception):
    """The gateway refused the verb; the message says why."""


class ControlProtocol(LineOnlyReceiver):
    """One connection: one verb."""

    delimiter = b"\n"
    MAX_LENGTH = MAX_LINE_BYTES
    factory: "ControlFactory"
    transport: Any
    _answered = _lost = False

    def connectionMade(self) -> None:
        self._deadline = Deadline(lambda: self.factory.reactor)
        self._deadline.arm(CONNECTION_TIMEOUT, self.transport.abortConnection)
        if self.factory.peer_uid(self.transport) not in (0, os.geteuid()):
            self._answer({"error": messages.NOT_PERMITTED})

    def lineReceived(self, line: bytes) -> None:
        if self._answered:
            return
        self._answered = True
        self._deadline.disarm()
        verb = self.factory.verbs.get(line.decode("utf-8", "replace").strip())
        if verb is None:
            self._answer({"error": messages.no_such_verb(", ".join(self.factory.verbs))})
            return
        Deferred.fromCoroutine(self._run_verb(verb)).addCallback(self._answer)

    def lineLengthExceeded(self, line: bytes) -> None:
        self.transport.abortConnection()

    def connectionLost(self, reason: Failure) -> None:  # type: ignore[override]  # Twisted's default argument
        self._lost = True
        self._deadline.disarm()

    async def _run_verb(self, verb: ControlVerb) -> Mapping[str, Any]:
        """Run *verb* to its end, even if the client has gone."""
        try:
            return await verb()
        except Exception:
            self.factory.log.failure("a control command failed")
            return {"error": messages.INTERNAL_ERROR}

    def _answer(self, answer: Mapping[str, Any]) -> None:
        self._answered = True
        self._deadline.disarm()
        if not self._lost:
            self.transport.write(msgspec.json.encode(answer) + b"\n")
            self.transport.loseConnection()
            self._deadline.arm(CONNECTION_TIMEOUT, self.transport.abortConnection)


def peer_uid(transport: Any) -> int:
    """Return the uid of the peer, from the kernel (SO_PEERCRED, unix(7))."""
    credentials = transport.socket.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    return int(struct.unpack("3i", credentials)[1])


class ControlFactory(Factory[ControlProtocol]):
    """Makes the protocols. *peer_uid* returns the uid of a connection's peer."""

    noisy = False
    log = Logger()

    def __init__(self, verbs: Mapping[str, ControlVerb], reactor: Any, peer: Callable[[Any], int] = peer_uid) -> None:
        self.verbs, self.reactor, self.peer_uid = verbs, reactor, peer

    def buildProtocol(self, addr: IAddress | None) -> ControlProtocol:
        protocol = ControlProtocol()
        protocol.factory = self
        return protocol


class ControlSocket(Service):
    """Listens on *path* while it runs. *verbs* maps each verb to the function whose result is the answer."""

    def __init__(self, path: Path, verbs: Mapping[str, ControlVerb], reactor: Any) -> None:
        self._path, self._reactor = path, reactor
        self._factory = ControlFactory(verbs, reactor)
        self._port: IListeningPort | None = None

    def startService(self) -> None:
        """Listen. Raises SocketInUse, and OSError if the path cannot be used."""
        check_path(self._path)
        _remove_stale_socket(self._path)
        umask = os.umask(0o177)
        try:
            self._port = self._reactor.listenUNIX(str(self._path), self._factory, mode=0o600)
        except CannotListenError as error:
            raise error.socketError from None
        finally:
            os.umask(umask)
        super().startService()

    def stopService(self) -> "Deferred[Any]":
        super().stopService()
        port, self._port = self._port, None
        if port is None:
            return succeed(None)
        # Closing the port removes the socket; somebody may have removed it before.
        return maybeDeferred(port.stopListening).addErrback(lambda failure: failure.trap(FileNotFoundError))


def check_path(path: Path) -> None:
    """Raise OSError if *path* is too long for a socket; the kernel's own message names no limit."""
    length = len(os.fsencode(path))
    if length > MAX_SOCKET_PATH_BYTES:
        raise OSError(errno.ENAMETOOLONG, messages.path_too_long(length, MAX_SOCKET_PATH_BYTES))


def _remove_stale_socket(path: Path) -> None:
    """Remove the socket of a gateway that was killed.

    Raises SocketInUse if a gateway answers on it, and OSError if something else is there.
    """
    try:
        if not stat.S_ISSOCK(path.lstat().st_mode):
            raise OSError(errno.EEXIST, messages.NOT_A_SOCKET)
    except FileNotFoundError:
        return
    with socket.socket(socket.AF_UNIX) as probe:
        probe.setblocking(False)
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            path.unlink()
        except BlockingIOError:  # its queue is full, so it is alive
            raise SocketInUse from None
        else:
            raise SocketInUse


def send_verb(path: Path, verb: str, seconds: float) -> dict[str, Any]:
    """Send *verb* to the gateway that listens on *path*, and return its answer. Blocks.

    Raises OSError if there is no gateway, and ControlRefused.
    """
    check_path(path)
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(seconds)
        client.connect(str(path))
        client.sendall(verb.encode() + b"\n")
        data = b"".join(iter(lambda: client.recv(65536), b""))
    if not data:
        raise ConnectionResetError(errno.ECONNRESET, os.strerror(errno.ECONNRESET))
    try:
        answer: dict[str, Any] = msgspec.json.decode(data, type=dict)
    except msgspec.DecodeError as error:  # not a gateway, or cut short
        raise ControlRefused(str(error)) from None
    if "error" in answer:
        raise ControlRefused(answer["error"])
    return answer
