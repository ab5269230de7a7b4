"""A WebFinger client (RFC 7033): asks the host of a fediverse account whether it knows the account, and where the account's
actor is. Public hosts only, by https with a certificate that this machine trusts; what goes wrong is a reason, not an
answer."""

import re
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote, urljoin, urlsplit

import msgspec
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from twisted.web.client import Agent
from twisted.web.http_headers import Headers
from twisted.web.iweb import IAgentEndpointFactory
from zope.interface import implementer

from .accounts import Actor
from .public import Outgoing

SECONDS = 10.0  # for all of it
MOST = 64 * 1024  # bytes of an answer
REDIRECTS = 3
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


async def confirmed(reactor: Any, outgoing: Outgoing, user: str, host: str) -> Actor:
    """The actor of *user* at *host*. Raises NotConfirmed, defer.TimeoutError, and what dialling and TLS raise. Cancelled,
    it drops its connection."""
    asking = Deferred.fromCoroutine(_confirmed(reactor, outgoing, user, host))
    return await asking.addTimeout(SECONDS, reactor)


async def _confirmed(reactor: Any, outgoing: Outgoing, user: str, host: str) -> Actor:
    agent = Agent.usingEndpointFactory(reactor, _Endpoints(outgoing))
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
    return parts.scheme == "https" and bool(parts.hostname) and url.isascii() and re.search(r"[\s<>\"]", url) is None


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
        url = urljoin(url, location[0].decode("latin-1"))
    raise NotConfirmed("too many redirects")


class _Reading(Protocol):
    """The body, up to MOST bytes."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self._size = 0
        self.whole: Deferred[bytes] = Deferred(lambda _: self.leave())

    def dataReceived(self, data: bytes) -> None:
        self._size += len(data)
        self._pieces.append(data)
        if self._size > MOST and not self.whole.called:
            self.whole.errback(NotConfirmed("an endless answer"))
            self.leave()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        if not self.whole.called:
            self.whole.callback(b"".join(self._pieces))  # what is cut off is no JSON

    def leave(self) -> None:
        """No more of it is wanted."""
        transport: Any = self.transport
        transport.loseConnection()


@implementer(IAgentEndpointFactory)
class _Endpoints:
    """TLS over *outgoing*'s connections: the certificate has to be the host's."""

    def __init__(self, outgoing: Outgoing) -> None:
        self._outgoing = outgoing

    def endpointForURI(self, uri: Any) -> IStreamClientEndpoint:  # noqa: N802  # Twisted's name
        from twisted.internet.endpoints import wrapClientTLS
        from twisted.internet.ssl import optionsForClientTLS

        host = uri.host.decode("ascii")
        endpoint: IStreamClientEndpoint = wrapClientTLS(
            optionsForClientTLS(host), self._outgoing.endpoint(host, uri.port, SECONDS)
        )
        return endpoint
