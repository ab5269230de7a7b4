"""The demo's own requests over the network, as a browser and an IRC client would send them."""

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.endpoints import HostnameEndpoint, connectProtocol
from twisted.internet.interfaces import IDelayedCall
from twisted.internet.protocol import connectionDone
from twisted.protocols.basic import LineReceiver
from twisted.python.failure import Failure
from twisted.web.client import Agent, readBody
from twisted.web.http_headers import Headers

ANSWER_GAP = 0.7  # seconds without a line after which an answer on IRC is complete
RETRY_DELAY = 0.2  # seconds until a message is repeated to a bot that is not online yet


async def fetch_url(reactor: Any, url: str, timeout: float) -> bytes:
    """Return the body at *url*, as curl gets it."""
    headers = Headers({"Accept": ["*/*"], "User-Agent": ["finger-gateway demo"]})
    request: Deferred[Any] = Agent(reactor, connectTimeout=timeout).request(b"GET", url.encode(), headers)
    response = await request.addTimeout(timeout, reactor)
    body: Deferred[bytes] = readBody(response)
    return await body.addTimeout(timeout, reactor)


async def ask_bot(reactor: Any, port: int, name: str, timeout: float) -> bytes:
    """Return what fingerbot answers to the private message *name*."""
    client = _BotClient(reactor, name)
    connected: Deferred[Any] = connectProtocol(HostnameEndpoint(reactor, "localhost", port), client)
    await connected
    return await client.answer.addTimeout(timeout, reactor)


class _BotClient(LineReceiver):
    delimiter = b"\n"

    def __init__(self, reactor: Any, name: str) -> None:
        self._reactor, self._name = reactor, name
        self._lines: list[bytes] = []
        self._waiting: IDelayedCall | None = None
        self.answer: Deferred[bytes] = Deferred(lambda _: self._quit())

    def connectionMade(self) -> None:
        self._send("NICK newcomer")
        self._send("USER newcomer 0 * :Newcomer")

    def lineReceived(self, line: bytes) -> None:
        prefix, _, rest = line.removesuffix(b"\r").partition(b" ") if line.startswith(b":") else (b"", b"", line)
        command, *words = rest.split(b" ", 2)
        if command == b"PING":
            self._send("PONG " + b" ".join(words).decode("utf-8", "replace"))
        elif command == b"001":
            self._ask()
        elif command == b"401":
            self._wait(RETRY_DELAY, self._ask)
        elif command == b"PRIVMSG" and prefix.startswith(b":fingerbot!"):
            self._lines.append(words[-1].removeprefix(b":"))
            self._wait(ANSWER_GAP, self._finish)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        if self._waiting is not None and self._waiting.active():
            self._waiting.cancel()
        if not self.answer.called:
            self.answer.errback(reason)

    def _ask(self) -> None:
        self._send(f"PRIVMSG fingerbot :{self._name}")

    def _finish(self) -> None:
        self.answer.callback(b"\n".join(self._lines) + b"\n")
        self._quit()

    def _quit(self) -> None:
        self._send("QUIT")
        self._transport().loseConnection()

    def _send(self, line: str) -> None:
        self._transport().write(line.encode() + b"\r\n")

    def _wait(self, seconds: float, then: Any) -> None:
        if self._waiting is not None and self._waiting.active():
            self._waiting.cancel()
        self._waiting = self._reactor.callLater(seconds, then)

    def _transport(self) -> Any:
        return self.transport
