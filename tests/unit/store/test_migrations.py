"""Tables of version 1, as an earlier finger-gateway made them, brought up to ours: all of it, or nothing."""

import os
import sqlite3
from pathlib import Path
from typing import Any

import msgspec
import pytest
from twisted.internet.defer import Deferred

from gateway.directory.answers import Found, Listing, NotFound, Page, Saved
from gateway.directory.interfaces import UNSPECIFIED, Modify, NameVisibilityFilter, Rename
from gateway.directory.privacy import Policy
from gateway.directory.service import DirectoryService
from gateway.store import database, migrations, search_keys, sqlite_store
from tests.unit.directory.doubles import ADMINISTRATOR, MEMBER, STRANGER
from tests.unit.fixtures import ReactorClock, result_of
from tests.unit.store.test_processes import child, end, line
from tests.unit.store.waiting import wait_for

# What version 1 made, word for word.
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
    """Every fourth is hidden, every fifth for members only, every seventh not listed."""
    visibility = {"name": 2} if n % 4 == 0 else {"name": 1} if n % 5 == 0 else {}
    made: dict[str, Any] = {
        "login": f"p{n:04}", "name": f"Ann Numbér{n}", "aliases": [f"alias{n}"], "plan": f"Plan of {n}\n", "version": n,
        "changed": {"name": AT},
    }  # fmt: skip
    return made | ({"visibility": visibility} if visibility else {}) | ({"listed": False} if n % 7 == 0 else {})


def version_1(path: Path, count: int = COUNT) -> Path:
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.executescript(VERSION_1)
    connection.execute("BEGIN")
    for n in range(1, count + 1):
        made = person(n)
        connection.execute(
            "INSERT INTO people (login, document) VALUES (?, ?)", (made["login"], msgspec.json.encode(made))
        )
        for name, kind in ((f"alias{n}", "alias"), (f"ann number{n}", "name"), (f"number{n}", "last")):
            connection.execute("INSERT INTO names VALUES (?, ?, ?)", (name, kind, made["login"]))
        connection.execute("INSERT INTO history VALUES (?, ?, ?, 0, ?)", (n, made["login"], AT, made["plan"]))
        connection.execute("INSERT INTO changes VALUES (?, ?, 'name aliases plan', ?)", (n, made["login"], AT))
    connection.execute("INSERT INTO changes VALUES (?, 'removed-one', 'name plan', ?)", (count + 1, AT))
    connection.execute("COMMIT")
    connection.close()
    return path


def opened(path: Path) -> tuple[sqlite_store.SQLiteStore, DirectoryService]:
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


def old_code_can_use(path: Path) -> None:
    """What version 1 read and wrote, it still can."""
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


def whole(service: DirectoryService, words: str, viewer: Any) -> list[str]:
    seen, page = list[str](), Page(limit=400)
    while True:
        clock = service._queries._store.reader._reactor  # type: ignore[attr-defined]
        results: list[Any] = []
        Deferred.fromCoroutine(service.list_people(words, viewer, page)).addBoth(results.append)
        while not results:
            clock.advance(0)
        assert isinstance(results[0], Listing), results
        seen += [each.login for each in results[0].profiles]
        if results[0].after is None:
            return seen
        page = Page(results[0].after, 400)


def test_all_is_found_after_the_start(tmp_path: Path) -> None:
    path = version_1(tmp_path / "people.db")
    store, service = opened(path)
    assert version(path) == 2
    for n in (1, 2, 3, 999, 1001, 1499):  # beyond a thousand, too
        for name in (f"p{n:04}", f"alias{n}"):
            answer = result_of(service.lookup(name, ADMINISTRATOR))
            assert isinstance(answer, Found)
            assert answer.profile.name == f"Ann Numbér{n}"
            assert (answer.profile.version, answer.profile.plan) == (n, f"Plan of {n}\n")
    listed = [n for n in range(1, COUNT + 1) if n % 7]
    assert whole(service, "", ADMINISTRATOR) == [f"p{n:04}" for n in range(1, COUNT + 1)]
    assert whole(service, "", MEMBER) == [f"p{n:04}" for n in listed if n % 4]
    assert whole(service, "", STRANGER) == [f"p{n:04}" for n in listed if n % 4 and n % 5]
    assert whole(service, "numb 1499", STRANGER) == []
    assert whole(service, "ann number1499", STRANGER) == ["p1499"]
    assert whole(service, "NUMBÉR1499", STRANGER) == whole(service, "alias1499", STRANGER) == ["p1499"]
    assert result_of(service.lookup("p0004", STRANGER)) == NotFound()
    assert result_of(store.last_change()) == COUNT + 1
    assert [entry.text for entry in result_of(store.history("p0001", 9))] == ["Plan of 1\n"]
    wait_for(store.stopService())


def test_what_was_upgraded_can_be_edited(tmp_path: Path) -> None:
    path = version_1(tmp_path / "people.db", 20)
    store, service = opened(path)
    outcome = wait_for(service.edit("p0001", Modify("", {"name": "Zoe Young"}, base=1), ADMINISTRATOR))
    assert outcome == Saved(22)  # numbers go on
    assert whole(service, "zoe", STRANGER) == ["p0001"]
    assert whole(service, "number1", STRANGER) == ["p0011", "p0013", "p0017", "p0018", "p0019"]
    assert isinstance(wait_for(service.edit("p0002", Rename("", "q"), ADMINISTRATOR)), Saved)
    answer = result_of(service.lookup("p0002", STRANGER))
    assert isinstance(answer, Found)
    assert answer.profile.login == "q"
    wait_for(store.stopService())


