"""A client's network address as one value: IPv4, IPv6, and IPv4 mapped into IPv6, which counts as IPv4."""

import socket
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

_MAPPED = bytes(10) + b"\xff\xff"
MAX_ADDRESS_CHARACTERS = 64  # an IPv6 address has 45 at most, and there may be a zone
_LOOPBACK_6 = bytes(15) + b"\x01"


@dataclass(frozen=True, slots=True)
class Address:
    """An IP address. *packed* is 4 or 16 bytes in network order."""

    packed: bytes

    @staticmethod
    def parse(text: str) -> "Address | None":
        """Return the address in *text*, without its zone (%eth0); None if there is none."""
        return _parse(text) if len(text) <= MAX_ADDRESS_CHARACTERS else None

    @property
    def key(self) -> bytes:
        """What counts as one client: the IPv4 address, or the /64 of an IPv6 address."""
        return self.packed[:8] if len(self.packed) == 16 else self.packed

    @property
    def is_loopback(self) -> bool:
        return self.packed == _LOOPBACK_6 or (len(self.packed) == 4 and self.packed[0] == 127)

    def truncated(self) -> str:
        """Return the address for logs: IPv4 without its last byte, IPv6 without everything after its /48."""
        keep = 6 if len(self.packed) == 16 else 3
        return str(ip_address(self.packed[:keep] + bytes(len(self.packed) - keep)))

    def __str__(self) -> str:
        return str(ip_address(self.packed))


@lru_cache(maxsize=4096)
def _parse(text: str) -> Address | None:
    for family in (socket.AF_INET, socket.AF_INET6):
        try:
            packed = socket.inet_pton(family, text.partition("%")[0])
        except (OSError, ValueError):
            continue
        return Address(packed[12:] if packed.startswith(_MAPPED) else packed)
    return None


class Networks:
    """A set of networks to test addresses against. Raises ValueError for what is not a network."""

    def __init__(self, networks: Iterable[str]) -> None:
        self._networks: tuple[IPv4Network | IPv6Network, ...] = tuple(ip_network(text) for text in networks)

    def __contains__(self, address: object) -> bool:
        if not self._networks or not isinstance(address, Address):
            return False
        one = ip_address(address.packed)
        return any(one in network for network in self._networks)
