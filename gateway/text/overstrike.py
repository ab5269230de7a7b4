"""Backspaces as a terminal shows them: what is printed over a character takes its place. Pure.

Printers' bold ("a BS a") and underlining ("_ BS a", "a BS _") leave the letter; n backspaces go n cells back, never over
a line end, a TAB or a colour, and what is not printed over stays. A wide character counts as two cells, or as one where
only one backspace follows it; combining characters belong to the one before them.
"""

import re
from collections.abc import Iterator

from wcwidth import wcwidth

_MOST = 1024  # backspaces that are looked at one by one; no text for readers has more, and more only vanish
_MARKS = 16  # combining characters that a character may have here
# What is common, at once: an ASCII character, a backspace, another one in its place; underlining afterwards; bold.
_PAIRS = re.compile("[!-~]\b(?=[!-^`-~])(?:[!-~]\b(?=[!-^`-~]))*+")
_UNDERLINES = re.compile("\b_(?<=[!-^`-~]\b_)")
_ALIKE = re.compile("([^\0-\x7f])\b(?=\\1)")
_RUN = re.compile("\b+|[^\b]+")
_END = re.compile("[\0\n\t]")


def resolve_overstrikes(text: str) -> str:
    """*text* without backspaces. NUL stands for something that is not printed."""
    text = _ALIKE.sub("", _UNDERLINES.sub("", _PAIRS.sub("", text)))
    pieces: list[str] = []
    done, left = 0, _MOST
    while (at := text.find("\b", done)) >= 0:
        start = max(done, *(1 + text.rfind(end, done, at) for end in "\0\n\t"))
        stop = _END.search(text, at)
        part = text[start : stop.start() if stop else None]
        left -= 1 + part.count("\b")
        if left < 0:
            break
        pieces += text[done:start], _printed(part)
        done = start + len(part)
    return "".join([*pieces, text[done:]]).replace("\b", "")


def _printed(part: str) -> str:
    """*part* of a line, its characters printed one after the other."""
    near = max(0, part.find("\b") - part.count("\b") * (_MARKS + 1))  # no backspace goes back farther
    before: list[str] = []  # what stands before the head
    behind: list[str] = []  # what it went back over, the nearest last
    end = part.rfind("\b") + 1
    for run in _RUN.findall(part[near:end]):
        if run[0] == "\b":
            _back(len(run), before, behind)
        else:
            before.extend(_over(run, before, behind))
    rest = _over(part[end:], before, behind)
    return "".join([part[:near], *before, rest, *reversed(behind)])


def _back(cells: int, before: list[str], behind: list[str]) -> None:
    while cells > 0 and before:
        character = before.pop()
        for _ in range(_MARKS):
            if not before or _cells(character):
                break
            character = before.pop() + character
        behind.append(character)
        cells -= _cells(character) or 1


def _over(run: str, before: list[str], behind: list[str]) -> str:
    """Prints *run* over what is *behind* the head. What is left of it then."""
    printed = 0
    characters = _characters(run)
    while behind and (character := next(characters, "")):
        printed += len(character)
        room = _cells(character)
        old = behind.pop()
        if not room:  # an accent over a letter
            before.append(old + character)
        elif character == "_" and not old.isspace():
            before.append(old)
            if _cells(old) > 1 and run.startswith("_", printed):  # the line under its other half
                printed += len(next(characters))
        else:
            room -= _cells(old)
            while room > 0 and behind:
                room -= _cells(behind.pop())
            if room < 0:
                behind.append(" " * -room)
            before.append(character)
    return run[printed:]


def _characters(run: str) -> Iterator[str]:
    """The characters of *run*, each with its marks."""
    start = 0
    while start < len(run):
        end = start + 1
        while end < min(len(run), start + _MARKS) and not wcwidth(run[end]):
            end += 1
        yield run[start:end]
        start = end


def _cells(character: str) -> int:
    return max(wcwidth(character[0]), 0)
