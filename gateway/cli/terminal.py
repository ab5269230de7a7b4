"""What of a finger server's answer may reach a terminal (RFC 1288 section 3.3).

By default sanitized text in the locale's character set. Two options let octets below 32, and above 126, pass through
unchanged.
"""

import locale
import re
from collections.abc import Callable

from ..outbound.incremental_sanitizer import IncrementalSanitizer
from ..text.decode import decode_text
from ..text.sanitize import sanitize, to_ascii

_CONTROL_RUN = re.compile("([\x00-\x08\x0b-\x1f]+)")
_STAND_INS = {octet: 0x2800 + octet for octet in range(127, 256)}  # Braille: letters that the sanitizer keeps
_OCTET_OF_STAND_IN = {letter: octet for octet, letter in _STAND_INS.items()}


class SafeTerminal:
    """Takes an answer in pieces and passes what is safe to *write*.

    *control* lets octets below 32 pass through, *eight_bit* those above 126.
    """

    def __init__(self, write: Callable[[bytes], object], control: bool, eight_bit: bool, encoding: str) -> None:
        self._write, self._encoding = write, encoding
        if control and eight_bit:
            self.feed: Callable[[bytes], object] = write
            self.end: Callable[[], object] = lambda: None
            return
        filtered = keep_controls if control else sanitize
        show = self._write_octets if eight_bit else self._write_encoded
        arriving = IncrementalSanitizer(keep_high_octets if eight_bit else filtered)
        self.feed = lambda data: show(arriving.feed(data))
        self.end = lambda: show(arriving.end())

    def _write_encoded(self, text: str) -> None:
        """Write text in the locale's character set; a line that it cannot express is transliterated to ASCII."""
        if text:
            self._write(b"".join(_encode(line, self._encoding) for line in text.splitlines(keepends=True)))

    def _write_octets(self, text: str) -> None:
        if text:
            self._write(text.translate(_OCTET_OF_STAND_IN).encode("latin-1"))


def locale_encoding() -> str:
    """Return the encoding of LC_ALL, LC_CTYPE or LANG, whatever Python's own default is."""
    return locale.getencoding()


def keep_controls(line: bytes) -> str:
    """Return *line* with its octets below 32 unchanged (but CRLF as LF), and the rest sanitized."""
    text = decode_text(line)
    if text.endswith("\r\n"):
        text = text[:-2] + "\n"
    return "".join(part if _CONTROL_RUN.fullmatch(part) else sanitize(part) for part in _CONTROL_RUN.split(text))


def keep_high_octets(line: bytes) -> str:
    """Return *line* sanitized, with each octet above 126 as a letter that stands for it."""
    return sanitize(line.decode("latin-1").translate(_STAND_INS))


def _encode(line: str, encoding: str) -> bytes:
    try:
        return line.encode(encoding)
    except UnicodeEncodeError:
        return to_ascii(line).encode(encoding, "replace")
