"""Endpoints behind a proxy (`haproxy:tcp:79`): each connection begins with a PROXY header, and what is behind it sees the
client that the header names, as if it had connected by itself. What a header is stands in proxy_header.py.

The protocol behind is made when the header is read, so that limits, records and viewers never see the proxy. Until then a
connection counts among all of them, has one deadline, and is closed for others if there is no room: a proxy has nothing to
wait for. Only proxies that the settings name are listened to. With TLS (`haproxy:ssl:...`) the header comes before the
handshake, as proxies send it.
"""

from collections.abc import Callable, Iterable
from typing import Any, Literal

from twisted.internet.interfaces import IAddress, IDelayedCall, IHalfCloseableProtocol, IProtocolFactory
from twisted.internet.protocol import Factory, Protocol
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import directlyProvides, implementer, providedBy

from ..directory.addresses import Address, Networks
from .admission import AdmissionControl
from .proxy_header import Header, InvalidProxyHeader, parse_header

HeaderOutcome = Literal["refused", "invalid", "gone", "limited", "timeout", "empty"]
EVERY = 10.0  # seconds from one word in the log to the next


class ProxyProtocolGate:
    """What the *haproxy:* endpoints of one table of the settings have in common. *count* takes what became of each
    connection that never had a right header."""

    log = Logger()

    def __init__(
        self, table: str, reactor: Any, connections: AdmissionControl, count: Callable[[HeaderOutcome], None]
    ) -> None:
        self._table, self.reactor = table, reactor
        self._connections, self._count = connections, count
        self._waiting: dict[ProxyHeaderReader, None] = {}  # the one that has waited longest is the first
        self._refused = 0
        self._told = -EVERY
        self.change((), 10.0)

    def change(self, proxies: Iterable[str], timeout: float) -> None:
        """From now on: the networks whose connections are taken, and the seconds that a header may take."""
        self._proxies, self.timeout = Networks(proxies), timeout

    def admits(self, peer: IAddress | None) -> bool:
        """May *peer* send a header? Who comes by a socket in the file system has no address, and had to have the right
        to it."""
        host = getattr(peer, "host", None)
        if host is None or Address.parse(host) in self._proxies:
            return True
        self.refuse("refused", peer, f"not one of {self._table}.trusted_proxies")
        return False

    def arrive(self, connection: "ProxyHeaderReader") -> None:
        self._waiting[connection] = None
        if not self._connections.admit_unidentified():
            next(iter(self._waiting)).give_way()

    def leave(self, connection: "ProxyHeaderReader") -> None:
        del self._waiting[connection]
        self._connections.leave(None)

    def close(self) -> None:
        """Ends all that wait."""
        for each in tuple(self._waiting):
            each.stop()

    def refuse(self, how: HeaderOutcome, peer: IAddress | None, why: str) -> None:
        """Counts a connection that came to nothing, and tells of it now and then."""
        self._count(how)
        self._refused += 1
        now = self.reactor.seconds()
        if now - self._told >= EVERY:
            self._told = now
            self.log.warn(
                "{table}.listen: no PROXY header from {peer}: {why}; connections closed so far: {refused}",
                table=self._table, peer=getattr(peer, "host", "a socket"), why=why, refused=self._refused,
            )  # fmt: skip

    def pass_by(self) -> None:
        """Counts a connection that said nothing, as the health check of a proxy does."""
        self._count("empty")


