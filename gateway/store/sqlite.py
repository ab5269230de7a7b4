"""People in a SQLite file: a Store. Keys are read inline on a kept read-only connection, everything is written by one
thread with BEGIN IMMEDIATE, and what other processes write is seen within 40 ms.

WAL with synchronous=FULL: what was acknowledged is on disk. See edits.py for what an edit does to the tables.
"""

import os
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
from twisted.application.service import Service
from twisted.internet.defer import Deferred
from twisted.internet.task import LoopingCall
from twisted.logger import Logger
from twisted.python.failure import Failure

from ..directory.answers import Entry
from ..directory.changes import Change
from ..directory.person import Partial, Visibility
from ..directory.ports import Edit, Replaced, SourceDown
from ..directory.viewers import Viewer
from .writer import Writer

VERSION = 1  # of the tables; the same as in schema.py, which is too heavy to import just to read
WATCH = 0.04  # seconds between two looks for what other processes wrote
BUSY = 5.0  # seconds that an edit waits for another writer

# schema.get and schema.find as the driver takes them; a test holds them equal.
GET = "SELECT people.document \nFROM people \nWHERE people.login = ?"
FIND = "SELECT DISTINCT names.login \nFROM names \nWHERE names.name = ?\n LIMIT ? OFFSET ?"

_decode = msgspec.json.Decoder(Partial).decode


class Unusable(Exception):
    """A database that cannot be used: the message names the file, what was found and what to do."""


class SQLiteStore(Service):
    """The Store in the file *path*. Opens nothing before startService, which raises Unusable."""

    name: str = "store"
    cache: timedelta | None = None
    restricts = True

    def __init__(self, path: Path, reactor: Any) -> None:
        self.path = path
        self._reactor = reactor
        self._writer = Writer(reactor)
        self._reader: sqlite3.Connection | None = None
        self._wake: Callable[[], Awaitable[None]] | None = None
        self._seen = -1
        self._file: tuple[int, int] | None = None
        self._replaced = False
        self._warned = ""
        self._looking: Deferred[None] | None = None
        self._watching = LoopingCall(self._look)
        self._watching.clock = reactor
        self._tables: Any = None
        self._log = Logger()

    def startService(self) -> None:
        inspect(self.path)
        self._reader = _connect(self.path, "ro", 0.05)
        self._file = _identity(self.path)
        super().startService()
        self._watching.start(WATCH, now=False)

    def stopService(self) -> "Deferred[None]":
        """Ends when all that was begun is written."""
        super().stopService()
        if self._watching.running:
            self._watching.stop()
        if self._reader is not None:
            self._reader.close()  # before the writer: who closes last tidies up, and this one may only read
            self._reader = None
        return self._writer.stop(self._close_writer)

    # reads

    async def get(self, login: str) -> Partial | None:
        with self._reading() as read:
            row = read.execute(GET, (login,)).fetchone()
            return None if row is None else _decode(row[0])

    async def find(self, name: str) -> Sequence[str]:
        with self._reading() as read:
            return [row[0] for row in read.execute(FIND, (name, 200, 0))]

    async def page(self, after: str, limit: int) -> Sequence[str]:
        with self._reading() as read:
            rows = read.execute("SELECT login FROM people WHERE login > ? ORDER BY login LIMIT ?", (after, limit))
            return [row[0] for row in rows]

    async def history(self, login: str, limit: int) -> Sequence[Entry]:
        with self._reading() as read:
            rows = read.execute(
                "SELECT at, text, level FROM history WHERE login = ? ORDER BY n DESC LIMIT ?", (login, limit)
            )
            return [Entry(datetime.fromisoformat(at), text, Visibility(level)) for at, text, level in rows]

    async def last_change(self) -> int:
        with self._reading() as read:
            return int(read.execute("SELECT coalesce(max(n), 0) FROM changes").fetchone()[0])

    async def changes(self, after: int) -> Sequence[Change]:
        if self._replaced:
            self._replaced = False
            raise Replaced
        with self._reading() as read:
            rows = read.execute("SELECT n, login, fields, at FROM changes WHERE n > ? ORDER BY n", (after,))
            return [
                Change(n, login, tuple(fields.split()), datetime.fromisoformat(at)) for n, login, fields, at in rows
            ]

    async def everyone(self) -> AsyncIterator[Partial]:
        after = ""
        while logins := await self.page(after, 500):
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
        except (sqlite3.Error, msgspec.MsgspecError) as error:
            raise SourceDown(f"{self.path}: {error}") from error

    # what others wrote

    def watch(self, wake: Callable[[], Awaitable[None]]) -> None:
        self._wake = wake

    def _look(self) -> None:
        if self._wake is None or self._looking is not None or self._reader is None:
            return
        try:
            self._follow()
            seen = int(self._reader.execute("PRAGMA data_version").fetchone()[0])
        except (OSError, sqlite3.Error, Unusable) as error:
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
        there = _identity(self.path)
        if there == self._file or self._reader is None:
            return
        inspect(self.path)
        reader = _connect(self.path, "ro", 0.05)
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
        return await self._writer.do(lambda: self._write(edits, at))

    def _write(self, edits: Sequence[Edit], at: datetime) -> int:
        from . import edits as tables

        try:
            if self._tables is None:
                self._tables = tables.Tables(lambda: _connect(self.path, "rw", BUSY))
            return int(self._tables.save(edits, at))
        except sqlite3.Error as error:
            raise SourceDown(_words(self.path, error)) from error

    def _close_writer(self) -> None:
        if self._tables is not None:
            self._tables.close()
            self._tables = None


