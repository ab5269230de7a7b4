"""One line's bytes to a Query (RFC 1288 section 2.3). Pure: no I/O, no directory, nothing is looked up.

The grammar, as clients really send it: blanks, then an optional switch /W, blanks, then a name, hosts behind it, each
with an @ before it. Our own host names are dropped from the right, since the query has arrived there. Addresses that
people paste (acct:, mailto:, finger://) and a tilde before the name are understood; switches that we do not know are
passed over.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import unquote

MAX_QUERY_BYTES = 512  # bytes of a line without its end
_TELNET = re.compile(rb"\xff(?:[\xfb-\xfe].|\xfa.*?\xff\xf0|[\xf0-\xfa]|\xff)", re.DOTALL)
_SWITCH = re.compile(r"(?:^|(?<=[ \t]))/[Ww](?=[ \t]|$)")
_OTHER_SWITCHES = re.compile(r"^[ \t]*(?:/[A-Za-z]+[ \t]+)+(?=[^ \t])")
_ADDRESS = re.compile(r"[ \t]*(?:acct:|mailto:|finger:(?://)?)", re.IGNORECASE)
_PORT = re.compile(":[0-9]+$")
_HTTP = re.compile(r"[A-Z]+ (\S+) HTTP/[0-9.]+$")
# What a connection says that takes us for something else: a TLS record, SMB over NetBIOS, RDP's TPKT.
_FOREIGN = (b"\x16\x03", b"\x00", b"\x03\x00")


@dataclass(frozen=True, slots=True)
class ListQuery:
    """{C}: who is there?"""

    verbose: bool


@dataclass(frozen=True, slots=True)
class UserQuery:
    """{U}: who is *name*?"""

    name: str
    verbose: bool


@dataclass(frozen=True, slots=True)
class ForwardQuery:
    """{Q2}: to be asked of the right-most of *hosts*."""

    name: str
    hosts: tuple[str, ...]
    verbose: bool


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """The first line of an HTTP request for *path*."""

    path: str


Query = ListQuery | UserQuery | ForwardQuery | HttpRequest


def foreign(data: bytes) -> bool:
    """Does *data*, what came first, begin another protocol in which no line of text would be understood?"""
    return data.startswith(_FOREIGN)


def decode(line: bytes) -> str:
    """The text of *line*: telnet's IAC sequences dropped (RFC 742), what is no UTF-8 replaced."""
    if b"\xff" in line:
        line = _TELNET.sub(b"", line)
    return line.decode("utf-8", "replace")


def parse(text: str, ours: Callable[[str], bool]) -> Query:
    """What *text* asks; *ours* tells whether a host is this one. Never fails: a line that makes no sense is the name of
    nobody."""
    if request := _HTTP.match(text):
        return HttpRequest(request[1])
    rest, switches = _SWITCH.subn("", text) if "/" in text else (text, 0)
    if "/" in rest:
        rest = _OTHER_SWITCHES.sub("", rest, count=1)
    if ":" in rest and (address := _ADDRESS.match(rest)):
        rest = _unaddressed(rest[address.end() :], address[0].endswith("//"))
    if "," in rest and "@" in rest:  # alice@dir.test,bob@dir.test
        rest = ",".join("@".join(_from_here(part, ours)) for part in rest.split(","))
    name, *hosts = _from_here(rest, ours)
    if not name and len(hosts) == 1 and rest.count("@") > 1 and "." not in hosts[0]:
        name = hosts.pop()  # a handle of the fediverse: @alice@dir.test
    verbose = bool(switches)
    if hosts:
        return ForwardQuery(name, tuple(hosts), verbose)
    if len(name) > 1:
        name = name.removeprefix("~")
    return UserQuery(name, verbose) if name else ListQuery(verbose)


def _from_here(text: str, ours: Callable[[str], bool]) -> list[str]:
    """A name and the hosts behind it, without those on the right that are this one."""
    parts = [part.strip(" \t") for part in text.split("@")]
    while len(parts) > 1 and (not parts[-1] or ours(parts[-1])):
        parts.pop()
    return parts


def _unaddressed(text: str, slashes: bool) -> str:
    """An address without its scheme, as name@host. With *slashes* the host comes first, and the name is before it or
    in the path."""
    text = text.partition("?")[0].rstrip(" \t")
    if not slashes:
        return text
    host, _, path = text.partition("/")
    host = _PORT.sub("", host)
    return host if "@" in host else f"{path.strip('/')}@{host}"


def names(text: str) -> tuple[str, ...]:
    """The names in *text*, parted by commas (RFC 742), each once."""
    return tuple(dict.fromkeys(name for part in text.split(",") if (name := part.strip(" \t"))))


def decoded(name: str) -> str | None:
    """*name* without percent-encoding, as some clients send it; None where it holds none, or none of UTF-8."""
    try:
        plain = unquote(name, errors="strict")
    except UnicodeDecodeError:
        return None
    return plain if plain != name else None
