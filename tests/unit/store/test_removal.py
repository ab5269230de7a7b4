"""A removal leaves no row, no byte in the files, and no entry in the cache of any process."""

import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from gateway.directory.interfaces import Create, Modify, Remove, Rename, StoreReplaced
from gateway.directory.privacy import Policy
from gateway.directory.results import Found, NotFound
from gateway.directory.service import DirectoryService
from gateway.store import file_watcher, sqlite_store, sqlite_writer
from tests.unit.directory.doubles import ADMINISTRATOR, STRANGER
from tests.unit.fixtures import ReactorClock, result_of, write_edits
from tests.unit.store.test_sqlite_store import ALL, FULL, OpenStore
from tests.unit.store.waiting import wait_for

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
WORDS = ("quetzalcoatl", "xylophonist", "zymurgy", "kaleidoscope", "vexillology", "bumfuzzle", "onomatopoeia")
TRACEABLE: dict[str, Any] = FULL | {
    "name": f"{WORDS[0].title()} {WORDS[1].title()}",
    "aliases": (WORDS[2],),
    "plan": WORDS[3] + "\n" + "long " * 3000,
    "title": WORDS[4],
    "office": WORDS[5],
}


def other_people(count: int) -> list[Create]:
    return [Create(f"p{n:03}", {"name": f"Person {n}", "plan": f"plan of {n}\n" * 9}) for n in range(count)]


def bytes_on_disk(path: Path) -> bytes:
    log = path.with_name(f"{path.name}-wal")
    return path.read_bytes() + (log.read_bytes() if log.exists() else b"")


def wait_until_erased(opened: OpenStore) -> None:
    """Advance the clock by the delay after which removed people are erased, and wait for the writer."""
    opened.clock.advance(sqlite_writer.FORGET_DELAY)
    wait_for(opened.store.writer.thread.run(lambda: None))


@pytest.fixture
def store_with_traces(tmp_path: Path) -> Any:
    """Return a store with a person who has left traces of every kind."""
    opened = OpenStore(tmp_path / "people.db")
    opened.save(*other_people(300))
    opened.save(Create("bumblebee", TRACEABLE))
    opened.save(Modify("bumblebee", {"plan": f"{WORDS[6]} " * 900}))
    opened.save(Rename("bumblebee", "wallflower"))
    opened.save(Rename("wallflower", "gardenia"))
    wait_for(opened.store.save_last_seen({"gardenia": NOW}))
    opened.save(*(Modify(f"p{n:03}", {"title": f"t{n}"}) for n in range(100)))
    yield opened
    stopped = opened.store.stopService()
    opened.clock.advance(sqlite_writer.FORGET_DELAY)
    wait_for(stopped)


TRACES = (*WORDS, "bumblebee", "wallflower", "gardenia")


def test_no_row_and_no_byte_is_left(store_with_traces: OpenStore) -> None:
    before = bytes_on_disk(store_with_traces.path).lower()
    assert all(word.encode() in before for word in TRACES)
    store_with_traces.save(Remove("gardenia"))
    wait_until_erased(store_with_traces)
    connection = sqlite3.connect(store_with_traces.path)
    dump = "\n".join(connection.iterdump()).lower()
    tables = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    connection.close()
    assert {"people", "names", "history", "changes", "seen", "words", "words_data", "words_content"} <= set(tables)
    for word in TRACES:
        assert word not in dump, word
        assert word.encode().hex() not in dump, word
    after = bytes_on_disk(store_with_traces.path).lower()
    for word in TRACES:
        assert word.encode() not in after, word
        assert word[:8].encode() not in after, word
    assert result_of(store_with_traces.store.get("p005")).title == "t5"
    assert len(result_of(store_with_traces.store.page("", 999, ALL))) == 300


def test_until_then_only_the_change_row_remains(store_with_traces: OpenStore) -> None:
    n = store_with_traces.save(Remove("gardenia"))
    changes = store_with_traces.rows(
        "SELECT n, login, fields FROM changes WHERE login IN ('gardenia', 'wallflower', 'bumblebee')"
    )
    assert changes == [(n, "gardenia", "")]
    store_with_traces.clock.advance(sqlite_writer.FORGET_DELAY - 0.01)
    assert store_with_traces.rows("SELECT count(*) FROM changes WHERE login = 'gardenia'") == [(1,)]
    wait_until_erased(store_with_traces)
    assert store_with_traces.rows("SELECT count(*) FROM changes WHERE login = 'gardenia'") == [(0,)]


def test_names_of_a_removed_person_are_free_again(store_with_traces: OpenStore) -> None:
    store_with_traces.save(Remove("gardenia"))
    assert store_with_traces.save(
        Create("bumblebee"), Create("gardenia"), Create("new", {"aliases": ("wallflower", WORDS[2])})
    )
    assert result_of(store_with_traces.store.history("gardenia", 9)) == []


def test_shutdown_waits_until_everything_is_erased(tmp_path: Path) -> None:
    """Commands stop right after the edit."""
    opened = OpenStore(tmp_path / "people.db")
    opened.save(Create("bumblebee", TRACEABLE))
    opened.save(Remove("bumblebee"))
    stopped = opened.store.stopService()
    assert not stopped.called
    opened.clock.advance(sqlite_writer.FORGET_DELAY)
    wait_for(stopped)
    assert opened.rows("SELECT count(*) FROM changes") == [(0,)]
    assert not any(word.encode() in bytes_on_disk(opened.path).lower() for word in (*WORDS, "bumblebee"))


