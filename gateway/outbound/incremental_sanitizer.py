"""Text that arrives in pieces, cleaned line by line: a piece may end amid a character, an escape sequence or a CRLF, and
nothing that depends on what comes next is shown before it came."""

import re
from collections.abc import Callable

MOST_LINE = 16 * 1024  # bytes that are held back for the end of a line; what comes behind them is left out
_HARMLESS = re.compile(rb"(?:[\t\n\x20-\x7e]++|\r\n)*+")
_LINE = re.compile(rb"[^\r\n]*(?:\r\n?|\n)")
_AMID = re.compile(rb"[\xc2-\xf4][\x80-\xbf]{0,2}\Z")  # the beginning of a character of UTF-8
MORE = b"\xe2\x80\xa6\n"


class IncrementalSanitizer:
    """Cleans with *clean*, which is given whole lines. The text is the same however the bytes were cut into pieces."""

    def __init__(self, clean: Callable[[bytes], str]) -> None:
        self._clean = clean
        self._held = bytearray()
        self._leaving_out = False

    def feed(self, data: bytes) -> str:
        """What can be shown now that *data* has come, lines ended by LF."""
        if self._held.endswith(b"\r"):  # a CR is a line's end by itself, unless LF follows
            del self._held[-1:]
            data = b"\r" + data
        end = max(data.rfind(b"\n"), data.rfind(b"\r", 0, len(data) - 1)) + 1
        if not end:
            self._held += data
            return self._bounded()
        lines, rest = bytes(self._held) + data[:end], data[end:]
        self._held[:] = rest
        text = self._lines(lines)
        return text + self._bounded()

    def end(self) -> str:
        """What is left when nothing comes any more."""
        rest = bytes(self._held)
        self._held.clear()
        return "" if self._leaving_out else self._clean(rest)

    def _lines(self, data: bytes) -> str:
        if self._leaving_out:  # the first end of a line ends what is left out
            match = _LINE.match(data)
            data = data[match.end() :] if match else b""
            self._leaving_out = False
        if len(data) <= MOST_LINE and _HARMLESS.fullmatch(data):
            return data.decode("ascii").replace("\r\n", "\n")
        return "".join(map(self._clean, map(_short, _LINE.findall(data))))

    def _bounded(self) -> str:
        """Gives up on a line that does not end."""
        if self._leaving_out:
            del self._held[: -1 if self._held.endswith(b"\r") else None]
            return ""
        if len(self._held) - self._held.endswith(b"\r") <= MOST_LINE:
            return ""
        text = self._clean(_short(bytes(self._held)))
        self._leaving_out = True
        return text + self._bounded()


def _short(line: bytes) -> bytes:
    """*line*, or as much of it as a line may have and a sign that there was more."""
    if len(line.rstrip(b"\r\n")) <= MOST_LINE:
        return line
    return _AMID.sub(b"", line[:MOST_LINE]) + MORE
