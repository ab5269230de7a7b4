"""A person's texts as HTML: a plan with its addresses made links, a link's target judged, a face made from the name.
Everything is cleaned and escaped here, since templates let Markup pass."""

import re
import sys
import zlib

from markupsafe import Markup, escape

from ..text.sanitize import one_line, sanitize
from ..text.width import width

HUES = (0, 20, 40, 90, 140, 165, 190, 210, 235, 265, 295, 330)  # degrees, as style.css has them
LONG = 32  # cells; a longer line may have to be broken on a small screen
DEEPEST = 12  # cells of indentation that a broken line keeps
LOOKED = 8 * 1024  # characters of a plan in which its beginning is looked for

_ADDRESS = re.compile(r"(?<![\w+.-])https?://[\w\[][^\s<>\"\u3000-\u303f\uff00-\uffef]*", re.I)
_TARGET = re.compile(r"(?:(?:https?|gemini|gopher|finger|ircs?)://|mailto:|xmpp:)[^\s<>\"]+", re.I)
_MAIL = re.compile(r"[^\s@<>\"?&%:]+@[^\s@<>\"?&%:]+")
_GAP = re.compile(r"\S[ \t]{3,}\S")
_CLOSING = {")": "(", "]": "[", "}": "{"}


def plan(text: str, room: int = sys.maxsize, most: int = sys.maxsize) -> tuple[Markup, bool]:
    """*text* as written, its http addresses made links, as far as there is *room* for it, in bytes and up to *most* lines;
    and whether something had to go. A line that may be broken keeps its indentation then, by a class: "in" and the number
    of blanks before it. What is drawn is never broken."""
    cleaned = sanitize(text)
    whole = drawn(cleaned)
    shown: list[str] = []
    for line in cleaned.splitlines(keepends=True):
        made = _line(line, whole)
        if (size := len(made.encode())) > room or len(shown) == most:
            if not "".join(shown).strip():
                shown.append(_beginning_of(line, whole, room))
            return Markup("".join(shown)), True
        shown.append(made)
        room -= size
    return Markup("".join(shown)), False


def linked(text: str) -> Markup:
    """*text* on one line, its http addresses made links."""
    return Markup(_linked(one_line(text)))


def drawn(text: str) -> bool:
    """Is *text* a picture or a table, which falls apart when its lines are broken? Some lines of it then have gaps
    inside, or hold signs rather than letters."""
    lines = [line.strip() for line in sanitize(text).split("\n") if line.strip()]
    shapes = sum(1 for line in lines if _GAP.search(line) or _mostly_signs(line))
    return shapes >= 3 and shapes * 5 >= len(lines)


def target(url: str) -> str | None:
    """*url* where it may stand in a link, else None."""
    cleaned = one_line(url)
    return cleaned if _TARGET.fullmatch(cleaned) else None


def shortly(url: str) -> str:
    """*url* as it is read out: a web address without its scheme, nor the slash at its end."""
    return re.sub(r"^https?://(?=.)", "", one_line(url), count=1, flags=re.I).removesuffix("/")


def mail(address: str) -> str | None:
    cleaned = one_line(address)
    return f"mailto:{cleaned}" if _MAIL.fullmatch(cleaned) else None


def telephone(number: str) -> str | None:
    """A tel: address (RFC 3966) for a number with its country, None for any other."""
    digits = re.sub(r"[\s().-]", "", one_line(number))
    return f"tel:{digits}" if re.fullmatch(r"\+[0-9]{3,15}", digits) else None


def letters(name: str, login: str) -> str:
    """One or two letters that stand for a person."""
    words = [word for word in re.split(r"[\s_.-]+", one_line(name) or login) if word]
    first = next((word[0] for word in words if word[0].isalnum()), None) or (words[0][0] if words else "?")
    last = words[-1][0] if len(words) > 1 and words[-1][0].isalpha() and first.lower() != first.upper() else ""
    return (first + last).upper()


def hue(login: str) -> int:
    """Which of HUES is *login*'s, always the same."""
    return zlib.crc32(login.encode()) % len(HUES)


def cut(text: str, most: int) -> tuple[str, bool]:
    """*text* up to the last whole line within *most* characters, and whether something had to go."""
    if len(text) <= most:
        return text, False
    return text[:most].rpartition("\n")[0] or text[:most], True


def beginning(text: str) -> str:
    """The first line of *text* that says something: not one of a drawing."""
    lines = [line.strip() for line in sanitize(text[:LOOKED]).split("\n") if line.strip()]
    return next((line for line in lines if any(map(str.isalnum, line)) and not _mostly_signs(line)), "")


def _mostly_signs(line: str) -> bool:
    """A rule made of one sign, as in "-----", is no picture yet."""
    letters = sum(map(str.isalnum, line))
    return 2 * letters < len(line) and len(set(line)) > 2


def _line(line: str, whole: bool) -> str:
    linked = _linked(line)
    if whole or width(line.rstrip("\n")) <= LONG:
        return linked
    indent = min(len(line) - len(line.lstrip(" ")), DEEPEST)
    return f'<span class="in{indent}" dir="auto">{linked}</span>'


def _beginning_of(line: str, whole: bool, room: int) -> str:
    """As much of a *line* without end as there is *room* for."""
    line = line[:room]
    while len((made := _line(line, whole)).encode()) > room:
        line = line[: len(line) // 2]
    return made


def _linked(line: str) -> str:
    """*line* as HTML. Markup would be built anew with each of its pieces."""
    made: list[str] = []
    done = 0
    for match in _ADDRESS.finditer(line):
        url = _without_punctuation(match[0])
        shown = escape(url)
        made += (escape(line[done : match.start()]), f'<a href="{shown}" rel="nofollow ugc">{shown}</a>')
        done = match.start() + len(url)
    return "".join((*made, escape(line[done:])))


def _without_punctuation(url: str) -> str:
    """*url* without what belongs to the sentence around it: closing brackets stay where they are opened inside."""
    unopened = {closing: url.count(closing) - url.count(opening) for closing, opening in _CLOSING.items()}
    end = len(url)
    while True:
        last = url[end - 1]
        if last in _CLOSING and unopened[last] > 0:
            unopened[last] -= 1
        elif last not in ".,;:!?'*~":
            return url[:end]
        end -= 1
