"""The web site: makes the connections, and every response leaves through WebSite.respond.

Twisted's own access log is off, since each request has a line in the gateway's; so are its form parsing and HTTP/2.
"""

from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import urlsplit

from twisted.internet.interfaces import IAddress
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web import server
from twisted.web.http import datetimeToString

from ..dependencies import ProtocolDependencies
from ..directory.addresses import Networks
from ..net.connections import ConnectionRegistry
from ..net.cooperative_queue import CooperativeQueue
from ..ops.failure import log_failure
from .http.channel import HttpChannel
from .http.reply import Conditions, Reply, Response, make_response
from .http.request import Request
from .replies import ReplyBuilder

SERVER = "finger-gateway"


class WebSite(server.Site):
    """The site.

    *resource* is Klein's, *replies* makes the error replies, *allowed_methods* lists the methods of a path.
    *trusted_proxies* are believed on who their clients are.
    """

    requestFactory = Request
    trusted_proxies = Networks(())

    def __init__(
        self,
        deps: ProtocolDependencies,
        resource: Any,
        replies: ReplyBuilder,
        allowed_methods: Callable[[str], Sequence[str]],
    ) -> None:
        super().__init__(resource, reactor=deps.reactor, timeout=deps.timeout, parsePOSTFormSubmission=False)
        self.allowed_methods = allowed_methods
        self.reload(deps, replies)
        self.connections: ConnectionRegistry[HttpChannel] = ConnectionRegistry(deps.reactor)
        self.work_queue = CooperativeQueue(deps.reactor)
        self._log = Logger(namespace="gateway.web")

    def reload(self, deps: ProtocolDependencies, replies: ReplyBuilder) -> None:
        """Use *deps* and *replies* for requests from now on, on open connections too. Cannot fail."""
        self.deps, self.replies = deps, replies
        url = urlsplit(deps.site.url)
        self._host = url.hostname
        self._is_https = url.scheme == "https"

    def buildProtocol(self, addr: IAddress | None) -> Any:
        return HttpChannel(self)

    def acceptableProtocols(self) -> list[bytes]:  # noqa: N802
        """Offer HTTP/1.1 alone in TLS: Twisted's HTTP/2 is half as fast, and a proxy does it better."""
        return [b"http/1.1"]

    def startFactory(self) -> None:
        """Start without Twisted's access log."""

    def stopFactory(self) -> None:
        """Stop without Twisted's access log."""

    def log(self, request: Any) -> None:
        """Write nothing: the gateway's access log has the request."""

    def respond(self, reply: Reply, conditions: Conditions) -> Response:
        """Return *reply* as it goes on the wire. Every response passes here."""
        response = make_response(reply, conditions)
        common = [("Server", SERVER), ("Date", datetimeToString().decode())]
        return Response(response.code, [*common, *response.headers], response.body)

    def is_ours(self, host: str) -> bool:
        return host in self.deps.site.hosts or host.lower() == self._host

    def is_secure(self, connection_is_secure: bool) -> bool:
        """Return whether the client uses TLS, to here or to the proxy in front of us."""
        return self._is_https or connection_is_secure

    def log_failure(self, failure: Failure) -> str:
        """Log *failure* and return the reference number to quote."""
        return log_failure(self._log, "web", failure)
