"""Plans as feeds: those of one person, and the newest of all. A feed has what everyone may see, whoever asks."""

from collections.abc import Sequence

from ...dependencies import ProtocolDependencies
from ...directory.privacy import Profile
from ...directory.results import History, NotFound, Unavailable
from ...directory.viewers import Viewer
from ...formats.feed import Feed, FeedEntry, make_atom_feed, make_json_feed
from ...formats.person_json import encode_json
from ...net.cooperative_queue import YieldEvery
from ...text.sanitize import one_line, sanitize
from ...text.width import cut
from .. import markup
from ..byte_budget import ByteBudget
from ..http.negotiation import Format
from ..http.reply import PUBLIC, Reply
from ..routing import ViewRequest
from .lookup import find_person

MAX_PERSON_ENTRIES = 20
MAX_SITE_ENTRIES = 30
MAX_ENTRIES_PER_PERSON = 3  # in the site's feed, so that nobody fills it alone
MAX_PLAN_CHARACTERS = 16 * 1024  # of one entry
MAX_FEED_CHARACTERS = 128 * 1024  # of all entries of a feed
CHARACTERS_PER_TURN = 64 * 1024  # processed before other clients get their turn
TITLE_CELLS = 80


async def person_feed(request: ViewRequest) -> Reply:
    """Return the plans of one person, the newest first.

    A plan that changes makes another profile, so the reply is kept beside the profile.
    """
    found = await find_person(request)
    if isinstance(found, Reply):
        return found
    profile, deps, replies = found, request.deps, request.replies
    key = f"feed {request.format.name} {request.forced}"
    kept = replies.get_kept(profile, key)
    if kept is not None:
        return kept
    history = await deps.directory.history(profile.login, request.viewer, MAX_PERSON_ENTRIES)
    if not isinstance(history, History):
        return replies.no_single_person(history, request.error_format, request.forced)
    entries = await _entries(deps, profile, history)
    page = deps.site.person_url(profile.login)
    title, name = one_line(profile.name), profile.login
    author = (name, title)
    feed = Feed(f"{title} ({name})" if title else name, page, f"{page}/feed", entries, author, profile.updated)
    body, vary = _encode(feed, deps, request.format), "" if request.forced else "Accept"
    last_modified = entries[0].at if entries else None
    return replies.keep(
        profile, key, replies.dated_reply(profile, body, request.format.content_type, vary, last_modified)
    )


async def site_feed(request: ViewRequest) -> Reply:
    """Return the newest plans of all listed people."""
    deps, format, forced = request.deps, request.format, request.forced

    async def make() -> Reply:
        entries = await _newest_entries(deps, request.viewer)
        if isinstance(entries, Unavailable):
            return request.replies.unavailable(format)  # not by Accept: several clients may get it
        site = deps.site
        feed = Feed(one_line(site.name), f"{site.url}/", f"{site.url}/feed", entries)
        # No Last-Modified: it would not move when somebody hides an older plan.
        vary = "" if forced else "Accept"
        return Reply(_encode(feed, deps, format), format.content_type, 200, PUBLIC, vary, outcome="listed")

    return await request.state.shared_replies["feed", format, forced].get(deps, make)


async def _newest_entries(deps: ProtocolDependencies, stranger: Viewer) -> Sequence[FeedEntry] | Unavailable:
    listing = await deps.directory.newest_plans(stranger, MAX_SITE_ENTRIES)
    if isinstance(listing, Unavailable):
        return listing
    entries: list[FeedEntry] = []
    for profile in listing.profiles:
        history = await deps.directory.history(profile.login, stranger, MAX_ENTRIES_PER_PERSON)
        if isinstance(history, Unavailable):
            return history
        if not isinstance(history, NotFound):  # hidden or removed meanwhile
            entries += await _entries(deps, profile, history)
    return _fit(sorted(entries, key=lambda entry: entry.at, reverse=True)[:MAX_SITE_ENTRIES])


async def _entries(deps: ProtocolDependencies, profile: Profile, history: History) -> Sequence[FeedEntry]:
    """Return the entries of *history* that have text; of two plans of one moment only the later."""
    turns = YieldEvery(deps.reactor, CHARACTERS_PER_TURN)
    last, entries = None, []
    for each in history.entries:
        if each.at == last:
            continue
        last = each.at
        await turns.count(len(each.text))
        text, truncated = markup.cut_at_line(
            sanitize(each.text[: 2 * MAX_PLAN_CHARACTERS]).rstrip("\n"), MAX_PLAN_CHARACTERS
        )
        if not text.strip():
            continue
        truncated |= len(each.text) > 2 * MAX_PLAN_CHARACTERS
        name = one_line(profile.name)
        title = cut(markup.first_text_line(text), TITLE_CELLS) or name or profile.login
        entries.append(FeedEntry(profile.login, name, each.at, title, f"{text}\n…\n" if truncated else f"{text}\n"))
    return _fit(entries)


def _fit(entries: Sequence[FeedEntry]) -> Sequence[FeedEntry]:
    return ByteBudget(MAX_FEED_CHARACTERS).take_fitting(entries, lambda each: len(each.text))


def _encode(feed: Feed, deps: ProtocolDependencies, format: Format) -> bytes:
    return (
        make_atom_feed(feed, deps.site).encode()
        if format is Format.ATOM
        else encode_json(make_json_feed(feed, deps.site))
    )
