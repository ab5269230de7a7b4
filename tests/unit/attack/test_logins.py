"""Users of the machine can write odd entries to utmp and change their terminals; only their own entry is lost."""

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
from tests.unit.fixtures import GatewayHarness, make_dependencies
from tests.unit.web.browser import Browser

E = Visibility.EVERYONE


def user(name: str, **fields: Any) -> Any:
    return SimpleNamespace(
        **({"name": name, "terminal": "", "host": "", "started": 1_700_000_000.0, "pid": 1} | fields)
    )


def read_logins(monkeypatch: pytest.MonkeyPatch, *users: Any) -> dict[str, list[Login]]:
    def fake_users() -> Sequence[Any]:
        return users

    monkeypatch.setattr(psutil, "users", fake_users)
    return logins.logged_in_users()


@pytest.fixture
def terminal() -> Iterator[str]:
    ours, theirs = os.openpty()
    yield os.ttyname(theirs).removeprefix("/dev/")
    os.close(ours)
    os.close(theirs)


def test_a_terminal_time_in_the_year_33658_does_not_stop_the_login_monitor(
    monkeypatch: pytest.MonkeyPatch, terminal: str
) -> None:
    """The user owns the terminal device and may set any time on it; devpts stores it."""
    os.utime(f"/dev/{terminal}", (999_999_999_999, 0))
    if Path(f"/dev/{terminal}").stat().st_atime < 253_402_300_800:  # a kernel that does not store such times
        monkeypatch.setattr(logins, "MINUTE", -999_999_999_999)
    clock, users = Clock(), [user("alice", terminal=terminal), user("bob")]
    presence = Presence(lambda _: None, lambda _: None)
    monkeypatch.setattr(psutil, "users", lambda: users)
    monitor = logins.LoginMonitor(presence, timedelta(seconds=5), clock, logins.logged_in_users)
    monitor.startService()
    assert presence.logins_after("") == ["alice", "bob"]
    assert presence.logins_of("alice")[0].active is None
    del users[1]
    clock.advance(5)
    assert presence.logins_after("") == ["alice"]
    monitor.stopService()


@pytest.mark.parametrize("started", [1e18, -1e18, float("inf"), float("nan")])
def test_an_impossible_login_time_is_ignored(monkeypatch: pytest.MonkeyPatch, started: float) -> None:
    assert read_logins(monkeypatch, user("alice", started=started))["alice"][0].since is None


@pytest.mark.parametrize("name", ["../etc/passwd", "/etc/passwd", "pts/../../etc/passwd"])
def test_a_terminal_name_cannot_reach_other_files(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    assert read_logins(monkeypatch, user("alice", terminal=name))["alice"][0].active is None


@pytest.fixture
def built(tmp_path: Path) -> Iterator[GatewayHarness]:
    policy = Policy.preset("open", {"presence": E, "terminal": E, "origin": E})
    made = make_dependencies(tmp_path, policy=policy)
    yield made
    made.stop()


def test_undecodable_host_names_do_not_break_lists(monkeypatch: pytest.MonkeyPatch, built: GatewayHarness) -> None:
    """psutil returns them as lone surrogates, which JSON cannot encode: the front page would fail for everybody."""
    logged_in = read_logins(
        monkeypatch, user("alice", host="\udcff\udcfe\x1b[31m" + "h" * 250, terminal="\udc80"), user("\udcff")
    )
    built.deps.directory.presence.update("machine", logged_in)
    browser = Browser(built)
    for path in ("/", "/online", "/users", "/users/alice"):
        for kind in ("application/json", "text/html", "text/plain"):
            answer = browser.request(path, Accept=kind)
            assert answer.code == 200, (path, kind)
            assert b"\x1b" not in answer.body
