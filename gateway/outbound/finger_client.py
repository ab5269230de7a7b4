"""A finger client (RFC 1288 section 2.3): asks one server one line, and hands on what comes as it comes. What comes is raw:
arriving.py cleans it. Whom it may ask is the endpoint's matter."""

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IAddress, IStreamClientEndpoint
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.python.failure import Failure

MOST = 1024 * 1024  # bytes of an answer; what comes behind is not waited for
AT_ONCE = 16 * 1024  # bytes that are worked on in one turn of the reactor


class ConnectionBroken(Exception):
    """The connection broke before the server had closed it: what came may not be all."""


class _Asking(Protocol):
    def __init__(self, line: bytes, take: Callable[[bytes], object], most: int) -> None:
        self._line, self._take, self._left = line, take, most
        self.whole: Deferred[bool] = Deferred(lambda _: self._leave())

    def connectionMade(self) -> None:
        transport: Any = self.transport
        transport.bufferSize = AT_ONCE
        transport.write(self._line + b"\r\n")

    def dataReceived(self, data: bytes) -> None:
        if self.whole.called:
            return
        data, more = data[: self._left], len(data) > self._left
        self._left -= len(data)
        try:
            self._take(data)
        except Exception:
            self._leave()
            self.whole.errback()
            return
        if more:
            self._leave()
            self.whole.callback(False)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        if not self.whole.called:
            if reason.check(ConnectionDone):
                self.whole.callback(True)
            else:
                self.whole.errback(ConnectionBroken())

    def _leave(self) -> None:
        transport: Any = self.transport
        transport.abortConnection()


class _Once(Factory[_Asking]):
    """For one connection. connectProtocol's own writes two lines of log for each."""

    noisy = False

    def __init__(self, asking: _Asking) -> None:
        self._asking = asking

    def buildProtocol(self, addr: IAddress | None) -> _Asking:
        return self._asking


async def query_server(
    reactor: Any,
    endpoint: IStreamClientEndpoint,
    line: str,
    take: Callable[[bytes], object],
    seconds: float,
    most: int = MOST,
) -> bool:
    """Sends *line* to *endpoint* and hands each piece of the answer to *take*. Gives whether it was all of it: more than
    *most* bytes are not taken, which is also what bounds the memory of a *take* whose reader is slow.

    To connect and to answer have *seconds* together. Raises defer.TimeoutError, Lost, and what the endpoint and *take*
    raise. Cancelled, or ended by any of these, it drops the connection at once.
    """
    asking = _Asking(line.encode(), take, most)

    async def whole() -> bool:
        await endpoint.connect(_Once(asking))
        return await asking.whole

    return await Deferred.fromCoroutine(whole()).addTimeout(seconds, reactor)