def test_remains_of_a_killed_command_are_erased_at_the_next_start(tmp_path: Path) -> None:
    opened = OpenStore(tmp_path / "people.db")
    opened.write(Create("bumblebee", TRACEABLE), Create("alice"))
    opened.write(Remove("bumblebee"))  # and the process was killed before it erased them
    assert b"bumblebee" in bytes_on_disk(opened.path)
    serving = sqlite_store.SQLiteStore(opened.path, opened.clock, readers=1)
    serving.startService()
    wait_for(serving.reader.read_in_thread(lambda _: None))
    opened.clock.advance(sqlite_writer.FORGET_DELAY)
    wait_for(serving.writer.thread.run(lambda: None))
    assert not any(word.encode() in bytes_on_disk(opened.path).lower() for word in (*WORDS, "bumblebee"))
    assert result_of(serving.get("alice")) is not None
    wait_for(serving.stopService())
    wait_for(opened.store.stopService())


def test_traces_kept_by_a_long_reader_are_logged(store_with_traces: OpenStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """While another program reads an older state, the WAL cannot be truncated; a warning is logged."""
    monkeypatch.setattr(sqlite_writer, "BUSY_TIMEOUT", 0.05)
    reader = sqlite3.connect(store_with_traces.path, isolation_level=None)
    reader.execute("BEGIN")
    assert reader.execute("SELECT count(*) FROM people").fetchone() == (301,)
    store_with_traces.store.writer.thread.run(store_with_traces.store.writer.close)
    store_with_traces.save(Remove("gardenia"))
    wait_until_erased(store_with_traces)
    assert store_with_traces.store.watcher._warned.startswith("removed, but some traces are left: ")
    reader.execute("COMMIT")
    reader.close()
    store_with_traces.save(Remove("p000"))
    wait_until_erased(store_with_traces)
    assert not any(word.encode() in bytes_on_disk(store_with_traces.path).lower() for word in TRACES)


# caches of other processes


class OtherProcess:
    """Another process: a store and a directory on the same file."""

    def __init__(self, path: Path) -> None:
        self.clock = ReactorClock()
        self.store = sqlite_store.SQLiteStore(path, self.clock, readers=0)
        self.store.startService()
        self.directory = DirectoryService(self.store, (), Policy.preset(), self.clock)
        self.directory.startService()
        self.clock.advance(file_watcher.POLL_INTERVAL)

    def stop(self) -> None:
        wait_for(self.store.stopService())

    def finds(self, name: str) -> bool:
        answer = result_of(self.directory.lookup(name, STRANGER))
        assert isinstance(answer, Found | NotFound)
        return isinstance(answer, Found)


def test_R003_another_process_drops_the_person(store_with_traces: OpenStore) -> None:
    other = OtherProcess(store_with_traces.path)
    assert other.finds("gardenia")
    store_with_traces.save(Remove("gardenia"))
    other.clock.advance(file_watcher.POLL_INTERVAL)
    assert not any(other.finds(name) for name in ("gardenia", "wallflower", "bumblebee", WORDS[2], TRACEABLE["name"]))
    assert other.finds("p001")
    other.stop()


def test_R003_a_process_that_missed_the_row_clears_its_cache(store_with_traces: OpenStore) -> None:
    """The row was erased before the poll: a gap in the change numbers shows that."""
    other = OtherProcess(store_with_traces.path)
    assert other.finds("gardenia")
    assert other.finds("p001")
    store_with_traces.save(Remove("gardenia"))
    wait_until_erased(store_with_traces)
    with pytest.raises(StoreReplaced):
        result_of(other.store.changes(other.directory.last_change))
    assert other.finds("gardenia")  # cached, and not polled yet
    other.clock.advance(file_watcher.POLL_INTERVAL)
    assert not other.finds("gardenia")
    assert other.directory.last_change == result_of(store_with_traces.store.last_change())
    store_with_traces.save(Modify("p001", {"title": "New"}), at=NOW + timedelta(days=1))
    other.clock.advance(file_watcher.POLL_INTERVAL)
    assert result_of(other.directory.lookup("p001", STRANGER)).profile.title == "New"
    assert result_of(other.store.changes(other.directory.last_change)) == []
    other.stop()


def test_the_own_directory_follows_changes_after_a_removal(store_with_traces: OpenStore) -> None:
    """The directory that made the edit has dropped the person already and follows later changes without a gap."""
    service = DirectoryService(store_with_traces.store, (), Policy.preset(), store_with_traces.clock)
    service.startService()
    assert isinstance(result_of(service.lookup("gardenia", STRANGER)), Found)
    wait_for(service.edit("gardenia", Remove(""), ADMINISTRATOR))
    assert result_of(service.lookup("gardenia", STRANGER)) == NotFound()
    wait_until_erased(store_with_traces)
    write_edits(store_with_traces.path, [Modify("p002", {"title": "x"})])
    assert len(result_of(store_with_traces.store.changes(service.last_change))) == 1
