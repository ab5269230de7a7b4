"""Watching a SQLite file: for what other processes wrote, and for another file in its place, as after a restore."""

import sqlite3
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import LoopingCall
from twisted.logger import Logger
from twisted.python.failure import Failure

from ..directory.interfaces import SourceDown
from .database import UnusableDatabase, file_identity, inspect, upgrade
from .sqlite_reader import SQLiteReader

POLL_INTERVAL = 0.04  # seconds


class FileWatcher:
    """Polls the file at *path*, which *reader* has open.

    *wake* is awaited when something was written; *on_replaced* is called after the reader has gone over to another file.
    *replaced* says that this happened, until somebody resets it.
    """

    def __init__(self, path: Path, reactor: Any, reader: SQLiteReader, on_replaced: Callable[[], None]) -> None:
        self._path, self._reader, self._on_replaced = path, reader, on_replaced
        self.wake: Callable[[], Awaitable[None]] | None = None
        self.replaced = False
        self._data_version = -1
        self._waking: Deferred[None] | None = None
        self._polling = LoopingCall(self._poll)
        self._polling.clock = reactor
        self._warned = ""
        self._log = Logger()

    def start(self) -> None:
        self._polling.start(POLL_INTERVAL, now=False)

    def stop(self) -> None:
        if self._polling.running:
            self._polling.stop()

    def _poll(self) -> None:
        self._reader.resume_inline_reads()
        if self.wake is None or self._waking is not None or self._reader.connection is None:
            return
        try:
            self._reopen_if_replaced()
            version = int(self._reader.connection.execute("PRAGMA data_version").fetchone()[0])
        except (OSError, sqlite3.Error, UnusableDatabase) as error:
            self.warn(f"{self._path}: {error}")
            return
        if version == self._data_version:
            self._warned = ""
            return
        self._waking = Deferred.fromCoroutine(self._wake(self.wake, version))
        self._waking.addErrback(self._report_failure).addBoth(self._end)

    def _reopen_if_replaced(self) -> None:
        """Go over to a file that has taken the place of ours, as when a backup is restored.

        While there is none, the open one stays. Raises OSError, sqlite3.Error, UnusableDatabase.
        """
        file = file_identity(self._path)
        if file == self._reader.file:
            return
        upgrade(self._path)
        inspect(self._path)
        self._reader.open(file)
        self._data_version, self.replaced = -1, True
        self._on_replaced()
        self._log.warn("{path}: the database file was replaced; the new one is in use", path=str(self._path))

    async def _wake(self, wake: Callable[[], Awaitable[None]], version: int) -> None:
        await wake()
        self._data_version = version
        self._warned = ""

    def _report_failure(self, failure: Failure) -> None:
        failure.trap(SourceDown)
        self.warn(f"changes cannot be read, trying again: {failure.value}")

    def warn(self, text: str) -> None:
        """Log a warning once, not at each poll."""
        if text != self._warned:
            self._warned = text
            self._log.warn("{text}", text=text)

    def _end(self, result: object) -> object:
        self._waking = None
        return result
