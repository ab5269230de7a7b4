"""A connection: how long it may take, how much it may send, and how it ends. The parsing of heads is Twisted's; what
Twisted answers with a bare line, or not at all, is answered here like everything else.

A connection waits, reads a head, reads a body, answers, and waits again. Reading has one deadline for a whole head, and
one for a whole body. A request that is refused before all of it was read ends in a lingering close, since to close with
bytes unread would send a reset that may overtake the answer (RFC 9112 section 9.6).

A client that shuts its side gets what is answered by then and no more: nothing tells it from one that has gone.

Questions may come one behind the other without waiting. A few are answered in a turn of the reactor, then everybody
else has theirs; and while the other side does not read its answers, no more of its questions are taken up.
"""

import re
from collections.abc import Callable, Sequence
from typing import Any, Protocol, cast

from twisted.internet.interfaces import IDelayedCall, IHalfCloseableDescriptor, IHalfCloseableProtocol
from twisted.python.failure import Failure
from twisted.web.http import HTTPChannel
from zope.interface import implementer

from ...dependencies import ProtocolDependencies
from ...directory.addresses import Address, Networks
from ...net.admission import Admission
from ...net.connections import ConnectionRegistry
from ...net.cooperative_queue import CooperativeQueue
from ...ops.request_tracker import Outcome, RequestInfo
from .negotiation import Format, asked, told
from .reply import Conditions, Reply, Sent

MOST_TARGET = 8192  # bytes of a request line
MOST_HEAD = 16384  # bytes of a whole head
MOST_LINES = 100  # header lines
MOST_DROPPED = 8 * 1024 * 1024  # bytes that are read and dropped while a connection closes
LINGER = 1.0  # seconds that we wait for the other side to close
FLUSH = 0.5  # seconds to send the rest where the other side has had all the time there is
GRACE = 0.2  # seconds of those for who waits with a question, when the service stops
CROWDED = 1.0  # seconds that one too many has for its question
MOST_REQUESTS = 1000  # on one connection
# A field behind a body: a line of other ends would be two to who reads them so (RFC 9112 sections 2.2 and 7.1.2).
_TRAILER = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+:[\t\x20-\x7e\x80-\xff]*")
AT_ONCE = 4  # questions sent one behind the other that are answered in one turn of the reactor, if they cost little


class ErrorPages(Protocol):
    """Builds the replies that a channel sends without a request."""

    def error(self, code: int, format: Format, headers: tuple[tuple[str, str], ...] = ()) -> Reply: ...
    def crowded(self, format: Format) -> Reply: ...


class ChannelOwner(Protocol):
    """What a channel asks of its site (http.Site)."""

    requestFactory: Any
    deps: ProtocolDependencies
    connections: "ConnectionRegistry[Channel]"
    turns: CooperativeQueue
    proxies: Networks

    @property
    def pages(self) -> ErrorPages: ...
    def out(self, reply: Reply, asked: Conditions) -> Sent: ...
    def reason(self, code: int) -> str: ...
    def is_secure(self, channel: "Channel") -> bool: ...


