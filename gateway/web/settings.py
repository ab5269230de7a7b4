"""[web] of gateway.toml."""

from collections.abc import Iterator, Sequence
from typing import Annotated
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta

from ..config.base_url import is_base_url, origin
from ..outbound.fediverse_address import parse_account
from ..outbound.host_names import canonical_host


class WebSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The table [web].

    *listen*: Twisted endpoint strings. *trusted_proxies*: addresses and networks that are believed on who their clients
    are, by the PROXY protocol on `haproxy:` endpoints, by Forwarded or X-Forwarded-For on all. *fediverse*: the account
    of people who name none, as in "@{login}@social.example". *webfinger*: another server that WebFinger queries are
    redirected to. *security_contact*: mailto: or https: addresses for security.txt.
    """

    listen: list[str] = msgspec.field(default_factory=lambda: ["tcp:8080:interface=127.0.0.1"])
    trusted_proxies: list[str] = msgspec.field(default_factory=lambda: ["127.0.0.1", "::1"])
    fediverse: str | None = None
    webfinger: str | None = None
    security_contact: list[
        Annotated[
            str,
            Meta(
                pattern=r"^(mailto:|https://|tel:)[!-~]+$",
                description='a mailto:, https: or tel: address, e.g. "mailto:security@dir.test"',
            ),
        ]
    ] = []


def find_problems(settings: WebSettings, hosts: Sequence[str], url: str) -> Iterator[tuple[str, str, str]]:
    """Yield key, found and allowed for servers that could never be asked."""
    if settings.fediverse is not None:
        has_login = "{login}" in settings.fediverse
        account = parse_account(settings.fediverse.replace("{login}", "alice")) if has_login else None
        if account is None or account[1] in map(canonical_host, hosts):
            yield (
                "web.fediverse",
                repr(settings.fediverse),
                'an account on another server, with {login} for the login, e.g. "@{login}@social.example"',
            )
    if settings.webfinger is not None:
        server = settings.webfinger
        printable = server.isascii() and server.isprintable() and " " not in server
        without_path = printable and is_base_url(server) and not urlsplit(server).path
        if not without_path or (is_base_url(url) and origin(server) == origin(url)):
            allowed = 'the web address of another server, without a path, e.g. "https://social.example"'
            yield "web.webfinger", repr(server), allowed
