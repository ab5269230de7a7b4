"""What the commands share: -c before or after the subcommand, a directory to work with, exits."""

import os
import sys
from collections.abc import Callable, Coroutine
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import click
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.logger import (
    FilteringLogObserver,
    LogEvent,
    LogLevel,
    LogLevelFilterPredicate,
    formatEvent,
    globalLogBeginner,
    textFileLogObserver,
)
from twisted.python.failure import Failure

from ..builders import make_directory
from ..config.locate import find_settings_file
from ..directory.answers import Conflict, EditResult, Forbidden, Found, Invalid, NotFound, Saved, Unavailable
from ..directory.privacy import Profile
from ..directory.service import DirectoryService
from ..directory.viewers import LocalCommand, Viewer, Viewers
from ..net.steady_clock import steady_clock
from ..settings import Settings, database_file, load_settings
from ..store import database, sqlite_store
from . import messages

T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., Any])


class Failed(Exception):
    """Ends the command with *code* and a message."""

    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        self.code = code


class Interrupted(Failed):
    """By Ctrl-C."""

    def __init__(self) -> None:
        super().__init__(messages.INTERRUPTED, 1)


def utf8(value: str) -> str:
    """The type of an argument that is text: in UTF-8."""
    try:
        value.encode()
    except UnicodeEncodeError:
        raise click.BadParameter(f"found {value!r}; allowed: text in UTF-8") from None
    return value


def configured(command: F) -> F:
    """Gives *command* the option -c; the innermost one counts."""

    def keep(context: click.Context, _: click.Parameter, value: Path | None) -> None:
        if value is not None:
            context.find_root().obj = value

    option = click.option(
        "-c",
        "--config",
        type=click.Path(path_type=Path),
        callback=keep,
        expose_value=False,
        help="gateway.toml (default: here, then /etc/finger-gateway).",
    )
    return option(command)


def settings_file() -> Path:
    """The gateway.toml that this command goes by."""
    return find_settings_file(click.get_current_context().find_root().obj)


@dataclass(frozen=True)
class Session:
    """A started directory, as the administrator at this machine sees it."""

    settings: Settings
    folder: Path
    directory: DirectoryService
    administrator: Viewer

    async def profile(self, login: str) -> Profile:
        """The person with *login*. Raises Failed."""
        answer = await self.directory.lookup(login, self.administrator)
        if not isinstance(answer, Found):
            raise failed(answer, login)
        return answer.profile


def with_directory(
    work: Callable[[Session], Coroutine[Any, Any, T]], at: Callable[[Path], AbstractContextManager[Path]] = nullcontext
) -> T:
    """Runs *work* with the directory of the settings, whether the gateway runs or not. *at* may put another database in
    the place of the settings' one meanwhile."""
    from twisted.internet import reactor

    steady_clock(reactor)
    file = settings_file()
    settings = load_settings(file)
    path = database_file(settings, file.parent)
    warnings_only()
    become_owner(path)
    database.inspect(path)
    with at(path) as place:
        store = sqlite_store.SQLiteStore(place, reactor, readers=0)
        directory = make_directory(settings, file, store, reactor)

        async def whole() -> T:
            store.startService()
            directory.startService()
            try:
                viewers = Viewers(settings.site.members, settings.site.administrators)
                administrator = await viewers.from_evidence(LocalCommand())
                return await work(Session(settings, file.parent, directory, administrator))
            finally:
                await maybeDeferred(directory.stopService)
                await store.stopService()

        return run_until_complete(whole())


def run_until_complete(work: Coroutine[Any, Any, T]) -> T:
    """What *work* comes to, on a reactor that runs for it alone, and so once in a process. Raises what it raises."""
    from twisted.internet import reactor

    results: list[Any] = []
    interrupted = False

    def begin() -> None:
        Deferred.fromCoroutine(work).addBoth(results.append).addBoth(end)

    def end(_: object) -> None:
        if not interrupted:
            reactor.stop()

    def stopping() -> None:
        """What the work comes to when its connections go because the reactor stops is not its result."""
        nonlocal interrupted
        interrupted = not results

    reactor.addSystemEventTrigger("before", "shutdown", stopping)
    reactor.callWhenRunning(begin)
    reactor.run()
    if interrupted or not results:
        raise Interrupted
    if isinstance(results[0], Failure):
        results[0].raiseException()
    done: T = results[0]
    return done


def become_owner(path: Path) -> None:
    """Root acts as the owner of the database, so that no file of another owner is left behind."""
    if os.geteuid() == 0 and path.exists() and (owner := path.stat()).st_uid != 0:
        from ..store import sqlite_writer  # noqa: F401  # while its file can be read, wherever root keeps it

        with suppress(PermissionError):  # a root without rights, as in a container: it acts as what it is
            os.setgroups([])
            os.setresgid(owner.st_gid, owner.st_gid, owner.st_gid)
            os.setresuid(owner.st_uid, owner.st_uid, owner.st_uid)


def failed(answer: object, login: str) -> Failed:
    """What ends the command where *answer* is not what was wanted."""
    if isinstance(answer, Unavailable):
        return Failed(messages.UNAVAILABLE, 69)
    if isinstance(answer, Forbidden):
        return Failed(messages.refused(login), 1)
    return Failed(messages.no_such_user(login), 1)


def saved(answer: EditResult, login: str, where: str = "") -> Saved:
    """*answer*, where the edit was saved. Raises Failed; *where* stands before each thing that was wrong."""
    if isinstance(answer, Saved):
        return answer
    if isinstance(answer, Invalid):
        raise Failed("\n".join(where + messages.invalid(problem) for problem in answer.problems), 2)
    if isinstance(answer, Conflict):
        raise Failed(messages.conflict(login), 1)
    unsaved: Forbidden | NotFound | Unavailable = answer
    raise failed(unsaved, login)


def warnings_only() -> None:
    """Warnings of the parts as plain lines on standard error."""

    def say(event: LogEvent) -> None:
        click.echo(f"finger-gateway: {formatEvent(event)}", err=True)

    _log_to(say, LogLevel.warn)


def full_log(level: str = "info") -> None:
    """Times, levels and tracebacks on standard error, from *level* on, with what was logged before."""
    _log_to(textFileLogObserver(sys.stderr), LogLevel.levelWithName(level))


def _log_to(observer: Callable[[LogEvent], object], level: Any) -> None:
    filtered = FilteringLogObserver(observer, [LogLevelFilterPredicate(level)])  # type: ignore[arg-type]
    globalLogBeginner.beginLoggingTo([filtered], redirectStandardIO=False)
