"""From a query to the text that answers it. It asks the directory and fills templates/finger; it knows no connection.

A line may hold several names. Which ones is found out by asking: a comma or a blank may as well stand in one full name,
so all of it is tried first as one.
"""

import re
from collections.abc import Sequence

from ..dependencies import House
from ..directory.answers import Answer, Found, Several, Unavailable, Unknown
from ..directory.privacy import Profile
from ..directory.viewers import Viewer
from ..ops.request_tracker import Outcome, outcome
from ..text.sanitize import escaped
from . import messages
from .listing import LISTED, listing
from .query import Browser, Everyone, Person, decoded, names
from .settings import Finger

HELP = ("help", "?", ".help", "/help")  # ask for help, unless somebody is called that
_PLAIN_PATH = re.compile("(?:/[A-Za-z0-9._~-]*)+")

Answered = tuple[str, Answer]  # a name as it was typed, and what the directory says of it


async def reply(
    query: Everyone | Person | Browser, viewer: Viewer, settings: Finger, house: House
) -> tuple[str, Outcome]:
    """The answer's text, lines ended by LF, and what it is called in a record."""
    if isinstance(query, Everyone):
        text, how = await listing(query, viewer, settings, house)
        return house.renderer.framed(text), how
    if isinstance(query, Browser):
        return messages.web(house.site.url + (query.path if _PLAIN_PATH.fullmatch(query.path) else "/")), "refused"
    answered = await _asked(query.name, viewer, settings.max_names, house)
    if query.name.lower() in HELP and all(isinstance(answer, Unknown) for _, answer in answered):
        return house.renderer.framed(house.renderer.text("finger/help.txt")), "served"
    return house.renderer.framed(_worded(answered, query.verbose, settings, house)), _outcome(answered, settings)


async def _asked(text: str, viewer: Viewer, most: int, house: House) -> list[Answered]:
    """*text* as one name; where nobody has it, the names between its commas, and of each that nobody has the words. One
    more than *most* at the utmost."""
    whole = await _looked_up(text, viewer, house)
    if not isinstance(whole, Unknown):
        return [(text, whole)]
    answered: list[Answered] = []
    words_left = most + 1
    for name in names(text)[: most + 1]:
        answer = whole if name == text else await _looked_up(name, viewer, house)
        words = list(dict.fromkeys(name.split()))[:words_left] if isinstance(answer, Unknown) else []
        words_left -= len(words)
        parts = [(word, await _looked_up(word, viewer, house)) for word in words if word != name]
        if any(not isinstance(part, Unknown) for _, part in parts):
            answered += parts
        else:
            answered.append((name, answer))
        if len(answered) > most:
            break
    return answered[: most + 1] or [(text, whole)]


async def _looked_up(name: str, viewer: Viewer, house: House) -> Answer:
    """Who is *name*: as it stands, else with its percent-encoding undone."""
    answer = await house.directory.lookup(name, viewer)
    if isinstance(answer, Unknown) and (plain := decoded(name)) is not None:
        return await house.directory.lookup(plain, viewer)
    return answer


def _worded(answered: Sequence[Answered], verbose: bool, settings: Finger, house: House) -> str:
    """One text after the other, a blank line between them; nobody is told twice."""
    template = "finger/long.txt" if verbose else "finger/person.txt"
    texts: dict[object, str] = {}
    for name, answer in answered:
        people = _people(answer, settings)
        for profile in people:
            texts[profile.login, True] = house.renderer.profile(profile, template)
        if not people:
            texts[name, False] = _told(name, answer, settings, house)
    told = list(texts.values())
    if len(told) > settings.max_names:
        told[settings.max_names :] = [messages.MORE]
    return "\n".join(text if text.endswith("\n") else text + "\n" for text in told)


def _people(answer: Answer, settings: Finger) -> tuple[Profile, ...]:
    """Those of whom all is told."""
    if isinstance(answer, Found):
        return (answer.profile,)
    if isinstance(answer, Several) and settings.ambiguous == "full" and len(answer.profiles) <= settings.max_names:
        return answer.profiles
    return ()


def _told(name: str, answer: Answer, settings: Finger, house: House) -> str:
    if isinstance(answer, Several):
        if settings.ambiguous == "deny":
            return messages.ambiguous(escaped(name))
        count = len(answer.profiles)
        return house.renderer.text("finger/several.txt", profiles=answer.profiles[:LISTED], count=count)
    if isinstance(answer, Unavailable):
        return messages.UNAVAILABLE
    return messages.no_such_user(escaped(name))


def _outcome(answered: Sequence[Answered], settings: Finger) -> Outcome:
    """What the record says of all of them together: the best of it."""
    outcomes = {
        "refused" if isinstance(answer, Several) and settings.ambiguous == "deny" else outcome(answer)
        for _, answer in answered
    }
    order: tuple[Outcome, ...] = ("found", "several", "unavailable", "refused")
    return next((each for each in order if each in outcomes), "unknown")
