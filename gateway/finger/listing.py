"""The answer to the empty query (RFC 1288 section 2.5.1): who is online, or who is here.

The short list is a table as wide as a terminal. A column is there if it has something to show for somebody. Login and
name are never cut: a long one gets a line of its own. Other columns are cut to fit, and the last ones go if that is not
enough. The long list has a few lines for each person. Neither shows more than a query for that person.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import accumulate

from ..dependencies import ProtocolDependencies
from ..directory.privacy import Profile
from ..directory.results import Listing, Page
from ..directory.viewers import Viewer
from ..ops.request_tracker import Outcome
from ..text.sanitize import one_line
from ..text.width import width
from . import messages
from .query import ListQuery
from .settings import FingerSettings

MAX_LISTED = 50  # people in one list
LINE_WIDTH = 80  # cells
GAP = 2  # cells between two columns
MIN_CUT_WIDTH = 12  # cells
NEVER_CUT = {"login": 24, "name": 32}  # and the cells that they get beside other columns
MAY_BE_CUT = ("origin", "office", "title")  # still useful without their ends
_NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class TableColumn:
    """A column with one cell for each person.

    *width* is what the cells are cut to; in a column that is never cut, what they have before they take a line of their
    own. *at* is the number of cells to the left of it.
    """

    name: str
    cells: tuple[str, ...]
    width: int
    at: int = 0

    @property
    def is_never_cut(self) -> bool:
        return self.name in NEVER_CUT

    @property
    def heading(self) -> str:
        return messages.HEADINGS[self.name]


async def answer_list(
    query: ListQuery, viewer: Viewer, settings: FingerSettings, deps: ProtocolDependencies
) -> tuple[str, Outcome]:
    """Return the list's text, with LF as line end, and its outcome."""
    if not settings.listing:
        return messages.NO_LIST, "refused"
    online = settings.empty_query == "online"
    page = Page(limit=MAX_LISTED)
    directory = deps.directory
    answer = await (directory.list_online(viewer, page) if online else directory.list_people("", viewer, page))
    if not isinstance(answer, Listing):
        return messages.UNAVAILABLE, answer.outcome
    if not answer.profiles:
        return messages.NOBODY_ONLINE if online else messages.NOBODY_LISTED, "listed"
    more = (f"{deps.site.url}/online" if online else f"{deps.site.url}/users") if answer.after else ""
    if query.verbose:
        entries = [deps.renderer.render_profile(profile, "finger/entry.txt") for profile in answer.profiles]
        return deps.renderer.render("finger/list_long.txt", entries=entries, more=more), "listed"
    columns = make_table(answer.profiles, settings.list_columns, deps.now(), deps.renderer.transliterate)
    return deps.renderer.render("finger/list.txt", columns=columns, profiles=answer.profiles, more=more), "listed"


def make_table(
    profiles: Sequence[Profile], wanted: Sequence[str], now: datetime, transliterate: Callable[[str], str] = str
) -> list[TableColumn]:
    """Return the columns of a list: login, name, and those of *wanted* that have something to show and fit."""
    rows = [{name: transliterate(one_line(cell)) for name, cell in _cells_of(profile, now)} for profile in profiles]
    names = ("login", "name", *dict.fromkeys(wanted))
    columns = [_make_column(name, [row.get(name, "") for row in rows]) for name in names]
    return _fit_columns(columns[:2], [column for column in columns[2:] if any(column.cells)])


def _make_column(name: str, cells: Sequence[str]) -> TableColumn:
    return TableColumn(name, tuple(cells), max(map(width, (messages.HEADINGS[name], *cells))))


def _fit_columns(kept: list[TableColumn], others: list[TableColumn]) -> list[TableColumn]:
    """Return *kept* and as many of *others* as fit when some are cut, the widest first."""
    login, name = (min(column.width, NEVER_CUT[column.name]) for column in kept)
    cells_left = LINE_WIDTH - login - name - GAP
    for count in range(len(others), 0, -1):
        widths = [column.width for column in others[:count]]
        while sum(widths) + GAP * count > cells_left:
            long = [
                n for n, column in enumerate(others[:count]) if column.name in MAY_BE_CUT and widths[n] > MIN_CUT_WIDTH
            ]
            if not long:
                break
            widths[max(long, key=widths.__getitem__)] -= 1
        else:
            return _place_columns(kept + others[:count], [login, name, *widths])
    return _place_columns(kept, [login, min(kept[1].width, LINE_WIDTH - login - GAP)])


def _place_columns(columns: Sequence[TableColumn], widths: Sequence[int]) -> list[TableColumn]:
    starts = accumulate((cells + GAP for cells in widths), initial=0)
    return [replace(column, width=cells, at=at) for column, cells, at in zip(columns, widths, starts, strict=False)]


def _cells_of(profile: Profile, now: datetime) -> Iterator[tuple[str, str]]:
    """Yield what a list can show of a person; for several sessions, the one that was active last."""
    for name in ("login", "name", "office", "office_phone", "title"):
        yield name, getattr(profile, name)
    if profile.logins:
        login = max(profile.logins, key=lambda login: (login.active or _NEVER, login.since or _NEVER))
        yield "terminal", login.terminal
        yield "origin", login.origin
        if login.active is not None:
            yield "idle", messages.idle(max(0, int((now - login.active).total_seconds()) // 60))
