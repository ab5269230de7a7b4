"""What changed from one text to the next, line by line, and inside a changed line word by word.

The time is bounded whatever the texts hold. Lines that stand once in both are matched first (as "patience" does it, in
n log n); what lies between is compared line by line while that costs little, else told as replaced. It knows no markup.
"""

import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from typing import Literal

MAX_LINES = 2000  # of one text that are compared, once what is the same above and below is gone
MAX_STEPS = 10_000  # pairs of lines that are compared one by one
MAX_WORDS = 20_000  # pairs of words, in all lines
EACH = 20  # the same for each two lines that are looked into, however short
LONG = 400  # characters of a line that is looked into
NEAR = 8  # lines that a changed one is looked for in
ALIKE = 0.5  # of two lines that are told as one which changed
_WORD = re.compile(r"\w+|\s+|[^\w\s]")

Pieces = Sequence[tuple[str, bool]]  # text, and whether it is what changed in its line


@dataclass(frozen=True, slots=True)
class Run:
    """*lines* one below the other, without their ends, of which all is true. *words*: the pieces of those, by number, in
    which only some words changed."""

    kind: Literal["same", "removed", "added"]
    lines: Sequence[str]
    words: Mapping[int, Pieces] = field(default_factory=dict)


def diff(old: str, new: str) -> Iterator[Run]:
    """The lines of *new*, and those of *old* that are gone where they stood. Both are cleaned."""
    left = _Left(MAX_WORDS)
    stayed: list[str] = []
    for removed, added, same in _blocks(old.splitlines(), new.splitlines()):
        if same:
            stayed += added
            continue
        if stayed:
            yield Run("same", stayed)
            stayed = []
        gone: dict[int, Pieces] = {}
        come: dict[int, Pieces] = {}
        for i, j, before, after in _pairs(removed, added, left):
            if (alike := _words(before, after)) is not None:
                gone[i], come[j] = alike
        if removed:
            yield Run("removed", removed, gone)
        if added:
            yield Run("added", added, come)
    if stayed:
        yield Run("same", stayed)


Block = tuple[Sequence[str], Sequence[str], bool]  # lines of the old, of the new; are they the same?


def _blocks(old: Sequence[str], new: Sequence[str]) -> Iterator[Block]:
    least = min(len(old), len(new))
    top = next((i for i in range(least) if old[i] != new[i]), least)
    bottom = next((i for i in range(least - top) if old[-1 - i] != new[-1 - i]), least - top)
    if top:
        yield old[:top], new[:top], True
    left, right = old[top : len(old) - bottom], new[top : len(new) - bottom]
    if len(left) > MAX_LINES or len(right) > MAX_LINES:
        yield left, right, False
    else:
        yield from _between(left, right)
    if bottom:
        yield old[len(old) - bottom :], new[len(new) - bottom :], True


def _between(old: Sequence[str], new: Sequence[str]) -> Iterator[Block]:
    """Blocks from one anchor to the next."""
    work = _Left(MAX_STEPS)
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
    """The longest run, in order, of lines that stand once in both."""
    in_old, in_new = Counter(old), Counter(new)
    where = {line: number for number, line in enumerate(new)}
    once = [
        (number, where[line]) for number, line in enumerate(old) if line and in_old[line] == in_new.get(line, 0) == 1
    ]
    ends: list[int] = []  # the smallest place in new that a run of each length ends at
    last: list[int] = []  # which of once that is
    behind: list[int] = []  # what each of once follows in its run
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


class _Left:
    """How much work may still be done."""

    def __init__(self, steps: int) -> None:
        self._steps = steps
        self.refused = False  # was there once too little?

    def allows(self, steps: int) -> bool:
        """Takes *steps* of it, if there are so many."""
        if steps > self._steps:
            self.refused = True
            return False
        self._steps -= steps
        return True


def _pairs(
    removed: Sequence[str], added: Sequence[str], left: _Left
) -> Iterator[tuple[int, int, Sequence[str], Sequence[str]]]:
    """Which line may have become which, and the words of both: each the next one behind that holds half of its words."""
    begin = 0
    for j, line in enumerate(added if not left.refused else ()):  # to take lines apart costs, too
        after = _WORD.findall(line) if len(line) <= LONG else []
        if not after:
            continue
        there = set(after)
        for i in range(begin, min(len(removed), begin + NEAR)):
            before = _WORD.findall(removed[i]) if len(removed[i]) <= LONG else []
            if not left.allows(len(before) + len(after)):
                return
            if before and 2 * sum(word in there for word in before) >= max(len(before), len(after)):
                if not left.allows(len(before) * len(after) + EACH):
                    return
                yield i, j, before, after
                begin = i + 1
                break


def _words(before: Sequence[str], after: Sequence[str]) -> tuple[Pieces, Pieces] | None:
    """The pieces of two lines, given by their words; None where they have too little in common."""
    codes = SequenceMatcher(None, before, after, autojunk=False).get_opcodes()
    kept = sum(len(word) for tag, a, b, _, _ in codes if tag == "equal" for word in before[a:b])
    if kept < ALIKE * max(sum(map(len, before)), sum(map(len, after))):
        return None
    return (
        tuple(("".join(before[a:b]), tag != "equal") for tag, a, b, _, _ in codes if a < b),
        tuple(("".join(after[c:d]), tag != "equal") for tag, _, _, c, d in codes if c < d),
    )
