"""Cleaning to one line, and splitting to 512 bytes."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.irc.lines import max_text_bytes, plain_line, plain_lines, split_line

NICKS = st.text(st.characters(min_codepoint=0x30, max_codepoint=0x7D), min_size=1, max_size=30)
TARGETS = st.text(st.characters(min_codepoint=0x23, max_codepoint=0x17F), min_size=1, max_size=64)
FAMILY = "\U0001f468\u200d\U0001f469\u200d\U0001f467"
FLAG = "\U0001f1e8\U0001f1ff"


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("a\r\nQUIT :bye", "a QUIT :bye"),
        ("a\nb", "a b"),
        ("a\0b", "ab"),
        ("\x01VERSION\x01", "VERSION"),
        (
            "\x02bold\x02 \x1ditalic\x1d \x1funder\x1f \x1estruck\x1e \x16reverse\x16 \x11mono\x11\x0f",
            "bold italic under struck reverse mono",
        ),
        ("\x0304,12red\x03 \x034x \x04ff0000,00ff00rgb\x04", "red x rgb"),
        ("\x1b[31mred\x1b[0m \x1b]0;title\x07end", "red end"),
        ("\x9b31mred", "red"),
        ("a\u202egnp.exe", "agnp.exe"),
        ("\x03\x1b[31m4", "4"),
        ("\x1b\x02[31mred", "red"),
        ("\ttab", "        tab"),
        ("  art  ", "  art"),
    ],
)
def test_removes_formatting_and_controls(value: str, said: str) -> None:
    """I024"""
    assert plain_line(value) == said


@given(st.text(st.characters(max_codepoint=0x2FF)))
def test_a_plain_line_has_no_controls_and_is_stable(value: str) -> None:
    """I024"""
    said = plain_line(value)
    assert not any(unicodedata.category(c) in ("Cc", "Cs") for c in said)
    assert plain_line(said) == said


def test_leaves_out_empty_lines() -> None:
    """I024"""
    assert plain_lines("a\n\n  \n\x02\n b\n") == ["a", " b"]


def test_max_text_bytes_allows_for_the_longest_prefix() -> None:
    """I025"""
    # ":fingerbot!" + "~" and 10 + "@" + 64 + " PRIVMSG bob :" + CR LF
    assert max_text_bytes("fingerbot", "bob") == 512 - 11 - 11 - 1 - 64 - 14 - 2
    assert max_text_bytes("n" * 300, "#" + "c" * 200) == 32


@given(st.text(min_size=1, max_size=3000), NICKS, TARGETS)
def test_split_lines_fit_512_bytes_and_lose_no_text(text: str, nick: str, target: str) -> None:
    """I025"""
    line = plain_line(text)
    pieces = split_line(line, max_text_bytes(nick, target))
    prefix = f":{nick}!{'u' * 11}@{'h' * 64} PRIVMSG {target} :".encode()
    for piece in pieces:
        assert len(prefix + piece.encode() + b"\r\n") <= 512
    assert "".join(pieces).replace(" ", "") == line.replace(" ", "")


@given(
    st.lists(st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=12), min_size=1, max_size=60),
    st.integers(60, 400),
)
def test_splits_at_blanks(words: list[str], width: int) -> None:
    """I025"""
    pieces = split_line(" ".join(words), width)
    assert [word for piece in pieces for word in piece.split(" ")] == words


def test_fills_each_line() -> None:
    """I025"""
    assert split_line("aaaa bbbb cccc", 9) == ["aaaa bbbb", "cccc"]
    assert split_line("aaaa bbbb cccc", 8) == ["aaaa", "bbbb", "cccc"]
    assert split_line("aaaaaaaaaaaa b", 5) == ["aaaaa", "aaaaa", "aa b"]
    assert split_line("   aaaaaaaa", 6) == ["   aaa", "aaaaa"]
    assert split_line("aaaa     bbbb", 5) == ["aaaa", "bbbb"]
    assert split_line("aaaa       ", 5) == ["aaaa"]
    assert split_line("", 9) == [""]
    assert [piece.strip() for piece in split_line(" " * 900 + "a b", 40)] == ["a", "b"]
    assert all(piece.strip() for piece in split_line(" " * 900 + "a" * 50, 40))


@pytest.mark.parametrize(
    "cluster", ["e\u0301\u0323", FAMILY, FLAG, "\U0001f44d\U0001f3fd", "\u1112\u1161\u11ab", "\u0915\u094d\u0937\u093f"]
)
def test_never_splits_a_grapheme_cluster(cluster: str) -> None:
    """I025"""
    for width in range(len(cluster.encode()), 60):
        pieces = split_line(cluster * 30, width)
        assert "".join(pieces) == cluster * 30
        assert all(len(piece) % len(cluster) == 0 for piece in pieces)


def test_splits_an_oversized_cluster_between_characters() -> None:
    """I025"""
    pieces = split_line("a" + "\u0301" * 300, 32)
    assert all(len(piece.encode()) <= 32 for piece in pieces)
    assert "".join(pieces) == "a" + "\u0301" * 300
