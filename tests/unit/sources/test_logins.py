"""Who is logged in here, told to presence: what a look that fails does, and what the real utmp of this machine gives."""

import pty
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from twisted.internet.task import Clock

from gateway.directory.person import Login
from gateway.directory.presence import Presence
from gateway.sources import logins
from gateway.sources.logins import LoginMonitor

HERE = Login(terminal="pts/1")


class Door:
    """What is seen, or why it cannot be."""

    def __init__(self) -> None:
        self.on: dict[str, Sequence[Login]] = {}
        self.broken: OSError | None = None
        self.looks = 0

    def __call__(self) -> Mapping[str, Sequence[Login]]:
        self.looks += 1
        if self.broken is not None:
            raise self.broken
        return self.on


@pytest.fixture
def door() -> Door:
    return Door()


def test_it_looks_every_so_often(door: Door) -> None:
    clock, told = Clock(), list[str]()
    presence = Presence(told.append, lambda _: None)
    service = LoginMonitor(presence, timedelta(seconds=5), clock, door)
    assert door.looks == 0
    service.startService()
    assert (door.looks, told) == (1, [])
    door.on = {"alice": [HERE]}
    clock.advance(4.9)
    assert presence.logins_of("alice") == ()
    clock.advance(0.1)
    assert presence.logins_of("alice") == (HERE,)
    clock.advance(5)
    assert told == ["alice"]
    service.stopService()
    clock.advance(60)
    assert door.looks == 3
    assert not clock.getDelayedCalls()


def test_a_look_that_fails_leaves_what_was_seen(door: Door) -> None:
    clock = Clock()
    presence = Presence(lambda _: None, lambda _: None)
    service = LoginMonitor(presence, timedelta(seconds=1), clock, door)
    door.on = {"alice": [HERE]}
    service.startService()
    door.broken = OSError("no utmp")
    clock.advance(3)
    assert presence.logins_of("alice") == (HERE,)
    door.broken, door.on = None, {}
    clock.advance(1)
    assert presence.logins_of("alice") == ()


def test_when_a_terminal_was_used_last() -> None:
    """In whole minutes: finger tells no more, and each change is a change of the profile."""
    master, slave = pty.openpty()
    name = Path(f"/proc/self/fd/{slave}").resolve()
    active = logins._last_active(str(name.relative_to("/dev")))
    assert active is not None
    assert active.second == 0
    assert timedelta() <= datetime.now(UTC) - active < timedelta(minutes=2)
    assert logins._last_active("no/such") is None
    assert logins._last_active("") is None
    assert master != slave
