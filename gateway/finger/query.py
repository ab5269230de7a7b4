"""One line's bytes to a Query (RFC 1288 section 2.3). Pure: no I/O, no directory, nothing is looked up.

The grammar, as clients really send it: blanks, then an optional switch /W, blanks, then a name, hosts behind it, each
with an @ before it. Our own host names are dropped from the right, since the query has arrived there.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import unquote

MOST = 512  # bytes of a line without its end
_TELNET = re.compile(rb"\xff(?:[\xfb-\xfe].|\xfa.*?\xff\xf0|[\xf0-\xfa]|\xff)", re.DOTALL)
_SWITCH = re.compile(r"(?:^|(?<=[ \t]))/[Ww](?=[ \t]|$)")


@dataclass(frozen=True, slots=True)
class Everyone:
    """{C}: who is there?"""

    verbose: bool


@dataclass(frozen=True, slots=True)
class Person:
    """{U}: who is *name*?"""

    name: str
    verbose: bool


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """{Q2}: to be asked of the right-most of *hosts*."""

    name: str
    hosts: tuple[str, ...]
    verbose: bool


Query = Everyone | Person | Elsewhere


def decode(line: bytes) -> str:
    """The text of *line*: telnet's IAC sequences dropped (RFC 742), what is no UTF-8 replaced."""
    if b"\xff" in line:
        line = _TELNET.sub(b"", line)
    return line.decode("utf-8", "replace")


def parse(text: str, ours: Callable[[str], bool]) -> Query:
    """What *text* asks; *ours* tells whether a host is this one. Never fails: a line that makes no sense is the name of
    nobody."""
    rest, switches = _SWITCH.subn("", text)
    name, *hosts = (part.strip(" \t") for part in rest.split("@"))
    while hosts and (not hosts[-1] or ours(hosts[-1])):
        hosts.pop()
    verbose = bool(switches)
    if hosts:
        return Elsewhere(name, tuple(hosts), verbose)
    return Person(name, verbose) if name else Everyone(verbose)


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
