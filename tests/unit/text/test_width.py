"""The width of text in terminal cells."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wcwidth import wcswidth

from gateway.text.sanitize import sanitize_keeping_colour
from gateway.text.width import cut, pad, width


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
        ("🇨🇿🇨", 4),
        ("1\ufe0f\u20e3", 2),
        ("👍🏽", 2),
        ("☕\ufe0e", 1),
        ("نا\u200cمه", 4),
        ("\x1b[1;31m李四\x1b[0m", 4),
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
        ("ab", 0, ""),
        ("👩\u200d🔬👩\u200d🔬👩\u200d🔬", 5, "👩\u200d🔬👩\u200d🔬…"),
        ("🇨🇿🇨🇿", 3, "🇨🇿…"),
        ("\x1b[31mabc\x1b[0m", 3, "\x1b[31mabc\x1b[0m"),
        ("\x1b[31mabcd\x1b[0m", 3, "\x1b[31mab…\x1b[0m"),
        ("a\x1b[1mb\x1b[mcd", 3, "a\x1b[1mb\x1b[m…"),
        ("\x1b[31ma\x1b[38;5;0mbcd\x1b[0m", 3, "\x1b[31ma\x1b[38;5;0mb…\x1b[0m"),
        ("ab\x1b[31mcd", 2, "a…"),
    ],
)
def test_cut(text: str, cells: int, kept: str) -> None:
    assert cut(text, cells) == kept


@given(
    st.lists(st.sampled_from(["a", "é", "\u0301", "李", "😀", "❤\ufe0f", "👩\u200d🔬", "🇨🇿", "\ufe0f", " "])),
    st.integers(1, 30),
)
def test_cut_text_fits_and_padded_text_fills(pieces: list[str], cells: int) -> None:
    text = "".join(pieces)
    kept = cut(text, cells)
    assert width(kept) <= cells
    assert width(pad(kept, cells)) >= cells
    if width(text) <= cells:
        assert kept == text
    else:
        assert kept.endswith("…")
        assert text.startswith(kept[:-1])


@given(
    st.lists(st.sampled_from(["a", "李", "👩\u200d🔬", "🇨🇿", "e\u0301", "\x1b[31m", "\x1b[1;32m", "\x1b[0m"])),
    st.integers(0, 20),
)
def test_F034_cut_keeps_characters_and_colours_whole(pieces: list[str], cells: int) -> None:
    text = sanitize_keeping_colour("".join(pieces))
    kept = cut(text, cells)
    assert width(kept) <= cells
    assert sanitize_keeping_colour(kept) == kept
    if kept != text and kept:
        before = kept.removesuffix("\x1b[0m").removesuffix("…")
        assert any("".join(pieces[:number]) == before for number in range(len(pieces) + 1))


@given(st.lists(st.sampled_from(["🇨", "🇿", "a", "李"]), min_size=65, max_size=200).map("".join))
def test_width_of_many_flags(text: str) -> None:
    assert width(text) == wcswidth(text)


def test_many_flags_take_linear_time() -> None:
    """wcwidth 0.9 takes a minute for this text: its time is quadratic in the number of flags."""
    began = time.process_time()
    assert width("🇨" * 262144) == 262144
    assert time.process_time() - began < 5
