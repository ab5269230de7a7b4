"""One thread that writes: jobs in order, each with a Deferred. It knows nothing of what is written.

The thread is a daemon: one that hangs in a disk does not hold up the end of the process.
"""

from collections.abc import Callable
from queue import SimpleQueue
from threading import Thread
from typing import Any, TypeVar

from twisted.internet.defer import Deferred, fail
from twisted.internet.interfaces import IReactorFromThreads
from twisted.python.failure import Failure

from ..directory.ports import SourceDown

T = TypeVar("T")
MOST_WAITING = 256


class Writer:
    """*reactor* is where results come back."""

    def __init__(self, reactor: IReactorFromThreads) -> None:
        self._reactor = reactor
        self._jobs: SimpleQueue[tuple[Deferred[Any], Callable[[], Any]] | None] = SimpleQueue()
        self._waiting = 0
        self._thread: Thread | None = None

    def do(self, job: Callable[[], T]) -> "Deferred[T]":
        """Runs *job* in the thread. The Deferred cannot take it back. Fails with SourceDown where too many wait."""
        if self._waiting >= MOST_WAITING:
            return fail(SourceDown("too many edits wait to be written"))
        return self._put(job)

    def stop(self, last: Callable[[], T]) -> "Deferred[T]":
        """Runs *last* behind all jobs that are in, however many; then the thread ends."""
        done = self._put(last)
        self._jobs.put(None)
        self._thread = None
        return done

    def _put(self, job: Callable[[], T]) -> "Deferred[T]":
        done: Deferred[T] = Deferred()
        if self._thread is None:
            self._thread = Thread(target=self._run, name="writer", daemon=True)
            self._thread.start()
        self._waiting += 1
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

    def _done(self, done: "Deferred[Any]", result: Any) -> None:
        self._waiting -= 1
        done.callback(result)
