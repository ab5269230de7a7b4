"""A finger client (RFC 1288 section 2.3): asks one server one line. What comes back is raw: clean it before it is shown."""

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.endpoints import HostnameEndpoint, connectProtocol
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure

MOST = 1024 * 1024  # bytes of an answer; what comes behind is not waited for


class _Asking(Protocol):
    def __init__(self, line: str) -> None:
        self._line, self._parts, self._size = line, list[bytes](), 0
        self.answer: Deferred[bytes] = Deferred(lambda _: self._leave())

    def connectionMade(self) -> None:
        self._transport().write(self._line.encode() + b"\r\n")

    def dataReceived(self, data: bytes) -> None:
        self._parts.append(data)
        self._size += len(data)
        if self._size >= MOST:
            self._leave()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        if not self.answer.called:
            self.answer.callback(b"".join(self._parts)[:MOST])

    def _leave(self) -> None:
        self._transport().abortConnection()

    def _transport(self) -> Any:
        return self.transport


async def ask(reactor: Any, host: str, port: int, line: str, timeout: float) -> bytes:
    """What the server at *host* answers to *line*. All of it has to be there within *timeout* seconds.

    Raises twisted's ConnectError or DNSLookupError where there is no connection, defer.TimeoutError where it takes too
    long.
    """
    asking = _Asking(line)
    connecting: Deferred[Any] = connectProtocol(HostnameEndpoint(reactor, host, port, timeout), asking)
    await connecting
    return await asking.answer.addTimeout(timeout, reactor)
