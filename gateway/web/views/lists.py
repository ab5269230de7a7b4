"""Lists of people: everyone, search results, who is online, and the front page.

What is asked for stands in the address alone, so that it can be bookmarked and shared.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from urllib.parse import parse_qsl, urlencode

from ...directory.results import Listing, Page, Unavailable
from ...formats.profile_json import FrontDocument, PeopleDocument, make_list_documents
from .. import markup
from ..http import target
from ..http.negotiation import Format
from ..http.reply import Reply
from ..replies import MAX_PAGE_BYTES
from ..routing import ViewRequest

PEOPLE_PER_PAGE = 50
FRONT_PAGE_PEOPLE = 10  # with new plans, and as many who are online
MAX_SEARCH_LENGTH = 200  # characters
_KEYS = ("q", "after")


@dataclass(frozen=True, slots=True)
class PeopleListQuery:
    """The query string of a list at *path*: the *words* to search for, and the login *after* which the page begins."""

    path: str
    words: str = ""
    after: str | None = None

    @property
    def verb(self) -> str:
        """The access log's verb."""
        return "search" if self.words else "list"

    @property
    def text(self) -> str:
        """The access log's query."""
        return self.words

    def next_url(self, after: str) -> str:
        """Return the address of the next page, which begins after *after*."""
        pairs = {"q": self.words} if self.words else {}
        return f"{self.path}?{urlencode(pairs | {'after': after})}"


def parse_list_query(path: str, uri: str) -> PeopleListQuery:
    """Parse the query string of *uri*. Raises HttpRequestError if it is no UTF-8, too long, or has a key twice."""
    try:
        pairs = parse_qsl(uri.partition("?")[2], keep_blank_values=True, errors="strict", max_num_fields=20)
    except ValueError:  # too many, or no UTF-8
        raise target.HttpRequestError(400) from None
    values = {key: value for key, value in pairs if key in _KEYS}
    if len(values) < sum(key in _KEYS for key, _ in pairs) or len(values.get("q", "")) > MAX_SEARCH_LENGTH:
        raise target.HttpRequestError(400)
    return PeopleListQuery(path, values.get("q", "").strip(), values.get("after") or None)


async def show_front_page(request: ViewRequest) -> Reply:
    """Return the front page: how to ask, the newest plans, and who is online."""
    directory = request.deps.directory

    async def make(people: int) -> Reply:
        newest = await directory.newest_plans(request.viewer, people)
        online = await directory.list_online(request.viewer, Page(limit=people))
        return _front_page(request, newest, online)

    return await _fit_page(request.format, FRONT_PAGE_PEOPLE, make)


async def list_people(request: ViewRequest) -> Reply:
    """Return one page of everybody who is listed, or of those who match the words."""
    query: PeopleListQuery = request.query

    async def make(people: int) -> Reply:
        listing = await request.deps.directory.list_people(query.words, request.viewer, Page(query.after, people))
        return _list_page(request, "users", listing)

    return await _fit_page(request.format, PEOPLE_PER_PAGE, make)


async def list_online(request: ViewRequest) -> Reply:
    """Return one page of the people who are online."""

    async def make(people: int) -> Reply:
        listing = await request.deps.directory.list_online(request.viewer, Page(request.query.after, people))
        return _list_page(request, "online", listing)

    return await _fit_page(request.format, PEOPLE_PER_PAGE, make)


async def _fit_page(format: Format, people: int, make: Callable[[int], Awaitable[Reply]]) -> Reply:
    """Return the page that *make* makes of *people* people, or of fewer if it is too large (W140)."""
    while True:
        reply = await make(people)
        if format is not Format.HTML or people == 1 or len(reply.body) <= MAX_PAGE_BYTES:
            return reply
        people = max(1, people * MAX_PAGE_BYTES // len(reply.body) * 9 // 10)


def _list_page(request: ViewRequest, name: str, listing: Listing | Unavailable) -> Reply:
    """Return one page of a list, with a link to the next."""
    if isinstance(listing, Unavailable):
        return request.replies.unavailable(request.error_format)
    query: PeopleListQuery = request.query
    next_url = None if listing.after is None else query.next_url(listing.after)
    reply = request.replies.list_reply(
        name,
        lambda site: PeopleDocument(make_list_documents(listing.profiles, site), next_url),
        request.format,
        request.viewer.scope is None,
        headers=(("Link", f'<{next_url}>; rel="next"'),) if next_url else (),
        profiles=listing.profiles,
        words=query.words,
        next_url=next_url,
        truncated=listing.truncated,
        is_first_page=query.after is None,
    )
    return replace(reply, outcome="listed")


def _front_page(request: ViewRequest, newest: Listing | Unavailable, online: Listing | Unavailable) -> Reply:
    if isinstance(newest, Unavailable) or isinstance(online, Unavailable):
        return request.replies.unavailable(request.error_format)
    reply = request.replies.list_reply(
        "index",
        lambda site: FrontDocument(
            make_list_documents(newest.profiles, site), make_list_documents(online.profiles, site), "/users"
        ),
        request.format,
        request.viewer.scope is None,
        newest=newest.profiles,
        online=online.profiles,
        more_online=online.after is not None,
        first_text_line=markup.first_text_line,
    )
    return replace(reply, outcome="listed")
