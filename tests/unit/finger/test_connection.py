"""The life of one connection: deadlines, refusals, clients that leave, the stop. By Clock, without a socket."""

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
CROWDED = b"Too many connections, try again later.\r\n"
STOPPING = b"The server is stopping, try again later.\r\n"
FRANK = {"login": "frank", "name": "Frank", "plan": "".join(f"{n:06} {'x' * 92}\n" for n in range(1000))}


@pytest.fixture(autouse=True)
def _nothing_unhandled() -> Iterator[None]:
    """Ends with an error where Twisted was told of a failure that nobody took."""
    with logged_failures() as logged:
        yield
    assert logged == []


def test_F003_two_lines_and_a_slow_source_are_one_answer(build: Build) -> None:
    slow = SlowSource()
    built = build(sources=[slow])
    client = Client(built).send(b"alice\r\nbob\r\n")
    assert client.received == b""
    client.send(b"zofie\r\n")
    slow.answer()
    assert client.finish() == ALICE_PLAIN
    assert slow.requested_logins == ["alice"]
    assert [record["query"] for record in built.access_log_entries] == ["alice"]


def test_F008_a_client_that_has_shut_its_half_gets_the_slow_answer(build: Build) -> None:
    slow = SlowSource()
    client = Client(build(sources=[slow])).send(b"alice\r\n").half_close()
    assert not client.closed()
    slow.answer()
    assert client.received == ALICE_PLAIN
    assert client.finished()
    client.lose_connection()


def test_F009_nothing_asked(build: Build) -> None:
    built = build()
    client = Client(built).half_close()
    assert client.received == b""
    assert client.finished()
    client.lose_connection()
    assert [(record["outcome"], record["bytes"]) for record in built.access_log_entries] == [("empty", 0)]
    assert built.deps.tracker.counts["finger", "lookup", "empty"] == 1


def test_F010_a_client_that_is_gone_is_not_answered(build: Build) -> None:
    slow = SlowSource()
    built = build(sources=[slow])
    client = Client(built).send(b"alice\r\n")
    client.lose_connection()
    assert built.deps.tracker.in_flight == 0
    slow.answer()
    assert client.received == b""
    assert [record["outcome"] for record in built.access_log_entries] == ["gone"]
    assert ask_again(built, slow) == ALICE_PLAIN


def ask_again(built: Any, slow: SlowSource) -> bytes:
    client = Client(built).send(b"alice\r\n")
    slow.answer()
    return client.finish()


def test_F011_a_client_that_says_nothing(build: Build) -> None:
    built = build(timeout=10.0)
    client = Client(built)
    built.clock.advance(9.9)
    assert client.received == b""
    built.clock.advance(0.2)
    assert client.finish() == TIMEOUT
    assert [record["outcome"] for record in built.access_log_entries] == ["timeout"]


def test_F012_a_byte_now_and_then_does_not_move_the_deadline(build: Build) -> None:
    built = build(timeout=10.0)
    client = Client(built)
    for _ in range(4):
        built.clock.advance(2)
        client.send(b"a")
        assert not client.closed()
    built.clock.advance(2)
    assert client.finish() == TIMEOUT


def test_a_slow_source_is_no_slow_client(build: Build) -> None:
    slow = SlowSource()
    built = build(sources=[slow], timeout=10.0)
    client = Client(built).send(b"alice\r\n")
    built.clock.advance(60)
    slow.answer()
    assert client.finish() == ALICE_PLAIN


@pytest.mark.parametrize("person", ["alice", "frank"])
def test_F013_a_client_that_never_reads_is_cut(build: Build, person: str) -> None:
    built = build(people=[FRANK, {"login": "alice", "name": "Alice Adams"}], timeout=10.0)
    client = Client(built).send(person.encode() + b"\r\n")
    built.clock.advance(9.9)
    assert not client.aborted()
    built.clock.advance(0.2)
    assert client.aborted()
    client.lose_connection()


def test_F013_no_more_than_a_piece_waits_for_a_reader(build: Build) -> None:
    built = build(people=[FRANK])
    client = Client(built, settings=FingerSettings(max_plan_bytes=200_000)).send(b"frank\r\n")
    assert client.received == b""
    client.producer.resumeProducing()
    assert 0 < len(client.received) <= 64 * 1024
    reply = client.finish()
    assert reply.count(b"\r\n") > 1000
    assert reply.endswith(b"000999 " + b"x" * 92 + b"\r\n")
    assert built.access_log_entries[0]["bytes"] == len(reply)


def test_F013_a_reader_who_leaves_half_way(build: Build) -> None:
    client = Client(build(people=[FRANK])).send(b"frank\r\n")
    producer = client.producer
    producer.resumeProducing()
    producer.stopProducing()
    client.lose_connection()
    assert 0 < len(client.received) <= 64 * 1024


def test_a_slow_reader_has_its_time_and_then_a_second_to_close(build: Build) -> None:
    built = build(timeout=10.0)
    client = Client(built).send(b"alice\r\n")
    built.clock.advance(8)
    client.drain()
    built.clock.advance(0.9)
    assert not client.finished()
    built.clock.advance(0.2)
    assert client.finished()
    assert not client.aborted()
    client.lose_connection()