def test_nothing_tells_of_those_who_were_removed_before(tmp_path: Path) -> None:
    path = version_1(tmp_path / "people.db", 20)
    database.upgrade(path)
    connection = sqlite3.connect(path)
    assert connection.execute("SELECT count(*) FROM changes WHERE login = 'removed-one'").fetchone() == (0,)
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    assert b"removed-one" not in path.read_bytes()


def test_the_tables_are_those_of_a_new_file(tmp_path: Path) -> None:
    database.upgrade(version_1(tmp_path / "old.db", 3))
    database.create(tmp_path / "new.db")

    def tables(path: Path) -> tuple[Any, ...]:
        connection = sqlite3.connect(path)
        names = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY 1")]
        made = {
            name: [row[1:] for row in connection.execute(f"PRAGMA table_info({name})")]
            for name in names
            if not name.startswith("sqlite_stat")
        }
        indexes = sorted(connection.execute("SELECT name, tbl_name FROM sqlite_master WHERE type = 'index'").fetchall())
        connection.close()
        return made, indexes

    assert tables(tmp_path / "old.db") == tables(tmp_path / "new.db")


def test_an_upgrade_that_is_done_is_not_done_again(tmp_path: Path) -> None:
    path = version_1(tmp_path / "people.db", 5)
    database.upgrade(path)
    before = path.read_bytes()
    database.upgrade(path)
    migrations.upgrade(
        lambda: database.connect(path, "rw", database.BUSY_TIMEOUT)
    )  # as a process that looked before another was done
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    assert len(path.read_bytes()) == len(before)
    assert version(path) == 2


# what goes wrong


@pytest.mark.parametrize("document", [b"{", b'{"login": 5}', b"[]", b"\xff"])
def test_a_person_who_cannot_be_read_stops_it(tmp_path: Path, document: bytes) -> None:
    path = version_1(tmp_path / "people.db")
    connection = sqlite3.connect(path)
    connection.execute("UPDATE people SET document = ? WHERE id = 1400", (document,))
    connection.commit()
    connection.close()
    with pytest.raises(database.UnusableDatabase) as unusable:
        sqlite_store.SQLiteStore(path, ReactorClock()).startService()
    assert str(unusable.value).startswith(f"{path}: row 1400 of people cannot be read: ")
    assert str(unusable.value).endswith("; its tables are of version 1, as they were")
    old_code_can_use(path)


def test_an_error_in_the_middle_leaves_version_1(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = version_1(tmp_path / "people.db")
    calls: list[int] = []
    found_by = search_keys.search_keys_of

    def breaks(one: Any) -> Any:
        calls.append(1)
        if len(calls) > 1200:
            error = sqlite3.OperationalError("database or disk is full")
            error.sqlite_errorcode = sqlite3.SQLITE_FULL
            raise error
        return found_by(one)

    with monkeypatch.context() as patch:
        patch.setattr(migrations, "search_keys_of", breaks)
        with pytest.raises(database.UnusableDatabase) as unusable:
            sqlite_store.SQLiteStore(path, ReactorClock()).startService()
    assert str(unusable.value) == f"{path}: the disk is full; its tables are of version 1, as they were"
    old_code_can_use(path)
    store, service = opened(path)
    assert isinstance(result_of(service.lookup("p1499", STRANGER)), Found)
    wait_for(store.stopService())


def test_R007_a_full_disk_leaves_version_1(tmp_path: Path) -> None:
    """A real refusal of the system to make the file longer, as a limit of its size gives it."""
    path = version_1(tmp_path / "people.db")
    said = end(
        child(
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
    assert said.startswith(f"{path}: "), said
    assert said.endswith("; its tables are of version 1, as they were"), said
    old_code_can_use(path)
    store, service = opened(path)
    assert version(path) == 2
    assert isinstance(result_of(service.lookup("p1499", STRANGER)), Found)
    wait_for(store.stopService())


def test_two_processes_upgrade_at_once(tmp_path: Path) -> None:
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
    processes = [child(code, path) for _ in range(3)]
    for each in processes:
        assert line(each.stdout) == "ready"
    for each in processes:
        assert each.stdin is not None
        each.stdin.write("\n")
        each.stdin.flush()
    for each in processes:
        assert end(each) == "done\n"
    store, service = opened(path)
    assert len(whole(service, "ann", ADMINISTRATOR)) == 200
    assert result_of(store.find_logins("alias1499", NameVisibilityFilter(UNSPECIFIED, 2))) == ["p1499"]
    connection = sqlite3.connect(path)
    assert connection.execute("SELECT count(*) FROM words").fetchone() == (COUNT,)
    assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    connection.close()
    wait_for(store.stopService())


def test_a_newer_file_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "people.db"
    database.create(path)
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version = 3")
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    before = path.read_bytes()
    for refuses in (
        database.inspect,
        database.upgrade,
        lambda path: sqlite_store.SQLiteStore(path, ReactorClock()).startService(),
    ):
        with pytest.raises(database.UnusableDatabase) as unusable:
            refuses(path)
        assert str(unusable.value) == (
            f"{path}: has tables of version 3, from a newer finger-gateway; this one knows up to 2"
        )
    assert path.read_bytes() == before


def test_what_is_checked_is_not_upgraded(tmp_path: Path) -> None:
    path = version_1(tmp_path / "people.db", 5)
    database.inspect(path)
    assert version(path) == 1
