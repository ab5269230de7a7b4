"""The server's end of the bot's connections, on an in-memory reactor."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from twisted.internet.address import IPv4Address
from twisted.internet.error import ConnectionDone, ConnectionRefusedError
from twisted.internet.testing import MemoryReactorClock, StringTransport
from twisted.python.failure import Failure

from gateway.config.types import Duration
from gateway.irc.connection import IrcConnection
from gateway.irc.network import NetworkService
from gateway.irc.settings import NetworkSettings
from tests.unit.fixtures import GatewayHarness, make_dependencies


class ServerConnection:
    """The server's end of one connection of the bot."""

    def __init__(self, factory: Any) -> None:
        self.protocol = factory.buildProtocol(IPv4Address("TCP", "192.0.2.1", 6667))
        self.transport = StringTransport()
        self.protocol.makeConnection(self.transport)

    def received(self) -> list[str]:
        """Return the lines that the bot has sent since the last call."""
        data: bytes = self.transport.value()
        self.transport.clear()
        *lines, rest = data.split(b"\r\n")
        assert rest == b""
        assert not any(b"\n" in line or b"\r" in line or b"\0" in line for line in lines)
        return [line.decode() for line in lines]

    def send(self, *lines: str | bytes) -> None:
        for line in lines:
            self.protocol.dataReceived((line.encode() if isinstance(line, str) else line) + b"\r\n")

    def welcome(self, nick: str = "fingerbot") -> None:
        self.send(f":irc.test 001 {nick} :Welcome", f":irc.test 376 {nick} :End of MOTD")

    def ask(self, text: str | bytes, to: str = "fingerbot", by: str = "bob!b@192.0.2.7") -> list[str]:
        """Send *text* as a PRIVMSG from *by*, and return what the bot answers at once."""
        self.send(f":{by} PRIVMSG {to} :".encode() + (text.encode() if isinstance(text, str) else text))
        return self.received()

    def close(self) -> None:
        self.protocol.connectionLost(Failure(ConnectionDone()))


class MemoryReactor(MemoryReactorClock):
    """A memory reactor with callFromThread, which the store's writer thread calls."""

    def callFromThread(self, function: Any, *args: Any, **kwargs: Any) -> None:  # noqa: N802  # Twisted's name
        function(*args, **kwargs)


class BotHarness:
    """A bot on one network; the test plays the server."""

    def __init__(self, folder: Path, deps: dict[str, Any] | None = None, **settings: Any) -> None:
        self.clock = MemoryReactor()
        self.built: GatewayHarness = make_dependencies(folder, clock=self.clock, **(deps or {}))
        table: dict[str, Any] = {"network": "test", "server": "tcp:192.0.2.1:6667", "burst": 100} | settings
        self.settings = NetworkSettings(**table)
        self.bot = NetworkService(self.settings, self.built.deps)
        self.bot.startService()

    @property
    def attempts(self) -> int:
        """Return how often the bot has tried to connect."""
        return len(self.clock.tcpClients)

    def accept(self) -> ServerConnection:
        """Accept the latest attempt to connect."""
        return ServerConnection(self.clock.tcpClients[-1][2])

    def refuse(self) -> None:
        factory: Any = self.clock.tcpClients[-1][2]
        factory.clientConnectionFailed(None, Failure(ConnectionRefusedError()))

    def sign_on(self) -> ServerConnection:
        connection = self.accept()
        connection.welcome()
        connection.received()
        return connection

    def advance(self, seconds: float, step: float = 0.25) -> None:
        """Advance the clock by *seconds*."""
        self.clock.pump([step] * round(seconds / step))

    @property
    def client(self) -> IrcConnection:
        """Return the bot's end of the current connection."""
        client = self.bot._connection
        assert client is not None
        return client

    @property
    def log_entries(self) -> list[dict[str, Any]]:
        return self.built.access_log_entries


def messages_to(lines: Sequence[str], target: str = "bob") -> list[str]:
    """Return the texts of the messages to *target* in *lines*."""
    start = f"PRIVMSG {target} :"
    return [line.removeprefix(start) for line in lines if line.startswith(start)]


TWO_SECONDS = Duration(seconds=2)
