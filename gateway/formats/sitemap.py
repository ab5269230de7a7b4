"""Write the sitemap: the pages that search engines may index (sitemaps.org, version 0.9)."""

from collections.abc import Iterable
from datetime import UTC, datetime
from xml.sax.saxutils import escape

_HEADER = '<?xml version="1.0" encoding="UTF-8"?>\n<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">\n'


def make_sitemap(pages: Iterable[tuple[str, datetime | None]], note: str = "") -> str:
    """Return the sitemap of *pages*, each an address and the date of its last change or None. *note* becomes a comment."""
    lines = [f"<url><loc>{escape(address)}</loc>{_lastmod(at)}</url>\n" for address, at in pages]
    return f"{_HEADER}{''.join(lines)}{_comment(note)}</urlset>\n"


def _lastmod(at: datetime | None) -> str:
    return "" if at is None else f"<lastmod>{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}</lastmod>"


def _comment(note: str) -> str:
    return f"<!-- {note.replace('--', '-')} -->\n" if note else ""
