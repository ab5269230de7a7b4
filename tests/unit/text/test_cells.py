"""Width as a terminal counts it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.text.cells import cut, pad, width


@pytest.mark.parametrize(
    ("text", "cells"),
    [
        ("", 0),
        ("Alice", 5),
        ("Žofie", 5),
        ("Z\u030cofie", 5),
        ("李四", 4),
        ("ｗｉｄｅ", 8),
        ("😀", 2),
        ("❤\ufe0f", 2),
        ("👩\u200d🔬", 2),
        ("🇨🇿", 2),
        ("a\u0301\u0302", 1),
        ("a\nb", 2),
        ("\x1b", 0),
    ],
)
def test_width(text: str, cells: int) -> None:
    assert width(text) == cells


@pytest.mark.parametrize(
    ("text", "cells", "padded"),
    [("ab", 4, "ab  "), ("李", 4, "李  "), ("abcd", 4, "abcd"), ("abcde", 4, "abcde"), ("a\u0301", 2, "a\u0301 ")],
)
def test_pad(text: str, cells: int, padded: str) -> None:
    assert pad(text, cells) == padded


@pytest.mark.parametrize(
    ("text", "cells", "kept"),
    [
        ("abcd", 4, "abcd"),
        ("abcde", 4, "abc…"),
        ("李四李四", 8, "李四李四"),
        ("李四李四", 7, "李四李…"),
        ("李四李四", 6, "李四…"),
        ("李四李四", 2, "…"),
        ("ab", 1, "…"),
        ("a\u0301b\u0301c\u0301", 2, "a\u0301…"),
        ("❤\ufe0f❤\ufe0f❤\ufe0f", 5, "❤\ufe0f❤\ufe0f…"),
        ("", 3, ""),
    ],
)
def test_cut(text: str, cells: int, kept: str) -> None:
    assert cut(text, cells) == kept


@given(
    st.lists(st.sampled_from(["a", "é", "\u0301", "李", "😀", "❤\ufe0f", "👩\u200d🔬", "🇨🇿", "\ufe0f", " "])),
    st.integers(1, 30),
)
def test_what_is_cut_fits_and_what_is_padded_fills(pieces: list[str], cells: int) -> None:
    text = "".join(pieces)
    kept = cut(text, cells)
    assert width(kept) <= cells
    assert width(pad(kept, cells)) >= cells
    if width(text) <= cells:
        assert kept == text
    else:
        assert kept.endswith("…")
        assert text.startswith(kept[:-1])
