"""The finger server: reads one line, asks the directory, writes text, closes. What a line means stands in query.py, what
is shown in templates/finger.

A connection goes one way: reading (until a line, the end of input, or the deadline), answering, closing. Closing is
lingering: our side of the connection is shut first, and what still comes is read and dropped for a moment, since to
close with bytes unread would send a reset that may overtake the answer.
"""

import secrets

from twisted.application.service import Service
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IAddress, IDelayedCall, IHalfCloseableDescriptor, IHalfCloseableProtocol
from twisted.internet.protocol import Factory
from twisted.logger import Logger
from twisted.protocols.basic import LineReceiver
from twisted.python.failure import Failure
from zope.interface import implementer

from ..directory.addresses import Address
from ..directory.answers import Found, Listing, Several, Unavailable
from ..directory.viewers import Viewer
from ..house import House
from ..operate.exchange import Asked, Limited, Outcome, outcome
from ..operate.limits import Room
from ..text.clean import escaped
from . import messages
from .query import MOST, Elsewhere, Everyone, Query, decode, parse
from .settings import Finger

LINGER = 1.0  # seconds that we wait for the other side to close
MOST_DROPPED = 64 * 1024  # bytes that are read and dropped meanwhile
LISTED = 50  # people in one list


@implementer(IHalfCloseableProtocol)
class FingerProtocol(LineReceiver):
    """One connection."""

    delimiter = b"\n"
    MAX_LENGTH = MOST + 1  # and a CR
    factory: "FingerFactory"

    def connectionMade(self) -> None:
        self._house = self.factory.house
        self._address: Address | None = Address.parse(getattr(self.transport.getPeer(), "host", ""))
        self._running: Deferred[None] | None = None
        self._asked = self._peer_done = False
        self._dropped = 0
        self._deadline: IDelayedCall | None = None
        self.factory.connections.add(self)
        self._room = self._house.connections.enter(self._address)
        if self._room is Room.OVERFULL:
            self._refuse(None, "limited")
        elif self._room is Room.FULL:
            self._within(1.0, self._crowded)
        else:
            self._within(self._house.timeout, self._timed_out)

    # what comes in

    def lineReceived(self, line: bytes) -> None:
        if self._asked:
            return
        if self._room is Room.FULL:
            self._crowded()
            return
        self._asked = True
        self._disarm()
        self.setRawMode()
        self._running = Deferred.fromCoroutine(self._answer(line.removesuffix(b"\r")))
        self._running.addErrback(self._failed)

    def lineLengthExceeded(self, line: bytes) -> None:
        self._refuse(messages.TOO_LONG, "invalid")

    def rawDataReceived(self, data: bytes) -> None:
        """Whatever comes behind the line."""
        self._dropped += len(data)
        if self._dropped > MOST_DROPPED:
            self.transport.abortConnection()

    def readConnectionLost(self) -> None:
        """The other side has said all that it has to say; it may well still read (nc -N, socat)."""
        self._peer_done = True
        if self._asked:
            if self._running is None:
                self.transport.loseConnection()
        elif rest := self.clearLineBuffer():
            self.lineReceived(rest)
        else:
            self._refuse(None, "empty")

    def writeConnectionLost(self) -> None:
        """Our side is shut and all is sent; readConnectionLost or the deadline ends it."""

    def connectionLost(self, reason: Failure) -> None:  # type: ignore[override]  # Twisted's default argument
        self._disarm()
        self._house.connections.leave(self._address)
        self.factory.connections.discard(self)
        if self._running is not None:
            self._running.cancel()

    # what goes out

    async def _answer(self, line: bytes) -> None:
        text = decode(line)
        query = parse(text, self._house.site.hosts)
        verb = "list" if isinstance(query, Everyone) else "lookup"
        viewer = self._house.viewers.from_address("finger", self._address)
        exchange = self._house.exchanges.open(Asked("finger", verb, text, self._address, viewer.login))
        try:
            if isinstance(exchange, Limited):
                exchange.close("limited", self._say(messages.too_often(exchange.seconds)))
                return
            said, how = await self._said(query, viewer)
            exchange.close(how, self._say(said))
        except CancelledError:
            exchange.close("gone")
            raise
        except Exception:
            reference = secrets.token_hex(4)
            self.factory.log.failure("finger, reference {reference}", reference=reference)
            exchange.close("error", self._say(messages.internal(reference)), reference)

    async def _said(self, query: Query, viewer: Viewer) -> tuple[str, Outcome]:
        """The answer's text and what it is called in a record."""
        if isinstance(query, Elsewhere):
            return messages.DENIED, "refused"
        if isinstance(query, Everyone):
            return await self._listed(viewer)
        answer = await self._house.directory.lookup(query.name, viewer)
        return self._worded(query, answer), outcome(answer)

    def _worded(self, query: Query, answer: object) -> str:
        render = self._house.renderer
        if isinstance(answer, Found):
            return render.profile(answer.profile, "finger/long.txt" if query.verbose else "finger/person.txt")
        if isinstance(answer, Several):
            return render.text("finger/several.txt", profiles=answer.profiles)
        if isinstance(answer, Unavailable):
            return messages.UNAVAILABLE
        return messages.no_such_user(escaped(getattr(query, "name", "")))

    async def _listed(self, viewer: Viewer) -> tuple[str, Outcome]:
        if not self.factory.settings.listing:
            return messages.NO_LIST, "refused"
        if self.factory.settings.empty == "online":
            return messages.NOBODY_ON, "listed"
        answer = await self._house.directory.listing(viewer, limit=LISTED)
        if not isinstance(answer, Listing):
            return messages.UNAVAILABLE, outcome(answer)
        if not answer.profiles:
            return messages.NOBODY_LISTED, "listed"
        return self._house.renderer.text("finger/list.txt", profiles=answer.profiles, more=answer.after), "listed"

    def _say(self, text: str) -> int:
        """Writes *text*, every line ended by CRLF, and closes. Gives the number of bytes."""
        data = (text if text.endswith("\n") else text + "\n").replace("\n", "\r\n").encode()
        self.transport.write(data)
        self._running = None
        self._close()
        return len(data)

    def _refuse(self, text: str | None, how: Outcome) -> None:
        """Ends a connection that came to no question: with *text*, or without a word."""
        self._asked = True
        self._disarm()
        self.setRawMode()
        asked = Asked("finger", "lookup", "", self._address)
        if text is None:
            self._house.exchanges.note(asked, how)
            self.transport.loseConnection()
        else:
            self._house.exchanges.note(asked, how, self._say(text))

    def _close(self) -> None:
        if self._peer_done or not IHalfCloseableDescriptor.providedBy(self.transport):
            self.transport.loseConnection()
            self._within(self._house.timeout, self.transport.abortConnection)
            return
        self.transport.loseWriteConnection()
        self._within(self._house.timeout if getattr(self.transport, "dataBuffer", b"") else LINGER, self._give_up)

    # time

    def _within(self, seconds: float, then: object) -> None:
        self._disarm()
        self._deadline = self._house.reactor.callLater(seconds, then)

    def _disarm(self) -> None:
        if self._deadline is not None and self._deadline.active():
            self._deadline.cancel()
        self._deadline = None

    def _give_up(self) -> None:
        """The other side does not close, or does not read."""
        self.transport.abortConnection()

    def _timed_out(self) -> None:
        self._refuse(messages.TIMEOUT, "timeout")

    def _crowded(self) -> None:
        self._refuse(messages.CROWDED, "limited")

    def _failed(self, failure: Failure) -> None:
        failure.trap(CancelledError)


class FingerFactory(Factory):
    """Makes a protocol for each connection, and knows those that are open."""

    protocol = FingerProtocol
    noisy = False
    log = Logger()

    def __init__(self, settings: Finger, house: House) -> None:
        self.settings, self.house = settings, house
        self.connections: set[FingerProtocol] = set()

    def buildProtocol(self, addr: IAddress) -> FingerProtocol:
        protocol = FingerProtocol()
        protocol.factory = self
        return protocol


class FingerService(Service):
    """Holds the factory; application.py listens with it and has waited for the answers when this is stopped."""

    def __init__(self, settings: Finger, house: House) -> None:
        self.factory = FingerFactory(settings, house)

    def stopService(self) -> None:
        super().stopService()
        for protocol in tuple(self.factory.connections):
            protocol.transport.abortConnection()


def make(settings: Finger, house: House) -> FingerService:
    """The finger service of *house*."""
    return FingerService(settings, house)
