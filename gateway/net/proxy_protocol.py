"""Endpoints behind a proxy (`haproxy:tcp:79`): each connection begins with a PROXY header.

The protocol behind sees the client that the header names, as if it had connected directly. It is made when the header
has been read, so that limits, the access log and viewers never see the proxy. Until then a connection counts among all
of them, has one deadline, and is closed for others when there are too many: a proxy has no reason to wait. Only proxies
that the settings trust may send a header. With TLS (`haproxy:ssl:...`) the header comes before the handshake.
proxy_header.py parses it.
"""

from collections.abc import Callable, Iterable
from typing import Any, Literal

from twisted.internet.interfaces import IAddress, IHalfCloseableProtocol, IProtocolFactory
from twisted.internet.protocol import Factory, Protocol
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import directlyProvides, implementer, providedBy

from ..directory.addresses import Address, Networks
from ..directory.throttled_logger import ThrottledLogger
from .admission import AdmissionControl
from .deadline import Deadline
from .proxy_header import InvalidProxyHeader, ProxyHeader, parse_header

HeaderOutcome = Literal["refused", "invalid", "gone", "limited", "timeout", "empty"]
WARNING_INTERVAL = 10.0  # seconds between two warnings


class ProxyProtocolGate:
    """What the *haproxy:* endpoints of one table of the settings share.

    *count* is called with the outcome of each connection that never had a valid header.
    """

    log = Logger()

    def __init__(
        self, table: str, reactor: Any, admission: AdmissionControl, count: Callable[[HeaderOutcome], None]
    ) -> None:
        self._table, self.reactor = table, reactor
        self._admission, self._count = admission, count
        self._waiting: dict[ProxyHeaderReader, None] = {}  # ordered; the one that has waited longest is first
        self._failures = 0
        self._warnings = ThrottledLogger(self.log, WARNING_INTERVAL, reactor.seconds)
        self.set_trust((), 10.0)

    def set_trust(self, proxies: Iterable[str], timeout: float) -> None:
        """Set the networks whose connections are trusted, and the seconds that a header may take."""
        self._trusted_proxies, self.timeout = Networks(proxies), timeout

    def is_trusted(self, peer: IAddress | None) -> bool:
        """Return whether *peer* may send a header.

        A client of a socket in the file system has no address; the file's permissions have admitted it.
        """
        host = getattr(peer, "host", None)
        if host is None or Address.parse(host) in self._trusted_proxies:
            return True
        self.count_failure("refused", peer, f"not one of {self._table}.trusted_proxies")
        return False

    def add(self, connection: "ProxyHeaderReader") -> None:
        self._waiting[connection] = None
        if not self._admission.admit_unidentified():
            next(iter(self._waiting)).evict()

    def remove(self, connection: "ProxyHeaderReader") -> None:
        del self._waiting[connection]
        self._admission.leave(None)

    def close(self) -> None:
        """Close all connections that wait for a header."""
        for each in tuple(self._waiting):
            each.stop()

    def count_failure(self, outcome: HeaderOutcome, peer: IAddress | None, why: str) -> None:
        """Count a connection without a valid header, and warn from time to time."""
        self._count(outcome)
        self._failures += 1
        self._warnings.warn(
            "failed",
            "{table}.listen: no PROXY header from {peer}: {why}; connections closed so far: {failures}",
            table=self._table, peer=getattr(peer, "host", "a socket"), why=why, failures=self._failures,
        )  # fmt: skip

    def count_empty(self) -> None:
        """Count a connection that sent nothing, like the health check of a proxy."""
        self._count("empty")


