"""A removal leaves nothing: no row, no octet of the file, no cache of any process."""

import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from gateway.directory.answers import Found, NotFound
from gateway.directory.interfaces import Create, Modify, Remove, Rename, StoreReplaced
from gateway.directory.privacy import Policy
from gateway.directory.service import DirectoryService
from gateway.store import file_watcher, sqlite_store, sqlite_writer
from tests.unit.directory.doubles import ADMINISTRATOR, STRANGER
from tests.unit.fixtures import ReactorClock, result_of, write_edits
from tests.unit.store.test_sqlite_store import ALL, FULL, Opened
from tests.unit.store.waiting import wait_for

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
WORDS = ("quetzalcoatl", "xylophonist", "zymurgy", "kaleidoscope", "vexillology", "bumfuzzle", "onomatopoeia")
ODD: dict[str, Any] = FULL | {
    "name": f"{WORDS[0].title()} {WORDS[1].title()}",
    "aliases": (WORDS[2],),
    "plan": WORDS[3] + "\n" + "long " * 3000,
    "title": WORDS[4],
    "office": WORDS[5],
}


def others(count: int) -> list[Create]:
    return [Create(f"p{n:03}", {"name": f"Person {n}", "plan": f"plan of {n}\n" * 9}) for n in range(count)]


def octets(path: Path) -> bytes:
    log = path.with_name(f"{path.name}-wal")
    return path.read_bytes() + (log.read_bytes() if log.exists() else b"")


def forgotten(opened: Opened) -> None:
    """Lets the time pass after which nothing may tell any more."""
    opened.clock.advance(sqlite_writer.FORGET_DELAY)
    wait_for(opened.store.writer.thread.run(lambda: None))


@pytest.fixture
def full(tmp_path: Path) -> Any:
    """A store with one who has done all that leaves traces."""
    opened = Opened(tmp_path / "people.db")
    opened.save(*others(300))
    opened.save(Create("bumblebee", ODD))
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


def test_no_row_and_no_octet_is_left(full: Opened) -> None:
    before = octets(full.path).lower()
    assert all(word.encode() in before for word in TRACES)
    full.save(Remove("gardenia"))
    forgotten(full)
    connection = sqlite3.connect(full.path)
    dump = "\n".join(connection.iterdump()).lower()
    tables = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    connection.close()
    assert {"people", "names", "history", "changes", "seen", "words", "words_data", "words_content"} <= set(tables)
    for word in TRACES:
        assert word not in dump, word
        assert word.encode().hex() not in dump, word
    after = octets(full.path).lower()
    for word in TRACES:
        assert word.encode() not in after, word
        assert word[:8].encode() not in after, word
    assert result_of(full.store.get("p005")).title == "t5"
    assert len(result_of(full.store.page("", 999, ALL))) == 300


def test_until_then_just_the_row_that_tells_the_caches(full: Opened) -> None:
    n = full.save(Remove("gardenia"))
    told = full.rows("SELECT n, login, fields FROM changes WHERE login IN ('gardenia', 'wallflower', 'bumblebee')")
    assert told == [(n, "gardenia", "")]
    full.clock.advance(sqlite_writer.FORGET_DELAY - 0.01)
    assert full.rows("SELECT count(*) FROM changes WHERE login = 'gardenia'") == [(1,)]
    forgotten(full)
    assert full.rows("SELECT count(*) FROM changes WHERE login = 'gardenia'") == [(0,)]


def test_what_a_removed_one_had_is_free_again(full: Opened) -> None:
    full.save(Remove("gardenia"))
    assert full.save(Create("bumblebee"), Create("gardenia"), Create("new", {"aliases": ("wallflower", WORDS[2])}))
    assert result_of(full.store.history("gardenia", 9)) == []


def test_a_stop_ends_when_nothing_is_left(tmp_path: Path) -> None:
    """As the command does it, which ends right after the edit."""
    opened = Opened(tmp_path / "people.db")
    opened.save(Create("bumblebee", ODD))
    opened.save(Remove("bumblebee"))
    stopped = opened.store.stopService()
    assert not stopped.called
    opened.clock.advance(sqlite_writer.FORGET_DELAY)
    wait_for(stopped)
    assert opened.rows("SELECT count(*) FROM changes") == [(0,)]
    assert not any(word.encode() in octets(opened.path).lower() for word in (*WORDS, "bumblebee"))


