"""Width as a terminal counts it: cells, not characters. Templates pad and wrap by these."""

from wcwidth import wcswidth, wcwidth


def width(text: str) -> int:
    """Terminal cells that *text* takes; a control counts as none."""
    cells = wcswidth(text)
    return cells if cells >= 0 else sum(max(wcwidth(character), 0) for character in text)


def pad(text: str, cells: int) -> str:
    """*text* with blanks behind it up to *cells*; never cut."""
    return text + " " * (cells - width(text))


def cut(text: str, cells: int) -> str:
    """*text* in at most *cells*, an ellipsis in place of what had to go."""
    if width(text) <= cells:
        return text
    kept, used = "", 0
    for character in text:
        used += max(wcwidth(character), 0)
        if used > cells - 1:
            break
        kept += character
    while kept and width(kept) > cells - 1:  # a variation selector widens what stands before it
        kept = kept[:-1]
    return kept + "…"
