"""FingerProtocol on a fake clock: deadlines, limits, disconnects, slow readers, and shutdown."""

from collections.abc import Iterator
from typing import Any

import pytest
from twisted.internet import ssl
from twisted.internet.interfaces import ISSLTransport
from zope.interface import directlyProvides

from gateway.finger.protocol import FingerService
from gateway.finger.settings import FingerSettings
from tests.unit.finger.conftest import Build
from tests.unit.finger.test_answers import ALICE_PLAIN
from tests.unit.finger.wire import Client, SlowSource, ask, logged_failures, stop_service

TIMEOUT = b"Input timeout.\r\n"
TOO_MANY_CONNECTIONS = b"Too many connections, try again later.\r\n"
STOPPING = b"The server is stopping, try again later.\r\n"
FRANK = {"login": "frank", "name": "Frank", "plan": "".join(f"{n:06} {'x' * 92}\n" for n in range(1000))}


@pytest.fixture(autouse=True)
def _no_unhandled_failures() -> Iterator[None]:
    """Fail if a failure was logged or left unhandled in a Deferred."""
    with logged_failures() as logged:
        yield
    assert logged == []


def test_F003_two_lines_get_one_answer_from_a_slow_source(build: Build) -> None:
    slow = SlowSource()
    built = build(sources=[slow])
    client = Client(built).send(b"alice\r\nbob\r\n")
    assert client.received == b""
    client.send(b"zofie\r\n")
    slow.complete_requests()
    assert client.read_reply() == ALICE_PLAIN
    assert slow.requested_logins == ["alice"]
    assert [entry["query"] for entry in built.access_log_entries] == ["alice"]


def test_F008_a_half_closed_client_gets_a_slow_answer(build: Build) -> None:
    slow = SlowSource()
    client = Client(build(sources=[slow])).send(b"alice\r\n").half_close()
    assert not client.write_closed()
    slow.complete_requests()
    assert client.received == ALICE_PLAIN
    assert client.fully_closed()
    client.lose_connection()


def test_F009_a_client_that_closes_without_a_query(build: Build) -> None:
    built = build()
    client = Client(built).half_close()
    assert client.received == b""
    assert client.fully_closed()
    client.lose_connection()
    assert [(entry["outcome"], entry["bytes"]) for entry in built.access_log_entries] == [("empty", 0)]
    assert built.deps.tracker.counts["finger", "lookup", "empty"] == 1


def test_F010_a_disconnected_client_is_not_answered(build: Build) -> None:
    slow = SlowSource()
    built = build(sources=[slow])
    client = Client(built).send(b"alice\r\n")
    client.lose_connection()
    assert built.deps.tracker.in_flight == 0
    slow.complete_requests()
    assert client.received == b""
    assert [entry["outcome"] for entry in built.access_log_entries] == ["gone"]
    assert ask_again(built, slow) == ALICE_PLAIN


def ask_again(built: Any, slow: SlowSource) -> bytes:
    client = Client(built).send(b"alice\r\n")
    slow.complete_requests()
    return client.read_reply()


def test_F011_a_silent_client_times_out(build: Build) -> None:
    built = build(timeout=10.0)
    client = Client(built)
    built.clock.advance(9.9)
    assert client.received == b""
    built.clock.advance(0.2)
    assert client.read_reply() == TIMEOUT
    assert [entry["outcome"] for entry in built.access_log_entries] == ["timeout"]


def test_F012_slow_bytes_do_not_extend_the_deadline(build: Build) -> None:
    built = build(timeout=10.0)
    client = Client(built)
    for _ in range(4):
        built.clock.advance(2)
        client.send(b"a")
        assert not client.write_closed()
    built.clock.advance(2)
    assert client.read_reply() == TIMEOUT


def test_a_slow_source_does_not_time_out_the_client(build: Build) -> None:
    slow = SlowSource()
    built = build(sources=[slow], timeout=10.0)
    client = Client(built).send(b"alice\r\n")
    built.clock.advance(60)
    slow.complete_requests()
    assert client.read_reply() == ALICE_PLAIN


@pytest.mark.parametrize("person", ["alice", "frank"])
def test_F013_a_client_that_never_reads_is_aborted(build: Build, person: str) -> None:
    built = build(people=[FRANK, {"login": "alice", "name": "Alice Adams"}], timeout=10.0)
    client = Client(built).send(person.encode() + b"\r\n")
    built.clock.advance(9.9)
    assert not client.aborted()
    built.clock.advance(0.2)
    assert client.aborted()
    client.lose_connection()


def test_F013_at_most_one_chunk_is_buffered_for_a_reader(build: Build) -> None:
    built = build(people=[FRANK])
    client = Client(built, settings=FingerSettings(max_plan_bytes=200_000)).send(b"frank\r\n")
    assert client.received == b""
    client.producer.resumeProducing()
    assert 0 < len(client.received) <= 64 * 1024
    reply = client.read_reply()
    assert reply.count(b"\r\n") > 1000
    assert reply.endswith(b"000999 " + b"x" * 92 + b"\r\n")
    assert built.access_log_entries[0]["bytes"] == len(reply)


def test_F013_a_reader_disconnects_during_the_reply(build: Build) -> None:
    client = Client(build(people=[FRANK])).send(b"frank\r\n")
    producer = client.producer
    producer.resumeProducing()
    producer.stopProducing()
    client.lose_connection()
    assert 0 < len(client.received) <= 64 * 1024


def test_a_slow_reader_has_the_timeout_to_read_and_one_second_to_close(build: Build) -> None:
    built = build(timeout=10.0)
    client = Client(built).send(b"alice\r\n")
    built.clock.advance(8)
    client.drain()
    built.clock.advance(0.9)
    assert not client.fully_closed()
    built.clock.advance(0.2)
    assert client.fully_closed()
    assert not client.aborted()
    client.lose_connection()


