"""[web] of gateway.toml."""

import msgspec


class Web(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """*listen*: Twisted endpoint strings; *proxies*: addresses and networks that are believed on `haproxy:` ones."""

    listen: list[str] = msgspec.field(default_factory=lambda: ["tcp:8080:interface=127.0.0.1"])
    proxies: list[str] = msgspec.field(default_factory=lambda: ["127.0.0.1", "::1"])
