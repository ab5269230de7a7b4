"""Another login for somebody: the old one still finds them, is nobody else's, and everything else moves along."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from gateway.directory.answers import EditProblem, Forbidden, Found, History, Invalid, NotFound, Page, Saved
from gateway.directory.interfaces import Create, Modify, Remove, Rename
from gateway.directory.person import Visibility
from gateway.directory.privacy import Policy
from gateway.directory.service import DirectoryService
from gateway.directory.viewers import Viewer
from gateway.store import database
from tests.unit.directory.doubles import ADMINISTRATOR, MEMBER, STRANGER, as_self
from tests.unit.fixtures import Built, make_dependencies, result_of
from tests.unit.store.waiting import wait_for

E, M, N = Visibility.EVERYONE, Visibility.MEMBERS, Visibility.NOBODY
NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
PEOPLE = (
    {"login": "alice", "name": "Alice Adams", "aliases": ["ally", "queen"], "plan": "One"},
    {"login": "bob", "name": "Bob Adams", "aliases": ["bobby"]},
    {"login": "carol", "name": "Carol Hidden", "hidden": True},
)


@pytest.fixture
def built(tmp_path: Path) -> Iterator[Built]:
    made = make_dependencies(tmp_path, people=PEOPLE)
    yield made
    made.stop()


def rename(built: Built, old: str, new: str, viewer: Viewer = ADMINISTRATOR) -> Any:
    return wait_for(built.deps.directory.edit(old, Rename("", new), viewer))


def look(service: DirectoryService, name: str, viewer: Viewer = STRANGER) -> str | None:
    answer = result_of(service.lookup(name, viewer))
    if isinstance(answer, Found):
        return answer.profile.login
    assert answer == NotFound(), answer
    return None


def rows(built: Built, sql: str) -> list[tuple[Any, ...]]:
    connection = database.connect(built.path, "ro", 1.0)
    try:
        return connection.execute(sql).fetchall()
    finally:
        connection.close()


def test_the_old_login_finds_the_person(built: Built) -> None:
    service = built.deps.directory
    assert look(service, "alice") == "alice"
    assert look(service, "alicia") is None
    assert isinstance(rename(built, "alice", "alicia"), Saved)
    for name in ("alicia", "alice", "ALICE", "ally", "Alice Adams"):
        assert look(service, name) == "alicia", name
    answer = result_of(service.lookup("alice", STRANGER))
    assert answer.profile.former == ()  # shown to administrators only
    assert result_of(service.lookup("alice", ADMINISTRATOR)).profile.former == ("alice",)
    assert [each.login for each in result_of(service.list_people("", STRANGER, Page())).profiles] == ["alicia", "bob"]
    assert [each.login for each in result_of(service.list_people("alicia", STRANGER, Page())).profiles] == ["alicia"]


def test_back_to_the_old_name_and_onto_an_alias(built: Built) -> None:
    service = built.deps.directory
    rename(built, "alice", "alicia")
    assert isinstance(rename(built, "alicia", "alice"), Saved)
    assert look(service, "alicia") == look(service, "alice") == "alice"
    assert result_of(service.lookup("alice", ADMINISTRATOR)).profile.former == ("alicia",)
    assert isinstance(rename(built, "alice", "ally"), Saved)
    profile = result_of(service.lookup("ally", ADMINISTRATOR)).profile
    assert (profile.login, profile.aliases, profile.former) == ("ally", ("queen",), ("alicia", "alice"))
    for name in ("ally", "alice", "alicia", "queen"):
        assert look(service, name) == "ally", name
    assert isinstance(rename(built, "ally", "ally"), Saved)  # nothing to do
    assert result_of(service.lookup("ally", ADMINISTRATOR)).profile.former == ("alicia", "alice")


@pytest.mark.parametrize("taken", ["bob", "bobby", "carol", "zuzana", "zed"])
def test_names_that_cannot_be_had_are_refused_in_equal_words(built: Built, taken: str) -> None:
    """Whether it is a login, an alias, of one who is hidden, or kept for one who had it once."""
    built.change(Create("zuzana"), Rename("zuzana", "zed"))
    built.poll_store()
    assert rename(built, "alice", taken) == Invalid((EditProblem("alice", "login", "", f"{taken!r} is already taken"),))
    assert look(built.deps.directory, "alice") == "alice"
    outcome = wait_for(built.deps.directory.save([Create(taken)], ADMINISTRATOR))
    assert outcome == Invalid((EditProblem(taken, "login", "", f"{taken!r} is already taken"),))
    outcome = wait_for(built.deps.directory.save([Create("new", {"aliases": (taken,)})], ADMINISTRATOR))
    assert outcome == Invalid((EditProblem("new", "aliases", "", f"{taken!r} is already taken"),))


def test_an_old_login_is_free_again_when_it_is_taken_out_of_former(built: Built) -> None:
    rename(built, "alice", "alicia")
    wait_for(built.deps.directory.edit("alicia", Modify("", {"former": ()}), ADMINISTRATOR))
    assert look(built.deps.directory, "alice") is None
    assert isinstance(wait_for(built.deps.directory.save([Create("alice")], ADMINISTRATOR)), Saved)


def test_who_may_rename(built: Built) -> None:
    for viewer, answer in ((STRANGER, Forbidden()), (MEMBER, Forbidden()), (as_self("alice"), Forbidden())):
        assert rename(built, "alice", "alicia", viewer) == answer
    assert rename(built, "nobody", "x") == NotFound()
    assert rename(built, "carol", "x", STRANGER) == rename(built, "nobody", "x", STRANGER) == NotFound()
    assert isinstance(rename(built, "alice", "no login"), Invalid)


def test_what_belongs_to_the_person_moves_along(built: Built) -> None:
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
    told = rows(built, "SELECT login, fields FROM changes WHERE login LIKE 'alic%' ORDER BY n")
    assert [(login, bool(fields)) for login, fields in told] == [
        ("alicia", True), ("alicia", True), ("alice", False), ("alicia", True)
    ]  # fmt: skip
    assert told[-1] == ("alicia", "former")


def test_R003_the_caches_of_another_process_drop_both(built: Built) -> None:
    service = built.deps.directory
    assert look(service, "alice") == "alice"
    assert look(service, "alicia") is None
    assert look(service, "ally") == "alice"
    built.change(Rename("alice", "alicia"))
    assert look(service, "alice") == "alice"  # cached: not seen yet
    built.poll_store()
    assert look(service, "alicia") == look(service, "alice") == look(service, "ally") == "alicia"
    built.change(Rename("alicia", "alice"))
    built.poll_store()
    assert look(service, "alicia") == look(service, "alice") == "alice"


def test_one_who_is_hidden_stays_unknown(built: Built) -> None:
    service = built.deps.directory
    rename(built, "carol", "caroline")
    for name in ("carol", "caroline", "Carol Hidden"):
        for viewer in (STRANGER, MEMBER, as_self("bob")):
            assert look(service, name, viewer) is None, name
        assert look(service, name, ADMINISTRATOR) == "caroline"
        assert look(service, name, as_self("caroline")) == "caroline"
    assert result_of(service.history("carol", STRANGER)) == NotFound()


def test_renamed_and_edited_at_once_or_not_at_all(built: Built) -> None:
    service = built.deps.directory
    outcome = wait_for(
        service.save([Rename("alice", "alicia"), Rename("bob", "alice2"), Remove("nobody")], ADMINISTRATOR)
    )
    assert outcome == NotFound()
    assert (look(service, "alice"), look(service, "alicia"), look(service, "alice2")) == ("alice", None, None)


def test_where_no_name_is_for_the_asker_an_old_one_is_not(tmp_path: Path) -> None:
    made = make_dependencies(tmp_path, people=PEOPLE, policy=Policy.preset("open", None, {"name": M}))
    try:
        rename(made, "alice", "alicia")
        assert look(made.deps.directory, "alice") is None
        assert look(made.deps.directory, "alice", MEMBER) == "alicia"
    finally:
        made.stop()
