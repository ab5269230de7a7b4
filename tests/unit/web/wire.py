"""A client of the real site without a network: raw bytes in, raw bytes out."""

from dataclasses import dataclass
from typing import Any

from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IHalfCloseableDescriptor
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from zope.interface import implementer

from gateway.net.cooperative_queue import CooperativeQueue
from gateway.web.app import WebService
from gateway.web.settings import WebSettings
from tests.unit.fixtures import Built

STRANGER = "198.51.100.7"
MEMBER = "192.0.2.7"


@implementer(IHalfCloseableDescriptor)
class Transport(StringTransport):
    """A TCP connection's: can shut its side alone."""

    shut = False

    def readConnectionLost(self, reason: Failure) -> None:
        """Twisted's reactor would call it."""

    def writeConnectionLost(self, reason: Failure) -> None:
        """Twisted's reactor would call it."""

    def loseWriteConnection(self) -> None:
        self.shut = True


@dataclass(frozen=True)
class Answer:
    """One answer, taken apart by its own Content-Length."""

    code: int
    headers: dict[str, str]
    body: bytes

    def __getitem__(self, name: str) -> str:
        return self.headers[name]

    def __contains__(self, name: str) -> bool:
        return name in self.headers


class Browser:
    """Asks the site of *built*."""

    def __init__(self, built: Built) -> None:
        self.built = built
        self.service = WebService(WebSettings(), built.deps)
        self.service.factory.turns = CooperativeQueue(
            built.clock, built.clock.seconds
        )  # no turn is long unless a test says so

    def connect(self, peer: str = STRANGER) -> "Connection":
        return Connection(self, peer)

    def raw(self, data: bytes, peer: str = STRANGER) -> bytes:
        """What comes back for *data* on a connection of its own, which then closes."""
        connection = self.connect(peer)
        connection.send(data)
        for _ in range(20):  # what lets others have their turn comes back
            self.built.clock.advance(0)
        connection.close()
        return connection.received

    def ask(
        self, path: str, method: str = "GET", host: str = "dir.test", peer: str = STRANGER, **headers: str
    ) -> Answer:
        lines = [f"{method} {path} HTTP/1.1", f"Host: {host}"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        (answer,) = parsed(self.raw("\r\n".join([*lines, "", ""]).encode("latin-1"), peer), method)
        return answer


class Connection:
    """One connection, open until closed."""

    def __init__(self, browser: Browser, peer: str) -> None:
        self.transport = Transport(peerAddress=IPv4Address("TCP", peer, 50000))
        self.channel: Any = browser.service.factory.buildProtocol(None)
        self.channel.makeConnection(self.transport)

    def send(self, data: bytes) -> None:
        self.channel.dataReceived(data)

    @property
    def received(self) -> bytes:
        return bytes(self.transport.value())

    def closing(self) -> bool:
        return bool(self.transport.disconnecting or self.transport.shut)

    def aborted(self) -> bool:
        return bool(self.transport.disconnected)

    def close(self) -> None:
        """The client goes away."""
        self.channel.connectionLost(Failure(ConnectionDone()))


def parsed(data: bytes, *methods: str) -> list[Answer]:
    """The answers in *data*, to requests by *methods* (GET where they run out); all of it has to be answers."""
    answers: list[Answer] = []
    waiting = list(methods)
    while data:
        head, _, data = data.partition(b"\r\n\r\n")
        status, *lines = head.decode("latin-1").split("\r\n")
        version, code, _ = status.split(" ", 2)
        assert version in ("HTTP/1.1", "HTTP/1.0")
        pairs = [line.split(": ", 1) for line in lines]
        headers = {name.lower(): value for name, value in pairs}
        assert len(headers) == len(pairs), f"a header twice: {pairs}"
        assert "transfer-encoding" not in headers
        method = waiting.pop(0) if waiting else "GET"
        length = 0 if method == "HEAD" or code in ("204", "304") else int(headers["content-length"])
        assert len(data) >= length
        answers.append(Answer(int(code), headers, data[:length]))
        data = data[length:]
    return answers


class Slow:
    """A source that knows nobody, and takes its time to say so."""

    name = "slow"
    restricts = False
    cache_ttl = None

    def __init__(self) -> None:
        self.waiting: list[Deferred[None]] = []
        self.cancelled = 0

    async def get(self, login: str) -> None:
        one: Deferred[None] = Deferred(self._cancel)
        self.waiting.append(one)
        await one

    def _cancel(self, one: "Deferred[None]") -> None:
        self.cancelled += 1

    async def everyone(self) -> Any:
        return
        yield


class Broken(Slow):
    """A source with a mistake in it."""

    async def get(self, login: str) -> None:
        raise RuntimeError("the secret reason")
