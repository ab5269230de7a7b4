"""Content negotiation: which format a client gets, by the suffix of the path, else by Accept (RFC 9110 section 12.5.1)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache

from werkzeug.http import parse_accept_header


class Format(Enum):
    """A representation.

    The value is the Content-Type it is sent as, the suffix of a path that asks for it, and further media types in Accept
    that mean it.
    """

    TEXT = ("text/plain; charset=utf-8", ".txt")
    HTML = ("text/html; charset=utf-8", ".html")
    JSON = ("application/json", ".json", "application/problem+json")
    VCARD = ("text/vcard; charset=utf-8", ".vcf", "text/x-vcard", "text/directory")
    ATOM = ("application/atom+xml; charset=utf-8", ".atom", "application/xml", "text/xml", "application/rss+xml")
    FEED = ("application/feed+json", ".json", "application/json")
    JRD = ("application/jrd+json", ".json", "application/json")
    SVG = ("image/svg+xml", ".svg")
    XML = ("application/xml", ".xml", "text/xml")
    XRD = ("application/xrd+xml; charset=utf-8", "", "application/xml", "text/xml")

    def __init__(self, content_type: str, suffix: str, *also: str) -> None:
        self.content_type, self.suffix = content_type, suffix
        self.types = (content_type.partition(";")[0], *also)

    @property
    def for_errors(self) -> "Format":
        """The format of an error for a client that gets this one: TEXT, HTML or JSON."""
        return _ERROR_FORMATS.get(self, Format.TEXT)


_ERROR_FORMATS = {Format.HTML: Format.HTML} | dict.fromkeys((Format.JSON, Format.FEED, Format.JRD), Format.JSON)
PAGE_FORMATS = (Format.TEXT, Format.HTML, Format.JSON)

ACCEPT = "Accept, Accept-Language"  # the request headers that decide, for Vary
MAX_ACCEPT_LENGTH = 1024  # characters; werkzeug takes time in the square of a run of blanks


@dataclass(frozen=True)
class FormatChoice:
    """What a request is answered in.

    *format* is None if the client takes none of the offered formats (406). *errors* is TEXT, HTML or JSON. *forced*: the
    suffix of the path asked for *format*, whatever Accept says.
    """

    format: Format | None
    errors: Format
    forced: bool = False


def choose_format(
    path: str, accept: str | None, offered: tuple[Format, ...] = PAGE_FORMATS, suffixes: bool = True
) -> FormatChoice:
    """Choose the format of a reply, and of an error in its place.

    *offered* are the formats of the route; the default is for requests that have no route (yet). *suffixes*: may the end
    of *path* force one? *accept* comes from effective_accept.

    An error comes in the format that was chosen if that has errors of its own, else in what Accept prefers, so that a
    browser gets a page for a picture that is missing.
    """
    forced = format_of_suffix(path, offered) if suffixes else None
    format = forced or best_match(accept, offered)
    if forced is not None or (format is not None and format.for_errors is not Format.TEXT):
        return FormatChoice(format, (forced or format or Format.TEXT).for_errors, forced is not None)
    return FormatChoice(format, error_format(accept))


def effective_accept(accept: str | None, languages: str | None) -> str | None:
    """Return Accept as it is meant; None for a missing or an overlong one.

    Links and ELinks accept anything, as curl does; but only a browser sends Accept-Language, given as *languages*.
    """
    accept = " ".join(accept.split()) if accept is not None and len(accept) <= MAX_ACCEPT_LENGTH else None
    if accept in (None, "*/*") and languages not in (None, "*"):
        return "text/html, */*;q=0.9"
    return accept


@lru_cache(maxsize=1024)
def best_match(accept: str | None, offered: Sequence[Format]) -> Format | None:
    """Return the best of *offered* (a tuple) by *accept*; None if none is acceptable.

    Among equals the one that is named first in Accept wins (Lynx names pages and scripts name JSON first), then the one
    that is offered first. A single format is given whatever Accept says.
    """
    if len(offered) == 1 or accept is None or "/" not in accept or accept == "*/*":
        return offered[0]
    ranges: dict[str, tuple[float, int]] = {}
    for number, (value, quality) in enumerate(parse_accept_header(accept)):
        ranges.setdefault(value.partition(";")[0].strip().lower(), (quality, -number))
    preferences = {each: _preference(each, ranges) for each in offered}
    best = max(offered, key=lambda each: preferences[each])
    return best if preferences[best][0] > 0 else None


def _preference(format: Format, ranges: Mapping[str, tuple[float, int]]) -> tuple[float, int]:
    """Return the quality of *format* and how early it is named.

    A range with the very type decides; then one with another type of the format; then a wildcard for the type (RFC 9110
    section 12.5.1). Parameters other than q are ignored.
    """
    main, *others = format.types
    if main not in ranges:
        named = [ranges[each] for each in others if each in ranges]
        if not named:
            quality, _ = ranges.get(f"{main.partition('/')[0]}/*") or ranges.get("*/*") or (0.0, 0)
            return quality, -MAX_ACCEPT_LENGTH
        return max(named)
    return ranges[main]


@lru_cache(maxsize=1024)
def error_format(accept: str | None) -> Format:
    """Return TEXT, HTML or JSON for an error about something that has no format of its own."""
    best = best_match(accept, PAGE_FORMATS)
    if best is None:
        return Format.JSON if accept is not None and "json" in accept else Format.TEXT
    return best


def format_of_suffix(path: str, offered: Sequence[Format] = PAGE_FORMATS) -> Format | None:
    """Return which of *offered* the suffix of *path* forces, None without one. No login ends in such a suffix."""
    if "." not in path[-5:]:
        return None
    return next((format for format in offered if format.suffix and path.endswith(format.suffix)), None)
