"""The table `[[irc]]`, one for each network."""

from collections.abc import Iterator, Sequence
from typing import Annotated

from msgspec import Meta, Struct, field

from ..config.types import Duration

_NICK = r"^[A-Za-z\[\]\\`_^{|}][A-Za-z0-9\[\]\\`_^{|}-]{0,63}$"
Nick = Annotated[str, Meta(pattern=_NICK, description='a nick of letters, digits and -_[]\\`^{|}, e.g. "fingerbot"')]
Channel = Annotated[
    str,
    Meta(
        pattern=r"^[#&+!][^\x00-\x20,]{0,199}( [^\x00-\x20,]{1,199})?$",
        description='a channel, e.g. "#club", or "#club key" for one with a key',
    ),
]


class NetworkSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One network.

    *server* is a Twisted client endpoint, "tls:host:port" or "tcp:host:port". A channel may have its key behind a
    blank. *burst* lines may leave at once, then one every *line_interval*.
    """

    network: Annotated[
        str, Meta(pattern=r"^[A-Za-z0-9._-]{1,64}$", description='a name of letters, digits, . _ and -, e.g. "libera"')
    ]
    server: Annotated[
        str,
        Meta(
            pattern=r"^(tls|tcp):.+:\d+(:[^:]+=.*)?$",
            description='an IRC server, e.g. "tls:irc.libera.chat:6697" or "tcp:localhost:6667"',
        ),
    ]
    nick: Nick = "fingerbot"
    alternate_nicks: list[Nick] = []
    channels: list[Channel] = []
    prefix: Annotated[
        str, Meta(pattern=r"^[!-~]{1,8}$", description='1 to 8 ASCII characters without spaces, e.g. "!"')
    ] = "!"
    burst: Annotated[int, Meta(ge=1)] = 5
    # A factory, because a Duration cannot be the default in a JSON Schema.
    line_interval: Duration = field(default_factory=lambda: Duration(seconds=2))


def find_problems(
    networks: Sequence[NetworkSettings], hosts: Sequence[str], url: str
) -> Iterator[tuple[str, str, str]]:
    """Yield key, found and allowed for each network whose name occurs twice."""
    names = [network.network for network in networks]
    for number, name in enumerate(names):
        if name in names[:number]:
            first = names.index(name)
            yield f"irc[{number}].network", f"{name!r}, as in irc[{first}]", "a name that no other [[irc]] table has"
