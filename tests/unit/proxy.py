"""Build PROXY headers as haproxy's proxy-protocol.txt specifies them, independently of the code under test."""

import struct
from ipaddress import ip_address

SIGNATURE = b"\x0d\x0a\x0d\x0a\x00\x0d\x0a\x51\x55\x49\x54\x0a"
LOCAL, PROXY = 0x20, 0x21
TCP4, UDP4, TCP6, UDP6, UNIX = 0x11, 0x12, 0x21, 0x22, 0x31
CLIENT, HERE = "198.51.100.7", "203.0.113.9"


def v1(source: str = CLIENT, destination: str = HERE, ports: str = "50000 79", family: str = "") -> bytes:
    """Build a header of version 1 (section 2.1)."""
    family = family or ("TCP6" if ":" in source else "TCP4")
    return f"PROXY {family} {source} {destination} {ports}\r\n".encode()


def v2(command: int, family: int, block: bytes, announced: int | None = None) -> bytes:
    """Build a header of version 2 (section 2.2); *block* is everything after the first 16 bytes."""
    return SIGNATURE + struct.pack("!BBH", command, family, len(block) if announced is None else announced) + block


def addresses(source: str = CLIENT, destination: str = HERE, ports: tuple[int, int] = (50000, 79)) -> bytes:
    return ip_address(source).packed + ip_address(destination).packed + struct.pack("!HH", *ports)


def tlv(kind: int, value: bytes) -> bytes:
    return struct.pack("!BH", kind, len(value)) + value


def relayed(source: str = CLIENT, destination: str = HERE, more: bytes = b"") -> bytes:
    """Build a version 2 header of a relayed TCP connection."""
    family = TCP6 if ":" in source else TCP4
    return v2(PROXY, family, addresses(source, destination) + more)
