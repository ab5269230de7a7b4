"""Any bytes or text in, printable valid text out: the one sanitiser, used where text leaves the house.

It imports nothing of ours. What it promises: no C0 control but TAB and LF, no C1, no DEL, no escape sequence of any
family and none of its remains, no bidirectional override, no lone surrogate; every line end is one LF; cleaning twice
changes nothing. It leaves to its callers: line ends on the wire, width, length and markup.
"""

import re

_ENDS = re.compile("\r\n|[\r\x85\u2028\u2029]")
_SUSPECT = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b\u2028-\u202e\u2060\u2066-\u2069\ufeff\ufffe\uffff\ud800-\udfff]"
)
# Terminals obey these in the middle of a sequence, so they go before sequences are looked for.
_INERT = re.compile("[\x00-\x06\x0b\x0c\x0e-\x1a\x1c-\x1f\x7f\u200b\u202a-\u202e\u2060\u2066-\u2069\ufeff\ufffe\uffff]")
# ECMA-48: CSI (5.4), control strings (5.6) with ST or, as xterm has it, BEL; then ESC with its intermediates. A control
# string that never ends takes its line with it. No class holds a character that begins a sequence: linear time.
_SEQUENCE = re.compile(
    "(?:\x1b\\[|\x9b)[0-?]*[ -/]*[@-~]?"
    "|(?:\x1b[\\]PX^_]|[\x90\x98\x9d-\x9f])(?:[^\x07\x1b\x80-\x9f]*(?:\x07|\x1b\\\\|\x9c)|[^\x07\x1b\x80-\x9f\n]*)"
    "|\x1b[ -/]*[0-~]?"
)
_REST = re.compile("[\x07\x1b\x80-\x9f]")
_SURROGATE = re.compile("[\ud800-\udfff]")


def clean(value: str | bytes) -> str:
    """What may safely be shown of *value*, whatever it holds. Bytes that are not UTF-8 are read as Latin-1."""
    text = value if isinstance(value, str) else _decode(value)
    if not _SUSPECT.search(text):
        return text
    text = _INERT.sub("", _ENDS.sub("\n", text))
    text = _SEQUENCE.sub("", text)
    if "\b" in text:
        text = _overstruck(text)
    return _SURROGATE.sub("\ufffd", _REST.sub("", text))


def coloured(value: str | bytes) -> str:
    """The same, but that colours pass (ECMA-48 SGR)."""
    return clean(value)


def in_ascii(text: str) -> str:
    """*text* in the letters that ASCII has."""
    from anyascii import anyascii

    return anyascii(text)


def one_line(value: str | bytes) -> str:
    """*value* cleaned and on one line: each run of TABs and line ends becomes one blank."""
    text = clean(value)
    return re.sub("[\t\n]+", " ", text).strip() if "\n" in text or "\t" in text else text


def escaped(value: str, most: int = 64) -> str:
    """*value* as it may be repeated to whoever typed it: one line, controls spelled out, at most *most* characters."""
    cut = value if len(value) <= most else value[: most - 1] + "…"
    return cut if cut.isprintable() else "".join(c if c.isprintable() else ascii(c)[1:-1] for c in cut)


def _decode(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1")


def _overstruck(text: str) -> str:
    """Backspace and print again, as a printing terminal shows it: the later character stands."""
    kept: list[str] = []
    for character in text:
        if character != "\b":
            kept.append(character)
        elif kept and kept[-1] != "\n":
            kept.pop()
    return "".join(kept)
