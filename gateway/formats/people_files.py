"""Read files of people in any supported format.

The format is detected, and every field is validated, so that all problems are known before anything is written. Whether a
login is still free is checked by the directory when the people are saved.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal, get_args

from msgspec import UnsetType

from ..config.problems import BadSettings, Problem
from ..directory import fields
from ..directory.interfaces import Create, Modify
from ..directory.names import InvalidLogin, canonical_login
from ..directory.privacy import Profile
from . import csv_import, person_json, vcard_import
from .person_json import BadDocument, PersonDocument
from .raw import RawPerson

Kind = Literal["json", "csv", "vcard"]
KINDS: tuple[Kind, ...] = get_args(Kind)
_KIND_BY_EXTENSION: dict[str, Kind] = {"json": "json", "csv": "csv", "tsv": "csv", "vcf": "vcard", "vcard": "vcard"}


@dataclass(frozen=True)
class PersonEntry:
    """A valid person in a file. *login* is the canonical login, *raw* what was read."""

    login: str
    document: PersonDocument
    raw: RawPerson

    @property
    def former_logins(self) -> tuple[str, ...]:
        """The canonical former logins."""
        return _canonical_logins(self.document.former)

    @property
    def reserved_names(self) -> tuple[str, ...]:
        """The names that nobody else can have: login, aliases and former logins."""
        return tuple(dict.fromkeys((self.login, *_canonical_logins(self.document.aliases), *self.former_logins)))

    def make_edit(self, now: Profile | None) -> Create | Modify:
        """Return the edit that adds this person, or changes the existing person *now*."""
        if now is None:
            return person_json.make_create(self.document)
        edit = person_json.make_modify(self.document, now)
        if not self.raw.keep_other_levels:
            return edit
        kept = {name: level for name, level in edit.visibility.items() if level is not None or name == "name"}
        return Modify(edit.login, edit.values, kept, edit.listed, edit.base, edit.plan_level)


def _canonical_logins(names: list[str] | UnsetType) -> tuple[str, ...]:
    return () if isinstance(names, UnsetType) else tuple(map(canonical_login, names))


def detect_kind(name: str, data: bytes) -> Kind | None:
    """Detect the format of a file from its content, else from its extension. Return None if neither is known."""
    start = data[:65536].removeprefix(b"\xef\xbb\xbf").lstrip()
    if start.startswith((b"[", b"{")):
        return "json"
    if re.match(rb"(?i)begin[ \t]*:[ \t]*vcard", start):
        return "vcard"
    ending = name.rpartition(".")[2].lower()
    if ending in _KIND_BY_EXTENSION:
        return _KIND_BY_EXTENSION[ending]
    return "csv" if csv_import.looks_like_csv(start.decode(errors="replace")) else None


def read_people(kind: Kind, data: bytes) -> list[PersonEntry]:
    """Read the people in *data*. Raises BadDocument with one line for each problem."""
    readers = {"json": person_json.parse_people, "csv": csv_import.read_people, "vcard": vcard_import.read_people}
    entries: list[PersonEntry] = []
    problems: list[Problem] = []
    for each in readers[kind](data):
        if isinstance(each, Problem):
            problems.append(each)
            continue
        try:
            document = person_json.parse_document(each.where, each.tree)
        except BadSettings as error:
            problems += error.problems
            continue
        found = list(_find_problems(each.where, document))
        problems += found
        if not {problem.key for problem in found} & {"login", "aliases", "former"}:
            entries.append(PersonEntry(canonical_login(document.login), document, each))
    problems += _find_name_conflicts(entries)
    if problems:
        raise BadDocument("\n".join(map(str, problems)))
    return entries


def _find_problems(where: str, document: PersonDocument) -> Iterator[Problem]:
    """Yield the values that the directory would reject, and why."""
    try:
        canonical_login(document.login)
    except InvalidLogin as error:
        yield Problem(where, "login", repr(document.login[:80]), str(error))
    for name, value in person_json.field_values(document).items():
        try:
            fields.check_value(name, value)
        except fields.BadValue as bad:
            yield Problem(where, name, bad.found, bad.allowed)
    if not isinstance(document.visibility, UnsetType):
        for name in document.visibility:
            if name not in fields.FIELDS:
                yield Problem(where, f"visibility.{name}", "an unknown field", ", ".join(fields.FIELDS))


def _find_name_conflicts(entries: Iterable[PersonEntry]) -> Iterator[Problem]:
    """Yield the names that two people in the file claim."""
    owners: dict[str, PersonEntry] = {}
    for each in entries:
        owners.setdefault(each.login, each)
    for each in entries:
        for name in each.reserved_names:
            owner = owners.setdefault(name, each)
            if owner is not each:
                key = "login" if name == each.login else "aliases"
                yield Problem(each.raw.where, key, "", f"{name!r} is also a name of {owner.raw.where}")
