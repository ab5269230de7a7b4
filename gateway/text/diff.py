"""What changed from one text to the next, line by line, and word by word inside a changed line. No I/O.

The time is bounded whatever the texts hold. Lines that occur once in both are matched first ("patience", in n log n);
what lies between is compared line by line if that is cheap, else shown as replaced.
"""

import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from typing import Literal

MAX_LINES = 2000  # of one text, without the same lines at the top and the bottom
MAX_STEPS = 10_000  # pairs of lines that are compared
MAX_WORDS = 20_000  # pairs of words, in all lines together
MIN_WORDS_COST = 20  # counted for each pair of lines, however short
MAX_LINE_CHARACTERS = 400  # longer lines are not compared by words
SEARCH_WINDOW = 8  # lines in which a changed line is looked for
MIN_SIMILARITY = 0.5  # of two lines that are shown as one changed line
_WORD = re.compile(r"\w+|\s+|[^\w\s]")

WordPieces = Sequence[tuple[str, bool]]  # text, and whether it changed


@dataclass(frozen=True, slots=True)
class DiffRun:
    """Consecutive lines of one kind, without their line ends.

    *words* maps the number of a line in which only some words changed to its pieces.
    """

    kind: Literal["same", "removed", "added"]
    lines: Sequence[str]
    words: Mapping[int, WordPieces] = field(default_factory=dict)


def diff(old: str, new: str) -> Iterator[DiffRun]:
    """Yield the lines of *new*, and those removed from *old* at their places. Both texts are sanitized."""
    left = _WorkBudget(MAX_WORDS)
    stayed: list[str] = []
    for removed, added, same in _blocks(old.splitlines(), new.splitlines()):
        if same:
            stayed += added
            continue
        if stayed:
            yield DiffRun("same", stayed)
            stayed = []
        gone: dict[int, WordPieces] = {}
        come: dict[int, WordPieces] = {}
        for i, j, before, after in _pair_lines(removed, added, left):
            if (alike := _compare_words(before, after)) is not None:
                gone[i], come[j] = alike
        if removed:
            yield DiffRun("removed", removed, gone)
        if added:
            yield DiffRun("added", added, come)
    if stayed:
        yield DiffRun("same", stayed)


DiffBlock = tuple[Sequence[str], Sequence[str], bool]  # lines of the old, of the new; are they the same?


def _blocks(old: Sequence[str], new: Sequence[str]) -> Iterator[DiffBlock]:
    least = min(len(old), len(new))
    top = next((i for i in range(least) if old[i] != new[i]), least)
    bottom = next((i for i in range(least - top) if old[-1 - i] != new[-1 - i]), least - top)
    if top:
        yield old[:top], new[:top], True
    left, right = old[top : len(old) - bottom], new[top : len(new) - bottom]
    if len(left) > MAX_LINES or len(right) > MAX_LINES:
        yield left, right, False
    else:
        yield from _between_anchors(left, right)
    if bottom:
        yield old[len(old) - bottom :], new[len(new) - bottom :], True


def _between_anchors(old: Sequence[str], new: Sequence[str]) -> Iterator[DiffBlock]:
    """Yield the blocks from one anchor to the next."""
    work = _WorkBudget(MAX_STEPS)
    i = j = 0
    for at_old, at_new in (*_anchors(old, new), (len(old), len(new))):
        left, right = old[i:at_old], new[j:at_new]
        if left and right and work.allows(len(left) * len(right)):
            for tag, a, b, c, d in SequenceMatcher(None, left, right, autojunk=False).get_opcodes():
                yield left[a:b], right[c:d], tag == "equal"
        elif left or right:
            yield left, right, False
        if at_old < len(old):
            yield old[at_old : at_old + 1], new[at_new : at_new + 1], True
        i, j = at_old + 1, at_new + 1


def _anchors(old: Sequence[str], new: Sequence[str]) -> list[tuple[int, int]]:
    """Return the longest increasing sequence of lines that occur once in both texts."""
    in_old, in_new = Counter(old), Counter(new)
    where = {line: number for number, line in enumerate(new)}
    once = [
        (number, where[line]) for number, line in enumerate(old) if line and in_old[line] == in_new.get(line, 0) == 1
    ]
    ends: list[int] = []  # the smallest place in new at which a run of each length ends
    last: list[int] = []  # index into once
    behind: list[int] = []  # predecessor in the run
    for number, (_, place) in enumerate(once):
        length = bisect_left(ends, place)
        behind.append(last[length - 1] if length else -1)
        ends[length : length + 1], last[length : length + 1] = [place], [number]
    run: list[tuple[int, int]] = []
    at = last[-1] if last else -1
    while at >= 0:
        run.append(once[at])
        at = behind[at]
    return run[::-1]


class _WorkBudget:
    """How much work may still be done."""

    def __init__(self, steps: int) -> None:
        self._steps = steps
        self.refused = False  # was the budget ever too small

    def allows(self, steps: int) -> bool:
        """Take *steps* from the budget if it has so many."""
        if steps > self._steps:
            self.refused = True
            return False
        self._steps -= steps
        return True


def _pair_lines(
    removed: Sequence[str], added: Sequence[str], left: _WorkBudget
) -> Iterator[tuple[int, int, Sequence[str], Sequence[str]]]:
    """Yield which line may have become which, with the words of both.

    Each removed line is paired with the next added one that holds half of its words.
    """
    begin = 0
    for j, line in enumerate(added if not left.refused else ()):  # splitting lines costs, too
        after = _WORD.findall(line) if len(line) <= MAX_LINE_CHARACTERS else []
        if not after:
            continue
        there = set(after)
        for i in range(begin, min(len(removed), begin + SEARCH_WINDOW)):
            before = _WORD.findall(removed[i]) if len(removed[i]) <= MAX_LINE_CHARACTERS else []
            if not left.allows(len(before) + len(after)):
                return
            if before and 2 * sum(word in there for word in before) >= max(len(before), len(after)):
                if not left.allows(len(before) * len(after) + MIN_WORDS_COST):
                    return
                yield i, j, before, after
                begin = i + 1
                break


def _compare_words(before: Sequence[str], after: Sequence[str]) -> tuple[WordPieces, WordPieces] | None:
    """Return the pieces of two lines; None if they have too little in common."""
    codes = SequenceMatcher(None, before, after, autojunk=False).get_opcodes()
    kept = sum(len(word) for tag, a, b, _, _ in codes if tag == "equal" for word in before[a:b])
    if kept < MIN_SIMILARITY * max(sum(map(len, before)), sum(map(len, after))):
        return None
    return (
        tuple(("".join(before[a:b]), tag != "equal") for tag, a, b, _, _ in codes if a < b),
        tuple(("".join(after[c:d]), tag != "equal") for tag, _, _, c, d in codes if c < d),
    )
