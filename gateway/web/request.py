"""The layer under Klein: a request whose host, path and method are judged before it is routed, and the site.

Whatever is answered leaves through Site.out. Twisted's access log is off (each question has its record), its parsing of
forms too, and HTTP/2 is not offered.
"""

from collections.abc import Callable, Sequence
from http import HTTPStatus
from io import BytesIO
from typing import Any, cast
from urllib.parse import urlsplit

from twisted.internet.interfaces import IAddress
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web import server
from twisted.web.http import datetimeToString

from ..dependencies import ProtocolDependencies
from ..directory.addresses import Address, Networks
from ..net.connections import ConnectionRegistry
from ..net.cooperative_queue import CooperativeQueue
from ..ops.failure import log_failure
from ..ops.request_tracker import Outcome, RequestInfo
from .http import forwarded, target
from .http.channel import Channel
from .http.negotiation import Format, asked, ending, told
from .http.reply import Conditions, Reply, Sent, finished
from .pages import Headers, Pages
from .routes import Route

SERVER = "finger-gateway"
MOST_BODY = 64 * 1024  # bytes
_ROUTED = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")


class Request(server.Request):
    """A request. *format*: what it is answered in, and whether the address *forced* it; *where*: its path, decoded;
    *accept*: what the asker takes; *address*: who asks, for limits and records; *evidence*: the same, for what may be seen."""

    defaultContentType = None  # noqa: N815
    channel: Channel
    site: "WebSite"
    format = Format.TEXT
    forced = False
    route: Route
    where = ""
    accept: str | None = None
    address: Address | None = None
    evidence: Address | None = None
    _secure = False

    # the body: kept in memory, since it is small

    def gotLength(self, length: int | None) -> None:
        self.content = BytesIO()
        self._room = MOST_BODY
        if length is not None and length > MOST_BODY:
            self.requestHeaders.removeHeader("expect")  # or Twisted says "100 Continue" behind the refusal
            self.channel.refuse(413)

    def handleContentChunk(self, data: bytes) -> None:
        self._room -= len(data)
        if self._room < 0:
            self.channel.refuse(413)
        else:
            cast("BytesIO", self.content).write(data)

    # the question

    def headers(self, name: str) -> list[str]:
        """All headers called *name*. Their bytes are read as Latin-1: any other reading of Twisted's may fail."""
        return [value.decode("latin-1") for value in self.requestHeaders.getRawHeaders(name.encode()) or ()]

    def header(self, name: str) -> str | None:
        """The header called *name*, a list if it came more than once (RFC 9110 section 5.3)."""
        values = self.headers(name)
        return ", ".join(values) if values else None

    @property
    def told(self) -> Format:
        """What goes wrong is told in this one: by the address or the document asked for where these say it, else by
        Accept, so that people get a page though what they asked for is none."""
        known = self.forced or self.format.told is not Format.TEXT
        return self.format.told if known else told(self.accept)

    def process(self) -> None:
        """Judges the request, then has it routed. Nothing is raised."""
        self.site = cast("WebSite", self.channel.site)
        self._secure = self.site.is_secure(self.channel)
        self.address, self.evidence = self._asker()
        if self._is_foreign():
            self.evidence = None
        self.prepath, self.postpath = [], []
        self.accept = asked(self.header("accept"), self.header("accept-language"))
        self.format = told(self.accept)
        try:
            self._judge()
            allowed = [] if self.method.decode() in _ROUTED else self.site.allowed(self.where)
            if allowed:
                code = 204 if self.method == b"OPTIONS" else 405
                self._refuse(code, (("Allow", ", ".join(allowed)),))
            else:
                self.render(self.site.resource)
        except target.HttpRequestError as bad:
            self._refuse(bad.code)
        except Exception:
            self.processingFailed(Failure())

    def _asker(self) -> tuple[Address | None, Address | None]:
        """The address that asks, and the same as evidence: a proxy's own is none, of whoever may stand behind it."""
        peer, proxies = self.channel.address, self.site.proxies
        if not self.channel.is_believed(proxies):
            return peer, peer
        asker = forwarded.asker(proxies, peer, self.headers("forwarded"), self.headers("x-forwarded-for"))
        return asker, None if asker in proxies else asker

    def _is_foreign(self) -> bool:
        """Does a page of another place have a browser ask? It is told what strangers are: it could tell by the status, or
        by whether a picture loads, whom only members may see. Who follows a link asks for themselves. (Fetch Metadata)"""
        if self.header("sec-fetch-site") in ("cross-site", "same-site"):
            return (self.header("sec-fetch-mode"), self.header("sec-fetch-dest")) != ("navigate", "document")
        return self.header("origin") not in (None, self._origin)

    @property
    def _origin(self) -> str:
        return f"{'https' if self._secure else 'http'}://{self.header('host')}"

    def _judge(self) -> None:
        """Finds the path, which Klein gets in parts. Raises Bad."""
        raw = target.parse_target(
            self.uri.decode("latin-1"), self.headers("host"), self.clientproto.decode(), self._is_ours
        )
        if raw == "*":
            if self.method != b"OPTIONS":
                raise target.HttpRequestError(400)
            self.where = raw
            return
        self.postpath = target.segments(raw)
        self.where = "/" + b"/".join(self.postpath).decode()
        forced = ending(self.where)
        if forced is not None:
            self.format, self.forced = forced, True
        self.requestHeaders.setRawHeaders("host", [self.site.deps.site.host])  # all that Klein hears of it

    def _is_ours(self, host: str) -> bool:
        return self.site.is_ours(host) or host.strip("[]") == self.channel.own_address

    def _refuse(self, code: int, headers: Headers = ()) -> None:
        reply = (
            Reply(b"", code=204, headers=headers) if code == 204 else self.site.pages.error(code, self.told, headers)
        )
        outcome: Outcome = "served" if code == 204 else "not_found" if code == 404 else "invalid"
        body = self.prepared(reply)
        self.note(outcome, len(body))
        self.write(body)
        self.finish()

    # the answer

    def prepared(self, reply: Reply) -> bytes:
        """Sets status and headers; gives the body that is to be written."""
        conditions = Conditions(
            self.method.decode(),
            self.header("if-none-match"),
            self.header("if-modified-since"),
            self._secure,
            self.header("accept-encoding"),
        )
        sent = self.site.out(reply, conditions)
        self.setResponseCode(sent.code, self.site.reason(sent.code).encode())
        for name, value in sent.headers:
            self.responseHeaders.setRawHeaders(name, [value])
        return sent.body

    def note(self, outcome: Outcome, size: int) -> None:
        """Records a request that came to no question."""
        self.site.deps.tracker.record_unanswered(self._asked, outcome, size)

    @property
    def _asked(self) -> RequestInfo:
        return RequestInfo("web", "page", self.uri.decode("latin-1"), self.address)

    def processingFailed(self, reason: Failure) -> Failure:  # noqa: N802
        """What no page has caught: told by a reference number, the traceback in the log."""
        reference = self.site.failed(reason)
        body = self.prepared(self.site.pages.internal(self.told, reference))
        self.site.deps.tracker.record_unanswered(self._asked, "error", len(body), reference)
        self.write(body)
        self.finish()
        return reason


