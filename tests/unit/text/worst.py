"""Worst-case inputs for the sanitizer in any size, for the tests of linear time and for tests.bench."""

from collections.abc import Callable

MIB = 1 << 20


def _repeated(piece: str | bytes) -> Callable[[int], str | bytes]:
    unit = piece if isinstance(piece, bytes) else piece.encode("utf-8", "surrogatepass")
    return lambda size: piece * (size // len(unit))


def _once(head: str, piece: str, tail: str = "") -> Callable[[int], str]:
    return lambda size: head + piece * (size // len(piece.encode())) + tail


def _nested(opening: str, closing: str) -> Callable[[int], str]:
    return lambda size: opening * (size // 2 // len(opening.encode())) + closing * (size // 2 // len(closing.encode()))


# Each function makes an input of about that many bytes (text counted as UTF-8).
WORST: dict[str, Callable[[int], str | bytes]] = {
    "ASCII in lines": _repeated("Nothing of note in this one.\n"),
    "Chinese": _repeated("茶"),
    "ESC": _repeated("\x1b"),
    "ESC, LF": _repeated("\x1b\n"),
    "ESC, TAB": _repeated("\x1b\t"),
    "ESC c, letter": _repeated("\x1bca"),
    "ESC, é": _repeated("\x1bé"),
    "ESC, then blanks": _once("\x1b", " "),
    "ESC, blank": _repeated("\x1b "),
    "CSI": _repeated("\x1b["),
    "CSI, LF": _repeated("\x1b[\n"),
    "CSI, one parameter": _repeated("\x1b[1;"),
    "CSI, then digits": _once("\x1b[", "1"),
    "CSI, then digits, m": _once("\x1b[", "1", "m"),
    "CSI m": _repeated("\x1b[m"),
    "CSI m, letter": _repeated("\x1b[ma"),
    "CSI m, LF": _repeated("\x1b[m\n"),
    "CSI, 65 parameters": _repeated("\x1b[" + ";" * 65 + "m"),
    "CSI within CSI": _repeated("\x1b[\x1b[31m"),
    "8-bit CSI as bytes": _repeated(b"\x9b"),
    "8-bit CSI as bytes, LF": _repeated(b"\x9b\n"),
    "8-bit CSI as bytes, é": _repeated(b"\x9b\xe9"),
    "8-bit CSI as bytes, é, a little": lambda size: b"\x9b\xe9" * (size // 8) + b"\xe9" * (size // 4 * 3),
    "8-bit CSI m as bytes, letter": _repeated(b"\x9bma"),
    "8-bit CSI as UTF-8": _repeated("\x9b"),
    "8-bit CSI as UTF-8, LF": _repeated("\x9b\n"),
    "OSC": _repeated("\x1b]"),
    "OSC, LF": _repeated("\x1b]\n"),
    "OSC, ESC": _repeated("\x1b]\x1b"),
    "OSC in lines of text": _repeated("\x1b]a\nb"),
    "OSC, then lines": _once("\x1b]", "a\n"),
    "OSC, then lines, BEL": _once("\x1b]", "a\n", "\x07"),
    "BEL, letter": _repeated("\x07a"),
    "DCS in each line": _repeated("\x1bPq\n"),
    "8-bit DCS as bytes": _repeated(b"\x90a"),
    "8-bit PM as bytes": _repeated(b"\x9ea"),
    "8-bit PM, then ST": lambda size: b"\x9e" * (size - 1) + b"\x9c",
    "8-bit PM, ST in turn": _repeated(b"\x9e\x9ca"),
    "C2 as bytes": lambda size: b"\xc2" * size,
    "C1 as UTF-8, letter": _repeated("\x81a"),
    "C1 as bytes, letter": _repeated(b"\x81a"),
    "ST": _repeated("\x1b\\"),
    "letter, BS": _repeated("a\b"),
    "bold": _repeated("a\bab\bb"),
    "underlined": _repeated("_\ba"),
    "bold, not ASCII": _repeated("é\b"),
    "underlined after": _repeated("a\b_"),
    "blank, BS": _repeated(" \b"),
    "BS": _repeated("\b"),
    "BS, LF": _repeated("\b\n"),
    "letter, BS, LF": _repeated("a\b\n"),
    "two letters, two BS": _repeated("ab\b\b"),
    "letters, then as many BS": _nested("a", "\b"),
    "wide, then BS": _nested("茶", "\b"),
    "wide, BS": _repeated("茶\b"),
    "accents, BS": lambda size: "e" + "\u0301" * (size // 2 - 1) + "\b",
    "BS, accents": lambda size: "e\b" + "\u0301" * (size // 2 - 1),
    "accents with BS": _repeated("e\u0301\b"),
    "Chinese, one BS": _once("", "茶", "\b\bx"),
    "one BS, Chinese": _once("a\b", "茶"),
    "CR": _repeated("\r"),
    "CR LF": _repeated("\r\n"),
    "NEL, LS, PS": _repeated("\x85\u2028\u2029"),
    "NUL": _repeated("\x00"),
    "NUL, letter": _repeated("\x00a"),
    "every control, letters": _repeated("".join(chr(code) + "a" for code in range(32)) + "é"),
    "zero width space, letter": _repeated("\u200ba"),
    "override": _repeated("\u202e"),
    "isolates, nested": _nested("\u2067", "\u2069"),
    "embeddings, letters": _repeated("\u202ba\u202c"),
    "lone halves": _repeated("\ud800"),
    "lone halves, letters": _repeated("\ud800a"),
    "accents": lambda size: "e" + "\u0301" * (size // 2),
    "Latin-1": _repeated(b"\xe9"),
    "Latin-1 in lines": _repeated(b"\xe9\n"),
    "Latin-1 in every other line": _repeated(b"\xe9\n\n"),
    "Latin-1 in every other line of UTF-8": _repeated(b"\xc5\xbe\n\xe9\n"),
    "UTF-8 that fails at its end": lambda size: "茶".encode() * (size // 3) + b"\xe8",
    "UTF-8 in lines that fails at its end": lambda size: b"\xc5\xbe\n" * (size // 3) + b"\xe8",
    "UTF-8 cut off everywhere": _repeated(b"\xe8\x8c"),
    "all bytes": _repeated(bytes(range(256))),
}
