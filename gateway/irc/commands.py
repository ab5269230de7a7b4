"""What may be said to the bot and what it answers: commands, addressing, replies. It knows no connection.

A question comes in as plain values and goes out as lines that fit; each passes the house's exchange once.
"""

import secrets
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import assert_never
from urllib.parse import quote_plus

from twisted.internet.defer import CancelledError
from twisted.logger import Logger

from ..dependencies import House
from ..directory.answers import Found, Listing, Page, Refused, Several, Unavailable, Unknown
from ..directory.viewers import Viewer
from ..ops.rate_limit import Rate
from ..ops.request_tracker import Asked, Limited, Outcome, outcome
from ..text.sanitize import escaped
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
class Said:
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
    handler: Callable[["Desk", Question, str], Awaitable[Said]]
    also: str = ""


def fold(name: str) -> str:
    """A nick or channel as RFC 1459 section 2.2 compares it."""
    return name.lower().translate(_FOLD)


_FOLD = str.maketrans("[]\\~", "{}|^")


def addressed(text: str, me: str, prefix: str, private: bool) -> str | None:
    """What *text* asks of us; None where it is not meant for us. In private everything is; in a channel a command behind
    the prefix, and anything behind our nick and a colon or comma."""
    text = text.strip()
    name = text[: len(me)]
    if fold(name) == fold(me) and text[len(me) : len(me) + 1] in (":", ","):
        return text[len(me) + 1 :].strip()
    if text.startswith(prefix) and _first(text[len(prefix) :]) in REGISTRY:
        return text[len(prefix) :].strip()
    return text if private else None


def understood(text: str) -> tuple[Command, str]:
    """The command in *text* and what stands behind it. Anything else is a name that is looked up, nothing at all a call for
    help."""
    if not plain(text).strip():
        return REGISTRY["help"], ""
    command = REGISTRY.get(_first(text))
    return (REGISTRY["finger"], text) if command is None else (command, text.partition(" ")[2].strip())


def _first(text: str) -> str:
    return plain(text.partition(" ")[0]).strip().lower()


class Desk:
    """Answers the questions of one network."""

    def __init__(self, network: str, prefix: str, house: House) -> None:
        self.network, self.prefix, self.house = network, prefix, house
        self._told: OrderedDict[str, float] = OrderedDict()
        self._rates = [
            Rate(count, house.reactor.seconds, MOST_ASKERS, over)
            for count, over in (OF_USER, OF_USER_IN_CHANNEL, OF_CHANNEL)
        ]
        self._log = Logger()

    async def answer(self, question: Question) -> Reply | None:
        """None where nothing is to be said. Whatever goes wrong is logged and told by a reference number."""
        command, argument = understood(question.text)
        asked = Asked(
            "irc",
            command.verb,
            question.text,
            peer=f"{self.network}/{escaped(question.nick)}",
            key=(self.network, question.userhost),
        )
        exchange = self.house.exchanges.open(asked)
        try:
            wait = exchange.seconds if isinstance(exchange, Limited) else self._wait(question)
            if wait:
                said = self._limited(question, wait)
            else:
                said = await command.handler(self, question, argument)
            reply = self._fitted(said, question)
            exchange.close(said.outcome, sum(len(line.encode()) for line in reply.lines))
        except CancelledError:
            raise
        except Exception:
            reference = secrets.token_hex(4)
            self._log.failure(
                "{network}: a question failed, reference {reference}", network=self.network, reference=reference
            )
            reply = self._fitted(Said(messages.ERROR.format(reference=reference), "error"), question)
            exchange.close("error", sum(len(line.encode()) for line in reply.lines), reference)
        finally:
            exchange.close("unavailable")  # the asker or the network went away
        return reply if reply.lines else None

    def _fitted(self, said: Said, question: Question) -> Reply:
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
            return user.wait(question.userhost)
        where = fold(question.channel)
        return user_in_channel.wait((where, question.userhost)) or channel.wait(where)

    def _limited(self, question: Question, seconds: float) -> Said:
        """Told once a minute; whoever goes on asking gets silence."""
        now = self.house.reactor.seconds()
        listener = question.userhost if question.channel is None else fold(question.channel)
        while self._told and next(iter(self._told.values())) + LIMITED_AGAIN <= now:
            self._told.popitem(last=False)
        if listener in self._told:
            return Said("", "limited")
        self._told[listener] = now
        return Said(messages.limited(seconds), "limited")


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


