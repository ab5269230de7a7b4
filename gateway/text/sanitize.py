"""The one sanitizer: any bytes or text in, printable valid text out. It is used where text leaves the gateway.

What it promises of sanitize():

- Valid Unicode without C0 controls but TAB and LF, without C1, DEL, lone surrogates, BOM and zero width space. Every
  line end (CRLF, CR, NEL, LS, PS) becomes LF, so that a plan that moves by bare CRs becomes lines.
- No escape sequence of any family (ECMA-48), of 7 or 8 bits, whole or cut off, and no part of one: what stays is what
  a terminal would have printed. A line end ends an open sequence, but a control string that is closed on a later line
  takes the lines in between with it.
- No bidirectional embedding, override or isolate: a later cut could leave them unbalanced, and an open one affects
  what follows. The marks LRM, RLM and ALM stay, which affect only their own line; so do the joiners ZWJ and ZWNJ,
  which emoji and Persian need.
- Overstrike as a terminal shows it (overstrike.py); octets that are not UTF-8 as Western text (decode.py).
- Sanitizing twice changes nothing, and joined sanitized pieces are sanitized. Time is linear; text with more sequences
  than any real text has is not shown at all.

sanitize_keeping_colour() is the same, except that colours pass and are closed. Line ends on the wire, width, length and
markup are the caller's.
"""

import re
from unicodedata import name

from .decode import decode_text
from .overstrike import resolve_overstrikes

RESET = "\x1b[0m"
_SUSPECT = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b\u2028-\u202e\u2060\u2066-\u206f\ufeff\ufffe\uffff\ud800-\udfff]"
)
_LINE_ENDS = ("\r\n", "\r", "\x85", "\u2028", "\u2029")
# Terminals ignore or obey these inside a sequence, so they are removed before sequences are looked for.
_IGNORED_CONTROLS = bytes([*range(0x07), 0x0B, 0x0C, *range(0x0E, 0x1B), *range(0x1C, 0x20), 0x7F])
_INVISIBLE = re.compile("[\u200b\u202a-\u202e\u2060\u2066-\u206f\ufeff\ufffe\uffff]+")
# ECMA-48: CSI (5.4); control strings (5.6) with ST or, as xterm has it, BEL; ESC with its intermediates. BEL, BS and TAB
# do not end a sequence. No class of a string holds what begins a sequence, so the time is linear. What follows directly
# belongs to the same match, and each alternative begins with one character: re looks for these quickly.
_OBEYED_INSIDE = "\x07\b\t"
_CSI = f"[ -?{_OBEYED_INSIDE}]*+[@-~]?+"  # in any order
_LINE = "[^\0\x07\n\x1b\x80-\x9f]*+"
_END = "(?:\x07|\x1b\\\\|\x9c)"
# An empty alternative, not a possessive "?+": before Python 3.11.5 that swallows what its group had read before it failed.
_STRING = f"{_LINE}(?:{_END}|\n[^\0\x07\x1b\x80-\x9f]*+{_END}|)"
_ONE_SEQUENCE = (
    f"(?:\x1b[\x1b{_OBEYED_INSIDE}]*+(?:\\[{_CSI}|[\\]PX^_]{_STRING}|[ -/{_OBEYED_INSIDE}]*+[0-~]?+)"
    f"|\x9b[\x9b{_OBEYED_INSIDE}]*+{_CSI}"
    f"|\x90{_STRING}|\x98{_STRING}|\x9d{_STRING}|\x9e{_STRING}|\x9f{_STRING})"
)
_SEQUENCE = re.compile(f"{_ONE_SEQUENCE}(?:{_ONE_SEQUENCE})*+")
_COMMON_FRAGMENTS = ("\x1b\n", "\x1b[\n", "\x9b\n", "\x90\n", "\x9d\n")
_MAX_SEQUENCES = 1 << 17  # in one text; beyond that the text is dropped
_C1_CONTROLS = re.compile("[\x80-\x9f]+")
COLOUR = re.compile("(\x1b\\[[0-9;:]{0,64}m)")  # SGR; no terminal understands longer ones
_RESET_SEQUENCE = re.compile("\x1b\\[[0;]*m")
_SURROGATES = re.compile("[\ud800-\udfff]+")


