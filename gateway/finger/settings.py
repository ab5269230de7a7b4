"""[finger] of gateway.toml."""

from collections.abc import Iterator, Sequence
from typing import Annotated, Literal, get_args

import msgspec

from ..outbound.host_names import BadPattern, HostPatterns

Column = Literal["terminal", "idle", "origin", "office", "office_phone", "title"]


class FingerSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """*listen*: Twisted endpoint strings; *listing*: may the empty query be answered with a list; *empty*: of whom;
    *list_columns*: what a list tells of each person besides login and name, the dearest first; *ambiguous*: what becomes
    of a name that several people have; *max_names*: people in one answer; *forward_to*: hosts that queries are passed on
    to, none by default; *max_hops*: hosts that such a query may name; *ansi*: what becomes of colours in people's texts;
    *max_plan_bytes*: of a plan that is shown here, in UTF-8; *proxies*: addresses and networks that are
    believed on `haproxy:` endpoints."""

    listen: list[str] = msgspec.field(default_factory=lambda: ["tcp:79"])
    listing: bool = True
    empty_query: Literal["online", "people"] = "online"
    list_columns: list[Column] = msgspec.field(default_factory=lambda: list(get_args(Column)))
    ambiguous: Literal["full", "short", "deny"] = "full"
    max_names: Annotated[int, msgspec.Meta(ge=1, le=16)] = 4
    forward_to: list[Annotated[str, msgspec.Meta(min_length=1)]] = []
    max_hops: Annotated[int, msgspec.Meta(ge=1, le=8)] = 1
    ansi: Literal["strip", "sgr"] = "strip"
    charset: Literal["utf-8", "ascii"] = "utf-8"
    max_plan_bytes: Annotated[int, msgspec.Meta(ge=256)] = 65536
    trusted_proxies: list[str] = msgspec.field(default_factory=lambda: ["127.0.0.1", "::1"])


def find_problems(settings: FingerSettings, hosts: Sequence[str], url: str) -> Iterator[tuple[str, str, str]]:
    """Yield key, found and allowed for each value that no type can forbid."""
    for number, pattern in enumerate(settings.forward_to):
        try:
            HostPatterns([pattern])
        except BadPattern:
            yield (
                f"finger.forward_to[{number}]",
                repr(pattern),
                'a host, as in "dir.example.org", or all below one, as in "*.example.org"; the port is 79',
            )
