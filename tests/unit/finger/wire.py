"""A finger client without a socket: a StringTransport that can be half-closed."""

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
from gateway.directory.person import PartialPerson
from gateway.finger.protocol import FingerService
from gateway.finger.settings import FingerSettings
from gateway.one_line_server import OneLineProtocol
from tests.unit.fixtures import GatewayHarness

STRANGER = "198.51.100.7"
MEMBER = "192.0.2.1"


class HalfCloseTransport(StringTransport):
    """A StringTransport that records a half-close; the write side is reported closed when the test calls drain()."""

    write_side_closed = False

    def loseWriteConnection(self) -> None:
        self.write_side_closed = True

    def abortConnection(self) -> None:
        self.disconnected = self.disconnecting = True


class Client:
    """One client connection to the finger service of *built*."""

    def __init__(
        self, built: GatewayHarness, peer: str = STRANGER, settings: FingerSettings | None = None, factory: Any = None
    ) -> None:
        self.factory = factory or FingerService(settings or FingerSettings(), built.deps).factory
        kind = IPv6Address if ":" in peer else IPv4Address
        self.transport = HalfCloseTransport(
            hostAddress=IPv4Address("TCP", "203.0.113.9", 79), peerAddress=kind("TCP", peer, 50000)
        )
        self.protocol: OneLineProtocol = self.factory.buildProtocol(None)
        self.protocol.makeConnection(self.transport)

    def send(self, *segments: bytes) -> "Client":
        for segment in segments:
            self.protocol.dataReceived(segment)
        return self

    def half_close(self) -> "Client":
        """Close the client's sending side (FIN)."""
        self.protocol.readConnectionLost()
        return self

    def lose_connection(self) -> None:
        """Report to the server that the connection is lost."""
        self.protocol.connectionLost(Failure(ConnectionDone()))

    def drain(self) -> None:
        """Read everything that the server has to send."""
        while self.producer is not None:
            self.producer.resumeProducing()
        if self.transport.write_side_closed:
            self.protocol.writeConnectionLost()

    @property
    def producer(self) -> Any:
        """The registered producer of the rest of the reply, or None."""
        return self.transport.producer

    def fully_closed(self) -> bool:
        """Return whether the server has closed both directions."""
        return self.transport.disconnecting

    @property
    def received(self) -> bytes:
        return bytes(self.transport.value())

    def write_closed(self) -> bool:
        """Return whether the server has closed at least its sending side."""
        return self.transport.write_side_closed or self.transport.disconnecting

    def aborted(self) -> bool:
        return bool(self.transport.disconnected)

    def read_reply(self) -> bytes:
        """Read the whole reply, close the connection as a well-behaved client does, and return the reply."""
        self.drain()
        self.half_close()
        assert self.write_closed()
        assert self.fully_closed()
        assert not self.aborted()
        self.lose_connection()
        return self.received


def ask(built: GatewayHarness, *segments: bytes, peer: str = STRANGER, settings: FingerSettings | None = None) -> bytes:
    """Send *segments* on a new connection and return the whole reply."""
    return Client(built, peer, settings).send(*segments).read_reply()


def stop_service(service: Any) -> list[None]:
    results: list[None] = []
    stopping: Deferred[None] = service.stopService()
    stopping.addCallback(results.append)
    return results


@contextmanager
def logged_failures() -> Iterator[list[LogEvent]]:
    """Collect the log events with a failure: logged by the gateway, or unhandled in a Deferred."""
    events: list[LogEvent] = []

    @implementer(ILogObserver)
    def observe(event: LogEvent) -> None:
        if "log_failure" in event:
            events.append(event)

    globalLogPublisher.addObserver(observe)
    try:
        yield events
    finally:
        globalLogPublisher.removeObserver(observe)


class SlowSource:
    """A source without people whose requests wait until the test calls complete_requests()."""

    name, restricts, cache_ttl = "slow", False, timedelta(0)

    def __init__(self) -> None:
        self.requested_logins: list[str] = []
        self.pending: list[Deferred[None]] = []

    async def get(self, login: str) -> PartialPerson | None:
        self.requested_logins.append(login)
        request: Deferred[None] = Deferred()
        self.pending.append(request)
        await request
        return None

    def complete_requests(self) -> None:
        waiting, self.pending = self.pending, []
        for each in waiting:
            each.callback(None)

    async def everyone(self) -> AsyncIterator[PartialPerson]:
        return
        yield


class UnavailableSource(SlowSource):
    """A source that may hide people and is down."""

    name, restricts = "down", True

    async def get(self, login: str) -> PartialPerson | None:
        raise SourceDown("no route to host")


class FailingSource(SlowSource):
    """A source that raises an unexpected exception."""

    name = "broken"

    async def get(self, login: str) -> PartialPerson | None:
        raise RuntimeError("/srv/secret/people.db: cannot be")
