"""What users of the machine can write into utmp, or do to their terminals, ends nothing but their own entry."""

import os
from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import pytest
from twisted.internet.task import Clock

from gateway.directory.person import Login, Visibility
from gateway.directory.presence import Presence
from gateway.directory.privacy import Policy
from gateway.sources import logins
from tests.unit.fixtures import Built, make_dependencies
from tests.unit.web.browser import Browser

E = Visibility.EVERYONE


def user(name: str, **fields: Any) -> Any:
    return SimpleNamespace(
        **({"name": name, "terminal": "", "host": "", "started": 1_700_000_000.0, "pid": 1} | fields)
    )


def logged_in(monkeypatch: pytest.MonkeyPatch, *users: Any) -> dict[str, list[Login]]:
    def told() -> Sequence[Any]:
        return users

    monkeypatch.setattr(psutil, "users", told)
    return logins.logged_in_users()


@pytest.fixture
def terminal() -> Iterator[str]:
    ours, theirs = os.openpty()
    yield os.ttyname(theirs).removeprefix("/dev/")
    os.close(ours)
    os.close(theirs)


def test_a_terminal_of_the_year_33658_does_not_end_the_looking(monkeypatch: pytest.MonkeyPatch, terminal: str) -> None:
    """A terminal is its user's, who may give it any time; devpts keeps them all."""
    os.utime(f"/dev/{terminal}", (999_999_999_999, 0))
    if Path(f"/dev/{terminal}").stat().st_atime < 253_402_300_800:  # a kernel that keeps no such times
        monkeypatch.setattr(logins, "MINUTE", -999_999_999_999)
    clock, on = Clock(), [user("alice", terminal=terminal), user("bob")]
    presence = Presence(lambda _: None, lambda _: None)
    monkeypatch.setattr(psutil, "users", lambda: on)
    looking = logins.LoginMonitor(presence, timedelta(seconds=5), clock, logins.logged_in_users)
    looking.startService()
    assert presence.logins_after("") == ["alice", "bob"]
    assert presence.logins_of("alice")[0].active is None
    del on[1]
    clock.advance(5)
    assert presence.logins_after("") == ["alice"]
    looking.stopService()


@pytest.mark.parametrize("started", [1e18, -1e18, float("inf"), float("nan")])
def test_a_login_at_no_time(monkeypatch: pytest.MonkeyPatch, started: float) -> None:
    assert logged_in(monkeypatch, user("alice", started=started))["alice"][0].since is None


@pytest.mark.parametrize("name", ["../etc/passwd", "/etc/passwd", "pts/../../etc/passwd"])
def test_a_terminal_is_no_way_to_other_files(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    assert logged_in(monkeypatch, user("alice", terminal=name))["alice"][0].active is None


@pytest.fixture
def built(tmp_path: Path) -> Iterator[Built]:
    shown = Policy.preset("open", {"presence": E, "terminal": E, "origin": E})
    made = make_dependencies(tmp_path, policy=shown)
    yield made
    made.stop()


def test_octets_of_a_host_that_are_no_text_break_no_list(monkeypatch: pytest.MonkeyPatch, built: Built) -> None:
    """psutil hands them over as half characters, which JSON cannot hold: the front page failed for everybody."""
    seen = logged_in(
        monkeypatch, user("alice", host="\udcff\udcfe\x1b[31m" + "h" * 250, terminal="\udc80"), user("\udcff")
    )
    built.deps.directory.presence.update("machine", seen)
    browser = Browser(built)
    for path in ("/", "/online", "/users", "/users/alice"):
        for kind in ("application/json", "text/html", "text/plain"):
            answer = browser.request(path, Accept=kind)
            assert answer.code == 200, (path, kind)
            assert b"\x1b" not in answer.body
