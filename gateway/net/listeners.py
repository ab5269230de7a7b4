"""The listeners of one process: their ports, and the gate for PROXY headers that the endpoints of one table share."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IListeningPort, IProtocolFactory

from .admission import AdmissionControl
from .endpoints import BoundPorts, Listener
from .proxy_protocol import HeaderOutcome, ProxyProtocolGate


class Listeners:
    """All listeners. Nothing is bound before listen().

    *file* is the settings file, for messages. *count* is called with the name of a table and the outcome of each connection
    that never had a valid PROXY header.
    """

    def __init__(
        self, reactor: Any, file: str, admission: AdmissionControl, count: Callable[[str, HeaderOutcome], None]
    ) -> None:
        self._reactor, self._admission, self._count = reactor, admission, count
        self._listeners: list[Listener] = []
        self._gates: dict[str, ProxyProtocolGate] = {}
        self._ports = BoundPorts(reactor, file)

    def __iter__(self) -> Iterator[Listener]:
        return iter(self._listeners)

    @property
    def ports(self) -> tuple[IListeningPort, ...]:
        """The open ports, in the order in which the listeners were added."""
        return self._ports.open

    def add(self, listener: Listener) -> None:
        """Add a listener that needs no gate."""
        self._listeners.append(listener)

    def add_gated(self, table: str, key: str, endpoint: str, factory: IProtocolFactory) -> None:
        """Add the listener of one endpoint string; *key* names it in messages."""
        if table not in self._gates:
            count = partial(self._count, table)
            self._gates[table] = ProxyProtocolGate(key.rpartition(".")[0], self._reactor, self._admission, count)
        self._listeners.append(Listener(key, endpoint, factory, self._gates[table]))

    def set_trust(self, proxies: Mapping[str, Iterable[str]], timeout: float) -> None:
        """Set the trusted proxies of each table, and the seconds that a PROXY header may take."""
        for table, gate in self._gates.items():
            gate.set_trust(proxies[table], timeout)

    def listen(self) -> None:
        """Bind all ports, unless they are bound already. Raises CannotStart with every port that cannot be bound."""
        self._ports.listen(self._listeners)

    def close(self) -> "Deferred[Any]":
        """Close all ports; return a Deferred that fires when they are closed."""
        return self._ports.close()
