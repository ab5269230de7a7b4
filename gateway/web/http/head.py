"""The head of a request while it is read: its limits, and what is known of it so far."""

from typing import Any

MAX_REQUEST_LINE_BYTES = 8192
MAX_HEAD_BYTES = 16384  # request line and all header lines
MAX_HEADER_LINES = 100


class PartialHead:
    """Counts the lines of a head. *method* is known after the request line; Twisted keeps the rest to itself."""

    def __init__(self) -> None:
        self.method = ""
        self._last_line = b""
        self._bytes = self._lines = 0

    def read_request_line(self, line: bytes) -> None:
        """Note the method, even of a line that will be refused: an answer to HEAD has no body."""
        self.method = line.partition(b" ")[0].decode("ascii", "replace")

    def count(self, line: bytes) -> bool:
        """Count *line*; return whether the head is within its limits."""
        self._bytes += len(line) + 2
        self._lines += 1
        return self._bytes <= MAX_HEAD_BYTES and self._lines <= MAX_HEADER_LINES

    def keep(self, line: bytes) -> None:
        """Keep the last line, which Twisted parses only when the next one arrives."""
        self._last_line = line

    def accept(self, request: Any | None) -> str | None:
        """Return Accept as far as it was sent; *request* is Twisted's, None before its request line."""
        name, _, value = self._last_line.partition(b":")
        if name.lower() == b"accept":
            return value.strip().decode("latin-1")
        values = request.headers("accept") if request is not None else None
        return values[-1] if values else None
