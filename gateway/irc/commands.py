"""What may be said to the bot and what it answers: commands, addressing, replies. It knows no connection.

A question comes in as plain values and goes out as lines that fit; each passes the house's exchange once.
"""

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import assert_never
from urllib.parse import quote_plus

from twisted.internet.defer import CancelledError
from twisted.logger import Logger

from ..dependencies import ProtocolDependencies
from ..directory.answers import Ambiguous, Forbidden, Found, Listing, NotFound, Page, Unavailable
from ..directory.viewers import Viewer
from ..ops.failure import log_failure
from ..ops.rate_limit import RateLimit
from ..ops.request_tracker import Outcome, RequestInfo, outcome_of
from ..text.sanitize import escape_controls
from ..text.width import cut
from . import messages
from .lines import plain, plain_lines, split
from .suggestions import near

CHANNEL_LINES = 3
LISTED, LISTED_IN_CHANNEL = 10, 5  # people in one answer, before the web address of the rest
CONTINUED = "… "  # before what is left of a line in a channel
# Questions that may come at once, and the seconds over which they refill: of one user, of one user in a channel, of a
# whole channel. Slow enough in the long run that two bots who answer one another fall silent, whatever their pace.
OF_USER, OF_USER_IN_CHANNEL, OF_CHANNEL = (300, 3600.0), (20, 600.0), (60, 600.0)
MOST_ASKERS = 10_000  # whose questions are counted
LIMITED_AGAIN = 60.0  # seconds in which an asker, or a channel, is told only once of the limit


@dataclass(frozen=True, slots=True)
class Question:
    """*text* is what was said, without our name or the prefix before it; *channel* None in private. *me* is our nick,
    *room* the bytes that a line of the answer may have."""

    nick: str
    userhost: str
    channel: str | None
    text: str
    me: str
    room: int


@dataclass(frozen=True, slots=True)
class Reply:
    """Lines to be said; *short* in place of those that have to be dropped."""

    lines: tuple[str, ...]
    short: str


@dataclass(frozen=True, slots=True)
class CommandResult:
    """What a command has to say, before it is made to fit. *short* stands in where that is too long."""

    text: str
    outcome: Outcome
    short: str = ""


@dataclass(frozen=True, slots=True)
class Command:
    """*usage* shows how it is said, *help* is its line of help; *verb* is what records say; *also* is another name."""

    name: str
    usage: str
    help: str
    verb: str
    handler: Callable[["CommandHandler", Question, str], Awaitable[CommandResult]]
    also: str = ""


def fold(name: str) -> str:
    """A nick or channel as RFC 1459 section 2.2 compares it."""
    return name.lower().translate(_FOLD)


_FOLD = str.maketrans("[]\\~", "{}|^")


def strip_address(text: str, me: str, prefix: str, private: bool) -> str | None:
    """What *text* asks of us; None where it is not meant for us. In private everything is; in a channel a command behind
    the prefix, and anything behind our nick and a colon or comma."""
    text = text.strip()
    name = text[: len(me)]
    if fold(name) == fold(me) and text[len(me) : len(me) + 1] in (":", ","):
        return text[len(me) + 1 :].strip()
    if text.startswith(prefix) and _first(text[len(prefix) :]) in REGISTRY:
        return text[len(prefix) :].strip()
    return text if private else None


def parse_command(text: str) -> tuple[Command, str]:
    """The command in *text* and what stands behind it. Anything else is a name that is looked up, nothing at all a call for
    help."""
    if not plain(text).strip():
        return REGISTRY["help"], ""
    command = REGISTRY.get(_first(text))
    return (REGISTRY["finger"], text) if command is None else (command, text.partition(" ")[2].strip())


def _first(text: str) -> str:
    return plain(text.partition(" ")[0]).strip().lower()


