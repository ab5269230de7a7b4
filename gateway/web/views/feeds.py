"""Plans as feeds: those of a person, and the newest of all. Feeds are what everyone may see, whoever asks."""

from collections.abc import Sequence

from ...dependencies import House
from ...directory.answers import History, Unavailable, Unknown
from ...directory.privacy import Profile
from ...directory.viewers import Viewer
from ...formats.feed import Entry, Feed, atom, json_feed
from ...formats.person_json import encode
from ...net.cooperative_queue import Breath
from ...ops.request_tracker import Outcome, outcome
from ...text.sanitize import clean, one_line
from ...text.width import cut
from .. import markup
from ..byte_budget import Room
from ..http.negotiation import Format
from ..http.reply import PUBLIC, Reply
from ..pages import Pages
from ..request import Request
from ..shared_reply import Shared

OF_ONE = 20  # plans in a person's feed
OF_ALL = 30  # plans in the common one
OF_EACH = 3  # of them of the same person, so that nobody fills it alone
LONG = 16 * 1024  # characters of a plan that are told
ROOM = 128 * 1024  # characters of all plans of a feed
AT_ONCE = 64 * 1024  # characters that are read before others get their turn
TITLE = 80  # cells


async def of_one(
    house: House, pages: Pages, profile: Profile, stranger: Viewer, request: Request
) -> tuple[Reply, Outcome]:
    """The plans of *profile*, which is a *stranger*'s. A plan that changes makes another profile, and so another feed."""
    what = f"feed {request.format.name} {request.forced}"
    kept = pages.already(profile, what)
    if kept is not None:
        return kept, "found"
    history = await house.directory.history(profile.login, stranger, OF_ONE)
    if not isinstance(history, History):
        return pages.not_one(history, request.told, request.forced), outcome(history)
    entries = await _entries(house, profile, history)
    page = house.site.person_url(profile.login)
    title, name = one_line(profile.name), profile.login
    author = (name, title)
    feed = Feed(f"{title} ({name})" if title else name, page, f"{page}/feed", entries, author, profile.updated)
    body, vary = _body(feed, house, request.format), "" if request.forced else "Accept"
    reply = pages.dated(profile, body, request.format.kind, vary, entries[0].at if entries else None)
    return pages.keep(profile, what, reply), "found"


class Common:
    """The newest plans of those who are listed."""

    def __init__(self) -> None:
        self._shared: dict[tuple[Format, bool], Shared] = {}

    async def answer(self, house: House, pages: Pages, stranger: Viewer, request: Request) -> tuple[Reply, Outcome]:
        format, forced = request.format, request.forced

        async def made() -> tuple[Reply, Outcome]:
            entries = await _newest(house, stranger)
            if isinstance(entries, Unavailable):
                return pages.unavailable(format), outcome(entries)
            site = house.site
            feed = Feed(one_line(site.name), f"{site.url}/", f"{site.url}/feed", entries)
            # No date: it would stay where somebody takes an older plan back.
            reply = Reply(_body(feed, house, format), format.kind, 200, PUBLIC, "" if forced else "Accept")
            return reply, "listed"

        return await self._shared.setdefault((format, forced), Shared()).get(house, made)


async def _newest(house: House, stranger: Viewer) -> Sequence[Entry] | Unavailable:
    listing = await house.directory.newest(stranger, OF_ALL)
    if isinstance(listing, Unavailable):
        return listing
    entries: list[Entry] = []
    for profile in listing.profiles:
        history = await house.directory.history(profile.login, stranger, OF_EACH)
        if isinstance(history, Unavailable):
            return history
        if not isinstance(history, Unknown):  # gone meanwhile
            entries += await _entries(house, profile, history)
    return _within(sorted(entries, key=lambda entry: entry.at, reverse=True)[:OF_ALL])


async def _entries(house: House, profile: Profile, history: History) -> Sequence[Entry]:
    """What there is to read; of two plans of one moment only that which stood."""
    breath = Breath(house.reactor, AT_ONCE)
    told, entries = None, []
    for each in history.entries:
        if each.at == told:
            continue
        told = each.at
        await breath.after(len(each.text))
        text, more = markup.cut(clean(each.text[: 2 * LONG]).rstrip("\n"), LONG)
        if not text.strip():
            continue
        more |= len(each.text) > 2 * LONG
        name = one_line(profile.name)
        title = cut(markup.beginning(text), TITLE) or name or profile.login
        entries.append(Entry(profile.login, name, each.at, title, f"{text}\n…\n" if more else f"{text}\n"))
    return _within(entries)


def _within(entries: Sequence[Entry]) -> Sequence[Entry]:
    return Room(ROOM).fitting(entries, lambda each: len(each.text))


def _body(feed: Feed, house: House, format: Format) -> bytes:
    return atom(feed, house.site).encode() if format is Format.ATOM else encode(json_feed(feed, house.site))
