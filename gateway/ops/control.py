"""The control socket: one line in, one JSON object out, for those of whom the kernel says that they are root or who we are.
It knows no verb by itself. `ask` is the other side.
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
from twisted.internet.interfaces import IAddress, IDelayedCall, IListeningPort
from twisted.internet.protocol import Factory
from twisted.logger import Logger
from twisted.protocols.basic import LineOnlyReceiver
from twisted.python.failure import Failure

from . import messages

MOST_PATH = 107  # bytes of the path of a UNIX socket (unix(7))
MOST_LINE = 4096  # bytes
PATIENCE = 10.0  # seconds until the line has to be there, and those that an answer may take to be read

Verb = Callable[[], Awaitable[Mapping[str, Any]]]


class SocketInUse(Exception):
    """Another process that lives answers on this socket."""


class ControlRefused(Exception):
    """The other side said why it will not do what it was asked."""


class ControlProtocol(LineOnlyReceiver):
    """One connection: one verb."""

    delimiter = b"\n"
    MAX_LENGTH = MOST_LINE
    factory: "ControlFactory"
    transport: Any
    _deadline: IDelayedCall | None = None
    _asked = _lost = False

    def connectionMade(self) -> None:
        self._deadline = self.factory.reactor.callLater(PATIENCE, self.transport.abortConnection)
        if self.factory.peer(self.transport) not in (0, os.geteuid()):
            self._say({"error": messages.NOT_FOR_YOU})

    def lineReceived(self, line: bytes) -> None:
        if self._asked:
            return
        self._asked = True
        self._disarm()
        verb = self.factory.verbs.get(line.decode("utf-8", "replace").strip())
        if verb is None:
            self._say({"error": messages.no_such_verb(", ".join(self.factory.verbs))})
            return
        Deferred.fromCoroutine(self._done(verb)).addCallback(self._say)

    def lineLengthExceeded(self, line: bytes) -> None:
        self.transport.abortConnection()

    def connectionLost(self, reason: Failure) -> None:  # type: ignore[override]  # Twisted's default argument
        self._lost = True
        self._disarm()

    async def _done(self, verb: Verb) -> Mapping[str, Any]:
        """What *verb* comes to, though nobody may be there any more to hear of it."""
        try:
            return await verb()
        except Exception:
            self.factory.log.failure("control")
            return {"error": messages.BROKEN}

    def _say(self, answer: Mapping[str, Any]) -> None:
        self._asked = True
        self._disarm()
        if not self._lost:
            self.transport.write(msgspec.json.encode(answer) + b"\n")
            self.transport.loseConnection()
            self._deadline = self.factory.reactor.callLater(PATIENCE, self.transport.abortConnection)

    def _disarm(self) -> None:
        if self._deadline is not None and self._deadline.active():
            self._deadline.cancel()
        self._deadline = None


def peer_uid(transport: Any) -> int:
    """Who is at the other end, by the kernel's word (SO_PEERCRED in unix(7))."""
    credentials = transport.socket.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    return int(struct.unpack("3i", credentials)[1])


class ControlFactory(Factory[ControlProtocol]):
    """*peer* gives the uid of a connection's other end."""

    noisy = False
    log = Logger()

    def __init__(self, verbs: Mapping[str, Verb], reactor: Any, peer: Callable[[Any], int] = peer_uid) -> None:
        self.verbs, self.reactor, self.peer = verbs, reactor, peer

    def buildProtocol(self, addr: IAddress | None) -> ControlProtocol:
        protocol = ControlProtocol()
        protocol.factory = self
        return protocol


class ControlSocket(Service):
    """Listens on *path* while it runs. *verbs*: what may be asked, and what is then awaited for the answer."""

    def __init__(self, path: Path, verbs: Mapping[str, Verb], reactor: Any) -> None:
        self._path, self._reactor = path, reactor
        self._factory = ControlFactory(verbs, reactor)
        self._port: IListeningPort | None = None

    def startService(self) -> None:
        """Raises Taken; OSError, where there is no way to listen there."""
        check_path(self._path)
        _clear(self._path)
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
        # The socket goes with the port; somebody may have taken it away before.
        return maybeDeferred(port.stopListening).addErrback(lambda failure: failure.trap(FileNotFoundError))


def check_path(path: Path) -> None:
    """Raises OSError where *path* is too long for a socket: the kernel's own message names no limit."""
    length = len(os.fsencode(path))
    if length > MOST_PATH:
        raise OSError(errno.ENAMETOOLONG, messages.too_long(length, MOST_PATH))


def _clear(path: Path) -> None:
    """Takes away the socket that a gateway left which was killed. Raises Taken where one still answers, OSError where
    something else is there."""
    try:
        if not stat.S_ISSOCK(path.lstat().st_mode):
            raise OSError(errno.EEXIST, messages.NO_SOCKET)
    except FileNotFoundError:
        return
    with socket.socket(socket.AF_UNIX) as probe:
        probe.setblocking(False)
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            path.unlink()
        except BlockingIOError:  # so many wait there that it has to live
            raise SocketInUse from None
        else:
            raise SocketInUse


def ask(path: Path, verb: str, seconds: float) -> dict[str, Any]:
    """What the gateway that listens on *path* answers to *verb*. Blocks. Raises OSError where none does, Refused."""
    check_path(path)
    with socket.socket(socket.AF_UNIX) as asking:
        asking.settimeout(seconds)
        asking.connect(str(path))
        asking.sendall(verb.encode() + b"\n")
        said = b"".join(iter(lambda: asking.recv(65536), b""))
    if not said:
        raise ConnectionResetError(errno.ECONNRESET, os.strerror(errno.ECONNRESET))
    try:
        answer: dict[str, Any] = msgspec.json.decode(said, type=dict)
    except msgspec.DecodeError as error:  # of somebody else, or cut short
        raise ControlRefused(str(error)) from None
    if "error" in answer:
        raise ControlRefused(answer["error"])
    return answer