def create(path: Path) -> None:
    """Makes an empty database at *path*. Raises Unusable; a file that is there is left alone."""
    from . import schema

    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    except FileExistsError:
        raise Unusable(f"{path}: is there already") from None
    except OSError as error:
        raise Unusable(f"{path}: cannot be made: {error.strerror}") from None
    import sqlalchemy

    engine = sqlalchemy.create_engine(
        "sqlite://", creator=lambda: _connect(path, "rw", BUSY), poolclass=sqlalchemy.NullPool
    )
    try:
        with engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA journal_mode = WAL")
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            schema.metadata.create_all(connection)
            connection.exec_driver_sql(f"PRAGMA user_version = {schema.VERSION}")
            connection.commit()
    except sqlalchemy.exc.DBAPIError as error:
        for half in (path, path.with_name(f"{path.name}-wal"), path.with_name(f"{path.name}-shm")):
            half.unlink(missing_ok=True)
        raise Unusable(
            _words(path, error.orig) if isinstance(error.orig, sqlite3.Error) else f"{path}: {error}"
        ) from None


def inspect(path: Path) -> None:
    """Raises Unusable where *path* is not a database of ours that can be read and written."""
    try:
        path.stat()
    except FileNotFoundError:
        raise Unusable(f"{path}: is not there; `finger-gateway init` makes one") from None
    except OSError as error:
        raise Unusable(f"{path}: cannot be opened: {error.strerror}") from None
    try:
        with _closing(_connect(path, "rw", 0.0)) as connection:
            version = connection.execute("PRAGMA user_version").fetchone()[0]
            if version != VERSION:
                raise Unusable(f"{path}: has tables of version {version}; this finger-gateway knows version {VERSION}")
            if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'people'").fetchone():
                raise Unusable(f"{path}: is a database of something else; `finger-gateway init` makes one of people")
            try:
                connection.execute("BEGIN IMMEDIATE")  # alone it would go through on a file that is only readable
                connection.execute(f"PRAGMA user_version = {VERSION}")
                connection.execute("ROLLBACK")
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
                    raise
    except sqlite3.Error as error:
        raise Unusable(_words(path, error)) from None


def _identity(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_dev, status.st_ino


@contextmanager
def _closing(connection: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    try:
        yield connection
    finally:
        connection.close()


def _connect(path: Path, mode: str, busy: float) -> sqlite3.Connection:
    uri = f"{path.absolute().as_uri()}?mode={mode}"
    connection = sqlite3.connect(uri, uri=True, timeout=busy, isolation_level=None, check_same_thread=False)
    if mode == "rw":
        connection.execute("PRAGMA synchronous = FULL")
    return connection


_WORDS = {
    sqlite3.SQLITE_BUSY: f"another program has been writing for {BUSY:.0f} seconds; try again",
    sqlite3.SQLITE_LOCKED: f"another program has been writing for {BUSY:.0f} seconds; try again",
    sqlite3.SQLITE_FULL: "the disk is full",
    sqlite3.SQLITE_READONLY: "cannot be written to: the file and its folder have to belong to who runs this",
    sqlite3.SQLITE_CANTOPEN: "cannot be opened: the file and its folder have to be readable and writable",
    sqlite3.SQLITE_NOTADB: "is not a SQLite database",
    sqlite3.SQLITE_CORRUPT: "is damaged",
}


def _words(path: Path, error: sqlite3.Error) -> str:
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    return f"{path}: {_WORDS.get(code, str(error))}"
