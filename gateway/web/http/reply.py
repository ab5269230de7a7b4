"""A reply, and the response that goes on the wire for it.

Every response of the web side is made here, also those to requests that could not be parsed. Knows HTTP, no socket.
"""

import gzip
import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property, lru_cache

from werkzeug.http import http_date, parse_etags

from ...ops.request_tracker import Outcome

HTML = "text/html; charset=utf-8"
JSON = "application/json"
PROBLEM = "application/problem+json"
TEXT = "text/plain; charset=utf-8"

# Revalidated each time: a field that was hidden again must be gone at once, and a 304 is cheap.
PUBLIC = "public, max-age=0, must-revalidate"
PRIVATE = "private, no-store"
IMMUTABLE = "public, max-age=31536000, immutable"

_SECURITY_HEADERS = (
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
MAX_ACCEPT_ENCODING_LENGTH = 512  # characters; a longer one counts as missing
MIN_GZIP_BYTES = 512  # smaller bodies are not compressed
# What programs read: scripts of other sites may read it too if everyone gets the same.
_CROSS_ORIGIN_TYPES = ("application/json", "application/jrd+json", "application/feed+json", "application/atom+xml")
_HSTS = ("Strict-Transport-Security", "max-age=31536000")
_OUTCOMES: Mapping[int, Outcome] = {404: "not_found", 429: "limited", 500: "error", 503: "unavailable"}


def outcome_of_status(code: int) -> Outcome:
    """Return the access log's word for a reply with the status *code*, unless the reply names another."""
    return _OUTCOMES.get(code, "served" if code < 400 else "invalid")


@dataclass(frozen=True)
class Reply:
    """A representation, the same for each method.

    *outcome* is the access log's word for it, by default that of the status. *cache_control*, *vary* and *headers* are sent
    as they are. *last_modified* becomes Last-Modified; with *exact_date* it moves with every change of the body, so that
    If-Modified-Since can be answered with it. *variant* goes into the entity tag: bodies for two audiences may be equal.
    *expires_at* is when the reply becomes wrong by time alone, as a status or a local time does. *embeddable*: may pages of
    other sites show it? *cross_origin_readable*: may their scripts read it though it is not cacheable?
    """

    body: bytes
    content_type: str = TEXT
    code: int = 200
    cache_control: str = PRIVATE
    vary: str = ""
    last_modified: datetime | None = None
    variant: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    expires_at: datetime | None = None
    exact_date: bool = False
    embeddable: bool = False
    cross_origin_readable: bool = False
    outcome: Outcome = "served"

    @cached_property
    def tag(self) -> str:
        """The entity tag, without quotes: a hash of what is sent."""
        hashed = b"\0".join((self.content_type.encode(), self.variant.encode(), self.body))
        return hashlib.blake2b(hashed, digest_size=12).hexdigest()

    @property
    def compressible(self) -> bool:
        """Whether gzip may be used: not for members-only replies, whose compressed length would leak (BREACH)."""
        return self.cache_control != PRIVATE and len(self.body) >= MIN_GZIP_BYTES

    @cached_property
    def gzipped(self) -> bytes | None:
        """The body in gzip, None if that gains nothing. Made at the first use."""
        if not self.compressible:
            return None
        compressed = gzip.compress(self.body, 6, mtime=0)
        return compressed if len(compressed) < len(self.body) else None

    @cached_property
    def headers_plain(self) -> tuple[tuple[str, str], ...]:
        """The headers that do not depend on the request, 304 included."""
        return self._headers_with_tag(self.tag)

    @cached_property
    def headers_gzipped(self) -> tuple[tuple[str, str], ...]:
        """Those headers for a body in gzip, whose entity tag is another one."""
        return self._headers_with_tag(f"{self.tag}-gz")

    def _headers_with_tag(self, tag: str) -> tuple[tuple[str, str], ...]:
        headers = [("Cache-Control", self.cache_control), *_SECURITY_HEADERS, *self.headers]
        vary = [each for each in (self.vary, "Accept-Encoding" if self.compressible else "") if each]
        if vary:
            headers.append(("Vary", ", ".join(vary)))
        headers.append(("Cross-Origin-Resource-Policy", "cross-origin" if self.embeddable else "same-origin"))
        public = self.cross_origin_readable or self.cache_control == PUBLIC
        if self.content_type == PROBLEM or (public and self.content_type.partition(";")[0] in _CROSS_ORIGIN_TYPES):
            headers.append(("Access-Control-Allow-Origin", "*"))
        if self.code == 200:
            headers.append(("ETag", f'W/"{tag}"' if self.content_type == HTML else f'"{tag}"'))
            if self.last_modified_header is not None:
                headers.append(("Last-Modified", self.last_modified_header))
        return tuple(headers)

    @cached_property
    def last_modified_header(self) -> str | None:
        """Last-Modified as HTTP writes dates, None without a date."""
        return None if self.last_modified is None else http_date(self.last_modified)


@dataclass(frozen=True)
class Conditions:
    """The headers of a request that decide how a reply is sent. *secure*: the client uses TLS."""

    method: str = "GET"
    if_none_match: str | None = None
    if_modified_since: str | None = None
    secure: bool = False
    accept_encoding: str | None = None


@dataclass(frozen=True)
class Response:
    """A reply as it goes on the wire. *body* is empty for HEAD, though Content-Length counts it."""

    code: int
    headers: Sequence[tuple[str, str]]
    body: bytes


def make_response(reply: Reply, conditions: Conditions) -> Response:
    """Make the response to a request with these *conditions*: 304, HEAD, gzip (RFC 9110)."""
    body, tag, gzipped = reply.body, reply.tag, None
    if conditions.accept_encoding is not None and accepts_gzip(conditions.accept_encoding):
        gzipped = reply.gzipped
    headers = [*reply.headers_plain] if gzipped is None else [*reply.headers_gzipped]
    if gzipped is not None:
        body, tag = gzipped, f"{tag}-gz"
    if conditions.secure:
        headers.append(_HSTS)
    if reply.code == 204:
        return Response(204, headers, b"")
    if reply.code == 200 and _is_not_modified(reply, tag, conditions):
        return Response(304, headers, b"")
    if gzipped is not None:
        headers.append(("Content-Encoding", "gzip"))
    headers += (("Content-Type", reply.content_type), ("Content-Length", str(len(body))))
    return Response(reply.code, headers, b"" if conditions.method == "HEAD" else body)


def accepts_gzip(accept_encoding: str) -> bool:
    """Return whether *accept_encoding* allows gzip (RFC 9110 section 12.5.3).

    An unreadable quality counts as 0. An overlong list allows nothing.
    """
    return len(accept_encoding) <= MAX_ACCEPT_ENCODING_LENGTH and _list_accepts_gzip(accept_encoding)


@lru_cache(maxsize=256)
def _list_accepts_gzip(accept_encoding: str) -> bool:
    qualities: dict[str, float] = {}
    for each in accept_encoding.lower().split(","):
        coding, *parameters = (part.strip() for part in each.split(";"))
        quality = next((part[2:] for part in parameters if part.startswith("q=")), "1")
        qualities[coding] = float(quality) if _QUALITY.fullmatch(quality) else 0
    return qualities.get("gzip", qualities.get("x-gzip", qualities.get("*", 0))) > 0


def _is_not_modified(reply: Reply, tag: str, conditions: Conditions) -> bool:
    """Return whether the client has this representation already.

    If-None-Match wins over If-Modified-Since (RFC 9110 section 13.2.2). The date alone decides only for an exact date:
    when a field is hidden again, Last-Modified may stay although the client's copy still has the field.
    """
    if conditions.method not in ("GET", "HEAD"):
        return False
    if conditions.if_none_match is not None:
        tags = parse_etags(conditions.if_none_match)
        return tags.star_tag or tags.contains_weak(tag)
    date = reply.last_modified_header
    return reply.exact_date and date is not None and conditions.if_modified_since == date
