"""Sanitize text that arrives in pieces.

A piece may end inside a character, an escape sequence or a CRLF, so only whole lines are sanitized. Nothing whose
meaning depends on later bytes is returned before they have arrived.
"""

import re
from collections.abc import Callable

MAX_LINE_BYTES = 16 * 1024  # the rest of a longer line is dropped
_PLAIN_ASCII = re.compile(rb"(?:[\t\n\x20-\x7e]++|\r\n)*")
_LINE = re.compile(rb"[^\r\n]*(?:\r\n?|\n)")
_CUT_CHARACTER = re.compile(rb"[\xc2-\xf4][\x80-\xbf]{0,2}\Z")  # the first bytes of a UTF-8 character
TRUNCATION_MARK = b"\xe2\x80\xa6\n"


class IncrementalSanitizer:
    """Sanitizes line by line with *sanitize*. The result does not depend on how the bytes were cut into pieces."""

    def __init__(self, sanitize: Callable[[bytes], str]) -> None:
        self._sanitize = sanitize
        self._pending = bytearray()
        self._skipping_line = False

    def feed(self, data: bytes) -> str:
        """Take the next bytes; return the text that is complete, with LF as line end."""
        if self._pending.endswith(b"\r"):  # a CR ends a line unless LF follows
            del self._pending[-1:]
            data = b"\r" + data
        end = max(data.rfind(b"\n"), data.rfind(b"\r", 0, len(data) - 1)) + 1
        if not end:
            self._pending += data
            return self._flush_long_line()
        lines, rest = bytes(self._pending) + data[:end], data[end:]
        self._pending[:] = rest
        text = self._sanitize_lines(lines)
        return text + self._flush_long_line()

    def end(self) -> str:
        """Return the text that is left at the end of input."""
        rest = bytes(self._pending)
        self._pending.clear()
        return "" if self._skipping_line else self._sanitize(rest)

    def _sanitize_lines(self, data: bytes) -> str:
        if self._skipping_line:  # the next line end ends the dropped part
            match = _LINE.match(data)
            data = data[match.end() :] if match else b""
            self._skipping_line = False
        if len(data) <= MAX_LINE_BYTES and _PLAIN_ASCII.fullmatch(data):
            return data.decode("ascii").replace("\r\n", "\n")
        return "".join(map(self._sanitize, map(_truncate, _LINE.findall(data))))

    def _flush_long_line(self) -> str:
        """Return a truncated line if it has become too long, and skip the rest of it."""
        if self._skipping_line:
            del self._pending[: -1 if self._pending.endswith(b"\r") else None]
            return ""
        if len(self._pending) - self._pending.endswith(b"\r") <= MAX_LINE_BYTES:
            return ""
        text = self._sanitize(_truncate(bytes(self._pending)))
        self._skipping_line = True
        return text + self._flush_long_line()


def _truncate(line: bytes) -> bytes:
    """Return *line*, or the first MAX_LINE_BYTES of it and a mark."""
    if len(line.rstrip(b"\r\n")) <= MAX_LINE_BYTES:
        return line
    return _CUT_CHARACTER.sub(b"", line[:MAX_LINE_BYTES]) + TRUNCATION_MARK
