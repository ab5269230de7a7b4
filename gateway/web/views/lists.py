"""Lists on the web: people, those who match some words, those who are on. What is asked stands in the address alone, so
that it can be kept and sent on."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlencode

from ...directory.answers import Listing, Unavailable
from ...directory.viewers import Viewer
from ...formats.profile_json import FrontDocument, PeopleDocument, make_list_documents
from ...ops.request_tracker import Outcome
from .. import markup
from ..http import target
from ..http.negotiation import Format
from ..http.reply import Reply
from ..pages import MOST_PAGE, Pages

LISTED = 50  # people on a page
FRONT = 10  # people with new plans on the front page, and as many who are on
MOST_WORDS = 200  # characters
_KEYS = ("q", "after")


@dataclass(frozen=True, slots=True)
class Asked:
    """*path* with the words *q* to search for, behind *after*."""

    path: str
    q: str = ""
    after: str | None = None

    def next(self, after: str) -> str:
        """The address of the page behind this one."""
        given = {"q": self.q} if self.q else {}
        return f"{self.path}?{urlencode(given | {'after': after})}"


def asked(uri: str, path: str) -> Asked:
    """What *uri* asks of the list at *path*. Raises target.Bad for a query string that nobody can read."""
    try:
        given = parse_qsl(uri.partition("?")[2], keep_blank_values=True, errors="strict", max_num_fields=20)
    except ValueError:  # too many, or no UTF-8
        raise target.HttpRequestError(400) from None
    values = {key: value for key, value in given if key in _KEYS}
    if len(values) < sum(key in _KEYS for key, _ in given) or len(values.get("q", "")) > MOST_WORDS:
        raise target.HttpRequestError(400)
    return Asked(path, values.get("q", "").strip(), values.get("after") or None)


async def fitting(
    format: Format, most: int, make: Callable[[int], Awaitable[tuple[Reply, Outcome]]]
) -> tuple[Reply, Outcome]:
    """What *make* tells of *most* people; of fewer where a page has no room for them (W140)."""
    while True:
        reply, how = await make(most)
        if format is not Format.HTML or most == 1 or len(reply.body) <= MOST_PAGE:
            return reply, how
        most = max(1, most * MOST_PAGE // len(reply.body) * 9 // 10)


def answer(pages: Pages, list_: Asked, listing: Listing | Unavailable, viewer: Viewer, format: Format) -> Reply:
    """One page of a list, with the way to the next."""
    if isinstance(listing, Unavailable):
        return pages.unavailable(format)
    further = None if listing.after is None else list_.next(listing.after)
    return pages.listed(
        list_.path.removeprefix("/"),
        lambda site: PeopleDocument(make_list_documents(listing.profiles, site), further),
        format,
        viewer.scope is None,
        headers=(("Link", f'<{further}>; rel="next"'),) if further else (),
        profiles=listing.profiles,
        q=list_.q,
        next=further,
        cut=listing.truncated,
        first=list_.after is None,
    )


def front(
    pages: Pages, newest: Listing | Unavailable, online: Listing | Unavailable, viewer: Viewer, format: Format
) -> Reply:
    """What this place is, how to ask, the newest plans, and who is on."""
    if isinstance(newest, Unavailable) or isinstance(online, Unavailable):
        return pages.unavailable(format)
    return pages.listed(
        "index",
        lambda site: FrontDocument(
            make_list_documents(newest.profiles, site), make_list_documents(online.profiles, site), "/users"
        ),
        format,
        viewer.scope is None,
        newest=newest.profiles,
        online=online.profiles,
        more_online=online.after is not None,
        beginning=markup.beginning,
    )
