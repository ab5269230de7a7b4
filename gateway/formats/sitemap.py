"""The pages that robots may know of, as a sitemap (sitemaps.org, version 0.9)."""

from collections.abc import Iterable
from datetime import UTC, datetime
from xml.sax.saxutils import escape

_HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">\n'


def sitemap(pages: Iterable[tuple[str, datetime | None]], note: str = "") -> str:
    """*pages* as address and date of the last change, None where nobody knows. *note* stands in it for who reads it."""
    lines = [f"<url><loc>{escape(address)}</loc>{_changed(at)}</url>\n" for address, at in pages]
    return f"{_HEAD}{''.join(lines)}{_noted(note)}</urlset>\n"


def _changed(at: datetime | None) -> str:
    return "" if at is None else f"<lastmod>{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}</lastmod>"


def _noted(note: str) -> str:
    return f"<!-- {note.replace('--', '-')} -->\n" if note else ""
