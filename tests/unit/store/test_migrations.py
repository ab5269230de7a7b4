"""Upgrades of databases with tables of version 1: complete or not at all."""

import os
import sqlite3
from pathlib import Path
from typing import Any

import msgspec
import pytest
from twisted.internet.defer import Deferred

from gateway.directory.interfaces import UNSPECIFIED, Modify, NameVisibilityFilter, Rename
from gateway.directory.privacy import Policy
from gateway.directory.results import Found, Listing, NotFound, Page, Saved
from gateway.directory.service import DirectoryService
from gateway.store import database, migrations, search_keys, sqlite_store
from tests.unit.directory.doubles import ADMINISTRATOR, MEMBER, STRANGER
from tests.unit.fixtures import ReactorClock, result_of
from tests.unit.store.test_processes import read_line, start_python, wait_for_exit
from tests.unit.store.waiting import wait_for

# The schema of version 1, unchanged.
VERSION_1 = """
CREATE TABLE people (id INTEGER NOT NULL, login VARCHAR NOT NULL, document BLOB NOT NULL, PRIMARY KEY (id), UNIQUE (login));
CREATE TABLE names (name VARCHAR NOT NULL, kind VARCHAR NOT NULL, login VARCHAR NOT NULL,
    PRIMARY KEY (name, kind, login)) WITHOUT ROWID;
CREATE INDEX names_login ON names (login);
CREATE UNIQUE INDEX names_alias ON names (name) WHERE kind = 'alias';
CREATE TABLE history (n INTEGER NOT NULL, login VARCHAR NOT NULL, at VARCHAR NOT NULL, level INTEGER NOT NULL,
    text TEXT NOT NULL, PRIMARY KEY (n));
CREATE INDEX history_login ON history (login, n);
CREATE TABLE changes (n INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, login VARCHAR NOT NULL, fields TEXT NOT NULL,
    at VARCHAR NOT NULL);
CREATE INDEX changes_login ON changes (login);
PRAGMA user_version = 1;
"""
AT = "2026-05-01T12:00:00+00:00"
COUNT = 1500


def person(n: int) -> dict[str, Any]:
    """Return person *n*: every fourth is hidden, every fifth for members only, every seventh unlisted."""
    visibility = {"name": 2} if n % 4 == 0 else {"name": 1} if n % 5 == 0 else {}
    document: dict[str, Any] = {
        "login": f"p{n:04}", "name": f"Ann Numbér{n}", "aliases": [f"alias{n}"], "plan": f"Plan of {n}\n", "version": n,
        "changed": {"name": AT},
    }  # fmt: skip
    return document | ({"visibility": visibility} if visibility else {}) | ({"listed": False} if n % 7 == 0 else {})


def version_1(path: Path, count: int = COUNT) -> Path:
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.executescript(VERSION_1)
    connection.execute("BEGIN")
    for n in range(1, count + 1):
        document = person(n)
        connection.execute(
            "INSERT INTO people (login, document) VALUES (?, ?)", (document["login"], msgspec.json.encode(document))
        )
        for name, kind in ((f"alias{n}", "alias"), (f"ann number{n}", "name"), (f"number{n}", "last")):
            connection.execute("INSERT INTO names VALUES (?, ?, ?)", (name, kind, document["login"]))
        connection.execute("INSERT INTO history VALUES (?, ?, ?, 0, ?)", (n, document["login"], AT, document["plan"]))
        connection.execute("INSERT INTO changes VALUES (?, ?, 'name aliases plan', ?)", (n, document["login"], AT))
    connection.execute("INSERT INTO changes VALUES (?, 'removed-one', 'name plan', ?)", (count + 1, AT))
    connection.execute("COMMIT")
    connection.close()
    return path


def open_directory(path: Path) -> tuple[sqlite_store.SQLiteStore, DirectoryService]:
    clock = ReactorClock()
    store = sqlite_store.SQLiteStore(path, clock, readers=0)
    store.startService()
    service = DirectoryService(store, (), Policy.preset(), clock)
    service.startService()
    return store, service


def version(path: Path) -> int:
    connection = sqlite3.connect(path)
    try:
        return int(connection.execute("PRAGMA user_version").fetchone()[0])
    finally:
        connection.close()


