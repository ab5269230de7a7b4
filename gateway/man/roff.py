"""Write a manual page with the macros of man(7)."""

import re
from collections.abc import Iterable

from .. import __version__

_SPECIAL = {"\\": r"\e", "-": r"\-", "'": r"\(aq", "`": r"\(ga", "^": r"\(ha", "~": r"\(ti", '"': r"\(dq"}
_MARKED = re.compile(r"(?<![^\s(])(\*\w+\*|`[^`]+`)")


def escape(text: str) -> str:
    """Escape *text*, so that roff shows each character as it is; the result is ASCII."""
    escaped = "".join(_SPECIAL.get(each, each if each.isascii() else f"\\[u{ord(each):04X}]") for each in text)
    return rf"\&{escaped}" if escaped.startswith(".") else escaped


def escape_prose(text: str) -> str:
    """Escape *text* as one line, with `code` and the *names* of docstrings in bold."""
    pieces = _MARKED.split(" ".join(text.split()))
    return "".join(
        rf"\fB{escape(piece[1:-1])}\fR" if number % 2 else escape(piece) for number, piece in enumerate(pieces)
    )


class ManPage:
    """A manual page that is written from top to bottom. Everything but *section* is plain text, escaped here."""

    def __init__(self, name: str, section: int, summary: str) -> None:
        self._lines = [
            rf'.TH {escape(name.upper())} {section} "" "{escape(f"finger-gateway {__version__}")}"',
            ".SH NAME",
            rf"{escape(name)} \- {escape(summary)}",
        ]

    def add_section(self, title: str) -> None:
        """Begin a section."""
        self._lines.append(f".SH {escape(title)}")

    def add_subsection(self, title: str) -> None:
        """Begin a subsection."""
        self._lines.append(f".SS {escape(title)}")

    def add_paragraph(self, text: str) -> None:
        """Add filled text; see escape_prose for its marks."""
        self._begin_paragraph()
        self._lines.append(escape_prose(text))

    def add_literal(self, lines: Iterable[str]) -> None:
        """Add lines that are shown as they are."""
        self._begin_paragraph()
        self._lines += [".EX", *map(escape, lines), ".EE"]

    def add_item(self, tag: str, text: str) -> None:
        """Add a tag in bold with indented text, which may be empty."""
        self._lines += [".TP", rf"\fB{escape(tag)}\fR", *filter(None, [escape_prose(text)])]

    def render(self) -> str:
        """Return the page."""
        return "\n".join([*self._lines, ""])

    def _begin_paragraph(self) -> None:
        if not self._lines[-1].startswith((".SH", ".SS")):  # a heading begins one
            self._lines.append(".PP")
