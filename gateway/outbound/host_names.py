"""Canonical host names, and patterns of hosts that the operator allows. Pure: nothing is resolved here."""

import re
from collections.abc import Iterable

from .ip_addresses import parse_ip_literal

_LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)")
MAX_NAME_CHARACTERS = 253  # RFC 1035 section 2.3.4


def canonical_host(host: str) -> str | None:
    """Return *host* as on the wire: lower case, ASCII (IDNA 2008), no final dot; an IP address without brackets.

    None if it is neither a name nor an address.
    """
    if (address := parse_ip_literal(host)) is not None:
        return str(address)
    name = host.lower().removesuffix(".")
    if not name.isascii():
        import idna

        try:
            name = idna.encode(name, uts46=True, std3_rules=True).decode().removesuffix(".")
        except (idna.IDNAError, UnicodeError):
            return None
    return name if len(name) <= MAX_NAME_CHARACTERS and all(map(_LABEL.fullmatch, name.split("."))) else None


class BadPattern(ValueError):
    """A pattern that is neither a host nor "*." before one."""


class HostPatterns:
    """A list of host patterns: "b.test" is that host, "*.b.test" every host below it."""

    def __init__(self, patterns: Iterable[str]) -> None:
        """Parse *patterns*. Raises BadPattern."""
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
        """Return whether the canonical name *host* matches. An IP address is below no name, whatever its zone is called."""
        if not isinstance(host, str):
            return False
        return host in self._hosts or (host.endswith(self._below) and parse_ip_literal(host) is None)
