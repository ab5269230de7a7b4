"""Which representation an asker wants: by the ending of the address, else by Accept (RFC 9110 section 12.5.1)."""

from enum import Enum
from functools import lru_cache

from werkzeug.datastructures import MIMEAccept
from werkzeug.http import parse_accept_header


class Format(Enum):
    """A representation; the value is the ending that forces it."""

    TEXT = ".txt"
    HTML = ".html"
    JSON = ".json"


# In the order that decides between equals: */* gets what finger says.
_OFFERED = {
    "text/plain": Format.TEXT,
    "text/html": Format.HTML,
    "application/json": Format.JSON,
    "application/problem+json": Format.JSON,
}


@lru_cache(maxsize=256)
def accepted(accept: str | None) -> Format:
    """The best of what *accept* asks for; text where it takes nothing that there is."""
    if accept is None or accept == "*/*":
        return Format.TEXT
    best = parse_accept_header(accept, MIMEAccept).best_match(_OFFERED)
    return Format.TEXT if best is None else _OFFERED[best]


def split(name: str) -> tuple[str, Format | None]:
    """*name* without the ending that forces a format. No login has such an ending."""
    for forced in Format:
        if name.endswith(forced.value):
            return name.removesuffix(forced.value), forced
    return name, None
