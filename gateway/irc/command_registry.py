"""The bot's commands: what one is, and the registry that `@command` fills. The commands themselves are in commands.py."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from ..dependencies import ProtocolDependencies
from ..ops.request_tracker import Outcome


@dataclass(frozen=True, slots=True)
class BotRequest:
    """A message to the bot.

    *text* is without the bot's name or the command prefix. *channel* is None in private. *own_nick* is the bot's.
    *max_line_bytes* limits each line of the answer.
    """

    nick: str
    userhost: str
    channel: str | None
    text: str
    own_nick: str
    max_line_bytes: int


@dataclass(frozen=True, slots=True)
class CommandContext:
    """What a command works with: the request, its argument, and the dependencies. *prefix* is the command prefix."""

    request: BotRequest
    argument: str
    deps: ProtocolDependencies
    prefix: str


@dataclass(frozen=True, slots=True)
class CommandResult:
    """The text that a command answers with, not yet split into lines. *short_text* replaces it where it is too long."""

    text: str
    outcome: Outcome
    short_text: str = ""


@dataclass(frozen=True, slots=True)
class Command:
    """A command. *usage* and *help* are its line of help, *verb* is the access log's, *alias* another name for it."""

    name: str
    usage: str
    help: str
    verb: str
    alias: str
    run: Callable[[CommandContext], Awaitable[CommandResult]]


CommandFunction = Callable[[CommandContext], Awaitable[CommandResult]]

COMMANDS: list[Command] = []  # in the order in which `help` shows them
COMMAND_BY_NAME: dict[str, Command] = {}


def command(usage: str, help: str, verb: str, alias: str = "") -> Callable[[CommandFunction], CommandFunction]:
    """Register the decorated function as a command. Its name is the first word of *usage*.

    Raises ValueError if another command has that name or alias.
    """

    def register(run: CommandFunction) -> CommandFunction:
        entry = Command(usage.partition(" ")[0], usage, help, verb, alias, run)
        names = [name for name in (entry.name, alias) if name]
        if not COMMAND_BY_NAME.keys().isdisjoint(names):
            raise ValueError(f"another bot command is called {' or '.join(names)}")
        COMMANDS.append(entry)
        COMMAND_BY_NAME.update(dict.fromkeys(names, entry))
        return run

    return register
