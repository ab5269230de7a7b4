"""Earlier plans of a person, and what changed from one to the next.

A page ends when it is full, or after PLANS_PER_PAGE plans. The next page begins before the last one's time.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from urllib.parse import parse_qsl, quote

from markupsafe import Markup, escape

from ...dependencies import ProtocolDependencies
from ...directory.privacy import Profile
from ...directory.results import History, PlanVersion
from ...formats.feed import format_timestamp
from ...formats.history import make_history_document
from ...formats.person_json import encode_json
from ...net.cooperative_queue import YieldEvery
from ...text.diff import DiffRun, WordPieces, diff
from ...text.sanitize import sanitize
from ..byte_budget import ByteBudget
from ..http.negotiation import Format
from ..http.reply import Reply
from ..replies import vary_header
from ..routing import ViewRequest
from .lookup import find_person

PLANS_PER_PAGE = 10
MAX_PAGE_PLAN_BYTES = {Format.HTML: 20 * 1024, Format.TEXT: 128 * 1024, Format.JSON: 256 * 1024}
MAX_SHARE_OF_ONE_PLAN = 0.4  # of those bytes
MAX_LINE_LENGTH = 1000  # characters of a line that are shown
MAX_UNCHANGED_LINES = 20  # longer runs are shortened to CONTEXT_LINES above and below
MAX_REMOVED_LINES = 40  # longer runs are shortened to MAX_UNCHANGED_LINES
CONTEXT_LINES = 5
RECENT_CHANGES = 3  # on the person's page
MAX_COMPARED_LENGTH, MAX_COMPARED_LINES = 8 * 1024, 100  # characters and lines of a plan that is compared there
MAX_CHANGE_BYTES = 1536  # of one change there
CHARACTERS_PER_TURN = 32 * 1024  # processed before other clients get their turn
_BEFORE_FORMAT = "%Y%m%dT%H%M%S.%fZ"


@dataclass(frozen=True, slots=True)
class DiffLine:
    """A line of a diff.

    *kind* is "same", "added" or "removed". "skipped" stands for *count* unchanged lines, "gone" for *count* further removed
    ones.
    """

    kind: str
    text: str = ""
    count: int = 0


@dataclass(frozen=True, slots=True)
class PlanDiff:
    """A plan of the history, written at *at*, compared with the one before it.

    *anchor* is its fragment in addresses. *is_empty*: the plan was removed. *truncated*: there is more, at *full_url*.
    """

    at: datetime
    anchor: str
    lines: Sequence[DiffLine]
    is_empty: bool
    truncated: bool
    full_url: str


@dataclass(frozen=True, slots=True)
class PlanChange:
    """A summary of a change of the plan, made at *at*.

    *added* and *removed* are numbers of lines, None for a plan too long to compare. *lines* is the diff if it is short.
    *full_url* has all of it.
    """

    at: datetime
    full_url: str
    added: int | None
    removed: int | None
    lines: Sequence[DiffLine]


def recent_changes(profile: Profile, entries: Sequence[PlanVersion]) -> list[PlanChange]:
    """Return what changed between each two of *entries*, plans of *profile*, the newest first."""
    changes = []
    for number, (entry, older) in enumerate(pairwise(entries)):
        query = _before_query(entries[number - 1].at) if number else ""
        full_url = f"/users/{quote(profile.login)}/history{query}#{format_timestamp(entry.at)}"
        changes.append(_summarize(entry, older, full_url))
    return changes


def _summarize(entry: PlanVersion, older: PlanVersion, full_url: str) -> PlanChange:
    if any(
        len(each.text) > MAX_COMPARED_LENGTH or each.text.count("\n") > MAX_COMPARED_LINES for each in (entry, older)
    ):
        return PlanChange(entry.at, full_url, None, None, ())
    runs = list(diff(sanitize(older.text), sanitize(entry.text)))
    lines, truncated, _ = _take_fitting(_diff_lines(runs, _mark_up, max_unchanged=3, context=1), MAX_CHANGE_BYTES)
    added, removed = (sum(len(run.lines) for run in runs if run.kind == kind) for kind in ("added", "removed"))
    return PlanChange(entry.at, full_url, added, removed, () if truncated else lines)


async def show_history(request: ViewRequest) -> Reply:
    """Return the plans that the viewer may see, the newest first.

    The first page is kept beside the profile, since a plan that changes makes another profile.
    """
    found = await find_person(request)
    if isinstance(found, Reply):
        return found
    profile, replies = found, request.replies
    try:
        before = _parse_before(request.raw_query)
    except ValueError:
        return replies.error(400, request.error_format)
    key = f"history {request.format.name} {request.forced}"
    kept = replies.get_kept(profile, key) if before is None else None
    if kept is not None:
        return kept
    history = await request.deps.directory.history(profile.login, request.viewer, PLANS_PER_PAGE + 1, before)
    if not isinstance(history, History):
        return replies.no_single_person(history, request.error_format, request.forced)
    reply = await _page(request, profile, history.entries, before)
    return replies.keep(profile, key, reply) if before is None else reply


def _parse_before(query: str) -> datetime | None:
    """Return the time that the page begins before; None for the first page. Raises ValueError."""
    pairs = parse_qsl(query, keep_blank_values=True, errors="strict", max_num_fields=20)
    times = [value for key, value in pairs if key == "before"]
    if len(times) > 1:
        raise ValueError(times)
    return datetime.strptime(times[0], _BEFORE_FORMAT).replace(tzinfo=UTC) if times and times[0] else None


async def _page(
    request: ViewRequest, profile: Profile, entries: Sequence[PlanVersion], before: datetime | None
) -> Reply:
    deps, replies, format = request.deps, request.replies, request.format
    path = f"/users/{quote(profile.login)}/history{format.suffix if request.forced else ''}"
    shown: Sequence[PlanVersion] = entries[:PLANS_PER_PAGE]
    if format is Format.JSON:
        budget = ByteBudget(MAX_PAGE_PLAN_BYTES[format])
        shown = budget.take_fitting(shown, lambda each: len(each.text.encode(errors="replace"))) or shown[:1]
        next_url = _next_url(path, shown, entries)
        document = make_history_document(shown, next_url)
        await YieldEvery(deps.reactor, CHARACTERS_PER_TURN).count(sum(len(each.text) for each in shown))
        body = encode_json(document)
    else:
        plans = await _plans(deps, profile, entries, format, [before, *(each.at for each in shown)])
        shown = shown[: len(plans)]
        next_url = _next_url(path, shown, entries)
        values = {"person": profile, "plans": plans, "next_url": next_url, "is_first_page": before is None}
        if format is Format.HTML:
            body = replies.html("history.html", **values)
        else:
            body = deps.renderer.render("web/history.txt", **values).encode()
    # Without a plan there is no Last-Modified: a date of another field might be the one of a plan that is hidden again.
    last_modified = shown[0].at if shown else None
    headers = (("Link", f'<{next_url}>; rel="next"'),) if next_url else ()
    return replies.dated_reply(profile, body, format.content_type, vary_header(request.forced), last_modified, headers)


def _next_url(path: str, shown: Sequence[PlanVersion], entries: Sequence[PlanVersion]) -> str | None:
    return f"{path}{_before_query(shown[-1].at)}" if len(shown) < len(entries) else None


async def _plans(
    deps: ProtocolDependencies,
    profile: Profile,
    entries: Sequence[PlanVersion],
    format: Format,
    starts: Sequence[datetime | None],
) -> list[PlanDiff]:
    """Return as many of *entries* as fit on a page of *format*, at least one.

    *starts* has, for each entry, the time before which a page would have to begin to start with it.
    """
    plans: list[PlanDiff] = []
    bytes_left = MAX_PAGE_PLAN_BYTES[format]
    turns = YieldEvery(deps.reactor, CHARACTERS_PER_TURN)
    new = sanitize(entries[0].text) if entries else ""
    for entry, older, start in zip(entries[:PLANS_PER_PAGE], (*entries[1:], None), starts, strict=False):
        await turns.count(len(new))
        old = None if older is None else sanitize(older.text)
        await turns.count(len(old or ""))
        max_bytes = int(MAX_PAGE_PLAN_BYTES[format] * MAX_SHARE_OF_ONE_PLAN)
        lines, truncated, size = _take_fitting(_compare(new, old, format), max_bytes)
        if plans and size > bytes_left:
            break
        bytes_left -= size
        document = "plan" if entry.text == profile.plan else f"history.json{_before_query(start)}"
        full_url = f"/users/{quote(profile.login)}/{document}"
        plans.append(PlanDiff(entry.at, format_timestamp(entry.at), lines, not new.strip(), truncated, full_url))
        new = old or ""
    return plans


def _before_query(at: datetime | None) -> str:
    return "" if at is None else f"?before={format_timestamp(at)}"


def _take_fitting(lines: Iterator[DiffLine], max_bytes: int) -> tuple[list[DiffLine], bool, int]:
    """Return the first of *lines* that fit in *max_bytes*, whether some are left out, and the bytes that they take."""
    fitting: list[DiffLine] = []
    size = 0
    for line in lines:
        more = len(line.text.encode()) + 16  # for the markup around it
        if size + more > max_bytes:
            return fitting, True, size
        size += more
        fitting.append(line)
    return fitting, False, size


def _compare(new: str, old: str | None, format: Format) -> Iterator[DiffLine]:
    mark = _mark_up if format is Format.HTML else _plain
    if old is None:
        yield from _run_lines(DiffRun("same", new.splitlines()), mark)
        return
    yield from _diff_lines(diff(old, new), mark)


def _diff_lines(
    runs: Iterable[DiffRun],
    mark: Callable[[WordPieces], str],
    max_unchanged: int = MAX_UNCHANGED_LINES,
    context: int = CONTEXT_LINES,
) -> Iterator[DiffLine]:
    """Yield *runs* line by line; of more than *max_unchanged* unchanged lines, *context* above and below."""
    for run in runs:
        if run.kind == "same" and len(run.lines) > max_unchanged:
            yield from _run_lines(DiffRun("same", run.lines[:context]), mark)
            yield DiffLine("skipped", count=len(run.lines) - 2 * context)
            yield from _run_lines(DiffRun("same", run.lines[-context:]), mark)
        elif run.kind == "removed" and len(run.lines) > MAX_REMOVED_LINES:  # leave room for what replaced them
            yield from _run_lines(DiffRun("removed", run.lines[:MAX_UNCHANGED_LINES], run.words), mark)
            yield DiffLine("gone", count=len(run.lines) - MAX_UNCHANGED_LINES)
        else:
            yield from _run_lines(run, mark)


def _run_lines(run: DiffRun, mark: Callable[[WordPieces], str]) -> Iterator[DiffLine]:
    for number, line in enumerate(run.lines):
        pieces = run.words.get(number, ((line, False),))
        is_long = len(line) > MAX_LINE_LENGTH
        yield DiffLine(run.kind, mark(((line[:MAX_LINE_LENGTH] + "…", False),) if is_long else pieces))


def _plain(pieces: WordPieces) -> str:
    return "".join(text for text, _ in pieces)


def _mark_up(pieces: WordPieces) -> str:
    return Markup("").join(Markup("<b>{}</b>").format(text) if changed else escape(text) for text, changed in pieces)
