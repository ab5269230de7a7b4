"""A finger connection without a socket: StringTransport, as far as it goes, with a half that can be shut."""

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone
from twisted.internet.testing import StringTransport
from twisted.logger import ILogObserver, LogEvent, globalLogPublisher
from twisted.python.failure import Failure
from zope.interface import implementer

from gateway.directory.interfaces import SourceDown
from gateway.directory.person import Partial
from gateway.finger.protocol import FingerService
from gateway.finger.settings import FingerSettings
from gateway.one_line_server import OneLineProtocol
from tests.unit.fixtures import Built

STRANGER = "198.51.100.7"
MEMBER = "192.0.2.1"


class Wire(StringTransport):
    """What tcp.Server does besides: writing ends when the test calls drain, as if the other side had read all."""

    shut = False

    def loseWriteConnection(self) -> None:
        self.shut = True

    def abortConnection(self) -> None:
        self.disconnected = self.disconnecting = True


class Client:
    """One connection to the finger room of *built*."""

    def __init__(
        self, built: Built, peer: str = STRANGER, settings: FingerSettings | None = None, factory: Any = None
    ) -> None:
        self.factory = factory or FingerService(settings or FingerSettings(), built.deps).factory
        kind = IPv6Address if ":" in peer else IPv4Address
        self.wire = Wire(hostAddress=IPv4Address("TCP", "203.0.113.9", 79), peerAddress=kind("TCP", peer, 50000))
        self.protocol: OneLineProtocol = self.factory.buildProtocol(None)
        self.protocol.makeConnection(self.wire)

    def send(self, *segments: bytes) -> "Client":
        for segment in segments:
            self.protocol.dataReceived(segment)
        return self

    def half_close(self) -> "Client":
        """The client's FIN."""
        self.protocol.readConnectionLost()
        return self

    def lose(self) -> None:
        """The connection is gone."""
        self.protocol.connectionLost(Failure(ConnectionDone()))

    def drain(self) -> None:
        """The client reads all that there is."""
        while self.producer is not None:
            self.producer.resumeProducing()
        if self.wire.shut:
            self.protocol.writeConnectionLost()

    @property
    def producer(self) -> Any:
        """Who gives the rest of the answer."""
        return self.wire.producer

    def finished(self) -> bool:
        """Has our side been told to close in both directions?"""
        return self.wire.disconnecting

    @property
    def received(self) -> bytes:
        return bytes(self.wire.value())

    def closed(self) -> bool:
        """Has our side been told to close, at least its sending half?"""
        return self.wire.shut or self.wire.disconnecting

    def aborted(self) -> bool:
        return bool(self.wire.disconnected)

    def end(self) -> bytes:
        """Reads the whole answer, closes as a well-behaved client does, and gives what came."""
        self.drain()
        self.half_close()
        assert self.closed()
        assert self.finished()
        assert not self.aborted()
        self.lose()
        return self.received


def ask(built: Built, *segments: bytes, peer: str = STRANGER, settings: FingerSettings | None = None) -> bytes:
    """The whole answer to what *segments* say."""
    return Client(built, peer, settings).send(*segments).end()


def stop(service: Any) -> list[None]:
    ended: list[None] = []
    stopping: Deferred[None] = service.stopService()
    stopping.addCallback(ended.append)
    return ended


@contextmanager
def failures() -> Iterator[list[LogEvent]]:
    """The events that tell of a failure meanwhile: logged by us, or found unhandled by Twisted."""
    seen: list[LogEvent] = []

    @implementer(ILogObserver)
    def observe(event: LogEvent) -> None:
        if "log_failure" in event:
            seen.append(event)

    globalLogPublisher.addObserver(observe)
    try:
        yield seen
    finally:
        globalLogPublisher.removeObserver(observe)


class Slow:
    """A source that knows nobody and answers when the test says so."""

    name, restricts, cache_ttl = "slow", False, timedelta(0)

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.waiting: list[Deferred[None]] = []

    async def get(self, login: str) -> Partial | None:
        self.asked.append(login)
        mine: Deferred[None] = Deferred()
        self.waiting.append(mine)
        await mine
        return None

    def answer(self) -> None:
        waiting, self.waiting = self.waiting, []
        for each in waiting:
            each.callback(None)

    async def everyone(self) -> AsyncIterator[Partial]:
        return
        yield


class Down(Slow):
    """A source that may hide people, and cannot be asked."""

    name, restricts = "down", True

    async def get(self, login: str) -> Partial | None:
        raise SourceDown("no route to host")


class Broken(Slow):
    """A source with a mistake in it."""

    name = "broken"

    async def get(self, login: str) -> Partial | None:
        raise RuntimeError("/srv/secret/people.db: cannot be")
