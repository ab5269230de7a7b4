"""What robots and those who found a weakness look for: robots.txt, sitemap.xml, security.txt."""

from datetime import UTC, datetime

from ...dependencies import ProtocolDependencies
from ...directory.answers import Page, Unavailable
from ...directory.viewers import Viewer
from ...formats.sitemap import make_sitemap
from ...ops.request_tracker import Outcome, outcome_of
from .. import messages
from ..http.negotiation import Format
from ..http.reply import PUBLIC, TEXT, Reply
from ..pages import Pages
from ..shared_reply import SharedReply

MOST_PEOPLE = 10_000  # in the sitemap: a fifth of what the format allows, and half of what the directory remembers
AT_ONCE = 100  # people between two turns of others
GOOD_FOR = 6  # months, at most, that what security.txt says holds; RFC 9116 section 2.5.5 wants less than a year

# Only what exists; searches have no end.
_ROBOTS = """\
User-agent: *
Allow: /
Disallow: /users?q=

Sitemap: {url}/sitemap.xml
"""


def robots(deps: ProtocolDependencies) -> Reply:
    """Rules for crawlers (RFC 9309)."""
    return Reply(_ROBOTS.format(url=deps.site.url).encode(), TEXT, cache=PUBLIC)


def security(deps: ProtocolDependencies) -> Reply | None:
    """Security contact (RFC 9116), where that is set."""
    if not deps.site.security_contact:
        return None
    address = f"{deps.site.url}/.well-known/security.txt"
    lines = [f"Contact: {contact}" for contact in deps.site.security_contact]
    lines += [f"Expires: {expires(deps.now()):%Y-%m-%dT%H:%M:%SZ}", "Preferred-Languages: en"]
    if address.startswith("https://"):  # section 2.5.2 allows no other
        lines.append(f"Canonical: {address}")
    return Reply("".join(f"{line}\n" for line in lines).encode(), TEXT, cache=PUBLIC)


def expires(now: datetime) -> datetime:
    """The first of a month GOOD_FOR months ahead, so that it moves once a month."""
    years, month = divmod(now.month - 1 + GOOD_FOR, 12)
    return datetime(now.year + years, month + 1, 1, tzinfo=UTC)


class Sitemap:
    """Pages of listed people and whom everyone may see."""

    def __init__(self) -> None:
        self._shared = SharedReply()

    async def answer(self, deps: ProtocolDependencies, pages: Pages, stranger: Viewer) -> tuple[Reply, Outcome]:
        async def made() -> tuple[Reply, Outcome]:
            people = await _people(deps, stranger)
            if isinstance(people, Unavailable):
                return pages.unavailable(Format.TEXT), outcome_of(people)
            site = deps.site
            told = [(f"{site.url}/", None), (f"{site.url}/users", None), *people[:MOST_PEOPLE]]
            note = messages.more_people(MOST_PEOPLE, site.url) if len(people) > MOST_PEOPLE else ""
            return Reply(make_sitemap(told, note).encode(), Format.XML.kind, cache=PUBLIC), "listed"

        return await self._shared.get(deps, made)


async def _people(deps: ProtocolDependencies, stranger: Viewer) -> list[tuple[str, datetime | None]] | Unavailable:
    """Addresses and dates, a page at a time: the directory lets others have their turn between."""
    people: list[tuple[str, datetime | None]] = []
    after = None
    while len(people) <= MOST_PEOPLE:
        listing = await deps.directory.list_people("", stranger, Page(after, AT_ONCE))
        if isinstance(listing, Unavailable):
            return listing
        people += ((deps.site.person_url(each.login), each.updated) for each in listing.profiles)
        if (after := listing.after) is None:
            break
    return people
