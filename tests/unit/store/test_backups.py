"""Backups of a database in use, and a backup in the place of a database in any state."""

import os
import sqlite3
import stat
from collections.abc import Callable
from contextlib import closing, suppress
from datetime import UTC, datetime
from pathlib import Path
from threading import Thread

import pytest

from gateway.directory.answers import Found
from gateway.directory.interfaces import Create, Modify, Remove, StoreReplaced
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


def restored(backup: Path, path: Path) -> tuple[int, Path | None]:
    with backups.open_backup(backup) as opened:
        return backups.restore(opened, backup, path)


def names(folder: Path) -> list[str]:
    return sorted(each.name for each in folder.iterdir())


def refused(what: Callable[[], object]) -> str:
    with pytest.raises(UnusableDatabase) as error:
        what()
    return str(error.value)


# backup


def test_a_backup_is_one_moment_of_a_database_in_use(people: Path, tmp_path: Path) -> None:
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


def test_a_backup_holds_nothing_of_who_was_removed(people: Path, tmp_path: Path) -> None:
    write_edits(people, [Create("carol", {"plan": "a word that nobody else has: wombat"})])
    write_edits(people, [Remove("carol")])
    backups.backup(people, tmp_path / "b.db")
    assert b"wombat" not in (tmp_path / "b.db").read_bytes()


def test_no_backup_over_another_unless_forced(people: Path, tmp_path: Path) -> None:
    target = tmp_path / "b.db"
    target.write_text("another")
    assert refused(lambda: backups.backup(people, target)) == f"{target} already exists (use --force to overwrite)"
    assert target.read_text() == "another"
    backups.backup(people, target, replace=True)
    assert logins(target) == ["alice", "bob"]
    assert stat.S_IMODE(target.stat().st_mode) == 0o600


def test_what_no_backup_can_be_written_to(people: Path, tmp_path: Path) -> None:
    (tmp_path / "link.db").symlink_to(people)
    for target, why in (
        (people, "is the database itself; name another file"),
        (tmp_path / "link.db", "is the database itself; name another file"),
        (tmp_path, "is a folder; name a file in it"),
        (tmp_path / "no" / "b.db", "cannot be written: No such file or directory"),
    ):
        assert refused(lambda target=target: backups.backup(people, target, True)) == f"{target}: {why}"  # type: ignore[misc]
    assert names(tmp_path) == ["link.db", "people.db"]


def test_R008_no_backup_of_what_is_damaged(people: Path, tmp_path: Path) -> None:
    damage(people)
    before = names(tmp_path)
    said = refused(lambda: backups.backup(people, tmp_path / "b.db"))
    assert said == f"{people}: is damaged; `finger-gateway restore FILE` puts a backup in its place"
    assert names(tmp_path) == before


def damage(path: Path) -> None:
    """4 KiB of something else where the people stand."""
    with closing(database.connect(path, "rw", 1.0)) as connection:
        page = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'people'").fetchone()[0]
        size = connection.execute("PRAGMA page_size").fetchone()[0]
    with path.open("r+b") as file:
        file.seek((page - 1) * size)
        file.write(b"\xa5" * 4096)


# restore


def test_R008_a_backup_takes_the_place_of_a_database_whatever_became_of_it(people: Path, tmp_path: Path) -> None:
    backup, kept = tmp_path / "b.db", tmp_path / "people.db.before-restore"
    backups.backup(people, backup)
    people.chmod(0o640)
    write_edits(people, [Remove("bob"), make_create_edit({"login": "carol"})])
    assert restored(backup, people) == (2, kept)
    assert logins(people) == ["alice", "bob"]
    assert logins(kept) == ["alice", "carol"]
    assert stat.S_IMODE(people.stat().st_mode) == 0o640
    database.inspect(people)

    damage(people)
    damaged = people.read_bytes()
    assert restored(backup, people) == (2, tmp_path / "people.db.before-restore-2")
    assert (tmp_path / "people.db.before-restore-2").read_bytes() == damaged

    people.write_bytes(b"")
    assert restored(backup, people) == (2, tmp_path / "people.db.before-restore-3")
    people.unlink()
    Path(f"{people}-wal").write_bytes(b"of a database that is gone")
    assert restored(backup, people) == (2, None)
    assert logins(people) == ["alice", "bob"]
    assert [name for name in names(tmp_path) if "before-restore" not in name] == ["b.db", "people.db"]


