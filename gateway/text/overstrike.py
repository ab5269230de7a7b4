"""Backspaces as a terminal shows them: what is printed over a character replaces it. No I/O.

Printers' bold ("a BS a") and underlining ("_ BS a", "a BS _") leave the letter. n backspaces go n cells back, never
past a line end, a TAB or a colour. A wide character counts as two cells, or as one if only one backspace follows;
combining characters belong to the one before them.
"""

import re
from collections.abc import Iterator

from wcwidth import wcwidth

_MAX_BACKSPACES = 1024  # processed one by one; no real text has more, and more are just removed
_MAX_MARKS = 16  # combining characters of one character
# Common cases in bulk: an ASCII character replaced by another; underlining afterwards; bold.
_PAIRS = re.compile("[!-~]\b(?=[!-^`-~])(?:[!-~]\b(?=[!-^`-~]))*")
_UNDERLINES = re.compile("\b_(?<=[!-^`-~]\b_)")
_BOLD = re.compile("([^\0-\x7f])\b(?=\\1)")
_RUN = re.compile("\b+|[^\b]+")
_END = re.compile("[\0\n\t]")


def resolve_overstrikes(text: str) -> str:
    """Return *text* without backspaces. NUL stands for something that is not printed."""
    text = _BOLD.sub("", _UNDERLINES.sub("", _PAIRS.sub("", text)))
    pieces: list[str] = []
    done, left = 0, _MAX_BACKSPACES
    while (at := text.find("\b", done)) >= 0:
        start = max(done, *(1 + text.rfind(end, done, at) for end in "\0\n\t"))
        stop = _END.search(text, at)
        part = text[start : stop.start() if stop else None]
        left -= 1 + part.count("\b")
        if left < 0:
            break
        pieces += text[done:start], _print(part)
        done = start + len(part)
    return "".join([*pieces, text[done:]]).replace("\b", "")


def _print(part: str) -> str:
    """Print the characters of *part*, a part of a line, one after the other."""
    near = max(0, part.find("\b") - part.count("\b") * (_MAX_MARKS + 1))  # no backspace reaches further
    before: list[str] = []  # left of the print head
    behind: list[str] = []  # right of the print head, the nearest last
    end = part.rfind("\b") + 1
    for run in _RUN.findall(part[near:end]):
        if run[0] == "\b":
            _move_back(len(run), before, behind)
        else:
            before.extend(_print_over(run, before, behind))
    rest = _print_over(part[end:], before, behind)
    return "".join([part[:near], *before, rest, *reversed(behind)])


def _move_back(cells: int, before: list[str], behind: list[str]) -> None:
    while cells > 0 and before:
        character = before.pop()
        for _ in range(_MAX_MARKS):
            if not before or _cells(character):
                break
            character = before.pop() + character
        behind.append(character)
        cells -= _cells(character) or 1


def _print_over(run: str, before: list[str], behind: list[str]) -> str:
    """Print *run* over what is *behind* the head; return what is left of it."""
    printed = 0
    characters = _split_characters(run)
    while behind and (character := next(characters, "")):
        printed += len(character)
        cells_left = _cells(character)
        old = behind.pop()
        if not cells_left:  # an accent over a letter
            before.append(old + character)
        elif character == "_" and not old.isspace():
            before.append(old)
            if _cells(old) > 1 and run.startswith("_", printed):  # the underline of its other half
                printed += len(next(characters))
        else:
            cells_left -= _cells(old)
            while cells_left > 0 and behind:
                cells_left -= _cells(behind.pop())
            if cells_left < 0:
                behind.append(" " * -cells_left)
            before.append(character)
    return run[printed:]


def _split_characters(run: str) -> Iterator[str]:
    """Yield the characters of *run*, each with its marks."""
    start = 0
    while start < len(run):
        end = start + 1
        while end < min(len(run), start + _MAX_MARKS) and not wcwidth(run[end]):
            end += 1
        yield run[start:end]
        start = end


def _cells(character: str) -> int:
    return max(wcwidth(character[0]), 0)
