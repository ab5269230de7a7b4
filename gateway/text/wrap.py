"""Text made to fit: a line to the width of a terminal, a long text to a number of bytes. Neither cleans what it is
given."""

from wcwidth import iter_graphemes

from .width import width

_LINE_ENDS = "\n\r\x85\u2028\u2029"  # what text.clean takes for one
_NEAR = 64  # characters on either side of a cut that are looked through for a good place


def hanging_indent(text: str, indent: int, cells: int = 80) -> str:
    """*text*, which begins behind *indent* cells, on lines of at most *cells*; those after the first are indented.

    A word is broken only where a line cannot hold it; an address never is, so that it can be copied.
    """
    room = cells - indent
    if (len(text) <= room and text.isascii()) or width(text) <= room:
        return text
    lines, line, used = [], "", 0
    for word in text.split(" "):
        for piece in _pieces(word, room):
            takes = width(piece)
            if line and used + 1 + takes > room:
                lines.append(line)
                line, used = piece, takes
            else:
                line, used = (f"{line} {piece}", used + 1 + takes) if line else (piece, takes)
    return ("\n" + " " * indent).join([*lines, line])


def _pieces(word: str, room: int) -> list[str]:
    """*word* in parts that fit, as even a terminal would break it."""
    if "://" in word or width(word) <= room:
        return [word]
    pieces, used = [""], 0
    for character in iter_graphemes(word):
        used += (takes := width(character))
        if used > room:
            pieces.append("")
            used = takes
        pieces[-1] += character
    return pieces


def beginning(text: str, most: int) -> str | None:
    """The first lines of *text*, *most* bytes of UTF-8 at the utmost; None where all of it fits. Takes no longer for a text
    that is longer.

    What ends is a line; where that would cost more than half of what fits, a character as people see it.
    """
    if len(text) * 4 <= most:
        return None
    head = text[: most + 1].encode(errors="surrogatepass")
    if len(head) <= most:
        return None
    end = len(head[:most].decode(errors="ignore"))
    lines = max(text.rfind(each, 0, end + 1) for each in _LINE_ENDS)
    if lines * 2 >= end:
        return text[:lines].removesuffix("\r")
    start = max(0, end - _NEAR)
    at = kept = start
    for character in iter_graphemes(text[start : end + _NEAR]):
        at += len(character)
        if at > end:
            break
        kept = at
    return text[: kept if kept > start else end]
