"""[web] of gateway.toml."""

from typing import Annotated

import msgspec
from msgspec import Meta


class WebSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """*listen*: Twisted endpoint strings; *proxies*: addresses and networks that are believed on who asks, by
    PROXY on `haproxy:` ones, by Forwarded or X-Forwarded-For on all; nobody is a member by such an address.

    *fediverse*: the account of who names none, as in "@{login}@social.example"; *webfinger*: the address of another
    server that accounts are asked for at; *security_contact*: addresses (mailto:, https:) of who is told of a weakness.
    """

    listen: list[str] = msgspec.field(default_factory=lambda: ["tcp:8080:interface=127.0.0.1"])
    trusted_proxies: list[str] = msgspec.field(default_factory=lambda: ["127.0.0.1", "::1"])
    fediverse: str | None = None
    webfinger: str | None = None
    security_contact: list[Annotated[str, Meta(pattern=r"^(mailto:|https://|tel:)[!-~]+$")]] = []
