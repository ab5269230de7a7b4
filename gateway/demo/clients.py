"""The demo's own questions over the wire: as a browser and as somebody on IRC would ask them."""

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.endpoints import HostnameEndpoint, connectProtocol
from twisted.internet.interfaces import IDelayedCall
from twisted.internet.protocol import connectionDone
from twisted.protocols.basic import LineReceiver
from twisted.python.failure import Failure
from twisted.web.client import Agent, readBody
from twisted.web.http_headers import Headers

QUIET = 0.7  # seconds without a line, after which an answer on IRC is over
AGAIN = 0.2  # seconds until a bot that is not there yet is asked again


async def web(reactor: Any, url: str, timeout: float) -> bytes:
    """The body at *url*, as curl gets it."""
    headers = Headers({"Accept": ["*/*"], "User-Agent": ["finger-gateway demo"]})
    request: Deferred[Any] = Agent(reactor, connectTimeout=timeout).request(b"GET", url.encode(), headers)
    response = await request.addTimeout(timeout, reactor)
    body: Deferred[bytes] = readBody(response)
    return await body.addTimeout(timeout, reactor)


async def irc(reactor: Any, port: int, name: str, timeout: float) -> bytes:
    """What fingerbot on this machine's *port* says to a private *name*."""
    asking = _Asker(reactor, name)
    connected: Deferred[Any] = connectProtocol(HostnameEndpoint(reactor, "localhost", port), asking)
    await connected
    return await asking.answer.addTimeout(timeout, reactor)


class _Asker(LineReceiver):
    delimiter = b"\n"

    def __init__(self, reactor: Any, name: str) -> None:
        self._reactor, self._name = reactor, name
        self._lines: list[bytes] = []
        self._waiting: IDelayedCall | None = None
        self.answer: Deferred[bytes] = Deferred(lambda _: self._end())

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
            self._wait(AGAIN, self._ask)
        elif command == b"PRIVMSG" and prefix.startswith(b":fingerbot!"):
            self._lines.append(words[-1].removeprefix(b":"))
            self._wait(QUIET, self._done)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        if self._waiting is not None and self._waiting.active():
            self._waiting.cancel()
        if not self.answer.called:
            self.answer.errback(reason)

    def _ask(self) -> None:
        self._send(f"PRIVMSG fingerbot :{self._name}")

    def _done(self) -> None:
        self.answer.callback(b"\n".join(self._lines) + b"\n")
        self._end()

    def _end(self) -> None:
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
