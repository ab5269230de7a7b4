"""People in a SQLite file: a Store. Keys are read inline on a kept read-only connection, while the disk is fast; searches
and lists in threads; everything is written by one thread with BEGIN IMMEDIATE, and what other processes write is seen
within 40 ms.

WAL with synchronous=FULL: what was acknowledged is on disk. See edits.py for what an edit does to the tables,
database.py for the file as such.
"""

import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import local
from time import perf_counter
from typing import Any, TypeVar

import msgspec
from twisted.application.service import Service
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall
from twisted.internet.task import LoopingCall
from twisted.logger import Logger
from twisted.python.failure import Failure

from ..directory.answers import PlanVersion
from ..directory.changes import Change
from ..directory.interfaces import Edit, NameVisibilityFilter, Remove, SourceDown, StoreReplaced
from ..directory.person import Partial, Visibility
from ..directory.viewers import Viewer
from .database import BUSY, SMALL, UnusableDatabase, connect, damage, identity, in_words, inspect, upgrade
from .serial_threads import WorkerThreads

T = TypeVar("T")
WATCH = 0.04  # seconds between two looks for what other processes wrote
FORGET = 0.3  # seconds after which nothing tells any more that there was somebody who was removed
SLOW, OFTEN = 0.02, 3  # seconds of a read, and how many of them until reads go to threads
PAUSE = 60.0  # seconds for which they do
NEIGHBOUR = 2048  # bytes of a document that is read where nobody has the login; a longer one would tell whose is next
READERS = 4  # threads

# schema.get and schema.find as the driver takes them; a test holds them equal.
GET = (
    "SELECT CASE WHEN (people.login = ? OR length(people.document) < ?) THEN people.document END AS anon_1, people.login \n"
    "FROM people \nWHERE people.login >= ? ORDER BY people.login\n LIMIT ? OFFSET ?"
)
FIND = (
    "SELECT DISTINCT names.login \nFROM names JOIN people ON people.login = names.login \n"
    "WHERE names.name = ? AND people.level BETWEEN ? AND ? AND (names.kind = ? OR people.listed >= ?)\n LIMIT ? OFFSET ?"
)
PAGE = "SELECT login FROM people WHERE login > ? AND level BETWEEN ? AND ? AND listed >= ? ORDER BY login LIMIT ?"
STARTING = (
    "SELECT login FROM people WHERE login >= ? AND login < ? AND level BETWEEN ? AND ? AND listed >= ? "
    "ORDER BY login LIMIT ?"
)
LATEST = (
    "SELECT history.n, history.login, history.level FROM history CROSS JOIN people ON people.login = history.login "
    "WHERE history.n < ? AND people.level BETWEEN ? AND ? AND people.listed >= ? ORDER BY history.n DESC LIMIT ?"
)
HISTORY = "SELECT at, text, level FROM history WHERE login = ? AND level <= ? AND at < ? ORDER BY n DESC LIMIT ?"
SEARCH = (
    "SELECT people.id, people.login FROM words CROSS JOIN people ON people.id = words.rowid "
    "WHERE words MATCH ? AND words.rowid > ? AND people.level BETWEEN ? AND ? AND people.listed >= ? "
    "ORDER BY words.rowid LIMIT ?"
)

_MOST = 2**63 - 1
_LAST = "~"  # behind every time
_NOBODY = (msgspec.json.encode(Partial(login="", name="Nobody at all", plan="None.")), "")
_decode = msgspec.json.Decoder(Partial).decode


def matching(words: Sequence[str]) -> str:
    """What SEARCH goes by: each of *words* begins a word."""
    return " AND ".join(f'"{word}" *' for word in words)


