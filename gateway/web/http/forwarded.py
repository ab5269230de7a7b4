"""Who asks through a proxy: what `Forwarded` (RFC 7239) and `X-Forwarded-For` say, as far as it can be believed. Pure.

Each proxy adds whom it was asked by at the right. Read from there, the first that is no proxy of ours is the asker: what
stands left of it the asker may have made up. The proxies' own header, PROXY, comes before HTTP and is read elsewhere.
"""

import re
from collections.abc import Iterator, Sequence

from ...directory.addresses import Address, Networks

_ELEMENT = re.compile(r'(?:[^",;]|"(?:[^"\\]|\\.)*")+|[,;]')
_FOR = re.compile(r'for\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^"\s]*))', re.I)
_NODE = re.compile(r"\[([0-9a-f:.]+)\](?::\w+)?|([0-9.]+)(?::\w+)?|([0-9a-f:.]+)", re.I)


def asker(
    proxies: Networks, peer: Address | None, forwarded: Sequence[str], x_forwarded_for: Sequence[str]
) -> Address | None:
    """Who asks behind *peer*, which is one of *proxies*, by all headers of the two kinds; *peer* where there is none.

    None where nobody can know: what stands there is no address, or the two differ. A proxy writes one of them, and lets
    through what the asker says in the other.
    """
    said = []
    if forwarded:
        said.append(_first(proxies, _forwarded(",".join(forwarded))))
    if x_forwarded_for:
        said.append(_first(proxies, [_node(each) for each in ",".join(x_forwarded_for).split(",")]))
    if not said:
        return peer
    return said[0] if len(set(said)) == 1 else None


def _first(proxies: Networks, chain: Sequence[Address | None]) -> Address | None:
    """The right-most of *chain* that is none of *proxies*; the left-most where all are."""
    return next((each for each in reversed(chain) if each not in proxies), chain[0])


def _forwarded(text: str) -> list[Address | None]:
    """The `for` of each element."""
    found: list[Address | None] = [None]
    for part in _parts(text):
        if part == ",":
            found.append(None)
        elif (match := _FOR.fullmatch(part.strip())) is not None:
            found[-1] = _node(match[2] if match[1] is None else match[1])
    return found


def _parts(text: str) -> Iterator[str]:
    """The pairs in *text*, and the signs between them. What cannot be read is a pair of its own."""
    at = 0
    while at < len(text):
        match = _ELEMENT.match(text, at)
        if match is None:  # a quotation that does not end: nothing behind it can be told apart
            yield ","
            return
        yield match[0]
        at = match.end()


def _node(text: str) -> Address | None:
    """The address in *text*, with or without a port; None for "unknown" and for names made up to hide one."""
    match = _NODE.fullmatch(text.strip())
    return None if match is None else Address.parse(match[1] or match[2] or match[3])
