"""Parse one line (RFC 1288 section 2.3). Pure: nothing is looked up.

The grammar, as clients really send it: spaces, an optional switch /W, spaces, a name, then hosts, each after an @. This
site's own host names are removed from the right, because the query has arrived there. Addresses that people paste
(acct:, mailto:, finger://) and a tilde before the name are understood; unknown switches are ignored.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import unquote

MAX_QUERY_BYTES = 512  # of a line without its end
_TELNET = re.compile(rb"\xff(?:[\xfb-\xfe].|\xfa.*?\xff\xf0|[\xf0-\xfa]|\xff)", re.DOTALL)
_SWITCH = re.compile(r"(?:^|(?<=[ \t]))/[Ww](?=[ \t]|$)")
_OTHER_SWITCHES = re.compile(r"^[ \t]*(?:/[A-Za-z]+[ \t]+)+(?=[^ \t])")
_SCHEME = re.compile(r"[ \t]*(?:acct:|mailto:|finger:(?://)?)", re.IGNORECASE)
_PORT = re.compile(":[0-9]+$")
_HTTP = re.compile(r"[A-Z]+ (\S+) HTTP/[0-9.]+$")
# First bytes of clients of other protocols: a TLS record, SMB over NetBIOS, RDP's TPKT.
_FOREIGN = (b"\x16\x03", b"\x00", b"\x03\x00")


@dataclass(frozen=True, slots=True)
class ListQuery:
    """{C}: list who is there."""

    verbose: bool


@dataclass(frozen=True, slots=True)
class UserQuery:
    """{U}: look up *name*."""

    name: str
    verbose: bool


@dataclass(frozen=True, slots=True)
class ForwardQuery:
    """{Q2}: ask the right-most of *hosts*."""

    name: str
    hosts: tuple[str, ...]
    verbose: bool


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """The first line of an HTTP request for *path*."""

    path: str


FingerQuery = ListQuery | UserQuery | ForwardQuery | HttpRequest


def is_foreign(data: bytes) -> bool:
    """Return whether *data*, the first bytes, belong to another protocol."""
    return data.startswith(_FOREIGN)


def decode_line(line: bytes) -> str:
    """Decode a line: telnet's IAC sequences are removed (RFC 742), invalid UTF-8 is replaced."""
    if b"\xff" in line:
        line = _TELNET.sub(b"", line)
    return line.decode("utf-8", "replace")


def parse_query(text: str, is_local_host: Callable[[str], bool]) -> FingerQuery:
    """Parse a line; an unparsable one is looked up as a name. *is_local_host* tells whether a host is this server."""
    if request := _HTTP.match(text):
        return HttpRequest(request[1])
    rest, switches = _SWITCH.subn("", text) if "/" in text else (text, 0)
    if "/" in rest:
        rest = _OTHER_SWITCHES.sub("", rest, count=1)
    if ":" in rest and (address := _SCHEME.match(rest)):
        rest = _strip_scheme(rest[address.end() :], address[0].endswith("//"))
    if "," in rest and "@" in rest:  # alice@dir.test,bob@dir.test
        rest = ",".join("@".join(_strip_local_hosts(part, is_local_host)) for part in rest.split(","))
    name, *hosts = _strip_local_hosts(rest, is_local_host)
    if not name and len(hosts) == 1 and rest.count("@") > 1 and "." not in hosts[0]:
        name = hosts.pop()  # a fediverse handle: @alice@dir.test
    verbose = bool(switches)
    if hosts:
        return ForwardQuery(name, tuple(hosts), verbose)
    if len(name) > 1:
        name = name.removeprefix("~")
    return UserQuery(name, verbose) if name else ListQuery(verbose)


def _strip_local_hosts(text: str, is_local_host: Callable[[str], bool]) -> list[str]:
    """Split a name and its hosts, without our own ones on the right."""
    parts = [part.strip(" \t") for part in text.split("@")]
    while len(parts) > 1 and (not parts[-1] or is_local_host(parts[-1])):
        parts.pop()
    return parts


def _strip_scheme(text: str, slashes: bool) -> str:
    """Return an address without its scheme as name@host.

    With *slashes* the host comes first, and the name is before it or in the path.
    """
    text = text.partition("?")[0].rstrip(" \t")
    if not slashes:
        return text
    host, _, path = text.partition("/")
    host = _PORT.sub("", host)
    return host if "@" in host else f"{path.strip('/')}@{host}"


def split_names(text: str) -> tuple[str, ...]:
    """Return the names in *text*, separated by commas (RFC 742), without duplicates."""
    return tuple(dict.fromkeys(name for part in text.split(",") if (name := part.strip(" \t"))))


def percent_decode(name: str) -> str | None:
    """Return *name* without percent-encoding; None if it has none, or none that is UTF-8."""
    try:
        plain = unquote(name, errors="strict")
    except UnicodeDecodeError:
        return None
    return plain if plain != name else None
