"""Wrapping lines to a terminal's width and truncating texts to a number of bytes."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.text.width import width
from gateway.text.wrap import hanging_indent, truncate_bytes


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("short", "short"),
        ("one two three", "one two\n  three"),
        ("fits ten", "fits ten"),
        ("abcdefghijkl", "abcdefgh\n  ijkl"),
        ("a bcdefghijkl m", "a\n  bcdefghi\n  jkl m"),
        ("see https://a.example/long/path or not", "see\n  https://a.example/long/path\n  or not"),
        ("茶茶茶茶茶", "茶茶茶茶\n  茶"),
        ("", ""),
    ],
)
def test_hanging_indent(text: str, expected: str) -> None:
    assert hanging_indent(text, 2, 10) == expected


@given(st.text(st.sampled_from("ab 茶é\u0301🫖"), max_size=60), st.integers(0, 6))
def test_wrapping_loses_nothing_and_no_line_is_too_wide(text: str, indent: int) -> None:
    lines = hanging_indent(text, indent, 12).split("\n")
    assert all(width(line.removeprefix(" " * indent)) <= 12 - indent for line in lines if line.strip())
    assert "".join("".join(lines).split()) == "".join(text.split())


@pytest.mark.parametrize(
    ("text", "limit", "expected"),
    [
        ("abc", 3, None),
        ("ab\ncd\nef\n", 9, None),
        ("ab\ncd\nef\n", 8, "ab\ncd\nef"),  # the last line end does not fit, the last character does
        ("ab\ncd\nef\n", 7, "ab\ncd"),
        ("ab\r\ncd\r\nef", 8, "ab\r\ncd"),
        ("ab\u2028cdefgh", 8, "ab\u2028cde"),  # cutting at the line end would lose more than half
        ("abcdef", 4, "abcd"),
        ("žžžž", 5, "žž"),
        ("ae\u0301x" * 9, 2, "a"),
        ("👩‍👩‍👧👩‍👩‍👧", 36, None),
        ("👩‍👩‍👧👩‍👩‍👧", 35, "👩‍👩‍👧"),
        ("a\udc80b", 4, "a"),
        ("abcd" * 9, 0, ""),
    ],
)
def test_F036_truncate_bytes(text: str, limit: int, expected: str | None) -> None:
    assert truncate_bytes(text, limit) == expected


@given(st.text(st.sampled_from("ab\n\rž茶🫖\u0301\u200d\udc80"), max_size=80), st.integers(0, 100))
def test_F036_truncated_text_fits_and_is_a_prefix(text: str, limit: int) -> None:
    kept = truncate_bytes(text, limit)
    if kept is None:
        assert len(text.encode(errors="surrogatepass")) <= limit
    else:
        assert text.startswith(kept)
        assert len(kept.encode(errors="surrogatepass")) <= limit


def test_F036_truncating_a_long_text_is_fast() -> None:
    text = "\u0301" * 5_000_000
    begun = time.process_time()
    assert truncate_bytes(text, 65536) is not None
    assert time.process_time() - begun < 0.02
