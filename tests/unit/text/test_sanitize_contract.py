"""Properties of sanitize(), sanitize_keeping_colour() and to_ascii() for any text, and a comparison with a terminal."""

import re
import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gateway.text.sanitize import sanitize, sanitize_keeping_colour, to_ascii
from tests.unit.text.test_sanitize import PIECES, SEQUENCES, UNWANTED
from tests.unit.text.worst import WORST

LETTERS = ["é", "\u0301", "\u200d", "\u200c", "\u200f", "\u061c", "👩\u200d🔬", "سلام", "─", "…", "?", "_", "\ufffd"]
COLOURS = ["\x1b[31m", "\x1b[0m", "\x1b[m", "\x1b[;m", "\x1b[38;5;0m", "\x1b[38:2::1:2:3m", "\x1b[" + "1;" * 40 + "m"]
pieces = st.lists(st.sampled_from([*PIECES, *LETTERS, *COLOURS, *SEQUENCES])).map("".join)
texts = st.one_of(st.text(), st.text(st.characters()), pieces)
values = st.one_of(
    texts, st.binary(), texts.map(lambda text: text.encode("utf-8", "replace")),
    pieces.map(lambda text: text.encode("latin-1", "ignore")),
    st.lists(st.one_of(st.binary(), st.sampled_from([b"\x9b", b"\xe9", b"\x9c", b"\x9e", b"\n", b"\xc2"]))).map(b"".join),
)  # fmt: skip
SGR = re.compile("\x1b\\[[0-9;:]*m")


@given(values)
def test_F025_F029_F030_F033_sanitize_is_complete_and_idempotent(value: str | bytes) -> None:
    cleaned = sanitize(value)
    assert not UNWANTED.search(cleaned)
    assert sanitize(cleaned) == cleaned == sanitize(cleaned.encode())


@given(values, values)
def test_sanitized_parts_stay_sanitized_when_joined(one: str | bytes, other: str | bytes) -> None:
    for function in (sanitize, sanitize_keeping_colour):
        together = function(one) + function(other)
        assert function(together) == together


@given(values)
@example("\x1b[31m")
@example("\x1b[31mred\n\n")
@example("\x1b[0;31mred\x1b[39m")
@example("\x1b[38;5;0mblack")
@example("\x1b[\x1b[31mx")
@example("a\x1b[1mb\b\b\bc\x1b[31\b2md")
@example("\x1b\x00[31mred")
def test_F034_only_colour_sequences_pass(value: str | bytes) -> None:
    text = sanitize_keeping_colour(value)
    assert sanitize_keeping_colour(text) == text
    assert not UNWANTED.search(SGR.sub("", text))
    last = None
    for each in SGR.finditer(text):
        assert len(each[0]) < 70
        last = each
    if last is not None:
        assert re.fullmatch("\x1b\\[[0;]*m", last[0])


@given(texts.filter(lambda text: "\b" not in text))
def test_F034_without_colours_it_equals_sanitize(text: str) -> None:
    assert sanitize(sanitize_keeping_colour(text)) == sanitize(text)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31mRED\x1b[0m \x1b]0;T\x07", "\x1b[31mRED\x1b[0m "),
        ("\x1b[31mred", "\x1b[31mred\x1b[0m"),
        ("\x1b[31mred\n", "\x1b[31mred\x1b[0m\n"),
        ("\x1b[31mred\nlines\r\n\r\n", "\x1b[31mred\nlines\x1b[0m\n\n"),
        ("\x1b[0;31mred", "\x1b[0;31mred\x1b[0m"),
        ("\x1b[48;5;0mx", "\x1b[48;5;0mx\x1b[0m"),
        ("\x1b[1mx\x1b[m", "\x1b[1mx\x1b[m"),
        ("\x1b[38:2::255:0:0mx\x1b[;0m", "\x1b[38:2::255:0:0mx\x1b[;0m"),
        ("\x1b[?25lx\x1b[>4;2mx\x1b[1 mx\x1b[2Jx", "xxxx"),
        ("\x9b31mred", "red"),
        ("\x1b[31", ""),
        ("\x1b[" + "1;" * 33 + "mx", "x"),
        ("\x1b]0;\x1b[31mred\x07", "\x1b[31mred\x1b[0m"),
        ("\x1b]0;never ends\x1b[31m", "\x1b[31m\x1b[0m"),
        ("\x1b[1mN\bN\x1b[mO\bO", "\x1b[1mN\x1b[mO"),
        ("\x1b[1m\bx", "\x1b[1mx\x1b[0m"),
        ("plain\ttext\n", "plain\ttext\n"),
    ],
)
def test_F034_colours(text: str, shown: str) -> None:
    assert sanitize_keeping_colour(text) == shown


@given(texts)
def test_F028_to_ascii_gives_ASCII_and_is_idempotent(text: str) -> None:
    for function in (sanitize, sanitize_keeping_colour):
        cleaned = function(text)
        ascii_text = to_ascii(cleaned)
        assert ascii_text.isascii()
        assert function(ascii_text) == ascii_text == to_ascii(ascii_text)
        assert ascii_text.count("\n") == cleaned.count("\n")
        assert SGR.findall(ascii_text) == SGR.findall(cleaned)


@given(st.text(st.characters(max_codepoint=127)))
def test_F028_ASCII_is_unchanged(text: str) -> None:
    assert to_ascii(text) == text


@given(st.text(st.characters(min_codepoint=0x4E00, exclude_categories=["Po", "Cs", "So"])))
def test_F028_no_question_marks_for_unknown_letters(text: str) -> None:
    assert "?" not in to_ascii(text)


