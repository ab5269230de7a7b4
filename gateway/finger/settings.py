"""[finger] of gateway.toml."""

from collections.abc import Iterator, Sequence
from typing import Annotated, Literal, get_args

import msgspec

from ..outbound.host_names import BadPattern, HostPatterns

ListColumn = Literal["terminal", "idle", "origin", "office", "office_phone", "title"]


class FingerSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The table [finger].

    *listing* allows the empty query, *empty_query* says what it lists, *list_columns* what a list shows besides login
    and name, the most important first. *ambiguous*: the answer to a name that several people have. *max_names*: people
    in one answer. *forward_to*: hosts that queries are forwarded to; *max_hops*: hosts that one query may name. *ansi*:
    whether colours in people's texts pass. *max_plan_bytes*: of a plan in an answer, in UTF-8. *trusted_proxies*:
    addresses and networks whose PROXY headers are believed on `haproxy:` endpoints.
    """

    listen: list[str] = msgspec.field(default_factory=lambda: ["tcp:79"])
    listing: bool = True
    empty_query: Literal["online", "people"] = "online"
    list_columns: list[ListColumn] = msgspec.field(default_factory=lambda: list(get_args(ListColumn)))
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
                'a host name without a port, e.g. "dir.example.org", or "*.example.org" for all hosts below it',
            )
