"""SQLiteStore on real files in one process: reads, edits, polling, locks, unusable files, and shutdown."""

import sqlite3
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.defer import Deferred

from gateway.directory.changes import Change
from gateway.directory.interfaces import (
    UNSPECIFIED,
    Create,
    Modify,
    NameTaken,
    NameVisibilityFilter,
    NoSuchPerson,
    Remove,
    SourceDown,
    StaleEdit,
)
from gateway.directory.person import Account, Key, Link, PartialPerson, Status, Visibility
from gateway.directory.results import PlanVersion
from gateway.store import database, file_watcher, sqlite_store, sqlite_writer, statements, worker_threads
from gateway.store.edit_transactions import EditTransactions
from tests.unit.directory.doubles import ADMINISTRATOR
from tests.unit.fixtures import ReactorClock, result_of, write_edits
from tests.unit.store.waiting import wait_for

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
ALL = NameVisibilityFilter(UNSPECIFIED, 2)
E, M, N = Visibility.EVERYONE, Visibility.MEMBERS, Visibility.NOBODY


class OpenStore:
    """A started store on a new file, with direct access to the file."""

    def __init__(self, path: Path) -> None:
        database.create(path)
        self.path, self.clock = path, ReactorClock()
        self.store = sqlite_store.SQLiteStore(path, self.clock, readers=0)
        self.store.startService()

    def write(self, *edits: Any, at: datetime = NOW) -> int:
        return write_edits(self.path, edits, at)

    def save(self, *edits: Any, at: datetime = NOW) -> int:
        return int(wait_for(self.store.save(edits, ADMINISTRATOR, at)))

    def rows(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        connection = sqlite3.connect(self.path)
        try:
            return connection.execute(sql, values).fetchall()
        finally:
            connection.close()


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[OpenStore]:
    made = OpenStore(tmp_path / "people.db")
    yield made
    stopped = made.store.stopService()
    made.clock.advance(sqlite_writer.FORGET_DELAY)
    wait_for(stopped)


FULL: dict[str, Any] = {
    "name": "Alice Adams",
    "aliases": ("ally",),
    "links": (Link(label="Blog", url="https://alice.example/", me=True),),
    "keys": (Key(kind="ssh", label="laptop", text="ssh-ed25519 AAAA"),),
    "status": Status(text="tea", until=NOW + timedelta(hours=1)),
    "irc": (Account(network="libera", account="alice"),),
    "plan": "First line\n\x1b[31m\x00é😀",
}


# the schema


def test_a_new_database(tmp_path: Path) -> None:
    path = tmp_path / "people.db"
    database.create(path)
    assert path.stat().st_mode & 0o777 == 0o600
    connection = sqlite3.connect(path)
    assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert connection.execute("PRAGMA user_version").fetchone() == (2,)
    tables = {row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    ours = {table for table in tables if not table.startswith("words")}
    assert ours == {"people", "names", "history", "changes", "seen", "sqlite_sequence"}
    plan = connection.execute(f"EXPLAIN QUERY PLAN {statements.GET}", ("alice", 2048, "alice")).fetchall()
    assert "SEARCH people USING INDEX" in plan[0][3]
    connection.close()
    writer = database.connect(path, "rw", 1.0)
    assert writer.execute("PRAGMA synchronous").fetchone() == (2,)  # FULL
    writer.close()


# reads


def test_F102_W022_a_missing_login_reads_another_row(opened: OpenStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """A missing login reads and decodes as much as a hidden person, so that timing reveals nothing."""
    opened.write(Create("alice", FULL), Create("bob", {"plan": "x"}))
    decoded: list[bytes] = []
    real = sqlite_store._decode

    def recording_decode(data: bytes) -> PartialPerson:
        decoded.append(data)
        return real(data)

    monkeypatch.setattr(sqlite_store, "_decode", recording_decode)
    for login in ("alice", "alicf", "zed"):
        result_of(opened.store.get(login))
    assert [b"Alice" in decoded[0], b'"bob"' in decoded[1], b"Nobody" in decoded[2]] == [True, True, True]
    assert result_of(opened.store.get("alicf")) is None


def test_R001_frequent_reads_use_no_thread(opened: OpenStore) -> None:
    opened.write(Create("alice", FULL))
    before = set(threading.enumerate())
    for _ in range(100):
        assert result_of(opened.store.get("alice")) is not None
        assert result_of(opened.store.get("nobody")) is None
        assert result_of(opened.store.find_logins("adams", ALL)) == ["alice"]
    result_of(opened.store.page("", 10, ALL))
    result_of(opened.store.history("alice", 10))
    result_of(opened.store.changes(0))
    assert set(threading.enumerate()) == before


def test_reads_return_what_was_written(opened: OpenStore) -> None:
    version = opened.write(Create("alice", FULL, {"office": M, "name": E}, listed=False))
    person = result_of(opened.store.get("alice"))
    assert person == PartialPerson(
        login="alice",
        **FULL,
        visibility={"office": M, "name": E},
        listed=False,
        changed=dict.fromkeys([*FULL, "office"], NOW),
        version=version,
    )
    assert isinstance(person.visibility["office"], Visibility)
    assert person.changed["name"].utcoffset() == timedelta()


@pytest.mark.parametrize(
    ("name", "logins"),
    [
        ("ally", ["alice"]),
        ("alice adams", ["alice"]),
        ("adams", ["alice", "bob"]),
        ("zofie cerna", ["zofie"]),
        ("cerna", ["zofie"]),
        ("plato", ["plato"]),
        ("alice", []),
        ("zofie", []),
        ("adam", []),
        ("%", []),
        ("", []),
        ("\x00", []),
    ],
)
def test_find_logins_matches_folded_names_exactly(opened: OpenStore, name: str, logins: list[str]) -> None:
    opened.write(
        Create("alice", FULL),
        Create("bob", {"name": "Bob ADAMS"}),
        Create("zofie", {"name": "Žofie  Černá"}),
        Create("plato", {"name": "Plato"}),
        Create("nameless"),
    )
    assert sorted(result_of(opened.store.find_logins(name, ALL))) == logins


def test_find_logins_follows_changed_names(opened: OpenStore) -> None:
    opened.write(Create("alice", {"name": "Alice Adams", "aliases": ("ally",)}))
    opened.write(Modify("alice", {"name": "Alice Baker"}))
    assert result_of(opened.store.find_logins("adams", ALL)) == []
    assert (
        result_of(opened.store.find_logins("baker", ALL))
        == result_of(opened.store.find_logins("ally", ALL))
        == ["alice"]
    )
    opened.write(Modify("alice", {"aliases": ("queen",)}))
    assert (result_of(opened.store.find_logins("ally", ALL)), result_of(opened.store.find_logins("queen", ALL))) == (
        [],
        ["alice"],
    )
    opened.write(Modify("alice", {"name": "", "aliases": ()}))
    assert opened.rows("SELECT * FROM names") == []


def test_find_logins_returns_at_most_200(opened: OpenStore) -> None:
    opened.write(*(Create(f"p{n}", {"name": f"P{n} Adams"}) for n in range(205)))
    assert len(result_of(opened.store.find_logins("adams", ALL))) == 200


def test_pages(opened: OpenStore) -> None:
    opened.write(*(Create(login) for login in ("b", "a", "ä", "c", "aa")))
    assert result_of(opened.store.page("", 3, ALL)) == ["a", "aa", "b"]
    assert result_of(opened.store.page("b", 3, ALL)) == ["c", "ä"]
    assert result_of(opened.store.page("ä", 3, ALL)) == []


def test_everyone(opened: OpenStore) -> None:
    opened.write(*(Create(f"p{n:04}") for n in range(1001)))

    async def all_logins() -> list[str]:
        return [partial.login async for partial in opened.store.everyone()]

    assert result_of(all_logins()) == [f"p{n:04}" for n in range(1001)]


def test_an_unreadable_row_raises_source_down(opened: OpenStore) -> None:
    opened.write(Create("alice"))
    connection = sqlite3.connect(opened.path)
    connection.execute("UPDATE people SET document = x'7b'")
    connection.commit()
    connection.close()
    with pytest.raises(SourceDown, match=r"people\.db"):
        result_of(opened.store.get("alice"))


def test_a_store_that_is_not_open(tmp_path: Path) -> None:
    store = sqlite_store.SQLiteStore(tmp_path / "people.db", ReactorClock())
    with pytest.raises(SourceDown, match="is not open"):
        result_of(store.get("alice"))
    wait_for(store.stopService())


# edits


def test_each_edit_writes_a_change_row(opened: OpenStore) -> None:
    assert result_of(opened.store.last_change()) == 0
    first = opened.save(Create("alice", {"name": "Alice", "title": ""}, {"office": M}))
    later = NOW + timedelta(minutes=5)
    second = opened.save(Modify("alice", {"title": "Keeper", "name": "Alice"}, {"office": N, "plan": M}), at=later)
    third = opened.save(Modify("alice", listed=False), at=later)
    fourth = opened.save(Remove("alice"), at=later)
    assert (first, second, third, fourth) == (1, 2, 3, 4)
    assert result_of(opened.store.last_change()) == 4
    opened.save(Create("bob", {"name": "Bob"}))
    removal, creation = result_of(opened.store.changes(3))
    assert (removal, removal.removed) == (Change(4, "alice", (), later), True)
    assert (creation, creation.removed) == (Change(5, "bob", ("name",), NOW), False)


def test_creating_an_empty_person_is_not_a_removal(opened: OpenStore) -> None:
    opened.save(Create("alice"))
    (change,) = result_of(opened.store.changes(0))
    assert (change.login, change.removed) == ("alice", False)


def test_changes_name_exactly_the_changed_fields(opened: OpenStore) -> None:
    opened.write(Create("alice", FULL))
    opened.save(Modify("alice", {"title": "Keeper", "name": "Alice Adams"}, {"office": N}), at=NOW + timedelta(hours=1))
    change = result_of(opened.store.changes(1))[0]
    assert (change.login, set(change.fields)) == ("alice", {"title", "office"})
    person = result_of(opened.store.get("alice"))
    assert {name for name, at in person.changed.items() if at == NOW + timedelta(hours=1)} == {"title", "office"}
    assert person.version == 2


def test_an_edit_without_changes_writes_nothing(opened: OpenStore) -> None:
    opened.write(Create("alice", FULL, {"office": M}))
    assert opened.save(Modify("alice", dict(FULL), {"office": M, "email": None}, listed=True)) == 1
    assert result_of(opened.store.last_change()) == 1
    assert len(result_of(opened.store.history("alice", 9))) == 1


def test_a_visibility_choice_can_be_removed(opened: OpenStore) -> None:
    opened.write(Create("alice", {}, {"office": M, "email": N}))
    opened.write(Modify("alice", {}, {"office": None}))
    assert result_of(opened.store.get("alice")).visibility == {"email": N}


def test_R005_a_stale_base(opened: OpenStore) -> None:
    first = opened.save(Create("alice", {"title": "One"}))
    second = opened.save(Modify("alice", {"title": "Two"}, base=first))
    with pytest.raises(StaleEdit) as stale:
        opened.save(Modify("alice", {"title": "Three"}, base=first))
    assert stale.value.login == "alice"
    assert result_of(opened.store.get("alice")).title == "Two"
    assert opened.save(Modify("alice", {"title": "Three"}, base=second)) > second
    assert opened.save(Modify("alice", {"title": "Four"})) > second


def test_a_base_is_compared_per_person(opened: OpenStore) -> None:
    base = opened.save(Create("alice"))
    opened.save(Create("bob"))
    assert opened.save(Modify("alice", {"title": "x"}, base=base)) == 3


def test_history_contains_old_plans(opened: OpenStore) -> None:
    opened.write(Create("alice", {"plan": "One"}, plan_level=E), at=NOW)
    opened.write(Modify("alice", {"plan": "Two"}, plan_level=M), at=NOW + timedelta(hours=1))
    opened.write(Modify("alice", {"title": "x"}, plan_level=E), at=NOW + timedelta(hours=2))
    opened.write(Modify("alice", {"plan": ""}, {"plan": N}, plan_level=E), at=NOW + timedelta(hours=3))
    opened.write(Create("bob", {"title": "no plan"}))
    assert result_of(opened.store.history("alice", 9)) == [
        PlanVersion(NOW + timedelta(hours=3), "", N),
        PlanVersion(NOW + timedelta(hours=1), "Two", M),
        PlanVersion(NOW, "One", E),
    ]
    assert [entry.text for entry in result_of(opened.store.history("alice", 2))] == ["", "Two"]
    assert result_of(opened.store.history("bob", 9)) == []


def test_history_pages_count_visible_plans_only(opened: OpenStore) -> None:
    """A page of plans is full even if hidden plans lie in between."""
    half = timedelta(milliseconds=500)
    opened.write(Create("alice", {"plan": "1"}, plan_level=E), at=NOW)
    for hour, level in enumerate([N, E, N, E], 1):
        edit = Modify("alice", {"plan": str(hour + 1)}, plan_level=level)
        opened.write(edit, at=NOW + timedelta(hours=hour) + half)

    def plans(limit: int, before: datetime | None = None) -> list[str]:
        return [entry.text for entry in result_of(opened.store.history("alice", limit, E, before))]

    third = NOW + timedelta(hours=2) + half
    assert (plans(2), plans(2, third), plans(9, NOW)) == (["5", "3"], ["1"], [])
    elsewhere = third.astimezone(timezone(timedelta(hours=1))) + timedelta(microseconds=1)
    assert plans(2, elsewhere) == ["3", "1"]


def test_removal_leaves_nothing(opened: OpenStore) -> None:
    opened.write(Create("alice", FULL), Create("bob", {"name": "Bob", "plan": "x"}))
    opened.save(Modify("alice", {"plan": "Other"}), Remove("alice"))
    for table in ("people", "names", "history"):
        assert opened.rows(f"SELECT count(*) FROM {table} WHERE login = 'alice'") == [(0,)], table
    assert len(opened.rows("SELECT * FROM changes WHERE login = 'alice'")) == 1  # the row that invalidates caches
    assert result_of(opened.store.get("alice")) is None
    assert result_of(opened.store.get("bob")).name == "Bob"
    again = opened.save(Create("alice", {"aliases": ("ally",)}))
    assert again == result_of(opened.store.last_change()) == 5  # change numbers are never reused
    assert result_of(opened.store.history("alice", 9)) == []


@pytest.mark.parametrize(
    ("edit", "name"),
    [
        (Create("alice"), "alice"),
        (Create("ally"), "ally"),
        (Create("new", {"aliases": ("alice",)}), "alice"),
        (Create("new", {"aliases": ("free", "ally")}), "ally"),
        (Modify("bob", {"aliases": ("ally",)}), "ally"),
        (Modify("bob", {"aliases": ("alice",)}), "alice"),
        (Modify("bob", {"aliases": ("jos\u00e9",)}), "jos\u00e9"),
        (Modify("bob", {"aliases": ("jose",)}), "jose"),
        (Create("jose"), "jose"),
    ],
)
def test_an_alias_or_login_has_one_owner(opened: OpenStore, edit: Any, name: str) -> None:
    opened.write(Create("alice", {"aliases": ("ally", "jos\u00e9")}), Create("bob"))
    with pytest.raises(NameTaken) as taken:
        opened.save(edit)
    assert (taken.value.login, taken.value.name) == (edit.login, name)
    assert result_of(opened.store.page("", 9, ALL)) == ["alice", "bob"]
    assert result_of(opened.store.get("bob")).aliases == ()


def test_people_keep_and_change_their_own_aliases(opened: OpenStore) -> None:
    opened.write(Create("alice", {"aliases": ("ally", "queen")}))
    opened.save(Modify("alice", {"aliases": ("queen", "al", "ally")}))
    assert result_of(opened.store.get("alice")).aliases == ("queen", "al", "ally")
    opened.save(Modify("alice", {"aliases": ("al",)}))
    opened.save(Create("bob", {"aliases": ("queen",)}))
    assert result_of(opened.store.find_logins("queen", ALL)) == ["bob"]


def test_the_database_itself_refuses_a_second_owner(opened: OpenStore) -> None:
    connection = sqlite3.connect(opened.path)
    connection.execute("INSERT INTO names VALUES ('ally', 'alias', 'alice')")
    connection.execute("INSERT INTO names VALUES ('ally', 'last', 'bob')")
    with pytest.raises(sqlite3.IntegrityError):
        connection.execute("INSERT INTO names VALUES ('ally', 'alias', 'bob')")
    connection.close()


@pytest.mark.parametrize("edit", [Modify("nobody", {"title": "x"}), Remove("nobody")])
def test_editing_a_missing_person(opened: OpenStore, edit: Any) -> None:
    with pytest.raises(NoSuchPerson) as missing:
        opened.save(edit)
    assert missing.value.login == "nobody"


def test_edits_are_atomic(opened: OpenStore) -> None:
    opened.write(Create("alice", FULL), Create("bob"))
    before = [opened.rows(f"SELECT * FROM {table}") for table in ("people", "names", "history", "changes")]
    with pytest.raises(NoSuchPerson):
        opened.save(
            Modify("alice", {"name": "Other", "plan": "Other"}), Create("new", FULL | {"aliases": ()}), Remove("bob"),
            Remove("nobody"),
        )  # fmt: skip
    assert [opened.rows(f"SELECT * FROM {table}") for table in ("people", "names", "history", "changes")] == before
    assert opened.save(Modify("alice", {"title": "x"}), Remove("bob")) == result_of(opened.store.last_change())


def test_no_edits(opened: OpenStore) -> None:
    assert opened.save() == 0


# changes of other connections


def test_R003_changes_of_another_connection_are_seen_at_the_next_poll(opened: OpenStore) -> None:
    woken: list[int] = []

    async def wake() -> None:
        woken.append(await opened.store.last_change())

    opened.store.watch(wake)
    opened.clock.advance(0.04)
    woken.clear()
    opened.clock.advance(1)
    assert woken == []
    opened.write(Create("alice"))
    assert woken == []
    opened.clock.advance(0.04)
    assert woken == [1]
    opened.clock.advance(1)
    assert woken == [1]
    opened.write(Create("bob"))
    opened.write(Create("carol"))
    opened.clock.advance(0.04)
    assert woken == [1, 3]
    assert file_watcher.POLL_INTERVAL == 0.04


def test_a_failed_watcher_callback_is_called_again(opened: OpenStore) -> None:
    woken: list[int] = []

    async def wake() -> None:
        woken.append(1)
        if len(woken) < 3:
            raise SourceDown("not now")

    opened.store.watch(wake)
    opened.clock.advance(0.04)
    opened.clock.advance(0.04)
    opened.clock.advance(0.04)
    opened.clock.advance(0.04)
    assert len(woken) == 3


def test_a_running_watcher_callback_is_not_called_again(opened: OpenStore) -> None:
    gates: list[Deferred[None]] = []

    async def wake() -> None:
        gates.append(Deferred())
        await gates[-1]

    opened.store.watch(wake)
    opened.clock.advance(0.04)
    opened.write(Create("alice"))
    opened.clock.advance(0.04)
    assert len(gates) == 1
    gates[0].callback(None)
    opened.clock.advance(0.04)
    assert len(gates) == 2  # for what was written in the meantime
    gates[1].callback(None)


def test_a_failed_poll_does_not_stop_polling(opened: OpenStore, monkeypatch: pytest.MonkeyPatch) -> None:
    woken: list[int] = []

    async def wake() -> None:
        woken.append(1)

    class Broken:
        def execute(self, *_: object) -> None:
            raise sqlite3.OperationalError("disk I/O error")

    opened.store.watch(wake)
    with monkeypatch.context() as patch:
        patch.setattr(opened.store.reader, "connection", Broken())
        opened.clock.advance(0.04)
        with pytest.raises(SourceDown, match="disk I/O error"):
            result_of(opened.store.find_logins("x", ALL))
    assert woken == []
    opened.clock.advance(0.04)
    assert woken == [1]


# locks (R004)


def test_R004_a_locked_database_refuses_edits_after_a_timeout_and_serves_reads(
    opened: OpenStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert database.BUSY_TIMEOUT == 5.0
    monkeypatch.setattr(sqlite_writer, "BUSY_TIMEOUT", 0.2)
    opened.write(Create("alice", {"title": "Old"}))
    holder = sqlite3.connect(opened.path, isolation_level=None, check_same_thread=False)
    holder.execute("BEGIN IMMEDIATE")
    waiting = opened.store.save([Modify("alice", {"title": "New"})], ADMINISTRATOR, NOW)
    writing = Deferred.fromCoroutine(waiting)
    for _ in range(100):
        assert result_of(opened.store.get("alice")).title == "Old"
    with pytest.raises(SourceDown) as down:
        wait_for(writing)
    assert str(down.value).startswith(f"{opened.path}: another program has been writing for ")
    assert str(down.value).endswith("; try again")
    holder.execute("ROLLBACK")
    holder.close()
    opened.save(Modify("alice", {"title": "New"}))
    assert result_of(opened.store.get("alice")).title == "New"


def test_R004_an_edit_waits_for_a_short_lock(opened: OpenStore) -> None:
    opened.write(Create("alice"))
    holder = sqlite3.connect(opened.path, isolation_level=None, check_same_thread=False)
    holder.execute("BEGIN IMMEDIATE")
    threading.Timer(0.1, holder.execute, ["ROLLBACK"]).start()
    assert opened.save(Modify("alice", {"title": "New"})) == 2
    holder.close()


# unusable files


def startup_error(path: Path) -> str:
    with pytest.raises(database.UnusableDatabase) as startup_error:
        sqlite_store.SQLiteStore(path, ReactorClock()).startService()
    return str(startup_error.value)


def test_a_missing_file(tmp_path: Path) -> None:
    path = tmp_path / "people.db"
    for missing in (path, tmp_path / "no" / "people.db"):
        assert startup_error(missing) == f"{missing}: does not exist; `finger-gateway init` creates one"
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_not_a_database(tmp_path: Path) -> None:
    path = tmp_path / "people.db"
    path.write_text("[site]\nname = 'not a database'\n" * 100)
    assert startup_error(path) == (
        f"{path}: is not a SQLite database, or is damaged; `finger-gateway restore FILE` puts a backup in its place"
    )


def test_a_folder(tmp_path: Path) -> None:
    assert startup_error(tmp_path).startswith(f"{tmp_path}: ")


@pytest.mark.parametrize("version", [3, 99])
def test_tables_of_a_newer_version(tmp_path: Path, version: int) -> None:
    path = tmp_path / "people.db"
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE other (x)")
    connection.execute(f"PRAGMA user_version = {version}")
    connection.close()
    before = path.read_bytes()
    assert startup_error(path) == (
        f"{path}: has tables of version {version}, from a newer finger-gateway; this one knows up to 2"
    )
    assert path.read_bytes() == before


@pytest.mark.parametrize("version", [0, 1, 2])
def test_a_database_of_another_program(tmp_path: Path, version: int) -> None:
    path = tmp_path / "people.db"
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE other (x)")
    connection.execute(f"PRAGMA user_version = {version}")
    connection.close()
    assert startup_error(path) == f"{path}: is another program's database; `finger-gateway init` creates ours"


def test_an_empty_file(tmp_path: Path) -> None:
    path = tmp_path / "people.db"
    path.touch()
    assert startup_error(path) == f"{path}: is another program's database; `finger-gateway init` creates ours"


def test_a_damaged_file(tmp_path: Path) -> None:
    path = tmp_path / "people.db"
    database.create(path)
    write_edits(path, [Create(f"p{n}", {"plan": "x" * 2000}) for n in range(50)])
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    data = bytearray(path.read_bytes())
    data[4096:] = b"\xff" * (len(data) - 4096)
    path.write_bytes(data)
    store = sqlite_store.SQLiteStore(path, ReactorClock())
    store.startService()
    with pytest.raises(SourceDown, match=r"people\.db"):
        result_of(store.get("p1"))
    wait_for(store.stopService())


def test_create_does_not_overwrite(tmp_path: Path) -> None:
    path = tmp_path / "people.db"
    path.write_text("mine")
    with pytest.raises(database.UnusableDatabase, match="already exists"):
        database.create(path)
    assert path.read_text() == "mine"
    with pytest.raises(database.UnusableDatabase, match="cannot be created: No such file or directory"):
        database.create(tmp_path / "no" / "people.db")


def test_a_path_with_special_characters_of_uris(tmp_path: Path) -> None:
    folder = tmp_path / "a?b#c%20 é&mode=ro"
    folder.mkdir()
    made = OpenStore(folder / "people.db")
    made.save(Create("alice", {"title": "x"}))
    assert result_of(made.store.get("alice")).title == "x"
    wait_for(made.store.stopService())


def test_inspect_while_another_process_writes(tmp_path: Path) -> None:
    path = tmp_path / "people.db"
    database.create(path)
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    database.inspect(path)
    holder.close()


def test_error_messages(tmp_path: Path) -> None:
    path = tmp_path / "people.db"
    for code, words in (
        (sqlite3.SQLITE_BUSY, "another program has been writing for 5 seconds; try again"),
        (sqlite3.SQLITE_BUSY_SNAPSHOT, "another program has been writing for 5 seconds; try again"),
        (sqlite3.SQLITE_FULL, "the disk is full"),
        (sqlite3.SQLITE_READONLY_DBMOVED, "cannot be written to"),
        (sqlite3.SQLITE_CANTOPEN, "cannot be opened"),
        (sqlite3.SQLITE_CORRUPT, "is damaged"),
    ):
        error = sqlite3.OperationalError("words of SQLite")
        error.sqlite_errorcode = code
        assert database.describe_error(path, error).startswith(f"{path}: {words}")
    assert database.describe_error(path, sqlite3.OperationalError("words of SQLite")) == f"{path}: words of SQLite"


# shutdown


def test_shutdown_waits_for_running_writes(tmp_path: Path) -> None:
    made = OpenStore(tmp_path / "people.db")
    gate = threading.Event()
    made.store.writer.thread.run(lambda: gate.wait(10))
    saving = Deferred.fromCoroutine(made.store.save([Create("alice")], ADMINISTRATOR, NOW))
    stopping = made.store.stopService()
    assert not stopping.called
    gate.set()
    wait_for(stopping)
    assert saving.called
    assert made.rows("SELECT login FROM people") == [("alice",)]
    assert not made.path.with_name("people.db-wal").exists()  # all connections are closed


def test_shutdown_with_a_full_queue_writes_everything(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker_threads, "MAX_WAITING_JOBS", 3)
    made = OpenStore(tmp_path / "people.db")
    gate = threading.Event()
    made.store.writer.thread.run(lambda: gate.wait(10))
    for n in range(2):
        Deferred.fromCoroutine(made.store.save([Create(f"p{n}")], ADMINISTRATOR, NOW))
    stopping = made.store.stopService()
    assert not stopping.called
    gate.set()
    wait_for(stopping)
    assert made.rows("SELECT login FROM people ORDER BY login") == [("p0",), ("p1",)]


def test_edit_transactions_reconnect_after_an_error(tmp_path: Path) -> None:
    path = tmp_path / "people.db"
    database.create(path)
    opened: list[int] = []

    def connect() -> sqlite3.Connection:
        opened.append(1)
        return database.connect(path, "rw", 0.0)

    tables = EditTransactions(connect)
    tables.save([Create("alice")], NOW)
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    with pytest.raises(sqlite3.OperationalError, match="locked"):
        tables.save([Create("bob")], NOW)
    holder.execute("ROLLBACK")
    holder.close()
    assert tables.save([Create("bob")], NOW) == 2
    assert len(opened) == 2
    tables.close()
    tables.close()
