"""The bot's commands. Each is one function; `@command` registers it and its line of help."""

from typing import assert_never
from urllib.parse import quote_plus

from ..dependencies import ProtocolDependencies
from ..directory.results import Ambiguous, Forbidden, Found, Listing, NotFound, Page, Unavailable
from ..directory.viewers import Viewer
from ..text.sanitize import escape_controls
from ..text.width import cut
from . import messages
from .command_registry import COMMANDS, CommandContext, CommandResult, command
from .lines import plain_line
from .suggestions import find_similar_names

MAX_LISTED, MAX_LISTED_IN_CHANNEL = 10, 5  # people in one answer, before the web address of the rest
FINGER_USAGE, SEARCH_USAGE = "finger NAME", "search WORDS"


@command(FINGER_USAGE, messages.HELP_FINGER, verb="lookup")
async def look_up_person(context: CommandContext) -> CommandResult:
    """Look up one person. NAME@HOST is NAME if HOST is ours; nothing is forwarded to other hosts."""
    deps, argument = context.deps, context.argument
    name, at, host = plain_line(argument).strip().rpartition("@")
    if not at:
        name, host = host, ""
    if "@" in name or (host and host not in deps.site.hosts):
        return CommandResult(messages.FORWARDING, "refused")
    if not name:
        return CommandResult(messages.USAGE.format(usage=FINGER_USAGE), "invalid")
    viewer = _stranger(deps)
    answer = await deps.directory.lookup(name, viewer)
    match answer:
        case Found(profile):
            full = "irc/person.txt" if context.request.channel is None else "irc/channel.txt"
            text = deps.renderer.render_profile(profile, full)
            short = deps.renderer.render_profile(profile, "irc/address.txt")
        case Ambiguous(profiles):
            more = _search_url(deps, name)
            text = short = deps.renderer.render(
                "irc/ambiguous.txt", profiles=profiles, name=escape_controls(argument), more=more
            )
        case NotFound():
            similar = await find_similar_names(name, viewer, deps.directory)
            suggestions = [(each.login, cut(plain_line(each.name), 40)) for each in similar]
            text = messages.not_found(escape_controls(argument), suggestions)
            short = messages.not_found(escape_controls(argument))
        case Forbidden():
            text = short = messages.FORBIDDEN
        case Unavailable():
            text = short = messages.UNAVAILABLE
        case _:
            assert_never(answer)
    return CommandResult(text, answer.outcome, short)


@command("who", messages.HELP_WHO, verb="list", alias="online")
async def list_online(context: CommandContext) -> CommandResult:
    """List who is online."""
    deps = context.deps
    answer = await deps.directory.list_online(_stranger(deps), _page(context))
    return _list_result(context, answer, "irc/online", messages.NOBODY_ONLINE, f"{deps.site.url}/online")


@command(SEARCH_USAGE, messages.HELP_SEARCH, verb="search")
async def search_people(context: CommandContext) -> CommandResult:
    """List the people whose names match some words."""
    deps = context.deps
    words = plain_line(context.argument).strip()
    if not words:
        return CommandResult(messages.USAGE.format(usage=SEARCH_USAGE), "invalid")
    answer = await deps.directory.list_people(words, _stranger(deps), _page(context))
    shown = escape_controls(words)
    nobody = messages.NO_MATCH.format(words=shown)
    return _list_result(context, answer, "irc/found", nobody, _search_url(deps, words), words=shown)


@command("help", messages.HELP_HELP, verb="help")
async def show_help(context: CommandContext) -> CommandResult:
    """Show the commands."""
    request, deps = context.request, context.deps
    template = "irc/help.txt" if request.channel is None else "irc/help_channel.txt"
    text = deps.renderer.render(template, commands=COMMANDS, nick=request.own_nick, prefix=context.prefix)
    return CommandResult(text, "served", deps.site.url)


def _list_result(
    context: CommandContext, answer: Listing | Unavailable, template: str, nobody: str, url: str, **values: str
) -> CommandResult:
    """Render a list with *template*, in a channel with its short form; *url* has the rest if there are more."""
    deps = context.deps
    if isinstance(answer, Unavailable):
        return CommandResult(messages.UNAVAILABLE, answer.outcome, messages.UNAVAILABLE)
    if not answer.profiles:
        return CommandResult(nobody, answer.outcome, nobody)
    more = url if answer.after is not None or answer.truncated else ""
    few = answer.profiles[:MAX_LISTED_IN_CHANNEL]
    short = deps.renderer.render(f"{template}_channel.txt", profiles=few, more=more, **values)
    if context.request.channel is not None:
        return CommandResult(short, answer.outcome, short)
    text = deps.renderer.render(f"{template}.txt", profiles=answer.profiles, more=more, **values)
    return CommandResult(text, answer.outcome, short)


def _page(context: CommandContext) -> Page:
    return Page(limit=MAX_LISTED if context.request.channel is None else MAX_LISTED_IN_CHANNEL)


def _stranger(deps: ProtocolDependencies) -> Viewer:
    """Return the viewer of every request on IRC: a nick proves nothing."""
    return deps.viewers.from_address("irc", None)


def _search_url(deps: ProtocolDependencies, words: str) -> str:
    return f"{deps.site.url}/users?q={quote_plus(words)}"
