"""A server for protocols in which a client sends one line and the server answers and closes: finger, whois and the like.

A protocol subclasses OneLineHandler: how a line is read, and what the answer is. Everything else is here: limits on
connections and requests, deadlines, the access log, half-closed clients, long answers, lingering close, staged stop,
reload.

A connection goes through three phases: reading (until a line, the end of input, or the deadline), answering, closing.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any, ClassVar

from twisted.application.service import Service
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IAddress, IHalfCloseableProtocol, ITCPTransport
from twisted.internet.protocol import Factory
from twisted.logger import Logger
from twisted.protocols.basic import LineReceiver
from twisted.python.failure import Failure
from zope.interface import implementer

from .dependencies import ProtocolDependencies
from .directory.addresses import Address
from .directory.viewers import Viewer
from .net.admission import Admission
from .net.chunked_write import write_all_or_chunked, write_chunked
from .net.connections import ConnectionRegistry
from .net.deadline import Deadline
from .net.lingering_close import LingeringClose
from .ops.failure import log_failure
from .ops.request_tracker import Outcome, RequestInfo

MAX_DROPPED_BYTES = 64 * 1024  # read and dropped while a connection closes
STOP_TIMEOUT = 1.5  # seconds that open connections have when the service stops
STOP_GRACE = 0.2  # seconds that a client that has not sent a line yet gets then
REJECT_DELAY = 1.0  # seconds until a client over the connection limit is refused, even without a line


@dataclass(frozen=True)
class OneLineRequest:
    """A parsed line. *verb* and *text* are for the access log, *query* is the handler's own."""

    verb: str
    text: str
    query: Any


class OneLineHandler(ABC):
    """What one protocol adds to the server. Created per configuration; a reload creates a new one."""

    name: ClassVar[str]  # of the protocol, in the access log
    max_line_bytes: ClassVar[int] = 1024

    too_long = "Query too long."
    timed_out = "Input timeout."
    too_many_connections = "Too many connections, try again later."
    stopping = "The server is stopping, try again later."

    def __init__(self, settings: Any, deps: ProtocolDependencies) -> None:
        self.settings, self.deps = settings, deps

    def too_many_requests(self, seconds: float) -> str:
        """Return the refusal of a client over the rate limit."""
        whole = max(1, math.ceil(seconds))
        return f"Too many queries, try again in {whole} second{'' if whole == 1 else 's'}."

    def internal_error(self, reference: str) -> str:
        return f"Internal error in server, reference {reference}."

    def is_foreign(self, data: bytes) -> bool:
        """Return whether *data* begins another protocol, in which no line of text would be understood."""
        return False

    @abstractmethod
    def parse(self, line: bytes, is_local_host: Callable[[str], bool]) -> OneLineRequest:
        """Parse a line without its end. Never fails. *is_local_host* tells whether a host is this server."""

    @abstractmethod
    async def answer(
        self, request: OneLineRequest, viewer: Viewer, write: Callable[[str], None]
    ) -> tuple[str, Outcome]:
        """Return the answer, with LF as line end, and its outcome. *write* sends a part of a long answer beforehand."""


class Phase(Enum):
    READING = "reading"
    ANSWERING = "answering"
    CLOSING = "closing"