def test_up_to_64_KiB_after_the_line_are_ignored(build: Build) -> None:
    client = Client(build()).send(b"alice\r\n" + b"x" * 1000, b"x" * 64_000)
    assert not client.aborted()
    client.send(b"x" * 1000)
    assert client.aborted()
    client.lose_connection()


def test_TLS_connections_are_closed_without_a_half_close(build: Build) -> None:
    assert ssl.supported
    client = Client(build())
    directlyProvides(client.transport, ISSLTransport)
    client.send(b"alice\r\n")
    assert client.fully_closed()
    assert not client.transport.write_side_closed
    client.lose_connection()


# limits


def test_F015_a_surplus_connection_is_refused_after_its_line(build: Build) -> None:
    built = build(per_address=10)
    others = [Client(built) for _ in range(10)]
    client = Client(built)
    assert client.received == b""
    client.send(b"alice\r\n")
    assert client.read_reply() == TOO_MANY_CONNECTIONS
    assert built.access_log_entries[-1]["outcome"] == "limited"
    others.pop().lose_connection()
    assert ask(built, b"alice\r\n") == ALICE_PLAIN
    for each in others:
        each.lose_connection()


def test_F015_a_surplus_connection_is_refused_after_a_second(build: Build) -> None:
    built = build(per_address=10)
    others = [Client(built) for _ in range(10)]
    client = Client(built)
    built.clock.advance(0.9)
    assert client.received == b""
    built.clock.advance(0.2)
    assert client.read_reply() == TOO_MANY_CONNECTIONS
    assert ask(built, b"alice\r\n", peer="203.0.113.77") == ALICE_PLAIN  # another address
    for each in others:
        each.lose_connection()


def test_F015_connections_far_over_the_limit_are_closed(build: Build) -> None:
    built = build(per_address=10)
    others = [Client(built) for _ in range(12)]
    client = Client(built)
    assert client.received == b""
    assert client.fully_closed()
    client.send(b"alice\r\n")
    assert client.received == b""
    for each in [*others, client]:
        each.lose_connection()
    assert built.deps.admission.open == 0


def test_F016_a_limited_client_learns_how_long_to_wait(build: Build) -> None:
    built = build(queries_per_minute=2)
    assert [ask(built, b"alice\r\n") for _ in range(2)] == [ALICE_PLAIN] * 2
    assert ask(built, b"alice\r\n") == b"Too many queries, try again in 30 seconds.\r\n"
    assert ask(built, b"alice\r\n", peer="203.0.113.77") == ALICE_PLAIN
    built.clock.advance(29.5)
    assert ask(built, b"alice\r\n") == b"Too many queries, try again in 1 second.\r\n"
    built.clock.advance(1)
    assert ask(built, b"alice\r\n") == ALICE_PLAIN
    assert built.access_log_entries[2]["outcome"] == "limited"


def test_F016_an_ipv6_64_is_one_client(build: Build) -> None:
    built = build(queries_per_minute=1)
    assert ask(built, b"alice\r\n", peer="2001:db8::1") == ALICE_PLAIN
    assert ask(built, b"alice\r\n", peer="2001:db8::2").startswith(b"Too many queries")
    assert ask(built, b"alice\r\n", peer="2001:db8:0:1::1") == ALICE_PLAIN


# shutdown


def test_shutdown_without_connections_finishes_at_once(build: Build) -> None:
    service = FingerService(FingerSettings(), build().deps)
    service.startService()
    assert stop_service(service) == [None]


def test_shutdown_lets_a_written_reply_finish(build: Build) -> None:
    built = build()
    service = FingerService(FingerSettings(), built.deps)
    client = Client(built, factory=service.factory).send(b"alice\r\n")
    results = stop_service(service)
    assert not client.aborted()
    assert results == []
    assert client.read_reply() == ALICE_PLAIN
    assert results == [None]
    built.clock.advance(5)


def test_shutdown_informs_clients_without_a_query(build: Build) -> None:
    built = build()
    service = FingerService(FingerSettings(), built.deps)
    client = Client(built, factory=service.factory)
    results = stop_service(service)
    built.clock.advance(0.2)
    assert client.read_reply() == STOPPING
    assert results == [None]
    assert [entry["outcome"] for entry in built.access_log_entries] == ["unavailable"]


def test_R038_a_query_that_arrives_during_shutdown_is_answered(build: Build) -> None:
    built = build()
    service = FingerService(FingerSettings(), built.deps)
    client = Client(built, factory=service.factory)
    results = stop_service(service)
    built.clock.advance(0.1)
    client.send(b"alice\r\n")
    built.clock.advance(0.2)
    assert client.read_reply() == ALICE_PLAIN
    assert results == [None]


def test_shutdown_informs_clients_with_a_pending_query(build: Build) -> None:
    slow = SlowSource()
    built = build(sources=[slow])
    service = FingerService(FingerSettings(), built.deps)
    client = Client(built, factory=service.factory).send(b"alice\r\n")
    results = stop_service(service)
    slow.complete_requests()
    assert client.read_reply() == STOPPING
    assert results == [None]
    assert [entry["outcome"] for entry in built.access_log_entries] == ["gone"]


def test_shutdown_aborts_clients_that_do_not_read(build: Build) -> None:
    built = build()
    service = FingerService(FingerSettings(), built.deps)
    client = Client(built, factory=service.factory).send(b"alice\r\n")
    results = stop_service(service)
    built.clock.advance(1.6)
    assert client.aborted()
    client.lose_connection()
    assert results == [None]
