"""The client behind trusted proxies: `Forwarded` (RFC 7239) and `X-Forwarded-For`, as far as they can be believed.

No I/O.

Each proxy appends the address of its own client at the right. Read from there, the first that is not a trusted proxy is
the client: anything left of it may be made up by the client. The PROXY protocol comes before HTTP and is read elsewhere
(net/proxy_protocol.py).
"""

import re
from collections.abc import Iterator, Sequence

from ...directory.addresses import Address, Networks

_ELEMENT = re.compile(r'(?:[^",;]|"(?:[^"\\]|\\.)*")+|[,;]')
_FOR = re.compile(r'for\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^"\s]*))', re.I)
_NODE = re.compile(r"\[([0-9a-f:.]+)\](?::\w+)?|([0-9.]+)(?::\w+)?|([0-9a-f:.]+)", re.I)


def client_address(
    proxies: Networks, peer: Address | None, forwarded: Sequence[str], x_forwarded_for: Sequence[str]
) -> Address | None:
    """Return the client behind *peer*, which is one of *proxies*; *peer* itself without any such header.

    *forwarded* and *x_forwarded_for* are all headers of the two kinds. None if the client cannot be known: the header
    holds no address, or the two kinds differ. A proxy writes one of them and passes on what the client sent in the
    other.
    """
    addresses = []
    if forwarded:
        addresses.append(_first_untrusted(proxies, _parse_forwarded(",".join(forwarded))))
    if x_forwarded_for:
        addresses.append(
            _first_untrusted(proxies, [_parse_node(each) for each in ",".join(x_forwarded_for).split(",")])
        )
    if not addresses:
        return peer
    return addresses[0] if len(set(addresses)) == 1 else None


def _first_untrusted(proxies: Networks, chain: Sequence[Address | None]) -> Address | None:
    """Return the right-most address of *chain* that is not in *proxies*; the left-most if all are."""
    return next((each for each in reversed(chain) if each not in proxies), chain[0])


def _parse_forwarded(text: str) -> list[Address | None]:
    """Return the `for` address of each element."""
    found: list[Address | None] = [None]
    for part in _split_elements(text):
        if part == ",":
            found.append(None)
        elif (match := _FOR.fullmatch(part.strip())) is not None:
            found[-1] = _parse_node(match[2] if match[1] is None else match[1])
    return found


def _split_elements(text: str) -> Iterator[str]:
    """Yield the pairs of *text* and the separators between them. What cannot be parsed is a pair of its own."""
    at = 0
    while at < len(text):
        match = _ELEMENT.match(text, at)
        if match is None:  # an unterminated quotation: the rest cannot be split
            yield ","
            return
        yield match[0]
        at = match.end()


def _parse_node(text: str) -> Address | None:
    """Return the address in *text*, with or without a port; None for "unknown" and obfuscated names (RFC 7239 section 6)."""
    match = _NODE.fullmatch(text.strip())
    return None if match is None else Address.parse(match[1] or match[2] or match[3])
