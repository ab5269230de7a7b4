"""Threads for work that must not hold up the reactor: jobs in order, each with a Deferred.

They are daemon threads: one that is blocked on disk I/O does not hold up the end of the process.
"""

from collections.abc import Callable
from queue import SimpleQueue
from threading import Thread
from typing import Any, TypeVar

from twisted.internet.defer import Deferred, execute, fail
from twisted.internet.interfaces import IReactorFromThreads
from twisted.python.failure import Failure

from ..directory.interfaces import SourceDown

T = TypeVar("T")
MAX_WAITING_JOBS = 256


class WorkerThreads:
    """*count* threads called *name*, started when they are first needed.

    With a count of 0 jobs run at once in the calling thread. Results come back in *reactor*'s thread. Each thread calls
    *at_end* before it ends.
    """

    def __init__(
        self, reactor: IReactorFromThreads, name: str, count: int = 1, at_end: Callable[[], object] = lambda: None
    ) -> None:
        self._reactor, self._name, self._count, self._ended = reactor, name, count, at_end
        self._jobs: SimpleQueue[tuple[Deferred[Any], Callable[[], Any]] | None] = SimpleQueue()
        self._waiting = 0
        self._started = 0

    def run(self, job: Callable[[], T]) -> "Deferred[T]":
        """Run *job* in a thread. Cancelling the Deferred does not stop the job.

        Fails with SourceDown if too many jobs wait.
        """
        if self._waiting >= MAX_WAITING_JOBS:
            return fail(SourceDown(f"too many jobs wait for the {self._name}"))
        return self._put(job)

    def stop(self, last: Callable[[], T]) -> "Deferred[T]":
        """Run *last* after all jobs that wait, however many; then the threads end.

        With several threads it runs beside the last of those jobs.
        """
        done = self._put(last)
        for _ in range(self._started):
            self._jobs.put(None)
        self._started = 0
        return done

    def _put(self, job: Callable[[], T]) -> "Deferred[T]":
        if not self._count:
            return execute(job)
        done: Deferred[T] = Deferred(lambda _: None)
        self._waiting += 1
        if self._started < min(self._count, self._waiting):
            self._started += 1
            Thread(target=self._work, name=self._name, daemon=True).start()
        self._jobs.put((done, job))
        return done

    def _work(self) -> None:
        while (work := self._jobs.get()) is not None:
            done, job = work
            try:
                result = job()
            except BaseException:
                result = Failure()
            self._reactor.callFromThread(self._deliver, done, result)
        self._ended()

    def _deliver(self, done: "Deferred[Any]", result: Any) -> None:
        self._waiting -= 1
        if not done.called:
            done.callback(result)
