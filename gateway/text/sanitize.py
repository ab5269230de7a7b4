"""Any bytes or text in, printable valid text out: the one sanitiser, used where text leaves the house.

What it promises of clean():

- Valid Unicode without C0 controls but TAB and LF, without C1, DEL, lone surrogates, BOM and zero width space. Every
  line end (CRLF, CR, NEL, LS, PS) is one LF, so a plan that moves by bare CRs becomes lines.
- No escape sequence of any family (ECMA-48), as 7 or 8 bits, whole or cut off, and nothing of what it was made of:
  what stays is what a terminal would have printed. A line's end ends what has not ended, but that a control string
  which is closed on a later line takes the lines between.
- No bidirectional embedding, override or isolate: a later cut could not leave them balanced, and one that is open
  turns what follows. The marks LRM, RLM and ALM stay, which change only their own line; so Arabic and Hebrew read on.
  The joiners ZWJ and ZWNJ stay too: emoji and Persian are written with them.
- Overstrike is what a terminal shows (text.overstrike), and octets that are no UTF-8 are read as Western text
  (text.octets).
- Cleaning twice changes nothing, and clean pieces one after another are clean. Time grows as the text does; what has
  more sequences than any text has (_MOST) is not shown at all.

coloured() is the same, but that colours pass and are closed. It leaves to its callers: line ends on the wire, width,
length and markup.
"""

import re
from unicodedata import name

from .decode import decode_text
from .overstrike import resolve_overstrikes

RESET = "\x1b[0m"
_SUSPECT = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b\u2028-\u202e\u2060\u2066-\u206f\ufeff\ufffe\uffff\ud800-\udfff]"
)
_ENDS = ("\r\n", "\r", "\x85", "\u2028", "\u2029")
# Terminals obey these in the middle of a sequence, so they go before sequences are looked for.
_INERT = bytes([*range(0x07), 0x0B, 0x0C, *range(0x0E, 0x1B), *range(0x1C, 0x20), 0x7F])
_UNSEEN = re.compile("[\u200b\u202a-\u202e\u2060\u2066-\u206f\ufeff\ufffe\uffff]+")
# ECMA-48: CSI (5.4); control strings (5.6) with ST or, as xterm has it, BEL; ESC with its intermediates. BEL, BS and TAB
# do not end a sequence. No class of a string holds what begins a sequence, so the time is linear. What follows directly
# belongs to the same match, and each alternative begins with one character: re looks for these quickly.
_MEANWHILE = "\x07\b\t"
_CSI = f"[ -?{_MEANWHILE}]*+[@-~]?+"  # in whatever order
_LINE = "[^\0\x07\n\x1b\x80-\x9f]*+"
_END = "(?:\x07|\x1b\\\\|\x9c)"
_STRING = f"{_LINE}(?:{_END}|\n[^\0\x07\x1b\x80-\x9f]*+{_END})?+"
_ONE = (
    f"(?:\x1b[\x1b{_MEANWHILE}]*+(?:\\[{_CSI}|[\\]PX^_]{_STRING}|[ -/{_MEANWHILE}]*+[0-~]?+)|\x9b[\x9b{_MEANWHILE}]*+{_CSI}"
    f"|\x90{_STRING}|\x98{_STRING}|\x9d{_STRING}|\x9e{_STRING}|\x9f{_STRING})"
)
_SEQUENCE = re.compile(f"{_ONE}(?:{_ONE})*+")
_CUT_OFF = ("\x1b\n", "\x1b[\n", "\x9b\n", "\x90\n", "\x9d\n")
_MOST = 1 << 17  # ESC that begin sequences in one text; where there are more, it is no text, and nothing of it is shown
_REST = re.compile("[\x80-\x9f]+")
COLOUR = re.compile("(\x1b\\[[0-9;:]{0,64}m)")  # SGR; what is longer means nothing to any terminal
_CLOSED = re.compile("\x1b\\[[0;]*m")
_HALVES = re.compile("[\ud800-\udfff]+")


def sanitize(value: str | bytes) -> str:
    """What may safely be shown of *value*, whatever it holds."""
    text = value if isinstance(value, str) else decode_text(value)
    return text if text.isprintable() or not _SUSPECT.search(text) else _shown(_without_inert(text))


def sanitize_keeping_colour(value: str | bytes) -> str:
    """The same, but that colours pass: SGR (ECMA-48 8.3.117) of 7 bits. One that is open at the end is closed before the
    last line ends, so no colour leaves its text."""
    text = value if isinstance(value, str) else decode_text(value)
    if text.isprintable() or not _SUSPECT.search(text):
        return text
    pieces = COLOUR.split(_without_inert(text))
    pieces[::2] = _shown("\0".join(pieces[::2])).split("\0")  # NUL: nothing else is one by now
    return close_colours("".join(pieces))


def close_colours(text: str) -> str:
    """*text*, which is coloured, without a colour that is open at its end. For what was cut off of more."""
    last = text.rfind("\x1b[")
    if last < 0 or _CLOSED.match(text, last):
        return text
    end = len(text.rstrip("\n"))
    return text[:end] + RESET + text[end:]


def to_ascii(text: str) -> str:
    """*text* in the letters that ASCII has, as one who knows no others would write it. ASCII stays as it is, controls and
    colours too. What nobody could write is left out, rather than told by a question mark."""
    return text if text.isascii() else text.translate(_LETTERS)


def one_line(value: str | bytes) -> str:
    """*value* cleaned and on one line: each run of TABs and line ends becomes one blank."""
    text = sanitize(value)
    return re.sub("[\t\n]+", " ", text).strip() if "\n" in text or "\t" in text else text


def escape_controls(value: str, most: int = 64) -> str:
    """*value* as it may be repeated to whoever typed it: one line, controls spelled out, at most *most* characters."""
    cut = value if len(value) <= most else value[: most - 1] + "…"
    return cut if cut.isprintable() else "".join(c if c.isprintable() else ascii(c)[1:-1] for c in cut)


def _without_inert(text: str) -> str:
    """*text* with LF for every line end, and without what is neither seen nor part of a sequence."""
    for end in _ENDS:
        text = text.replace(end, "\n")
    try:
        octets = text.encode()
    except UnicodeEncodeError:
        octets = _HALVES.sub("\ufffd", text).encode()
    text = octets.translate(None, _INERT).decode()
    return text if text.isascii() else _UNSEEN.sub("", text)


def _shown(text: str) -> str:
    """*text* without sequences and overstrike. NUL stands for a colour, and stays."""
    for each in _CUT_OFF:  # for speed: what could be there most often
        text = text.replace(each, "\n")
    if text.count("\x1b") > _MOST:
        return "\0" * text.count("\0")
    text = _SEQUENCE.sub("", text).replace("\x07", "")
    if not text.isascii():
        text = _REST.sub("", text)
    return resolve_overstrikes(text) if "\b" in text else text


class _Letters(dict[int, str]):
    """Characters in ASCII, as they are asked for."""

    def __missing__(self, code: int) -> str:
        from anyascii import anyascii  # here, since few need it

        character = chr(code)
        letters = anyascii(character)
        if "?" in letters and not any(word in name(character, "") for word in ("QUESTION", "INTERROBANG")):
            letters = letters.replace("?", "")
        if len(self) >= _MOST_LETTERS:
            self.clear()
        self[code] = letters
        return letters


_MOST_LETTERS = 8192
_LETTERS = _Letters()
