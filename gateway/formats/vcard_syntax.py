"""Parse the syntax of vCard 3.0 and 4.0 (RFC 2426, RFC 6350): folding, groups, parameters and escapes.

vcard_people.py decides what a property means for a person. The parser is written by hand because vobject, the usual
library, stops at the first problem, does not know 4.0 and brings three packages.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from ..config.problems import MAX_SHOWN_CHARACTERS, Problem

VERSIONS = ("3.0", "4.0")
_NAME = re.compile(r"(?:([A-Za-z0-9_-]+)\.)?([A-Za-z0-9_-]+)")
_PARAMETER = re.compile(r';([A-Za-z0-9_-]+)(?:=((?:"[^"]*"|[^",;:]*)(?:,(?:"[^"]*"|[^",;:]*))*))?')
_QUOTED = re.compile(r'"[^"]*"|[^",]+')
_ESCAPED = re.compile(r"\\(.)", re.S)
_SEPARATED = {each: re.compile(rf"(?:^|{each})((?:\\.|[^\\{each}]|\\$)*)", re.S) for each in ",;"}


@dataclass(frozen=True)
class VCardProperty:
    """One property of a card. *name*, *group* and the names of *parameters* are in upper case; values are as written."""

    name: str
    raw: str
    parameters: dict[str, list[str]] = field(default_factory=dict)
    group: str = ""

    @property
    def text(self) -> str:
        """The whole value, unescaped."""
        return unescape(self.raw)

    @property
    def types(self) -> frozenset[str]:
        """The TYPE parameters in lower case."""
        return frozenset(each for value in self.parameters.get("TYPE", ()) for each in value.lower().split(","))

    @property
    def preference(self) -> int:
        """The preference from 1, the highest, to 101 if none is given."""
        given = self.parameters.get("PREF", [""])[0]
        return int(given) if re.fullmatch("[0-9]{1,3}", given) else 1 if "pref" in self.types else 101

    def split(self, separator: str) -> list[str]:
        """Split the value at each unescaped *separator* (";" or ","), and unescape the parts."""
        return [unescape(part) for part in _SEPARATED[separator].findall(self.raw)]


@dataclass(frozen=True)
class VCard:
    """One card, which begins in line *line* of the file."""

    line: int
    properties: list[VCardProperty] = field(default_factory=list)

    def find_all(self, name: str) -> list[VCardProperty]:
        """Return the properties *name* that are not empty, the preferred first, else in file order."""
        return sorted(
            (each for each in self.properties if each.name == name and each.raw.strip()), key=lambda p: p.preference
        )


def unescape(raw: str) -> str:
    """Undo the escapes of a text value."""
    return _ESCAPED.sub(lambda match: "\n" if match[1] in "nN" else match[1], raw)


def parse_cards(data: bytes) -> Iterator[VCard | Problem]:
    """Yield the cards in *data* in file order, and every syntax problem. A card with a problem is not yielded."""
    card: VCard | None = None
    broken = False
    for number, octets in _unfold(data.removeprefix(b"\xef\xbb\xbf")):
        where = f"line {number}"
        parsed = _parse_line(where, octets)
        if isinstance(parsed, Problem):
            broken = True
            yield parsed
            continue
        match parsed.name, parsed.raw.strip().upper():
            case "BEGIN", "VCARD":
                if card is not None:
                    yield Problem(where, "BEGIN", "", f"the card of line {card.line} has no END:VCARD")
                card, broken = VCard(number), False
            case "END", "VCARD" if card is not None:
                problem = _check_version(card)
                if problem is not None:
                    yield problem
                elif not broken:
                    yield card
                card = None
            case _ if card is None:
                yield Problem(where, parsed.name, "", "this line is outside of a card; write BEGIN:VCARD before it")
            case _:
                card.properties.append(parsed)
    if card is not None:
        yield Problem(f"line {card.line}", "BEGIN", "", "this card has no END:VCARD")


def _unfold(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield the unfolded lines, each with its number. A fold may split a UTF-8 character, so this works on bytes."""
    number, whole = 0, b""
    for count, line in enumerate(re.split(rb"\r\n|\n|\r", data), 1):
        if line[:1] in (b" ", b"\t") and whole:
            whole += line[1:]
            continue
        if whole.strip():
            yield number, whole
        number, whole = count, line
    if whole.strip():
        yield number, whole


def _parse_line(where: str, octets: bytes) -> VCardProperty | Problem:
    try:
        line = octets.decode()
    except UnicodeDecodeError as error:
        return Problem(where, "", f"a byte that is not UTF-8 (0x{octets[error.start]:02X})", "vCard in UTF-8")
    start = _NAME.match(line)
    at = start.end() if start else 0
    parameters: dict[str, list[str]] = {}
    while start and (parameter := _PARAMETER.match(line, at)):
        name, values = (parameter[1].upper(), parameter[2]) if parameter[2] is not None else ("TYPE", parameter[1])
        parameters.setdefault(name, []).extend(each.strip('"') for each in _QUOTED.findall(values))
        at = parameter.end()
    if start is None or line[at : at + 1] != ":":
        return Problem(where, "", repr(line[:MAX_SHOWN_CHARACTERS]), "NAME:value or NAME;PARAMETER=...:value")
    encodings = {each.upper() for name in ("ENCODING", "TYPE") for each in parameters.get(name, ())}
    if "QUOTED-PRINTABLE" in encodings:
        return Problem(
            where,
            start[2].upper(),
            "",
            "quoted-printable is of vCard 2.1; export the card as vCard 3.0 or 4.0",
        )
    return VCardProperty(start[2].upper(), line[at + 1 :], parameters, (start[1] or "").upper())


def _check_version(card: VCard) -> Problem | None:
    versions = [each.raw.strip() for each in card.properties if each.name == "VERSION"]
    if versions and versions[0] in VERSIONS:
        return None
    return Problem(f"line {card.line}", "VERSION", versions[0] if versions else "nothing", " or ".join(VERSIONS))
