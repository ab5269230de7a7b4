"""Every way in which finger says no, and what it never tells."""

from collections.abc import Callable

import pytest

from gateway.finger.protocol import FingerService
from gateway.finger.settings import FingerSettings
from tests.unit.finger.conftest import Build
from tests.unit.finger.wire import Client, FailingSource, UnavailableSource, ask, logged_failures, stop_service
from tests.unit.fixtures import Built


def _timeout(build: Build) -> bytes:
    built = build(timeout=10.0)
    client = Client(built)
    built.clock.advance(10.1)
    return client.finish()


def _crowded(build: Build) -> bytes:
    built = build(per_address=10)
    held, surplus = [Client(built) for _ in range(10)], Client(built)
    said = surplus.send(b"alice\r\n").finish()
    for each in held:
        each.lose_connection()
    return said


def _stopping(build: Build) -> bytes:
    built = build()
    service = FingerService(FingerSettings(), built.deps)
    client = Client(built, factory=service.factory)
    stop_service(service)
    built.clock.advance(0.2)
    return client.finish()


def _too_often(build: Build) -> bytes:
    built = build(queries_per_minute=1)
    ask(built, b"alice\r\n")
    return ask(built, b"alice\r\n")


def _broken(build: Build) -> bytes:
    with logged_failures():
        return ask(build(sources=[FailingSource()]), b"alice\r\n")


REFUSALS: dict[str, tuple[Callable[[Build], bytes], bytes]] = {
    "timeout": (_timeout, b"Input timeout."),
    "crowded": (_crowded, b"Too many connections"),
    "stopping": (_stopping, b"The server is stopping"),
    "too often": (_too_often, b"Too many queries"),
    "broken": (_broken, b"Internal error in server, reference "),
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
def test_F038_every_refusal_is_a_line_of_text(build: Build, refusal: str) -> None:
    refused, words = REFUSALS[refusal]
    said = refused(build)
    assert said.startswith(words)
    assert said.endswith(b"\r\n")
    assert said.count(b"\r\n") == said.count(b"\n") == said.count(b"\r") == 1
    assert b"/" not in said.replace(b"https://dir.test/", b"")


@pytest.mark.parametrize("switch", [b"", b"/W "])
def test_F099_a_plan_that_is_not_shown_leaves_no_heading(build: Build, switch: bytes) -> None:
    built = build(people=[{"login": "ida", "name": "Ida", "plan": "secret tea", "visibility": {"plan": "nobody"}}])
    said = ask(built, switch + b"ida\r\n")
    assert b"Name:       Ida\r\n" in said
    assert b"lan" not in said
    assert b"tea" not in said


def test_F100_the_long_answer_holds_all_of_the_short_one(built: Built) -> None:
    for name in (b"alice", b"bob", b"zofie", b"adams"):
        short, long = ask(built, name + b"\r\n"), ask(built, b"/W " + name + b"\r\n")
        assert set(short.splitlines()) <= set(long.splitlines())
        assert len(long) >= len(short)
