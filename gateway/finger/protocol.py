"""The finger server: reads one line, writes what it is answered, closes. What a line means stands in query.py, the
answer in reply.py.

A connection goes one way: reading (until a line, the end of input, or the deadline), answering, closing. Closing is
lingering: our side of the connection is shut first, and what still comes is read and dropped for a moment, since to
close with bytes unread would send a reset that may overtake the answer.
"""

import secrets
from collections.abc import Callable
from enum import Enum

from twisted.application.service import Service
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IAddress, IDelayedCall, IHalfCloseableProtocol, ISSLTransport, ITCPTransport
from twisted.internet.protocol import Factory
from twisted.internet.tcp import Connection
from twisted.logger import Logger
from twisted.protocols.basic import LineReceiver
from twisted.python.failure import Failure
from zope.interface import implementer

from ..dependencies import ProtocolDependencies
from ..directory.addresses import Address
from ..net.admission import Admission
from ..net.chunked_write import write_all_or_chunked, write_chunked
from ..net.connections import ConnectionRegistry
from ..ops.request_tracker import Outcome, RequestInfo
from . import messages
from .answers import reply
from .forwarding import forward
from .output_filters import with_finger_output
from .query import MAX_QUERY_BYTES, ForwardQuery, ListQuery, decode, foreign, parse
from .settings import FingerSettings

LINGER = 1.0  # seconds that the other side has to close when all is sent
MOST_DROPPED = 64 * 1024  # bytes that are read and dropped meanwhile
STOP = 1.5  # seconds that all of them have when the house closes
GRACE = 0.2  # seconds of those for who was let in at the last moment
CROWDED = 1.0  # seconds until one too many is told so, line or no line


class Phase(Enum):
    READING = "reading"
    ANSWERING = "answering"
    CLOSING = "closing"


