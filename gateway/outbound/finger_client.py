"""A finger client (RFC 1288 section 2.3): sends one line to one server and passes on the answer as it arrives.

The answer is raw bytes; incremental_sanitizer.py makes it safe. Which servers may be asked is decided by the endpoint.
"""

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IAddress, IStreamClientEndpoint
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.python.failure import Failure

MAX_ANSWER_BYTES = 1024 * 1024  # the rest of a longer answer is not read
READ_BUFFER_BYTES = 16 * 1024  # so that one read does not block the reactor for long


class ConnectionBroken(Exception):
    """The connection broke before the server closed it, so the answer may be incomplete."""


class _FingerClient(Protocol):
    def __init__(self, line: bytes, take: Callable[[bytes], object], max_bytes: int) -> None:
        self._line, self._take, self._left = line, take, max_bytes
        self.finished: Deferred[bool] = Deferred(lambda _: self._abort())

    def connectionMade(self) -> None:
        transport: Any = self.transport
        transport.bufferSize = READ_BUFFER_BYTES
        transport.write(self._line + b"\r\n")

    def dataReceived(self, data: bytes) -> None:
        if self.finished.called:
            return
        data, more = data[: self._left], len(data) > self._left
        self._left -= len(data)
        try:
            self._take(data)
        except Exception:
            self._abort()
            self.finished.errback()
            return
        if more:
            self._abort()
            self.finished.callback(False)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        if not self.finished.called:
            if reason.check(ConnectionDone):
                self.finished.callback(True)
            else:
                self.finished.errback(ConnectionBroken())

    def _abort(self) -> None:
        transport: Any = self.transport
        transport.abortConnection()


class _SingleUseFactory(Factory[_FingerClient]):
    """A factory for one connection. Twisted's connectProtocol would log two lines for each."""

    noisy = False

    def __init__(self, client: _FingerClient) -> None:
        self._asking = client

    def buildProtocol(self, addr: IAddress | None) -> _FingerClient:
        return self._asking


async def query_server(
    reactor: Any,
    endpoint: IStreamClientEndpoint,
    line: str,
    take: Callable[[bytes], object],
    seconds: float,
    max_bytes: int = MAX_ANSWER_BYTES,
) -> bool:
    """Send *line* to *endpoint* and pass each piece of the answer to *take*.

    Returns whether the answer was complete: no more than *max_bytes* are read, which also bounds the memory of a *take*
    whose reader is slow. Connecting and answering have *seconds* together.

    Raises defer.TimeoutError, ConnectionBroken, and what the endpoint and *take* raise. When it is cancelled or fails,
    the connection is dropped at once.
    """
    client = _FingerClient(line.encode(), take, max_bytes)

    async def whole() -> bool:
        await endpoint.connect(_SingleUseFactory(client))
        return await client.finished

    return await Deferred.fromCoroutine(whole()).addTimeout(seconds, reactor)
