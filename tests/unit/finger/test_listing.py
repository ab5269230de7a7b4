"""The list of people online (RFC 1288 section 2.5.1) at 80 columns, against typed expectations."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.directory.person import Login
from gateway.finger.settings import FingerSettings
from gateway.text.width import width
from tests.unit.finger.conftest import Build
from tests.unit.finger.wire import MEMBER, STRANGER, ask
from tests.unit.fixtures import GatewayHarness

NOW = datetime(2026, 11, 23, 18, 4, 30, tzinfo=UTC)
FIELDS = ("presence", "terminal", "origin", "idle", "last_seen", "office", "office_phone", "title")
ALL = dict.fromkeys(FIELDS, "everyone")
ANN = {
    "login": "ann",
    "name": "Ann Able",
    "title": "Keeper of the kettle",
    "office": "B12",
    "office_phone": "+420 555 0100",
    "plan": "Tea.\n",
    "visibility": ALL,
}
BEN = {"login": "ben", "name": "Ben Able", "visibility": ALL}
CLEO = {"login": "cleo", "name": "Cleo Clay", "visibility": {"presence": "everyone", "idle": "nobody"}}
DAN = {"login": "dan", "name": "Dan Dale"}
EVE = {"login": "eve", "name": "Eve Eden", "hidden": True, "visibility": ALL}
FAY = {"login": "fay", "name": "Fay Finn", "listed": False, "visibility": ALL}
PEOPLE: tuple[dict[str, Any], ...] = (ANN, BEN, CLEO, DAN, EVE, FAY)


def before_now(**delta: int) -> datetime:
    return NOW.replace(second=0) - timedelta(**delta)


ONLINE = {
    "ann": (
        Login("tty1", "", before_now(days=2), before_now(hours=5)),
        Login("pts/0", "tea.example", before_now(hours=8), before_now(minutes=5)),
    ),
    "ben": (Login("pts/1", "192.0.2.9", before_now(hours=1), before_now()),),
    "cleo": (Login("pts/2", "192.0.2.10", before_now(hours=1), before_now(minutes=3)),),
    "dan": (Login("pts/3", "192.0.2.11", before_now(hours=2), before_now(hours=1, minutes=7)),),
    "eve": (Login("pts/4", "192.0.2.12", before_now(hours=2), before_now(minutes=7)),),
    "fay": (Login("pts/5", "192.0.2.13", before_now(hours=2), before_now(minutes=7)),),
    "root": (Login("pts/6", "192.0.2.14", before_now(hours=2), before_now(minutes=7)),),
}


def build_online(build: Build, people: Any = PEOPLE, logins: Mapping[str, Any] = ONLINE) -> GatewayHarness:
    """Return dependencies whose clock shows NOW and where *logins* are online."""
    built = build(people=people)
    built.deps = replace(built.deps, now=lambda: NOW)
    built.deps.directory.presence.update("test", logins)
    return built


def ask_text(built: GatewayHarness, line: bytes = b"", peer: str = STRANGER, **finger: Any) -> str:
    return ask(built, line + b"\r\n", peer=peer, settings=FingerSettings(**finger)).decode().replace("\r\n", "\n")


def test_F092_F093_the_list_of_people_online(build: Build) -> None:
    built = build_online(build)
    assert ask_text(built) == (
        "Login  Name       TTY    Idle  From         Office  Phone          Title\n"
        "ann    Ann Able   pts/0  5m    tea.example  B12     +420 555 0100  Keeper of th…\n"
        "ben    Ben Able   pts/1  0m    192.0.2.9\n"
        "cleo   Cleo Clay\n"
    )
    assert built.access_log_entries[-1]["outcome"] == "listed"


def test_F093_members_see_fields_for_members(build: Build) -> None:
    assert ask_text(build_online(build, people=[CLEO, DAN]), peer=MEMBER) == (
        "Login  Name       Idle\n"
        "cleo   Cleo Clay\n"
        "dan    Dan Dale   1h07m\n"
    )  # fmt: skip


@pytest.mark.parametrize(
    ("columns", "head"),
    [
        ([], "Login  Name"),
        (["idle"], "Login  Name       Idle"),
        (["title", "terminal"], "Login  Name       Title                 TTY"),
        (["office_phone", "office"], "Login  Name       Phone          Office"),
        (["origin", "idle", "origin"], "Login  Name       From         Idle"),
    ],
)
def test_F093_columns_are_configurable(build: Build, columns: list[str], head: str) -> None:
    lines = ask_text(build_online(build), list_columns=columns).splitlines()
    assert lines[0] == head
    assert [line.split()[0] for line in lines[1:]] == ["ann", "ben", "cleo"]


def test_F092_a_full_name_is_never_truncated(build: Build) -> None:
    """A long name gets lines of its own and does not narrow the other columns."""
    long = {"login": "ana", "name": "Ana Maria Magdalena " * 5 + "Able", "title": "Keeper", "visibility": ALL}
    built = build_online(build, [long, ANN], {"ana": ONLINE["ann"], **ONLINE})
    assert ask_text(built, list_columns=["idle", "title"]) == (
        "Login  Name                              Idle  Title\n"
        "ana    Ana Maria Magdalena Ana Maria Magdalena Ana Maria Magdalena Ana Maria\n"
        "       Magdalena Ana Maria Magdalena Able\n"
        "                                         5m    Keeper\n"
        "ann    Ann Able                          5m    Keeper of the kettle\n"
    )
    assert ask_text(built, list_columns=[]) == (
        "Login  Name\n"
        "ana    Ana Maria Magdalena Ana Maria Magdalena Ana Maria Magdalena Ana Maria\n"
        "       Magdalena Ana Maria Magdalena Able\n"
        "ann    Ann Able\n"
    )


def test_F093_long_values_are_truncated_and_last_columns_dropped(build: Build) -> None:
    long = ANN | {"office": "the room behind the kitchen, second door on the left", "title": "茶" * 60}
    lines = ask_text(build_online(build, [long])).splitlines()
    assert lines == [
        "Login  Name      TTY    Idle  From         Office                  Phone",
        "ann    Ann Able  pts/0  5m    tea.example  the room behind the k…  +420 555 0100",
    ]
    lines = ask_text(build_online(build, [long | {"name": "Ann Able of the Kettle"}])).splitlines()
    assert lines == [
        "Login  Name                    TTY    Idle  From         Office",
        "ann    Ann Able of the Kettle  pts/0  5m    tea.example  the room behind the ki…",
    ]
    lines = ask_text(build_online(build, [long]), list_columns=["title"]).splitlines()
    assert lines == ["Login  Name      Title", "ann    Ann Able  " + "茶" * 31 + "…"]
    assert width(lines[1]) == 80


def test_F094_nobody_is_online(build: Build) -> None:
    assert ask_text(build_online(build, logins={})) == "No one is logged on.\n"
    assert ask_text(build_online(build, people=[DAN, EVE, FAY])) == "No one is logged on.\n"


def test_F095_the_list_is_disabled(build: Build) -> None:
    assert ask_text(build_online(build), listing=False) == "Finger online user list denied\n"
    assert ask_text(build_online(build), b"/W", listing=False) == "Finger online user list denied\n"


def test_F041_the_long_list(build: Build) -> None:
    assert ask_text(build_online(build, people=[ANN, CLEO, EVE]), b"/W") == (
        "Login:      ann\n"
        "Name:       Ann Able\n"
        "Title:      Keeper of the kettle\n"
        "Office:     B12, +420 555 0100\n"
        "On since:   2026-11-21 18:04 UTC on tty1, active 2026-11-23 13:04 UTC\n"
        "On since:   2026-11-23 10:04 UTC on pts/0 from tea.example, active 17:59 UTC\n"
        "Web:        https://dir.test/users/ann\n"
        "Changed:    2026-11-20 09:30 UTC\n"
        "\n"
        "Login:      cleo\n"
        "Name:       Cleo Clay\n"
        "On since:   2026-11-23 17:04 UTC\n"
        "Web:        https://dir.test/users/cleo\n"
        "Changed:    2026-11-20 09:30 UTC\n"
    )


@pytest.mark.parametrize("switch", [b"", b"/W"])
def test_F092_a_list_over_the_limit_links_to_the_web(build: Build, switch: bytes) -> None:
    people = [{"login": f"p{n:03}", "name": f"Person {n}", "visibility": ALL} for n in range(51)]
    built = build_online(build, people, {f"p{n:03}": [Login()] for n in range(51)})
    reply = ask_text(built, switch)
    assert reply.count("Person ") == 50
    assert reply.endswith("\n… and more: https://dir.test/online\n")
    assert ask_text(built, switch, empty_query="people").endswith("\n… and more: https://dir.test/users\n")


def test_F093_a_list_of_people_has_the_same_columns(build: Build) -> None:
    assert ask_text(build_online(build, [ANN, BEN], {"ben": ONLINE["ben"]}), empty_query="people") == (
        "Login  Name      TTY    Idle  From       Office  Phone          Title\n"
        "ann    Ann Able                          B12     +420 555 0100  Keeper of the k…\n"
        "ben    Ben Able  pts/1  0m    192.0.2.9\n"
    )


def test_F092_idle_time_grows_between_reports(build: Build) -> None:
    built = build_online(build)
    assert ask_text(built, list_columns=["idle"]).splitlines()[1:3] == ["ann    Ann Able   5m", "ben    Ben Able   0m"]
    built.deps = replace(built.deps, now=lambda: NOW + timedelta(minutes=58))
    assert ask_text(built, list_columns=["idle"]).splitlines()[1:3] == [
        "ann    Ann Able   1h03m",
        "ben    Ben Able   58m",
    ]
    built.deps = replace(built.deps, now=lambda: NOW + timedelta(days=3))
    assert ask_text(built, list_columns=["idle"]).splitlines()[1] == "ann    Ann Able   3d"


# one person


def test_F098_the_login_status(build: Build) -> None:
    built = build_online(build)
    assert ask_text(built, b"ann") == (
        "Login:      ann\n"
        "Name:       Ann Able\n"
        "Title:      Keeper of the kettle\n"
        "Office:     B12, +420 555 0100\n"
        "On since:   2026-11-21 18:04 UTC on tty1, active 2026-11-23 13:04 UTC\n"
        "On since:   2026-11-23 10:04 UTC on pts/0 from tea.example, active 17:59 UTC\n"
        "Web:        https://dir.test/users/ann\n"
        "Changed:    2026-11-20 09:30 UTC\n"
        "\n"
        "Plan:\n"
        "Tea.\n"
    )
    assert "On since:   2026-11-23 17:04 UTC\n" in ask_text(built, b"cleo")
    assert "On" not in ask_text(built, b"dan")
    assert "On since:   2026-11-23 16:04 UTC, active 16:57 UTC\n" in ask_text(built, b"dan", MEMBER)
    assert "pts/5 from 192.0.2.13" in ask_text(built, b"fay")
    assert ask_text(built, b"eve") == "eve: no such user.\n"
    assert ask_text(built, b"root") == "root: no such user.\n"


def test_F098_the_login_status_follows_the_reports(build: Build) -> None:
    built = build_online(build, [BEN | {"visibility": ALL}], {})
    assert "On" not in ask_text(built, b"ben")
    built.deps.directory.presence.update("test", {"ben": [Login()]})
    assert "On:         now\n" in ask_text(built, b"ben")
    built.deps.directory.presence.update("test", {"ben": [Login("pts/7", "", None, before_now(minutes=2))]})
    assert "On:         now on pts/7, active 2026-11-23 18:02 UTC\n" in ask_text(built, b"ben")
    built.deps.directory._now = lambda: NOW
    built.deps.directory.presence.update("test", {})
    assert "Last seen:  2026-11-23 18:04 UTC\n" in ask_text(built, b"ben")
    assert "On:" not in ask_text(built, b"ben")


def test_F098_last_seen_only_where_visible(build: Build) -> None:
    built = build_online(build, [ANN, DAN])
    built.deps.directory.presence.update("test", {})
    assert "Last seen:  " in ask_text(built, b"ann")
    assert "Last seen" not in ask_text(built, b"dan") + ask_text(built, b"dan", MEMBER)


def test_F098_further_logins_are_counted(build: Build) -> None:
    reply = ask_text(
        build_online(build, [ANN], {"ann": [Login(f"pts/{n}", "", before_now(hours=n)) for n in range(9)]}), b"ann"
    )
    assert reply.count("On since:") == 4
    assert "\nOn:         and 5 more\n" in reply


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    levels=st.fixed_dictionaries({field: st.sampled_from(["everyone", "members", "nobody"]) for field in FIELDS}),
    peer=st.sampled_from([STRANGER, MEMBER]),
    empty_query=st.sampled_from(["online", "people"]),
    here=st.booleans(),
)
def test_F097_a_list_reveals_no_more_than_the_profile(
    build: Build, levels: dict[str, str], peer: str, empty_query: str, here: bool
) -> None:
    built = build_online(build, [ANN | {"visibility": levels}], {"ann": [ONLINE["ann"][1]]} if here else {})
    profile = ask_text(built, b"ann", peer)
    words = {"5m": "active 17:59 UTC"}  # idle 5m in the list is "active" in the profile
    for line in ask_text(built, b"", peer, empty_query=empty_query).splitlines()[1:]:
        for cell in line.split("  "):
            assert words.get(cell.strip(), cell.strip().rstrip("…")) in profile
    for line in ask_text(built, b"/W", peer, empty_query=empty_query).splitlines():
        assert line in profile or line == "No one is logged on."
