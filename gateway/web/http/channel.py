"""One HTTP connection: its deadlines, its limits, and how it closes.

Twisted parses the heads. What Twisted would answer with a bare status line, or not at all, gets a full reply here.

A connection waits, reads a head, reads a body, answers, and waits again. There is one deadline for a whole head and one for
a whole body. A request that is refused before it was read completely ends in a lingering close (RFC 9112 section 9.6).

A client that shuts its side gets what is answered by then and no more: it cannot be told from one that has gone. Pipelined
requests take turns with other connections (pipeline.py).
"""

import re
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any, cast

from twisted.internet.interfaces import IHalfCloseableProtocol
from twisted.python.failure import Failure
from twisted.web.http import HTTPChannel
from zope.interface import implementer

from ...dependencies import ProtocolDependencies
from ...directory.addresses import Address, Networks
from ...net.admission import Admission
from ...net.deadline import Deadline
from ...net.lingering_close import LingeringClose
from ...ops.request_tracker import Outcome, RequestInfo
from .interfaces import HttpSite
from .negotiation import Format, choose_format, effective_accept
from .pipeline import Pipeline
from .reply import Conditions, Reply

MAX_REQUEST_LINE_BYTES = 8192
MAX_HEAD_BYTES = 16384  # request line and all header lines
MAX_HEADER_LINES = 100
MAX_DROPPED_BYTES = 8 * 1024 * 1024  # read and dropped while a connection closes
MAX_REQUESTS_PER_CONNECTION = 1000
REFUSAL_LINGER = 1.0  # seconds that the client has to read a refusal and to close
FLUSH_TIMEOUT = 0.5  # seconds to send the rest to a client whose time is up
STOP_GRACE = 0.2  # seconds in which an idle client may still send a request when the service stops
REJECT_DELAY = 1.0  # seconds until a client over the connection limit is cut off without a request
# A trailer field. Any other line could be read as two by a lenient proxy (RFC 9112 sections 2.2 and 7.1.2).
_TRAILER = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+:[\t\x20-\x7e\x80-\xff]*")


class PartialHead:
    """Counts the lines of a head. *method* is known after the request line; Twisted keeps the rest to itself."""

    def __init__(self) -> None:
        self.method = ""
        self._last_line = b""
        self._bytes = self._lines = 0

    def read_request_line(self, line: bytes) -> None:
        """Note the method, even of a line that will be refused: an answer to HEAD has no body."""
        self.method = line.partition(b" ")[0].decode("ascii", "replace")

    def add(self, line: bytes, is_header: bool) -> int | None:
        """Add *line*, which Twisted parses only when the next one arrives; return the status that refuses it."""
        self._bytes += len(line) + 2
        self._lines += 1
        if self._bytes > MAX_HEAD_BYTES or self._lines > MAX_HEADER_LINES:
            return 431
        if is_header and line[:1] in (b" ", b"\t"):  # obsolete folding (RFC 9112 section 5.2)
            return 400
        self._last_line = line
        return None

    def accept(self, request: Any | None) -> str | None:
        """Return Accept as far as it was sent; *request* is Twisted's, None before its request line."""
        name, _, value = self._last_line.partition(b":")
        if name.lower() == b"accept":
            return value.strip().decode("latin-1")
        values = request.headers("accept") if request is not None else None
        return values[-1] if values else None


