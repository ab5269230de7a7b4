"""From a query to the text that answers it. It asks the directory and fills templates/finger; it knows no connection.

A line may hold several names. Which ones is found out by asking: a comma or a blank may as well stand in one full name,
so all of it is tried first as one.
"""

import re
from collections.abc import Sequence

from ..dependencies import ProtocolDependencies
from ..directory.answers import Ambiguous, Found, LookupResult, NotFound, Unavailable
from ..directory.privacy import Profile
from ..directory.viewers import Viewer
from ..ops.request_tracker import Outcome, outcome_of
from ..text.sanitize import escape_controls
from . import messages
from .listing import LISTED, listing
from .query import HttpRequest, ListQuery, UserQuery, decoded, names
from .settings import FingerSettings

HELP = ("help", "?", ".help", "/help")  # ask for help, unless somebody is called that
_PLAIN_PATH = re.compile("(?:/[A-Za-z0-9._~-]*)+")

Answered = tuple[str, LookupResult]  # a name as it was typed, and what the directory says of it


async def reply(
    query: ListQuery | UserQuery | HttpRequest, viewer: Viewer, settings: FingerSettings, deps: ProtocolDependencies
) -> tuple[str, Outcome]:
    """The answer's text, lines ended by LF, and what it is called in a record."""
    if isinstance(query, ListQuery):
        text, how = await listing(query, viewer, settings, deps)
        return deps.renderer.frame(text), how
    if isinstance(query, HttpRequest):
        return messages.web(deps.site.url + (query.path if _PLAIN_PATH.fullmatch(query.path) else "/")), "refused"
    answered = await _asked(query.name, viewer, settings.max_names, deps)
    if query.name.lower() in HELP and all(isinstance(answer, NotFound) for _, answer in answered):
        return deps.renderer.frame(deps.renderer.render("finger/help.txt")), "served"
    return deps.renderer.frame(_worded(answered, query.verbose, settings, deps)), _outcome(answered, settings)


async def _asked(text: str, viewer: Viewer, most: int, deps: ProtocolDependencies) -> list[Answered]:
    """*text* as one name; where nobody has it, the names between its commas, and of each that nobody has the words. One
    more than *most* at the utmost."""
    whole = await _looked_up(text, viewer, deps)
    if not isinstance(whole, NotFound):
        return [(text, whole)]
    answered: list[Answered] = []
    words_left = most + 1
    for name in names(text)[: most + 1]:
        answer = whole if name == text else await _looked_up(name, viewer, deps)
        words = list(dict.fromkeys(name.split()))[:words_left] if isinstance(answer, NotFound) else []
        words_left -= len(words)
        parts = [(word, await _looked_up(word, viewer, deps)) for word in words if word != name]
        if any(not isinstance(part, NotFound) for _, part in parts):
            answered += parts
        else:
            answered.append((name, answer))
        if len(answered) > most:
            break
    return answered[: most + 1] or [(text, whole)]


async def _looked_up(name: str, viewer: Viewer, deps: ProtocolDependencies) -> LookupResult:
    """Who is *name*: as it stands, else with its percent-encoding undone."""
    answer = await deps.directory.lookup(name, viewer)
    if isinstance(answer, NotFound) and (plain := decoded(name)) is not None:
        return await deps.directory.lookup(plain, viewer)
    return answer


def _worded(answered: Sequence[Answered], verbose: bool, settings: FingerSettings, deps: ProtocolDependencies) -> str:
    """One text after the other, a blank line between them; nobody is told twice."""
    template = "finger/long.txt" if verbose else "finger/person.txt"
    texts: dict[object, str] = {}
    for name, answer in answered:
        people = _people(answer, settings)
        for profile in people:
            texts[profile.login, True] = deps.renderer.render_profile(profile, template)
        if not people:
            texts[name, False] = _told(name, answer, settings, deps)
    told = list(texts.values())
    if len(told) > settings.max_names:
        told[settings.max_names :] = [messages.MORE]
    return "\n".join(text if text.endswith("\n") else text + "\n" for text in told)


def _people(answer: LookupResult, settings: FingerSettings) -> tuple[Profile, ...]:
    """Those of whom all is told."""
    if isinstance(answer, Found):
        return (answer.profile,)
    if isinstance(answer, Ambiguous) and settings.ambiguous == "full" and len(answer.profiles) <= settings.max_names:
        return answer.profiles
    return ()


def _told(name: str, answer: LookupResult, settings: FingerSettings, deps: ProtocolDependencies) -> str:
    if isinstance(answer, Ambiguous):
        if settings.ambiguous == "deny":
            return messages.ambiguous(escape_controls(name))
        count = len(answer.profiles)
        return deps.renderer.render("finger/ambiguous.txt", profiles=answer.profiles[:LISTED], count=count)
    if isinstance(answer, Unavailable):
        return messages.UNAVAILABLE
    return messages.no_such_user(escape_controls(name))


def _outcome(answered: Sequence[Answered], settings: FingerSettings) -> Outcome:
    """What the record says of all of them together: the best of it."""
    outcomes = {
        "refused" if isinstance(answer, Ambiguous) and settings.ambiguous == "deny" else outcome_of(answer)
        for _, answer in answered
    }
    order: tuple[Outcome, ...] = ("found", "ambiguous", "unavailable", "refused")
    return next((each for each in order if each in outcomes), "not_found")
