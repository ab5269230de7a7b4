"""Which representation an asker wants: by the ending of the address, else by Accept (RFC 9110 section 12.5.1)."""

from collections.abc import Mapping, Sequence
from enum import Enum
from functools import lru_cache

from werkzeug.http import parse_accept_header


class Format(Enum):
    """A representation: the media type it is sent as, the ending that forces it, and what else asks for it."""

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

    def __init__(self, kind: str, ending: str, *also: str) -> None:
        self.kind, self.ending = kind, ending
        self.types = (kind.partition(";")[0], *also)

    @property
    def told(self) -> "Format":
        """What goes wrong is told in this one."""
        return _ERRORS.get(self, Format.TEXT)


_ERRORS = {Format.HTML: Format.HTML} | dict.fromkeys((Format.JSON, Format.FEED, Format.JRD), Format.JSON)
_TOLD = (Format.TEXT, Format.HTML, Format.JSON)


ACCEPT = "Accept, Accept-Language"  # what of a request decides, as Vary has it
MOST = 1024  # characters of an Accept that is read; werkzeug looks at each run of blanks as often as it is long


def asked(accept: str | None, languages: str | None) -> str | None:
    """*accept* as it is meant: one without end is as none. Links and ELinks accept anything, as curl does; but only who
    has a reader says in which *languages*."""
    accept = " ".join(accept.split()) if accept is not None and len(accept) <= MOST else None
    if accept in (None, "*/*") and languages not in (None, "*"):
        return "text/html, */*;q=0.9"
    return accept


@lru_cache(maxsize=1024)
def accepted(accept: str | None, offered: Sequence[Format]) -> Format | None:
    """The best of *offered*, a tuple, by *accept*; None where none is taken. Where several are as good, that which is named
    first, as Lynx names pages and scripts name JSON, else the first that is offered. One alone is given whatever is asked
    for."""
    if len(offered) == 1 or accept is None or "/" not in accept or accept == "*/*":
        return offered[0]
    ranges: dict[str, tuple[float, int]] = {}
    for number, (value, quality) in enumerate(parse_accept_header(accept)):
        ranges.setdefault(value.partition(";")[0].strip().lower(), (quality, -number))
    wanted = {each: _wanted(each, ranges) for each in offered}
    best = max(offered, key=lambda each: wanted[each])
    return best if wanted[best][0] > 0 else None


def _wanted(format: Format, ranges: Mapping[str, tuple[float, int]]) -> tuple[float, int]:
    """How much, and how early named. What a range says of the very type counts, else of another that asks for it, else
    what one with a "*" says of the type (RFC 9110 section 12.5.1). Parameters tell nothing apart here."""
    main, *others = format.types
    if main not in ranges:
        named = [ranges[each] for each in others if each in ranges]
        if not named:
            quality, _ = ranges.get(f"{main.partition('/')[0]}/*") or ranges.get("*/*") or (0.0, 0)
            return quality, -MOST
        return max(named)
    return ranges[main]


@lru_cache(maxsize=1024)
def told(accept: str | None) -> Format:
    """What an error is told in to who asks by *accept* for something that is not known (yet)."""
    best = accepted(accept, _TOLD)
    if best is None:
        return Format.JSON if accept is not None and "json" in accept else Format.TEXT
    return best


def ending(path: str, offered: Sequence[Format] = _TOLD) -> Format | None:
    """Which of *offered* the end of *path* forces. No login has such an ending."""
    if "." not in path[-5:]:
        return None
    return next((format for format in offered if format.ending and path.endswith(format.ending)), None)