@implementer(IHalfCloseableProtocol)
class Channel(HTTPChannel):
    """One connection of *site*."""

    MAX_LENGTH = MOST_HEAD
    maxHeaders = 1 << 30  # noqa: N815  # Twisted's; our limits are smaller and have an answer
    totalHeadersSize = 1 << 30  # noqa: N815
    transport: Any
    requests: list[Any]

    def __init__(self, site: ChannelOwner) -> None:
        super().__init__()
        self.site = self.factory = site
        self.requestFactory = site.requestFactory
        self.timeOut = None
        self.address: Address | None = None
        self._judged_by: Networks | None = None
        self._believed = False
        self._method = ""
        self._line = b""  # the last one of a head, which Twisted keeps to itself until the next one comes
        self._head = self._lines = self._dropped = self._served = 0
        self._closing = self._ending = False
        self._deadline: IDelayedCall | None = None
        self._waiting = True
        self._answered = 0  # in this turn
        self._began = 0.0  # when this turn did
        self._unread = False
        self._held: Any = None  # the request that is answered, while those behind it wait
        self._queued = False
        self._shut = False

    @property
    def _deps(self) -> ProtocolDependencies:
        """As it is by now: a reload may come while we are connected."""
        return self.site.deps

    def connectionMade(self) -> None:
        super().connectionMade()
        self.address = Address.parse(getattr(self.transport.getPeer(), "host", ""))
        self.site.connections.add(self)
        self._counted = None if self.is_believed(self.site.proxies) else self.address
        self._room = self._deps.admission.admit(self._counted)
        if self._room is Admission.DROP:
            self._note("limited")
            self.loseConnection()
        else:
            crowded = self._room is Admission.REJECT
            self._within(min(CROWDED, self._deps.timeout) if crowded else self._deps.timeout, self._timed_out)

    def connectionLost(self, reason: Failure) -> None:  # type: ignore[override]  # Twisted's default argument
        self._disarm()
        if self._held is not None:
            self.requests.remove(self._held)
            self._held = None
        self._deps.admission.leave(self._counted)
        super().connectionLost(reason)
        self.site.connections.remove(self)

    @property
    def own_address(self) -> str:
        """Where the connection came in."""
        return str(getattr(self.transport.getHost(), "host", ""))

    def is_believed(self, proxies: Networks) -> bool:
        """Is this one of *proxies*, who asks for others? Who comes by a socket in the file system had to have the right
        to it."""
        if self._judged_by is not proxies:
            self._judged_by, self._believed = proxies, self.address is None or self.address in proxies
        return self._believed

    # what comes in

    def dataReceived(self, data: bytes) -> None:
        if self._closing:
            self._dropped += len(data)
            if self._dropped > MOST_DROPPED:
                self.transport.abortConnection()
            return
        if self._waiting and self._served:
            self._within(self._deps.timeout, self._timed_out)
        self._waiting = False
        if not self._busyReceiving:  # called by itself, with what stood behind a body
            self._begin()
        super().dataReceived(data)

    def lineReceived(self, line: bytes) -> None:
        if self._closing:
            return
        if not self.requests and line:
            self._method = line.partition(b" ")[0].decode("ascii", "replace")
            if self._room is Admission.REJECT:
                self._end_with(self.site.pages.crowded(Format.TEXT), "limited")
                return
            if len(line) > MOST_TARGET:
                self.refuse(414)
                return
        self._head += len(line) + 2
        self._lines += 1
        if self._head > MOST_HEAD or self._lines > MOST_LINES:
            self.refuse(431)
        elif self.requests and line[:1] in (b" ", b"\t"):
            self.refuse(400)
        else:
            self._line = line
            try:
                super().lineReceived(line)
            except ValueError:  # a Content-Length of more digits than int() takes
                self.refuse(400)

    def _begin(self) -> None:
        self._answered, self._began = 0, self.site.turns.now()

    def lineLengthExceeded(self, line: bytes) -> None:
        if not self.requests:
            self._method = line.partition(b" ")[0].decode("ascii", "replace")
        self.refuse(431 if self.requests else 414)

    def allHeadersReceived(self) -> None:
        if self._closing:
            return
        coding = self.requests[-1].headers("transfer-encoding")
        if coding and [each.lower() for each in coding] != ["chunked"]:
            self.refuse(400)
            return
        self._within(self._deps.timeout, self._timed_out)
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
        self._disarm()
        self._method, self._line, self._head, self._lines = "", b"", 0, 0
        self._served += 1
        super().allContentReceived()

    def checkPersistence(self, request: Any, version: bytes) -> bool:  # noqa: N802
        named = ",".join(request.headers("connection")).lower()
        if self._ending or self._served + 1 >= MOST_REQUESTS or "close" in map(str.strip, named.split(",")):
            request.responseHeaders.setRawHeaders("connection", ["close"])
            return False
        return bool(super().checkPersistence(request, version))

    def requestDone(self, request: Any) -> None:  # noqa: N802
        self._waiting = True
        self._within(self._deps.timeout, self._timed_out)
        self._answered += 1
        if self._served >= MOST_REQUESTS or (not self.persistent and self._more_came()):
            self.requests.remove(request)
            self._linger(self._deps.timeout)  # more may be on its way, and a reset would overtake the answers
            cast("Any", self._networkProducer).resumeProducing()
        elif self._unread or self._answered >= AT_ONCE or self.site.turns.used_up_turn(self._began):
            self._held = request
            self._come_back()
        else:
            super().requestDone(request)

    def pauseProducing(self) -> None:
        """More waits to be sent than the transport likes: the other side does not read."""
        self._unread = True
        super().pauseProducing()

    def resumeProducing(self) -> None:
        self._unread = False
        super().resumeProducing()
        self._come_back()

    def _more_came(self) -> bool:
        """Behind a question that was to be the last; what has come is dropped."""
        return bool(any(self._dataBuffer) or self.clearLineBuffer())

    def _come_back(self) -> None:
        if self._held is not None and not self._unread and not self._queued:
            self._queued = True
            self.site.turns.call_later(self._go_on)

    def _go_on(self) -> None:
        """The next turn for those behind the held request."""
        self._queued = False
        request, self._held = self._held, None
        if request is None:  # the connection is gone
            return
        self._begin()
        super().requestDone(request)
        if self._shut:
            self.readConnectionLost()

    # how it ends

    def readConnectionLost(self) -> None:
        """The client has shut its side, as nc -N does, or has closed altogether."""
        self._shut = True
        if self._held is None:
            self.loseConnection()

    def writeConnectionLost(self) -> None:
        """Our side is shut and all is sent; the client's end or the deadline comes next."""

    def refuse(self, code: int, outcome: Outcome = "invalid") -> None:
        """Ends a connection whose request is not taken, in the format asked for as far as that is known."""
        if not self._closing:
            self._end_with(self.site.pages.error(code, told(asked(self._accept(), None))), outcome)

    def _accept(self) -> str | None:
        """What the head has said so far of what is accepted."""
        name, _, value = self._line.partition(b":")
        if name.lower() == b"accept":
            return value.strip().decode("latin-1")
        accept = self.requests[-1].headers("accept") if self.requests else None
        return accept[-1] if accept else None

    def loseConnection(self) -> None:
        """Closes when all is sent, which is waited for only so long."""
        if self._closing:
            self.transport.loseConnection()
        else:
            self._closing = True
            super().loseConnection()
        self._within(self._deps.timeout, self.transport.abortConnection)

    def end(self) -> None:
        """The service stops: one more question is answered, which may be on its way already; who asks none is left."""
        self._ending = True
        if self.requests:
            self.persistent = False
        if self._waiting:
            self._within(GRACE, self.loseConnection)

    def _respondToBadRequestAndDisconnect(self) -> None:  # noqa: N802  # Twisted's, for heads it cannot read
        self.refuse(400)

    def _end_with(self, reply: Reply, outcome: Outcome) -> None:
        self._note(outcome, self._write(reply))
        self._linger()

    def _write(self, reply: Reply) -> int:
        sent = self.site.out(reply, Conditions(self._method, secure=self.site.is_secure(self)))
        lines = [f"HTTP/1.1 {sent.code} {self.site.reason(sent.code)}"]
        lines += [f"{name}: {value}" for name, value in (*sent.headers, ("Connection", "close"))]
        self.transport.write("\r\n".join([*lines, "", ""]).encode() + sent.body)
        return len(sent.body)

    def _linger(self, patience: float = LINGER) -> None:
        """TLS cannot shut one side: there the client has that time to see by Connection: close that this is all."""
        can_shut = IHalfCloseableDescriptor.providedBy(self.transport) and not self.isSecure()
        self._closing = True
        cast("Any", self._networkProducer).unregisterProducer()
        if can_shut:
            self.transport.loseWriteConnection()
        self._within(patience, self.transport.abortConnection if can_shut else self.loseConnection)

    def _timed_out(self) -> None:
        if self._room is Admission.REJECT:
            self._note("limited")
            self.loseConnection()
        elif self._unread:
            self.transport.abortConnection()
        elif self.requests or self.clearLineBuffer().strip():
            self.refuse(408, "timeout")
        else:
            if not self._served:
                self._note("timeout")
            self.loseConnection()
            self._within(FLUSH, self.transport.abortConnection)

    def _note(self, outcome: Outcome, size: int = 0) -> None:
        self._deps.tracker.record_unanswered(RequestInfo("web", "lookup", "", self.address), outcome, size)

    def _within(self, seconds: float, then: Callable[[], Any]) -> None:
        self._disarm()
        self._deadline = self._deps.reactor.callLater(seconds, then)

    def _disarm(self) -> None:
        if self._deadline is not None and self._deadline.active():
            self._deadline.cancel()
        self._deadline = None
