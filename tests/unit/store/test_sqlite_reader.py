"""R002: reads of a key are inline while the disk is fast, and in threads for a while where it was slow."""

import sqlite3
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.defer import Deferred

from gateway.directory.interfaces import UNSPECIFIED, Create, NameVisibilityFilter, SourceDown
from gateway.store import database, sqlite_reader, sqlite_store
from gateway.store.sqlite_reader import INLINE_PAUSE, MAX_SLOW_READS, SLOW_READ
from gateway.store.worker_threads import WorkerThreads
from tests.unit.fixtures import ReactorClock, result_of, write_edits
from tests.unit.store.waiting import wait_for

ALL = NameVisibilityFilter(UNSPECIFIED, 2)


class Disk:
    """A clock for perf_counter: each read takes *seconds*."""

    def __init__(self) -> None:
        self.at, self.seconds = 0.0, 0.0

    def __call__(self) -> float:
        self.at += self.seconds
        return self.at


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    made = Disk()
    monkeypatch.setattr(sqlite_reader, "perf_counter", made)
    return made


@pytest.fixture
def store(tmp_path: Path, disk: Disk) -> Iterator[sqlite_store.SQLiteStore]:
    path = tmp_path / "people.db"
    database.create(path)
    write_edits(path, [Create("alice", {"name": "Ann Adams"})])
    made = sqlite_store.SQLiteStore(path, ReactorClock())
    made.startService()
    yield made
    wait_for(made.stopService())


def inline(store: sqlite_store.SQLiteStore, asking: Any) -> bool:
    """Does *asking* read in this thread?"""
    here, readers, original = threading.current_thread(), list[threading.Thread](), store.reader.read_in_thread

    def aside(read: Callable[[sqlite3.Connection], Any]) -> Any:
        def noted(connection: sqlite3.Connection) -> Any:
            readers.append(threading.current_thread())
            return read(connection)

        return original(noted)

    store.reader.read_in_thread = aside  # type: ignore[method-assign]
    try:
        wait_for(asking)
    finally:
        store.reader.read_in_thread = original  # type: ignore[method-assign]
    assert here not in readers
    return not readers


def test_R002_slow_reads_are_counted_and_move_to_threads_for_a_while(
    store: sqlite_store.SQLiteStore, disk: Disk
) -> None:
    assert (SLOW_READ, MAX_SLOW_READS, INLINE_PAUSE) == (0.02, 3, 60.0)
    disk.seconds = 0.019
    for _ in range(9):
        assert inline(store, store.get("alice"))
    assert store.slow_reads == 0
    disk.seconds = 0.05
    for count in (1, 2, 3):
        assert inline(store, store.get("alice"))
        assert store.slow_reads == count
    assert not inline(store, store.get("alice"))
    assert not inline(store, store.find_logins("ann adams", ALL))
    store.reader._reactor.advance(INLINE_PAUSE - 0.1)
    assert not inline(store, store.get("alice"))
    store.reader._reactor.advance(0.2)
    assert inline(store, store.get("alice"))  # tried again
    assert store.slow_reads == 4
    disk.seconds = 0.0
    for _ in range(9):
        assert inline(store, store.get("alice"))
    assert store.slow_reads == 4


def test_R002_what_is_found_by_other_names_counts_too(store: sqlite_store.SQLiteStore, disk: Disk) -> None:
    disk.seconds = 0.05
    for _ in range(3):
        assert inline(store, store.find_logins("ann adams", ALL))
    assert store.slow_reads == 3
    assert not inline(store, store.find_logins("ann adams", ALL))


def test_R002_in_threads_the_answers_are_the_same(store: sqlite_store.SQLiteStore, disk: Disk) -> None:
    disk.seconds = 0.05
    for _ in range(3):
        result_of(store.get("alice"))
    person = wait_for(store.get("alice"))
    assert (person.login, person.name) == ("alice", "Ann Adams")
    assert wait_for(store.get("nobody")) is None
    assert wait_for(store.find_logins("ann adams", ALL)) == ["alice"]
    write_edits(store.path, [Create("bob")])
    assert wait_for(store.get("bob")).login == "bob"


def test_R002_a_thread_that_hangs_holds_up_neither_the_reactor_nor_the_others(
    store: sqlite_store.SQLiteStore, disk: Disk
) -> None:
    disk.seconds = 0.05
    for _ in range(3):
        result_of(store.get("alice"))
    gate = threading.Event()
    hanging = [store.reader.read_in_thread(lambda _: gate.wait(10)) for _ in range(3)]
    assert wait_for(store.get("alice")).login == "alice"
    assert not any(each.called for each in hanging)
    gate.set()
    for each in hanging:
        wait_for(each)


def test_R002_so_many_may_wait_and_no_more(
    store: sqlite_store.SQLiteStore, disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.reader.threads = WorkerThreads(
        store.reader._reactor, "readers", 1, store.reader.close_thread_connection
    )  # here threads count, no reactor
    disk.seconds = 0.05
    for _ in range(3):
        result_of(store.get("alice"))
    monkeypatch.setattr("gateway.store.worker_threads.MAX_WAITING_JOBS", 6)
    gate = threading.Event()
    hanging = [store.reader.read_in_thread(lambda _: gate.wait(10)) for _ in range(6)]
    with pytest.raises(SourceDown, match="too many jobs wait for the readers"):
        wait_for(store.get("alice"))
    gate.set()
    for each in hanging:
        wait_for(each)
    assert wait_for(store.get("alice")).login == "alice"


def test_lists_and_searches_are_never_inline(store: sqlite_store.SQLiteStore) -> None:
    for asking in (
        store.page("", 9, ALL), store.search(("ann",), 0, 9, ALL),
        store.logins_starting_with("a", 9, ALL), store.history("alice", 9)
    ):  # fmt: skip
        assert not inline(store, asking)


def test_an_error_in_a_thread_is_a_source_that_is_down(store: sqlite_store.SQLiteStore) -> None:
    def fails(_: sqlite3.Connection) -> None:
        raise sqlite3.OperationalError("disk I/O error")

    with pytest.raises(SourceDown, match=r"people\.db: disk I/O error"):
        wait_for(store.reader.read_in_thread(fails))
    assert wait_for(store.page("", 9, ALL)) == ["alice"]


def test_without_readers_nothing_waits(tmp_path: Path, disk: Disk) -> None:
    path = tmp_path / "alone.db"
    database.create(path)
    alone = sqlite_store.SQLiteStore(path, ReactorClock(), readers=0)
    alone.startService()
    results: list[Any] = []
    Deferred.fromCoroutine(alone.page("", 9, ALL)).addCallback(results.append)
    assert results == [[]]
    wait_for(alone.stopService())
