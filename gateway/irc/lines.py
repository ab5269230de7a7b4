"""Lines of IRC: text without formatting and controls, split so that servers pass every line on whole. No I/O.

RFC 2812 section 2.3: a message has at most 512 bytes, including CR LF and the sender's prefix. The server that adds the
prefix cuts what is too long.
"""

import re
from collections.abc import Iterator

from wcwidth import iter_graphemes

from ..text.sanitize import sanitize

MAX_LINE_BYTES = 512
MAX_USER_BYTES, MAX_HOST_BYTES = 11, 64  # of user name (with its "~") and host name in the prefix that a server adds
CONTINUATION = "… "  # before the rest of a long line in a channel

# mIRC's formatting: bold, colours with their numbers (also as RGB), reset, monospace, reverse, italic, strike, underline.
# 0x01 delimits CTCP, 0x10 was its quote character.
_FORMATTING = re.compile(
    "\x03(?:[0-9]{1,2}(?:,[0-9]{1,2})?)?"
    "|\x04(?:[0-9A-Fa-f]{6}(?:,[0-9A-Fa-f]{6})?)?"
    "|[\x01\x02\x0f\x10\x11\x16\x1d-\x1f]"
)


def plain_line(text: str) -> str:
    """Return *text* on one line, without formatting, controls, CTCP delimiters. Keeps its indentation."""
    return " ".join(sanitize(_FORMATTING.sub("", text)).expandtabs().split("\n")).rstrip()


def plain_lines(text: str) -> list[str]:
    """Return the lines of *text* that are not blank, each made plain: IRC has no empty line."""
    return [line for line in map(plain_line, text.split("\n")) if line.strip()]


def max_text_bytes(nick: str, target: str) -> int:
    """Return how many bytes of text fit in a PRIVMSG from *nick* to *target*.

    The longest user and host names are assumed, since both may change at any time (a cloak, an ident answer).
    """
    frame = len(f":{nick}!@ PRIVMSG {target} :\r\n".encode()) + MAX_USER_BYTES + MAX_HOST_BYTES
    return max(MAX_LINE_BYTES - frame, 32)


def channel_lines(nick: str, texts: list[str], max_bytes: int) -> list[str]:
    """Return *texts* as lines for a channel, each of at most *max_bytes*.

    The first begins with the client's nick, continuations with a mark: another bot in the channel could take a line that
    begins with a person's text for a command.
    """
    addressed = [f"{nick}: {text}" for text in texts[:1]] + texts[1:]
    return [line for text in addressed for line in _split_marked(text, max_bytes)]


def _split_marked(text: str, max_bytes: int) -> list[str]:
    """Split *text*, with a mark before each line but the first."""
    lines = split_line(text, max_bytes)
    if len(lines) < 2:
        return lines
    first, *others = split_line(text, max_bytes - len(CONTINUATION.encode()))
    return [first, *(CONTINUATION + other for other in others)]


def split_line(text: str, max_bytes: int) -> list[str]:
    """Split one line into lines of at most *max_bytes* (at least 4) in UTF-8.

    Breaks at blanks; inside a word only if it is longer than a line, inside a grapheme cluster only if that is.
    """
    if len(text.encode()) <= max_bytes:
        return [text]
    lines: list[str] = []
    current: list[str] = []
    size = 0
    for cluster in _grapheme_clusters(text, max_bytes):
        if cluster == " " and not current and lines:
            continue
        length = len(cluster.encode())
        if size + length > max_bytes:
            line, current = _break_at_blank(current, at_end=cluster == " ")
            if line:  # an indentation wider than a line leaves none
                lines.append(line)
            size = sum(len(each.encode()) for each in current)
            if cluster == " " and not current:
                continue
        current.append(cluster)
        size += length
    rest = "".join(current).rstrip()
    return [*lines, rest] if rest else lines


def _grapheme_clusters(text: str, max_bytes: int) -> Iterator[str]:
    for cluster in iter_graphemes(text):
        if len(cluster.encode()) > max_bytes:
            yield from cluster
        else:
            yield cluster


def _break_at_blank(clusters: list[str], at_end: bool) -> tuple[str, list[str]]:
    """Return the line that is full, and the clusters that go to the next one.

    Breaks at the last blank with a word before it. *at_end*: a blank follows, so the line breaks there.
    """
    if not at_end:
        for index in range(len(clusters) - 1, 0, -1):
            if clusters[index] == " ":
                line = "".join(clusters[:index]).rstrip()
                if line:
                    return line, clusters[index + 1 :]
                break
    return "".join(clusters).rstrip(), []