def test_what_comes_behind_the_line_is_dropped_up_to_64_KiB(build: Build) -> None:
    client = Client(build()).send(b"alice\r\n" + b"x" * 1000, b"x" * 64_000)
    assert not client.aborted()
    client.send(b"x" * 1000)
    assert client.aborted()
    client.lose_connection()


def test_over_TLS_there_is_no_half_to_shut(build: Build) -> None:
    assert ssl.supported
    client = Client(build())
    directlyProvides(client.transport, ISSLTransport)
    client.send(b"alice\r\n")
    assert client.finished()
    assert not client.transport.write_side_closed
    client.lose_connection()


# limits


def test_F015_one_connection_too_many_is_told_after_its_line(build: Build) -> None:
    built = build(per_address=10)
    held = [Client(built) for _ in range(10)]
    surplus = Client(built)
    assert surplus.received == b""
    surplus.send(b"alice\r\n")
    assert surplus.finish() == CROWDED
    assert built.access_log_entries[-1]["outcome"] == "limited"
    held.pop().lose_connection()
    assert ask(built, b"alice\r\n") == ALICE_PLAIN
    for each in held:
        each.lose_connection()


def test_F015_one_connection_too_many_is_told_after_a_second(build: Build) -> None:
    built = build(per_address=10)
    held = [Client(built) for _ in range(10)]
    surplus = Client(built)
    built.clock.advance(0.9)
    assert surplus.received == b""
    built.clock.advance(0.2)
    assert surplus.finish() == CROWDED
    assert ask(built, b"alice\r\n", peer="203.0.113.77") == ALICE_PLAIN  # another address
    for each in held:
        each.lose_connection()


def test_F015_far_too_many_are_closed(build: Build) -> None:
    built = build(per_address=10)
    held = [Client(built) for _ in range(12)]
    surplus = Client(built)
    assert surplus.received == b""
    assert surplus.finished()
    surplus.send(b"alice\r\n")
    assert surplus.received == b""
    for each in [*held, surplus]:
        each.lose_connection()
    assert built.deps.admission.open == 0


def test_F016_too_many_queries_are_told_how_long_to_wait(build: Build) -> None:
    built = build(queries_per_minute=2)
    assert [ask(built, b"alice\r\n") for _ in range(2)] == [ALICE_PLAIN] * 2
    assert ask(built, b"alice\r\n") == b"Too many queries, try again in 30 seconds.\r\n"
    assert ask(built, b"alice\r\n", peer="203.0.113.77") == ALICE_PLAIN
    built.clock.advance(29.5)
    assert ask(built, b"alice\r\n") == b"Too many queries, try again in 1 second.\r\n"
    built.clock.advance(1)
    assert ask(built, b"alice\r\n") == ALICE_PLAIN
    assert built.access_log_entries[2]["outcome"] == "limited"


def test_F016_a_64_is_one_asker(build: Build) -> None:
    built = build(queries_per_minute=1)
    assert ask(built, b"alice\r\n", peer="2001:db8::1") == ALICE_PLAIN
    assert ask(built, b"alice\r\n", peer="2001:db8::2").startswith(b"Too many queries")
    assert ask(built, b"alice\r\n", peer="2001:db8:0:1::1") == ALICE_PLAIN


# the stop


def test_a_stop_with_nobody_there_ends_at_once(build: Build) -> None:
    service = FingerService(FingerSettings(), build().deps)
    service.startService()
    assert stop_service(service) == [None]


def test_a_stop_lets_an_answer_out_that_is_written(build: Build) -> None:
    built = build()
    service = FingerService(FingerSettings(), built.deps)
    client = Client(built, factory=service.factory).send(b"alice\r\n")
    ended = stop_service(service)
    assert not client.aborted()
    assert ended == []
    assert client.finish() == ALICE_PLAIN
    assert ended == [None]
    built.clock.advance(5)


def test_a_stop_tells_those_who_have_not_asked_yet(build: Build) -> None:
    built = build()
    service = FingerService(FingerSettings(), built.deps)
    client = Client(built, factory=service.factory)
    ended = stop_service(service)
    built.clock.advance(0.2)
    assert client.finish() == STOPPING
    assert ended == [None]
    assert [record["outcome"] for record in built.access_log_entries] == ["unavailable"]


def test_R038_a_line_on_its_way_at_a_stop_is_answered(build: Build) -> None:
    built = build()
    service = FingerService(FingerSettings(), built.deps)
    client = Client(built, factory=service.factory)
    ended = stop_service(service)
    built.clock.advance(0.1)
    client.send(b"alice\r\n")
    built.clock.advance(0.2)
    assert client.finish() == ALICE_PLAIN
    assert ended == [None]


def test_a_stop_tells_those_who_still_wait(build: Build) -> None:
    slow = SlowSource()
    built = build(sources=[slow])
    service = FingerService(FingerSettings(), built.deps)
    client = Client(built, factory=service.factory).send(b"alice\r\n")
    ended = stop_service(service)
    slow.answer()
    assert client.finish() == STOPPING
    assert ended == [None]
    assert [record["outcome"] for record in built.access_log_entries] == ["gone"]


def test_a_stop_does_not_wait_for_ever(build: Build) -> None:
    built = build()
    service = FingerService(FingerSettings(), built.deps)
    client = Client(built, factory=service.factory).send(b"alice\r\n")
    ended = stop_service(service)
    built.clock.advance(1.6)
    assert client.aborted()
    client.lose_connection()
    assert ended == [None]
