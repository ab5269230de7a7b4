"""Plans as feeds: Atom (RFC 4287), and JSON Feed 1.1 (jsonfeed.org) by the types that the description for programs is made
from. Which plans are told, and to whom, is decided before; nothing here is made up from the clock.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape
from typing import Annotated, Protocol
from urllib.parse import quote
from xml.etree import ElementTree as ET

from msgspec import Meta, Struct

from ..directory.person import Time

ATOM = "application/atom+xml"
JSON_FEED = "application/feed+json"
_NEVER = datetime(1970, 1, 1, tzinfo=UTC)  # Atom wants a date even where nothing was ever written


class Place(Protocol):
    """What feeds tell of the site: house.Site has it."""

    @property
    def host(self) -> str: ...
    @property
    def url(self) -> str: ...
    def person_url(self, login: str) -> str: ...


@dataclass(frozen=True, slots=True)
class Entry:
    """A plan that *login*, called *name*, wrote at *at*. *title* and *text* are cleaned."""

    login: str
    name: str
    at: datetime
    title: str
    text: str


@dataclass(frozen=True, slots=True)
class Feed:
    """*entries*, the newest first. *page* is what the feed is of, *address* where it is without an ending; *author* is the
    login and the name of who wrote all of it, None where each entry tells its own; *updated*: the date where there is no
    entry."""

    title: str
    page: str
    address: str
    entries: Sequence[Entry]
    author: tuple[str, str] | None = None
    updated: datetime | None = None


def stamp(at: datetime) -> str:
    """*at* as part of an address: to the microsecond, so that no two plans of a person share one."""
    return at.astimezone(UTC).strftime("%Y%m%dT%H%M%S.%fZ")


def identifier(site: Place, entry: Entry) -> str:
    """A tag URI (RFC 4151) of host, login and time: it stays as it is, whatever is changed
    later, but for the login itself."""
    day = entry.at.astimezone(UTC).strftime("%Y-%m-%d")
    return f"tag:{quote(site.host)},{day}:{quote(entry.login)}/{stamp(entry.at)}"


# JSON Feed


class AuthorDocument(Struct, frozen=True):
    name: str
    url: str


class ItemDocument(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A plan."""

    id: Annotated[str, Meta(description="A tag URI, which changes only where the login does.")]
    url: str
    title: str
    content_text: Annotated[str, Meta(description="The plan as written.")]
    content_html: Annotated[str, Meta(description="The same in its own lines.")]
    date_published: Time
    authors: list[AuthorDocument] = []


class FeedDocument(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A JSON Feed."""

    version: str
    title: str
    home_page_url: str
    feed_url: str
    authors: list[AuthorDocument] = []
    items: list[ItemDocument]


def json_feed(feed: Feed, site: Place) -> FeedDocument:
    return FeedDocument(
        version="https://jsonfeed.org/version/1.1",
        title=feed.title,
        home_page_url=feed.page,
        feed_url=f"{feed.address}.json",
        authors=[_author(*feed.author, site)] if feed.author else [],
        items=[
            ItemDocument(
                id=identifier(site, entry),
                url=_link(site, entry),
                title=entry.title,
                content_text=entry.text,
                content_html=_html(entry),
                date_published=entry.at.replace(microsecond=0),
                authors=[] if feed.author else [_author(entry.login, entry.name, site)],
            )
            for entry in feed.entries
        ],
    )


def _author(login: str, name: str, site: Place) -> AuthorDocument:
    return AuthorDocument(name or login, site.person_url(login))


# Atom


def atom(feed: Feed, site: Place) -> str:
    root = ET.Element("feed", {"xmlns": "http://www.w3.org/2005/Atom"})
    _add(root, "id", f"tag:{quote(site.host)},2026:{feed.address.removeprefix(site.url).lstrip('/')}")
    _add(root, "title", feed.title)
    _add(root, "updated", _moment(feed.entries[0].at if feed.entries else feed.updated or _NEVER))
    ET.SubElement(root, "link", {"rel": "self", "type": ATOM, "href": f"{feed.address}.atom"})
    ET.SubElement(root, "link", {"rel": "alternate", "type": "text/html", "href": feed.page})
    ET.SubElement(root, "link", {"rel": "alternate", "type": JSON_FEED, "href": f"{feed.address}.json"})
    # RFC 4287 section 4.1.1: a feed without an author has one in each entry, and an empty one has none.
    if feed.author:
        _add_author(root, *feed.author, site)
    for entry in feed.entries:
        element = _add_entry(root, entry, site)
        if feed.author is None:
            _add_author(element, entry.login, entry.name, site)
    ET.indent(root, "")
    return f'<?xml version="1.0" encoding="utf-8"?>\n{ET.tostring(root, encoding="unicode")}\n'


def _add_entry(feed: ET.Element, entry: Entry, site: Place) -> ET.Element:
    element = ET.SubElement(feed, "entry")
    _add(element, "id", identifier(site, entry))
    _add(element, "title", entry.title)
    _add(element, "published", _moment(entry.at))
    _add(element, "updated", _moment(entry.at))
    ET.SubElement(element, "link", {"rel": "alternate", "type": "text/html", "href": _link(site, entry)})
    _add(element, "content", _html(entry), {"type": "html"})
    return element


def _add_author(element: ET.Element, login: str, name: str, site: Place) -> None:
    author = ET.SubElement(element, "author")
    _add(author, "name", name or login)
    _add(author, "uri", site.person_url(login))


def _add(parent: ET.Element, name: str, text: str, attributes: dict[str, str] | None = None) -> None:
    ET.SubElement(parent, name, attributes or {}).text = text


# both


def _html(entry: Entry) -> str:
    """In its own lines; the first newline inside `pre` is nobody's (HTML 13.1.2.5)."""
    return f"<pre>\n{escape(entry.text, quote=False)}</pre>"


def _link(site: Place, entry: Entry) -> str:
    """Where the entry can be read: among the plans of its author."""
    return f"{site.person_url(entry.login)}/history#{stamp(entry.at)}"


def _moment(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
