"""Parse fediverse accounts. Pure: whether an account exists is checked by fediverse_accounts.py."""

import re
from dataclasses import dataclass

from .host_names import canonical_host
from .ip_addresses import parse_ip_literal

_ACCOUNT = re.compile(r"@?([A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,62}[A-Za-z0-9_])?)@([^\s@/:?#]{1,253})")


@dataclass(frozen=True, slots=True)
class Actor:
    """An account's addresses: *href* for programs, *page* for people."""

    href: str
    page: str


def parse_account(text: str) -> tuple[str, str] | None:
    """Return user and host of "@user@host"; None if it is no account at a public name."""
    match = _ACCOUNT.fullmatch(text.strip())
    if match is None:
        return None
    host = canonical_host(match[2])
    if host is None or "." not in host or parse_ip_literal(host) is not None:
        return None
    return match[1], host
