"""Renames: the old login still finds the person, stays reserved, and all data moves along."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from gateway.directory.interfaces import Create, Modify, Remove, Rename
from gateway.directory.person import Visibility
from gateway.directory.privacy import Policy
from gateway.directory.results import EditProblem, Forbidden, Found, History, Invalid, NotFound, Page, Saved
from gateway.directory.service import DirectoryService
from gateway.directory.viewers import Viewer
from gateway.store import database
from tests.unit.directory.doubles import ADMINISTRATOR, MEMBER, STRANGER, as_self
from tests.unit.fixtures import GatewayHarness, make_dependencies, result_of
from tests.unit.store.waiting import wait_for

E, M, N = Visibility.EVERYONE, Visibility.MEMBERS, Visibility.NOBODY
NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
PEOPLE = (
    {"login": "alice", "name": "Alice Adams", "aliases": ["ally", "queen"], "plan": "One"},
    {"login": "bob", "name": "Bob Adams", "aliases": ["bobby"]},
    {"login": "carol", "name": "Carol Hidden", "hidden": True},
)


@pytest.fixture
def built(tmp_path: Path) -> Iterator[GatewayHarness]:
    made = make_dependencies(tmp_path, people=PEOPLE)
    yield made
    made.stop()


def rename(built: GatewayHarness, old: str, new: str, viewer: Viewer = ADMINISTRATOR) -> Any:
    return wait_for(built.deps.directory.edit(old, Rename("", new), viewer))


def find_login(service: DirectoryService, name: str, viewer: Viewer = STRANGER) -> str | None:
    answer = result_of(service.lookup(name, viewer))
    if isinstance(answer, Found):
        return answer.profile.login
    assert answer == NotFound(), answer
    return None


def rows(built: GatewayHarness, sql: str) -> list[tuple[Any, ...]]:
    connection = database.connect(built.database_path, "ro", 1.0)
    try:
        return connection.execute(sql).fetchall()
    finally:
        connection.close()


def test_the_old_login_still_finds_the_person(built: GatewayHarness) -> None:
    service = built.deps.directory
    assert find_login(service, "alice") == "alice"
    assert find_login(service, "alicia") is None
    assert isinstance(rename(built, "alice", "alicia"), Saved)
    for name in ("alicia", "alice", "ALICE", "ally", "Alice Adams"):
        assert find_login(service, name) == "alicia", name
    answer = result_of(service.lookup("alice", STRANGER))
    assert answer.profile.former == ()  # shown to administrators only
    assert result_of(service.lookup("alice", ADMINISTRATOR)).profile.former == ("alice",)
    assert [each.login for each in result_of(service.list_people("", STRANGER, Page())).profiles] == ["alicia", "bob"]
    assert [each.login for each in result_of(service.list_people("alicia", STRANGER, Page())).profiles] == ["alicia"]


def test_rename_back_and_to_an_alias(built: GatewayHarness) -> None:
    service = built.deps.directory
    rename(built, "alice", "alicia")
    assert isinstance(rename(built, "alicia", "alice"), Saved)
    assert find_login(service, "alicia") == find_login(service, "alice") == "alice"
    assert result_of(service.lookup("alice", ADMINISTRATOR)).profile.former == ("alicia",)
    assert isinstance(rename(built, "alice", "ally"), Saved)
    profile = result_of(service.lookup("ally", ADMINISTRATOR)).profile
    assert (profile.login, profile.aliases, profile.former) == ("ally", ("queen",), ("alicia", "alice"))
    for name in ("ally", "alice", "alicia", "queen"):
        assert find_login(service, name) == "ally", name
    assert isinstance(rename(built, "ally", "ally"), Saved)  # no change
    assert result_of(service.lookup("ally", ADMINISTRATOR)).profile.former == ("alicia", "alice")


@pytest.mark.parametrize("taken", ["bob", "bobby", "carol", "zuzana", "zed"])
def test_taken_names_are_refused_with_equal_messages(built: GatewayHarness, taken: str) -> None:
    """The message is the same for a login, an alias, a hidden person, and a reserved former login."""
    built.change(Create("zuzana"), Rename("zuzana", "zed"))
    built.poll_store()
    assert rename(built, "alice", taken) == Invalid((EditProblem("alice", "login", "", f"{taken!r} is already taken"),))
    assert find_login(built.deps.directory, "alice") == "alice"
    outcome = wait_for(built.deps.directory.save([Create(taken)], ADMINISTRATOR))
    assert outcome == Invalid((EditProblem(taken, "login", "", f"{taken!r} is already taken"),))
    outcome = wait_for(built.deps.directory.save([Create("new", {"aliases": (taken,)})], ADMINISTRATOR))
    assert outcome == Invalid((EditProblem("new", "aliases", "", f"{taken!r} is already taken"),))


def test_a_login_removed_from_former_is_free_again(built: GatewayHarness) -> None:
    rename(built, "alice", "alicia")
    wait_for(built.deps.directory.edit("alicia", Modify("", {"former": ()}), ADMINISTRATOR))
    assert find_login(built.deps.directory, "alice") is None
    assert isinstance(wait_for(built.deps.directory.save([Create("alice")], ADMINISTRATOR)), Saved)


def test_who_may_rename(built: GatewayHarness) -> None:
    for viewer, answer in ((STRANGER, Forbidden()), (MEMBER, Forbidden()), (as_self("alice"), Forbidden())):
        assert rename(built, "alice", "alicia", viewer) == answer
    assert rename(built, "nobody", "x") == NotFound()
    assert rename(built, "carol", "x", STRANGER) == rename(built, "nobody", "x", STRANGER) == NotFound()
    assert isinstance(rename(built, "alice", "no login"), Invalid)


def test_data_moves_along_with_a_rename(built: GatewayHarness) -> None:
    service = built.deps.directory
    wait_for(service.edit("alice", Modify("", {"plan": "Two"}), ADMINISTRATOR))
    wait_for(built.store.save_last_seen({"alice": NOW}))
    rename(built, "alice", "alicia")
    history = result_of(service.history("alicia", ADMINISTRATOR))
    assert isinstance(history, History)
    assert [entry.text for entry in history.entries] == ["Two", "One"]
    assert rows(built, "SELECT login FROM seen") == [("alicia",)]
    for table in ("people", "names", "history", "seen"):
        assert rows(built, f"SELECT count(*) FROM {table} WHERE login = 'alice'") == [(0,)], table
    changes = rows(built, "SELECT login, fields FROM changes WHERE login LIKE 'alic%' ORDER BY n")
    assert [(login, bool(fields)) for login, fields in changes] == [
        ("alicia", True), ("alicia", True), ("alice", False), ("alicia", True)
    ]  # fmt: skip
    assert changes[-1] == ("alicia", "former")


def test_R003_caches_of_another_process_drop_both_logins(built: GatewayHarness) -> None:
    service = built.deps.directory
    assert find_login(service, "alice") == "alice"
    assert find_login(service, "alicia") is None
    assert find_login(service, "ally") == "alice"
    built.change(Rename("alice", "alicia"))
    assert find_login(service, "alice") == "alice"  # cached, not polled yet
    built.poll_store()
    assert find_login(service, "alicia") == find_login(service, "alice") == find_login(service, "ally") == "alicia"
    built.change(Rename("alicia", "alice"))
    built.poll_store()
    assert find_login(service, "alicia") == find_login(service, "alice") == "alice"


def test_a_hidden_person_stays_hidden_after_a_rename(built: GatewayHarness) -> None:
    service = built.deps.directory
    rename(built, "carol", "caroline")
    for name in ("carol", "caroline", "Carol Hidden"):
        for viewer in (STRANGER, MEMBER, as_self("bob")):
            assert find_login(service, name, viewer) is None, name
        assert find_login(service, name, ADMINISTRATOR) == "caroline"
        assert find_login(service, name, as_self("caroline")) == "caroline"
    assert result_of(service.history("carol", STRANGER)) == NotFound()


def test_several_renames_are_atomic(built: GatewayHarness) -> None:
    service = built.deps.directory
    outcome = wait_for(
        service.save([Rename("alice", "alicia"), Rename("bob", "alice2"), Remove("nobody")], ADMINISTRATOR)
    )
    assert outcome == NotFound()
    assert (find_login(service, "alice"), find_login(service, "alicia"), find_login(service, "alice2")) == (
        "alice",
        None,
        None,
    )


def test_viewers_who_may_see_no_name_find_no_former_login(tmp_path: Path) -> None:
    made = make_dependencies(tmp_path, people=PEOPLE, policy=Policy.preset("open", None, {"name": M}))
    try:
        rename(made, "alice", "alicia")
        assert find_login(made.deps.directory, "alice") is None
        assert find_login(made.deps.directory, "alice", MEMBER) == "alicia"
    finally:
        made.stop()
