"""Many requests on one connection: turns, limits, slow readers, disconnects."""

import pytest

from gateway.net.cooperative_queue import CooperativeQueue
from gateway.web.http.pipeline import PIPELINED_AT_ONCE
from tests.unit.web.browser import Browser, parse_responses
from tests.unit.web.conftest import Build

GET = b"GET /users/alice HTTP/1.1\r\nHost: dir.test\r\n\r\n"


def test_pipelined_requests(web: Browser) -> None:
    """W083: one response each, in order, and none for an incomplete request."""
    answers = parse_responses(
        web.send_raw(GET + b"HEAD / HTTP/1.1\r\nHost: dir.test\r\n\r\n" + GET + GET[:30]), "GET", "HEAD"
    )
    assert [answer.code for answer in answers] == [200, 200, 200]


def test_a_connection_ends_after_a_thousand_requests(build: Build) -> None:
    """W006: the last response says so; later input is read and dropped, so that no reset overtakes the response."""
    web = build(queries_per_minute=10_000)
    connection = web.connect()
    for _ in range(999):
        connection.send(GET)
    assert not connection.is_closing()
    assert "connection" not in parse_responses(connection.received)[-1]
    connection.send(GET * 3)
    answers = parse_responses(connection.received)
    assert [answer.code for answer in answers] == [200] * 1000
    assert answers[-1]["connection"] == "close"
    assert connection.transport.shut
    assert not connection.transport.disconnecting
    assert connection.transport.producerState == "producing"  # otherwise the rest would stay unread
    connection.send(GET)
    web.built.clock.advance(9)
    assert not connection.is_aborted()
    web.built.clock.advance(1)
    assert connection.is_aborted()
    connection.close()
    assert len(parse_responses(connection.received)) == 1000


@pytest.mark.parametrize("request_", [GET, GET.replace(b"GET", b"POST")[:-2] + b"Content-Length: 1\r\n\r\nx"])
def test_pipelined_requests_take_turns(build: Build, request_: bytes) -> None:
    """W083: a few in each reactor turn, in order, until all are answered."""
    web = build(queries_per_minute=10_000)
    connection = web.connect()
    connection.send(request_ * 30)
    assert len(parse_responses(connection.received)) == PIPELINED_AT_ONCE
    web.built.clock.advance(0)
    assert len(parse_responses(connection.received)) == 30
    connection.send(request_ * 3)
    assert len(parse_responses(connection.received)) == 33
    connection.close()
    assert [each for each in web.built.clock.getDelayedCalls() if each.getTime() <= web.built.clock.seconds()] == []


def test_a_slow_request_is_the_only_one_in_its_reactor_turn(build: Build) -> None:
    """Otherwise four requests that are slow to answer would make one long reactor turn."""
    web = build(queries_per_minute=10_000)
    now = iter(range(1000))
    web.service.factory.work_queue = CooperativeQueue(web.built.clock, lambda: next(now))
    connection = web.connect()
    connection.send(GET * 3)
    assert len(parse_responses(connection.received)) == 1
    for _ in range(3):
        web.built.clock.advance(0)
    assert len(parse_responses(connection.received)) == 3
    connection.close()


def test_half_closed_connection_gets_all_pipelined_responses(build: Build) -> None:
    web = build(queries_per_minute=10_000)
    connection = web.connect()
    connection.send(GET * 30)
    connection.channel.readConnectionLost()
    assert not connection.is_closing()
    for _ in range(4):
        web.built.clock.advance(0)
    assert len(parse_responses(connection.received)) == 30
    assert connection.transport.disconnecting
    connection.close()


def test_requests_of_a_closed_connection_are_dropped(build: Build) -> None:
    web = build(queries_per_minute=10_000)
    connection = web.connect()
    connection.send(GET * 30)
    connection.close()
    for _ in range(4):
        web.built.clock.advance(0)
    assert len(parse_responses(connection.received)) == PIPELINED_AT_ONCE
    assert len(web.built.access_log_entries) == PIPELINED_AT_ONCE


def test_no_requests_are_processed_for_a_client_that_does_not_read(build: Build) -> None:
    """R030: requests wait while earlier responses are unsent; at the deadline the connection is aborted."""
    web = build(queries_per_minute=10_000, timeout=10.0)
    connection = web.connect()
    connection.channel.pauseProducing()
    connection.send(GET * 30)
    web.built.clock.advance(1)
    assert len(parse_responses(connection.received)) == 1
    connection.channel.resumeProducing()
    for _ in range(5):
        web.built.clock.advance(0)
    assert len(parse_responses(connection.received)) == 30
    connection.channel.pauseProducing()
    connection.send(GET * 30)
    web.built.clock.advance(9)
    assert not connection.is_aborted()
    web.built.clock.advance(1)
    assert len(parse_responses(connection.received)) == 31
    assert connection.is_aborted()
    connection.close()
