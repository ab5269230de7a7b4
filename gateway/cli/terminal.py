"""What of a finger server's answer may reach a terminal (RFC 1288 section 3.3): by default text that is clean, in the letters
that the locale has. Two options, one for the octets below 32 and one for those above 126, let them pass as they came."""

import locale
import re
from collections.abc import Callable

from ..outbound.incremental_sanitizer import IncrementalSanitizer
from ..text.decode import decode_text
from ..text.sanitize import sanitize, to_ascii

_LOW = re.compile("([\x00-\x08\x0b-\x1f]+)")
_STAND_INS = {octet: 0x2800 + octet for octet in range(127, 256)}  # Braille: letters that no sanitiser minds
_OCTETS = {letter: octet for octet, letter in _STAND_INS.items()}


class Terminal:
    """Takes an answer piece by piece and *write*s what may be seen of it. *control*: octets below 32 pass; *eight_bit*:
    those above 126 do."""

    def __init__(self, write: Callable[[bytes], object], control: bool, eight_bit: bool, encoding: str) -> None:
        self._write, self._encoding = write, encoding
        if control and eight_bit:
            self.feed: Callable[[bytes], object] = write
            self.end: Callable[[], object] = lambda: None
            return
        filtered = low_passes if control else sanitize
        show = self._as_bytes if eight_bit else self._encoded
        arriving = IncrementalSanitizer(high_stands_in if eight_bit else filtered)
        self.feed = lambda data: show(arriving.feed(data))
        self.end = lambda: show(arriving.end())

    def _encoded(self, text: str) -> None:
        """In the locale's letters; a line that needs others is told in ASCII."""
        if text:
            self._write(b"".join(_encode(line, self._encoding) for line in text.splitlines(keepends=True)))

    def _as_bytes(self, text: str) -> None:
        if text:
            self._write(text.translate(_OCTETS).encode("latin-1"))


def encoding_of_the_locale() -> str:
    """That of the terminal: what LC_ALL, LC_CTYPE or LANG say, whatever Python prefers."""
    return locale.getencoding()


def low_passes(line: bytes) -> str:
    """*line* with its octets below 32 as they came, but that CRLF is LF; of the rest, what is clean."""
    text = decode_text(line)
    if text.endswith("\r\n"):
        text = text[:-2] + "\n"
    return "".join(part if _LOW.fullmatch(part) else sanitize(part) for part in _LOW.split(text))


def high_stands_in(line: bytes) -> str:
    """*line* cleaned as if what is above 126 were letters, each of which stands for its octet."""
    return sanitize(line.decode("latin-1").translate(_STAND_INS))


def _encode(line: str, encoding: str) -> bytes:
    try:
        return line.encode(encoding)
    except UnicodeEncodeError:
        return to_ascii(line).encode(encoding, "replace")