class SQLiteStore(Service):
    """The Store in the file *path*, with so many *readers* (threads); none where nothing else waits for the reactor.
    Opens nothing before startService, which raises Unusable. *slow_reads* counts reads of a key that held up the reactor."""

    name: str = "store"
    cache_ttl: timedelta | None = None
    restricts = True

    def __init__(self, path: Path, reactor: Any, readers: int = READERS) -> None:
        self.path = path
        self.slow_reads = 0
        self._reactor = reactor
        self._writer = WorkerThreads(reactor, "writer")
        self._readers = WorkerThreads(reactor, "readers", readers, self._close_thread_reader)
        self._serves = readers > 0
        self._of_thread = local()
        self._reader: sqlite3.Connection | None = None
        self._in_threads_until = 0.0
        self._wake: Callable[[], Awaitable[None]] | None = None
        self._seen = -1
        self._file: tuple[int, int] | None = None
        self._replaced = False
        self._warned = ""
        self._looking: Deferred[None] | None = None
        self._forgetting: IDelayedCall | None = None
        self._removed = 0
        self._watching = LoopingCall(self._look)
        self._watching.clock = reactor
        self._tables: Any = None
        self._written: tuple[int, int] | None = None
        self._log = Logger()

    def startService(self) -> None:
        upgrade(self.path)
        self._reader = connect(self.path, "ro", 0.05)
        self._file = identity(self.path)
        if self.path.stat().st_size > SMALL:
            self._readers.do(lambda: damage(self.path)).addCallbacks(self._looked_through, lambda _: None)
        super().startService()
        self._watching.start(WATCH, now=False)
        if self._serves:  # one who removed somebody may have been killed before it had forgotten them
            left = self._aside(lambda read: read.execute("SELECT max(n) FROM changes WHERE fields = ''").fetchone()[0])
            left.addCallbacks(self._left_over, lambda _: None)

    def stopService(self) -> "Deferred[None]":
        """Ends when all that was begun is written, and nothing is left of who was removed."""
        super().stopService()
        if self._watching.running:
            self._watching.stop()
        self._readers.stop(lambda: None)
        if self._forgetting is None:
            return self._end()
        done: Deferred[None] = Deferred()
        self._reactor.callLater(max(0.0, self._forgetting.getTime() - self._reactor.seconds()), done.callback, None)
        return done.addCallback(lambda _: self._end())

    def _end(self) -> "Deferred[None]":
        if self._reader is not None:
            self._reader.close()  # before the writer: who closes last tidies up, and this one may only read
            self._reader = None
        return self._writer.stop(self._close_writer)

    # reads

    async def get(self, login: str) -> Partial | None:
        row = await self._at_once(lambda read: read.execute(GET, (login, NEIGHBOUR, login, 1, 0)).fetchone())
        document, there = _NOBODY if row is None else row
        try:
            found = _decode(document or _NOBODY[0])
        except msgspec.MsgspecError as error:
            if there == login:
                raise SourceDown(f"{self.path}: {login}: {error}") from error
            return None
        return found if there == login else None

    async def _at_once(self, read: Callable[[sqlite3.Connection], T]) -> T:
        """*read*, which is of a key: inline, unless the disk is slow just now. Raises SourceDown."""
        if self._in_threads_until:
            return await self._aside(read)
        begun = perf_counter()
        with self._reading() as reader:
            result = read(reader)
        if perf_counter() - begun > SLOW:
            self._was_slow()
        return result

    def _was_slow(self) -> None:
        """Inline reads while the disk is fast; where it was slow so often, threads read for a while."""
        self.slow_reads += 1
        if self.slow_reads % OFTEN:
            return
        self._in_threads_until = self._reactor.seconds() + PAUSE
        self._warn(f"{self.path}: reads took more than {SLOW * 1000:.0f} ms {OFTEN} times; threads read from now on")

    async def find_logins(self, name: str, levels: NameVisibilityFilter) -> Sequence[str]:
        of = (name, levels.lowest, levels.highest, "alias", not levels.unlisted, 200, 0)
        return await self._at_once(lambda read: [row[0] for row in read.execute(FIND, of)])

    async def page(self, after: str, limit: int, levels: NameVisibilityFilter) -> Sequence[str]:
        of = (after, levels.lowest, levels.highest, not levels.unlisted, limit)
        return await self._aside(lambda read: [row[0] for row in read.execute(PAGE, of)])

    async def logins_starting_with(self, beginning: str, limit: int, levels: NameVisibilityFilter) -> Sequence[str]:
        of = (beginning, beginning + "\U0010ffff", levels.lowest, levels.highest, not levels.unlisted, limit)
        return await self._aside(lambda read: [row[0] for row in read.execute(STARTING, of)])

    async def search(
        self, words: Sequence[str], after: int, limit: int, levels: NameVisibilityFilter
    ) -> Sequence[tuple[int, str]]:
        of = (matching(words), after, levels.lowest, levels.highest, not levels.unlisted, limit)
        return await self._aside(lambda read: read.execute(SEARCH, of).fetchall())

    async def history(
        self, login: str, limit: int, highest: int = Visibility.NOBODY, before: datetime | None = None
    ) -> Sequence[PlanVersion]:
        of = (login, int(highest), _LAST if before is None else before.astimezone(UTC).isoformat(), limit)
        rows = await self._aside(lambda read: read.execute(HISTORY, of).fetchall())
        return [PlanVersion(datetime.fromisoformat(at), text, Visibility(level)) for at, text, level in rows]

    async def latest_plans(
        self, before: int, limit: int, levels: NameVisibilityFilter
    ) -> Sequence[tuple[int, str, Visibility]]:
        of = (before or _MOST, levels.lowest, levels.highest, not levels.unlisted, limit)
        rows = await self._aside(lambda read: read.execute(LATEST, of).fetchall())
        return [(n, login, Visibility(level)) for n, login, level in rows]

    async def last_seen_times(self) -> Mapping[str, datetime]:
        with self._reading() as read:
            return {login: datetime.fromisoformat(at) for login, at in read.execute("SELECT login, at FROM seen")}

    async def last_change(self) -> int:
        with self._reading() as read:
            return _last(read)

    async def changes(self, after: int) -> Sequence[Change]:
        if self._replaced:
            self._replaced = False
            raise StoreReplaced
        with self._reading() as read:
            rows = read.execute("SELECT n, login, fields, at FROM changes WHERE n > ? ORDER BY n", (after,)).fetchall()
            if len(rows) < _last(read) - after:
                raise StoreReplaced  # some are gone already, and nobody knows whose they were
        return [Change(n, login, tuple(fields.split()), datetime.fromisoformat(at)) for n, login, fields, at in rows]

    async def everyone(self) -> AsyncIterator[Partial]:
        after, levels = "", NameVisibilityFilter(-1, Visibility.NOBODY, True)
        while logins := await self.page(after, 500, levels):
            for login in logins:
                partial = await self.get(login)
                if partial is not None:
                    yield partial
            after = logins[-1]

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        if self._reader is None:
            raise SourceDown(f"{self.path} is not open")
        try:
            yield self._reader
        except sqlite3.Error as error:
            raise SourceDown(in_words(self.path, error)) from error

    def _aside(self, read: Callable[[sqlite3.Connection], T]) -> "Deferred[T]":
        """*read* in one of the reading threads. Fails with SourceDown."""
        return self._readers.do(lambda: self._read_aside(read))

    def _read_aside(self, read: Callable[[sqlite3.Connection], T]) -> T:
        kept = getattr(self._of_thread, "kept", None)
        try:
            if kept is None or kept[0] != self._file:
                self._close_thread_reader()
                kept = self._of_thread.kept = (self._file, connect(self.path, "ro", 0.05))
            return read(kept[1])
        except sqlite3.Error as error:
            raise SourceDown(in_words(self.path, error)) from error

    def _close_thread_reader(self) -> None:
        if getattr(self._of_thread, "kept", None) is not None:
            self._of_thread.kept[1].close()
            self._of_thread.kept = None

    def _looked_through(self, found: str) -> None:
        if found:
            self._log.error("{found}", found=found)

    # what others wrote

    def watch(self, wake: Callable[[], Awaitable[None]]) -> None:
        self._wake = wake

    def _look(self) -> None:
        if self._in_threads_until and self._reactor.seconds() >= self._in_threads_until:
            self._in_threads_until = 0.0
        if self._wake is None or self._looking is not None or self._reader is None:
            return
        try:
            self._follow()
            seen = int(self._reader.execute("PRAGMA data_version").fetchone()[0])
        except (OSError, sqlite3.Error, UnusableDatabase) as error:
            self._warn(f"{self.path}: {error}")
            return
        if seen == self._seen:
            self._warned = ""
            return
        self._looking = Deferred.fromCoroutine(self._tell(self._wake, seen))
        self._looking.addErrback(self._untold).addBoth(self._looked)

    def _follow(self) -> None:
        """Goes over to the file that has taken the place of ours, as when a backup is put back. While there is none, what
        we have open is what was last there. Raises OSError, sqlite3.Error, Unusable."""
        there = identity(self.path)
        if there == self._file or self._reader is None:
            return
        upgrade(self.path)
        inspect(self.path)
        reader = connect(self.path, "ro", 0.05)
        self._reader.close()
        self._reader, self._file, self._seen, self._replaced = reader, there, -1, True
        self._writer.do(self._close_writer)
        self._log.warn("{path}: another file is there now, and is read from now on", path=str(self.path))

    async def _tell(self, wake: Callable[[], Awaitable[None]], seen: int) -> None:
        await wake()
        self._seen = seen
        self._warned = ""

    def _untold(self, failure: Failure) -> None:
        failure.trap(SourceDown)
        self._warn(f"changes cannot be read, trying again: {failure.value}")

    def _warn(self, text: str) -> None:
        """Said once, not at each look."""
        if text != self._warned:
            self._warned = text
            self._log.warn("{text}", text=text)

    def _looked(self, result: object) -> object:
        self._looking = None
        return result

    # writes

    async def save(self, edits: Sequence[Edit], by: Viewer, at: datetime) -> int:
        version = await self._writing(lambda tables: int(tables.save(edits, at)))
        if any(isinstance(edit, Remove) for edit in edits):
            self._forget_after(version)
        return version

    async def save_last_seen(self, at: Mapping[str, datetime]) -> None:
        await self._writing(lambda tables: tables.save_last_seen(at))

    def _forget_after(self, version: int) -> None:
        """Once everybody has read what was removed by change *version*, nothing may tell of it any more."""
        self._removed = max(self._removed, version)
        if self._forgetting is None:
            self._forgetting = self._reactor.callLater(FORGET, self._forget)

    def _left_over(self, version: int | None) -> None:
        if version is not None and self.running:
            self._forget_after(version)

    def _forget(self) -> None:
        self._forgetting = None
        removed = self._removed
        forgotten = self._writing(lambda tables: tables.forget(removed))
        forgotten.addErrback(lambda failure: self._warn(f"removed, but not all traces are gone: {failure.value}"))

    def _writing(self, job: Callable[[Any], T]) -> "Deferred[T]":
        return self._writer.do(lambda: self._write(job))

    def _write(self, job: Callable[[Any], T]) -> T:
        from .sqlite_writer import SQLiteWriter

        try:
            if self._tables is None:
                self._tables = SQLiteWriter(self._to_write, self._moved)
            return job(self._tables)
        except sqlite3.Error as error:
            raise SourceDown(in_words(self.path, error)) from error

    def _to_write(self) -> sqlite3.Connection:
        self._written = _there(self.path)
        return connect(self.path, "rw", BUSY)

    def _moved(self) -> bool:
        there = _there(self.path)
        return there is not None and there != self._written

    def _close_writer(self) -> None:
        if self._tables is not None:
            self._tables.close()
            self._tables = None


def _there(path: Path) -> tuple[int, int] | None:
    try:
        return identity(path)
    except OSError:
        return None


def _last(read: sqlite3.Connection) -> int:
    """The number of the last change that there ever was."""
    row = read.execute("SELECT seq FROM sqlite_sequence WHERE name = 'changes'").fetchone()
    return 0 if row is None else int(row[0])
