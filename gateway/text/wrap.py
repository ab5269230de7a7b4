"""Make text fit: a line to the width of a terminal, a long text to a number of bytes. Neither sanitizes."""

from wcwidth import iter_graphemes

from .width import width

_LINE_ENDS = "\n\r\x85\u2028\u2029"  # the line ends that the sanitizer knows
_CUT_WINDOW = 64  # characters on either side of a cut in which to look for a cluster boundary


def hanging_indent(text: str, indent: int, cells: int = 80) -> str:
    """Wrap *text*, which begins after *indent* cells, to lines of at most *cells*; all but the first are indented.

    A word is broken only if a line cannot hold it. A URL never is, so that it can be copied.
    """
    max_cells = cells - indent
    if (len(text) <= max_cells and text.isascii()) or width(text) <= max_cells:
        return text
    lines, line, used = [], "", 0
    for word in text.split(" "):
        for piece in _break_word(word, max_cells):
            takes = width(piece)
            if line and used + 1 + takes > max_cells:
                lines.append(line)
                line, used = piece, takes
            else:
                line, used = (f"{line} {piece}", used + 1 + takes) if line else (piece, takes)
    return ("\n" + " " * indent).join([*lines, line])


def _break_word(word: str, max_cells: int) -> list[str]:
    """Return *word* in parts that fit, as a terminal would break it."""
    if "://" in word or width(word) <= max_cells:
        return [word]
    pieces, used = [""], 0
    for character in iter_graphemes(word):
        used += (takes := width(character))
        if used > max_cells:
            pieces.append("")
            used = takes
        pieces[-1] += character
    return pieces


def truncate_bytes(text: str, max_bytes: int) -> str | None:
    """Return the first lines of *text*, at most *max_bytes* of UTF-8; None if all of it fits.

    It ends with a line; if that would lose more than half of what fits, with a grapheme cluster. The time does not grow
    with the text.
    """
    if len(text) * 4 <= max_bytes:
        return None
    head = text[: max_bytes + 1].encode(errors="surrogatepass")
    if len(head) <= max_bytes:
        return None
    end = len(head[:max_bytes].decode(errors="ignore"))
    lines = max(text.rfind(each, 0, end + 1) for each in _LINE_ENDS)
    if lines * 2 >= end:
        return text[:lines].removesuffix("\r")
    start = max(0, end - _CUT_WINDOW)
    at = kept = start
    for character in iter_graphemes(text[start : end + _CUT_WINDOW]):
        at += len(character)
        if at > end:
            break
        kept = at
    return text[: kept if kept > start else end]
