"""A WebFinger client (RFC 7033): asks the host of a fediverse account whether it knows the account, and where the account's
actor is. Public hosts only, by https with a certificate that this machine trusts; what goes wrong is a reason, not an
answer."""

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

SECONDS = 10.0  # for all of it
MOST = 64 * 1024  # bytes of an answer
MOST_ON_WIRE = (
    2 * MOST
)  # bytes of a connection: with certificates and heads, for whose number the web client has no limit
REDIRECTS = 3
_ADDRESS = re.compile(r"[!#-;=?-~]{1,2048}")  # it stands in pages, which have a size of their own
_ACTIVITY = ("application/activity+json", 'application/ld+json; profile="https://www.w3.org/ns/activitystreams"')


class NotConfirmed(Exception):
    """The account's host does not say that there is such an account; the message says why."""


class _Link(msgspec.Struct):
    rel: str = ""
    type: str | None = None
    href: str | None = None


class _Descriptor(msgspec.Struct):
    subject: str = ""
    aliases: list[str] = []
    links: list[_Link] = []


async def confirm_account(reactor: Any, outgoing: OutboundConnections, user: str, host: str) -> Actor:
    """The actor of *user* at *host*. Raises NotConfirmed, and what dialling, TLS and the web client raise. However it
    ends, it leaves no connection behind."""
    ways = _Ways(reactor, outgoing)
    asking = Deferred.fromCoroutine(_confirmed(Agent.usingEndpointFactory(reactor, ways), user, host))
    try:
        return await asking.addTimeout(SECONDS, reactor, _late)
    finally:
        ways.close()


def _late(result: Any, seconds: float) -> Any:
    raise NotConfirmed("no answer in time")


async def _confirmed(agent: Agent, user: str, host: str) -> Actor:
    subject = f"acct:{user}@{host}"
    body = await _fetched(agent, f"https://{host}/.well-known/webfinger?resource={quote(subject, safe='')}")
    try:
        told = msgspec.json.decode(body, type=_Descriptor)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise NotConfirmed("no descriptor") from None
    if subject.lower() not in (each.lower() for each in (told.subject, *told.aliases)):
        raise NotConfirmed("a descriptor of somebody else")
    actor = _first(told.links, "self", _ACTIVITY)
    if actor is None:
        raise NotConfirmed("no actor")
    return Actor(actor, _first(told.links, "http://webfinger.net/rel/profile-page", ("text/html",)) or actor)


def _first(links: Sequence[_Link], rel: str, types: Sequence[str]) -> str | None:
    fitting = (link.href for link in links if link.rel == rel and link.type in types and link.href is not None)
    return next((href for href in fitting if _is_https(href)), None)


def _is_https(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme == "https" and bool(parts.hostname) and _ADDRESS.fullmatch(url) is not None


async def _fetched(agent: Agent, url: str) -> bytes:
    """What stands at *url*, by https from the first step to the last."""
    headers = Headers({"Accept": ["application/jrd+json, application/json"], "User-Agent": ["finger-gateway"]})
    for _ in range(REDIRECTS + 1):
        if not _is_https(url):
            raise NotConfirmed("a way without https")
        response: Any = await agent.request(b"GET", url.encode("ascii"), headers)
        reading = _Reading()
        response.deliverBody(reading)
        if response.code == 200:
            return await reading.whole
        reading.leave()
        location = response.headers.getRawHeaders(b"location")
        if response.code not in (301, 302, 303, 307, 308) or not location:
            raise NotConfirmed(f"status {response.code}")
        try:
            url = urljoin(url, location[0].decode("latin-1"))
        except ValueError:
            raise NotConfirmed("a way without https") from None
    raise NotConfirmed("too many redirects")


class _Reading(Protocol):
    """The body, up to MOST bytes."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self._size = 0
        self._left = False
        self.whole: Deferred[bytes] = Deferred(lambda _: self.leave())

    def dataReceived(self, data: bytes) -> None:
        self._size += len(data)
        self._pieces.append(data)
        if self._size > MOST and not self._left and not self.whole.called:
            self.leave()
            self.whole.errback(NotConfirmed("an endless answer"))

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        if not self.whole.called:
            self.whole.callback(b"".join(self._pieces))  # what is cut off is no JSON

    def leave(self) -> None:
        """No more of it is wanted."""
        self._left = True
        transport: Any = self.transport
        transport.loseConnection()


class _Counted(ProtocolWrapper):
    """A connection that takes MOST_ON_WIRE bytes."""

    _left = MOST_ON_WIRE

    def dataReceived(self, data: bytes) -> None:
        self._left -= len(data)
        if self._left < 0:
            self.abort()
        else:
            super().dataReceived(data)

    def abort(self) -> None:
        """Ends it at once: TLS would wait for a goodbye of the other end."""
        transport: Any = self.transport
        if transport is not None:
            transport.abortConnection()


class _Counting(WrappingFactory[_Counted]):
    noisy = False
    protocol = _Counted

    def __init__(self, wrapped: IProtocolFactory, connections: list[_Counted]) -> None:
        super().__init__(wrapped)
        self._connections = connections

    def buildProtocol(self, addr: IAddress | None) -> _Counted:
        connection = super().buildProtocol(addr)
        assert connection is not None  # the web client takes each
        self._connections.append(connection)
        return connection


@implementer(IStreamClientEndpoint)
class _Way:
    def __init__(self, endpoint: IStreamClientEndpoint, connections: list[_Counted]) -> None:
        self._endpoint, self._connections = endpoint, connections

    def connect(self, protocolFactory: IProtocolFactory) -> "Deferred[IProtocol]":  # noqa: N803  # Twisted's name
        connecting: Deferred[Any] = self._endpoint.connect(_Counting(protocolFactory, self._connections))
        return connecting.addCallback(lambda connection: connection.wrappedProtocol)


@implementer(IAgentEndpointFactory)
class _Ways:
    """TLS over *outgoing*'s connections: the certificate has to be the host's."""

    def __init__(self, reactor: Any, outgoing: OutboundConnections) -> None:
        self._reactor, self._outgoing = reactor, outgoing
        self._connections: list[_Counted] = []

    def endpointForURI(self, uri: Any) -> IStreamClientEndpoint:  # noqa: N802  # Twisted's name
        from twisted.internet.endpoints import wrapClientTLS
        from twisted.internet.ssl import optionsForClientTLS

        host = uri.host.decode("ascii")
        way = _Way(self._outgoing.endpoint(host, uri.port, SECONDS), self._connections)
        endpoint: IStreamClientEndpoint = wrapClientTLS(optionsForClientTLS(host), way, self._reactor)
        return endpoint

    def close(self) -> None:
        """Drops all connections."""
        for connection in self._connections:
            connection.abort()