def sanitize(value: str | bytes) -> str:
    """Return what may safely be shown of *value*, whatever it holds."""
    text = value if isinstance(value, str) else decode_text(value)
    return text if text.isprintable() or not _SUSPECT.search(text) else _remove_sequences(_normalize(text))


def sanitize_keeping_colour(value: str | bytes) -> str:
    """Return *value* sanitized, with colours: SGR (ECMA-48 8.3.117) of 7 bits.

    A colour that is open at the end is closed before the last line ends, so that no colour leaves its text.
    """
    text = value if isinstance(value, str) else decode_text(value)
    if text.isprintable() or not _SUSPECT.search(text):
        return text
    pieces = COLOUR.split(_normalize(text))
    pieces[::2] = _remove_sequences("\0".join(pieces[::2])).split("\0")  # NUL is free: every other one has been removed
    return close_colours("".join(pieces))


def close_colours(text: str) -> str:
    """Return *text* with a colour that is open at its end closed. For coloured text that was cut."""
    last = text.rfind("\x1b[")
    if last < 0 or _RESET_SEQUENCE.match(text, last):
        return text
    end = len(text.rstrip("\n"))
    return text[:end] + RESET + text[end:]


def to_ascii(text: str) -> str:
    """Return *text* transliterated to ASCII. ASCII stays as it is, with controls and colours.

    Characters without a transliteration are left out rather than shown as a question mark.
    """
    return text if text.isascii() else text.translate(_ASCII_TABLE)


def one_line(value: str | bytes) -> str:
    """Return *value* sanitized and on one line: each run of TABs and line ends becomes one space."""
    text = sanitize(value)
    return re.sub("[\t\n]+", " ", text).strip() if "\n" in text or "\t" in text else text


def escape_controls(value: str, max_characters: int = 64) -> str:
    """Return *value* as it may be repeated to a client: one line, controls escaped, at most *max_characters*."""
    cut = value if len(value) <= max_characters else value[: max_characters - 1] + "…"
    return cut if cut.isprintable() else "".join(c if c.isprintable() else ascii(c)[1:-1] for c in cut)


def _normalize(text: str) -> str:
    """Return *text* with LF for every line end, and without what is invisible and not part of a sequence."""
    for end in _LINE_ENDS:
        text = text.replace(end, "\n")
    try:
        octets = text.encode()
    except UnicodeEncodeError:
        octets = _SURROGATES.sub("\ufffd", text).encode()
    text = octets.translate(None, _IGNORED_CONTROLS).decode()
    return text if text.isascii() else _INVISIBLE.sub("", text)


def _remove_sequences(text: str) -> str:
    """Return *text* without sequences and overstrike. NUL stands for a colour, and stays."""
    for each in _COMMON_FRAGMENTS:  # for speed: what is most frequent
        text = text.replace(each, "\n")
    if text.count("\x1b") > _MAX_SEQUENCES:
        return "\0" * text.count("\0")
    text = _SEQUENCE.sub("", text).replace("\x07", "")
    if not text.isascii():
        text = _C1_CONTROLS.sub("", text)
    return resolve_overstrikes(text) if "\b" in text else text


class _AsciiTable(dict[int, str]):
    """A translation table to ASCII that fills itself."""

    def __missing__(self, code: int) -> str:
        from anyascii import anyascii  # slow to import, and few texts need it

        character = chr(code)
        letters = anyascii(character)
        if "?" in letters and not any(word in name(character, "") for word in ("QUESTION", "INTERROBANG")):
            letters = letters.replace("?", "")
        if len(self) >= _MAX_TABLE_ENTRIES:
            self.clear()
        self[code] = letters
        return letters


_MAX_TABLE_ENTRIES = 8192
_ASCII_TABLE = _AsciiTable()
