"""Reading a SQLite file: key reads inline on a kept connection while the disk is fast, everything else in threads.

A key read of a local file costs 10 µs inline and 90 µs through a thread. If inline reads turn out slow, threads read for a
while.
"""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import local
from time import perf_counter
from typing import Any, TypeVar

from twisted.internet.defer import Deferred

from ..directory.interfaces import SourceDown
from .database import connect, describe_error
from .worker_threads import WorkerThreads

T = TypeVar("T")
SLOW_READ = 0.02  # seconds
MAX_SLOW_READS = 3  # inline, before threads take over
INLINE_PAUSE = 60.0  # seconds during which all reads run in threads
_READ_BUSY_TIMEOUT = 0.05  # seconds


class SQLiteReader:
    """Reads the file *path*. *threads* is the size of the pool; with 0 everything is read inline.

    *warn* is called when reads become slow. *slow_reads* counts inline reads that held up the reactor. *file* is the
    identity of the file that is read.
    """

    def __init__(self, path: Path, reactor: Any, threads: int, warn: Callable[[str], None]) -> None:
        self._path, self._reactor, self._warn = path, reactor, warn
        self.threads = WorkerThreads(reactor, "readers", threads, self.close_thread_connection)
        self._of_thread = local()
        self.connection: sqlite3.Connection | None = None
        self.file: tuple[int, int] | None = None
        self._in_threads_until = 0.0
        self.slow_reads = 0

    def open(self, file: tuple[int, int]) -> None:
        """Open the file at the path, and close the one that was open. Raises sqlite3.Error.

        *file* is the identity that was taken before the file was checked: if it is replaced meanwhile, the next poll sees
        that.
        """
        connection = connect(self._path, "ro", _READ_BUSY_TIMEOUT)
        if self.connection is not None:
            self.connection.close()
        self.connection, self.file = connection, file

    def close(self) -> None:
        if self.connection is not None:
            self.connection.close()
            self.connection = None

    async def read_inline(self, read: Callable[[sqlite3.Connection], T]) -> T:
        """Run *read*, which is of a key, inline, unless the disk is slow just now. Raises SourceDown."""
        if self._in_threads_until:
            return await self.read_in_thread(read)
        started = perf_counter()
        with self.reading() as connection:
            result = read(connection)
        if perf_counter() - started > SLOW_READ:
            self._count_slow_read()
        return result

    def _count_slow_read(self) -> None:
        self.slow_reads += 1
        if self.slow_reads % MAX_SLOW_READS:
            return
        self._in_threads_until = self._reactor.seconds() + INLINE_PAUSE
        self._warn(
            f"{self._path}: {MAX_SLOW_READS} reads took more than {SLOW_READ * 1000:.0f} ms; reading in threads from now on"
        )

    def resume_inline_reads(self) -> None:
        """Read inline again once the pause is over."""
        if self._in_threads_until and self._reactor.seconds() >= self._in_threads_until:
            self._in_threads_until = 0.0

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Give the connection of the reactor thread. Raises SourceDown."""
        if self.connection is None:
            raise SourceDown(f"{self._path} is not open")
        try:
            yield self.connection
        except sqlite3.Error as error:
            raise SourceDown(describe_error(self._path, error)) from error

    def read_in_thread(self, read: Callable[[sqlite3.Connection], T]) -> "Deferred[T]":
        """Run *read* in one of the threads. Fails with SourceDown."""
        return self.threads.run(lambda: self._read_with_thread_connection(read))

    def _read_with_thread_connection(self, read: Callable[[sqlite3.Connection], T]) -> T:
        kept = getattr(self._of_thread, "kept", None)
        try:
            if kept is None or kept[0] != self.file:
                self.close_thread_connection()
                kept = self._of_thread.kept = (self.file, connect(self._path, "ro", _READ_BUSY_TIMEOUT))
            return read(kept[1])
        except sqlite3.Error as error:
            raise SourceDown(describe_error(self._path, error)) from error

    def close_thread_connection(self) -> None:
        if getattr(self._of_thread, "kept", None) is not None:
            self._of_thread.kept[1].close()
            self._of_thread.kept = None
