"""sanitize(): the result is printable and valid, whatever the input."""

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gateway.text import sanitize as module
from gateway.text.sanitize import escape_controls, one_line, sanitize, sanitize_keeping_colour

UNWANTED = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b\u2028-\u202e\u2060\u2066-\u2069\ufeff\ufffe\uffff\ud800-\udfff]"
)
# Parts of escape sequences, so that generated examples come near to real sequences.
PIECES = [
    "\x1b", "\x1b[", "\x1b]", "\x1bP", "\x1bX", "\x1b^", "\x1b_", "\x1b\\", "\x1b(", "\x9b", "\x9d", "\x90", "\x98",
    "\x9e", "\x9f", "\x9c", "\x84", "\x8f", "\x07", "\x08", "\r", "\r\n", "\n", "\t", "\x18", "\x1a", "\x00", "\x7f",
    "\x85", "\u2028", "\u202e", "\u2066", "\u200b", "\ufeff", "\ud83d", "\ude00", "31m", "0;T", "52;c;QQ==", "?25l",
    "#8", "a", "é", "日", "😀", " ", "m", ";", "\\", "[", "]", "~", "\x1b\x1b", "\x1b\x9b",
]  # fmt: skip
texts = st.one_of(st.text(), st.text(st.characters()), st.lists(st.sampled_from(PIECES)).map("".join))
surrogates = st.text(st.characters(categories=["Cs", "Cc", "Cf", "Lu"]))


@given(st.one_of(texts, surrogates))
@example("\x1b\x1b[31m")
@example("\x1b[\x1b[31mx")
@example("a\b\b\b\x1b[1\b2m")
def test_result_has_no_unwanted_characters_and_is_idempotent(text: str) -> None:
    cleaned = sanitize(text)
    assert not UNWANTED.search(cleaned)
    assert sanitize(cleaned) == cleaned
    assert cleaned.encode().decode() == cleaned


@given(st.one_of(st.binary(), texts.map(lambda text: text.encode("utf-8", "surrogatepass"))))
def test_bytes_are_sanitized(data: bytes) -> None:
    cleaned = sanitize(data)
    assert not UNWANTED.search(cleaned)
    assert sanitize(cleaned.encode()) == cleaned


@given(st.text(st.characters(exclude_categories=["Cc", "Cf", "Cs", "Cn", "Zl", "Zp"])))
def test_printable_text_is_unchanged(text: str) -> None:
    assert sanitize(text) == text
    assert sanitize(text + "\t\n") == text + "\t\n"
    assert one_line(text) == text


# Sequences of each family of ECMA-48 and of xterm, 7-bit and 8-bit. Nothing of them may be left.
SEQUENCES = [
    "\x1b[31m", "\x1b[0m", "\x1b[m", "\x1b[1;31;48;5;200m", "\x1b[38:2::255:0:0m", "\x1b[2J", "\x1b[?1049h", "\x1b[?25l",
    "\x1b[>0c", "\x1b[=c", "\x1b[6n", "\x1b[!p", "\x1b[4 q", "\x1b[1$r", "\x1b[10;20H", "\x1b[1;1;200~", "\x1b[<0;1;1M",
    "\x1b]0;title\x07", "\x1b]0;title\x1b\\", "\x1b]0;title\x9c", "\x1b]52;c;QUJD\x07",
    "\x1b]8;;https://evil.example/\x1b\\", "\x1b]8;;\x1b\\", "\x1b]133;A\x07", "\x1b]1337;File=inline=1:QUJD\x07",
    "\x1bP$q\"p\x1b\\", "\x1bPq#0;2;0;0;0~-\x1b\\", "\x1bXsos\x1b\\", "\x1b^private\x1b\\", "\x1b_Gf=100;QUJD\x1b\\",
    "\x9b31m", "\x9b?25l", "\x9d0;title\x07", "\x9d0;title\x9c", "\x90q#0\x9c", "\x98sos\x9c", "\x9eprivate\x9c",
    "\x9fapc\x9c", "\x1b(B", "\x1b)0", "\x1b#8", "\x1b%G", "\x1b c", "\x1bc", "\x1b7", "\x1b8", "\x1b=", "\x1b>", "\x1bM",
    "\x1bD", "\x1bE", "\x1bH", "\x1bZ", "\x1bn", "\x1bo", "\x1b|", "\x1b}", "\x1b~", "\x84", "\x8d", "\x9a", "\x8e",
]  # fmt: skip


@pytest.mark.parametrize("sequence", SEQUENCES, ids=ascii)
def test_escape_sequences_are_removed(sequence: str) -> None:
    assert sanitize(sequence) == ""
    assert sanitize(f"before{sequence}after") == "beforeafter"
    assert sanitize(f"{sequence}{sequence}x\n{sequence}") == "x\n"


@pytest.mark.parametrize("sequence", SEQUENCES, ids=ascii)
def test_sequences_with_ignored_controls_inside_are_removed(sequence: str) -> None:
    """Terminals ignore NUL, DEL and the like within a sequence, so the sanitizer ignores them too."""
    for inert in ("\x00", "\x7f", "\x05", "\x0b", "\u200b", "\u202e"):
        assert sanitize(inert.join(sequence)) == "", ascii(inert)


