"""Parse what a person types, a name at a host or a finger: URL, into a host and a query. No I/O."""

import re
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

DEFAULT_PORT = 79
_SCHEME = re.compile("finger:(?=//)", re.IGNORECASE)
_SWITCH = re.compile(r"/[Ww](?:\s+|$)")


class BadAddress(ValueError):
    """An address that cannot be queried; the message says what to write instead."""


@dataclass(frozen=True, slots=True)
class FingerTarget:
    """The query *line*, without its end, for *host*."""

    host: str
    port: int
    line: str


def parse_target(typed: str, verbose: bool) -> FingerTarget:
    """Parse NAME, NAME@HOST[:PORT], NAME@HOST1@HOST2, finger://HOST[:PORT]/NAME or finger://NAME@HOST.

    NAME@HOST1@HOST2 asks HOST2 for NAME@HOST1 (RFC 1288 section 2.3). "/w" after the name of a finger: URL means /W, as
    in lynx. Raises BadAddress.
    """
    if scheme := _SCHEME.match(typed):
        name, host_port = _split_url(typed[scheme.end() :])
    else:
        name, _, host_port = typed.rpartition("@") if "@" in typed else (typed, "", "")
    if switch := _SWITCH.match(name):
        name, verbose = name[switch.end() :], True
    line = " ".join(part for part in ("/W" if verbose else "", name) if part)
    if re.search("[\r\n]", line):
        raise BadAddress("the name has several lines; it must be a single line")
    if any(ord(character) < 32 or 127 <= ord(character) < 160 for character in line):
        raise BadAddress("the name contains a control character; remove it")
    host, port = _split_host(host_port)
    return FingerTarget(host or "localhost", port, line)


def _split_url(rest: str) -> tuple[str, str]:
    """Return name and host of a finger: URL without its scheme."""
    if re.search("[\x00-\x20\x7f]", rest):
        raise BadAddress("the address contains a space or a control character; write %20 for a space")
    try:
        url = urlsplit(rest)
    except ValueError:
        raise BadAddress(f"{rest!r} is not an address; write e.g. finger://host/name") from None
    before, _, host_port = url.netloc.rpartition("@")
    behind = url.path[1:] + (f"?{url.query}" if url.query else "")
    bare = re.sub("/[Ww]$", "", behind).rstrip("/")
    if before and bare:
        raise BadAddress("the address has two names; write finger://host/name or finger://name@host")
    try:
        name = unquote(bare or before, errors="strict")
    except UnicodeDecodeError:
        raise BadAddress("the name is not UTF-8; percent-encode its UTF-8 bytes, e.g. %C3%A9 for é") from None
    return ("/W " if re.search("/[Ww]$", behind) else "") + name, host_port


def _split_host(host_port: str) -> tuple[str, int]:
    host, port = host_port, ""
    if host_port.startswith("["):
        host, _, rest = host_port[1:].partition("]")
        port = rest.removeprefix(":")
    elif host_port.count(":") == 1:
        host, _, port = host_port.partition(":")
    if not host.isprintable():
        raise BadAddress("the host contains an invisible character; write a host name or an IP address")
    if port and not (re.fullmatch("[0-9]{1,5}", port) and 0 < int(port) < 65536):
        raise BadAddress(f"found port {port!r}; must be a number from 1 to 65535")
    return host, int(port or DEFAULT_PORT)
