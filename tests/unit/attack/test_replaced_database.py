"""The database file is replaced under a running gateway, as when a backup is restored by hand."""

import os
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred
from twisted.logger import capturedLogs

from gateway.directory.interfaces import Modify, Remove
from gateway.directory.results import Found, NotFound, Saved
from gateway.store import database
from tests.unit.directory.doubles import ADMINISTRATOR, STRANGER
from tests.unit.fixtures import ALICE, BOB, GatewayHarness, make_create_edit, make_dependencies, result_of, write_edits


def replace_database(built: GatewayHarness, folder: Path, people: list[Any]) -> None:
    backup = folder / "backup.db"
    database.create(backup)
    write_edits(backup, [make_create_edit(each) for each in people])
    for suffix in ("-wal", "-shm"):
        Path(f"{built.database_path}{suffix}").unlink(missing_ok=True)
        Path(f"{backup}{suffix}").unlink(missing_ok=True)
    backup.replace(built.database_path)


def is_found(built: GatewayHarness, name: str) -> bool:
    answer = result_of(built.deps.directory.lookup(name, STRANGER))
    assert answer == NotFound() or isinstance(answer, Found)
    return isinstance(answer, Found)


def test_a_replaced_database_is_read_at_once_and_followed(tmp_path: Path) -> None:
    """R003: people hidden or missing in the new file are hidden or missing at once; later changes to it are followed."""
    built = make_dependencies(tmp_path, people=[ALICE, BOB])
    assert is_found(built, "alice")
    assert is_found(built, "bob")
    replace_database(
        built, tmp_path, [{**ALICE, "hidden": True}, {"login": "dora"}, {"login": "emil"}, {"login": "fay"}]
    )
    with capturedLogs() as logged:
        built.poll_store()
        built.poll_store()
    assert len(logged) == 1
    assert not is_found(built, "alice")
    assert not is_found(built, "bob")
    assert is_found(built, "dora")
    built.change(Remove("dora"), Modify("alice", {}, {"name": None}))
    built.poll_store()
    assert not is_found(built, "dora")
    assert is_found(built, "alice")
    built.stop()


def test_a_missing_or_unusable_database_is_logged_once(tmp_path: Path) -> None:
    built = make_dependencies(tmp_path, people=[BOB])
    assert is_found(built, "bob")
    moved = tmp_path / "away.db"
    built.database_path.rename(moved)
    with capturedLogs() as logged:
        for _ in range(5):
            built.poll_store()
        built.database_path.write_bytes(b"half a copy")
        for _ in range(5):
            built.poll_store()
    assert len(logged) == 2
    assert is_found(built, "bob")
    moved.replace(built.database_path)
    built.change(Remove("bob"))
    built.poll_store()
    assert not is_found(built, "bob")
    built.stop()


def test_edits_of_the_gateway_go_to_the_replaced_database(tmp_path: Path) -> None:
    built = make_dependencies(tmp_path, people=[ALICE, BOB])
    write_edits(built.database_path, [Modify("bob", {"title": "before"})])
    replace_database(built, tmp_path, [BOB])
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
