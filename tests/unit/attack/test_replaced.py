"""A database that is exchanged under a running gateway, as when somebody puts a backup back."""

import os
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred
from twisted.logger import capturedLogs

from gateway.directory.answers import Found, NotFound, Saved
from gateway.directory.interfaces import Modify, Remove
from gateway.store import database
from tests.unit.directory.doubles import ADMINISTRATOR, STRANGER
from tests.unit.fixtures import ALICE, BOB, Built, make_create_edit, make_dependencies, result_of, write_edits


def put_back(built: Built, folder: Path, people: list[Any]) -> None:
    other = folder / "backup.db"
    database.create(other)
    write_edits(other, [make_create_edit(each) for each in people])
    for side in ("-wal", "-shm"):
        Path(f"{built.path}{side}").unlink(missing_ok=True)
        Path(f"{other}{side}").unlink(missing_ok=True)
    other.replace(built.path)


def known(built: Built, name: str) -> bool:
    answer = result_of(built.deps.directory.lookup(name, STRANGER))
    assert answer == NotFound() or isinstance(answer, Found)
    return isinstance(answer, Found)


def test_a_database_put_back_is_read_at_once_and_followed(tmp_path: Path) -> None:
    """R003: whoever is hidden or gone in it is hidden and gone, and what commands change in it is seen."""
    built = make_dependencies(tmp_path, people=[ALICE, BOB])
    assert known(built, "alice")
    assert known(built, "bob")
    put_back(built, tmp_path, [{**ALICE, "hidden": True}, {"login": "dora"}, {"login": "emil"}, {"login": "fay"}])
    with capturedLogs() as logged:
        built.poll_store()
        built.poll_store()
    assert len(logged) == 1
    assert not known(built, "alice")
    assert not known(built, "bob")
    assert known(built, "dora")
    built.change(Remove("dora"), Modify("alice", {}, {"name": None}))
    built.poll_store()
    assert not known(built, "dora")
    assert known(built, "alice")
    built.stop()


def test_a_database_that_is_away_or_useless_for_a_while_is_told_once(tmp_path: Path) -> None:
    built = make_dependencies(tmp_path, people=[BOB])
    assert known(built, "bob")
    away = tmp_path / "away.db"
    built.path.rename(away)
    with capturedLogs() as logged:
        for _ in range(5):
            built.poll_store()
        built.path.write_bytes(b"half a copy")
        for _ in range(5):
            built.poll_store()
    assert len(logged) == 2
    assert known(built, "bob")
    away.replace(built.path)
    built.change(Remove("bob"))
    built.poll_store()
    assert not known(built, "bob")
    built.stop()


def test_edits_of_the_gateway_go_to_the_database_that_is_there(tmp_path: Path) -> None:
    built = make_dependencies(tmp_path, people=[ALICE, BOB])
    write_edits(built.path, [Modify("bob", {"title": "before"})])
    put_back(built, tmp_path, [BOB])
    built.poll_store()
    outcomes: list[object] = []
    saving = built.deps.directory.edit("bob", Modify("bob", {"title": "after"}), ADMINISTRATOR)
    Deferred.fromCoroutine(saving).addBoth(outcomes.append)
    built.store.writer.thread.stop(lambda: None)
    while not outcomes:
        os.sched_yield()
    assert isinstance(outcomes[0], Saved)
    answer = result_of(built.deps.directory.lookup("bob", STRANGER))
    assert isinstance(answer, Found)
    assert answer.profile.title == "after"
    built.stop()
