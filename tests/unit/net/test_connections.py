"""The registry of a factory's open connections, and how it closes them."""

from twisted.internet.task import Clock

from gateway.net.connections import ConnectionRegistry


class RecordingConnection:
    """A connection that is its own transport and records calls."""

    def __init__(self) -> None:
        self.transport = self
        self.calls: list[str] = []

    def end(self) -> None:
        self.calls.append("end")

    def abortConnection(self) -> None:
        self.calls.append("abort")


def test_connections_are_closed_and_late_ones_aborted() -> None:
    clock = Clock()
    connections: ConnectionRegistry[RecordingConnection] = ConnectionRegistry(clock)
    quick, late, gone = held = [RecordingConnection() for _ in range(3)]
    for each in held:
        connections.add(each)
    connections.remove(gone)
    ended: list[None] = []
    connections.end(2.0).addCallback(ended.append)
    assert (quick.calls, late.calls, gone.calls) == (["end"], ["end"], [])
    connections.remove(quick)
    clock.advance(1.9)
    assert (ended, late.calls) == ([], ["end"])
    clock.advance(0.2)
    assert (quick.calls, late.calls) == (["end"], ["end", "abort"])
    connections.remove(late)
    assert ended == [None]
    assert clock.getDelayedCalls() == []


def test_connections_that_close_in_time_are_not_aborted() -> None:
    clock = Clock()
    connections: ConnectionRegistry[RecordingConnection] = ConnectionRegistry(clock)
    one = RecordingConnection()
    connections.add(one)
    ended: list[None] = []
    connections.end(2.0).addCallback(ended.append)
    connections.remove(one)
    assert ended == [None]
    clock.advance(3)
    assert one.calls == ["end"]


def test_without_connections_the_end_is_immediate() -> None:
    clock = Clock()
    ended: list[None] = []
    ConnectionRegistry[RecordingConnection](clock).end(2.0).addCallback(ended.append)
    assert ended == [None]
