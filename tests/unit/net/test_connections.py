"""All connections of a factory, and their end."""

from twisted.internet.task import Clock

from gateway.net.connections import ConnectionRegistry


class Held:
    """A connection, and its transport."""

    def __init__(self) -> None:
        self.transport = self
        self.said: list[str] = []

    def end(self) -> None:
        self.said.append("end")

    def abortConnection(self) -> None:
        self.said.append("abort")


def test_all_are_asked_to_end_and_the_late_ones_cut() -> None:
    clock = Clock()
    connections: ConnectionRegistry[Held] = ConnectionRegistry(clock)
    quick, late, gone = held = [Held() for _ in range(3)]
    for each in held:
        connections.add(each)
    connections.remove(gone)
    ended: list[None] = []
    connections.end(2.0).addCallback(ended.append)
    assert (quick.said, late.said, gone.said) == (["end"], ["end"], [])
    connections.remove(quick)
    clock.advance(1.9)
    assert (ended, late.said) == ([], ["end"])
    clock.advance(0.2)
    assert (quick.said, late.said) == (["end"], ["end", "abort"])
    connections.remove(late)
    assert ended == [None]
    assert clock.getDelayedCalls() == []


def test_who_ends_in_time_is_not_cut() -> None:
    clock = Clock()
    connections: ConnectionRegistry[Held] = ConnectionRegistry(clock)
    one = Held()
    connections.add(one)
    ended: list[None] = []
    connections.end(2.0).addCallback(ended.append)
    connections.remove(one)
    assert ended == [None]
    clock.advance(3)
    assert one.said == ["end"]


def test_where_nobody_is_the_end_comes_at_once() -> None:
    clock = Clock()
    ended: list[None] = []
    ConnectionRegistry[Held](clock).end(2.0).addCallback(ended.append)
    assert ended == [None]
