"""Parse PROXY protocol headers, versions 1 and 2 (haproxy's proxy-protocol.txt, sections 2.1 and 2.2). No I/O.

What is decided about some bytes does not depend on how they were cut into pieces, or on what follows. Extensions of
version 2 (TLVs) are skipped. proxy_protocol.py reads, and decides which proxies are trusted.
"""

import re
import socket
from dataclasses import dataclass

from twisted.internet.address import IPv4Address, IPv6Address

SIGNATURE = b"\r\n\r\n\x00\r\nQUIT\n"
MAX_LINE_BYTES = 107  # of version 1, including CRLF
MAX_BLOCK_BYTES = 4096  # of version 2, after the first 16; haproxy sends fewer than 536

_UNKNOWN = b"PROXY UNKNOWN"
_STARTS = (SIGNATURE, b"PROXY TCP4 ", b"PROXY TCP6 ", _UNKNOWN + b" ", _UNKNOWN + b"\r\n")
_PORT = re.compile(rb"(?:0|[1-9][0-9]{0,4})\Z")
_FIXED_BYTES = 16  # bytes of a header of version 2 before its addresses
_LOCAL, _PROXY = 0x20, 0x21  # version and command
_INET, _INET6 = 0x11, 0x21  # family and transport: TCP over either
_FAMILIES, _TRANSPORTS = range(4), range(3)  # unspecified, IPv4, IPv6, Unix; unspecified, stream, datagrams

IPEndpoint = IPv4Address | IPv6Address


class InvalidProxyHeader(Exception):
    """Not a PROXY header. The message holds no byte of the input."""


@dataclass(frozen=True)
class ProxyHeader:
    """A header of *length* bytes.

    *source* is the client, *destination* where it connected to; None means the addresses of the connection itself.
    """

    length: int
    source: IPEndpoint | None = None
    destination: IPEndpoint | None = None


def parse_header(data: bytes) -> ProxyHeader | None:
    """Return the header at the beginning of *data*; None if more bytes are needed. Raises InvalidProxyHeader."""
    for start in _STARTS:
        if data.startswith(start):
            return _parse_version_2(data) if start == SIGNATURE else _parse_version_1(data)
        if start.startswith(data):
            return None
    raise InvalidProxyHeader("does not begin as a PROXY header does")


def _parse_version_1(data: bytes) -> ProxyHeader | None:
    """Parse a header of version 1."""
    end = data.find(b"\r\n", 0, MAX_LINE_BYTES)
    unknown = data.startswith(_UNKNOWN)
    if not unknown and -1 < data.find(b"\n", 0, MAX_LINE_BYTES) != end + 1:
        raise InvalidProxyHeader("a line of version 1 that does not end by CR LF")
    if end < 0:
        if len(data) >= MAX_LINE_BYTES:
            raise InvalidProxyHeader("a line of version 1 that is too long")
        return None
    if unknown:  # "the receiver must ignore anything presented before the CRLF"
        return ProxyHeader(end + 2)
    fields = data[:end].split(b" ")
    if len(fields) != 6:
        raise InvalidProxyHeader("a line of version 1 with a wrong number of fields")
    _, family, source, destination, *ports = fields
    made = _ipv4 if family == b"TCP4" else _ipv6
    one, other = (_parse_port(each) for each in ports)
    return ProxyHeader(
        end + 2, made(_pack_address(family, source), one), made(_pack_address(family, destination), other)
    )


def _pack_address(family: bytes, text: bytes) -> bytes:
    try:
        return socket.inet_pton(socket.AF_INET if family == b"TCP4" else socket.AF_INET6, text.decode("ascii"))
    except (OSError, ValueError):
        raise InvalidProxyHeader("an address of version 1 that is none of its family") from None


def _parse_port(text: bytes) -> int:
    if _PORT.match(text) and (number := int(text)) < 65536:
        return number
    raise InvalidProxyHeader("a port of version 1 that is none")


def _parse_version_2(data: bytes) -> ProxyHeader | None:
    """Parse a header of version 2."""
    if len(data) > 12 and data[12] not in (_LOCAL, _PROXY):
        raise InvalidProxyHeader("an unknown version or command")
    relayed = len(data) > 12 and data[12] == _PROXY
    if relayed and len(data) > 13 and (data[13] >> 4 not in _FAMILIES or data[13] & 15 not in _TRANSPORTS):
        raise InvalidProxyHeader("an unknown family or transport")
    if len(data) < _FIXED_BYTES:
        return None
    size = int.from_bytes(data[14:16], "big")
    if size > MAX_BLOCK_BYTES:
        raise InvalidProxyHeader("a header of version 2 that is too long")
    width = {_INET: 4, _INET6: 16}.get(data[13], 0) if relayed else 0
    if width and size < 2 * width + 4:
        raise InvalidProxyHeader("a header of version 2 that is too short for its addresses")
    if len(data) < _FIXED_BYTES + size:
        return None
    if not width:  # LOCAL, or a family without IP addresses
        return ProxyHeader(_FIXED_BYTES + size)
    made = _ipv4 if width == 4 else _ipv6
    block = data[_FIXED_BYTES : _FIXED_BYTES + 2 * width + 4]
    one, other = (int.from_bytes(each, "big") for each in (block[-4:-2], block[-2:]))
    return ProxyHeader(_FIXED_BYTES + size, made(block[:width], one), made(block[width : 2 * width], other))


def _ipv4(packed: bytes, port: int) -> IPEndpoint:
    return IPv4Address("TCP", socket.inet_ntop(socket.AF_INET, packed), port)


def _ipv6(packed: bytes, port: int) -> IPEndpoint:
    return IPv6Address("TCP", socket.inet_ntop(socket.AF_INET6, packed), port)
