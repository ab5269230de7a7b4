"""[finger] of gateway.toml."""

from typing import Literal

import msgspec


class Finger(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """*listen*: Twisted endpoint strings; *listing*: may the empty query be answered with a list; *empty*: of whom."""

    listen: list[str] = msgspec.field(default_factory=lambda: ["tcp:79"])
    listing: bool = True
    empty: Literal["online", "people"] = "online"
