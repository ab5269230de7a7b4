"""Writing a SQLite file: one thread, one transaction per call, with BEGIN IMMEDIATE.

After a removal the rows about it are removed too, once every cache has read them.
"""

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall

from ..directory.interfaces import SourceDown
from .database import BUSY_TIMEOUT, connect, describe_error, file_identity
from .worker_threads import WorkerThreads

T = TypeVar("T")
FORGET_DELAY = 0.3  # seconds after which all traces of a removed person must be gone


class SQLiteWriter:
    """Writes to the file *path*. *warn* is called with what goes wrong in the background."""

    def __init__(self, path: Path, reactor: Any, warn: Callable[[str], None]) -> None:
        self._path, self._reactor, self._warn = path, reactor, warn
        self.thread = WorkerThreads(reactor, "writer")
        self._transactions: Any = None  # EditTransactions, whose module imports SQLAlchemy
        self._connected_file: tuple[int, int] | None = None
        self._forgetting: IDelayedCall | None = None
        self._last_removal = 0

    def write(self, job: Callable[[Any], T]) -> "Deferred[T]":
        """Run *job* with an EditTransactions in the thread. Fails with SourceDown and what *job* raises."""
        return self.thread.run(lambda: self._write(job))

    def _write(self, job: Callable[[Any], T]) -> T:
        from .edit_transactions import EditTransactions

        try:
            if self._transactions is None:
                self._transactions = EditTransactions(self._connect, self._file_replaced)
            return job(self._transactions)
        except sqlite3.Error as error:
            raise SourceDown(describe_error(self._path, error)) from error

    def _connect(self) -> sqlite3.Connection:
        self._connected_file = _identity_or_none(self._path)
        return connect(self._path, "rw", BUSY_TIMEOUT)

    def _file_replaced(self) -> bool:
        file = _identity_or_none(self._path)
        return file is not None and file != self._connected_file

    def forget_removals(self, upto: int) -> None:
        """Remove all traces of removals up to change *upto*, once everybody has read that they happened."""
        self._last_removal = max(self._last_removal, upto)
        if self._forgetting is None:
            self._forgetting = self._reactor.callLater(FORGET_DELAY, self._forget)

    def _forget(self) -> None:
        self._forgetting = None
        upto = self._last_removal
        forgotten = self.write(lambda transactions: transactions.forget(upto))
        forgotten.addErrback(lambda failure: self._warn(f"removed, but some traces are left: {failure.value}"))

    def reopen(self) -> None:
        """Let the next write open the file that is at the path then."""
        self.thread.run(self.close)

    def close(self) -> None:
        """Close the connection; in the writing thread."""
        if self._transactions is not None:
            self._transactions.close()
            self._transactions = None

    def when_forgotten(self) -> "Deferred[None] | None":
        """Return a Deferred that fires when the traces of removals are about to go; None if there are none."""
        if self._forgetting is None:
            return None
        done: Deferred[None] = Deferred()
        self._reactor.callLater(max(0.0, self._forgetting.getTime() - self._reactor.seconds()), done.callback, None)
        return done

    def stop(self) -> "Deferred[None]":
        """Write everything that was begun, then close."""
        return self.thread.stop(self.close)


def _identity_or_none(path: Path) -> tuple[int, int] | None:
    try:
        return file_identity(path)
    except OSError:
        return None
