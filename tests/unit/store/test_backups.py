"""Backups of a database in use, and restores over a database in any state."""

import os
import sqlite3
import stat
from collections.abc import Callable
from contextlib import closing, suppress
from datetime import UTC, datetime
from pathlib import Path
from threading import Thread

import pytest

from gateway.directory.interfaces import Create, Modify, Remove, StoreReplaced
from gateway.directory.results import Found
from gateway.store import backups, database, file_watcher, sqlite_reader, sqlite_store
from gateway.store.database import UnusableDatabase
from gateway.store.edit_transactions import EditTransactions
from tests.unit.directory.doubles import STRANGER
from tests.unit.fixtures import ALICE, BOB, ReactorClock, make_create_edit, make_dependencies, result_of, write_edits
from tests.unit.store.waiting import wait_for


@pytest.fixture
def people(tmp_path: Path) -> Path:
    path = tmp_path / "people.db"
    database.create(path)
    write_edits(path, [make_create_edit(ALICE), make_create_edit(BOB)])
    return path


def logins(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as connection:
        return [login for (login,) in connection.execute("SELECT login FROM people ORDER BY login")]


def restore(backup: Path, path: Path) -> tuple[int, Path | None]:
    with backups.open_backup(backup) as opened:
        return backups.restore(opened, backup, path)


def names(folder: Path) -> list[str]:
    return sorted(each.name for each in folder.iterdir())


def refusal_of(action: Callable[[], object]) -> str:
    with pytest.raises(UnusableDatabase) as error:
        action()
    return str(error.value)


# backup


def test_a_backup_of_a_database_in_use_is_consistent(people: Path, tmp_path: Path) -> None:
    target = tmp_path / "kept" / "monday.db"
    target.parent.mkdir()
    with closing(database.connect(people, "rw", 1.0)) as writing:
        writing.execute("UPDATE people SET login = 'ally' WHERE login = 'alice'")
        writing.execute("BEGIN IMMEDIATE")
        writing.execute("DELETE FROM people")
        assert backups.backup(people, target) == 2
        writing.execute("ROLLBACK")
    assert logins(target) == ["ally", "bob"]
    assert names(target.parent) == ["monday.db"]
    assert stat.S_IMODE(target.stat().st_mode) == 0o600


def test_a_backup_contains_nothing_of_removed_people(people: Path, tmp_path: Path) -> None:
    write_edits(people, [Create("carol", {"plan": "a unique word: wombat"})])
    write_edits(people, [Remove("carol")])
    backups.backup(people, tmp_path / "b.db")
    assert b"wombat" not in (tmp_path / "b.db").read_bytes()


def test_an_existing_file_is_overwritten_only_with_force(people: Path, tmp_path: Path) -> None:
    target = tmp_path / "b.db"
    target.write_text("another")
    assert refusal_of(lambda: backups.backup(people, target)) == f"{target} already exists (use --force to overwrite)"
    assert target.read_text() == "another"
    backups.backup(people, target, replace=True)
    assert logins(target) == ["alice", "bob"]
    assert stat.S_IMODE(target.stat().st_mode) == 0o600


def test_invalid_backup_targets(people: Path, tmp_path: Path) -> None:
    (tmp_path / "link.db").symlink_to(people)
    for target, reason in (
        (people, "is the database itself; name another file"),
        (tmp_path / "link.db", "is the database itself; name another file"),
        (tmp_path, "is a folder; name a file in it"),
        (tmp_path / "no" / "b.db", "cannot be written: No such file or directory"),
    ):
        assert refusal_of(lambda target=target: backups.backup(people, target, True)) == f"{target}: {reason}"  # type: ignore[misc]
    assert names(tmp_path) == ["link.db", "people.db"]


def test_R008_no_backup_of_a_damaged_database(people: Path, tmp_path: Path) -> None:
    damage(people)
    before = names(tmp_path)
    message = refusal_of(lambda: backups.backup(people, tmp_path / "b.db"))
    assert message == f"{people}: is damaged; `finger-gateway restore FILE` puts a backup in its place"
    assert names(tmp_path) == before


def damage(path: Path) -> None:
    """Overwrite the first page of the people table."""
    with closing(database.connect(path, "rw", 1.0)) as connection:
        page = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'people'").fetchone()[0]
        size = connection.execute("PRAGMA page_size").fetchone()[0]
    with path.open("r+b") as file:
        file.seek((page - 1) * size)
        file.write(b"\xa5" * 4096)


# restore


def test_R008_restore_over_a_database_in_any_state(people: Path, tmp_path: Path) -> None:
    backup, kept = tmp_path / "b.db", tmp_path / "people.db.before-restore"
    backups.backup(people, backup)
    people.chmod(0o640)
    write_edits(people, [Remove("bob"), make_create_edit({"login": "carol"})])
    assert restore(backup, people) == (2, kept)
    assert logins(people) == ["alice", "bob"]
    assert logins(kept) == ["alice", "carol"]
    assert stat.S_IMODE(people.stat().st_mode) == 0o640
    database.inspect(people)

    damage(people)
    damaged = people.read_bytes()
    assert restore(backup, people) == (2, tmp_path / "people.db.before-restore-2")
    assert (tmp_path / "people.db.before-restore-2").read_bytes() == damaged

    people.write_bytes(b"")
    assert restore(backup, people) == (2, tmp_path / "people.db.before-restore-3")
    people.unlink()
    Path(f"{people}-wal").write_bytes(b"of a removed database")
    assert restore(backup, people) == (2, None)
    assert logins(people) == ["alice", "bob"]
    assert [name for name in names(tmp_path) if "before-restore" not in name] == ["b.db", "people.db"]


def test_the_wal_is_merged_into_the_saved_old_database(people: Path, tmp_path: Path) -> None:
    backup = tmp_path / "b.db"
    backups.backup(people, backup)
    with closing(database.connect(people, "ro", 1.0)) as reading:  # keeps the WAL file from being checkpointed
        reading.execute("SELECT count(*) FROM people").fetchone()
        write_edits(people, [make_create_edit({"login": "carol"})])
        assert Path(f"{people}-wal").stat().st_size
        _, kept = restore(backup, people)
        assert kept is not None
        assert not Path(f"{people}-wal").exists()
    Path(f"{kept}-wal").unlink(missing_ok=True)
    assert logins(kept) == ["alice", "bob", "carol"]
    assert logins(people) == ["alice", "bob"]


def test_the_wal_of_a_damaged_database_is_saved_beside_it(people: Path, tmp_path: Path) -> None:
    backups.backup(people, tmp_path / "b.db")
    people.write_bytes(b"x" * 8192)
    Path(f"{people}-wal").write_bytes(b"y" * 5000)
    _, kept = restore(tmp_path / "b.db", people)
    assert kept is not None
    assert (kept.read_bytes(), Path(f"{kept}-wal").read_bytes()) == (b"x" * 8192, b"y" * 5000)
    assert logins(people) == ["alice", "bob"]


def test_a_restored_database_is_in_wal_mode(people: Path, tmp_path: Path) -> None:
    backups.backup(people, tmp_path / "b.db")
    restore(tmp_path / "b.db", people)
    with closing(sqlite3.connect(people)) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_a_copied_database_with_its_wal_can_be_restored(people: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    copied = tmp_path / "elsewhere" / "people.db"
    with closing(database.connect(people, "ro", 1.0)) as reading:
        reading.execute("SELECT count(*) FROM people").fetchone()
        write_edits(people, [make_create_edit({"login": "carol"})])
        for suffix in ("", "-wal"):
            Path(f"{copied}{suffix}").write_bytes(Path(f"{people}{suffix}").read_bytes())
    write_edits(people, [Remove("carol")])
    copied.parent.chmod(0o555)
    assert restore(copied, people)[0] == 3
    assert logins(people) == ["alice", "bob", "carol"]


def test_an_invalid_backup_changes_nothing(people: Path, tmp_path: Path) -> None:
    text, newer, empty, half, other = (tmp_path / name for name in ("text", "newer", "empty", "half", "other"))
    text.write_text("login,name\n" * 100)
    empty.touch()
    for path in (newer, half):
        backups.backup(people, path)
    with closing(sqlite3.connect(newer)) as connection:
        connection.execute("PRAGMA user_version = 99")
    half.write_bytes(half.read_bytes()[: half.stat().st_size // 2])
    with closing(sqlite3.connect(other)) as connection:
        connection.execute("CREATE TABLE recipes (x)")
        connection.execute("PRAGMA user_version = 1")
    bad = tmp_path / "bad"
    backups.backup(people, bad)
    with closing(sqlite3.connect(bad)) as connection:
        connection.execute("UPDATE people SET document = x'00' WHERE login = 'bob'")
        connection.commit()
    before = people.read_bytes(), names(tmp_path)
    for path, reason in (
        (text, "is not a backup file, or is damaged"),
        (newer, "has tables of version 99, from a newer finger-gateway; "),
        (empty, "is another program's database; "),
        (half, "is damaged"),
        (other, "is another program's database; "),
        (bad, "is damaged: 'bob' cannot be read: "),
        (people, "is the database itself; name a backup of it"),
        (tmp_path, "is no file"),
        (tmp_path / "nothing", "cannot be read: No such file or directory"),
    ):
        message = refusal_of(lambda path=path: restore(path, people))  # type: ignore[misc]
        assert message.startswith(f"{path}: {reason}"), message
        assert "restore FILE" not in message
    assert (people.read_bytes(), names(tmp_path)) == before


def test_a_waiting_writer_writes_to_the_replaced_file(people: Path, tmp_path: Path) -> None:
    """A write after the file was replaced goes to the new file; in the old one it would be lost."""
    backup = tmp_path / "b.db"
    backups.backup(people, backup)
    opened_files: list[tuple[int, int]] = []

    def connect() -> sqlite3.Connection:
        opened_files.append(database.file_identity(people))
        return database.connect(people, "rw", 5.0)

    tables = EditTransactions(connect, lambda: database.file_identity(people) != opened_files[-1])
    tables.save([Modify("alice", {"title": "before"})], datetime.now(UTC))
    with closing(database.connect(people, "rw", 1.0)) as locked:
        locked.execute("BEGIN IMMEDIATE")
        edit = [Modify("alice", {"title": "meanwhile"})]
        waiting = Thread(target=lambda: tables.save(edit, datetime.now(UTC)))
        waiting.start()
        os.link(backup, tmp_path / "other")
        for suffix in ("-wal", "-shm"):
            Path(f"{people}{suffix}").unlink()
        (tmp_path / "other").replace(people)
        locked.execute("ROLLBACK")
        waiting.join(10)
    tables.close()
    assert b"meanwhile" in people.read_bytes()
    assert len(opened_files) == 2


def test_a_running_gateway_switches_to_the_restored_database(tmp_path: Path) -> None:
    built = make_dependencies(tmp_path, [ALICE, BOB])
    backups.backup(built.database_path, tmp_path / "b.db")
    built.change(Remove("bob"), make_create_edit({"login": "carol"}))
    built.poll_store()
    restore(tmp_path / "b.db", built.database_path)
    built.poll_store()
    assert isinstance(result_of(built.deps.directory.lookup("bob", STRANGER)), Found)
    assert not isinstance(result_of(built.deps.directory.lookup("carol", STRANGER)), Found)
    built.stop()


def test_a_replacement_while_a_file_is_opened_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A third file may appear between opening a connection and reading the file identity; the next poll must notice."""
    files = [tmp_path / name for name in ("people.db", "second.db", "third.db")]
    for file, login in zip(files, ("ann", "ben", "cem"), strict=True):
        database.create(file)
        write_edits(file, [Create(login)])
    clock = ReactorClock()
    store = sqlite_store.SQLiteStore(files[0], clock, readers=0)
    store.startService()

    async def wake() -> None:
        with suppress(StoreReplaced):
            await store.changes(0)

    store.watch(wake)
    real = database.connect

    def connect_and_replace(path: Path, mode: str, busy: float) -> sqlite3.Connection:
        connection = real(path, mode, busy)
        if files[2].exists():
            files[2].replace(path)
        return connection

    monkeypatch.setattr(sqlite_reader, "connect", connect_and_replace)
    files[1].replace(files[0])
    for _ in range(5):
        clock.advance(file_watcher.POLL_INTERVAL)
    assert not files[2].exists()
    assert [login for login in ("ann", "ben", "cem") if result_of(store.get(login)) is not None] == ["cem"]
    wait_for(store.stopService())
