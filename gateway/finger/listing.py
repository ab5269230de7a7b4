"""The answer to the empty query (RFC 1288 section 2.5.1): who is on, or who is here.

The short list is a table as wide as a terminal. A column stands there when somebody in it has something to show. Login
and full name are never cut: a long one has a line for itself, so that it does not take the others' room. Of the other
columns some are cut to fit, and the last ones go where that is not enough. The long list has a few lines for each
person. Neither tells what asking for that person does not.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import accumulate

from ..dependencies import ProtocolDependencies
from ..directory.answers import Listing, Page
from ..directory.privacy import Profile
from ..directory.viewers import Viewer
from ..ops.request_tracker import Outcome, outcome_of
from ..text.sanitize import one_line
from ..text.width import width
from . import messages
from .query import ListQuery
from .settings import FingerSettings

LISTED = 50  # people in one list
COLUMNS = 80  # cells of a line
GAP = 2  # cells between two columns
LEAST = 12  # cells of a column that may be cut
WHOLE = {"login": 24, "name": 32}  # what is never cut, and the cells that it has where others stand beside it
CUT = ("origin", "office", "title")  # what still says something when its end is missing
LONG_AGO = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Column:
    """*cells* has one for each person; *width* is what they are cut to, or where *whole* what they have before they take a
    line for themselves. *at*: the cells to the left of it."""

    name: str
    cells: tuple[str, ...]
    width: int
    at: int = 0

    @property
    def whole(self) -> bool:
        return self.name in WHOLE

    @property
    def heading(self) -> str:
        return messages.HEADINGS[self.name]


async def listing(
    query: ListQuery, viewer: Viewer, settings: FingerSettings, deps: ProtocolDependencies
) -> tuple[str, Outcome]:
    """The list's text, lines ended by LF, and what it is called in a record."""
    if not settings.listing:
        return messages.NO_LIST, "refused"
    online = settings.empty_query == "online"
    page = Page(limit=LISTED)
    directory = deps.directory
    answer = await (directory.list_online(viewer, page) if online else directory.list_people("", viewer, page))
    if not isinstance(answer, Listing):
        return messages.UNAVAILABLE, outcome_of(answer)
    if not answer.profiles:
        return messages.NOBODY_ON if online else messages.NOBODY_LISTED, "listed"
    more = (f"{deps.site.url}/online" if online else f"{deps.site.url}/users") if answer.after else ""
    if query.verbose:
        entries = [deps.renderer.render_profile(profile, "finger/entry.txt") for profile in answer.profiles]
        return deps.renderer.render("finger/list_long.txt", entries=entries, more=more), "listed"
    columns = table(answer.profiles, settings.list_columns, deps.now(), deps.renderer.transliterate)
    return deps.renderer.render("finger/list.txt", columns=columns, profiles=answer.profiles, more=more), "listed"


def table(
    profiles: Sequence[Profile], wanted: Sequence[str], now: datetime, spelled: Callable[[str], str] = str
) -> list[Column]:
    """The columns of a list of *profiles*: login, name, and of *wanted* what is there to show and fits. *spelled*: in the
    letters that the reader has."""
    rows = [{name: spelled(one_line(cell)) for name, cell in _cells(profile, now)} for profile in profiles]
    names = ("login", "name", *dict.fromkeys(wanted))
    columns = [_column(name, [row.get(name, "") for row in rows]) for name in names]
    return _fitted(columns[:2], [column for column in columns[2:] if any(column.cells)])


def _column(name: str, cells: Sequence[str]) -> Column:
    return Column(name, tuple(cells), max(map(width, (messages.HEADINGS[name], *cells))))


def _fitted(kept: list[Column], others: list[Column]) -> list[Column]:
    """*kept* and as many of *others* as fit when some are cut, the widest first."""
    login, name = (min(column.width, WHOLE[column.name]) for column in kept)
    room = COLUMNS - login - name - GAP
    for count in range(len(others), 0, -1):
        widths = [column.width for column in others[:count]]
        while sum(widths) + GAP * count > room:
            long = [n for n, column in enumerate(others[:count]) if column.name in CUT and widths[n] > LEAST]
            if not long:
                break
            widths[max(long, key=widths.__getitem__)] -= 1
        else:
            return _placed(kept + others[:count], [login, name, *widths])
    return _placed(kept, [login, min(kept[1].width, COLUMNS - login - GAP)])


def _placed(columns: Sequence[Column], widths: Sequence[int]) -> list[Column]:
    starts = accumulate((cells + GAP for cells in widths), initial=0)
    return [replace(column, width=cells, at=at) for column, cells, at in zip(columns, widths, starts, strict=False)]


def _cells(profile: Profile, now: datetime) -> Iterator[tuple[str, str]]:
    """What a list can tell of somebody. Who is on more than once is told of where they were active last."""
    for name in ("login", "name", "office", "office_phone", "title"):
        yield name, getattr(profile, name)
    if profile.logins:
        login = max(profile.logins, key=lambda login: (login.active or LONG_AGO, login.since or LONG_AGO))
        yield "terminal", login.terminal
        yield "origin", login.origin
        if login.active is not None:
            yield "idle", messages.idle(max(0, int((now - login.active).total_seconds()) // 60))
