"""Decoding of files that may not be UTF-8."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.text import decode
from gateway.text.decode import decode_text
from gateway.text.sanitize import sanitize


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"", ""),
        (b"caf\xc3\xa9\r\n", "café\r\n"),
        (b"caf\xe9\r\nnext\r", "café\nnext\n"),
        (b"\x80\x82\x85\x8a\x8b\x91\x92\x93\x94\x95\x96\x97\x99\x9a\x9c", "€‚…Š‹‘’“”•–—™šœ"),
        (b"\x98 \x9eena \x9f", "˜ žena Ÿ"),  # Windows-1250 has the same letters at these bytes
        (b"c\x9cur d'\xe9t\xe9", "cœur d'été"),
        (b"\x81\x8d\x8f|\xe9", "|é"),
        ("žena\ncafé\nžena".encode().replace("é".encode(), b"\xe9"), "žena\ncafé\nžena"),
        (b"CAF\xc9\x94\n\x93CAF\xc9\x94\n", "CAFɔ\n“CAFÉ”\n"),
        (b"\xff\xfe", "ÿþ"),
    ],
)
def test_F026_decoded_text(data: bytes, text: str) -> None:
    assert decode_text(data) == text


@pytest.mark.parametrize(
    ("data", "cleaned"),
    [
        (b"\x9b31m", ""),
        (b"\xe9\x9b31mred\x9bm", "éred"),
        (b"\xe9\x9b\x00?25l", "é"),
        (b"\xe9\xc2\x9b31mred", "éred"),
        (b"\xe9\x9d0;title\x07x", "éx"),
        (b"\xe9\x9d0;title\x9cx", "éx"),
        (b"\xe9\x90q#0\x1b\\x", "éx"),
        (b"\xe9\x90never ends\nx", "é\nx"),
        (b"\xe9\x98sos\x9cx", "éx"),
        (b"\xe9\x9eprivate\x1b\\x", "éx"),
        (b"\xe9\x9fapc\x9cx", "éx"),
        (b"\xe9\x1b_apc\x9cx", "éx"),
        (b"\xe9\xc2\x9eprivate\xc2\x9cx", "éx"),
        (b"\xe9\x9b", "é"),
    ],
)
def test_F026_F030_8_bit_escape_sequences_are_removed(data: bytes, cleaned: str) -> None:
    assert sanitize(data) == cleaned


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_UTF_8_is_decoded_as_UTF_8(text: str) -> None:
    assert decode_text(text.encode()) == text


@given(
    st.lists(st.one_of(st.text(st.characters(exclude_characters="\n\r", exclude_categories=["Cs"])), st.just(b"\xe9")))
)
def test_lines_are_decoded_separately(lines: list[str | bytes]) -> None:
    data = b"\n".join(each if isinstance(each, bytes) else each.encode() for each in lines)
    assert decode_text(data) == "\n".join("é" if isinstance(each, bytes) else each for each in lines)


def test_too_many_other_lines_decode_the_rest_as_one_encoding(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decode, "_MAX_LINES_READ_APART", 2)
    assert decode_text(b"\xe9\n\xc3\xa9\n\xe9\n\xc3\xa9\n\xe9\n\xc3\xa9\n") == "é\né\né\né\né\nÃ©\n"
    assert decode_text(b"\xe9\n\xe9\n\xc3\xa9") == "é\né\né"


def test_too_many_control_bytes_are_removed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decode, "_MAX_CONTROLS", 3)
    assert decode_text(b"\x9bm" * 4 + b"\n\xc3\xa9") == "\né"
    assert decode_text(b"\x9c" * 4 + b"\n\xc3\xa9\n" + b"\x9c" * 3) == "\né\nœœœ"
