"""Host names as they are compared and looked up, and lists of hosts that are allowed. Pure: nothing is resolved here."""

import re
from collections.abc import Iterable

from .ip_addresses import parse_ip_literal

_LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)")
MOST = 253  # characters of a name (RFC 1035 section 2.3.4)


def canonical_host(host: str) -> str | None:
    """*host* as it stands on the wire: in lower case, ASCII (IDNA 2008), no dot at its end; an address as it is written
    by rule, without brackets. None where it can be neither."""
    if (address := parse_ip_literal(host)) is not None:
        return str(address)
    name = host.lower().removesuffix(".")
    if not name.isascii():
        import idna

        try:
            name = idna.encode(name, uts46=True, std3_rules=True).decode().removesuffix(".")
        except (idna.IDNAError, UnicodeError):
            return None
    return name if len(name) <= MOST and all(map(_LABEL.fullmatch, name.split("."))) else None


class BadPattern(ValueError):
    """Neither a host nor "*." before one."""


class HostPatterns:
    """The hosts that a list of patterns names: "b.test" is this one, "*.b.test" all below it."""

    def __init__(self, patterns: Iterable[str]) -> None:
        """Raises BadPattern."""
        self._hosts, self._below = set[str](), tuple[str, ...]()
        for pattern in patterns:
            name = canonical_host(pattern.removeprefix("*."))
            if name is None or (pattern.startswith("*.") and parse_ip_literal(name) is not None):
                raise BadPattern(pattern)
            if pattern.startswith("*."):
                self._below += (f".{name}",)
            else:
                self._hosts.add(name)

    def __contains__(self, host: object) -> bool:
        """Is *host*, a canonical name, one of them? An address is below no name, whatever its zone is called."""
        if not isinstance(host, str):
            return False
        return host in self._hosts or (host.endswith(self._below) and parse_ip_literal(host) is None)