@pytest.mark.parametrize("sequence", [each for each in SEQUENCES if each.startswith("\x1b[")], ids=ascii)
def test_8_bit_sequences_in_Latin_1_and_UTF_8(sequence: str) -> None:
    short = sequence.replace("\x1b[", "\x9b")
    assert sanitize(b"a" + short.encode("latin-1") + b"b") == "ab"
    assert sanitize(b"a" + short.encode() + b"b") == "ab"


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("\x1b]0;T\x07RED", "RED"),
        ("\x1b]0;never ends", ""),
        ("\x1b]0;never ends\nnext line", "\nnext line"),
        ("\x9d0;never ends\nnext line", "\nnext line"),
        ("\x1bPdevice\nnext", "\nnext"),
        ("\x1b]0;a\x1b]0;b\x07c", "c"),
        ("\x1bPtmux;\x1b\x1b]52;c;QUJD\x07\x1b\\x", "x"),
        ("\x1b]0;a\nb\x07c", "c"),
        ("\x1b[31", ""),
        ("\x1b[", ""),
        ("\x1b", ""),
        ("\x9b", ""),
        ("a\x1b", "a"),
        ("\x1b[31\nred", "\nred"),
        ("\x1b\x1b\x1b[31mx", "x"),
        ("\x1b[\x1b[31mx", "x"),
        ("a\r\nb\rc\x85d\u2028e\u2029f", "a\nb\nc\nd\ne\nf"),
        ("\r\r\n\n\r", "\n\n\n\n"),
        ("a\x0bb\x0cc", "abc"),
        ("N\bNA\bAM\bME\bE", "NAME"),
        ("_\bx", "x"),
        ("\b\b\bx", "x"),
        ("a\n\bb", "a\nb"),
        ("evil\u202egnp.exe", "evilgnp.exe"),
        ("\ud83d\ude00", "\ufffd"),
        ("a\ud800b", "a\ufffdb"),
        ("\ufeffx", "x"),
        ("👩\u200d🔬", "👩\u200d🔬"),
        ("שלום \u200fx", "שלום \u200fx"),
        ("e\u0301", "e\u0301"),
        ("a\tb", "a\tb"),
        ("\u00a0\u00ad", "\u00a0\u00ad"),
    ],
)
def test_examples(text: str, cleaned: str) -> None:
    assert sanitize(text) == cleaned


@pytest.mark.parametrize(
    ("data", "cleaned"),
    [
        (b"caf\xc3\xa9", "café"),
        (b"caf\xe9", "café"),
        (b"\xff\xfe", "ÿþ"),
        (b"\xed\xa0\x80", "í\xa0€"),
        (b"\xc2\x9b31mx", "x"),
        (b"\x9b31mx", "x"),
        (b"", ""),
    ],
)
def test_bytes_that_are_not_UTF_8_are_Latin_1(data: bytes, cleaned: str) -> None:
    assert sanitize(data) == cleaned


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("one", "one"),
        ("one\ntwo", "one two"),
        ("one\r\n\r\n\ttwo\n", "one two"),
        ("\none", "one"),
        ("a\u2028b\x85c", "a b c"),
        ("  two  blanks  ", "  two  blanks  "),
        ("\n", ""),
        (b"a\nb\xe9", "a bé"),
        ("\x1b[31mred\x1b[0m", "red"),
    ],
)
def test_one_line(text: str | bytes, line: str) -> None:
    assert one_line(text) == line


@given(texts)
def test_one_line_is_a_single_sanitized_line(text: str) -> None:
    line = one_line(text)
    assert "\n" not in line
    assert "\t" not in line
    assert one_line(line) == line == sanitize(line)


@pytest.mark.parametrize(
    ("typed", "escaped"),
    [
        ("alice", "alice"),
        ("a b", "a b"),
        ("\x1b[31m", "\\x1b[31m"),
        ("a\nb\tc\r", "a\\nb\\tc\\r"),
        ("\x00\x7f\x9b", "\\x00\\x7f\\x9b"),
        ("\u202e\u2028", "\\u202e\\u2028"),
        ("\ud800", "\\ud800"),
        ("\U000e0001", "\\U000e0001"),
        ("é日😀", "é日😀"),
        ("x" * 64, "x" * 64),
        ("x" * 65, "x" * 63 + "…"),
    ],
)
def test_escape_controls(typed: str, escaped: str) -> None:
    assert escape_controls(typed) == escaped


@given(texts, st.integers(1, 80))
def test_escape_controls_gives_one_printable_line(text: str, limit: int) -> None:
    escaped = escape_controls(text, limit)
    assert escaped.isprintable()
    assert sanitize(escaped) == escaped
    assert len(escaped) <= 10 * limit


def test_too_many_escape_sequences(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MAX_SEQUENCES", 3)
    assert sanitize("a\x1b[1C" * 3) == "aaa"
    assert sanitize("a\x1b[1C" * 4) == ""
    assert sanitize_keeping_colour("\x1b[31m" + "a\x1b[1C" * 3) == "\x1b[31maaa\x1b[0m"
    assert "a" not in sanitize_keeping_colour("\x1b[31m" + "a\x1b[1C" * 4)
