"""Which representation an asker wants: by the ending of the address, else by Accept (RFC 9110 section 12.5.1)."""

from collections.abc import Sequence
from enum import Enum
from functools import lru_cache

from werkzeug.datastructures import MIMEAccept
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
    named = accept.lower()
    offered = sorted(
        offered, key=lambda format: min(at if (at := named.find(each)) >= 0 else MOST for each in format.types)
    )
    types = {each: format for format in reversed(offered) for each in reversed(format.types)}
    best = parse_accept_header(accept, MIMEAccept).best_match([each for format in offered for each in format.types])
    return None if best is None else types[best]


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