@implementer(IHalfCloseableProtocol)
class ProxyHeaderReader(Protocol):
    """One connection: reads the header, then passes everything through."""

    transport: Any

    def __init__(self, gate: ProxyProtocolGate, factory: IProtocolFactory) -> None:
        self._gate, self._factory = gate, factory
        self._received = b""
        self._addressless: ProxyHeader | None = None  # a header without addresses, and nothing after it yet
        self._wrapped: Any = None
        self._deadline = Deadline(lambda: gate.reactor)
        self._waiting = False

    def connectionMade(self) -> None:
        self._waiting = True
        self._deadline.arm(self._gate.timeout, self._time_out)
        self._gate.add(self)

    def dataReceived(self, data: bytes) -> None:
        if self._wrapped is not None:
            self._wrapped.dataReceived(data)
        elif self._waiting:
            self._received += data
            try:
                found = parse_header(self._received)
            except InvalidProxyHeader as bad:
                self._fail("invalid", str(bad))
            else:
                if found is not None and found.source is None and len(self._received) == found.length:
                    self._addressless = found  # a health check sends no more
                elif found is not None:
                    self._start_wrapped(found)

    def readConnectionLost(self) -> None:
        """Pass on that the client has shut its side."""
        if self._wrapped is None:
            self.transport.loseConnection()
        elif IHalfCloseableProtocol.providedBy(self._wrapped):
            self._wrapped.readConnectionLost()
        else:
            self.transport.loseConnection()

    def writeConnectionLost(self) -> None:
        if IHalfCloseableProtocol.providedBy(self._wrapped):
            self._wrapped.writeConnectionLost()

    def connectionLost(self, reason: Failure) -> None:  # type: ignore[override]  # Twisted's default argument
        if self._wrapped is not None:
            behind, self._wrapped = self._wrapped, None
            behind.connectionLost(reason)
        elif self._stop_waiting():
            if self._received and self._addressless is None:
                self._gate.count_failure("gone", self.transport.getPeer(), "closed before its end")
            else:
                self._gate.count_empty()

    def _start_wrapped(self, found: ProxyHeader) -> None:
        self._stop_waiting()
        rest, self._received = self._received[found.length :], b""
        client = _ProxiedTransport(self.transport, found)
        self._wrapped = self._factory.buildProtocol(client.getPeer())
        if self._wrapped is None:
            self.transport.abortConnection()
            return
        self._wrapped.makeConnection(client)
        if rest and self._wrapped is not None:
            self._wrapped.dataReceived(rest)

    def evict(self) -> None:
        """Close this connection, which has waited longest, because there are too many."""
        self._fail("limited", "too many connections, and this one had been waiting longest for its header")

    def stop(self) -> None:
        """Close because the gateway stops."""
        self._stop_waiting()
        self.transport.abortConnection()

    def _time_out(self) -> None:
        if self._addressless is not None:
            self._start_wrapped(self._addressless)
        else:
            self._fail("timeout", "the header was not received in time")

    def _fail(self, outcome: HeaderOutcome, why: str) -> None:
        self._stop_waiting()
        self._gate.count_failure(outcome, self.transport.getPeer(), why)
        self.transport.abortConnection()

    def _stop_waiting(self) -> bool:
        """Stop waiting for the header; return whether it was still waited for."""
        if not self._waiting:
            return False
        self._waiting = False
        self._deadline.disarm()
        self._gate.remove(self)
        return True


class _ProxiedTransport:
    """A transport with the addresses of a header."""

    def __init__(self, transport: Any, found: ProxyHeader) -> None:
        directlyProvides(self, providedBy(transport))
        self._transport, self._header = transport, found

    def getPeer(self) -> Any:
        return self._header.source or self._transport.getPeer()

    def getHost(self) -> Any:
        return self._header.destination or self._transport.getHost()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)


class ProxyProtocolFactory(Factory[ProxyHeaderReader]):
    """*factory* behind a gate."""

    noisy = False

    def __init__(self, gate: ProxyProtocolGate, factory: IProtocolFactory) -> None:
        self._gate, self._factory = gate, factory

    def doStart(self) -> None:  # noqa: N802
        self._factory.doStart()
        super().doStart()

    def doStop(self) -> None:  # noqa: N802
        self._factory.doStop()
        super().doStop()

    def stopFactory(self) -> None:
        self._gate.close()

    def buildProtocol(self, addr: IAddress | None) -> ProxyHeaderReader | None:
        return ProxyHeaderReader(self._gate, self._factory) if self._gate.is_trusted(addr) else None


class ProxyProtocolReactor:
    """A reactor for endpoints whose connections begin with a header.

    Whatever else an endpoint wraps around a connection, the header is outside of it.
    """

    def __init__(self, reactor: Any, gate: ProxyProtocolGate) -> None:
        self._reactor, self._gate = reactor, gate

    def listenTCP(self, port: int, factory: IProtocolFactory, *more: Any, **named: Any) -> Any:  # noqa: N802
        return self._reactor.listenTCP(port, ProxyProtocolFactory(self._gate, factory), *more, **named)

    def listenUNIX(self, path: str, factory: IProtocolFactory, *more: Any, **named: Any) -> Any:  # noqa: N802
        return self._reactor.listenUNIX(path, ProxyProtocolFactory(self._gate, factory), *more, **named)

    def listenSSL(  # noqa: N802
        self, port: int, factory: IProtocolFactory, contextFactory: Any, *more: Any, **named: Any  # noqa: N803
    ) -> Any:  # fmt: skip
        from twisted.protocols.tls import TLSMemoryBIOFactory

        return self.listenTCP(port, TLSMemoryBIOFactory(contextFactory, False, factory), *more, **named)

    def adoptStreamPort(self, descriptor: int, family: int, factory: IProtocolFactory) -> Any:  # noqa: N802
        return self._reactor.adoptStreamPort(descriptor, family, ProxyProtocolFactory(self._gate, factory))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._reactor, name)
