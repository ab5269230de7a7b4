"""The open connections of one factory, so that a stop ends them all.

Each ends in its protocol's manner, the slow ones by force. How many there may be is decided by admission.py.
"""

from collections.abc import Iterator
from typing import Any, Generic, Protocol, TypeVar

from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IDelayedCall, IReactorTime


class Closable(Protocol):
    """A connection that can be asked to end."""

    transport: Any

    def end(self) -> None:
        """Send what is left to send, and close."""


ConnectionT = TypeVar("ConnectionT", bound=Closable)


class ConnectionRegistry(Generic[ConnectionT]):
    """Holds a connection from add() to remove()."""

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock
        self._all: set[ConnectionT] = set()
        self._emptied: Deferred[None] | None = None

    def __len__(self) -> int:
        return len(self._all)

    def __iter__(self) -> Iterator[ConnectionT]:
        """Iterate over a copy: connections may leave meanwhile."""
        return iter(tuple(self._all))

    def add(self, connection: ConnectionT) -> None:
        self._all.add(connection)

    def remove(self, connection: ConnectionT) -> None:
        self._all.discard(connection)
        if not self._all and self._emptied is not None:
            emptied, self._emptied = self._emptied, None
            emptied.callback(None)

    def end(self, within: float) -> "Deferred[None]":
        """End all connections; the Deferred fires when none is left.

        Those still open after *within* seconds are aborted.
        """
        for connection in self:
            connection.end()
        if not self._all:
            return succeed(None)
        self._emptied = Deferred()
        late: IDelayedCall = self._clock.callLater(within, self._cut)

        def disarm(_: None) -> None:
            if late.active():
                late.cancel()

        return self._emptied.addCallback(disarm)

    def _cut(self) -> None:
        for connection in self:
            connection.transport.abortConnection()
