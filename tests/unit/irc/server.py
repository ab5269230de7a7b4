"""An IRC server by hand: the far end of the bot's connections in a reactor that only exists in memory."""

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
from tests.unit.fixtures import Built, make_dependencies


class Connection:
    """One connection of the bot, as its server has it."""

    def __init__(self, factory: Any) -> None:
        self.protocol = factory.buildProtocol(IPv4Address("TCP", "192.0.2.1", 6667))
        self.transport = StringTransport()
        self.protocol.makeConnection(self.transport)

    def got(self) -> list[str]:
        """What the bot has sent since the last look, in whole lines."""
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

    def says(self, text: str | bytes, to: str = "fingerbot", by: str = "bob!b@192.0.2.7") -> list[str]:
        """Somebody says *text*; gives what the bot answers at once."""
        self.send(f":{by} PRIVMSG {to} :".encode() + (text.encode() if isinstance(text, str) else text))
        return self.got()

    def close(self) -> None:
        self.protocol.connectionLost(Failure(ConnectionDone()))


class Memory(MemoryReactorClock):
    """What the store needs besides: its writer's thread calls back."""

    def callFromThread(self, function: Any, *args: Any, **kwargs: Any) -> None:  # noqa: N802  # Twisted's name
        function(*args, **kwargs)


class Bench:
    """A bot on one network, with a server that can be anything."""

    def __init__(self, folder: Path, deps: dict[str, Any] | None = None, **settings: Any) -> None:
        self.clock = Memory()
        self.built: Built = make_dependencies(folder, clock=self.clock, **(deps or {}))
        table: dict[str, Any] = {"network": "test", "server": "tcp:192.0.2.1:6667", "burst": 100} | settings
        self.settings = NetworkSettings(**table)
        self.bot = NetworkService(self.settings, self.built.deps)
        self.bot.startService()

    @property
    def tries(self) -> int:
        """How often the bot has tried to connect."""
        return len(self.clock.tcpClients)

    def accept(self) -> Connection:
        """Takes the newest try to connect."""
        return Connection(self.clock.tcpClients[-1][2])

    def refuse(self) -> None:
        factory: Any = self.clock.tcpClients[-1][2]
        factory.clientConnectionFailed(None, Failure(ConnectionRefusedError()))

    def signed_on(self) -> Connection:
        connection = self.accept()
        connection.welcome()
        connection.got()
        return connection

    def pass_(self, seconds: float, step: float = 0.25) -> None:
        """Lets *seconds* pass."""
        self.clock.pump([step] * round(seconds / step))

    @property
    def client(self) -> IrcConnection:
        """The bot's end of the connection that stands."""
        client = self.bot._connection
        assert client is not None
        return client

    @property
    def records(self) -> list[dict[str, Any]]:
        return self.built.records


def texts(lines: Sequence[str], target: str = "bob") -> list[str]:
    """What was said to *target*."""
    start = f"PRIVMSG {target} :"
    return [line.removeprefix(start) for line in lines if line.startswith(start)]


SLOW = Duration(seconds=2)
