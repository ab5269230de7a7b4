"""WorkerThreads: jobs run in order, each with a Deferred, up to a maximum."""

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

REACTOR = cast("IReactorFromThreads", ReactorClock())


def test_jobs_run_in_order_in_one_other_thread() -> None:
    worker = WorkerThreads(REACTOR, "writer")
    ran: list[tuple[int, threading.Thread]] = []

    def job(number: int) -> int:
        ran.append((number, threading.current_thread()))
        return number

    results = [worker.run(lambda number=number: job(number)) for number in range(100)]  # type: ignore[misc]
    wait_for(worker.stop(lambda: None))
    assert [number for number, _ in ran] == list(range(100))
    assert [each.result for each in results] == list(range(100))
    threads = {thread for _, thread in ran}
    assert len(threads) == 1
    assert threading.main_thread() not in threads
    assert threads.pop().daemon


def test_a_failing_job_does_not_affect_the_next() -> None:
    worker = WorkerThreads(REACTOR, "writer")

    def fail() -> None:
        raise ZeroDivisionError("no")

    with pytest.raises(ZeroDivisionError):
        wait_for(worker.run(fail))
    assert wait_for(worker.run(lambda: "next")) == "next"

    def exit_thread() -> None:
        raise SystemExit

    with pytest.raises(SystemExit):
        wait_for(worker.run(exit_thread))
    assert wait_for(worker.run(lambda: "still there")) == "still there"
    wait_for(worker.stop(lambda: None))


def test_too_many_jobs_are_refused_until_some_finish(monkeypatch: pytest.MonkeyPatch) -> None:
    assert worker_threads.MAX_WAITING_JOBS == 256
    monkeypatch.setattr(worker_threads, "MAX_WAITING_JOBS", 3)
    worker, gate = WorkerThreads(REACTOR, "writer"), threading.Event()
    waiting: list[Deferred[Any]] = [
        worker.run(lambda: gate.wait(10)),
        worker.run(lambda: 2),
        worker.run(lambda: 3),
    ]
    with pytest.raises(SourceDown, match="too many jobs wait for the writer"):
        wait_for(worker.run(lambda: 4))
    gate.set()
    assert wait_for(waiting[2]) == 3
    assert wait_for(worker.run(lambda: 5)) == 5
    wait_for(worker.stop(lambda: None))


def test_stop_runs_after_the_queued_jobs() -> None:
    ended = threading.Event()
    worker, gate, ran = WorkerThreads(REACTOR, "writer", at_end=ended.set), threading.Event(), list[int]()
    worker.run(lambda: gate.wait(10))
    worker.run(lambda: ran.append(1))
    last = worker.stop(lambda: ran.append(2))
    assert not last.called
    gate.set()
    wait_for(last)
    assert ran == [1, 2]
    assert ended.wait(10)
    assert wait_for(worker.run(lambda: 3)) == 3  # the thread starts again
    wait_for(worker.stop(lambda: None))
