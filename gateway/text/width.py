"""Width as a terminal counts it: in cells, not characters. Templates pad and wrap by it.

A colour (SGR) takes no cell.
"""

import re

from wcwidth import iter_graphemes, wcswidth, wcwidth

from .sanitize import COLOUR, close_colours

# Two regional indicators are a flag. wcswidth pairs a run from its start each time, so long runs are replaced first.
_FLAG = re.compile("[\U0001f1e6-\U0001f1ff]{2}")
_LONG_TEXT = 64


def width(text: str) -> int:
    """Return the terminal cells that *text* takes; a control counts as none."""
    if "\x1b" in text:
        text = COLOUR.sub("", text)
    if len(text) > _LONG_TEXT and not text.isascii():
        text = _FLAG.sub("🏁", text)
    cells = wcswidth(text)
    return cells if cells >= 0 else sum(max(wcwidth(character), 0) for character in text)


def pad(text: str, cells: int) -> str:
    """Return *text* with spaces after it up to *cells*; it is never cut."""
    return text + " " * (cells - width(text))


def cut(text: str, cells: int) -> str:
    """Return *text* in at most *cells*, with an ellipsis for what was cut.

    It never splits a grapheme cluster or a colour; a colour that is open at the cut is closed.
    """
    if width(text) <= cells:
        return text
    kept: list[str] = []
    used = 0
    for number, piece in enumerate(COLOUR.split(text)):
        if number % 2:
            kept.append(piece)
            continue
        for cluster in iter_graphemes(piece):
            used += width(cluster)
            if used > cells - 1:
                return close_colours("".join(kept) + "…") if cells > 0 else ""
            kept.append(cluster)
    return text
