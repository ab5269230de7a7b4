"""A reply, and what of it goes on the wire: the one way out. Every answer of the web side is finished here, those to
requests that nobody could read included. It knows HTTP's rules and no socket.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from werkzeug.http import http_date, parse_etags

HTML = "text/html; charset=utf-8"
JSON = "application/json"
PROBLEM = "application/problem+json"
TEXT = "text/plain; charset=utf-8"

# Revalidated each time: what was taken back must be gone at once, and a 304 costs little.
PUBLIC = "public, max-age=0, must-revalidate"
PRIVATE = "private, no-store"
UNCHANGING = "public, max-age=31536000, immutable"

_SECURITY = (
    (
        "Content-Security-Policy",
        "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'none'",
    ),
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "same-origin"),
    ("Permissions-Policy", "browsing-topics=(), camera=(), geolocation=(), microphone=()"),
)
_HSTS = ("Strict-Transport-Security", "max-age=31536000")


@dataclass(frozen=True)
class Reply:
    """*body* of media type *kind*, the same whatever the method; *cache* and *vary* as the headers have them; *updated*
    is Last-Modified; *mark* tells representations apart whose bodies may be equal (an audience's name)."""

    body: bytes
    kind: str = TEXT
    code: int = 200
    cache: str = PRIVATE
    vary: str = ""
    updated: datetime | None = None
    mark: str = ""
    headers: tuple[tuple[str, str], ...] = ()

    @cached_property
    def tag(self) -> str:
        """The entity tag, without quotes: made from what is sent and from nothing else."""
        told = b"\0".join((self.kind.encode(), self.mark.encode(), self.body))
        return hashlib.blake2b(told, digest_size=12).hexdigest()

    @cached_property
    def always(self) -> tuple[tuple[str, str], ...]:
        """The headers that are the same whatever was asked, 304 or not."""
        headers = [("Cache-Control", self.cache), *_SECURITY, *self.headers]
        if self.vary:
            headers.append(("Vary", self.vary))
        if self.code == 200:
            headers.append(("ETag", f'W/"{self.tag}"' if self.kind == HTML else f'"{self.tag}"'))
            if self.date is not None:
                headers.append(("Last-Modified", self.date))
        return tuple(headers)

    @cached_property
    def date(self) -> str | None:
        return None if self.updated is None else http_date(self.updated)


@dataclass(frozen=True)
class Conditions:
    """What of a request bears on how a reply is sent. *secure*: is this site reached by TLS?"""

    method: str = "GET"
    if_none_match: str | None = None
    if_modified_since: str | None = None
    secure: bool = False


@dataclass(frozen=True)
class Sent:
    """A reply as it goes out. *body* is empty where none may follow, though Content-Length tells of one (HEAD)."""

    code: int
    headers: Sequence[tuple[str, str]]
    body: bytes


def finished(reply: Reply, asked: Conditions) -> Sent:
    """*reply* to *asked*, complete (RFC 9110)."""
    headers = [*reply.always, _HSTS] if asked.secure else [*reply.always]
    if reply.code == 204:
        return Sent(204, headers, b"")
    if reply.code == 200 and _unchanged(reply, asked):
        return Sent(304, headers, b"")
    headers += (("Content-Type", reply.kind), ("Content-Length", str(len(reply.body))))
    return Sent(reply.code, headers, b"" if asked.method == "HEAD" else reply.body)


def _unchanged(reply: Reply, asked: Conditions) -> bool:
    """If-None-Match wins over If-Modified-Since (RFC 9110 section 13.2.2). The date has to be the very same: it goes
    back when somebody takes a field back, and the older copy still shows it."""
    if asked.method not in ("GET", "HEAD"):
        return False
    if asked.if_none_match is not None:
        tags = parse_etags(asked.if_none_match)
        return tags.star_tag or tags.contains_weak(reply.tag)
    return reply.date is not None and asked.if_modified_since == reply.date
