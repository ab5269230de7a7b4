"""Every refusal of the finger server, and what no answer reveals."""

from collections.abc import Callable

import pytest

from gateway.finger.protocol import FingerService
from gateway.finger.settings import FingerSettings
from tests.unit.finger.conftest import Build
from tests.unit.finger.wire import Client, FailingSource, UnavailableSource, ask, logged_failures, stop_service
from tests.unit.fixtures import GatewayHarness


def _timeout(build: Build) -> bytes:
    built = build(timeout=10.0)
    client = Client(built)
    built.clock.advance(10.1)
    return client.read_reply()


def _too_many_connections(build: Build) -> bytes:
    built = build(per_address=10)
    others, client = [Client(built) for _ in range(10)], Client(built)
    reply = client.send(b"alice\r\n").read_reply()
    for each in others:
        each.lose_connection()
    return reply


def _stopping(build: Build) -> bytes:
    built = build()
    service = FingerService(FingerSettings(), built.deps)
    client = Client(built, factory=service.factory)
    stop_service(service)
    built.clock.advance(0.2)
    return client.read_reply()


def _too_many_queries(build: Build) -> bytes:
    built = build(queries_per_minute=1)
    ask(built, b"alice\r\n")
    return ask(built, b"alice\r\n")


def _internal_error(build: Build) -> bytes:
    with logged_failures():
        return ask(build(sources=[FailingSource()]), b"alice\r\n")


REFUSALS: dict[str, tuple[Callable[[Build], bytes], bytes]] = {
    "timeout": (_timeout, b"Input timeout."),
    "crowded": (_too_many_connections, b"Too many connections"),
    "stopping": (_stopping, b"The server is stopping"),
    "too often": (_too_many_queries, b"Too many queries"),
    "broken": (_internal_error, b"Internal error in server, reference "),
    "too long": (lambda build: ask(build(), b"a" * 600 + b"\r\n"), b"Query too long."),
    "nobody": (lambda build: ask(build(), b"nobody\r\n"), b"nobody: no such user."),
    "elsewhere": (lambda build: ask(build(), b"bob@other.test\r\n"), b"Finger forwarding service denied"),
    "no list": (
        lambda build: ask(build(), b"\r\n", settings=FingerSettings(listing=False)), b"Finger online user list denied",
    ),
    "nobody on": (lambda build: ask(build(), b"\r\n"), b"No one is logged on."),
    "ambiguous": (
        lambda build: ask(build(), b"adams\r\n", settings=FingerSettings(ambiguous="deny")), b"adams: more than one person",
    ),
    "down": (lambda build: ask(build(sources=[UnavailableSource()]), b"alice\r\n"), b"The directory is unavailable"),
    "browser": (lambda build: ask(build(), b"GET / HTTP/1.0\r\n\r\n"), b"This is a finger server; web: "),
}  # fmt: skip


@pytest.mark.parametrize("refusal", REFUSALS)
def test_F038_every_refusal_is_one_line_of_text(build: Build, refusal: str) -> None:
    refuse, start = REFUSALS[refusal]
    reply = refuse(build)
    assert reply.startswith(start)
    assert reply.endswith(b"\r\n")
    assert reply.count(b"\r\n") == reply.count(b"\n") == reply.count(b"\r") == 1
    assert b"/" not in reply.replace(b"https://dir.test/", b"")


@pytest.mark.parametrize("switch", [b"", b"/W "])
def test_F099_a_hidden_plan_leaves_no_heading(build: Build, switch: bytes) -> None:
    built = build(people=[{"login": "ida", "name": "Ida", "plan": "secret tea", "visibility": {"plan": "nobody"}}])
    reply = ask(built, switch + b"ida\r\n")
    assert b"Name:       Ida\r\n" in reply
    assert b"lan" not in reply
    assert b"tea" not in reply


def test_F100_the_long_answer_contains_the_short_one(built: GatewayHarness) -> None:
    for name in (b"alice", b"bob", b"zofie", b"adams"):
        short, long = ask(built, name + b"\r\n"), ask(built, b"/W " + name + b"\r\n")
        assert set(short.splitlines()) <= set(long.splitlines())
        assert len(long) >= len(short)
