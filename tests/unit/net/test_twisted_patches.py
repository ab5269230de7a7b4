"""Patches of Twisted: the throttled log of a port without free descriptors."""

from typing import Any

from twisted.internet import tcp
from twisted.internet.task import Clock
from twisted.logger import LogEvent, Logger, formatEvent
from twisted.python.failure import Failure

from gateway.net.twisted_patches import ThrottledObserver, throttle_accept_log


def test_R028_one_log_message_in_ten_seconds() -> None:
    clock = Clock()
    events: list[LogEvent] = []
    observer: Any = events.append
    port = Logger(namespace="twisted.internet.tcp", observer=ThrottledObserver(observer, clock.seconds))

    def refuse(count: int) -> None:
        port.info("EMFILE encountered; releasing reserved file descriptor.")
        for number in range(count):
            port.info("EMFILE recovery: Closed socket from {address}", address=("192.0.2.1", number))
        port.info("Re-reserving EMFILE recovery file descriptor.")

    for _ in range(1000):
        refuse(100)
        clock.advance(0.009)
    clock.advance(10)
    refuse(1)
    assert [formatEvent(event) for event in events] == [
        f"no file descriptor is free; connections closed so far: {count}" for count in (1, 100_000)
    ]


def test_other_messages_of_a_port_are_throttled_too() -> None:
    clock = Clock()
    events: list[LogEvent] = []
    observer: Any = events.append
    port = Logger(namespace="twisted.internet.tcp", observer=ThrottledObserver(observer, clock.seconds))
    for _ in range(100):
        port.info("Could not accept new connection ({acceptError})", acceptError="ENOBUFS")
        port.failure("Could not re-reserve EMFILE recovery file descriptor.", Failure(OSError()))
    assert len(events) == 2


def test_private_names_of_Twisted() -> None:
    """Private names that twisted_patches relies on: a Twisted that lacks them fails here."""
    names = tcp.Port.doRead.__code__.co_names
    assert "_logger" in names
    assert "_BuffersLogs" in names
    texts = [each for each in tcp._accept.__code__.co_consts if isinstance(each, str)]
    assert sum(each.startswith("EMFILE") for each in texts) == 2
    before = tcp.Port._logger
    try:
        throttle_accept_log(Clock().seconds)
        assert isinstance(tcp.Port._logger.observer, ThrottledObserver)
    finally:
        tcp.Port._logger = before