class CommandHandler:
    """Answers the questions of one network."""

    def __init__(self, network: str, prefix: str, deps: ProtocolDependencies) -> None:
        self.network, self.prefix, self.deps = network, prefix, deps
        self._told: OrderedDict[str, float] = OrderedDict()
        self._rates = [
            RateLimit(count, deps.reactor.seconds, MOST_ASKERS, over)
            for count, over in (OF_USER, OF_USER_IN_CHANNEL, OF_CHANNEL)
        ]
        self._log = Logger()

    async def answer(self, question: Question) -> Reply | None:
        """None where nothing is to be said. Whatever goes wrong is logged and told by a reference number."""
        command, argument = parse_command(question.text)
        asked = RequestInfo(
            "irc",
            command.verb,
            question.text,
            peer=f"{self.network}/{escape_controls(question.nick)}",
            key=(self.network, question.userhost),
        )
        tracked = self.deps.tracker.start(asked)
        try:
            wait = tracked.retry_after or self._wait(question)
            if wait:
                said = self._limited(question, wait)
            else:
                said = await command.handler(self, question, argument)
            reply = self._fitted(said, question)
            tracked.finish(said.outcome, sum(len(line.encode()) for line in reply.lines))
        except CancelledError:
            raise
        except Exception:
            reference = log_failure(self._log, f"{self.network}: a question failed")
            reply = self._fitted(CommandResult(messages.ERROR.format(reference=reference), "error"), question)
            tracked.finish("error", sum(len(line.encode()) for line in reply.lines), reference)
        finally:
            tracked.finish("unavailable")  # the asker or the network went away
        return reply if reply.lines else None

    def _fitted(self, said: CommandResult, question: Question) -> Reply:
        """In private every line that there is. In a channel at most three, the asker named, else the short form."""
        texts = plain_lines(said.text)
        if question.channel is None:
            lines = [piece for text in texts for piece in split(text, question.room)]
            return Reply(tuple(lines), (split(plain(said.short or said.text), question.room) or [""])[0])
        called = plain(question.nick)
        lines = _called(called, texts, question.room)
        short = _called(called, plain_lines(said.short), question.room)
        if len(lines) > CHANNEL_LINES:
            lines = short or lines
        return Reply(tuple(lines[:CHANNEL_LINES]), (short or lines or [""])[0])

    def _wait(self, question: Question) -> float:
        """Seconds until one of so many questions may be answered here."""
        user, user_in_channel, channel = self._rates
        if question.channel is None:
            return user.retry_after(question.userhost)
        where = fold(question.channel)
        return user_in_channel.retry_after((where, question.userhost)) or channel.retry_after(where)

    def _limited(self, question: Question, seconds: float) -> CommandResult:
        """Told once a minute; whoever goes on asking gets silence."""
        now = self.deps.reactor.seconds()
        listener = question.userhost if question.channel is None else fold(question.channel)
        while self._told and next(iter(self._told.values())) + LIMITED_AGAIN <= now:
            self._told.popitem(last=False)
        if listener in self._told:
            return CommandResult("", "limited")
        self._told[listener] = now
        return CommandResult(messages.limited(seconds), "limited")


def _called(nick: str, texts: list[str], room: int) -> list[str]:
    """*texts* as lines, the asker's nick before the first: no line begins with what somebody else wrote, which another bot
    in the channel could take for a command."""
    called = [f"{nick}: {text}" for text in texts[:1]] + texts[1:]
    return [line for text in called for line in _continued(split(text, room), text, room)]


def _continued(pieces: list[str], text: str, room: int) -> list[str]:
    """*pieces* of *text*, each but the first marked as one."""
    if len(pieces) < 2:
        return pieces
    first, *others = split(text, room - len(CONTINUED.encode()))
    return [first, *(CONTINUED + other for other in others)]


