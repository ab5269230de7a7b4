"""A reply, and what of it goes on the wire: the one way out. Every answer of the web side is finished here, those to
requests that nobody could read included. It knows HTTP's rules and no socket.
"""

import gzip
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property, lru_cache

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
_QUALITY = re.compile(r"0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?")
MOST_CODINGS = 512  # characters of an Accept-Encoding that is read
SMALL = 512  # bytes that are not worth packing
# Scripts of other places may read what programs are meant to read, where everyone gets the same.
_READABLE = ("application/json", "application/jrd+json", "application/feed+json", "application/atom+xml")
_HSTS = ("Strict-Transport-Security", "max-age=31536000")


@dataclass(frozen=True)
class Reply:
    """*body* of media type *kind*, the same whatever the method; *cache* and *vary* as the headers have them; *updated*
    is Last-Modified, and *exact* where that moves with whatever the body tells; *mark* tells representations apart whose
    bodies may be equal (an audience's name); *until* is when it is no longer what would be said, by time alone;
    *embeddable*: may pages of other places show it, and if it is *readable* their scripts read it though it is not kept?"""

    body: bytes
    kind: str = TEXT
    code: int = 200
    cache: str = PRIVATE
    vary: str = ""
    updated: datetime | None = None
    mark: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    until: datetime | None = None
    exact: bool = False
    embeddable: bool = False
    readable: bool = False

    @cached_property
    def tag(self) -> str:
        """The entity tag, without quotes: made from what is sent and from nothing else."""
        told = b"\0".join((self.kind.encode(), self.mark.encode(), self.body))
        return hashlib.blake2b(told, digest_size=12).hexdigest()

    @property
    def packable(self) -> bool:
        """Is it worth packing? What only some may see stays as it is: its length would tell."""
        return self.cache != PRIVATE and len(self.body) >= SMALL

    @cached_property
    def packed(self) -> bytes | None:
        """The body in gzip, None where that is no gain. Made when it is first asked for."""
        if not self.packable:
            return None
        made = gzip.compress(self.body, 6, mtime=0)
        return made if len(made) < len(self.body) else None

    @cached_property
    def always(self) -> tuple[tuple[str, str], ...]:
        """The headers that are the same whatever was asked, 304 or not."""
        return self._headed(self.tag)

    @cached_property
    def always_packed(self) -> tuple[tuple[str, str], ...]:
        """The same where the body goes in gzip."""
        return self._headed(f"{self.tag}-gz")

    def _headed(self, tag: str) -> tuple[tuple[str, str], ...]:
        headers = [("Cache-Control", self.cache), *_SECURITY, *self.headers]
        vary = [each for each in (self.vary, "Accept-Encoding" if self.packable else "") if each]
        if vary:
            headers.append(("Vary", ", ".join(vary)))
        headers.append(("Cross-Origin-Resource-Policy", "cross-origin" if self.embeddable else "same-origin"))
        public = self.readable or self.cache == PUBLIC
        if self.kind == PROBLEM or (public and self.kind.partition(";")[0] in _READABLE):
            headers.append(("Access-Control-Allow-Origin", "*"))
        if self.code == 200:
            headers.append(("ETag", f'W/"{tag}"' if self.kind == HTML else f'"{tag}"'))
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
    accept_encoding: str | None = None


@dataclass(frozen=True)
class Sent:
    """A reply as it goes out. *body* is empty where none may follow, though Content-Length tells of one (HEAD)."""

    code: int
    headers: Sequence[tuple[str, str]]
    body: bytes


def finished(reply: Reply, asked: Conditions) -> Sent:
    """*reply* to *asked*, complete (RFC 9110)."""
    body, tag, packed = reply.body, reply.tag, None
    if asked.accept_encoding is not None and takes_gzip(asked.accept_encoding):
        packed = reply.packed
    headers = [*reply.always] if packed is None else [*reply.always_packed]
    if packed is not None:
        body, tag = packed, f"{tag}-gz"
    if asked.secure:
        headers.append(_HSTS)
    if reply.code == 204:
        return Sent(204, headers, b"")
    if reply.code == 200 and _unchanged(reply, tag, asked):
        return Sent(304, headers, b"")
    if packed is not None:
        headers.append(("Content-Encoding", "gzip"))
    headers += (("Content-Type", reply.kind), ("Content-Length", str(len(body))))
    return Sent(reply.code, headers, b"" if asked.method == "HEAD" else body)


def takes_gzip(accept_encoding: str) -> bool:
    """Does *accept_encoding* (RFC 9110 section 12.5.3) take gzip? A quality that nobody can read is none, and so is a list
    without end."""
    return len(accept_encoding) <= MOST_CODINGS and _takes_gzip(accept_encoding)


@lru_cache(maxsize=256)
def _takes_gzip(accept_encoding: str) -> bool:
    qualities: dict[str, float] = {}
    for each in accept_encoding.lower().split(","):
        coding, *parameters = (part.strip() for part in each.split(";"))
        said = next((part[2:] for part in parameters if part.startswith("q=")), "1")
        qualities[coding] = float(said) if _QUALITY.fullmatch(said) else 0
    return qualities.get("gzip", qualities.get("x-gzip", qualities.get("*", 0))) > 0


def _unchanged(reply: Reply, tag: str, asked: Conditions) -> bool:
    """If-None-Match wins over If-Modified-Since (RFC 9110 section 13.2.2), and a date alone is seldom enough: it tells of
    what is shown, and so stays as it is when an older field is taken back, which the older copy still shows."""
    if asked.method not in ("GET", "HEAD"):
        return False
    if asked.if_none_match is not None:
        tags = parse_etags(asked.if_none_match)
        return tags.star_tag or tags.contains_weak(tag)
    return reply.exact and reply.date is not None and asked.if_modified_since == reply.date