@pytest.mark.parametrize(
    ("text", "ascii_text"),
    [
        ("Žofie Černá", "Zofie Cerna"),
        ("Z\u030cofie", "Zofie"),
        ("Straße, Łódź, Þór, Ærø", "Strasse, Lodz, Thor, Aero"),
        ("Привет", "Privet"),
        ("李四", "LiSi"),
        ("“x” ‘y’ — z… •", "\"x\" 'y' - z... *"),
        ("┌──┐\n│é\t│\n└──┘", "+--+\n|e\t|\n+--+"),
        ("╔═╗ ▓█", "+-+ ##"),
        ("👋 ❤\ufe0f", ":wave: :heart:"),
        ("\ufffd\ufffd\ufffd \ufffc", " "),
        ("¿qué? ⁇ ‽", "?que? ?? !?"),
        ("a\u00a0b\u200db", "a bb"),
        ("\x1b[31mé\x1b[0m", "\x1b[31me\x1b[0m"),
    ],
)
def test_F028_to_ascii(text: str, ascii_text: str) -> None:
    assert to_ascii(text) == ascii_text


def test_the_ASCII_table_is_limited() -> None:
    from gateway.text import sanitize as module

    to_ascii("".join(map(chr, range(0x100, 0x3100))))
    assert len(module._ASCII_TABLE) <= module._MAX_TABLE_ENTRIES
    assert to_ascii("Žofie") == "Zofie"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("سلام می\u200cخواهم", "سلام می\u200cخواهم"),
        ("שלום (\u200eabc\u200e)", "שלום (\u200eabc\u200e)"),
        ("\u2067שלום\u2069, \u2068x\u2069", "שלום, x"),
        ("\u202bשלום\u202c", "שלום"),
        ("user\u202e \u2066// admin\u2069", "user // admin"),
        ("\ufeff\ufeffBOM", "BOM"),
        ("zero\u200bwidth\u2060", "zerowidth"),
        ("👨\u200d👩\u200d👧", "👨\u200d👩\u200d👧"),
    ],
)
def test_F033_invisible_characters(text: str, shown: str) -> None:
    assert sanitize(text) == shown


INERT = re.compile("[\0-\x06\x0b\x0c\x0e-\x1a\x1c-\x1f\x7f\u200b\u202a-\u202e\u2060\u2066-\u206f\ufeff\ufffe\uffff]")


def terminal_output(text: str) -> str:
    """Return what a terminal prints of *text* (ECMA-48; the state machine of vt100.net)."""
    text = INERT.sub("", re.sub("\r\n|[\r\x85\u2028\u2029]", "\n", re.sub("[\ud800-\udfff]+", "\ufffd", text)))
    out: list[str] = []
    at = 0
    while at < len(text):
        each = text[at]
        at += 1
        if each == "\x1b":
            at = _escape(text, at)
        elif each == "\x9b":
            at = _until_final(text, at, " ", "?", "@")
        elif each in "\x90\x98\x9d\x9e\x9f":
            at = _string(text, at)
        elif each != "\x07" and not "\x80" <= each <= "\x9f":
            out.append(each)
    return "".join(out)


def _escape(text: str, at: int) -> int:
    while at < len(text) and text[at] in "\x1b\x07\b\t":
        at += 1
    if text.startswith("[", at):
        return _until_final(text, at + 1, " ", "?", "@")
    if at < len(text) and text[at] in "]PX^_":
        return _string(text, at + 1)
    return _until_final(text, at, " ", "/", "0")


def _until_final(text: str, at: int, first: str, last: str, final: str) -> int:
    while at < len(text) and (first <= text[at] <= last or text[at] in "\x07\b\t"):
        at += 1
    return at + 1 if at < len(text) and final <= text[at] <= "~" else at


def _string(text: str, at: int) -> int:
    line = None
    while at < len(text):
        if text[at] in "\x07\x9c":
            return at + 1
        if text[at] == "\x1b" or "\x80" <= text[at] <= "\x9f":
            if text.startswith("\x1b\\", at):
                return at + 2
            break
        if text[at] == "\n" and line is None:
            line = at
        at += 1
    return at if line is None else line


@given(texts.filter(lambda text: "\b" not in text))
@example("\x1b]0;a\nb\nc")
@example("\x1b[1 2mx")
@example("\x1b\x07]0;T\x07x")
@example("\x1b\t[31mx")
@example("\x1b[3\x071mx")
@example("\x1b[3\b1mx".replace("\b", ""))
@example("\x9e\n\x9e\x9c")
def test_F029_F030_result_is_what_a_terminal_prints(text: str) -> None:
    assert sanitize(text) == terminal_output(text)


def test_backspaces_within_a_sequence_are_no_overstrike() -> None:
    assert sanitize("a\x1b[3\b1mb\x1b\b[2Jc") == "abc"


def _seconds(value: str | bytes) -> float:
    """Return the CPU seconds that all three functions take for *value*."""
    began = time.process_time()
    to_ascii(sanitize(value))
    sanitize_keeping_colour(value)
    return time.process_time() - began


@pytest.mark.alone
@pytest.mark.parametrize("name", WORST)
def test_time_grows_linearly(name: str) -> None:
    """Four times the text takes about four times the time, not sixteen. Uses the best of several measurements."""
    ratios = []
    for _ in range(4):
        least = []
        for size in (1 << 16, 1 << 18):
            value = WORST[name](size)
            least.append(min(_seconds(value) for _ in range(3)))
        ratios.append(least[1] / least[0])
        if ratios[-1] < 8:
            return
    raise AssertionError(f"grows by {ratios}")
