"""The PROXY protocol of haproxy, versions 1 and 2 (proxy-protocol.txt of haproxy, sections 2.1 and 2.2): from the first
bytes of a connection to the addresses that a proxy tells. No I/O: proxied.py reads, and decides who is believed.

What is decided of some bytes stays so whatever follows them, however they come in pieces. Extensions of version 2 (TLVs)
are skipped unread.
"""

import re
import socket
from dataclasses import dataclass

from twisted.internet.address import IPv4Address, IPv6Address

SIGNATURE = b"\r\n\r\n\x00\r\nQUIT\n"
MOST_LINE = 107  # bytes of a header of version 1, its CRLF included
MOST_BLOCK = 4096  # bytes that may follow the first 16 of version 2; what haproxy sends stays below 536

_UNKNOWN = b"PROXY UNKNOWN"
_STARTS = (SIGNATURE, b"PROXY TCP4 ", b"PROXY TCP6 ", _UNKNOWN + b" ", _UNKNOWN + b"\r\n")
_PORT = re.compile(rb"(?:0|[1-9][0-9]{0,4})\Z")
_FIXED = 16  # bytes of a header of version 2 before its addresses
_LOCAL, _PROXY = 0x20, 0x21  # version and command
_INET, _INET6 = 0x11, 0x21  # family and transport: TCP over either
_FAMILIES, _TRANSPORTS = range(4), range(3)  # unspecified, IPv4, IPv6, Unix; unspecified, stream, datagrams

Endpoint = IPv4Address | IPv6Address


class InvalidProxyHeader(Exception):
    """No PROXY header. The message says why in words of ours, with no byte of what came."""


@dataclass(frozen=True)
class Header:
    """Its first *length* bytes, read. *source* is the client, *destination* where it connected to; None where the addresses
    of the connection itself are meant."""

    length: int
    source: Endpoint | None = None
    destination: Endpoint | None = None


def parse_header(data: bytes) -> Header | None:
    """The header that *data* begins with; None where more has to come. Raises Bad."""
    for start in _STARTS:
        if data.startswith(start):
            return _binary(data) if start == SIGNATURE else _line(data)
        if start.startswith(data):
            return None
    raise InvalidProxyHeader("does not begin as a PROXY header does")


def _line(data: bytes) -> Header | None:
    """Version 1."""
    end = data.find(b"\r\n", 0, MOST_LINE)
    unknown = data.startswith(_UNKNOWN)
    if not unknown and -1 < data.find(b"\n", 0, MOST_LINE) != end + 1:
        raise InvalidProxyHeader("a line of version 1 that does not end by CR LF")
    if end < 0:
        if len(data) >= MOST_LINE:
            raise InvalidProxyHeader("a line of version 1 that is too long")
        return None
    if unknown:  # "the receiver must ignore anything presented before the CRLF"
        return Header(end + 2)
    fields = data[:end].split(b" ")
    if len(fields) != 6:
        raise InvalidProxyHeader("a line of version 1 with a wrong number of fields")
    _, family, source, destination, *ports = fields
    made = _ipv4 if family == b"TCP4" else _ipv6
    one, other = (_port(each) for each in ports)
    return Header(end + 2, made(_packed(family, source), one), made(_packed(family, destination), other))


def _packed(family: bytes, text: bytes) -> bytes:
    try:
        return socket.inet_pton(socket.AF_INET if family == b"TCP4" else socket.AF_INET6, text.decode("ascii"))
    except (OSError, ValueError):
        raise InvalidProxyHeader("an address of version 1 that is none of its family") from None


def _port(text: bytes) -> int:
    if _PORT.match(text) and (number := int(text)) < 65536:
        return number
    raise InvalidProxyHeader("a port of version 1 that is none")


def _binary(data: bytes) -> Header | None:
    """Version 2."""
    if len(data) > 12 and data[12] not in (_LOCAL, _PROXY):
        raise InvalidProxyHeader("an unknown version or command")
    relayed = len(data) > 12 and data[12] == _PROXY
    if relayed and len(data) > 13 and (data[13] >> 4 not in _FAMILIES or data[13] & 15 not in _TRANSPORTS):
        raise InvalidProxyHeader("an unknown family or transport")
    if len(data) < _FIXED:
        return None
    size = int.from_bytes(data[14:16], "big")
    if size > MOST_BLOCK:
        raise InvalidProxyHeader("a header of version 2 that is too long")
    width = {_INET: 4, _INET6: 16}.get(data[13], 0) if relayed else 0
    if width and size < 2 * width + 4:
        raise InvalidProxyHeader("a header of version 2 that is too short for its addresses")
    if len(data) < _FIXED + size:
        return None
    if not width:  # the proxy's own (LOCAL), or of a kind that has no address of the internet
        return Header(_FIXED + size)
    made = _ipv4 if width == 4 else _ipv6
    block = data[_FIXED : _FIXED + 2 * width + 4]
    one, other = (int.from_bytes(each, "big") for each in (block[-4:-2], block[-2:]))
    return Header(_FIXED + size, made(block[:width], one), made(block[width : 2 * width], other))


def _ipv4(packed: bytes, port: int) -> Endpoint:
    return IPv4Address("TCP", socket.inet_ntop(socket.AF_INET, packed), port)


def _ipv6(packed: bytes, port: int) -> Endpoint:
    return IPv6Address("TCP", socket.inet_ntop(socket.AF_INET6, packed), port)
