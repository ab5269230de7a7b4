"""Plans as feeds: those of a person, and the newest of all. Feeds are what everyone may see, whoever asks."""

from collections.abc import Sequence

from ...dependencies import ProtocolDependencies
from ...directory.answers import History, NotFound, Unavailable
from ...directory.privacy import Profile
from ...directory.viewers import Viewer
from ...formats.feed import Feed, FeedEntry, make_atom_feed, make_json_feed
from ...formats.person_json import encode_json
from ...net.cooperative_queue import YieldEvery
from ...ops.request_tracker import Outcome, outcome_of
from ...text.sanitize import one_line, sanitize
from ...text.width import cut
from .. import markup
from ..byte_budget import ByteBudget
from ..http.negotiation import Format
from ..http.reply import PUBLIC, Reply
from ..pages import Pages
from ..request import Request
from ..shared_reply import SharedReply

OF_ONE = 20  # plans in a person's feed
OF_ALL = 30  # plans in the common one
OF_EACH = 3  # of them of the same person, so that nobody fills it alone
LONG = 16 * 1024  # characters of a plan that are told
ROOM = 128 * 1024  # characters of all plans of a feed
AT_ONCE = 64 * 1024  # characters that are read before others get their turn
TITLE = 80  # cells


async def of_one(
    deps: ProtocolDependencies, pages: Pages, profile: Profile, stranger: Viewer, request: Request
) -> tuple[Reply, Outcome]:
    """The plans of *profile*, which is a *stranger*'s. A plan that changes makes another profile, and so another feed."""
    what = f"feed {request.format.name} {request.forced}"
    kept = pages.already(profile, what)
    if kept is not None:
        return kept, "found"
    history = await deps.directory.history(profile.login, stranger, OF_ONE)
    if not isinstance(history, History):
        return pages.not_one(history, request.told, request.forced), outcome_of(history)
    entries = await _entries(deps, profile, history)
    page = deps.site.person_url(profile.login)
    title, name = one_line(profile.name), profile.login
    author = (name, title)
    feed = Feed(f"{title} ({name})" if title else name, page, f"{page}/feed", entries, author, profile.updated)
    body, vary = _body(feed, deps, request.format), "" if request.forced else "Accept"
    reply = pages.dated(profile, body, request.format.kind, vary, entries[0].at if entries else None)
    return pages.keep(profile, what, reply), "found"


class Common:
    """The newest plans of those who are listed."""

    def __init__(self) -> None:
        self._shared: dict[tuple[Format, bool], SharedReply] = {}

    async def answer(
        self, deps: ProtocolDependencies, pages: Pages, stranger: Viewer, request: Request
    ) -> tuple[Reply, Outcome]:
        format, forced = request.format, request.forced

        async def made() -> tuple[Reply, Outcome]:
            entries = await _newest(deps, stranger)
            if isinstance(entries, Unavailable):
                return pages.unavailable(format), outcome_of(entries)
            site = deps.site
            feed = Feed(one_line(site.name), f"{site.url}/", f"{site.url}/feed", entries)
            # No date: it would stay where somebody takes an older plan back.
            reply = Reply(_body(feed, deps, format), format.kind, 200, PUBLIC, "" if forced else "Accept")
            return reply, "listed"

        return await self._shared.setdefault((format, forced), SharedReply()).get(deps, made)


async def _newest(deps: ProtocolDependencies, stranger: Viewer) -> Sequence[FeedEntry] | Unavailable:
    listing = await deps.directory.newest_plans(stranger, OF_ALL)
    if isinstance(listing, Unavailable):
        return listing
    entries: list[FeedEntry] = []
    for profile in listing.profiles:
        history = await deps.directory.history(profile.login, stranger, OF_EACH)
        if isinstance(history, Unavailable):
            return history
        if not isinstance(history, NotFound):  # gone meanwhile
            entries += await _entries(deps, profile, history)
    return _within(sorted(entries, key=lambda entry: entry.at, reverse=True)[:OF_ALL])


async def _entries(deps: ProtocolDependencies, profile: Profile, history: History) -> Sequence[FeedEntry]:
    """What there is to read; of two plans of one moment only that which stood."""
    breath = YieldEvery(deps.reactor, AT_ONCE)
    told, entries = None, []
    for each in history.entries:
        if each.at == told:
            continue
        told = each.at
        await breath.count(len(each.text))
        text, more = markup.cut(sanitize(each.text[: 2 * LONG]).rstrip("\n"), LONG)
        if not text.strip():
            continue
        more |= len(each.text) > 2 * LONG
        name = one_line(profile.name)
        title = cut(markup.beginning(text), TITLE) or name or profile.login
        entries.append(FeedEntry(profile.login, name, each.at, title, f"{text}\n…\n" if more else f"{text}\n"))
    return _within(entries)


def _within(entries: Sequence[FeedEntry]) -> Sequence[FeedEntry]:
    return ByteBudget(ROOM).fitting(entries, lambda each: len(each.text))


def _body(feed: Feed, deps: ProtocolDependencies, format: Format) -> bytes:
    return (
        make_atom_feed(feed, deps.site).encode()
        if format is Format.ATOM
        else encode_json(make_json_feed(feed, deps.site))
    )