def assert_usable_by_version_1(path: Path) -> None:
    """Check that code for version 1 can still read and write the database."""
    assert version(path) == 1
    connection = sqlite3.connect(path, isolation_level=None)
    assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    tables = {row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    assert tables == {"people", "names", "history", "changes", "sqlite_sequence"}
    assert connection.execute("SELECT count(*) FROM people").fetchone() == (COUNT,)
    assert [row[1] for row in connection.execute("PRAGMA table_info(people)")] == ["id", "login", "document"]
    assert connection.execute("SELECT count(*) FROM changes WHERE login = 'removed-one'").fetchone() == (1,)
    connection.execute("BEGIN IMMEDIATE")
    connection.execute("INSERT INTO people (login, document) VALUES ('new', '{}')")
    connection.execute("ROLLBACK")
    connection.close()


def list_all_pages(service: DirectoryService, words: str, viewer: Any) -> list[str]:
    logins, page = list[str](), Page(limit=400)
    while True:
        clock = service._queries._store.reader._reactor  # type: ignore[attr-defined]
        results: list[Any] = []
        Deferred.fromCoroutine(service.list_people(words, viewer, page)).addBoth(results.append)
        while not results:
            clock.advance(0)
        assert isinstance(results[0], Listing), results
        logins += [each.login for each in results[0].profiles]
        if results[0].after is None:
            return logins
        page = Page(results[0].after, 400)


def test_everything_is_found_after_an_upgrade(tmp_path: Path) -> None:
    path = version_1(tmp_path / "people.db")
    store, service = open_directory(path)
    assert version(path) == 2
    for n in (1, 2, 3, 999, 1001, 1499):  # also beyond the first thousand
        for name in (f"p{n:04}", f"alias{n}"):
            answer = result_of(service.lookup(name, ADMINISTRATOR))
            assert isinstance(answer, Found)
            assert answer.profile.name == f"Ann Numbér{n}"
            assert (answer.profile.version, answer.profile.plan) == (n, f"Plan of {n}\n")
    listed = [n for n in range(1, COUNT + 1) if n % 7]
    assert list_all_pages(service, "", ADMINISTRATOR) == [f"p{n:04}" for n in range(1, COUNT + 1)]
    assert list_all_pages(service, "", MEMBER) == [f"p{n:04}" for n in listed if n % 4]
    assert list_all_pages(service, "", STRANGER) == [f"p{n:04}" for n in listed if n % 4 and n % 5]
    assert list_all_pages(service, "numb 1499", STRANGER) == []
    assert list_all_pages(service, "ann number1499", STRANGER) == ["p1499"]
    assert (
        list_all_pages(service, "NUMBÉR1499", STRANGER) == list_all_pages(service, "alias1499", STRANGER) == ["p1499"]
    )
    assert result_of(service.lookup("p0004", STRANGER)) == NotFound()
    assert result_of(store.last_change()) == COUNT + 1
    assert [entry.text for entry in result_of(store.history("p0001", 9))] == ["Plan of 1\n"]
    wait_for(store.stopService())


def test_an_upgraded_database_can_be_edited(tmp_path: Path) -> None:
    path = version_1(tmp_path / "people.db", 20)
    store, service = open_directory(path)
    outcome = wait_for(service.edit("p0001", Modify("", {"name": "Zoe Young"}, base=1), ADMINISTRATOR))
    assert outcome == Saved(22)  # change numbers continue
    assert list_all_pages(service, "zoe", STRANGER) == ["p0001"]
    assert list_all_pages(service, "number1", STRANGER) == ["p0011", "p0013", "p0017", "p0018", "p0019"]
    assert isinstance(wait_for(service.edit("p0002", Rename("", "q"), ADMINISTRATOR)), Saved)
    answer = result_of(service.lookup("p0002", STRANGER))
    assert isinstance(answer, Found)
    assert answer.profile.login == "q"
    wait_for(store.stopService())


def test_an_upgrade_erases_removed_people(tmp_path: Path) -> None:
    path = version_1(tmp_path / "people.db", 20)
    database.upgrade(path)
    connection = sqlite3.connect(path)
    assert connection.execute("SELECT count(*) FROM changes WHERE login = 'removed-one'").fetchone() == (0,)
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    assert b"removed-one" not in path.read_bytes()


def test_upgraded_tables_equal_new_ones(tmp_path: Path) -> None:
    database.upgrade(version_1(tmp_path / "old.db", 3))
    database.create(tmp_path / "new.db")

    def tables(path: Path) -> tuple[Any, ...]:
        connection = sqlite3.connect(path)
        names = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY 1")]
        document = {
            name: [row[1:] for row in connection.execute(f"PRAGMA table_info({name})")]
            for name in names
            if not name.startswith("sqlite_stat")
        }
        indexes = sorted(connection.execute("SELECT name, tbl_name FROM sqlite_master WHERE type = 'index'").fetchall())
        connection.close()
        return document, indexes

    assert tables(tmp_path / "old.db") == tables(tmp_path / "new.db")


def test_an_upgrade_is_not_repeated(tmp_path: Path) -> None:
    path = version_1(tmp_path / "people.db", 5)
    database.upgrade(path)
    before = path.read_bytes()
    database.upgrade(path)
    migrations.upgrade(
        lambda: database.connect(path, "rw", database.BUSY_TIMEOUT)
    )  # like a process that checked before another one finished
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    assert len(path.read_bytes()) == len(before)
    assert version(path) == 2


# failures


@pytest.mark.parametrize("document", [b"{", b'{"login": 5}', b"[]", b"\xff"])
def test_an_unreadable_person_stops_the_upgrade(tmp_path: Path, document: bytes) -> None:
    path = version_1(tmp_path / "people.db")
    connection = sqlite3.connect(path)
    connection.execute("UPDATE people SET document = ? WHERE id = 1400", (document,))
    connection.commit()
    connection.close()
    with pytest.raises(database.UnusableDatabase) as unusable:
        sqlite_store.SQLiteStore(path, ReactorClock()).startService()
    assert str(unusable.value).startswith(f"{path}: row 1400 of people cannot be read: ")
    assert str(unusable.value).endswith("; the schema is unchanged, at version 1")
    assert_usable_by_version_1(path)


def test_an_error_during_the_upgrade_leaves_version_1(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = version_1(tmp_path / "people.db")
    calls: list[int] = []
    search_keys_of = search_keys.search_keys_of

    def fail_later(one: Any) -> Any:
        calls.append(1)
        if len(calls) > 1200:
            error = sqlite3.OperationalError("database or disk is full")
            error.sqlite_errorcode = sqlite3.SQLITE_FULL
            raise error
        return search_keys_of(one)

    with monkeypatch.context() as patch:
        patch.setattr(migrations, "search_keys_of", fail_later)
        with pytest.raises(database.UnusableDatabase) as unusable:
            sqlite_store.SQLiteStore(path, ReactorClock()).startService()
    assert str(unusable.value) == f"{path}: the disk is full; the schema is unchanged, at version 1"
    assert_usable_by_version_1(path)
    store, service = open_directory(path)
    assert isinstance(result_of(service.lookup("p1499", STRANGER)), Found)
    wait_for(store.stopService())


def test_R007_a_full_disk_leaves_version_1(tmp_path: Path) -> None:
    """The system refuses to extend the file because of a file size limit."""
    path = version_1(tmp_path / "people.db")
    output = wait_for_exit(
        start_python(
            """
            import resource, signal, sys
            from pathlib import Path
            import alembic, sqlalchemy
            from gateway.store import database, migrations
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            size = int(sys.argv[2])
            resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
            try:
                database.upgrade(Path(sys.argv[1]))
                print("done")
            except database.UnusableDatabase as unusable:
                print(unusable)
            """,
            path,
            200_000,
            env={name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")},
        )
    ).rstrip("\n")
    assert output.startswith(f"{path}: "), output
    assert output.endswith("; the schema is unchanged, at version 1"), output
    assert_usable_by_version_1(path)
    store, service = open_directory(path)
    assert version(path) == 2
    assert isinstance(result_of(service.lookup("p1499", STRANGER)), Found)
    wait_for(store.stopService())


def test_several_processes_upgrade_at_once(tmp_path: Path) -> None:
    path = version_1(tmp_path / "people.db")
    code = """
        import sys
        from pathlib import Path
        import alembic, sqlalchemy
        from gateway.store import database, migrations
        print("ready", flush=True)
        sys.stdin.readline()
        database.upgrade(Path(sys.argv[1]))
        print("done", flush=True)
    """
    processes = [start_python(code, path) for _ in range(3)]
    for each in processes:
        assert read_line(each.stdout) == "ready"
    for each in processes:
        assert each.stdin is not None
        each.stdin.write("\n")
        each.stdin.flush()
    for each in processes:
        assert wait_for_exit(each) == "done\n"
    store, service = open_directory(path)
    assert len(list_all_pages(service, "ann", ADMINISTRATOR)) == 200
    assert result_of(store.find_logins("alias1499", NameVisibilityFilter(UNSPECIFIED, 2))) == ["p1499"]
    connection = sqlite3.connect(path)
    assert connection.execute("SELECT count(*) FROM words").fetchone() == (COUNT,)
    assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    connection.close()
    wait_for(store.stopService())


def test_a_newer_database_is_refused_and_unchanged(tmp_path: Path) -> None:
    path = tmp_path / "people.db"
    database.create(path)
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version = 3")
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    before = path.read_bytes()
    for opening in (
        database.inspect,
        database.upgrade,
        lambda path: sqlite_store.SQLiteStore(path, ReactorClock()).startService(),
    ):
        with pytest.raises(database.UnusableDatabase) as unusable:
            opening(path)
        assert str(unusable.value) == (
            f"{path}: has tables of version 3, from a newer finger-gateway; this one knows up to 2"
        )
    assert path.read_bytes() == before


def test_inspect_does_not_upgrade(tmp_path: Path) -> None:
    path = version_1(tmp_path / "people.db", 5)
    database.inspect(path)
    assert version(path) == 1
