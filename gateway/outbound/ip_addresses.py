"""Which IP addresses are public. No I/O.

The networks are those of IANA's registries of special-purpose addresses (RFC 6890) that are not globally reachable.
Every way to write an IPv4 address as an IPv6 one is handled.
"""

import re
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

IPAddress = IPv4Address | IPv6Address

_NOT_PUBLIC = tuple(
    map(
        ip_network,
        (
            "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12",
            "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24",
            "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
            "2001::/23",  # protocol assignments, Teredo (2001::/32) among them
            "2001:db8::/32", "3fff::/20",  # documentation
            "2002::/16",  # 6to4, which embeds any IPv4 address
        ),
    )
)  # fmt: skip
_UNICAST = ip_network("2000::/3")  # all IPv6 unicast space in use (RFC 4291 section 2.4)
_ZONE = re.compile(r"[A-Za-z0-9_.-]{1,15}")  # the name of an interface, or its number
_NAT64 = ip_network("64:ff9b::/96")  # stands for an IPv4 address (RFC 6052)


def parse_ip_literal(text: str) -> IPAddress | None:
    """Return the address that *text* is, with or without brackets; None for a name. A mapped IPv4 address becomes IPv4."""
    if text.startswith("[") and text.endswith("]"):
        text = text[1:-1]
    _, percent, zone = text.partition("%")
    if percent and not _ZONE.fullmatch(zone):
        return None
    try:
        return unmap_ipv4(ip_address(text))
    except ValueError:
        return None


def unmap_ipv4(address: IPAddress) -> IPAddress:
    """Return *address*, or the IPv4 address that is mapped in it."""
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return address if mapped is None else mapped


def translate_nat64(address: IPAddress) -> IPAddress:
    """Return the address that is reached: *address*, or the IPv4 address behind NAT64."""
    address = unmap_ipv4(address)
    return IPv4Address(address.packed[12:]) if address in _NAT64 else address


def is_public(address: IPAddress) -> bool:
    """Return whether anybody on the Internet could reach *address*. One with a zone is on a local link."""
    if isinstance(address, IPv6Address) and address.scope_id is not None:
        return False
    address = translate_nat64(address)
    if isinstance(address, IPv6Address) and address not in _UNICAST:
        return False
    return not any(address in network for network in _NOT_PUBLIC)
