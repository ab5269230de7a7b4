"""Write plans as feeds: Atom (RFC 4287) and JSON Feed 1.1 (jsonfeed.org).

The caller decides which plans a feed shows. Nothing depends on the clock, so that unchanged plans give the same bytes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape
from typing import Annotated
from urllib.parse import quote
from xml.etree import ElementTree as ET

from msgspec import Meta, Struct

from ..directory.person import Time
from .addresses import SiteAddresses

ATOM = "application/atom+xml"
JSON_FEED = "application/feed+json"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)  # Atom requires a date, even in a feed without entries


@dataclass(frozen=True, slots=True)
class FeedEntry:
    """A plan that *login* wrote at *at*; *name* is the full name. *title* and *text* are sanitized."""

    login: str
    name: str
    at: datetime
    title: str
    text: str


@dataclass(frozen=True, slots=True)
class Feed:
    """A feed of *entries*, newest first.

    *page_url* is the page that the feed follows, *base_url* the feed's own address without .atom or .json. *author* is the
    login and name of the author of all entries; None if each entry names its own. *updated* is the date of a feed without
    entries.
    """

    title: str
    page_url: str
    base_url: str
    entries: Sequence[FeedEntry]
    author: tuple[str, str] | None = None
    updated: datetime | None = None


def format_timestamp(at: datetime) -> str:
    """Format *at* for use in a URL: to the microsecond, so that no two plans of a person share one."""
    return at.astimezone(UTC).strftime("%Y%m%dT%H%M%S.%fZ")


def make_entry_id(site: SiteAddresses, entry: FeedEntry) -> str:
    """Return the tag URI (RFC 4151) of an entry: it is made of host, login and time, and changes only with the login."""
    day = entry.at.astimezone(UTC).strftime("%Y-%m-%d")
    return f"tag:{quote(site.host)},{day}:{quote(entry.login)}/{format_timestamp(entry.at)}"


# JSON Feed


class AuthorDocument(Struct, frozen=True):
    """An author of a JSON Feed."""

    name: str
    url: str


class ItemDocument(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A plan, as an item of a JSON Feed."""

    id: Annotated[str, Meta(description="A tag URI; it changes only if the login does.")]
    url: str
    title: str
    content_text: Annotated[str, Meta(description="The plan as written.")]
    content_html: Annotated[str, Meta(description="The plan as preformatted HTML.")]
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


def make_json_feed(feed: Feed, site: SiteAddresses) -> FeedDocument:
    """Return *feed* as a JSON Feed."""
    return FeedDocument(
        version="https://jsonfeed.org/version/1.1",
        title=feed.title,
        home_page_url=feed.page_url,
        feed_url=f"{feed.base_url}.json",
        authors=[_make_author(*feed.author, site)] if feed.author else [],
        items=[
            ItemDocument(
                id=make_entry_id(site, entry),
                url=_entry_url(site, entry),
                title=entry.title,
                content_text=entry.text,
                content_html=_as_html(entry),
                date_published=entry.at.replace(microsecond=0),
                authors=[] if feed.author else [_make_author(entry.login, entry.name, site)],
            )
            for entry in feed.entries
        ],
    )


def _make_author(login: str, name: str, site: SiteAddresses) -> AuthorDocument:
    return AuthorDocument(name or login, site.person_url(login))


# Atom


def make_atom_feed(feed: Feed, site: SiteAddresses) -> str:
    """Return *feed* as an Atom document."""
    root = ET.Element("feed", {"xmlns": "http://www.w3.org/2005/Atom"})
    _add_text(root, "id", f"tag:{quote(site.host)},2026:{feed.base_url.removeprefix(site.url).lstrip('/')}")
    _add_text(root, "title", feed.title)
    _add_text(root, "updated", _format_time(feed.entries[0].at if feed.entries else feed.updated or _EPOCH))
    ET.SubElement(root, "link", {"rel": "self", "type": ATOM, "href": f"{feed.base_url}.atom"})
    ET.SubElement(root, "link", {"rel": "alternate", "type": "text/html", "href": feed.page_url})
    ET.SubElement(root, "link", {"rel": "alternate", "type": JSON_FEED, "href": f"{feed.base_url}.json"})
    # RFC 4287 section 4.1.1: a feed without an author must have one in each entry.
    if feed.author:
        _add_author(root, *feed.author, site)
    for entry in feed.entries:
        element = _add_entry(root, entry, site)
        if feed.author is None:
            _add_author(element, entry.login, entry.name, site)
    ET.indent(root, "")
    return f'<?xml version="1.0" encoding="utf-8"?>\n{ET.tostring(root, encoding="unicode")}\n'


def _add_entry(feed: ET.Element, entry: FeedEntry, site: SiteAddresses) -> ET.Element:
    element = ET.SubElement(feed, "entry")
    _add_text(element, "id", make_entry_id(site, entry))
    _add_text(element, "title", entry.title)
    _add_text(element, "published", _format_time(entry.at))
    _add_text(element, "updated", _format_time(entry.at))
    ET.SubElement(element, "link", {"rel": "alternate", "type": "text/html", "href": _entry_url(site, entry)})
    _add_text(element, "content", _as_html(entry), {"type": "html"})
    return element


def _add_author(element: ET.Element, login: str, name: str, site: SiteAddresses) -> None:
    author = ET.SubElement(element, "author")
    _add_text(author, "name", name or login)
    _add_text(author, "uri", site.person_url(login))


def _add_text(parent: ET.Element, name: str, text: str, attributes: dict[str, str] | None = None) -> None:
    ET.SubElement(parent, name, attributes or {}).text = text


# Both formats


def _as_html(entry: FeedEntry) -> str:
    """Return the plan in a `pre` element; HTML ignores the first newline inside (HTML 13.1.2.5)."""
    return f"<pre>\n{escape(entry.text, quote=False)}</pre>"


def _entry_url(site: SiteAddresses, entry: FeedEntry) -> str:
    """Return the address of the entry in its author's plan history."""
    return f"{site.person_url(entry.login)}/history#{format_timestamp(entry.at)}"


def _format_time(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
