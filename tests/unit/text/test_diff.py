"""Differences between two texts, by lines and words."""

import random
from itertools import pairwise
from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.text.diff import diff

MARKERS = {"same": "  ", "removed": "- ", "added": "+ "}
LARGE = 256 * 1024


def marked_lines(old: str, new: str) -> list[str]:
    """Return the lines with their diff markers; changed words are in brackets."""
    lines = []
    for run in diff(old, new):
        for number, line in enumerate(run.lines):
            pieces = run.words.get(number, ((line, False),))
            assert "".join(text for text, _ in pieces) == line
            lines.append(MARKERS[run.kind] + "".join(f"[{text}]" if changed else text for text, changed in pieces))
    return lines


@pytest.mark.parametrize(
    ("old", "new", "lines"),
    [
        ("", "", []),
        ("a\nb\n", "a\nb\n", ["  a", "  b"]),
        ("a\nb\n", "a\nb", ["  a", "  b"]),
        ("", "a", ["+ a"]),
        ("a", "", ["- a"]),
        ("a\nb\nc", "a\nc", ["  a", "- b", "  c"]),
        ("a\nc", "a\nb\nc", ["  a", "+ b", "  c"]),
        ("a\na\na", "a\na", ["  a", "  a", "- a"]),
        ("top\na\nb\nc\nend", "top\nc\na\nb\nend", ["  top", "+ c", "  a", "  b", "- c", "  end"]),
        ("the old kettle", "the new kettle", ["- the [old] kettle", "+ the [new] kettle"]),
        ("x\nthe old kettle\ny", "the new kettle", ["- x", "- the [old] kettle", "- y", "+ the [new] kettle"]),
        ("nothing alike", "something else", ["- nothing alike", "+ something else"]),
        ("# a\n\nx\n\n# b", "# a\n\ny\n\n# b", ["  # a", "  ", "- x", "+ y", "  ", "  # b"]),
    ],
)
def test_W029_lines_and_words(old: str, new: str, lines: list[str]) -> None:
    assert marked_lines(old, new) == lines


@given(*[st.lists(st.sampled_from(["a", "b", "c d e", "c d f", ""]), max_size=12)] * 2)
def test_both_texts_are_complete(old: list[str], new: list[str]) -> None:
    lines = [(run.kind, line) for run in diff("\n".join(old), "\n".join(new)) for line in run.lines]
    assert [line for kind, line in lines if kind != "added"] == "\n".join(old).splitlines()
    assert [line for kind, line in lines if kind != "removed"] == "\n".join(new).splitlines()


def test_unique_common_lines_are_found_far_apart() -> None:
    new = [f"line {number}" for number in range(1500)]
    old = [line for number, line in enumerate(new) if number % 7]
    kinds = [run.kind for run in diff("\n".join(old), "\n".join(new))]
    assert kinds[:4] == ["added", "same", "added", "same"]
    assert "removed" not in kinds
    assert all(one != other for one, other in pairwise(kinds))


def large_text(kind: str, seed: int) -> str:
    chance = random.Random(seed)
    if kind == "two large_text":
        return "".join(chance.choice("ab") + "\n" for _ in range(LARGE // 2))
    if kind == "empty lines":
        return "\n" * (LARGE - seed)
    if kind == "all unlike":
        return "".join(f"{chance.randrange(1 << 24):06x}\n" for _ in range(LARGE // 7))
    if kind == "few words":
        return "".join(f"u{n}\n{' '.join(chance.choices('abc', k=140))}\n" for n in range(LARGE // 290))
    if kind == "shuffled":
        return "\n".join(chance.sample([f"{n:0100}" for n in range(1999)], 1999))
    return "a " * (LARGE // 2) + str(seed)


@pytest.mark.alone
@pytest.mark.parametrize(
    "kind", ["two large_text", "empty lines", "all unlike", "few words", "shuffled", "one line"]
)  # fmt: skip
def test_W029_time_is_limited(kind: str) -> None:
    """Two arbitrary texts of 256 KiB take at most 100 ms of CPU, best of three."""
    old, new = large_text(kind, 1), large_text(kind, 2)
    took = []
    for _ in range(3):
        begun = process_time()
        for _ in diff(old, new):
            pass
        took.append(process_time() - begun)
        if took[-1] < 0.1:
            return
    raise AssertionError(took)