@implementer(IHalfCloseableProtocol)
class ProxyHeaderReader(Protocol):
    """One connection: reads the header, then is only passed through."""

    transport: Any

    def __init__(self, entrance: ProxyProtocolGate, factory: IProtocolFactory) -> None:
        self._entrance, self._factory = entrance, factory
        self._read = b""
        self._unnamed: Header | None = None  # read, and nothing behind it as yet
        self._behind: Any = None
        self._deadline: IDelayedCall | None = None

    def connectionMade(self) -> None:
        self._deadline = self._entrance.reactor.callLater(self._entrance.timeout, self._timed_out)
        self._entrance.arrive(self)

    def dataReceived(self, data: bytes) -> None:
        if self._behind is not None:
            self._behind.dataReceived(data)
        elif self._deadline is not None:
            self._read += data
            try:
                found = parse_header(self._read)
            except InvalidProxyHeader as bad:
                self._end("invalid", str(bad))
            else:
                if found is not None and found.source is None and len(self._read) == found.length:
                    self._unnamed = found  # a health check says no more: it comes to no question
                elif found is not None:
                    self._begin(found)

    def readConnectionLost(self) -> None:
        """The other side has said all that it has to say."""
        if self._behind is None:
            self.transport.loseConnection()
        elif IHalfCloseableProtocol.providedBy(self._behind):
            self._behind.readConnectionLost()
        else:
            self.transport.loseConnection()

    def writeConnectionLost(self) -> None:
        if IHalfCloseableProtocol.providedBy(self._behind):
            self._behind.writeConnectionLost()

    def connectionLost(self, reason: Failure) -> None:  # type: ignore[override]  # Twisted's default argument
        if self._behind is not None:
            behind, self._behind = self._behind, None
            behind.connectionLost(reason)
        elif self._leave():
            if self._read and self._unnamed is None:
                self._entrance.refuse("gone", self.transport.getPeer(), "closed before its end")
            else:
                self._entrance.pass_by()

    def _begin(self, found: Header) -> None:
        self._leave()
        rest, self._read = self._read[found.length :], b""
        client = _Client(self.transport, found)
        self._behind = self._factory.buildProtocol(client.getPeer())
        if self._behind is None:
            self.transport.abortConnection()
            return
        self._behind.makeConnection(client)
        if rest and self._behind is not None:
            self._behind.dataReceived(rest)

    def give_way(self) -> None:
        """There is no room; somebody else may be quicker."""
        self._end("limited", "too many connections, and this one said nothing for longest")

    def stop(self) -> None:
        """The house closes."""
        self._leave()
        self.transport.abortConnection()

    def _timed_out(self) -> None:
        if self._unnamed is not None:
            self._begin(self._unnamed)
        else:
            self._end("timeout", "it did not come in time")

    def _end(self, how: HeaderOutcome, why: str) -> None:
        self._leave()
        self._entrance.refuse(how, self.transport.getPeer(), why)
        self.transport.abortConnection()

    def _leave(self) -> bool:
        """Waits no more. Did it?"""
        if self._deadline is None:
            return False
        if self._deadline.active():
            self._deadline.cancel()
        self._deadline = None
        self._entrance.leave(self)
        return True


class _Client:
    """The transport of a connection, but for the addresses of a header."""

    def __init__(self, transport: Any, found: Header) -> None:
        directlyProvides(self, providedBy(transport))
        self._transport, self._header = transport, found

    def getPeer(self) -> Any:
        return self._header.source or self._transport.getPeer()

    def getHost(self) -> Any:
        return self._header.destination or self._transport.getHost()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)


class ProxyProtocolFactory(Factory[ProxyHeaderReader]):
    """*factory* behind *entrance*."""

    noisy = False

    def __init__(self, entrance: ProxyProtocolGate, factory: IProtocolFactory) -> None:
        self._entrance, self._factory = entrance, factory

    def doStart(self) -> None:  # noqa: N802
        self._factory.doStart()
        super().doStart()

    def doStop(self) -> None:  # noqa: N802
        self._factory.doStop()
        super().doStop()

    def stopFactory(self) -> None:
        self._entrance.close()

    def buildProtocol(self, addr: IAddress | None) -> ProxyHeaderReader | None:
        return ProxyHeaderReader(self._entrance, self._factory) if self._entrance.admits(addr) else None


class ProxyProtocolReactor:
    """*reactor* for endpoints whose connections begin with a header: whatever they listen on, and whatever else they put
    round a connection, the header is outside of it."""

    def __init__(self, reactor: Any, entrance: ProxyProtocolGate) -> None:
        self._reactor, self._entrance = reactor, entrance

    def listenTCP(self, port: int, factory: IProtocolFactory, *more: Any, **named: Any) -> Any:  # noqa: N802
        return self._reactor.listenTCP(port, ProxyProtocolFactory(self._entrance, factory), *more, **named)

    def listenUNIX(self, path: str, factory: IProtocolFactory, *more: Any, **named: Any) -> Any:  # noqa: N802
        return self._reactor.listenUNIX(path, ProxyProtocolFactory(self._entrance, factory), *more, **named)

    def listenSSL(  # noqa: N802
        self, port: int, factory: IProtocolFactory, contextFactory: Any, *more: Any, **named: Any  # noqa: N803
    ) -> Any:  # fmt: skip
        from twisted.protocols.tls import TLSMemoryBIOFactory

        return self.listenTCP(port, TLSMemoryBIOFactory(contextFactory, False, factory), *more, **named)

    def adoptStreamPort(self, descriptor: int, family: int, factory: IProtocolFactory) -> Any:  # noqa: N802
        return self._reactor.adoptStreamPort(descriptor, family, ProxyProtocolFactory(self._entrance, factory))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._reactor, name)
