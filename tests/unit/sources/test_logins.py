"""LoginMonitor: periodic reads of the logged-in users, failed reads, and idle times of terminals."""

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


class FakeLogins:
    """A replacement for logged_in_users() that returns *logins* or raises *error*."""

    def __init__(self) -> None:
        self.logins: dict[str, Sequence[Login]] = {}
        self.error: OSError | None = None
        self.reads = 0

    def __call__(self) -> Mapping[str, Sequence[Login]]:
        self.reads += 1
        if self.error is not None:
            raise self.error
        return self.logins


@pytest.fixture
def read_logins() -> FakeLogins:
    return FakeLogins()


def test_logins_are_read_at_each_interval(read_logins: FakeLogins) -> None:
    clock, changed = Clock(), list[str]()
    presence = Presence(changed.append, lambda _: None)
    service = LoginMonitor(presence, timedelta(seconds=5), clock, read_logins)
    assert read_logins.reads == 0
    service.startService()
    assert (read_logins.reads, changed) == (1, [])
    read_logins.logins = {"alice": [HERE]}
    clock.advance(4.9)
    assert presence.logins_of("alice") == ()
    clock.advance(0.1)
    assert presence.logins_of("alice") == (HERE,)
    clock.advance(5)
    assert changed == ["alice"]
    service.stopService()
    clock.advance(60)
    assert read_logins.reads == 3
    assert not clock.getDelayedCalls()


def test_a_failed_read_keeps_the_last_logins(read_logins: FakeLogins) -> None:
    clock = Clock()
    presence = Presence(lambda _: None, lambda _: None)
    service = LoginMonitor(presence, timedelta(seconds=1), clock, read_logins)
    read_logins.logins = {"alice": [HERE]}
    service.startService()
    read_logins.error = OSError("no utmp")
    clock.advance(3)
    assert presence.logins_of("alice") == (HERE,)
    read_logins.error, read_logins.logins = None, {}
    clock.advance(1)
    assert presence.logins_of("alice") == ()


def test_last_use_of_a_terminal() -> None:
    """Whole minutes are enough for finger, and each change is a change of the profile."""
    master, slave = pty.openpty()
    name = Path(f"/proc/self/fd/{slave}").resolve()
    active = logins._last_active(str(name.relative_to("/dev")))
    assert active is not None
    assert active.second == 0
    assert timedelta() <= datetime.now(UTC) - active < timedelta(minutes=2)
    assert logins._last_active("no/such") is None
    assert logins._last_active("") is None
    assert master != slave