class WebSite(server.Site):
    """*resource* is Klein's; *pages* makes the error pages; *allowed* tells the methods that a path takes. *proxies*:
    whose word is taken for who asks."""

    requestFactory = Request
    proxies = Networks(())

    def __init__(
        self,
        deps: ProtocolDependencies,
        resource: Any,
        pages: Pages,
        allowed: Callable[[str], Sequence[str]],
    ) -> None:
        super().__init__(resource, reactor=deps.reactor, timeout=deps.timeout, parsePOSTFormSubmission=False)
        self.allowed = allowed
        self.reload(deps, pages)
        self.connections: ConnectionRegistry[Channel] = ConnectionRegistry(deps.reactor)
        self.turns = CooperativeQueue(deps.reactor)
        self._log = Logger(namespace="gateway.web")

    def reload(self, deps: ProtocolDependencies, pages: Pages) -> None:
        """What is asked from now on is answered by these, whenever the connection was made."""
        self.deps, self.pages = deps, pages
        url = urlsplit(deps.site.url)
        self._name = url.hostname
        self._tls = url.scheme == "https"

    def buildProtocol(self, addr: IAddress | None) -> Any:
        return Channel(self)

    def acceptableProtocols(self) -> list[bytes]:  # noqa: N802
        """No HTTP/2: it is half as fast here, and a proxy does it better."""
        return [b"http/1.1"]

    def startFactory(self) -> None:
        """No access log."""

    def stopFactory(self) -> None:
        """No access log."""

    def log(self, request: Any) -> None:
        """No access log."""

    # the one way out

    def out(self, reply: Reply, asked: Conditions) -> Sent:
        """*reply* as it is sent. Every answer passes here."""
        sent = finished(reply, asked)
        return Sent(sent.code, [("Server", SERVER), ("Date", datetimeToString().decode()), *sent.headers], sent.body)

    def reason(self, code: int) -> str:
        """The phrase behind a status code, which nobody reads."""
        return HTTPStatus(code).phrase

    def is_ours(self, host: str) -> bool:
        return host in self.deps.site.hosts or host.lower() == self._name

    def is_secure(self, channel: Channel) -> bool:
        """By TLS, here or at the proxy before us."""
        return self._tls or channel.isSecure()

    def failed(self, reason: Failure) -> str:
        """Log *reason* and return the reference number to quote."""
        return log_failure(self._log, "web", reason)
