"""Copies of the database: one consistent file out of a database in use, and such a file put in its place.

A gateway that runs goes over to the file that was put there, see SQLiteStore. The old one's write-ahead log has to be gone
by then: SQLite tells by the name alone to which database a log belongs.
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

from ..directory.person import Partial
from .database import BUSY, UnusableDatabase, connect, in_words, known, upgrade

_decode = msgspec.json.Decoder(Partial).decode
TRIES = 50  # how often somebody else may write between two steps


def backup(source: Path, target: Path, replace: bool = False) -> int:
    """The database *source* as it is now, as the file *target*, readable by its owner only; gives how many people stand
    in it. An existing *target* is left alone unless *replace*. Raises Unusable."""
    if target.exists() and source.exists() and target.samefile(source):
        raise UnusableDatabase(f"{target}: is the database itself; name another file")
    if target.is_dir():
        raise UnusableDatabase(f"{target}: is a folder; name a file in it")
    with _part(target) as part:
        reserved = False if replace else _reserve(target)
        try:
            snapshot(source, part)
            people = verify(part, target)
            _to_disk(part)
            part.replace(target)
        except BaseException as error:
            if reserved:
                target.unlink(missing_ok=True)
            if isinstance(error, OSError):
                raise UnusableDatabase(f"{target}: cannot be written: {error.strerror}") from None
            raise
        _to_disk(target.parent)
    return people


@contextmanager
def trial(source: Path) -> Iterator[Path]:
    """A copy of the database *source* to try things on. Raises Unusable."""
    with tempfile.TemporaryDirectory(prefix="finger-gateway-") as folder:
        copied = Path(folder) / source.name
        snapshot(source, copied)
        _in_use(copied)
        yield copied


def _in_use(path: Path) -> None:
    """A snapshot has no log; a database that is written to while others read needs one."""
    with _telling(path), closing(connect(path, "rw", BUSY)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")


def snapshot(source: Path, target: Path) -> None:
    """One consistent state of *source* in *target*, which is empty or not there. Raises Unusable."""
    target.touch(mode=0o600)
    try:
        with closing(connect(source, "rw", BUSY)) as connection:
            connection.execute("VACUUM INTO ?", (str(target.absolute()),))
    except sqlite3.Error as error:
        ours = error.sqlite_errorcode & 0xFF in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_BUSY)
        raise UnusableDatabase(in_words(source if ours else target, error)) from None


def verify(path: Path, called: Path) -> int:
    """Reads all of the database *path*, which messages name *called*; gives how many people stand in it. Raises Unusable
    where it is damaged, or none of ours."""
    with _telling(called), closing(connect(path, "rw", 0.0)) as connection:
        known(called, connection)
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
def opened(source: Path) -> Iterator[tuple[int, int | None]]:
    """The file *source* and its write-ahead log, if that holds anything, as descriptors to read. Raises Unusable."""
    log: int | None = None
    try:
        file = os.open(source, os.O_RDONLY)
    except OSError as error:
        raise UnusableDatabase(f"{source}: cannot be read: {error.strerror}") from None
    try:
        with suppress(FileNotFoundError):
            log = os.open(_side(source, "-wal"), os.O_RDONLY)
        yield file, log
    finally:
        os.close(file)
        if log is not None:
            os.close(log)


def restore(copy: tuple[int, int | None], called: Path, target: Path) -> tuple[int, Path | None]:
    """Puts what *copy* holds, which was opened as *called*, in the place of the database *target*, whatever state that is
    in. Gives how many people stand there now, and where the replaced one is kept. Raises Unusable; then nothing has
    changed."""
    target = Path(os.path.realpath(target))
    status = os.fstat(copy[0])
    if not stat.S_ISREG(status.st_mode):
        raise UnusableDatabase(f"{called}: is no file")
    if target.exists() and os.path.samestat(status, target.stat()):
        raise UnusableDatabase(f"{called}: is the database itself; name a backup of it")
    try:
        with _part(target) as part:
            _fill(copy, called, part)
            with _telling(called), closing(connect(part, "rw", BUSY)) as connection:
                connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            people = verify(part, called)
            _in_use(part)
            upgrade(part)
            if target.exists():
                part.chmod(stat.S_IMODE(target.stat().st_mode))
            _to_disk(part)
            kept = _swap(part, target)
        _to_disk(target.parent)
    except OSError as error:
        raise UnusableDatabase(f"{target}: cannot be replaced: {error.strerror}") from None
    return people, kept


def _fill(copy: tuple[int, int | None], called: Path, part: Path) -> None:
    """The octets of *copy*. A database that is written to meanwhile is none that could be put anywhere."""
    before = [os.fstat(each) for each in copy if each is not None]
    for source, place in zip(copy, (part, _side(part, "-wal")), strict=True):
        if source is not None:
            with os.fdopen(os.dup(source), "rb") as file, place.open("wb") as filled:
                file.seek(0)
                shutil.copyfileobj(file, filled, 1024 * 1024)
    after = [os.fstat(each) for each in copy if each is not None]
    if [(each.st_size, each.st_mtime_ns) for each in before] != [(each.st_size, each.st_mtime_ns) for each in after]:
        raise UnusableDatabase(
            f"{called}: is in use and was just written to; `finger-gateway backup` makes a copy of it"
        )


def _swap(part: Path, target: Path) -> Path | None:
    """*part* under the name *target*. Between the last two steps neither has a log of the other's."""
    if not target.exists():
        for side in ("-wal", "-shm"):
            _side(target, side).unlink(missing_ok=True)
        part.replace(target)
        return None
    with _nobody_writes(target):
        kept = _keep(target)
        log = _side(target, "-wal")
        if log.exists() and log.stat().st_size:  # of a database so damaged that its log could not be folded in
            log.replace(_side(kept, "-wal"))
        log.unlink(missing_ok=True)
        _side(target, "-shm").unlink(missing_ok=True)
        part.replace(target)
    return kept


