"""People in a SQLite file: the Store of the directory, a facade over a reader, a writer and a file watcher.

WAL with synchronous=FULL: what was acknowledged is on disk. What other processes write is seen within 40 ms. See
edit_transactions.py for what an edit does to the tables, database.py for the file as such.
"""

import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
from twisted.application.service import Service
from twisted.internet.defer import Deferred
from twisted.logger import Logger

from ..directory.changes import Change
from ..directory.interfaces import Edit, NameVisibilityFilter, Remove, SourceDown, StoreReplaced
from ..directory.person import PartialPerson, Visibility
from ..directory.results import PlanVersion
from ..directory.viewers import Viewer
from .database import SMALL_FILE_BYTES, file_identity, find_damage, upgrade
from .file_watcher import FileWatcher
from .sqlite_reader import SQLiteReader
from .sqlite_writer import SQLiteWriter
from .statements import (
    CHANGES,
    FIND,
    GET,
    HISTORY,
    LAST_CHANGE,
    LAST_REMOVAL,
    LAST_SEEN,
    LATEST_PLANS,
    MAX_NEIGHBOUR_BYTES,
    PAGE,
    SEARCH,
    STARTING_WITH,
    match_all,
)

READING_THREADS = 4
MAX_FOUND = 200  # logins that one name finds
_LAST_ROW = 2**63 - 1
_AFTER_EVERY_TIME = "~"
_PLACEHOLDER = (msgspec.json.encode(PartialPerson(login="", name="Nobody at all", plan="None.")), "")
_decode = msgspec.json.Decoder(PartialPerson).decode


