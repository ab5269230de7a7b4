"""R028: descriptors that are kept free, and the word in the log when there is none."""

import resource
from collections.abc import Iterator
from typing import Any

import pytest
from twisted.internet import tcp
from twisted.internet.protocol import Factory
from twisted.internet.task import Clock
from twisted.internet.testing import MemoryReactor
from twisted.logger import LogEvent, Logger, formatEvent
from twisted.python.failure import Failure

from gateway.net.descriptor_limits import fit_connections
from gateway.net.endpoints import server_endpoint
from gateway.net.twisted_patches import ThrottledObserver, throttle_accept_log


@pytest.fixture(autouse=True)
def _same_limits() -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


def soft(number: int) -> None:
    resource.setrlimit(resource.RLIMIT_NOFILE, (number, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))


def test_R028_the_soft_limit_is_raised_for_the_connections_that_are_wanted() -> None:
    soft(256)
    assert fit_connections(1000) == 1000
    raised = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    assert 0.8 * raised >= 1000
    assert raised >= 1200 + 40
    soft(4096)
    assert fit_connections(10) == 10
    assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] == 4096  # never lowered


def test_R028_where_it_cannot_be_raised_a_fifth_is_kept_free() -> None:
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    room = fit_connections(10_000_000)
    assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] == hard
    assert room <= 0.8 * hard
    assert 1.2 * room + 40 <= hard
    assert room > 0.75 * hard


def test_R028_one_word_in_ten_seconds() -> None:
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


def test_what_else_a_port_says_passes_as_seldom() -> None:
    clock = Clock()
    events: list[LogEvent] = []
    observer: Any = events.append
    port = Logger(namespace="twisted.internet.tcp", observer=ThrottledObserver(observer, clock.seconds))
    for _ in range(100):
        port.info("Could not accept new connection ({acceptError})", acceptError="ENOBUFS")
        port.failure("Could not re-reserve EMFILE recovery file descriptor.", Failure(OSError()))
    assert len(events) == 2


def test_twisteds_own_names() -> None:
    """What descriptors.py stands on: a new Twisted that lacks it fails here."""
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


@pytest.mark.parametrize(
    ("endpoint", "backlog"),
    [
        ("tcp:79", 1024),
        (r"tcp6:79:interface=\:\:1", 1024),
        ("unix:/run/finger", 1024),
        ("tcp:79:backlog=7", 7),
        ("tcp:79:127.0.0.1:9", 9),
    ],
)
def test_a_listener_that_names_no_backlog_has_room_for_a_rush(endpoint: str, backlog: int) -> None:
    made = server_endpoint(MemoryReactor(), "gateway.toml", "finger.listen[0]", endpoint)
    reactor: Any = made._reactor
    made.listen(Factory())
    found = [each[2] for each in reactor.tcpServers] or [each[2] for each in reactor.unixServers]
    assert found == [backlog]
