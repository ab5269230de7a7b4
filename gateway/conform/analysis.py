"""Functions that interpret replies: faults of form, and the meaning of answers whose wording is not known beforehand."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

MAX_NAME_LENGTH = 200  # letters
# What servers answer about unknown people, when they refuse, when they forward, when a limit is reached.
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
# Words of headings, labels and dates, which say nothing about a person.
_LABEL_WORDS = frozenset(
    re.findall(
        r"\w+",
        """login name tty idle when where from office phone job plan project mon tue wed thu fri sat sun jan feb mar apr may
        jun jul aug sep oct nov dec the and not now last seen since user users logged""",
    )
)
_OPENS, _CLOSES = {"\u202a": "\u202c", "\u202b": "\u202c", "\u202d": "\u202c", "\u202e": "\u202c",
                   "\u2066": "\u2069", "\u2067": "\u2069", "\u2068": "\u2069"}, "\u202c\u2069"  # fmt: skip


def decode(data: bytes) -> str:
    """Decode UTF-8, with U+FFFD for invalid bytes."""
    return data.decode("utf-8", "replace")


# form


def find_bare_line_end(data: bytes) -> int | None:
    """Return the position of the first line end that is not CRLF; the length if the last line has no line end."""
    if found := _BARE.search(data):
        return found.start()
    return None if data.endswith(b"\r\n") or not data else len(data)


def find_invalid_utf8(data: bytes) -> int | None:
    """Return the position of the first byte that is not UTF-8."""
    try:
        data.decode()
    except UnicodeDecodeError as error:
        return error.start
    return None


def find_escape(data: bytes) -> int | None:
    """Return the position of the first ESC."""
    return found.start() if (found := _ESCAPE.search(data)) else None


def find_c1_control(data: bytes) -> int | None:
    """Return the position of the first C1 control, as UTF-8, or as a byte of a reply that is not UTF-8."""
    try:
        found = _C1.search(data.decode())
        return len(data.decode()[: found.start()].encode()) if found else None
    except UnicodeDecodeError:
        found_byte = re.search(rb"(?<![\x80-\xff])[\x80-\x9f]", data)
        return found_byte.start() if found_byte else None


def find_control(data: bytes) -> int | None:
    """Return the position of the first control character other than TAB, CR, LF and ESC."""
    return found.start() if (found := _C0.search(data)) else None


def find_open_bidi(data: bytes) -> int | None:
    """Return the position of a bidi control that is not closed on its line, or 0 for a BOM at the start."""
    if data.startswith(b"\xef\xbb\xbf"):
        return 0
    at = 0
    for line in data.decode("utf-8", "surrogateescape").splitlines(keepends=True):
        expected: list[tuple[str, int]] = []
        for position, letter in enumerate(line):
            if letter in _OPENS:
                expected.append((_OPENS[letter], position))
            elif letter in _CLOSES and expected and expected[-1][0] == letter:
                expected.pop()
        if expected:
            return at + len(line[: expected[0][1]].encode("utf-8", "surrogateescape"))
        at += len(line.encode("utf-8", "surrogateescape"))
    return None


# meaning


def is_blank(data: bytes) -> bool:
    return not data.strip()


def says_unknown(data: bytes) -> bool:
    """Return whether the answer says that somebody is unknown and gives no full name."""
    return bool(_UNKNOWN.search(decode(data))) and not find_full_name(data)


def says_refused(data: bytes) -> bool:
    """Return whether the answer refuses something."""
    return bool(_REFUSED.search(decode(data)))


def says_forwarded(data: bytes) -> bool:
    """Return whether the answer shows that another host was looked up or asked."""
    return bool(_FORWARDED.search(decode(data)))


def says_nobody_online(data: bytes) -> bool:
    return bool(_NOBODY_ON.search(decode(data)))


def is_usage_text(data: bytes) -> bool:
    """Return whether the answer is what a program prints for unknown options."""
    return bool(_USAGE.search(decode(data)))


def retry_after(data: bytes) -> float | None:
    """Return the seconds to wait if there were too many queries, 2.0 if the answer does not say how many; else None."""
    text = decode(data)
    if len(text) > 300 or not _LIMITED.search(text):
        return None
    seconds = _SECONDS.search(text)
    return float(seconds[1]) if seconds else 2.0


def normalize(data: bytes, *names: bytes) -> str:
    """Return what stays the same when a query is repeated later or for another name: without numbers, blanks, *names*."""
    text = decode(data).lower()
    for name in sorted(filter(None, names), key=len, reverse=True):
        text = re.sub(rf"(?<!\w){re.escape(decode(name).lower())}(?!\w)", "<name>", text)
    text = re.sub(r"\d+", "#", text)
    return re.sub(r"\b(second|minute|hour|day)s\b", r"\1", re.sub(r"\s+", " ", text)).strip()


def are_alike(one: bytes, other: bytes, *names: bytes) -> bool:
    """Return whether two answers are equal apart from what changes with time, and *names*."""
    return normalize(one, *names) == normalize(other, *names)


def echoable_parts(line: bytes) -> tuple[bytes, ...]:
    """Return what a server may repeat of *line*: the whole, and each name in it."""
    line = line.strip()
    return (line, *(word for word in line.split() if len(word) > 1 and not word.startswith(b"/")))


def significant_words(data: bytes) -> set[str]:
    """Return the words of at least three letters, without those of headings and dates."""
    return {word for word in re.findall(r"[^\W\d_]{3,}", decode(data).lower()) if word not in _LABEL_WORDS}


def find_full_name(data: bytes) -> str:
    """Return the full name in an answer about a person, or ""."""
    found = _FULL_NAME.search(decode(data))
    name = found[1][:MAX_NAME_LENGTH] if found else ""
    return re.sub(r"\s*\(.*\)$", "", name).strip() if name.strip("? ") else ""


def find_private(data: bytes) -> str:
    """Return a path, a shell or a line about mail in an answer, or "". Only what comes before a plan counts."""
    text = re.split(r"(?im)^plan:|^project:", decode(data))[0]
    found = _PATHS.search(text) or _PRIVATE.search(text)
    return found[0].strip() if found else ""


def has_login_status(data: bytes) -> bool:
    """Return whether the answer says since when, or when last, somebody was online."""
    return bool(_STATUS.search(decode(data)))


# a list


@dataclass(frozen=True, slots=True)
class ListRow:
    """A row of a list of people: the login, the full name or "", and the whole line."""

    login: str
    name: str
    line: str


def list_rows(data: bytes) -> list[ListRow]:
    """Return the rows of a list that has a heading with login and name; none for other lists."""
    lines = decode(data).splitlines()
    for number, line in enumerate(lines):
        if _HEADING.match(line):
            return list(_parse_rows(lines[number + 1 :], line.lower().rindex("name")))
    return []


def _parse_rows(lines: Iterable[str], column: int) -> Iterable[ListRow]:
    for line in lines:
        if not line.strip():
            return
        login = line.split()[0]
        if _LOGIN.match(login):
            parts = re.split(r"\s{2,}|\t", line.strip())
            name = parts[1] if len(parts) > 1 and parts[0] == login else line[column:].strip()
            yield ListRow(login, name, line)
