"""Decode bytes whatever their encoding: UTF-8, and line by line what else Western machines wrote. No I/O.

A line that is not UTF-8 is read as Windows-1252, the superset of Latin-1 that most such files are in; one such line
does not spoil a file. The octets 0x80-0x9F are letters and quotes there, and controls on a terminal:

- 0x9B (CSI) always begins a sequence; 0x90 (DCS) and 0x9D (OSC), undefined in Windows-1252, begin a string.
- 0x98, 0x9E, 0x9F (SOS, PM, APC) do if the string ends on the same line; else they are the letters they look like.
- 0x81, 0x8D, 0x8F mean nothing and are removed. All others are letters: 0x85 is an ellipsis, 0x9C an "œ".

Sequences stay in the text, as the controls U+0090, U+009B and U+009D; sanitize.py removes them.
"""

import codecs
import re

_MAX_LINES_READ_APART = 512  # with more such lines the file is not UTF-8 at all, and neither is its rest
_MAX_CONTROLS = 1 << 16  # 8-bit CSI or ST in one line; beyond that the text is dropped
_INVALID_OCTET = re.compile("[\udc80-\udcff]")
_SEQUENCE_STARTS = {0x90: "\x90", 0x9B: "\x9b", 0x9D: "\x9d"}
_TABLE = "".join(_SEQUENCE_STARTS.get(code) or bytes([code]).decode("cp1252", "replace") for code in range(256))
_UNDEFINED = b"\x81\x8d\x8f"
# The lead byte of a UTF-8 encoded control, in a line that is not UTF-8: 0xC2 is not a letter there.
_UTF8_LEAD = re.compile(b"\xc2(?=[\x90\x98\x9b-\x9f])")
_STRING_BODY = b"[^\x07\n\x1b\x90\x98\x9b-\x9f]*+(?:\x9c|\x1b\\\\)"
_STRING = re.compile(
    b"|".join([b"\x1b[\\]PX^_]" + _STRING_BODY, *(bytes([each]) + _STRING_BODY for each in b"\x90\x98\x9d\x9e\x9f")])
)


def decode_text(value: bytes) -> str:
    """Return *value* as text. Line ends may have become LF."""
    try:
        return value.decode()
    except UnicodeDecodeError:
        return _decode_line_by_line(
            value.replace(b"\r\n", b"\n").replace(b"\r", b"\n").decode("utf-8", "surrogateescape")
        )


def _decode_line_by_line(text: str) -> str:
    """Decode *text*, in which each octet that is not UTF-8 is a lone surrogate."""
    pieces: list[str] = []
    done = 0
    while bad := _INVALID_OCTET.search(text, done):
        start = max(text.rfind("\n", done, bad.start()) + 1, done)
        end = text.find("\n", bad.start()) if len(pieces) < 2 * _MAX_LINES_READ_APART else -1
        end = len(text) if end < 0 else end
        pieces += text[done:start], _decode_western(text[start:end].encode("utf-8", "surrogateescape"))
        done = end
    return "".join([*pieces, text[done:]])


def _decode_western(line: bytes) -> str:
    if line.count(b"\x9b") > _MAX_CONTROLS or line.count(b"\x9c") > _MAX_CONTROLS:
        return ""
    line = _UTF8_LEAD.sub(b"", line)
    if b"\x9c" in line or b"\x1b\\" in line:
        line = _STRING.sub(b"", line)
    line = line.translate(None, _UNDEFINED)
    return codecs.charmap_decode(line, "strict", _TABLE)[0]
