"""vCard 3.0 and 4.0 (RFC 2426, RFC 6350) as a text: unfolding, parameters, groups, escapes. Gives cards with their
properties and every mistake; what a property means for a person is vcard_people.py's.

Written by hand because vobject, the library for it, stops at the first mistake, knows no 4.0 and brings three packages.
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
_PARTS = {each: re.compile(rf"(?:^|{each})((?:\\.|[^\\{each}]|\\$)*)", re.S) for each in ",;"}


@dataclass(frozen=True)
class Property:
    """One line of a card. *name* and *group* in capitals; *parameters* by name in capitals, each value as it stands."""

    name: str
    raw: str
    parameters: dict[str, list[str]] = field(default_factory=dict)
    group: str = ""

    @property
    def text(self) -> str:
        """The whole value, unescaped."""
        return unescaped(self.raw)

    @property
    def types(self) -> frozenset[str]:
        return frozenset(each for said in self.parameters.get("TYPE", ()) for each in said.lower().split(","))

    @property
    def preference(self) -> int:
        """From 1, the most preferred, to 101 where nothing is said."""
        said = self.parameters.get("PREF", [""])[0]
        return int(said) if re.fullmatch("[0-9]{1,3}", said) else 1 if "pref" in self.types else 101

    def parts(self, separator: str) -> list[str]:
        """The value cut at *separator* (";" or ",") where that is not escaped, each part unescaped."""
        return [unescaped(part) for part in _PARTS[separator].findall(self.raw)]


@dataclass(frozen=True)
class Card:
    """One card, which began in *line*."""

    line: int
    properties: list[Property] = field(default_factory=list)

    def all(self, name: str) -> list[Property]:
        """All that are called *name* and hold something, the preferred first, else as they stand."""
        return sorted(
            (each for each in self.properties if each.name == name and each.raw.strip()), key=lambda p: p.preference
        )


def unescaped(raw: str) -> str:
    return _ESCAPED.sub(lambda match: "\n" if match[1] in "nN" else match[1], raw)


def read(data: bytes) -> Iterator[Card | Problem]:
    """The cards of *data* in their order, and every mistake of its syntax. A card with a mistake is not given."""
    card: Card | None = None
    broken = False
    for number, octets in _unfolded(data.removeprefix(b"\xef\xbb\xbf")):
        where = f"line {number}"
        read = _line(where, octets)
        if isinstance(read, Problem):
            broken = True
            yield read
            continue
        match read.name, read.raw.strip().upper():
            case "BEGIN", "VCARD":
                if card is not None:
                    yield Problem(where, "BEGIN", f"a card within that of line {card.line}", "END:VCARD first")
                card, broken = Card(number), False
            case "END", "VCARD" if card is not None:
                wrong = _version(card)
                if wrong is not None:
                    yield wrong
                elif not broken:
                    yield card
                card = None
            case _ if card is None:
                yield Problem(where, read.name, "a line outside a card", "BEGIN:VCARD first")
            case _:
                card.properties.append(read)
    if card is not None:
        yield Problem(f"line {card.line}", "BEGIN", "a card without end", "END:VCARD behind it")


def _unfolded(data: bytes) -> Iterator[tuple[int, bytes]]:
    """The lines with the number of each; a fold may stand between the octets of one character."""
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


def _line(where: str, octets: bytes) -> Property | Problem:
    try:
        line = octets.decode()
    except UnicodeDecodeError as error:
        return Problem(where, "", f"a byte that is not UTF-8 (0x{octets[error.start]:02X})", "vCard in UTF-8")
    named = _NAME.match(line)
    at = named.end() if named else 0
    parameters: dict[str, list[str]] = {}
    while named and (said := _PARAMETER.match(line, at)):
        name, values = (said[1].upper(), said[2]) if said[2] is not None else ("TYPE", said[1])
        parameters.setdefault(name, []).extend(each.strip('"') for each in _QUOTED.findall(values))
        at = said.end()
    if named is None or line[at : at + 1] != ":":
        return Problem(where, "", repr(line[:MAX_SHOWN_CHARACTERS]), "NAME:value or NAME;PARAMETER=...:value")
    encodings = {each.upper() for name in ("ENCODING", "TYPE") for each in parameters.get(name, ())}
    if "QUOTED-PRINTABLE" in encodings:
        return Problem(
            where,
            named[2].upper(),
            "quoted-printable, as vCard 2.1 has it",
            "vCard 3.0 or 4.0; export it as one of these",
        )
    return Property(named[2].upper(), line[at + 1 :], parameters, (named[1] or "").upper())


def _version(card: Card) -> Problem | None:
    versions = [each.raw.strip() for each in card.properties if each.name == "VERSION"]
    if versions and versions[0] in VERSIONS:
        return None
    return Problem(f"line {card.line}", "VERSION", versions[0] if versions else "nothing", " or ".join(VERSIONS))
