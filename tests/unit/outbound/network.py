"""A network without sockets: a name table, and connections whose remote end the test plays."""

from collections.abc import Mapping, Sequence
from typing import Any

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone, ConnectionRefusedError
from twisted.internet.interfaces import IHostnameResolver
from twisted.internet.testing import MemoryReactorClock, StringTransport
from twisted.python.failure import Failure
from zope.interface import implementer


@implementer(IHostnameResolver)
class NameTable:
    """A resolver with a table. A name with several answers gives one after the other, then always the last one; a name
    without answers never resolves."""

    def __init__(self, table: Mapping[str, Sequence[Sequence[str]]]) -> None:
        self.table = {name: list(answers) for name, answers in table.items()}
        self.queried: list[str] = []
        self.unanswered: list[Any] = []

    def resolveHostName(  # noqa: N802  # Twisted's names
        self,
        resolutionReceiver: Any,  # noqa: N803
        hostName: str,  # noqa: N803
        portNumber: int = 0,  # noqa: N803
        addressTypes: Any = None,  # noqa: N803
        transportSemantics: str = "TCP",  # noqa: N803
    ) -> Any:
        receiver = resolutionReceiver
        self.queried.append(hostName)
        receiver.resolutionBegan(self)
        answers = self.table.get(hostName, [()])
        if not answers:
            self.unanswered.append(receiver)
            return self
        for address in answers.pop(0) if len(answers) > 1 else answers[0]:
            kind = IPv6Address if ":" in address else IPv4Address
            receiver.addressResolved(kind("TCP", address, 0))
        receiver.resolutionComplete()
        return self


class Network(MemoryReactorClock):
    """A reactor that records its connection attempts in `tried`."""

    def __init__(self, names: Mapping[str, Sequence[Sequence[str]]] = {}) -> None:
        super().__init__()
        self.names = NameTable(names)
        self.nameResolver = self.names

    @property
    def tried(self) -> list[tuple[str, int]]:
        return [(host, port) for host, port, *_ in self.tcpClients]

    def accept(self, number: int = -1) -> "RemoteEnd":
        """Accept the connection attempt *number* and return its remote end."""
        return RemoteEnd(self.tcpClients[number][2])

    def refuse(self, number: int = -1) -> None:
        factory: Any = self.tcpClients[number][2]
        factory.clientConnectionFailed(None, Failure(ConnectionRefusedError()))


class TlsTransport(StringTransport):
    def setTcpNoDelay(self, enabled: bool) -> None:  # noqa: N802  # Twisted's name
        """Do nothing; TLS connections set it."""


class RemoteEnd:
    """The remote end of a connection."""

    def __init__(self, factory: Any) -> None:
        self.transport = TlsTransport()
        self.protocol = factory.buildProtocol(IPv4Address("TCP", "9.9.9.9", 79))
        self.protocol.makeConnection(self.transport)

    @property
    def received(self) -> bytes:
        return bytes(self.transport.value())

    @property
    def aborted(self) -> bool:
        return bool(self.transport.disconnected)

    def send(self, *pieces: bytes) -> None:
        for each in pieces:
            self.protocol.dataReceived(each)

    def close(self, reason: Exception | None = None) -> None:
        self.protocol.connectionLost(Failure(reason or ConnectionDone()))


class StartedCoroutine:
    """A started coroutine; `results` holds its result or failure once it has ended."""

    def __init__(self, coroutine: Any) -> None:
        self.results: list[Any] = []
        self.deferred = Deferred.fromCoroutine(coroutine)
        self.deferred.addBoth(self.results.append)

    @property
    def result(self) -> Any:
        (result,) = self.results
        return result

    @property
    def error(self) -> Any:
        assert isinstance(self.result, Failure), self.result
        return self.result.value
