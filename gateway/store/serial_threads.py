"""Threads for what must not hold up the reactor: jobs in order, each with a Deferred. They know nothing of what is done.

They are daemons: one that hangs in a disk does not hold up the end of the process.
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
MOST_WAITING = 256


class WorkerThreads:
    """*count* threads called *name*, begun when they are first needed; with none, jobs run at once, where they are asked
    for. *reactor* is where results come back; each thread calls *ended* before it ends."""

    def __init__(
        self, reactor: IReactorFromThreads, name: str, count: int = 1, ended: Callable[[], object] = lambda: None
    ) -> None:
        self._reactor, self._name, self._count, self._ended = reactor, name, count, ended
        self._jobs: SimpleQueue[tuple[Deferred[Any], Callable[[], Any]] | None] = SimpleQueue()
        self._waiting = 0
        self._begun = 0

    def do(self, job: Callable[[], T]) -> "Deferred[T]":
        """Runs *job* in a thread. The Deferred cannot take it back. Fails with SourceDown where too many wait."""
        if self._waiting >= MOST_WAITING:
            return fail(SourceDown(f"too many jobs wait for the {self._name}"))
        return self._put(job)

    def stop(self, last: Callable[[], T]) -> "Deferred[T]":
        """Runs *last* behind all jobs that are in, however many (with several threads: beside the last of them); then the
        threads end."""
        done = self._put(last)
        for _ in range(self._begun):
            self._jobs.put(None)
        self._begun = 0
        return done

    def _put(self, job: Callable[[], T]) -> "Deferred[T]":
        if not self._count:
            return execute(job)
        done: Deferred[T] = Deferred(lambda _: None)
        self._waiting += 1
        if self._begun < min(self._count, self._waiting):
            self._begun += 1
            Thread(target=self._run, name=self._name, daemon=True).start()
        self._jobs.put((done, job))
        return done

    def _run(self) -> None:
        while (work := self._jobs.get()) is not None:
            done, job = work
            try:
                result = job()
            except BaseException:
                result = Failure()
            self._reactor.callFromThread(self._done, done, result)
        self._ended()

    def _done(self, done: "Deferred[Any]", result: Any) -> None:
        self._waiting -= 1
        if not done.called:
            done.callback(result)
