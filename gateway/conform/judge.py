"""What bytes mean: faults of a reply's form, and what an answer says whose wording nobody knows beforehand. Pure."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

MOST_NAME = 200  # letters of a full name
# What servers say of somebody they do not know, when they refuse, when they pass on, when they have enough of us.
_UNKNOWN = re.compile(
    r"no such|not found|non-?existent|unknown (user|name|person|login)|does(n't| not) exist|no match|not known|isn't known"
    r"|no user\b|nobody (here )?(is called|by|with|named)|no one (is called|by|named)|invalid|not a valid|never heard"
    r"|no information|\?\?\?|illegal|malformed|mistake in",
    re.I,
)
_REFUSED = re.compile(
    r"denied|deny|refus|not (allowed|permitted|supported|available|provided|enabled|forward)|forbid|forbidden|prohibit"
    r"|disabled|no forwarding|does(n't| not) forward|won't|will not|sorry|turned off|switched off|is off\b",
    re.I,
)
_FORWARDED = re.compile(
    r"unknown host|could not resolve|cannot resolve|not resolve|name or service|no address|host not found|no such host"
    r"|connection (refused|timed|failed)|cannot (reach|connect)|unreachable|^\[[\w.:-]+\]",
    re.I | re.M,
)
_NOBODY_ON = re.compile(r"no ?one|nobody|no users|not logged|0 users|is empty", re.I)
_LIMITED = re.compile(r"too many|rate limit|slow down|try again in", re.I)
_SECONDS = re.compile(r"(\d+) ?s(?:ec|econds?)?\b", re.I)
_USAGE = re.compile(r"usage:|(invalid|illegal|unrecogni[sz]ed|unknown) option|try .{0,200}--help|--version", re.I)
_FULL_NAME = re.compile(
    r"(?<!login )(?<!user )(?<!nick)\b(?:in real life|full ?name|real ?name|name)[ \t.]*:"
    r"[ \t]*([^\r\n\t]+?)(?:[ \t]{2,}|\t|[ \t]*\r?$)",
    re.I | re.M,
)
_LOGIN = re.compile(r"[^\W\d][\w.-]{0,31}\Z")
_HEADING = re.compile(r"^[ \t]*(login|user)\w*\b.*\bname\b", re.I)
_PATHS = re.compile(r"(?<![\w:/.@-])/{1,2}(?:home|root|usr|bin|sbin|etc|var|export|dev|tmp|opt|nonexistent)\b[^\s]*")
_PRIVATE = re.compile(
    r"(?:^|\t) *(directory|shell|mail forwarded to|home)[ \t]*:|no mail\.|(new )?mail (last read|received)",
    re.I | re.M,
)
_STATUS = re.compile(
    r"last (log|seen|on\b)|on since|never logged|not logged|logged (in|on)|no login|^on:|^seen", re.I | re.M
)
_BARE = re.compile(rb"(?<!\r)\n|\r(?!\n)")
_ESCAPE = re.compile(rb"\x1b")
_C1 = re.compile("[\x80-\x9f]")
_C0 = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1a\x1c-\x1f\x7f]")
# Words of headings and labels, and of dates.
_EMPTY_WORDS = frozenset(
    re.findall(
        r"\w+",
        """login name tty idle when where from office phone job plan project mon tue wed thu fri sat sun jan feb mar apr may
        jun jul aug sep oct nov dec the and not now last seen since user users logged""",
    )
)
_OPENS, _CLOSES = {"\u202a": "\u202c", "\u202b": "\u202c", "\u202d": "\u202c", "\u202e": "\u202c",
                   "\u2066": "\u2069", "\u2067": "\u2069", "\u2068": "\u2069"}, "\u202c\u2069"  # fmt: skip


def text(data: bytes) -> str:
    return data.decode("utf-8", "replace")


# form


def bare(data: bytes) -> int | None:
    """Where the first line end is that is not CRLF; the length where the last line has none."""
    if found := _BARE.search(data):
        return found.start()
    return None if data.endswith(b"\r\n") or not data else len(data)


def not_utf8(data: bytes) -> int | None:
    """Where the first byte is that is no UTF-8."""
    try:
        data.decode()
    except UnicodeDecodeError as error:
        return error.start
    return None


def escape(data: bytes) -> int | None:
    """Where the first ESC is."""
    return found.start() if (found := _ESCAPE.search(data)) else None


def eight_bit(data: bytes) -> int | None:
    """Where the first C1 control is, as UTF-8, or as a byte of a reply that is no UTF-8."""
    try:
        found = _C1.search(data.decode())
        return len(data.decode()[: found.start()].encode()) if found else None
    except UnicodeDecodeError:
        found_byte = re.search(rb"(?<![\x80-\xff])[\x80-\x9f]", data)
        return found_byte.start() if found_byte else None


def control(data: bytes) -> int | None:
    """Where the first control character is that is neither TAB, CR, LF nor ESC."""
    return found.start() if (found := _C0.search(data)) else None


def bidi(data: bytes) -> int | None:
    """Where a bidi control is that its line leaves open, or a BOM at the start."""
    if data.startswith(b"\xef\xbb\xbf"):
        return 0
    at = 0
    for line in data.decode("utf-8", "surrogateescape").splitlines(keepends=True):
        expected: list[tuple[str, int]] = []
        for place, letter in enumerate(line):
            if letter in _OPENS:
                expected.append((_OPENS[letter], place))
            elif letter in _CLOSES and expected and expected[-1][0] == letter:
                expected.pop()
        if expected:
            return at + len(line[: expected[0][1]].encode("utf-8", "surrogateescape"))
        at += len(line.encode("utf-8", "surrogateescape"))
    return None


# meaning


def blank(data: bytes) -> bool:
    return not data.strip()


def unknown(data: bytes) -> bool:
    """Does it say that somebody is not known, and tell nobody's name?"""
    return bool(_UNKNOWN.search(text(data))) and not full_name(data)


