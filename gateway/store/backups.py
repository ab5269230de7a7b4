"""Copies of the database: a consistent file from a database in use, and such a file put in its place.

A running gateway switches to a restored file, see file_watcher.py. The old file's write-ahead log has to be gone by
then: SQLite matches a log to a database by the name alone.
"""

import os
import shutil
import sqlite3
import stat
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import msgspec

from ..directory.person import PartialPerson
from .database import BUSY_TIMEOUT, UnusableDatabase, connect, describe_error, require_known, upgrade

_decode = msgspec.json.Decoder(PartialPerson).decode
MAX_TRIES = 50  # how often somebody else may write in between


def backup(source: Path, target: Path, replace: bool = False) -> int:
    """Copy the database *source* as it is now to *target*, readable by its owner only; return the number of people.

    An existing *target* is left alone unless *replace*. Raises UnusableDatabase.
    """
    if target.exists() and source.exists() and target.samefile(source):
        raise UnusableDatabase(f"{target}: is the database itself; name another file")
    if target.is_dir():
        raise UnusableDatabase(f"{target}: is a folder; name a file in it")
    with _temporary_file(target) as part:
        reserved = False if replace else _reserve(target)
        try:
            snapshot(source, part)
            people = verify(part, target)
            _fsync(part)
            part.replace(target)
        except BaseException as error:
            if reserved:
                target.unlink(missing_ok=True)
            if isinstance(error, OSError):
                raise UnusableDatabase(f"{target}: cannot be written: {error.strerror}") from None
            raise
        _fsync(target.parent)
    return people


@contextmanager
def trial_copy(source: Path) -> Iterator[Path]:
    """Give a copy of the database *source* to try things on. Raises UnusableDatabase."""
    with tempfile.TemporaryDirectory(prefix="finger-gateway-") as folder:
        copied = Path(folder) / source.name
        snapshot(source, copied)
        _enable_wal(copied)
        yield copied


def _enable_wal(path: Path) -> None:
    """Switch on the write-ahead log, which a snapshot has not, and a database in use needs."""
    with _described_errors(path), closing(connect(path, "rw", BUSY_TIMEOUT)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")


def snapshot(source: Path, target: Path) -> None:
    """Write one consistent state of *source* to *target*, which is empty or missing. Raises UnusableDatabase."""
    target.touch(mode=0o600)
    try:
        with closing(connect(source, "rw", BUSY_TIMEOUT)) as connection:
            connection.execute("VACUUM INTO ?", (str(target.absolute()),))
    except sqlite3.Error as error:
        ours = error.sqlite_errorcode & 0xFF in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_BUSY)
        raise UnusableDatabase(describe_error(source if ours else target, error)) from None


def verify(path: Path, called: Path) -> int:
    """Read the whole database *path*, which messages call *called*; return the number of people.

    Raises UnusableDatabase if it is damaged, or not ours.
    """
    with _described_errors(called), closing(connect(path, "rw", 0.0)) as connection:
        require_known(called, connection)
        found = connection.execute("PRAGMA integrity_check(1)").fetchone()[0]
        if found != "ok":
            raise UnusableDatabase(f"{called}: is damaged: {' '.join(found.split())}")
        count = 0
        for login, document in connection.execute("SELECT login, document FROM people"):
            try:
                _decode(document)
            except msgspec.MsgspecError as error:
                raise UnusableDatabase(f"{called}: is damaged: {login!r} cannot be read: {error}") from None
            count += 1
        return count


@contextmanager
def open_backup(source: Path) -> Iterator[tuple[int, int | None]]:
    """Give *source* and its write-ahead log, if it has one, as descriptors to read. Raises UnusableDatabase."""
    log: int | None = None
    try:
        file = os.open(source, os.O_RDONLY)
    except OSError as error:
        raise UnusableDatabase(f"{source}: cannot be read: {error.strerror}") from None
    try:
        with suppress(FileNotFoundError):
            log = os.open(_side_file(source, "-wal"), os.O_RDONLY)
        yield file, log
    finally:
        os.close(file)
        if log is not None:
            os.close(log)


