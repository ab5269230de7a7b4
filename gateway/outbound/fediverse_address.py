"""A fediverse account as it is written, and who it is. Pure: whether it is true, its host says (accounts.py)."""

import re
from dataclasses import dataclass

from .host_names import canonical_host
from .ip_addresses import parse_ip_literal

_ACCOUNT = re.compile(r"@?([A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,62}[A-Za-z0-9_])?)@([^\s@/:?#]{1,253})")


@dataclass(frozen=True, slots=True)
class Actor:
    """*href*: who the account is for programs; *page*: for people."""

    href: str
    page: str


def parse_account(text: str) -> tuple[str, str] | None:
    """The user and the host of *text*, "@user@host"; None where it is no account of a public name."""
    match = _ACCOUNT.fullmatch(text.strip())
    if match is None:
        return None
    host = canonical_host(match[2])
    if host is None or "." not in host or parse_ip_literal(host) is not None:
        return None
    return match[1], host
