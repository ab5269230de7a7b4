"""Documents at fixed paths for crawlers and security researchers: robots.txt, sitemap.xml, security.txt."""

from datetime import UTC, datetime

from ...dependencies import ProtocolDependencies
from ...directory.results import Page, Unavailable
from ...directory.viewers import Viewer
from ...formats.sitemap import make_sitemap
from .. import messages
from ..http.negotiation import Format
from ..http.reply import PUBLIC, TEXT, Reply
from ..routing import ViewRequest

MAX_SITEMAP_PEOPLE = 10_000  # a fifth of what the format allows, and half of what the directory's cache holds
PEOPLE_PER_TURN = 100  # read before other clients get their turn
VALID_MONTHS = 6  # of security.txt, at most; RFC 9116 section 2.5.5 wants less than a year

# Only paths that exist. Searches are endless.
_ROBOTS = """\
User-agent: *
Allow: /
Disallow: /users?q=

Sitemap: {url}/sitemap.xml
"""


async def show_robots(request: ViewRequest) -> Reply:
    """Return the rules for crawlers (RFC 9309)."""
    return Reply(_ROBOTS.format(url=request.deps.site.url).encode(), TEXT, cache_control=PUBLIC)


async def show_security_contact(request: ViewRequest) -> Reply:
    """Return security.txt (RFC 9116), 404 without a contact."""
    deps = request.deps
    if not deps.site.security_contact:
        return request.replies.error(404, request.error_format)
    address = f"{deps.site.url}/.well-known/security.txt"
    lines = [f"Contact: {contact}" for contact in deps.site.security_contact]
    lines += [f"Expires: {expires(deps.now()):%Y-%m-%dT%H:%M:%SZ}", "Preferred-Languages: en"]
    if address.startswith("https://"):  # section 2.5.2 allows no other
        lines.append(f"Canonical: {address}")
    return Reply("".join(f"{line}\n" for line in lines).encode(), TEXT, cache_control=PUBLIC)


def expires(now: datetime) -> datetime:
    """Return the first of the month that is VALID_MONTHS ahead, so that the document changes once a month."""
    years, month = divmod(now.month - 1 + VALID_MONTHS, 12)
    return datetime(now.year + years, month + 1, 1, tzinfo=UTC)


async def show_sitemap(request: ViewRequest) -> Reply:
    """Return the pages of all listed people that everyone may see."""
    deps = request.deps

    async def make() -> Reply:
        people = await _people(deps, request.viewer)
        if isinstance(people, Unavailable):
            return request.replies.unavailable(Format.TEXT)
        site = deps.site
        urls = [(f"{site.url}/", None), (f"{site.url}/users", None), *people[:MAX_SITEMAP_PEOPLE]]
        is_cut = len(people) > MAX_SITEMAP_PEOPLE
        comment = messages.sitemap_is_cut(MAX_SITEMAP_PEOPLE, site.url) if is_cut else ""
        body = make_sitemap(urls, comment).encode()
        return Reply(body, Format.XML.content_type, cache_control=PUBLIC, outcome="listed")

    return await request.state.shared_replies["sitemap"].get(deps, make)


async def _people(deps: ProtocolDependencies, stranger: Viewer) -> list[tuple[str, datetime | None]] | Unavailable:
    """Return the address and the date of each page, read a few at a time so that other clients get their turn."""
    people: list[tuple[str, datetime | None]] = []
    after = None
    while len(people) <= MAX_SITEMAP_PEOPLE:
        listing = await deps.directory.list_people("", stranger, Page(after, PEOPLE_PER_TURN))
        if isinstance(listing, Unavailable):
            return listing
        people += ((deps.site.person_url(each.login), each.updated) for each in listing.profiles)
        if (after := listing.after) is None:
            break
    return people