@implementer(IHalfCloseableProtocol)
class HttpChannel(HTTPChannel):
    """One connection of *site*."""

    MAX_LENGTH = MAX_HEAD_BYTES
    maxHeaders = 1 << 30  # noqa: N815  # Twisted's; our own limits are smaller and are answered
    totalHeadersSize = 1 << 30  # noqa: N815
    transport: Any
    requests: list[Any]

    def __init__(self, site: HttpSite) -> None:
        super().__init__()
        self.site = self.factory = site
        self.requestFactory = site.requestFactory
        self.timeOut = None
        self.address: Address | None = None
        self._proxies: Networks | None = None  # those for which _is_proxy holds
        self._is_proxy = False
        self._head = PartialHead()
        self._served = 0
        self._closing = self._stopping = self._peer_done = False
        self._idle = True
        self._deadline = Deadline(lambda: self._deps.reactor)
        self._pipeline = Pipeline(site.work_queue, self._resume)

    @property
    def _deps(self) -> ProtocolDependencies:
        """The dependencies in force: a reload may come during a connection."""
        return self.site.deps

    def connectionMade(self) -> None:
        super().connectionMade()
        self._lingering = LingeringClose(self.transport, self._deadline, MAX_DROPPED_BYTES)
        self.address = Address.parse(getattr(self.transport.getPeer(), "host", ""))
        self.site.connections.add(self)
        self._counted = None if self.is_trusted_proxy(self.site.trusted_proxies) else self.address
        self._admission = self._deps.admission.admit(self._counted)
        if self._admission is Admission.DROP:
            self._record("limited")
            self.loseConnection()
        else:
            rejected = self._admission is Admission.REJECT
            self._deadline.arm(
                min(REJECT_DELAY, self._deps.timeout) if rejected else self._deps.timeout, self._time_out
            )

    def connectionLost(self, reason: Failure) -> None:  # type: ignore[override]  # Twisted's default argument
        self._deadline.disarm()
        if self._pipeline.held is not None:
            self.requests.remove(self._pipeline.release())
        self._deps.admission.leave(self._counted)
        super().connectionLost(reason)
        self.site.connections.remove(self)

    @property
    def own_address(self) -> str:
        """The address of this host that the client connected to."""
        return str(getattr(self.transport.getHost(), "host", ""))

    def is_trusted_proxy(self, proxies: Networks) -> bool:
        """Return whether the peer is one of *proxies*, whose headers name its client.

        A client of a Unix socket counts as one: the file system decides who may connect.
        """
        if self._proxies is not proxies:
            self._proxies, self._is_proxy = proxies, self.address is None or self.address in proxies
        return self._is_proxy

    # input

    def dataReceived(self, data: bytes) -> None:
        if self._closing:
            self._lingering.drop(data)
            return
        if self._idle and self._served:
            self._deadline.arm(self._deps.timeout, self._time_out)
        self._idle = False
        if not self._busyReceiving:  # else Twisted calls it again with what came behind a body
            self._pipeline.begin_turn()
        super().dataReceived(data)

    def lineReceived(self, line: bytes) -> None:
        if self._closing:
            return
        if not self.requests and line:
            self._head.read_request_line(line)
            if self._admission is Admission.REJECT:
                self._refuse_with(self.site.replies.too_many_connections(Format.TEXT), "limited")
                return
            if len(line) > MAX_REQUEST_LINE_BYTES:
                self.refuse(414)
                return
        refused = self._head.add(line, bool(self.requests))
        if refused is not None:
            self.refuse(refused)
            return
        try:
            super().lineReceived(line)
        except ValueError:  # a Content-Length of more digits than int() takes
            self.refuse(400)

    def lineLengthExceeded(self, line: bytes) -> None:
        if not self.requests:
            self._head.read_request_line(line)
        self.refuse(431 if self.requests else 414)

    def allHeadersReceived(self) -> None:
        if self._closing:
            return
        coding = self.requests[-1].headers("transfer-encoding")
        if coding and [each.lower() for each in coding] != ["chunked"]:
            self.refuse(400)
            return
        self._deadline.arm(self._deps.timeout, self._time_out)
        super().allHeadersReceived()

    def rawDataReceived(self, data: bytes) -> None:
        if not self._closing:
            super().rawDataReceived(data)

    def allContentReceived(self) -> None:
        if self._closing:
            return
        trailers: Sequence[bytes] = getattr(self._transferDecoder, "_trailerHeaders", ())
        if not all(map(_TRAILER.fullmatch, trailers)):
            self.refuse(400)
            return
        self._deadline.disarm()
        self._head = PartialHead()
        self._served += 1
        super().allContentReceived()

    def checkPersistence(self, request: Any, version: bytes) -> bool:  # noqa: N802
        options = map(str.strip, ",".join(request.headers("connection")).lower().split(","))
        if self._stopping or self._served + 1 >= MAX_REQUESTS_PER_CONNECTION or "close" in options:
            request.responseHeaders.setRawHeaders("connection", ["close"])
            return False
        return bool(super().checkPersistence(request, version))

    def requestDone(self, request: Any) -> None:  # noqa: N802
        self._idle = True
        self._deadline.arm(self._deps.timeout, self._time_out)
        must_wait = self._pipeline.ends_turn()
        if self._served >= MAX_REQUESTS_PER_CONNECTION or (not self.persistent and self._has_more_input()):
            self.requests.remove(request)
            self._linger(self._deps.timeout)  # more may be on its way, and a reset would overtake the answers
            cast("Any", self._networkProducer).resumeProducing()
        elif must_wait:
            self._pipeline.hold(request)
        else:
            super().requestDone(request)

    def pauseProducing(self) -> None:
        """Stop answering: the transport's send buffer is full."""
        self._pipeline.block()
        super().pauseProducing()

    def resumeProducing(self) -> None:
        self._pipeline.unblock()
        super().resumeProducing()

    def _has_more_input(self) -> bool:
        """Return whether anything came behind the last request; it is dropped."""
        return bool(any(self._dataBuffer) or self.clearLineBuffer())

    def _resume(self, request: Any) -> None:
        """Process the pipelined data after *request*, which is answered."""
        super().requestDone(request)
        if self._peer_done:
            self.readConnectionLost()

    # closing

    def readConnectionLost(self) -> None:
        """Note that the client has shut its side, as nc -N does, or has closed."""
        self._peer_done = True
        if self._pipeline.held is None:
            self.loseConnection()

    def writeConnectionLost(self) -> None:
        self._lingering.our_side_closed()

    def refuse(self, code: int, outcome: Outcome = "invalid") -> None:
        """Answer with an error, in the format asked for as far as that is known, and close."""
        if not self._closing:
            accept = self._head.accept(self.requests[-1] if self.requests else None)
            choice = choose_format("", effective_accept(accept, None))
            self._refuse_with(self.site.replies.error(code, choice.errors), outcome)

    def loseConnection(self) -> None:
        """Close when everything is sent, or when the deadline has passed."""
        if self._closing:
            self.transport.loseConnection()
        else:
            self._closing = True
            super().loseConnection()
        self._deadline.arm(self._deps.timeout, self.transport.abortConnection)

    def end(self) -> None:
        """Answer one more request, which may be on its way already, and close (the service stops)."""
        self._stopping = True
        if self.requests:
            self.persistent = False
        if self._idle:
            self._deadline.arm(STOP_GRACE, self.loseConnection)

    def _respondToBadRequestAndDisconnect(self) -> None:  # noqa: N802  # Twisted's, for heads it cannot parse
        self.refuse(400)

    def _refuse_with(self, reply: Reply, outcome: Outcome) -> None:
        conditions = Conditions(self._head.method, secure=self.site.is_secure(self.isSecure()))
        response = self.site.respond(reply, conditions)
        lines = [f"HTTP/1.1 {response.code} {HTTPStatus(response.code).phrase}"]
        lines += [f"{name}: {value}" for name, value in (*response.headers, ("Connection", "close"))]
        self.transport.write("\r\n".join([*lines, "", ""]).encode() + response.body)
        self._record(outcome, len(response.body))
        self._linger(REFUSAL_LINGER)

    def _linger(self, seconds: float) -> None:
        self._closing = True
        cast("Any", self._networkProducer).unregisterProducer()
        self._lingering.begin(self._peer_done, seconds, linger=seconds, tls_delay=seconds)

    def _time_out(self) -> None:
        if self._admission is Admission.REJECT:
            self._record("limited")
            self.loseConnection()
        elif self._pipeline.blocked:
            self.transport.abortConnection()
        elif self.requests or self.clearLineBuffer().strip():
            self.refuse(408, "timeout")
        else:
            if not self._served:
                self._record("timeout")
            self.loseConnection()
            self._deadline.arm(FLUSH_TIMEOUT, self.transport.abortConnection)

    def _record(self, outcome: Outcome, size: int = 0) -> None:
        self._deps.tracker.record_unanswered(RequestInfo("web", "lookup", "", self.address), outcome, size)