async def _finger(desk: Desk, question: Question, argument: str) -> Said:
    """Somebody is looked up. NAME@HOST is NAME where HOST is ours; nothing is passed on to other hosts."""
    house = desk.house
    name, at, host = plain(argument).strip().rpartition("@")
    if not at:
        name, host = host, ""
    if "@" in name or (host and host not in house.site.hosts):
        return Said(messages.FORWARDING, "refused")
    if not name:
        return Said(messages.USAGE.format(usage=REGISTRY["finger"].usage), "invalid")
    viewer = _stranger(house)
    answer = await house.directory.lookup(name, viewer)
    match answer:
        case Found(profile):
            full = "irc/person.txt" if question.channel is None else "irc/channel.txt"
            text, short = house.renderer.profile(profile, full), house.renderer.profile(profile, "irc/address.txt")
        case Several(profiles):
            more = _search_url(house, name)
            text = house.renderer.text("irc/several.txt", profiles=profiles, asked=escaped(argument), more=more)
            short = text
        case Unknown():
            meant = [(each.login, cut(plain(each.name), 40)) for each in await near(name, viewer, house.directory)]
            text, short = messages.unknown(escaped(argument), meant), messages.unknown(escaped(argument))
        case Refused():
            text = short = messages.REFUSED
        case Unavailable():
            text = short = messages.UNAVAILABLE
        case _:
            assert_never(answer)
    return Said(text, outcome(answer), short)


async def _who(desk: Desk, question: Question, argument: str) -> Said:
    """Who is on now."""
    house = desk.house
    answer = await house.directory.online(_stranger(house), _page(question))
    return _listed(answer, "irc/online", messages.NOBODY_ON, f"{house.site.url}/online", question, house)


async def _search(desk: Desk, question: Question, argument: str) -> Said:
    """Whom some words find."""
    house = desk.house
    wanted = plain(argument).strip()
    if not wanted:
        return Said(messages.USAGE.format(usage=REGISTRY["search"].usage), "invalid")
    answer = await house.directory.listing(wanted, _stranger(house), _page(question))
    nobody = messages.NOBODY_FOUND.format(words=escaped(wanted))
    return _listed(answer, "irc/found", nobody, _search_url(house, wanted), question, house, asked=escaped(wanted))


def _listed(
    answer: Listing | Unavailable, template: str, nobody: str, url: str, question: Question, house: House, **more: str
) -> Said:
    """A list by *template*, in a channel by its short form; where there are more, *url* tells of them."""
    if isinstance(answer, Unavailable):
        return Said(messages.UNAVAILABLE, outcome(answer), messages.UNAVAILABLE)
    if not answer.profiles:
        return Said(nobody, outcome(answer), nobody)
    values = {"profiles": answer.profiles, "more": url if answer.after is not None or answer.cut else "", **more}
    short = house.renderer.text(
        f"{template}_channel.txt", **(values | {"profiles": answer.profiles[:LISTED_IN_CHANNEL]})
    )
    return Said(short if question.channel else house.renderer.text(f"{template}.txt", **values), outcome(answer), short)


def _page(question: Question) -> Page:
    return Page(limit=LISTED if question.channel is None else LISTED_IN_CHANNEL)


def _stranger(house: House) -> Viewer:
    """Whoever asks here is nobody in particular."""
    return house.viewers.from_address("irc", None)


def _search_url(house: House, words: str) -> str:
    return f"{house.site.url}/users?q={quote_plus(words)}"


async def _help(desk: Desk, question: Question, argument: str) -> Said:
    template = "irc/help.txt" if question.channel is None else "irc/help_channel.txt"
    text = desk.house.renderer.text(template, commands=COMMANDS, nick=question.me, prefix=desk.prefix)
    return Said(text, "served", desk.house.site.url)


COMMANDS = (
    Command("finger", "finger NAME", messages.HELP_FINGER, "lookup", _finger),
    Command("who", "who", messages.HELP_WHO, "list", _who, also="online"),
    Command("search", "search WORDS", messages.HELP_SEARCH, "search", _search),
    Command("help", "help", messages.HELP_HELP, "help", _help),
)
REGISTRY: Mapping[str, Command] = {
    name: command for command in COMMANDS for name in (command.name, command.also) if name
}