def refused(data: bytes) -> bool:
    """Does it say that something is not done here?"""
    return bool(_REFUSED.search(text(data)))


def forwarded(data: bytes) -> bool:
    """Does it say that another host was looked for, or asked?"""
    return bool(_FORWARDED.search(text(data)))


def nobody_on(data: bytes) -> bool:
    return bool(_NOBODY_ON.search(text(data)))


def usage(data: bytes) -> bool:
    """Is it what a program says to options that it does not know?"""
    return bool(_USAGE.search(text(data)))


def limited(data: bytes) -> float | None:
    """Seconds to wait, where it says that there were too many queries; a few where it does not say how many."""
    said = text(data)
    if len(said) > 300 or not _LIMITED.search(said):
        return None
    seconds = _SECONDS.search(said)
    return float(seconds[1]) if seconds else 2.0


def skeleton(data: bytes, *names: bytes) -> str:
    """What stays the same when the same is asked again later, or of another name: numbers and blanks aside."""
    said = text(data).lower()
    for name in sorted(filter(None, names), key=len, reverse=True):
        said = re.sub(rf"(?<!\w){re.escape(text(name).lower())}(?!\w)", "<name>", said)
    said = re.sub(r"\d+", "#", said)
    return re.sub(r"\b(second|minute|hour|day)s\b", r"\1", re.sub(r"\s+", " ", said)).strip()


def alike(one: bytes, other: bytes, *names: bytes) -> bool:
    """Is it the same answer, but for what time changes, and for *names*?"""
    return skeleton(one, *names) == skeleton(other, *names)


def named(line: bytes) -> tuple[bytes, ...]:
    """What a server may repeat of *line*: the whole, and each name in it."""
    line = line.strip()
    return (line, *(word for word in line.split() if len(word) > 1 and not word.startswith(b"/")))


def words(data: bytes) -> set[str]:
    """Words of three letters and more that tell something."""
    return {word for word in re.findall(r"[^\W\d_]{3,}", text(data).lower()) if word not in _EMPTY_WORDS}


def full_name(data: bytes) -> str:
    """The full name in an answer about somebody, or nothing."""
    found = _FULL_NAME.search(text(data))
    name = found[1][:MOST_NAME] if found else ""
    return re.sub(r"\s*\(.*\)$", "", name).strip() if name.strip("? ") else ""


def private(data: bytes) -> str:
    """What an answer tells of a machine's inside: a path, a shell, mail. Only what stands before a plan counts."""
    said = re.split(r"(?im)^plan:|^project:", text(data))[0]
    found = _PATHS.search(said) or _PRIVATE.search(said)
    return found[0].strip() if found else ""


def status(data: bytes) -> bool:
    """Does it tell since when, or last when, somebody was on?"""
    return bool(_STATUS.search(text(data)))


# a list


@dataclass(frozen=True, slots=True)
class Row:
    login: str
    name: str
    line: str


def rows(data: bytes) -> list[Row]:
    """The rows of a list that has a heading with a login and a name; none where it looks otherwise."""
    lines = text(data).splitlines()
    for number, line in enumerate(lines):
        if _HEADING.match(line):
            return list(_rows(lines[number + 1 :], line.lower().rindex("name")))
    return []


def _rows(lines: Iterable[str], column: int) -> Iterable[Row]:
    for line in lines:
        if not line.strip():
            return
        login = line.split()[0]
        if _LOGIN.match(login):
            parts = re.split(r"\s{2,}|\t", line.strip())
            name = parts[1] if len(parts) > 1 and parts[0] == login else line[column:].strip()
            yield Row(login, name, line)
