"""From a query to the text that answers it. It asks the directory and fills templates/finger; it knows no connection."""

from ..directory.answers import Answer, Found, Listing, Page, Several, Unavailable
from ..directory.viewers import Viewer
from ..house import House
from ..operate.exchange import Outcome, outcome
from ..text.clean import escaped
from . import messages
from .query import Elsewhere, Everyone, Person, Query
from .settings import Finger

LISTED = 50  # people in one list


async def reply(query: Query, viewer: Viewer, settings: Finger, house: House) -> tuple[str, Outcome]:
    """The answer's text, lines ended by LF, and what it is called in a record."""
    if isinstance(query, Elsewhere):
        return messages.DENIED, "refused"
    if isinstance(query, Everyone):
        return await _list(viewer, settings, house)
    answer = await house.directory.lookup(query.name, viewer)
    return _worded(query, answer, house), outcome(answer)


def _worded(query: Person, answer: Answer, house: House) -> str:
    if isinstance(answer, Found):
        return house.renderer.profile(answer.profile, "finger/long.txt" if query.verbose else "finger/person.txt")
    if isinstance(answer, Several):
        return house.renderer.text("finger/several.txt", profiles=answer.profiles)
    if isinstance(answer, Unavailable):
        return messages.UNAVAILABLE
    return messages.no_such_user(escaped(query.name))


async def _list(viewer: Viewer, settings: Finger, house: House) -> tuple[str, Outcome]:
    if not settings.listing:
        return messages.NO_LIST, "refused"
    if settings.empty == "online":
        return messages.NOBODY_ON, "listed"
    answer = await house.directory.listing("", viewer, Page(limit=LISTED))
    if not isinstance(answer, Listing):
        return messages.UNAVAILABLE, outcome(answer)
    if not answer.profiles:
        return messages.NOBODY_LISTED, "listed"
    return house.renderer.text("finger/list.txt", profiles=answer.profiles, more=answer.after), "listed"
