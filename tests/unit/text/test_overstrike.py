"""Overstrikes: text with backspaces as a terminal shows it (F031)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.text import overstrike
from gateway.text.overstrike import resolve_overstrikes


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\ba", "a"),
        ("N\bNA\bAM\bME\bE", "NAME"),
        ("_\bX_\bY", "XY"),
        ("X\b_Y\b_", "XY"),
        ("a\ba\ba\ba", "a"),
        ("+\bo", "o"),
        ("word\b\b\b\bword", "word"),
        ("____\b\b\b\bword", "word"),
        ("word\b\b\b\b____", "word"),
        ("abc\b\bX", "aXc"),
        ("abc\b", "abc"),
        ("ab\b \b", "a "),
        ("\b\b\bx", "x"),
        ("a\n\bb", "a\nb"),
        ("a\t\bb", "a\tb"),
        ("é\bé", "é"),
        ("_\bé", "é"),
        ("é\b_", "é"),
        ("e\u0301\be\u0301x", "e\u0301x"),
        ("e\b\u0301x", "e\u0301x"),
        ("茶\b茶", "茶"),
        ("茶\b\b茶", "茶"),
        ("茶具\b\b\b\b茶具", "茶具"),
        ("ab\b\b茶", "茶"),
        ("茶\b\bab", "ab"),
        ("茶\bx", "x "),
        ("__\b\b茶", "茶"),
        ("茶\b\b__", "茶"),
    ],
)
def test_F031_overstrike(text: str, shown: str) -> None:
    assert resolve_overstrikes(text) == shown


@given(st.text(st.characters(exclude_characters="_\b\t\n\0", max_codepoint=0x24F, categories=["L", "N", "P", "S"])))
def test_bold_and_underlined_text_keeps_its_letters(text: str) -> None:
    assert resolve_overstrikes("".join(f"{each}\b{each}" for each in text)) == text
    assert resolve_overstrikes("".join(f"_\b{each}" for each in text)) == text
    assert resolve_overstrikes("".join(f"{each}\b_" for each in text)) == text
    assert resolve_overstrikes("_" * len(text) + "\b" * len(text) + text) == text


@given(st.lists(st.sampled_from(["a", "b", "_", " ", "\b", "\b\b", "\n", "\t"])).map("".join))
def test_result_equals_that_of_a_screen(text: str) -> None:
    """Compare with a simple screen that moves a cursor over cells, letter by letter."""
    row: list[str] = []
    lines, at = [row], 0
    for each in text:
        if each in "\n\t":
            row, at = [each], 1
            lines.append(row)
        elif each == "\b":
            at = max(at - 1, int(row[:1] in (["\n"], ["\t"])))
        else:
            old = row[at] if at < len(row) else " "
            row[at : at + 1] = [old if each == "_" and old != " " else each]
            at += 1
    assert resolve_overstrikes(text) == "".join(map("".join, lines))


@given(st.text(st.sampled_from("aé茶\u0301_ \b\n\t\0")))
def test_no_backspace_stays_and_no_line_is_lost(text: str) -> None:
    shown = resolve_overstrikes(text)
    assert "\b" not in shown
    assert [each for each in shown if each in "\n\t\0"] == [each for each in text if each in "\n\t\0"]


def test_too_many_backspaces_are_only_removed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(overstrike, "_MAX_BACKSPACES", 6)
    assert resolve_overstrikes("ab\b\bc\nab\b\bc\nab\b\bc\n") == "cb\ncb\nabc\n"