@implementer(IHalfCloseableProtocol)
class OneLineProtocol(LineReceiver):
    """One connection."""

    delimiter = b"\n"
    factory: "OneLineFactory"
    transport: ITCPTransport
    _phase = Phase.READING
    _running: Deferred[None] | None = None
    _received_nothing = True
    _peer_done = False
    _bytes_written = 0  # of an answer whose end is not known yet
    _line_open = False

    @property
    def MAX_LENGTH(self) -> int:  # type: ignore[override]  # noqa: N802  # Twisted's attribute
        return self._handler.max_line_bytes + 1  # and a CR

    @property
    def _handler(self) -> OneLineHandler:
        """The handler in force: a reload may come during a connection."""
        return self.factory.handler

    @property
    def _deps(self) -> ProtocolDependencies:
        return self.factory.handler.deps

    def connectionMade(self) -> None:
        self._deadline = Deadline(lambda: self._deps.reactor)
        self._closing = LingeringClose(self.transport, self._deadline, MAX_DROPPED_BYTES)
        self._address = Address.parse(getattr(self.transport.getPeer(), "host", ""))
        self.factory.connections.add(self)
        self._admission = self._deps.admission.admit(self._address)
        if self._admission is Admission.DROP:
            self._refuse(None, "limited")
        elif self._admission is Admission.REJECT:
            self._deadline.arm(REJECT_DELAY, self._reject)
        else:
            self._deadline.arm(self._deps.timeout, self._time_out)

    # input

    def dataReceived(self, data: bytes) -> None:
        if self._received_nothing:
            self._received_nothing = False
            if self._handler.is_foreign(data):
                self._refuse(None, "invalid")
                return
        super().dataReceived(data)

    def lineReceived(self, line: bytes) -> None:
        line = line.removesuffix(b"\r")
        if self._admission is Admission.REJECT:
            self._reject()
        elif len(line) > self._handler.max_line_bytes or self._handler.is_foreign(line):
            self.lineLengthExceeded(line)
        else:
            self._phase = Phase.ANSWERING
            self._deadline.disarm()
            self.setRawMode()
            self._running = Deferred.fromCoroutine(self._answer(line))
            self._running.addErrback(lambda failure: failure.trap(CancelledError))

    def lineLengthExceeded(self, line: bytes) -> None:
        self._refuse(None if self._handler.is_foreign(line) else self._handler.too_long, "invalid")

    def rawDataReceived(self, data: bytes) -> None:
        """Discard data after the line."""
        self._closing.drop(data)

    def readConnectionLost(self) -> None:
        """Note that the client has shut its side; it may still read (nc -N, socat)."""
        self._peer_done = True
        if self._phase is Phase.CLOSING:
            self.transport.loseConnection()
        elif self._phase is Phase.READING:
            if rest := self.clearLineBuffer():
                self.lineReceived(rest)
            else:
                self._refuse(None, "empty")

    def writeConnectionLost(self) -> None:
        self._closing.our_side_closed()

    def connectionLost(self, reason: Failure) -> None:  # type: ignore[override]  # Twisted's default argument
        self._deadline.disarm()
        self._deps.admission.leave(self._address)
        if self._running is not None:
            self._running.cancel()
        self.factory.connections.remove(self)

    # output

    async def _answer(self, line: bytes) -> None:
        handler = self._handler
        request = handler.parse(line, self._is_local_host)
        viewer = self._deps.viewers.from_address(handler.name, self._address)
        info = RequestInfo(handler.name, request.verb, request.text, self._address, viewer.login)
        tracked = self._deps.tracker.start(info)
        try:
            if tracked.retry_after is not None:
                tracked.finish("limited", self._finish_answer(handler.too_many_requests(tracked.retry_after)))
                return
            text, outcome = await handler.answer(request, viewer, self._write_part)
            tracked.finish(outcome, self._finish_answer(text))
        except CancelledError:
            tracked.finish("gone")
            raise
        except Exception:
            reference = log_failure(self.factory.log, handler.name)
            tracked.finish("error", self._finish_answer(handler.internal_error(reference)), reference)

    def _is_local_host(self, host: str) -> bool:
        """Return whether *host* is a name of this site, or the address that the client connected to."""
        if host in self._deps.site.hosts:
            return True
        address = Address.parse(host.removeprefix("[").removesuffix("]"))
        return address is not None and address == Address.parse(getattr(self.transport.getHost(), "host", ""))

    def _write_part(self, text: str) -> None:
        """Write a part of an answer whose end is not known yet."""
        data = text.replace("\n", "\r\n").encode()
        self._bytes_written += len(data)
        self._line_open = not text.endswith("\n")
        self.transport.write(data)

    def _finish_answer(self, text: str) -> int:
        """Write *text*, every line ended by CRLF, and close; return the number of bytes of the whole answer."""
        if text or not self._bytes_written or self._line_open:
            text = text if text.endswith("\n") else text + "\n"
        if self._line_open and text != "\n":
            text = "\n" + text
        data = text.replace("\n", "\r\n").encode()
        if self._bytes_written:
            write_chunked(self.transport, data)
        else:
            write_all_or_chunked(self.transport, data)
        self._phase = Phase.CLOSING
        self._closing.begin(self._peer_done, self._deps.timeout)
        return self._bytes_written + len(data)

    def _refuse(self, text: str | None, outcome: Outcome) -> None:
        """End a connection that sent no request: with *text*, or silently."""
        self._deadline.disarm()
        self.setRawMode()
        info = RequestInfo(self._handler.name, "lookup", "", self._address)
        if text is None:
            self._deps.tracker.record_unanswered(info, outcome)
            self._phase = Phase.CLOSING
            self.transport.loseConnection()
        else:
            self._deps.tracker.record_unanswered(info, outcome, self._finish_answer(text))

    def _time_out(self) -> None:
        self._refuse(None if self._handler.is_foreign(self.clearLineBuffer()) else self._handler.timed_out, "timeout")

    def _reject(self) -> None:
        self._refuse(self._handler.too_many_connections, "limited")

    def end(self) -> None:
        """Tell the client that the server stops, and close. A line that is on its way is waited for and answered."""
        if self._phase is Phase.ANSWERING and self._running is not None:
            self._running.cancel()
            self._finish_answer(self._handler.stopping)
        elif self._phase is Phase.READING:
            self._deadline.arm(STOP_GRACE, lambda: self._refuse(self._handler.stopping, "unavailable"))


class OneLineFactory(Factory[OneLineProtocol]):
    """Makes a protocol for each connection, and knows the open ones."""

    noisy = False
    log = Logger()

    def __init__(self, handler: OneLineHandler) -> None:
        self.handler = handler
        self.connections: ConnectionRegistry[OneLineProtocol] = ConnectionRegistry(handler.deps.reactor)

    def buildProtocol(self, addr: IAddress | None) -> OneLineProtocol:
        protocol = OneLineProtocol()
        protocol.factory = self
        return protocol


class OneLineService(Service):
    """The service of a one-line protocol: application.py listens with its factory."""

    def __init__(
        self,
        make_handler: Callable[[Any, ProtocolDependencies], OneLineHandler],
        settings: Any,
        deps: ProtocolDependencies,
    ) -> None:
        self._make_handler = make_handler
        self.factory = OneLineFactory(make_handler(settings, deps))

    def prepare_reload(self, settings: Any, deps: ProtocolDependencies) -> Callable[[], None]:
        """Return a function that applies other *settings* to all later requests, those on open connections included."""
        handler = self._make_handler(settings, deps)

        def commit() -> None:
            self.factory.handler = handler

        return commit

    def stopService(self) -> "Deferred[None]":
        super().stopService()
        return self.factory.connections.end(STOP_TIMEOUT)