@implementer(IHalfCloseableProtocol)
class FingerProtocol(LineReceiver):
    """One connection."""

    delimiter = b"\n"
    MAX_LENGTH = MAX_QUERY_BYTES + 1  # and a CR
    factory: "FingerFactory"
    transport: ITCPTransport
    _phase = Phase.READING
    _running: Deferred[None] | None = None
    _deadline: IDelayedCall | None = None
    _fresh = True  # nothing has come yet
    _peer_done = False
    _dropped = 0
    _passed = 0  # bytes of the answer that went before its end is known
    _line_open = False
    _sent = False

    @property
    def _deps(self) -> ProtocolDependencies:
        """As it is by now: a reload may come while we are connected."""
        return self.factory.deps

    def connectionMade(self) -> None:
        self._address = Address.parse(getattr(self.transport.getPeer(), "host", ""))
        self.factory.connections.add(self)
        self._room = self._deps.admission.admit(self._address)
        if self._room is Admission.DROP:
            self._refuse(None, "limited")
        elif self._room is Admission.REJECT:
            self._within(CROWDED, self._crowded)
        else:
            self._within(self._deps.timeout, self._timed_out)

    # what comes in

    def dataReceived(self, data: bytes) -> None:
        if self._fresh:
            self._fresh = False
            if foreign(data):
                self._refuse(None, "invalid")
                return
        super().dataReceived(data)

    def lineReceived(self, line: bytes) -> None:
        line = line.removesuffix(b"\r")
        if self._room is Admission.REJECT:
            self._crowded()
        elif len(line) > MAX_QUERY_BYTES or foreign(line):
            self.lineLengthExceeded(line)
        else:
            self._phase = Phase.ANSWERING
            self._disarm()
            self.setRawMode()
            self._running = Deferred.fromCoroutine(self._answer(line))
            self._running.addErrback(lambda failure: failure.trap(CancelledError))

    def lineLengthExceeded(self, line: bytes) -> None:
        self._refuse(None if foreign(line) else messages.TOO_LONG, "invalid")

    def rawDataReceived(self, data: bytes) -> None:
        """Whatever comes behind the line."""
        self._dropped += len(data)
        if self._dropped > MOST_DROPPED:
            self.transport.abortConnection()

    def readConnectionLost(self) -> None:
        """The other side has said all that it has to say; it may well still read (nc -N, socat)."""
        self._peer_done = True
        if self._phase is Phase.CLOSING:
            self.transport.loseConnection()
        elif self._phase is Phase.READING:
            if rest := self.clearLineBuffer():
                self.lineReceived(rest)
            else:
                self._refuse(None, "empty")

    def writeConnectionLost(self) -> None:
        """All is sent, and our side is shut. From here on the kernel sees to it that it arrives."""
        self._sent = True
        self._within(LINGER, self.transport.loseConnection)

    def connectionLost(self, reason: Failure) -> None:  # type: ignore[override]  # Twisted's default argument
        self._disarm()
        self._deps.admission.leave(self._address)
        if self._running is not None:
            self._running.cancel()
        self.factory.connections.remove(self)

    # what goes out

    async def _answer(self, line: bytes) -> None:
        text = decode(line)
        query = parse(text, self._is_here)
        verb = "list" if isinstance(query, ListQuery) else "lookup"
        viewer = self._deps.viewers.from_address("finger", self._address)
        tracked = self._deps.tracker.start(RequestInfo("finger", verb, text, self._address, viewer.login))
        try:
            if tracked.retry_after is not None:
                tracked.finish("limited", self._say(messages.too_often(tracked.retry_after)))
                return
            if isinstance(query, ForwardQuery):
                said, how = await forward(query, self._pass_on, self.factory.settings, self._deps)
            else:
                said, how = await reply(query, viewer, self.factory.settings, self._deps)
            tracked.finish(how, self._say(said))
        except CancelledError:
            tracked.finish("gone")
            raise
        except Exception:
            reference = secrets.token_hex(4)
            self.factory.log.failure("finger, reference {reference}", reference=reference)
            tracked.finish("error", self._say(messages.internal(reference)), reference)

    def _is_here(self, host: str) -> bool:
        """Is *host* a name of ours, or the address that was dialled?"""
        if host in self._deps.site.hosts:
            return True
        address = Address.parse(host.removeprefix("[").removesuffix("]"))
        return address is not None and address == Address.parse(getattr(self.transport.getHost(), "host", ""))

    def _pass_on(self, text: str) -> None:
        """Writes a part of an answer that comes bit by bit."""
        data = text.replace("\n", "\r\n").encode()
        self._passed += len(data)
        self._line_open = not text.endswith("\n")
        self.transport.write(data)

    def _say(self, text: str) -> int:
        """Writes *text*, every line ended by CRLF, and closes. Gives the number of bytes of the whole answer."""
        if text or not self._passed or self._line_open:
            text = text if text.endswith("\n") else text + "\n"
        if self._line_open and text != "\n":
            text = "\n" + text
        data = text.replace("\n", "\r\n").encode()
        if self._passed:
            write_chunked(self.transport, data)
        else:
            write_all_or_chunked(self.transport, data)
        self._close()
        return self._passed + len(data)

    def _refuse(self, text: str | None, how: Outcome) -> None:
        """Ends a connection that came to no question: with *text*, or without a word."""
        self._disarm()
        self.setRawMode()
        asked = RequestInfo("finger", "lookup", "", self._address)
        if text is None:
            self._deps.tracker.record_unanswered(asked, how)
            self._phase = Phase.CLOSING
            self.transport.loseConnection()
        else:
            self._deps.tracker.record_unanswered(asked, how, self._say(text))

    def _close(self) -> None:
        self._phase = Phase.CLOSING
        if self._peer_done or ISSLTransport.providedBy(self.transport):  # TLS knows no half of a connection
            self.transport.loseConnection()
        else:
            self.transport.loseWriteConnection()
            if isinstance(self.transport, Connection):
                self.transport.doWrite()  # what fits goes now, not at the reactor's next turn
        if not self._sent:
            self._within(self._deps.timeout, self.transport.abortConnection)  # for those who do not read

    def end(self) -> None:
        """The house closes: whoever is not being answered any more hears that, and all connections end soon. A line that is
        on its way already is waited for and answered."""
        if self._phase is Phase.ANSWERING and self._running is not None:
            self._running.cancel()
            self._say(messages.STOPPING)
        elif self._phase is Phase.READING:
            self._within(GRACE, lambda: self._refuse(messages.STOPPING, "unavailable"))

    # time

    def _within(self, seconds: float, then: Callable[[], object]) -> None:
        self._disarm()
        self._deadline = self._deps.reactor.callLater(seconds, then)

    def _disarm(self) -> None:
        if self._deadline is not None and self._deadline.active():
            self._deadline.cancel()
        self._deadline = None

    def _timed_out(self) -> None:
        self._refuse(None if foreign(self.clearLineBuffer()) else messages.TIMEOUT, "timeout")

    def _crowded(self) -> None:
        self._refuse(messages.CROWDED, "limited")


class FingerFactory(Factory[FingerProtocol]):
    """Makes a protocol for each connection, and knows those that are open."""

    noisy = False
    log = Logger()

    def __init__(self, settings: FingerSettings, deps: ProtocolDependencies) -> None:
        self.settings, self.deps = settings, with_finger_output(settings, deps)
        self.connections: ConnectionRegistry[FingerProtocol] = ConnectionRegistry(deps.reactor)

    def buildProtocol(self, addr: IAddress | None) -> FingerProtocol:
        protocol = FingerProtocol()
        protocol.factory = self
        return protocol


class FingerService(Service):
    """Holds the factory; application.py listens with it and has waited for the answers when this is stopped."""

    def __init__(self, settings: FingerSettings, deps: ProtocolDependencies) -> None:
        self.factory = FingerFactory(settings, deps)

    def prepare_reload(self, settings: FingerSettings, deps: ProtocolDependencies) -> Callable[[], None]:
        """Return a function that puts other *settings* in place: for requests from then on, on open connections, too."""
        prepared = with_finger_output(settings, deps)

        def commit() -> None:
            self.factory.settings, self.factory.deps = settings, prepared

        return commit

    def stopService(self) -> "Deferred[None]":
        super().stopService()
        return self.factory.connections.end(STOP)
