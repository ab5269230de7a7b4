"""One thread that writes: jobs in order, each with a Deferred, and a bound."""

import threading
from typing import Any, cast

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorFromThreads

from gateway.directory.interfaces import SourceDown
from gateway.store import worker_threads
from gateway.store.worker_threads import WorkerThreads
from tests.unit.fixtures import ReactorClock
from tests.unit.store.waiting import wait_for

AT_ONCE = cast("IReactorFromThreads", ReactorClock())


def test_jobs_run_in_order_in_one_thread_that_is_not_ours() -> None:
    one = WorkerThreads(AT_ONCE, "writer")
    ran: list[tuple[int, threading.Thread]] = []

    def job(number: int) -> int:
        ran.append((number, threading.current_thread()))
        return number

    results = [one.run(lambda number=number: job(number)) for number in range(100)]  # type: ignore[misc]
    wait_for(one.stop(lambda: None))
    assert [number for number, _ in ran] == list(range(100))
    assert [each.result for each in results] == list(range(100))
    threads = {thread for _, thread in ran}
    assert len(threads) == 1
    assert threading.main_thread() not in threads
    assert threads.pop().daemon


def test_a_job_that_fails_fails_alone() -> None:
    one = WorkerThreads(AT_ONCE, "writer")

    def fails() -> None:
        raise ZeroDivisionError("no")

    with pytest.raises(ZeroDivisionError):
        wait_for(one.run(fails))
    assert wait_for(one.run(lambda: "next")) == "next"

    def ends() -> None:
        raise SystemExit

    with pytest.raises(SystemExit):
        wait_for(one.run(ends))
    assert wait_for(one.run(lambda: "still there")) == "still there"
    wait_for(one.stop(lambda: None))


def test_too_many_are_refused_and_room_comes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    assert worker_threads.MAX_WAITING_JOBS == 256
    monkeypatch.setattr(worker_threads, "MAX_WAITING_JOBS", 3)
    one, gate = WorkerThreads(AT_ONCE, "writer"), threading.Event()
    waiting: list[Deferred[Any]] = [one.run(lambda: gate.wait(10)), one.run(lambda: 2), one.run(lambda: 3)]
    with pytest.raises(SourceDown, match="too many jobs wait for the writer"):
        wait_for(one.run(lambda: 4))
    gate.set()
    assert wait_for(waiting[2]) == 3
    assert wait_for(one.run(lambda: 5)) == 5
    wait_for(one.stop(lambda: None))


def test_a_stop_comes_behind_the_jobs_that_are_in() -> None:
    ended = threading.Event()
    one, gate, ran = WorkerThreads(AT_ONCE, "writer", at_end=ended.set), threading.Event(), list[int]()
    one.run(lambda: gate.wait(10))
    one.run(lambda: ran.append(1))
    last = one.stop(lambda: ran.append(2))
    assert not last.called
    gate.set()
    wait_for(last)
    assert ran == [1, 2]
    assert ended.wait(10)
    assert wait_for(one.run(lambda: 3)) == 3  # it starts again where it has to
    wait_for(one.stop(lambda: None))
