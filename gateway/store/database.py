"""The SQLite file as such: made, opened, judged, brought up to date. Raises Unusable, whose message is for the operator."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

VERSION = 2  # of the tables; the same as in schema.py, which is too heavy to import just to read
BUSY = 5.0  # seconds that an edit waits for another writer
SMALL = 16 * 1024 * 1024  # bytes of a file that is looked through at each start


class UnusableDatabase(Exception):
    """A database that cannot be used: the message names the file, what was found and what to do."""


def create(path: Path) -> None:
    """Makes an empty database at *path*. Raises Unusable; a file that is there is left alone."""
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    except FileExistsError:
        raise UnusableDatabase(f"{path} already exists") from None
    except OSError as error:
        raise UnusableDatabase(f"{path}: cannot be made: {error.strerror}") from None
    from .migrations import fill

    try:
        fill(lambda: connect(path, "rw", BUSY))
    except sqlite3.Error as error:
        for half in (path, path.with_name(f"{path.name}-wal"), path.with_name(f"{path.name}-shm")):
            half.unlink(missing_ok=True)
        raise UnusableDatabase(in_words(path, error)) from None


def inspect(path: Path) -> None:
    """Raises Unusable where *path* is not a database of ours that can be read and written, or could be after upgrade."""
    small = _size(path) <= SMALL
    try:
        with _closing(connect(path, "rw", 0.0)) as connection:
            known(path, connection)
            try:
                connection.execute("BEGIN IMMEDIATE")  # alone it would go through on a file that is only readable
                connection.execute("PRAGMA user_version = 0")
                connection.execute("ROLLBACK")
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
                    raise
    except sqlite3.Error as error:
        raise UnusableDatabase(in_words(path, error)) from None
    if small and (found := damage(path)):
        raise UnusableDatabase(found)


def damage(path: Path) -> str:
    """What is wrong with the pages of *path*, in words; empty where nothing is. Takes a second for each 200 MB."""
    try:
        with _closing(connect(path, "ro", BUSY)) as connection:
            found = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    except sqlite3.DatabaseError as error:
        return in_words(path, error)
    return "" if found == "ok" else f"{path}: {_WORDS[sqlite3.SQLITE_CORRUPT]}"


def upgrade(path: Path) -> None:
    """Brings the tables of an older version up to ours, in one transaction. Raises Unusable."""
    _size(path)
    try:
        with _closing(connect(path, "rw", BUSY)) as connection:
            version = known(path, connection)
    except sqlite3.Error as error:
        raise UnusableDatabase(in_words(path, error)) from None
    if version == VERSION:
        return
    from .migrations import upgrade as upgraded

    try:
        upgraded(lambda: connect(path, "rw", BUSY))
    except sqlite3.Error as error:
        raise UnusableDatabase(f"{in_words(path, error)}; its tables are of version {version}, as they were") from None


def _size(path: Path) -> int:
    """In bytes. Raises Unusable where there is no such file."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        raise UnusableDatabase(f"{path}: is not there; `finger-gateway init` makes one") from None
    except OSError as error:
        raise UnusableDatabase(f"{path}: cannot be opened: {error.strerror}") from None


def known(path: Path, connection: sqlite3.Connection) -> int:
    """The version of the tables in *connection*, a database called *path*. Raises Unusable where they are none of ours."""
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    if version > VERSION:
        raise UnusableDatabase(
            f"{path}: has tables of version {version}, from a newer finger-gateway; this one knows up to {VERSION}"
        )
    if not version or not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'people'").fetchone():
        raise UnusableDatabase(f"{path}: is a database of something else; `finger-gateway init` makes one of people")
    return version


def identity(path: Path) -> tuple[int, int]:
    """Which file this is, whatever it is called."""
    status = path.stat()
    return status.st_dev, status.st_ino


def connect(path: Path, mode: str, busy: float) -> sqlite3.Connection:
    """A connection for any thread; *mode* "ro" or "rw", *busy* the seconds that it waits for another writer. What it
    deletes is overwritten."""
    uri = f"{path.absolute().as_uri()}?mode={mode}"
    connection = sqlite3.connect(uri, uri=True, timeout=busy, isolation_level=None, check_same_thread=False)
    if mode == "rw":
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA secure_delete = ON")
    return connection


@contextmanager
def _closing(connection: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    try:
        yield connection
    finally:
        connection.close()


_WORDS = {
    sqlite3.SQLITE_BUSY: f"another program has been writing for {BUSY:.0f} seconds; try again",
    sqlite3.SQLITE_LOCKED: f"another program has been writing for {BUSY:.0f} seconds; try again",
    sqlite3.SQLITE_FULL: "the disk is full",
    sqlite3.SQLITE_READONLY: "cannot be written to: the file and its folder have to belong to who runs this",
    sqlite3.SQLITE_CANTOPEN: "cannot be opened: the file and its folder have to be readable and writable",
    sqlite3.SQLITE_NOTADB: "is not a SQLite database, or is damaged; `finger-gateway restore FILE` puts a backup in its place",
    sqlite3.SQLITE_CORRUPT: "is damaged; `finger-gateway restore FILE` puts a backup in its place",
}


def in_words(path: Path, error: sqlite3.Error) -> str:
    """What *error* says of *path*, and what to do."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    return f"{path}: {_WORDS.get(code, str(error))}"