def test_what_stands_in_the_log_is_folded_into_the_kept_one(people: Path, tmp_path: Path) -> None:
    backup = tmp_path / "b.db"
    backups.backup(people, backup)
    with closing(database.connect(people, "ro", 1.0)) as reading:  # keeps the log from being tidied up
        reading.execute("SELECT count(*) FROM people").fetchone()
        write_edits(people, [make_create_edit({"login": "carol"})])
        assert Path(f"{people}-wal").stat().st_size
        _, kept = restored(backup, people)
        assert kept is not None
        assert not Path(f"{people}-wal").exists()
    Path(f"{kept}-wal").unlink(missing_ok=True)
    assert logins(kept) == ["alice", "bob", "carol"]
    assert logins(people) == ["alice", "bob"]


def test_the_log_of_one_too_damaged_to_be_opened_is_kept_beside_it(people: Path, tmp_path: Path) -> None:
    backups.backup(people, tmp_path / "b.db")
    people.write_bytes(b"x" * 8192)
    Path(f"{people}-wal").write_bytes(b"y" * 5000)
    _, kept = restored(tmp_path / "b.db", people)
    assert kept is not None
    assert (kept.read_bytes(), Path(f"{kept}-wal").read_bytes()) == (b"x" * 8192, b"y" * 5000)
    assert logins(people) == ["alice", "bob"]


def test_readers_and_writers_do_not_wait_for_one_another_in_what_was_put_back(people: Path, tmp_path: Path) -> None:
    backups.backup(people, tmp_path / "b.db")
    restored(tmp_path / "b.db", people)
    with closing(sqlite3.connect(people)) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_a_copy_with_its_log_is_a_backup_too(people: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    copied = tmp_path / "elsewhere" / "people.db"
    with closing(database.connect(people, "ro", 1.0)) as reading:
        reading.execute("SELECT count(*) FROM people").fetchone()
        write_edits(people, [make_create_edit({"login": "carol"})])
        for side in ("", "-wal"):
            Path(f"{copied}{side}").write_bytes(Path(f"{people}{side}").read_bytes())
    write_edits(people, [Remove("carol")])
    copied.parent.chmod(0o555)
    assert restored(copied, people)[0] == 3
    assert logins(people) == ["alice", "bob", "carol"]


def test_what_is_no_backup_changes_nothing(people: Path, tmp_path: Path) -> None:
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
    for path, why in (
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
        said = refused(lambda path=path: restored(path, people))  # type: ignore[misc]
        assert said.startswith(f"{path}: {why}"), said
        assert "restore FILE" not in said
    assert (people.read_bytes(), names(tmp_path)) == before


def test_nothing_is_lost_to_a_writer_who_waited_meanwhile(people: Path, tmp_path: Path) -> None:
    """What is written once another file is there stands in that one: in the old one nobody would ever read it."""
    backup = tmp_path / "b.db"
    backups.backup(people, backup)
    written: list[tuple[int, int]] = []

    def connect() -> sqlite3.Connection:
        written.append(database.file_identity(people))
        return database.connect(people, "rw", 5.0)

    tables = EditTransactions(connect, lambda: database.file_identity(people) != written[-1])
    tables.save([Modify("alice", {"title": "before"})], datetime.now(UTC))
    with closing(database.connect(people, "rw", 1.0)) as locked:
        locked.execute("BEGIN IMMEDIATE")
        edit = [Modify("alice", {"title": "meanwhile"})]
        waiting = Thread(target=lambda: tables.save(edit, datetime.now(UTC)))
        waiting.start()
        os.link(backup, tmp_path / "other")
        for side in ("-wal", "-shm"):
            Path(f"{people}{side}").unlink()
        (tmp_path / "other").replace(people)
        locked.execute("ROLLBACK")
        waiting.join(10)
    tables.close()
    assert b"meanwhile" in people.read_bytes()
    assert len(written) == 2


def test_a_running_gateway_goes_over_to_what_was_put_back(tmp_path: Path) -> None:
    built = make_dependencies(tmp_path, [ALICE, BOB])
    backups.backup(built.path, tmp_path / "b.db")
    built.change(Remove("bob"), make_create_edit({"login": "carol"}))
    built.poll_store()
    restored(tmp_path / "b.db", built.path)
    built.poll_store()
    assert isinstance(result_of(built.deps.directory.lookup("bob", STRANGER)), Found)
    assert not isinstance(result_of(built.deps.directory.lookup("carol", STRANGER)), Found)
    built.stop()


def test_a_file_that_is_replaced_while_another_one_is_opened_is_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the connection and its identity a third file may come: the next poll has to see that."""
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
