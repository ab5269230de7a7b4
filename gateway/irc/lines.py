"""Text on its way to IRC: cleaned to one line each, then split so that a line fits what servers pass on. Pure.

RFC 2812 section 2.3: a message has at most 512 bytes, CR LF and the sender's prefix included, and the server that adds
the prefix cuts what is too long.
"""

import re
from collections.abc import Iterator

from wcwidth import iter_graphemes

from ..text.sanitize import sanitize

LINE = 512  # bytes
USER, HOST = 11, 64  # the longest user name (with its "~") and host name that a server puts into our prefix

# mIRC's formatting: bold, colours with their numbers (also as RGB), reset, monospace, reverse, italic, struck, underlined.
# 0x01 delimits CTCP, 0x10 once quoted.
_FORMATTING = re.compile(
    "\x03(?:[0-9]{1,2}(?:,[0-9]{1,2})?)?"
    "|\x04(?:[0-9A-Fa-f]{6}(?:,[0-9A-Fa-f]{6})?)?"
    "|[\x01\x02\x0f\x10\x11\x16\x1d-\x1f]"
)


def plain(text: str) -> str:
    """*text* on one line, without formatting, controls and what could forge a CTCP or a command. Keeps its indentation."""
    return " ".join(sanitize(_FORMATTING.sub("", text)).expandtabs().split("\n")).rstrip()


def plain_lines(text: str) -> list[str]:
    """The lines of *text* that hold anything, each made plain: IRC has no empty line."""
    return [line for line in map(plain, text.split("\n")) if line.strip()]


def room(nick: str, target: str) -> int:
    """Bytes of text that fit a PRIVMSG from *nick* to *target*. User and host of the prefix may change at any time (a
    cloak, an ident answer), so the longest are assumed."""
    frame = len(f":{nick}!@ PRIVMSG {target} :\r\n".encode()) + USER + HOST
    return max(LINE - frame, 32)


def split(text: str, room: int) -> list[str]:
    """The one line *text* as lines of at most *room* bytes (at least 4) in UTF-8: parted at blanks, inside a word only
    where it is longer than a line, inside a grapheme cluster only where that is."""
    if len(text.encode()) <= room:
        return [text]
    pieces: list[str] = []
    held: list[str] = []
    size = 0
    for cluster in _clusters(text, room):
        if cluster == " " and not held and pieces:
            continue
        length = len(cluster.encode())
        if size + length > room:
            head, held = _parted(held, at_end=cluster == " ")
            if head:  # an indentation wider than a line leaves none
                pieces.append(head)
            size = sum(len(each.encode()) for each in held)
            if cluster == " " and not held:
                continue
        held.append(cluster)
        size += length
    rest = "".join(held).rstrip()
    return [*pieces, rest] if rest else pieces


def _clusters(text: str, room: int) -> Iterator[str]:
    for cluster in iter_graphemes(text):
        if len(cluster.encode()) > room:
            yield from cluster
        else:
            yield cluster


def _parted(held: list[str], at_end: bool) -> tuple[str, list[str]]:
    """A full line as what goes and what waits for the next one: parted at its last blank where a word stands before it."""
    if not at_end:
        for index in range(len(held) - 1, 0, -1):
            if held[index] == " ":
                head = "".join(held[:index]).rstrip()
                if head:
                    return head, held[index + 1 :]
                break
    return "".join(held).rstrip(), []
