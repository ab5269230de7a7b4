"""A client of the real web site without a network: raw bytes in, raw bytes out."""

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
from tests.unit.fixtures import GatewayHarness

STRANGER = "198.51.100.7"
MEMBER = "192.0.2.7"


@implementer(IHalfCloseableDescriptor)
class WebTransport(StringTransport):
    """A TCP connection whose two directions close separately."""

    shut = False

    def readConnectionLost(self, reason: Failure) -> None:
        """Twisted's reactor would call it."""

    def writeConnectionLost(self, reason: Failure) -> None:
        """Twisted's reactor would call it."""

    def loseWriteConnection(self) -> None:
        self.shut = True


@dataclass(frozen=True)
class Response:
    """One response, delimited by its Content-Length."""

    code: int
    headers: dict[str, str]
    body: bytes

    def __getitem__(self, name: str) -> str:
        return self.headers[name]

    def __contains__(self, name: str) -> bool:
        return name in self.headers


class Browser:
    """Send requests to the site of *built*."""

    def __init__(self, built: GatewayHarness) -> None:
        self.built = built
        self.service = WebService(WebSettings(), built.deps)
        self.service.factory.work_queue = CooperativeQueue(
            built.clock, built.clock.seconds
        )  # no request is slow unless a test sets the clock

    def connect(self, peer: str = STRANGER) -> "Connection":
        return Connection(self, peer)

    def send_raw(self, data: bytes, peer: str = STRANGER) -> bytes:
        """Send *data* on a new connection, close it, and return what was received."""
        connection = self.connect(peer)
        connection.send(data)
        for _ in range(20):  # run what was postponed to later reactor turns
            self.built.clock.advance(0)
        connection.close()
        return connection.received

    def request(
        self, path: str, method: str = "GET", host: str = "dir.test", peer: str = STRANGER, **headers: str
    ) -> Response:
        lines = [f"{method} {path} HTTP/1.1", f"Host: {host}"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        (answer,) = parse_responses(self.send_raw("\r\n".join([*lines, "", ""]).encode("latin-1"), peer), method)
        return answer


class Connection:
    """One open connection."""

    def __init__(self, browser: Browser, peer: str) -> None:
        self.transport = WebTransport(peerAddress=IPv4Address("TCP", peer, 50000))
        self.channel: Any = browser.service.factory.buildProtocol(None)
        self.channel.makeConnection(self.transport)

    def send(self, data: bytes) -> None:
        self.channel.dataReceived(data)

    @property
    def received(self) -> bytes:
        return bytes(self.transport.value())

    def is_closing(self) -> bool:
        return bool(self.transport.disconnecting or self.transport.shut)

    def is_aborted(self) -> bool:
        return bool(self.transport.disconnected)

    def close(self) -> None:
        """Close the client's side."""
        self.channel.connectionLost(Failure(ConnectionDone()))


def parse_responses(data: bytes, *methods: str) -> list[Response]:
    """Parse *data* completely into responses to requests with *methods* (GET for any further ones)."""
    answers: list[Response] = []
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
        answers.append(Response(int(code), headers, data[:length]))
        data = data[length:]
    return answers


class SlowSource:
    """A source without people whose lookups wait until a test ends them."""

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


class BrokenSource(SlowSource):
    """A source whose lookups raise an exception."""

    async def get(self, login: str) -> None:
        raise RuntimeError("the secret reason")