def test_what_a_killed_command_left_is_forgotten_at_the_next_start(tmp_path: Path) -> None:
    opened = Opened(tmp_path / "people.db")
    opened.write(Create("bumblebee", ODD), Create("alice"))
    opened.write(Remove("bumblebee"))  # and nobody lived to forget them
    assert b"bumblebee" in octets(opened.path)
    serving = sqlite_store.SQLiteStore(opened.path, opened.clock, readers=1)
    serving.startService()
    wait_for(serving.reader.read_in_thread(lambda _: None))
    opened.clock.advance(sqlite_writer.FORGET_DELAY)
    wait_for(serving.writer.thread.run(lambda: None))
    assert not any(word.encode() in octets(opened.path).lower() for word in (*WORDS, "bumblebee"))
    assert result_of(serving.get("alice")) is not None
    wait_for(serving.stopService())
    wait_for(opened.store.stopService())


def test_a_reader_that_holds_on_is_told_as_not_all_gone(full: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    """While another program reads an older state, the log cannot be emptied; the operator hears of it."""
    monkeypatch.setattr(sqlite_writer, "BUSY_TIMEOUT", 0.05)
    reader = sqlite3.connect(full.path, isolation_level=None)
    reader.execute("BEGIN")
    assert reader.execute("SELECT count(*) FROM people").fetchone() == (301,)
    full.store.writer.thread.run(full.store.writer.close)
    full.save(Remove("gardenia"))
    forgotten(full)
    assert full.store.watcher._warned.startswith("removed, but some traces are left: ")
    reader.execute("COMMIT")
    reader.close()
    full.save(Remove("p000"))
    forgotten(full)
    assert not any(word.encode() in octets(full.path).lower() for word in TRACES)


# caches of others


class Other:
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


def test_R003_another_process_drops_it(full: Opened) -> None:
    other = Other(full.path)
    assert other.finds("gardenia")
    full.save(Remove("gardenia"))
    other.clock.advance(file_watcher.POLL_INTERVAL)
    assert not any(other.finds(name) for name in ("gardenia", "wallflower", "bumblebee", WORDS[2], ODD["name"]))
    assert other.finds("p001")
    other.stop()


def test_R003_another_process_that_was_too_slow_drops_all(full: Opened) -> None:
    """The row is gone before it looked: what is missing in the numbers tells it."""
    other = Other(full.path)
    assert other.finds("gardenia")
    assert other.finds("p001")
    full.save(Remove("gardenia"))
    forgotten(full)
    with pytest.raises(StoreReplaced):
        result_of(other.store.changes(other.directory.last_change))
    assert other.finds("gardenia")  # cached, and it has not looked yet
    other.clock.advance(file_watcher.POLL_INTERVAL)
    assert not other.finds("gardenia")
    assert other.directory.last_change == result_of(full.store.last_change())
    full.save(Modify("p001", {"title": "New"}), at=NOW + timedelta(days=1))
    other.clock.advance(file_watcher.POLL_INTERVAL)
    assert result_of(other.directory.lookup("p001", STRANGER)).profile.title == "New"
    assert result_of(other.store.changes(other.directory.last_change)) == []
    other.stop()


def test_one_who_asks_while_a_removal_is_forgotten(full: Opened) -> None:
    """The own directory has dropped it with the edit, and follows on without a gap."""
    service = DirectoryService(full.store, (), Policy.preset(), full.clock)
    service.startService()
    assert isinstance(result_of(service.lookup("gardenia", STRANGER)), Found)
    wait_for(service.edit("gardenia", Remove(""), ADMINISTRATOR))
    assert result_of(service.lookup("gardenia", STRANGER)) == NotFound()
    forgotten(full)
    write_edits(full.path, [Modify("p002", {"title": "x"})])
    assert len(result_of(full.store.changes(service.last_change))) == 1
