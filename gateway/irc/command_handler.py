"""From a message to the bot to the lines of its answer: addressing, parsing, limits, length. Knows no connection."""

from collections import OrderedDict
from dataclasses import dataclass

from twisted.internet.defer import CancelledError
from twisted.logger import Logger

from ..dependencies import ProtocolDependencies
from ..ops.failure import log_failure
from ..ops.rate_limit import RateLimit
from ..ops.request_tracker import RequestInfo
from ..text.sanitize import escape_controls
from . import commands, messages  # noqa: F401  # importing commands registers them
from .command_registry import COMMAND_BY_NAME, BotRequest, Command, CommandContext, CommandResult
from .lines import channel_lines, plain_line, plain_lines, split_line
from .protocol import fold_nick

MAX_CHANNEL_LINES = 3
# Requests that may come at once, and the seconds in which the allowance refills: of a user, of a user in a channel, of a
# whole channel. Slow enough in the long run that two bots that answer each other fall silent.
USER_LIMIT, USER_IN_CHANNEL_LIMIT, CHANNEL_LIMIT = (300, 3600.0), (20, 600.0), (60, 600.0)
MAX_COUNTED_CLIENTS = 10_000
LIMIT_NOTICE_INTERVAL = 60.0  # seconds between two notices about the limit to a user or channel


@dataclass(frozen=True, slots=True)
class BotReply:
    """The lines of an answer. *short_line* replaces those that have to be dropped from the queue."""

    lines: tuple[str, ...]
    short_line: str


def strip_address(text: str, own_nick: str, prefix: str, private: bool) -> str | None:
    """Return the part of *text* that is meant for the bot, None if nothing is.

    In private everything is. In a channel a command behind *prefix* is, and anything behind the bot's nick and a colon or
    comma.
    """
    text = text.strip()
    name = text[: len(own_nick)]
    if fold_nick(name) == fold_nick(own_nick) and text[len(own_nick) : len(own_nick) + 1] in (":", ","):
        return text[len(own_nick) + 1 :].strip()
    if text.startswith(prefix) and _first_word(text[len(prefix) :]) in COMMAND_BY_NAME:
        return text[len(prefix) :].strip()
    return text if private else None


def parse_command(text: str) -> tuple[Command, str]:
    """Return the command in *text* and its argument.

    Any text that begins with no command is a name to look up. Empty text is a call for help.
    """
    if not plain_line(text).strip():
        return COMMAND_BY_NAME["help"], ""
    command = COMMAND_BY_NAME.get(_first_word(text))
    return (COMMAND_BY_NAME["finger"], text) if command is None else (command, text.partition(" ")[2].strip())


def _first_word(text: str) -> str:
    return plain_line(text.partition(" ")[0]).strip().lower()


class CommandHandler:
    """Answers the requests of one network."""

    def __init__(self, network: str, prefix: str, deps: ProtocolDependencies) -> None:
        self.network, self.prefix, self.deps = network, prefix, deps
        self._noticed: OrderedDict[str, float] = OrderedDict()  # when a user or channel was notified of the limit
        self._rate_limits = [
            RateLimit(count, deps.reactor.seconds, MAX_COUNTED_CLIENTS, seconds)
            for count, seconds in (USER_LIMIT, USER_IN_CHANNEL_LIMIT, CHANNEL_LIMIT)
        ]
        self._log = Logger()

    async def answer(self, request: BotRequest) -> BotReply | None:
        """Return the answer, None for silence. An exception is logged and answered with a reference number."""
        command, argument = parse_command(request.text)
        info = RequestInfo(
            "irc",
            command.verb,
            request.text,
            peer=f"{self.network}/{escape_controls(request.nick)}",
            key=(self.network, request.userhost),
        )
        tracked = self.deps.tracker.start(info)
        try:
            wait = tracked.retry_after or self._retry_after(request)
            if wait:
                result = self._refuse(request, wait)
            else:
                result = await command.run(CommandContext(request, argument, self.deps, self.prefix))
            reply = self._fit(result, request)
            tracked.finish(result.outcome, sum(len(line.encode()) for line in reply.lines))
        except CancelledError:
            raise
        except Exception:
            reference = log_failure(self._log, f"{self.network}: a request failed")
            reply = self._fit(CommandResult(messages.INTERNAL_ERROR.format(reference=reference), "error"), request)
            tracked.finish("error", sum(len(line.encode()) for line in reply.lines), reference)
        finally:
            tracked.finish("unavailable")  # the client or the network went away
        return reply if reply.lines else None

    def _fit(self, result: CommandResult, request: BotRequest) -> BotReply:
        """Split the text into lines: all of them in private; in a channel at most three, else the short text."""
        texts, max_bytes = plain_lines(result.text), request.max_line_bytes
        if request.channel is None:
            lines = [piece for text in texts for piece in split_line(text, max_bytes)]
            short_lines = split_line(plain_line(result.short_text or result.text), max_bytes)
            return BotReply(tuple(lines), (short_lines or [""])[0])
        nick = plain_line(request.nick)
        lines = channel_lines(nick, texts, max_bytes)
        short_lines = channel_lines(nick, plain_lines(result.short_text), max_bytes)
        if len(lines) > MAX_CHANNEL_LINES:
            lines = short_lines or lines
        return BotReply(tuple(lines[:MAX_CHANNEL_LINES]), (short_lines or lines or [""])[0])

    def _retry_after(self, request: BotRequest) -> float:
        """Return the seconds until the user or the channel may ask again, 0.0 for now."""
        user, user_in_channel, channel = self._rate_limits
        if request.channel is None:
            return user.retry_after(request.userhost)
        folded = fold_nick(request.channel)
        return user_in_channel.retry_after((folded, request.userhost)) or channel.retry_after(folded)

    def _refuse(self, request: BotRequest, seconds: float) -> CommandResult:
        """Return a notice about the limit, once in LIMIT_NOTICE_INTERVAL; in between an empty text."""
        now = self.deps.reactor.seconds()
        target = request.userhost if request.channel is None else fold_nick(request.channel)
        while self._noticed and next(iter(self._noticed.values())) + LIMIT_NOTICE_INTERVAL <= now:
            self._noticed.popitem(last=False)
        if target in self._noticed:
            return CommandResult("", "limited")
        self._noticed[target] = now
        return CommandResult(messages.rate_limited(seconds), "limited")
