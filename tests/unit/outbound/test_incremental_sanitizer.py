"""Sanitizing text that arrives in chunks."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gateway.outbound.incremental_sanitizer import MAX_LINE_BYTES, IncrementalSanitizer
from gateway.text.sanitize import sanitize

TEXT_BYTES = st.lists(
    st.sampled_from([b"a", b"b ", b"\r", b"\n", b"\r\n", b"\x1b", b"[31m", b"]0;", b"\x07", b"\xc5", b"\xbe", b"\xe2",
                     b"\x80", b"\xa6", b"\x9b", b"\xff", b"\x00", b"\b", b"x" * 9000])
).map(b"".join)  # fmt: skip


def sanitize_chunks(*chunks: bytes) -> list[str]:
    sanitizer = IncrementalSanitizer(sanitize)
    return [*(sanitizer.feed(chunk) for chunk in chunks), sanitizer.end()]


@pytest.mark.parametrize(
    ("chunks", "expected"),
    [
        ((b"one\r\ntw", b"o\r\n"), ["one\n", "two\n", ""]),
        ((b"\xc5", b"\xbeofie\n"), ["", "žofie\n", ""]),
        ((b"a\x1b", b"[3", b"1mb\r\n"), ["", "", "ab\n", ""]),
        ((b"a\x1b]0;own", b"ed\x07b\r\n"), ["", "ab\n", ""]),
        ((b"one\r", b"\ntwo\r\n"), ["", "one\ntwo\n", ""]),
        ((b"one\r", b"two\r"), ["", "one\n", "two\n"]),
        ((b"prompt> ",), ["", "prompt> "]),
        ((b"caf\xe9\nna\xc3\xafve\n",), ["café\nnaïve\n", ""]),
        ((), [""]),
    ],
)
def test_F088_a_chunk_may_end_anywhere(chunks: tuple[bytes, ...], expected: list[str]) -> None:
    assert sanitize_chunks(*chunks) == expected


@given(TEXT_BYTES, st.lists(st.integers(0, 60_000)))
@example(b"x" * MAX_LINE_BYTES + b"\r\nrest\n", [MAX_LINE_BYTES + 1])
@example(b"x" * 3 * MAX_LINE_BYTES + b"\r\nrest\n", [MAX_LINE_BYTES + 1, 3 * MAX_LINE_BYTES + 1])
def test_the_result_does_not_depend_on_chunk_boundaries(data: bytes, cuts: list[int]) -> None:
    ends = sorted(min(cut, len(data)) for cut in cuts)
    chunks = [data[begin:end] for begin, end in zip([0, *ends], [*ends, len(data)], strict=True)]
    text = "".join(sanitize_chunks(*chunks))
    assert text == "".join(sanitize_chunks(data))
    assert not set(text) & {chr(each) for each in (*range(9), *range(11, 32), *range(127, 160))}


def test_F091_an_endless_line_is_limited() -> None:
    """The buffer is limited; the rest of such a line is dropped, and the next line is sanitize_chunks."""
    sanitizer = IncrementalSanitizer(sanitize)
    texts = [sanitizer.feed(b"x" * 1000) for _ in range(1000)]
    assert "".join(texts) == "x" * MAX_LINE_BYTES + "…\n"
    assert len(sanitizer._pending) <= 1
    assert sanitizer.feed(b"yyy\r\nnext\r\n") == "next\n"
    assert sanitizer.end() == ""


def test_a_long_line_is_cut_between_characters() -> None:
    assert "".join(sanitize_chunks("ž".encode() * MAX_LINE_BYTES)) == "ž" * (MAX_LINE_BYTES // 2 - 1) + "…\n"


def test_an_endless_escape_sequence_is_dropped() -> None:
    assert "".join(sanitize_chunks(b"\x1b]0;" + b"x" * 2 * MAX_LINE_BYTES, b"yyy\nlast\n")) == "\nlast\n"