async def _finger(desk: CommandHandler, question: Question, argument: str) -> CommandResult:
    """Somebody is looked up. NAME@HOST is NAME where HOST is ours; nothing is passed on to other hosts."""
    deps = desk.deps
    name, at, host = plain(argument).strip().rpartition("@")
    if not at:
        name, host = host, ""
    if "@" in name or (host and host not in deps.site.hosts):
        return CommandResult(messages.FORWARDING, "refused")
    if not name:
        return CommandResult(messages.USAGE.format(usage=REGISTRY["finger"].usage), "invalid")
    viewer = _stranger(deps)
    answer = await deps.directory.lookup(name, viewer)
    match answer:
        case Found(profile):
            full = "irc/person.txt" if question.channel is None else "irc/channel.txt"
            text, short = (
                deps.renderer.render_profile(profile, full),
                deps.renderer.render_profile(profile, "irc/address.txt"),
            )
        case Ambiguous(profiles):
            more = _search_url(deps, name)
            text = deps.renderer.render(
                "irc/ambiguous.txt", profiles=profiles, asked=escape_controls(argument), more=more
            )
            short = text
        case NotFound():
            meant = [(each.login, cut(plain(each.name), 40)) for each in await near(name, viewer, deps.directory)]
            text, short = (
                messages.unknown(escape_controls(argument), meant),
                messages.unknown(escape_controls(argument)),
            )
        case Forbidden():
            text = short = messages.REFUSED
        case Unavailable():
            text = short = messages.UNAVAILABLE
        case _:
            assert_never(answer)
    return CommandResult(text, outcome_of(answer), short)


async def _who(desk: CommandHandler, question: Question, argument: str) -> CommandResult:
    """Who is on now."""
    deps = desk.deps
    answer = await deps.directory.list_online(_stranger(deps), _page(question))
    return _listed(answer, "irc/online", messages.NOBODY_ON, f"{deps.site.url}/online", question, deps)


async def _search(desk: CommandHandler, question: Question, argument: str) -> CommandResult:
    """Whom some words find."""
    deps = desk.deps
    wanted = plain(argument).strip()
    if not wanted:
        return CommandResult(messages.USAGE.format(usage=REGISTRY["search"].usage), "invalid")
    answer = await deps.directory.list_people(wanted, _stranger(deps), _page(question))
    nobody = messages.NOBODY_FOUND.format(words=escape_controls(wanted))
    return _listed(
        answer, "irc/found", nobody, _search_url(deps, wanted), question, deps, asked=escape_controls(wanted)
    )


def _listed(
    answer: Listing | Unavailable,
    template: str,
    nobody: str,
    url: str,
    question: Question,
    deps: ProtocolDependencies,
    **more: str,
) -> CommandResult:
    """A list by *template*, in a channel by its short form; where there are more, *url* tells of them."""
    if isinstance(answer, Unavailable):
        return CommandResult(messages.UNAVAILABLE, outcome_of(answer), messages.UNAVAILABLE)
    if not answer.profiles:
        return CommandResult(nobody, outcome_of(answer), nobody)
    values = {"profiles": answer.profiles, "more": url if answer.after is not None or answer.truncated else "", **more}
    short = deps.renderer.render(
        f"{template}_channel.txt", **(values | {"profiles": answer.profiles[:LISTED_IN_CHANNEL]})
    )
    return CommandResult(
        short if question.channel else deps.renderer.render(f"{template}.txt", **values), outcome_of(answer), short
    )


def _page(question: Question) -> Page:
    return Page(limit=LISTED if question.channel is None else LISTED_IN_CHANNEL)


def _stranger(deps: ProtocolDependencies) -> Viewer:
    """Whoever asks here is nobody in particular."""
    return deps.viewers.from_address("irc", None)


def _search_url(deps: ProtocolDependencies, words: str) -> str:
    return f"{deps.site.url}/users?q={quote_plus(words)}"


async def _help(desk: CommandHandler, question: Question, argument: str) -> CommandResult:
    template = "irc/help.txt" if question.channel is None else "irc/help_channel.txt"
    text = desk.deps.renderer.render(template, commands=COMMANDS, nick=question.me, prefix=desk.prefix)
    return CommandResult(text, "served", desk.deps.site.url)


COMMANDS = (
    Command("finger", "finger NAME", messages.HELP_FINGER, "lookup", _finger),
    Command("who", "who", messages.HELP_WHO, "list", _who, also="online"),
    Command("search", "search WORDS", messages.HELP_SEARCH, "search", _search),
    Command("help", "help", messages.HELP_HELP, "help", _help),
)
REGISTRY: Mapping[str, Command] = {
    name: command for command in COMMANDS for name in (command.name, command.also) if name
}
