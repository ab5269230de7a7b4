"""A WebFinger client (RFC 7033) that checks fediverse accounts.

It asks the host of an account whether the account exists and where its actor is. Public hosts only, by https with a
certificate that this machine trusts. Errors are raised with a reason.
"""

import re
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote, urljoin, urlsplit

import msgspec
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IAddress, IProtocol, IProtocolFactory, IStreamClientEndpoint
from twisted.internet.protocol import Protocol, connectionDone
from twisted.protocols.policies import ProtocolWrapper, WrappingFactory
from twisted.python.failure import Failure
from twisted.web.client import Agent
from twisted.web.http_headers import Headers
from twisted.web.iweb import IAgentEndpointFactory
from zope.interface import implementer

from .fediverse_address import Actor
from .public_hosts import OutboundConnections

TIMEOUT = 10.0  # seconds, for everything together
MAX_BODY_BYTES = 64 * 1024
MAX_CONNECTION_BYTES = 2 * MAX_BODY_BYTES  # headers included: the web client does not limit their number
MAX_REDIRECTS = 3
_SAFE_URL = re.compile(r"[!#-;=?-~]{1,2048}")  # printable ASCII, short enough for a page
_ACTIVITY = ("application/activity+json", 'application/ld+json; profile="https://www.w3.org/ns/activitystreams"')


class NotConfirmed(Exception):
    """The account's host does not confirm the account; the message says why."""


class _JrdLink(msgspec.Struct):
    rel: str = ""
    type: str | None = None
    href: str | None = None


class _Jrd(msgspec.Struct):
    subject: str = ""
    aliases: list[str] = []
    links: list[_JrdLink] = []


async def confirm_account(reactor: Any, outbound: OutboundConnections, user: str, host: str) -> Actor:
    """Return the actor of *user* at *host*.

    Raises NotConfirmed, and what dialling, TLS and the web client raise. However it ends, no connection is left open.
    """
    ways = _TlsEndpoints(reactor, outbound)
    asking = Deferred.fromCoroutine(_find_actor(Agent.usingEndpointFactory(reactor, ways), user, host))
    try:
        return await asking.addTimeout(TIMEOUT, reactor, _raise_timeout)
    finally:
        ways.close()


def _raise_timeout(result: Any, seconds: float) -> Any:
    raise NotConfirmed("no answer in time")


async def _find_actor(agent: Agent, user: str, host: str) -> Actor:
    subject = f"acct:{user}@{host}"
    body = await _fetch(agent, f"https://{host}/.well-known/webfinger?resource={quote(subject, safe='')}")
    try:
        document = msgspec.json.decode(body, type=_Jrd)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise NotConfirmed("no descriptor") from None
    if subject.lower() not in (each.lower() for each in (document.subject, *document.aliases)):
        raise NotConfirmed("a descriptor of somebody else")
    actor = _first_link(document.links, "self", _ACTIVITY)
    if actor is None:
        raise NotConfirmed("no actor")
    return Actor(actor, _first_link(document.links, "http://webfinger.net/rel/profile-page", ("text/html",)) or actor)


def _first_link(links: Sequence[_JrdLink], rel: str, types: Sequence[str]) -> str | None:
    fitting = (link.href for link in links if link.rel == rel and link.type in types and link.href is not None)
    return next((href for href in fitting if _is_https(href)), None)


def _is_https(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme == "https" and bool(parts.hostname) and _SAFE_URL.fullmatch(url) is not None


async def _fetch(agent: Agent, url: str) -> bytes:
    """Return the body at *url*. Every redirect has to be https, too."""
    headers = Headers({"Accept": ["application/jrd+json, application/json"], "User-Agent": ["finger-gateway"]})
    for _ in range(MAX_REDIRECTS + 1):
        if not _is_https(url):
            raise NotConfirmed("a redirect without https")
        response: Any = await agent.request(b"GET", url.encode("ascii"), headers)
        reading = _BodyReader()
        response.deliverBody(reading)
        if response.code == 200:
            return await reading.whole
        reading.stop()
        location = response.headers.getRawHeaders(b"location")
        if response.code not in (301, 302, 303, 307, 308) or not location:
            raise NotConfirmed(f"status {response.code}")
        try:
            url = urljoin(url, location[0].decode("latin-1"))
        except ValueError:
            raise NotConfirmed("a redirect without https") from None
    raise NotConfirmed("too many redirects")


class _BodyReader(Protocol):
    """Reads a body of at most MAX_BODY_BYTES."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self._size = 0
        self._left = False
        self.whole: Deferred[bytes] = Deferred(lambda _: self.stop())

    def dataReceived(self, data: bytes) -> None:
        self._size += len(data)
        self._pieces.append(data)
        if self._size > MAX_BODY_BYTES and not self._left and not self.whole.called:
            self.stop()
            self.whole.errback(NotConfirmed("an endless answer"))

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        if not self.whole.called:
            self.whole.callback(b"".join(self._pieces))  # a truncated body is not valid JSON

    def stop(self) -> None:
        """Stop reading and close the connection."""
        self._left = True
        transport: Any = self.transport
        transport.loseConnection()


class _BoundedConnection(ProtocolWrapper):
    """A connection that is aborted after MAX_CONNECTION_BYTES."""

    _left = MAX_CONNECTION_BYTES

    def dataReceived(self, data: bytes) -> None:
        self._left -= len(data)
        if self._left < 0:
            self.abort()
        else:
            super().dataReceived(data)

    def abort(self) -> None:
        """Close at once: TLS would wait for the peer's close_notify."""
        transport: Any = self.transport
        if transport is not None:
            transport.abortConnection()


class _BoundedFactory(WrappingFactory[_BoundedConnection]):
    noisy = False
    protocol = _BoundedConnection

    def __init__(self, wrapped: IProtocolFactory, connections: list[_BoundedConnection]) -> None:
        super().__init__(wrapped)
        self._connections = connections

    def buildProtocol(self, addr: IAddress | None) -> _BoundedConnection:
        connection = super().buildProtocol(addr)
        assert connection is not None  # the web client accepts each connection
        self._connections.append(connection)
        return connection


@implementer(IStreamClientEndpoint)
class _BoundedEndpoint:
    def __init__(self, endpoint: IStreamClientEndpoint, connections: list[_BoundedConnection]) -> None:
        self._endpoint, self._connections = endpoint, connections

    def connect(self, protocolFactory: IProtocolFactory) -> "Deferred[IProtocol]":  # noqa: N803  # Twisted's name
        connecting: Deferred[Any] = self._endpoint.connect(_BoundedFactory(protocolFactory, self._connections))
        return connecting.addCallback(lambda connection: connection.wrappedProtocol)


@implementer(IAgentEndpointFactory)
class _TlsEndpoints:
    """TLS over *outbound*'s connections; the certificate has to be the host's."""

    def __init__(self, reactor: Any, outbound: OutboundConnections) -> None:
        self._reactor, self._outbound = reactor, outbound
        self._connections: list[_BoundedConnection] = []

    def endpointForURI(self, uri: Any) -> IStreamClientEndpoint:  # noqa: N802  # Twisted's name
        from twisted.internet.endpoints import wrapClientTLS
        from twisted.internet.ssl import optionsForClientTLS

        host = uri.host.decode("ascii")
        way = _BoundedEndpoint(self._outbound.endpoint(host, uri.port, TIMEOUT), self._connections)
        endpoint: IStreamClientEndpoint = wrapClientTLS(optionsForClientTLS(host), way, self._reactor)
        return endpoint

    def close(self) -> None:
        """Drop all connections."""
        for connection in self._connections:
            connection.abort()
