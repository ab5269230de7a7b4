"""Octets to text, whatever they are in: UTF-8, and line by line what else Western machines wrote. Pure.

A line that is not UTF-8 is read as Windows-1252, the superset of Latin-1 that most such files are in; one such line
does not spoil a file. The octets 0x80-0x9F are letters and quotes there and controls on a terminal. What reads them:

- 0x9B (CSI) always begins a sequence, and 0x90 (DCS) and 0x9D (OSC), which Windows-1252 leaves free, a string.
- 0x98, 0x9E, 0x9F (SOS, PM, APC) do where the string ends on its line; else they are the letters that they look like.
- 0x81, 0x8D, 0x8F mean nothing and go. All others are letters: 0x85 is an ellipsis, no line end, and 0x9C an "œ".

Sequences stay in the text, as the controls U+0090, U+009B and U+009D, for text.clean to cut.
"""

import codecs
import re

_MOST = 512  # lines read apart; where there are more, the file is not UTF-8 at all, and neither is its rest
_MOST_CUT = 1 << 16  # CSI or ST of 8 bits in one line; where there are more, it is no text, and nothing of it is shown
_ESCAPED = re.compile("[\udc80-\udcff]")
_MEANT = {0x90: "\x90", 0x9B: "\x9b", 0x9D: "\x9d"}
_TABLE = "".join(_MEANT.get(code) or bytes([code]).decode("cp1252", "replace") for code in range(256))
_NOTHING = b"\x81\x8d\x8f"
# An 8-bit control as UTF-8 has it, in a line that is not UTF-8: 0xC2 is no letter there.
_FIRST = re.compile(b"\xc2(?=[\x90\x98\x9b-\x9f])")
_REST = b"[^\x07\n\x1b\x90\x98\x9b-\x9f]*+(?:\x9c|\x1b\\\\)"
_STRING = re.compile(
    b"|".join([b"\x1b[\\]PX^_]" + _REST, *(bytes([each]) + _REST for each in b"\x90\x98\x9d\x9e\x9f")])
)


def decode_text(value: bytes) -> str:
    """The text that *value* is. Line ends may have become LF."""
    try:
        return value.decode()
    except UnicodeDecodeError:
        return _line_by_line(value.replace(b"\r\n", b"\n").replace(b"\r", b"\n").decode("utf-8", "surrogateescape"))


def _line_by_line(text: str) -> str:
    """*text*, in which each octet that is not UTF-8 is half a character, as Python has it."""
    pieces: list[str] = []
    done = 0
    while bad := _ESCAPED.search(text, done):
        start = max(text.rfind("\n", done, bad.start()) + 1, done)
        end = text.find("\n", bad.start()) if len(pieces) < 2 * _MOST else -1
        end = len(text) if end < 0 else end
        pieces += text[done:start], _western(text[start:end].encode("utf-8", "surrogateescape"))
        done = end
    return "".join([*pieces, text[done:]])


def _western(line: bytes) -> str:
    if line.count(b"\x9b") > _MOST_CUT or line.count(b"\x9c") > _MOST_CUT:
        return ""
    line = _FIRST.sub(b"", line)
    if b"\x9c" in line or b"\x1b\\" in line:
        line = _STRING.sub(b"", line)
    line = line.translate(None, _NOTHING)
    return codecs.charmap_decode(line, "strict", _TABLE)[0]
