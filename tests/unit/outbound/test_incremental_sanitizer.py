"""Text that arrives in pieces."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gateway.outbound.incremental_sanitizer import MAX_LINE_BYTES, IncrementalSanitizer
from gateway.text.sanitize import sanitize

SOME = st.lists(
    st.sampled_from([b"a", b"b ", b"\r", b"\n", b"\r\n", b"\x1b", b"[31m", b"]0;", b"\x07", b"\xc5", b"\xbe", b"\xe2",
                     b"\x80", b"\xa6", b"\x9b", b"\xff", b"\x00", b"\b", b"x" * 9000])
).map(b"".join)  # fmt: skip


def shown(*pieces: bytes) -> list[str]:
    arriving = IncrementalSanitizer(sanitize)
    return [*(arriving.feed(piece) for piece in pieces), arriving.end()]


@pytest.mark.parametrize(
    ("pieces", "expected"),
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
def test_F088_a_piece_may_end_amid_anything(pieces: tuple[bytes, ...], expected: list[str]) -> None:
    assert shown(*pieces) == expected


@given(SOME, st.lists(st.integers(0, 60_000)))
@example(b"x" * MAX_LINE_BYTES + b"\r\nrest\n", [MAX_LINE_BYTES + 1])
@example(b"x" * 3 * MAX_LINE_BYTES + b"\r\nrest\n", [MAX_LINE_BYTES + 1, 3 * MAX_LINE_BYTES + 1])
def test_it_does_not_matter_where_the_pieces_end(data: bytes, cuts: list[int]) -> None:
    ends = sorted(min(cut, len(data)) for cut in cuts)
    pieces = [data[begin:end] for begin, end in zip([0, *ends], [*ends, len(data)], strict=True)]
    text = "".join(shown(*pieces))
    assert text == "".join(shown(data))
    assert not set(text) & {chr(each) for each in (*range(9), *range(11, 32), *range(127, 160))}


def test_F091_a_line_without_an_end_is_bounded() -> None:
    """What is held back never grows; the rest of such a line is left out, the next line is shown."""
    arriving = IncrementalSanitizer(sanitize)
    said = [arriving.feed(b"x" * 1000) for _ in range(1000)]
    assert "".join(said) == "x" * MAX_LINE_BYTES + "…\n"
    assert len(arriving._pending) <= 1
    assert arriving.feed(b"yyy\r\nnext\r\n") == "next\n"
    assert arriving.end() == ""


def test_a_long_line_is_cut_between_characters() -> None:
    assert "".join(shown("ž".encode() * MAX_LINE_BYTES)) == "ž" * (MAX_LINE_BYTES // 2 - 1) + "…\n"


def test_an_escape_sequence_that_never_ends_shows_nothing_of_itself() -> None:
    assert "".join(shown(b"\x1b]0;" + b"x" * 2 * MAX_LINE_BYTES, b"yyy\nlast\n")) == "\nlast\n"
