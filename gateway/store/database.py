"""The SQLite file as such: create, open, check, upgrade. Raises UnusableDatabase, whose message is for the operator."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .statements import SCHEMA_VERSION

BUSY_TIMEOUT = 5.0  # seconds that an edit waits for another writer
SMALL_FILE_BYTES = 16 * 1024 * 1024  # a file up to this size is checked at each start


class UnusableDatabase(Exception):
    """A database that cannot be used: the message names the file, what was found and what to do."""


def create(path: Path) -> None:
    """Create an empty database at *path*. Raises UnusableDatabase; an existing file is left alone."""
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    except FileExistsError:
        raise UnusableDatabase(f"{path} already exists") from None
    except OSError as error:
        raise UnusableDatabase(f"{path}: cannot be created: {error.strerror}") from None
    from .migrations import create_tables

    try:
        create_tables(lambda: connect(path, "rw", BUSY_TIMEOUT))
    except sqlite3.Error as error:
        for half in (path, path.with_name(f"{path.name}-wal"), path.with_name(f"{path.name}-shm")):
            half.unlink(missing_ok=True)
        raise UnusableDatabase(describe_error(path, error)) from None


def inspect(path: Path) -> None:
    """Raise UnusableDatabase if *path* is not our database, readable and writable, now or after an upgrade."""
    small = _file_size(path) <= SMALL_FILE_BYTES
    try:
        with _closing(connect(path, "rw", 0.0)) as connection:
            require_known(path, connection)
            try:
                connection.execute("BEGIN IMMEDIATE")  # alone it would go through on a file that is only readable
                connection.execute("PRAGMA user_version = 0")
                connection.execute("ROLLBACK")
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
                    raise
    except sqlite3.Error as error:
        raise UnusableDatabase(describe_error(path, error)) from None
    if small and (found := find_damage(path)):
        raise UnusableDatabase(found)


def find_damage(path: Path) -> str:
    """Return in words what is wrong with the pages of *path*, empty if nothing is. Takes a second for each 200 MB."""
    try:
        with _closing(connect(path, "ro", BUSY_TIMEOUT)) as connection:
            found = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    except sqlite3.DatabaseError as error:
        return describe_error(path, error)
    return "" if found == "ok" else f"{path}: {_DESCRIPTIONS[sqlite3.SQLITE_CORRUPT]}"


def upgrade(path: Path) -> None:
    """Upgrade older tables, in one transaction. Raises UnusableDatabase."""
    _file_size(path)
    try:
        with _closing(connect(path, "rw", BUSY_TIMEOUT)) as connection:
            version = require_known(path, connection)
    except sqlite3.Error as error:
        raise UnusableDatabase(describe_error(path, error)) from None
    if version == SCHEMA_VERSION:
        return
    from .migrations import upgrade as upgraded

    try:
        upgraded(lambda: connect(path, "rw", BUSY_TIMEOUT))
    except sqlite3.Error as error:
        raise UnusableDatabase(
            f"{describe_error(path, error)}; the schema is unchanged, at version {version}"
        ) from None


def _file_size(path: Path) -> int:
    """Return the size in bytes. Raises UnusableDatabase if there is no such file."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        raise UnusableDatabase(f"{path}: does not exist; `finger-gateway init` creates one") from None
    except OSError as error:
        raise UnusableDatabase(f"{path}: cannot be opened: {error.strerror}") from None


def require_known(path: Path, connection: sqlite3.Connection) -> int:
    """Return the version of the tables in *connection*, a database called *path*.

    Raises UnusableDatabase if they are not ours.
    """
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    if version > SCHEMA_VERSION:
        raise UnusableDatabase(
            f"{path}: has tables of version {version}, from a newer finger-gateway; this one knows up to {SCHEMA_VERSION}"
        )
    if not version or not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'people'").fetchone():
        raise UnusableDatabase(f"{path}: is another program's database; `finger-gateway init` creates ours")
    return version


def file_identity(path: Path) -> tuple[int, int]:
    """Return which file this is, whatever its name."""
    status = path.stat()
    return status.st_dev, status.st_ino


def connect(path: Path, mode: str, busy: float) -> sqlite3.Connection:
    """Open a connection for any thread. *mode* is "ro" or "rw"; *busy* is how many seconds it waits for another writer.

    Deleted data is overwritten.
    """
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


_DESCRIPTIONS = {
    sqlite3.SQLITE_BUSY: f"another program has been writing for {BUSY_TIMEOUT:.0f} seconds; try again",
    sqlite3.SQLITE_LOCKED: f"another program has been writing for {BUSY_TIMEOUT:.0f} seconds; try again",
    sqlite3.SQLITE_FULL: "the disk is full",
    sqlite3.SQLITE_READONLY: "cannot be written to: the file and its folder must belong to the user who runs this",
    sqlite3.SQLITE_CANTOPEN: "cannot be opened: the file and its folder must be readable and writable",
    sqlite3.SQLITE_NOTADB: "is not a SQLite database, or is damaged; `finger-gateway restore FILE` puts a backup in its place",
    sqlite3.SQLITE_CORRUPT: "is damaged; `finger-gateway restore FILE` puts a backup in its place",
}


def describe_error(path: Path, error: sqlite3.Error) -> str:
    """Return what *error* means for *path*, and what to do."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    return f"{path}: {_DESCRIPTIONS.get(code, str(error))}"