def restore(copy: tuple[int, int | None], called: Path, target: Path) -> tuple[int, Path | None]:
    """Replace the database *target*, in whatever state it is, by what *copy* holds, which was opened as *called*.

    Returns the number of people, and where the replaced file is kept. Raises UnusableDatabase, and then nothing has
    changed.
    """
    target = Path(os.path.realpath(target))
    status = os.fstat(copy[0])
    if not stat.S_ISREG(status.st_mode):
        raise UnusableDatabase(f"{called}: is no file")
    if target.exists() and os.path.samestat(status, target.stat()):
        raise UnusableDatabase(f"{called}: is the database itself; name a backup of it")
    try:
        with _temporary_file(target) as part:
            _copy_octets(copy, called, part)
            with _described_errors(called), closing(connect(part, "rw", BUSY_TIMEOUT)) as connection:
                connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            people = verify(part, called)
            _enable_wal(part)
            upgrade(part)
            if target.exists():
                part.chmod(stat.S_IMODE(target.stat().st_mode))
            _fsync(part)
            kept = _replace(part, target)
        _fsync(target.parent)
    except OSError as error:
        raise UnusableDatabase(f"{target}: cannot be replaced: {error.strerror}") from None
    return people, kept


def _copy_octets(copy: tuple[int, int | None], called: Path, part: Path) -> None:
    """Copy the bytes of *copy*. A database that is being written cannot be copied like this."""
    before = [os.fstat(each) for each in copy if each is not None]
    for source, place in zip(copy, (part, _side_file(part, "-wal")), strict=True):
        if source is not None:
            with os.fdopen(os.dup(source), "rb") as file, place.open("wb") as filled:
                file.seek(0)
                shutil.copyfileobj(file, filled, 1024 * 1024)
    after = [os.fstat(each) for each in copy if each is not None]
    if [(each.st_size, each.st_mtime_ns) for each in before] != [(each.st_size, each.st_mtime_ns) for each in after]:
        raise UnusableDatabase(
            f"{called}: is in use and was just written to; `finger-gateway backup` makes a copy of it"
        )


def _replace(part: Path, target: Path) -> Path | None:
    """Give *part* the name *target*. Between the last two steps neither file has a log of the other's."""
    if not target.exists():
        for side in ("-wal", "-shm"):
            _side_file(target, side).unlink(missing_ok=True)
        part.replace(target)
        return None
    with _locked(target):
        kept = _link_old(target)
        log = _side_file(target, "-wal")
        if log.exists() and log.stat().st_size:  # the database is too damaged to merge its log
            log.replace(_side_file(kept, "-wal"))
        log.unlink(missing_ok=True)
        _side_file(target, "-shm").unlink(missing_ok=True)
        part.replace(target)
    return kept


def _link_old(target: Path) -> Path:
    """Give the database *target* another name that nothing has yet, too."""
    number = 1
    while True:
        kept = target.with_name(f"{target.name}.before-restore{f'-{number}' if number > 1 else ''}")
        try:
            os.link(target, kept)
        except FileExistsError:
            number += 1
        else:
            return kept


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Lock the database, with everything in the file itself.

    One that is too damaged to be locked is written by nobody.
    """
    try:
        connection = connect(path, "rw", BUSY_TIMEOUT)
    except sqlite3.Error:
        yield
        return
    try:
        _lock(path, connection)
        yield
    finally:
        connection.close()


def _lock(path: Path, connection: sqlite3.Connection) -> None:
    try:
        for _ in range(MAX_TRIES):
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            connection.execute("BEGIN IMMEDIATE")
            log = _side_file(path, "-wal")
            if not log.exists() or not log.stat().st_size:
                return
            connection.execute("ROLLBACK")
    except sqlite3.Error as error:
        if error.sqlite_errorcode & 0xFF not in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            return
    raise UnusableDatabase(f"{path}: is read or written all the time by another program; try again")


@contextmanager
def _temporary_file(target: Path) -> Iterator[Path]:
    """Give an empty file beside *target* that is removed at the end unless it was renamed. Raises UnusableDatabase."""
    try:
        descriptor, name = tempfile.mkstemp(prefix=f"{target.name}.", suffix=".part", dir=target.parent)
    except OSError as error:
        raise UnusableDatabase(f"{target}: cannot be written: {error.strerror}") from None
    os.close(descriptor)
    try:
        yield Path(name)
    finally:
        for side in ("", "-wal", "-shm", "-journal"):
            _side_file(Path(name), side).unlink(missing_ok=True)


def _reserve(target: Path) -> bool:
    try:
        os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    except FileExistsError:
        raise UnusableDatabase(f"{target} already exists (use --force to overwrite)") from None
    except OSError as error:
        raise UnusableDatabase(f"{target}: cannot be written: {error.strerror}") from None
    return True


@contextmanager
def _described_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        bad = {sqlite3.SQLITE_CORRUPT: "is damaged", sqlite3.SQLITE_NOTADB: "is not a backup file, or is damaged"}
        what = bad.get(getattr(error, "sqlite_errorcode", 0) & 0xFF)
        raise UnusableDatabase(f"{path}: {what}" if what else describe_error(path, error)) from None


def _side_file(path: Path, side: str) -> Path:
    return Path(f"{path}{side}")


def _fsync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