def _keep(target: Path) -> Path:
    """Another name for the database *target*, that nothing has yet."""
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
def _nobody_writes(path: Path) -> Iterator[None]:
    """With all that was written in the database file itself. One that is too damaged to be locked is written by nobody."""
    try:
        connection = connect(path, "rw", BUSY)
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
        for _ in range(TRIES):
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            connection.execute("BEGIN IMMEDIATE")
            log = _side(path, "-wal")
            if not log.exists() or not log.stat().st_size:
                return
            connection.execute("ROLLBACK")
    except sqlite3.Error as error:
        if error.sqlite_errorcode & 0xFF not in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            return
    raise UnusableDatabase(f"{path}: is read or written all the time by another program; try again")


@contextmanager
def _part(target: Path) -> Iterator[Path]:
    """An empty file beside *target* that is gone at the end, unless it got another name. Raises Unusable."""
    try:
        descriptor, name = tempfile.mkstemp(prefix=f"{target.name}.", suffix=".part", dir=target.parent)
    except OSError as error:
        raise UnusableDatabase(f"{target}: cannot be written: {error.strerror}") from None
    os.close(descriptor)
    try:
        yield Path(name)
    finally:
        for side in ("", "-wal", "-shm", "-journal"):
            _side(Path(name), side).unlink(missing_ok=True)


def _reserve(target: Path) -> bool:
    try:
        os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    except FileExistsError:
        raise UnusableDatabase(f"{target} already exists (use --force to overwrite)") from None
    except OSError as error:
        raise UnusableDatabase(f"{target}: cannot be written: {error.strerror}") from None
    return True


@contextmanager
def _telling(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        bad = {sqlite3.SQLITE_CORRUPT: "is damaged", sqlite3.SQLITE_NOTADB: "is no database, or is damaged"}
        what = bad.get(getattr(error, "sqlite_errorcode", 0) & 0xFF)
        raise UnusableDatabase(f"{path}: {what}" if what else in_words(path, error)) from None


def _side(path: Path, side: str) -> Path:
    return Path(f"{path}{side}")


def _to_disk(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
