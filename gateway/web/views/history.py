"""Earlier plans of a person, and what changed from one to the next.

A page ends where there is enough on it, or after so many plans; the next begins behind its last one, told by the time.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from urllib.parse import parse_qsl, quote

from markupsafe import Markup, escape

from ...dependencies import ProtocolDependencies
from ...directory.answers import History, PlanVersion
from ...directory.privacy import Profile
from ...directory.viewers import Viewer
from ...formats.feed import format_timestamp
from ...formats.history import make_history_document
from ...formats.person_json import encode_json
from ...net.cooperative_queue import YieldEvery
from ...ops.request_tracker import Outcome, outcome_of
from ...text.diff import DiffRun, WordPieces, diff
from ...text.sanitize import sanitize
from ..byte_budget import ByteBudget
from ..http.negotiation import Format
from ..http.reply import Reply
from ..pages import Pages, varying
from ..request import Request

ON_PAGE = 10  # plans
ROOM = {Format.HTML: 20 * 1024, Format.TEXT: 128 * 1024, Format.JSON: 256 * 1024}  # bytes of a page's plans
OF_ONE = 0.4  # of the room, for one plan
LINE = 1000  # characters of a line that are shown
SAME = 20  # lines that stay as they were are shown in a row
GONE = 40  # lines that were taken out are shown in a row; of more of them SAME
CONTEXT = 5  # of more of them, above and below
RECENT = 3  # changes on the page of a person
BRIEF, LINES = 8 * 1024, 100  # characters and lines of a plan that is compared there
OF_CHANGE = 1536  # bytes of a change there
LARGE = 32 * 1024  # characters of texts behind which others get their turn
_STAMP = "%Y%m%dT%H%M%S.%fZ"


@dataclass(frozen=True, slots=True)
class Row:
    """A line of a plan: *kind* is "same", "added" or "removed"; "skipped" stands for *count* of them that
    stay, "gone" for those that were taken out besides."""

    kind: str
    text: str = ""
    count: int = 0


@dataclass(frozen=True, slots=True)
class Plan:
    """A plan on the page, written at *at*, which *mark* names in addresses: *rows* as compared with the one before, where
    there is one; *empty*: it was taken away; *cut*: there is more, and at *whole* is all of it."""

    at: datetime
    mark: str
    rows: Sequence[Row]
    empty: bool
    cut: bool
    whole: str


@dataclass(frozen=True, slots=True)
class Change:
    """A change of a plan in brief, made at *at*: so many lines *added* and *removed*, None where nobody counted; *rows*
    where they are few; *whole* is where all of it stands."""

    at: datetime
    whole: str
    added: int | None
    removed: int | None
    rows: Sequence[Row]


def recent(profile: Profile, entries: Sequence[PlanVersion]) -> list[Change]:
    """What changed between each two of *entries*, plans of *profile*, the newest first."""
    changes = []
    for number, (entry, older) in enumerate(pairwise(entries)):
        behind = _behind(entries[number - 1].at) if number else ""
        whole = f"/users/{quote(profile.login)}/history{behind}#{format_timestamp(entry.at)}"
        changes.append(_brief(entry, older, whole))
    return changes


def _brief(entry: PlanVersion, older: PlanVersion, whole: str) -> Change:
    if any(len(each.text) > BRIEF or each.text.count("\n") > LINES for each in (entry, older)):
        return Change(entry.at, whole, None, None, ())
    runs = list(diff(sanitize(older.text), sanitize(entry.text)))
    rows, cut, _ = _fitting(_told(runs, _marked, same=3, context=1), OF_CHANGE)
    added, removed = (sum(len(run.lines) for run in runs if run.kind == kind) for kind in ("added", "removed"))
    return Change(entry.at, whole, added, removed, () if cut else rows)


async def answer(
    deps: ProtocolDependencies, pages: Pages, profile: Profile, viewer: Viewer, request: Request
) -> tuple[Reply, Outcome]:
    """The plans that *viewer* may see of *profile*, the newest first. See feeds.of_one for what is kept."""
    try:
        before = _before(request.uri.decode("latin-1"))
    except ValueError:
        return pages.error(400, request.told), "invalid"
    what = f"history {request.format.name} {request.forced}"
    kept = pages.already(profile, what) if before is None else None
    if kept is not None:
        return kept, "found"
    history = await deps.directory.history(profile.login, viewer, ON_PAGE + 1, before)
    if not isinstance(history, History):
        return pages.not_one(history, request.told, request.forced), outcome_of(history)
    reply = await _reply(deps, pages, profile, history.entries, request, before)
    return pages.keep(profile, what, reply) if before is None else reply, "found"


def _before(uri: str) -> datetime | None:
    """The time that *uri* goes on from. Raises ValueError."""
    given = parse_qsl(uri.partition("?")[2], keep_blank_values=True, errors="strict", max_num_fields=20)
    times = [value for key, value in given if key == "before"]
    if len(times) > 1:
        raise ValueError(times)
    return datetime.strptime(times[0], _STAMP).replace(tzinfo=UTC) if times and times[0] else None


async def _reply(
    deps: ProtocolDependencies,
    pages: Pages,
    profile: Profile,
    entries: Sequence[PlanVersion],
    request: Request,
    before: datetime | None,
) -> Reply:
    format, here = request.format, f"/users/{quote(profile.login)}/history"
    shown: Sequence[PlanVersion] = entries[:ON_PAGE]
    plans: list[Plan] = []
    if format is Format.JSON:
        shown = (
            ByteBudget(ROOM[format]).fitting(shown, lambda each: len(each.text.encode(errors="replace"))) or shown[:1]
        )
    else:
        plans = await _plans(deps, profile, entries, format, [before, *(each.at for each in shown)])
        shown = shown[: len(plans)]
    ending = format.ending if request.forced else ""
    next = f"{here}{ending}{_behind(shown[-1].at)}" if len(shown) < len(entries) else None
    values = {"person": profile, "plans": plans, "next": next, "first": before is None}
    if format is Format.JSON:
        document = make_history_document(shown, next)
        await YieldEvery(deps.reactor, LARGE).count(sum(len(each.text) for each in shown))
        body = encode_json(document)
    elif format is Format.HTML:
        body = pages.html("history.html", **values)
    else:
        body = deps.renderer.render("web/history.txt", **values).encode()
    # Without a plan there is no date: that of another field may be what a plan had that was taken back.
    updated = shown[0].at if shown else None
    headers = (("Link", f'<{next}>; rel="next"'),) if next else ()
    return pages.dated(profile, body, format.kind, varying(request.forced), updated, headers)


async def _plans(
    deps: ProtocolDependencies,
    profile: Profile,
    entries: Sequence[PlanVersion],
    format: Format,
    begins: Sequence[datetime | None],
) -> list[Plan]:
    """As many of *entries* as a page of *format* has room for, one at least; *begins*: behind which time a page would
    begin with each of them."""
    made: list[Plan] = []
    room = ROOM[format]
    breath = YieldEvery(deps.reactor, LARGE)
    new = sanitize(entries[0].text) if entries else ""
    for entry, older, begin in zip(entries[:ON_PAGE], (*entries[1:], None), begins, strict=False):
        await breath.count(len(new))
        old = None if older is None else sanitize(older.text)
        await breath.count(len(old or ""))
        rows, cut, size = _fitting(_rows(new, old, format), int(ROOM[format] * OF_ONE))
        if made and size > room:
            break
        room -= size
        there = "plan" if entry.text == profile.plan else f"history.json{_behind(begin)}"
        whole = f"/users/{quote(profile.login)}/{there}"
        made.append(Plan(entry.at, format_timestamp(entry.at), rows, not new.strip(), cut, whole))
        new = old or ""
    return made


def _behind(at: datetime | None) -> str:
    return "" if at is None else f"?before={format_timestamp(at)}"


def _fitting(rows: Iterator[Row], room: int) -> tuple[list[Row], bool, int]:
    """Those of *rows* that there is *room* for, whether that is not all, and the bytes that they take."""
    fitting: list[Row] = []
    size = 0
    for row in rows:
        more = len(row.text.encode()) + 16  # for the marks round it
        if size + more > room:
            return fitting, True, size
        size += more
        fitting.append(row)
    return fitting, False, size


def _rows(new: str, old: str | None, format: Format) -> Iterator[Row]:
    marked = _marked if format is Format.HTML else _plain
    if old is None:
        yield from _lines(DiffRun("same", new.splitlines()), marked)
        return
    yield from _told(diff(old, new), marked)


def _told(
    runs: Iterable[DiffRun], marked: Callable[[WordPieces], str], same: int = SAME, context: int = CONTEXT
) -> Iterator[Row]:
    """*runs* line by line; of more than *same* lines that stay, *context* above and below."""
    for run in runs:
        if run.kind == "same" and len(run.lines) > same:
            yield from _lines(DiffRun("same", run.lines[:context]), marked)
            yield Row("skipped", count=len(run.lines) - 2 * context)
            yield from _lines(DiffRun("same", run.lines[-context:]), marked)
        elif run.kind == "removed" and len(run.lines) > GONE:  # what came instead is to be seen too
            yield from _lines(DiffRun("removed", run.lines[:SAME], run.words), marked)
            yield Row("gone", count=len(run.lines) - SAME)
        else:
            yield from _lines(run, marked)


def _lines(run: DiffRun, marked: Callable[[WordPieces], str]) -> Iterator[Row]:
    for number, line in enumerate(run.lines):
        pieces = run.words.get(number, ((line, False),))
        yield Row(run.kind, marked(pieces if len(line) <= LINE else ((line[:LINE] + "…", False),)))


def _plain(pieces: WordPieces) -> str:
    return "".join(text for text, _ in pieces)


def _marked(pieces: WordPieces) -> str:
    return Markup("").join(Markup("<b>{}</b>").format(text) if changed else escape(text) for text, changed in pieces)
