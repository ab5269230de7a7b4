"""One HTTP request: checked before it is routed.

Who the client is behind trusted proxies, whether the host is ours, whether another site's page sent it, which path and
format it asks for. Klein then finds the handler (web/app.py).
"""

from http import HTTPStatus
from io import BytesIO
from typing import cast

from twisted.python.failure import Failure
from twisted.web import server

from ...directory.addresses import Address
from ...ops.request_tracker import Outcome, RequestInfo
from . import forwarded, target
from .channel import HttpChannel
from .interfaces import HttpSite
from .negotiation import Format, FormatChoice, choose_format, effective_accept
from .reply import Conditions, Reply

MAX_BODY_BYTES = 64 * 1024
_ROUTED_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")


class Request(server.Request):
    """A request.

    *decoded_path* is its path, "*" for the server as a whole. *accept* is what effective_accept makes of its headers,
    *choice* the format of the reply and of errors. *address* is the client for limits and the access log.
    *membership_address* is the address by which it may be a member: None if the client cannot be known, or if another
    site's page sent the request.
    """

    defaultContentType = None  # noqa: N815
    channel: HttpChannel
    site: HttpSite  # type: ignore[assignment]  # Twisted says Site; ours has more
    choice = FormatChoice(Format.TEXT, Format.TEXT)
    decoded_path = ""
    accept: str | None = None
    address: Address | None = None
    membership_address: Address | None = None
    _secure = False

    # the body, which is small and kept in memory

    def gotLength(self, length: int | None) -> None:
        self.content = BytesIO()
        self._body_bytes_left = MAX_BODY_BYTES
        if length is not None and length > MAX_BODY_BYTES:
            self.requestHeaders.removeHeader("expect")  # or Twisted says "100 Continue" behind the refusal
            self.channel.refuse(413)

    def handleContentChunk(self, data: bytes) -> None:
        self._body_bytes_left -= len(data)
        if self._body_bytes_left < 0:
            self.channel.refuse(413)
        else:
            cast("BytesIO", self.content).write(data)

    # the head

    def headers(self, name: str) -> list[str]:
        """Return all headers called *name*, decoded as Latin-1, which cannot fail."""
        return [value.decode("latin-1") for value in self.requestHeaders.getRawHeaders(name.encode()) or ()]

    def header(self, name: str) -> str | None:
        """Return the header called *name*; several are joined to a list (RFC 9110 section 5.3)."""
        values = self.headers(name)
        return ", ".join(values) if values else None

    @property
    def raw_uri(self) -> str:
        """The target as the client sent it."""
        return self.uri.decode("latin-1")

    def process(self) -> None:
        """Check the request, then have Klein route it. Never raises."""
        self.site = self.channel.site
        self._secure = self.site.is_secure(self.channel.isSecure())
        self.address, self.membership_address = self._find_client()
        if self._is_cross_site():
            self.membership_address = None
        self.prepath, self.postpath = [], []
        self.accept = effective_accept(self.header("accept"), self.header("accept-language"))
        self.choice = choose_format("", self.accept)
        try:
            self._parse_path()
            allowed = [] if self.method.decode() in _ROUTED_METHODS else self.site.allowed_methods(self.decoded_path)
            if allowed:
                self._answer_method(tuple(allowed))
            else:
                self.render(self.site.resource)
        except target.HttpRequestError as error:
            self._finish_with(self.site.replies.error(error.code, self.choice.errors))
        except Exception:
            self.processingFailed(Failure())

    def _find_client(self) -> tuple[Address | None, Address | None]:
        """Return the client address for limits and the one for authorisation.

        A trusted proxy's own address never authorises.
        """
        peer, proxies = self.channel.address, self.site.trusted_proxies
        if not self.channel.is_trusted_proxy(proxies):
            return peer, peer
        client = forwarded.client_address(proxies, peer, self.headers("forwarded"), self.headers("x-forwarded-for"))
        return client, None if client in proxies else client

    def _is_cross_site(self) -> bool:
        """Return whether a page of another site made the browser send this (Fetch Metadata).

        Such a request sees what a stranger sees: the page could learn from the status, or from whether an image loads, what
        only members may see. Following a link counts as the user's own request.
        """
        if self.header("sec-fetch-site") in ("cross-site", "same-site"):
            return (self.header("sec-fetch-mode"), self.header("sec-fetch-dest")) != ("navigate", "document")
        return self.header("origin") not in (None, self._origin)

    @property
    def _origin(self) -> str:
        return f"{'https' if self._secure else 'http'}://{self.header('host')}"

    def _parse_path(self) -> None:
        """Set the path, which Klein gets in segments. Raises HttpRequestError."""
        raw = target.parse_target(self.raw_uri, self.headers("host"), self.clientproto.decode(), self._is_ours)
        if raw == "*":
            if self.method != b"OPTIONS":
                raise target.HttpRequestError(400)
            self.decoded_path = raw
            return
        self.postpath = target.split_path(raw)
        self.decoded_path = "/" + b"/".join(self.postpath).decode()
        self.choice = choose_format(self.decoded_path, self.accept)
        self.requestHeaders.setRawHeaders("host", [self.site.deps.site.host])  # the only host that Klein sees

    def _is_ours(self, host: str) -> bool:
        return self.site.is_ours(host) or host.strip("[]") == self.channel.own_address

    # the answer

    def _answer_method(self, allowed: tuple[str, ...]) -> None:
        """Answer OPTIONS, or a method that no route takes."""
        headers = (("Allow", ", ".join(allowed)),)
        if self.method == b"OPTIONS":
            self._finish_with(Reply(b"", code=204, headers=headers))
        else:
            self._finish_with(self.site.replies.error(405, self.choice.errors, headers))

    def _finish_with(self, reply: Reply) -> None:
        """Send *reply* to a request that has no handler."""
        self.write(self.record_reply(reply))
        self.finish()

    def record_reply(self, reply: Reply) -> bytes:
        """Set the head for *reply*, count and log it without a rate limit; return the body to write."""
        body = self.set_head(reply)
        self.record(reply.outcome, len(body))
        return body

    def set_head(self, reply: Reply) -> bytes:
        """Set status and headers; return the body to write."""
        conditions = Conditions(
            self.method.decode(),
            self.header("if-none-match"),
            self.header("if-modified-since"),
            self._secure,
            self.header("accept-encoding"),
        )
        response = self.site.respond(reply, conditions)
        self.setResponseCode(response.code, HTTPStatus(response.code).phrase.encode())
        for name, value in response.headers:
            self.responseHeaders.setRawHeaders(name, [value])
        return response.body

    def record(self, outcome: Outcome, size: int, reference: str | None = None) -> None:
        """Count and log a request that asks the directory nothing."""
        info = RequestInfo("web", "page", self.raw_uri, self.address)
        self.site.deps.tracker.record_unanswered(info, outcome, size, reference)

    def processingFailed(self, reason: Failure) -> Failure:  # noqa: N802
        """Answer an exception that no handler caught with a reference number; the traceback is in the log."""
        reference = self.site.log_failure(reason)
        body = self.set_head(self.site.replies.internal_error(self.choice.errors, reference))
        self.record("error", len(body), reference)
        self.write(body)
        self.finish()
        return reason
