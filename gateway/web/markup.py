"""A person's texts as HTML: plans with links, safe link targets, initials and colours of avatars.

Everything is sanitised and escaped here, because templates pass Markup through unchanged.
"""

import re
import sys
import zlib

from markupsafe import Markup, escape

from ..text.sanitize import one_line, sanitize
from ..text.width import width

AVATAR_HUES = (
    0,
    20,
    40,
    90,
    140,
    165,
    190,
    210,
    235,
    265,
    295,
    330,
)  # degrees on the colour wheel, repeated in style.css
WRAP_CELLS = 32  # cells; a longer line may be wrapped on a small screen
MAX_INDENT_CELLS = 12  # of a wrapped line
MAX_SCANNED_CHARACTERS = 8 * 1024  # of a plan, to find its first line of text

_ADDRESS = re.compile(r"(?<![\w+.-])https?://[\w\[][^\s<>\"\u3000-\u303f\uff00-\uffef]*", re.I)
_TARGET = re.compile(r"(?:(?:https?|gemini|gopher|finger|ircs?)://|mailto:|xmpp:)[^\s<>\"]+", re.I)
_MAIL = re.compile(r"[^\s@<>\"?&%:]+@[^\s@<>\"?&%:]+")
_GAP = re.compile(r"\S[ \t]{3,}\S")
_CLOSING = {")": "(", "]": "[", "}": "{"}


def plan_html(text: str, max_bytes: int = sys.maxsize, max_lines: int = sys.maxsize) -> tuple[Markup, bool]:
    """Return *text* as written, with its http addresses as links, and whether something had to be left out.

    At most *max_bytes* bytes of HTML and *max_lines* lines. A long line gets a class that keeps its indentation when
    the browser wraps it: "in" and the number of blanks before it. Drawings are never wrapped.
    """
    text = sanitize(text)
    is_drawn = is_drawing(text)
    shown: list[str] = []
    for line in text.splitlines(keepends=True):
        html = _line_html(line, is_drawn)
        if (size := len(html.encode())) > max_bytes or len(shown) == max_lines:
            if not "".join(shown).strip():
                shown.append(_first_part_of(line, is_drawn, max_bytes))
            return Markup("".join(shown)), True
        shown.append(html)
        max_bytes -= size
    return Markup("".join(shown)), False


def linkify(text: str) -> Markup:
    """Return *text* on one line, with its http addresses as links."""
    return Markup(_linkify_line(one_line(text)))


def is_drawing(text: str) -> bool:
    """Return whether *text* is a drawing or a table, which wrapping would destroy.

    Some of its lines then have gaps inside, or more symbols than letters.
    """
    lines = [line.strip() for line in sanitize(text).split("\n") if line.strip()]
    shapes = sum(1 for line in lines if _GAP.search(line) or _is_mostly_symbols(line))
    return shapes >= 3 and shapes * 5 >= len(lines)


def safe_url(url: str) -> str | None:
    """Return *url* if it may be the target of a link, else None."""
    url = one_line(url)
    return url if _TARGET.fullmatch(url) else None


def short_url(url: str) -> str:
    """Return *url* as people read it: a web address without its scheme and final slash."""
    return re.sub(r"^https?://(?=.)", "", one_line(url), count=1, flags=re.I).removesuffix("/")


def mailto_url(address: str) -> str | None:
    """Return a mailto: URL, None for anything that is not a plain address."""
    address = one_line(address)
    return f"mailto:{address}" if _MAIL.fullmatch(address) else None


def tel_url(number: str) -> str | None:
    """Return a tel: URL (RFC 3966) for a number with a country code, None for any other."""
    digits = re.sub(r"[\s().-]", "", one_line(number))
    return f"tel:{digits}" if re.fullmatch(r"\+[0-9]{3,15}", digits) else None


def initials(name: str, login: str) -> str:
    """Return one or two letters for a person's avatar."""
    words = [word for word in re.split(r"[\s_.-]+", one_line(name) or login) if word]
    first = next((word[0] for word in words if word[0].isalnum()), None) or (words[0][0] if words else "?")
    last = words[-1][0] if len(words) > 1 and words[-1][0].isalpha() and first.lower() != first.upper() else ""
    return (first + last).upper()


def hue_index(login: str) -> int:
    """Return the index in AVATAR_HUES for *login*, always the same."""
    return zlib.crc32(login.encode()) % len(AVATAR_HUES)


def cut_at_line(text: str, max_length: int) -> tuple[str, bool]:
    """Return *text* up to the last whole line within *max_length* characters, and whether something was cut."""
    if len(text) <= max_length:
        return text, False
    return text[:max_length].rpartition("\n")[0] or text[:max_length], True


def first_text_line(text: str) -> str:
    """Return the first line of *text* that is a sentence rather than part of a drawing, "" without one."""
    lines = [line.strip() for line in sanitize(text[:MAX_SCANNED_CHARACTERS]).split("\n") if line.strip()]
    return next((line for line in lines if any(map(str.isalnum, line)) and not _is_mostly_symbols(line)), "")


def _is_mostly_symbols(line: str) -> bool:
    """Return whether a line has more symbols than letters. A rule of one symbol ("-----") does not count."""
    letters = sum(map(str.isalnum, line))
    return 2 * letters < len(line) and len(set(line)) > 2


def _line_html(line: str, is_drawn: bool) -> str:
    linked = _linkify_line(line)
    if is_drawn or width(line.rstrip("\n")) <= WRAP_CELLS:
        return linked
    indent = min(len(line) - len(line.lstrip(" ")), MAX_INDENT_CELLS)
    return f'<span class="in{indent}" dir="auto">{linked}</span>'


def _first_part_of(line: str, is_drawn: bool, max_bytes: int) -> str:
    """Return as much of a very long *line* as fits in *max_bytes* of HTML."""
    line = line[:max_bytes]
    while len((html := _line_html(line, is_drawn)).encode()) > max_bytes:
        line = line[: len(line) // 2]
    return html


def _linkify_line(line: str) -> str:
    """Return *line* as HTML. Strings are joined, because adding Markup would copy it each time."""
    html: list[str] = []
    done = 0
    for match in _ADDRESS.finditer(line):
        url = _without_punctuation(match[0])
        shown = escape(url)
        html += (escape(line[done : match.start()]), f'<a href="{shown}" rel="nofollow ugc">{shown}</a>')
        done = match.start() + len(url)
    return "".join((*html, escape(line[done:])))


def _without_punctuation(url: str) -> str:
    """Return *url* without the punctuation of the sentence around it.

    A closing bracket stays if it is opened inside.
    """
    unopened = {closing: url.count(closing) - url.count(opening) for closing, opening in _CLOSING.items()}
    end = len(url)
    while True:
        last = url[end - 1]
        if last in _CLOSING and unopened[last] > 0:
            unopened[last] -= 1
        elif last not in ".,;:!?'*~":
            return url[:end]
        end -= 1
