"""R002: single reads run inline while the disk is fast, and in threads for a while after slow reads."""

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


class FakeDiskTimer:
    """A replacement for perf_counter() that makes each read take *seconds*."""

    def __init__(self) -> None:
        self.time, self.seconds = 0.0, 0.0

    def __call__(self) -> float:
        self.time += self.seconds
        return self.time


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> FakeDiskTimer:
    made = FakeDiskTimer()
    monkeypatch.setattr(sqlite_reader, "perf_counter", made)
    return made


@pytest.fixture
def store(tmp_path: Path, disk: FakeDiskTimer) -> Iterator[sqlite_store.SQLiteStore]:
    path = tmp_path / "people.db"
    database.create(path)
    write_edits(path, [Create("alice", {"name": "Ann Adams"})])
    made = sqlite_store.SQLiteStore(path, ReactorClock())
    made.startService()
    yield made
    wait_for(made.stopService())


def reads_inline(store: sqlite_store.SQLiteStore, coroutine: Any) -> bool:
    """Return whether *coroutine* reads in the calling thread."""
    here, readers, original = threading.current_thread(), list[threading.Thread](), store.reader.read_in_thread

    def recording_read(read: Callable[[sqlite3.Connection], Any]) -> Any:
        def recorded(connection: sqlite3.Connection) -> Any:
            readers.append(threading.current_thread())
            return read(connection)

        return original(recorded)

    store.reader.read_in_thread = recording_read  # type: ignore[method-assign]
    try:
        wait_for(coroutine)
    finally:
        store.reader.read_in_thread = original  # type: ignore[method-assign]
    assert here not in readers
    return not readers


def test_R002_slow_reads_are_counted_and_move_to_threads_for_a_while(
    store: sqlite_store.SQLiteStore, disk: FakeDiskTimer
) -> None:
    assert (SLOW_READ, MAX_SLOW_READS, INLINE_PAUSE) == (0.02, 3, 60.0)
    disk.seconds = 0.019
    for _ in range(9):
        assert reads_inline(store, store.get("alice"))
    assert store.slow_reads == 0
    disk.seconds = 0.05
    for count in (1, 2, 3):
        assert reads_inline(store, store.get("alice"))
        assert store.slow_reads == count
    assert not reads_inline(store, store.get("alice"))
    assert not reads_inline(store, store.find_logins("ann adams", ALL))
    store.reader._reactor.advance(INLINE_PAUSE - 0.1)
    assert not reads_inline(store, store.get("alice"))
    store.reader._reactor.advance(0.2)
    assert reads_inline(store, store.get("alice"))  # tried inline again
    assert store.slow_reads == 4
    disk.seconds = 0.0
    for _ in range(9):
        assert reads_inline(store, store.get("alice"))
    assert store.slow_reads == 4


def test_R002_name_lookups_count_too(store: sqlite_store.SQLiteStore, disk: FakeDiskTimer) -> None:
    disk.seconds = 0.05
    for _ in range(3):
        assert reads_inline(store, store.find_logins("ann adams", ALL))
    assert store.slow_reads == 3
    assert not reads_inline(store, store.find_logins("ann adams", ALL))


def test_R002_reads_in_threads_give_the_same_results(store: sqlite_store.SQLiteStore, disk: FakeDiskTimer) -> None:
    disk.seconds = 0.05
    for _ in range(3):
        result_of(store.get("alice"))
    person = wait_for(store.get("alice"))
    assert (person.login, person.name) == ("alice", "Ann Adams")
    assert wait_for(store.get("nobody")) is None
    assert wait_for(store.find_logins("ann adams", ALL)) == ["alice"]
    write_edits(store.path, [Create("bob")])
    assert wait_for(store.get("bob")).login == "bob"


def test_R002_a_hanging_thread_blocks_neither_reactor_nor_others(
    store: sqlite_store.SQLiteStore, disk: FakeDiskTimer
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


def test_R002_waiting_reads_are_limited(
    store: sqlite_store.SQLiteStore, disk: FakeDiskTimer, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.reader.threads = WorkerThreads(
        store.reader._reactor, "readers", 1, store.reader.close_thread_connection
    )  # the test counts threads and needs no reactor
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
    for coroutine in (
        store.page("", 9, ALL), store.search(("ann",), 0, 9, ALL),
        store.logins_starting_with("a", 9, ALL), store.history("alice", 9)
    ):  # fmt: skip
        assert not reads_inline(store, coroutine)


def test_an_error_in_a_thread_raises_source_down(store: sqlite_store.SQLiteStore) -> None:
    def fail(_: sqlite3.Connection) -> None:
        raise sqlite3.OperationalError("disk I/O error")

    with pytest.raises(SourceDown, match=r"people\.db: disk I/O error"):
        wait_for(store.reader.read_in_thread(fail))
    assert wait_for(store.page("", 9, ALL)) == ["alice"]


def test_without_reader_threads_all_reads_are_inline(tmp_path: Path, disk: FakeDiskTimer) -> None:
    path = tmp_path / "alone.db"
    database.create(path)
    alone = sqlite_store.SQLiteStore(path, ReactorClock(), readers=0)
    alone.startService()
    results: list[Any] = []
    Deferred.fromCoroutine(alone.page("", 9, ALL)).addCallback(results.append)
    assert results == [[]]
    wait_for(alone.stopService())
