"""What the commands share: the option -c before or after the subcommand, an open directory, exit codes."""

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
from ..directory.privacy import Profile
from ..directory.results import Conflict, EditResult, Forbidden, Found, Invalid, NotFound, Saved, Unavailable
from ..directory.service import DirectoryService
from ..directory.viewers import LocalCommand, Viewer, Viewers
from ..net.twisted_patches import use_monotonic_clock
from ..settings import Settings, database_file, load_settings
from ..store import database, sqlite_store
from . import messages

T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., Any])


class CommandFailed(Exception):
    """Ends the command with a message and the exit code *code*."""

    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        self.code = code


class CommandInterrupted(CommandFailed):
    """Ends the command after Ctrl-C."""

    def __init__(self) -> None:
        super().__init__(messages.INTERRUPTED, 1)


def utf8(value: str) -> str:
    """Convert a text argument: it has to be UTF-8."""
    try:
        value.encode()
    except UnicodeEncodeError:
        raise click.BadParameter(f"{value!r} is not UTF-8 text") from None
    return value


def config_option(command: F) -> F:
    """Give *command* the option -c. If it is given more than once, the innermost counts."""

    def keep(context: click.Context, _: click.Parameter, value: Path | None) -> None:
        if value is not None:
            context.find_root().obj = value

    option = click.option(
        "-c",
        "--config",
        type=click.Path(path_type=Path),
        callback=keep,
        expose_value=False,
        help="Path of gateway.toml (default: the current folder, then /etc/finger-gateway).",
    )
    return option(command)


def settings_file() -> Path:
    """Return the path of the gateway.toml that this command uses."""
    return find_settings_file(click.get_current_context().find_root().obj)


@dataclass(frozen=True)
class DirectorySession:
    """An open directory, with the rights of an administrator on this machine."""

    settings: Settings
    folder: Path
    directory: DirectoryService
    administrator: Viewer

    async def profile(self, login: str) -> Profile:
        """Return the person with *login*. Raises CommandFailed."""
        answer = await self.directory.lookup(login, self.administrator)
        if not isinstance(answer, Found):
            raise failure_for(answer, login)
        return answer.profile


def with_directory(
    work: Callable[[DirectorySession], Coroutine[Any, Any, T]],
    open_database: Callable[[Path], AbstractContextManager[Path]] = nullcontext,
) -> T:
    """Run *work* with the directory of the settings, whether the gateway runs or not.

    *open_database* may replace the database by another one while the work runs.
    """
    from twisted.internet import reactor

    use_monotonic_clock(reactor)
    file = settings_file()
    settings = load_settings(file)
    path = database_file(settings, file.parent)
    log_warnings_only()
    become_owner(path)
    database.inspect(path)
    with open_database(path) as database_path:
        store = sqlite_store.SQLiteStore(database_path, reactor, readers=0)
        directory = make_directory(settings, file, store, reactor)

        async def whole() -> T:
            store.startService()
            directory.startService()
            try:
                viewers = Viewers(settings.site.members, settings.site.administrators)
                administrator = await viewers.from_evidence(LocalCommand())
                return await work(DirectorySession(settings, file.parent, directory, administrator))
            finally:
                await maybeDeferred(directory.stopService)
                await store.stopService()

        return run_until_complete(whole())


def run_until_complete(work: Coroutine[Any, Any, T]) -> T:
    """Return the result of *work*. The reactor runs for it alone, so this works once in a process."""
    from twisted.internet import reactor

    results: list[Any] = []
    interrupted = False

    def begin() -> None:
        Deferred.fromCoroutine(work).addBoth(results.append).addBoth(end)

    def end(_: object) -> None:
        if not interrupted:
            reactor.stop()

    def stopping() -> None:
        """Ignore the result that *work* gets because the reactor stops and closes its connections."""
        nonlocal interrupted
        interrupted = not results

    reactor.addSystemEventTrigger("before", "shutdown", stopping)
    reactor.callWhenRunning(begin)
    reactor.run()
    if interrupted or not results:
        raise CommandInterrupted
    if isinstance(results[0], Failure):
        results[0].raiseException()
    done: T = results[0]
    return done


def become_owner(path: Path) -> None:
    """Switch root to the owner of the database, so that no file of another owner is left behind."""
    if os.geteuid() == 0 and path.exists() and (owner := path.stat()).st_uid != 0:
        from ..store import edit_transactions  # noqa: F401  # while its file can be read, wherever root keeps it

        with suppress(PermissionError):  # root without capabilities, as in a container
            os.setgroups([])
            os.setresgid(owner.st_gid, owner.st_gid, owner.st_gid)
            os.setresuid(owner.st_uid, owner.st_uid, owner.st_uid)


def failure_for(answer: object, login: str) -> CommandFailed:
    """Return the exception for an *answer* that is not the wanted one."""
    if isinstance(answer, Unavailable):
        return CommandFailed(messages.UNAVAILABLE, 69)
    if isinstance(answer, Forbidden):
        return CommandFailed(messages.refused(login), 1)
    return CommandFailed(messages.no_such_user(login), 1)


def require_saved(answer: EditResult, login: str, where: str = "") -> Saved:
    """Return *answer* if the edit was saved. Raises CommandFailed; *where* stands before each problem."""
    if isinstance(answer, Saved):
        return answer
    if isinstance(answer, Invalid):
        raise CommandFailed("\n".join(where + messages.invalid(problem) for problem in answer.problems), 2)
    if isinstance(answer, Conflict):
        raise CommandFailed(messages.conflict(login), 1)
    unsaved: Forbidden | NotFound | Unavailable = answer
    raise failure_for(unsaved, login)


def log_warnings_only() -> None:
    """Write warnings as plain lines to standard error."""

    def say(event: LogEvent) -> None:
        click.echo(f"finger-gateway: {formatEvent(event)}", err=True)

    _log_to(say, LogLevel.warn)


def log_everything(level: str = "info") -> None:
    """Write the log from *level* on to standard error, with times and tracebacks, including earlier events."""
    _log_to(textFileLogObserver(sys.stderr), LogLevel.levelWithName(level))


def _log_to(observer: Callable[[LogEvent], object], level: Any) -> None:
    filtered = FilteringLogObserver(observer, [LogLevelFilterPredicate(level)])  # type: ignore[arg-type]
    globalLogBeginner.beginLoggingTo([filtered], redirectStandardIO=False)