class SQLiteStore(Service):
    """The Store in the file *path*. *readers* is the number of threads that read; with 0 everything is read inline.

    It opens nothing before startService, which raises UnusableDatabase.
    """

    name: str = "store"
    cache_ttl: timedelta | None = None
    restricts = True

    def __init__(self, path: Path, reactor: Any, readers: int = READING_THREADS) -> None:
        self.path = path
        self._serves = readers > 0
        self.reader = SQLiteReader(path, reactor, readers, self._warn)
        self.writer = SQLiteWriter(path, reactor, self._warn)
        self.watcher = FileWatcher(path, reactor, self.reader, self.writer.reopen)
        self._log = Logger()

    def _warn(self, text: str) -> None:
        self.watcher.warn(text)

    @property
    def slow_reads(self) -> int:
        """How many inline reads held up the reactor."""
        return self.reader.slow_reads

    def startService(self) -> None:
        upgrade(self.path)
        self.reader.open(file_identity(self.path))
        if self.path.stat().st_size > SMALL_FILE_BYTES:
            self.reader.threads.run(lambda: find_damage(self.path)).addCallbacks(self._report_damage, lambda _: None)
        super().startService()
        self.watcher.start()
        if self._serves:  # a process that removed somebody may have been killed before all traces were gone
            removal = self.reader.read_in_thread(lambda connection: connection.execute(LAST_REMOVAL).fetchone()[0])
            removal.addCallbacks(self._forget_left_over, lambda _: None)

    def stopService(self) -> "Deferred[None]":
        """Stop when everything that was begun is written, and no trace is left of removed people."""
        super().stopService()
        self.watcher.stop()
        self.reader.threads.stop(lambda: None)
        forgotten = self.writer.when_forgotten()
        return self._close() if forgotten is None else forgotten.addCallback(lambda _: self._close())

    def _close(self) -> "Deferred[None]":
        self.reader.close()  # before the writer: SQLite tidies up when the last connection closes, and this one only reads
        return self.writer.stop()

    def _report_damage(self, found: str) -> None:
        if found:
            self._log.error("{found}", found=found)

    def _forget_left_over(self, removal: int | None) -> None:
        if removal is not None and self.running:
            self.writer.forget_removals(removal)

    # reads

    async def get(self, login: str) -> PartialPerson | None:
        """Read one person. A missing login reads and decodes its neighbour or a placeholder, so that it takes as long."""
        of = (login, MAX_NEIGHBOUR_BYTES, login)
        row = await self.reader.read_inline(lambda connection: connection.execute(GET, of).fetchone())
        document, found_login = _PLACEHOLDER if row is None else row
        try:
            found = _decode(document or _PLACEHOLDER[0])
        except msgspec.MsgspecError as error:
            if found_login == login:
                raise SourceDown(f"{self.path}: {login}: {error}") from error
            return None
        return found if found_login == login else None

    async def find_logins(self, name: str, levels: NameVisibilityFilter) -> Sequence[str]:
        of = (name, levels.lowest, levels.highest, not levels.unlisted, MAX_FOUND)
        return await self.reader.read_inline(lambda connection: _first_column(connection, FIND, of))

    async def page(self, after: str, limit: int, levels: NameVisibilityFilter) -> Sequence[str]:
        of = (after, levels.lowest, levels.highest, not levels.unlisted, limit)
        return await self.reader.read_in_thread(lambda connection: _first_column(connection, PAGE, of))

    async def logins_starting_with(self, beginning: str, limit: int, levels: NameVisibilityFilter) -> Sequence[str]:
        of = (beginning, beginning + "\U0010ffff", levels.lowest, levels.highest, not levels.unlisted, limit)
        return await self.reader.read_in_thread(lambda connection: _first_column(connection, STARTING_WITH, of))

    async def search(
        self, words: Sequence[str], after: int, limit: int, levels: NameVisibilityFilter
    ) -> Sequence[tuple[int, str]]:
        of = (match_all(words), after, levels.lowest, levels.highest, not levels.unlisted, limit)
        return await self.reader.read_in_thread(lambda connection: connection.execute(SEARCH, of).fetchall())

    async def history(
        self, login: str, limit: int, highest: int = Visibility.NOBODY, before: datetime | None = None
    ) -> Sequence[PlanVersion]:
        until = _AFTER_EVERY_TIME if before is None else before.astimezone(UTC).isoformat()
        of = (login, int(highest), until, limit)
        rows = await self.reader.read_in_thread(lambda connection: connection.execute(HISTORY, of).fetchall())
        return [PlanVersion(datetime.fromisoformat(at), text, Visibility(level)) for at, text, level in rows]

    async def latest_plans(
        self, before: int, limit: int, levels: NameVisibilityFilter
    ) -> Sequence[tuple[int, str, Visibility]]:
        of = (before or _LAST_ROW, levels.lowest, levels.highest, not levels.unlisted, limit)
        rows = await self.reader.read_in_thread(lambda connection: connection.execute(LATEST_PLANS, of).fetchall())
        return [(n, login, Visibility(level)) for n, login, level in rows]

    async def last_seen_times(self) -> Mapping[str, datetime]:
        with self.reader.reading() as connection:
            return {login: datetime.fromisoformat(at) for login, at in connection.execute(LAST_SEEN)}

    async def last_change(self) -> int:
        with self.reader.reading() as connection:
            return _last_change(connection)

    async def changes(self, after: int) -> Sequence[Change]:
        if self.watcher.replaced:
            self.watcher.replaced = False
            raise StoreReplaced
        with self.reader.reading() as connection:
            rows = connection.execute(CHANGES, (after,)).fetchall()
            if len(rows) < _last_change(connection) - after:
                raise StoreReplaced  # some rows are gone already, and nobody knows whose they were
        return [Change(n, login, tuple(fields.split()), datetime.fromisoformat(at)) for n, login, fields, at in rows]

    async def everyone(self) -> AsyncIterator[PartialPerson]:
        after, levels = "", NameVisibilityFilter(-1, Visibility.NOBODY, True)
        while logins := await self.page(after, 500, levels):
            for login in logins:
                partial = await self.get(login)
                if partial is not None:
                    yield partial
            after = logins[-1]

    def watch(self, wake: Callable[[], Awaitable[None]]) -> None:
        self.watcher.wake = wake

    # writes

    async def save(self, edits: Sequence[Edit], by: Viewer, at: datetime) -> int:
        version = await self.writer.write(lambda transactions: int(transactions.save(edits, at)))
        if any(isinstance(edit, Remove) for edit in edits):
            self.writer.forget_removals(version)
        return version

    async def save_last_seen(self, at: Mapping[str, datetime]) -> None:
        await self.writer.write(lambda transactions: transactions.save_last_seen(at))


def _first_column(connection: sqlite3.Connection, statement: str, parameters: tuple[Any, ...]) -> list[str]:
    return [row[0] for row in connection.execute(statement, parameters)]


def _last_change(connection: sqlite3.Connection) -> int:
    row = connection.execute(LAST_CHANGE).fetchone()
    return 0 if row is None else int(row[0])
