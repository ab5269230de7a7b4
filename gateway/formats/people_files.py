"""Files of people, whatever their format: told apart, read, and judged field by field, so that every mistake is known
before anything is written. Whether a name can still be had, the directory knows.
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
from . import person_json, tables, vcard_people
from .person_json import BadDocument, PersonDocument
from .raw import Raw

Kind = Literal["json", "csv", "vcard"]
KINDS: tuple[Kind, ...] = get_args(Kind)
_ENDINGS: dict[str, Kind] = {"json": "json", "csv": "csv", "tsv": "csv", "vcf": "vcard", "vcard": "vcard"}


@dataclass(frozen=True)
class Entry:
    """A person of a file, without a mistake; see Raw. *login* is the canonical one."""

    login: str
    document: PersonDocument
    raw: Raw

    @property
    def former(self) -> tuple[str, ...]:
        return _canonical(self.document.former)

    @property
    def names(self) -> tuple[str, ...]:
        """The names that nobody else can have then: login, aliases and old logins."""
        return tuple(dict.fromkeys((self.login, *_canonical(self.document.aliases), *self.former)))

    def edit(self, now: Profile | None) -> Create | Modify:
        """The edit that makes this person, or brings *now* to it."""
        if now is None:
            return person_json.create(self.document)
        edit = person_json.modify(self.document, now)
        if not self.raw.gaps:
            return edit
        kept = {name: level for name, level in edit.visibility.items() if level is not None or name == "name"}
        return Modify(edit.login, edit.values, kept, edit.listed, edit.base, edit.plan_level)


def _canonical(names: list[str] | UnsetType) -> tuple[str, ...]:
    return () if isinstance(names, UnsetType) else tuple(map(canonical_login, names))


def kind(name: str, data: bytes) -> Kind | None:
    """The format of the file called *name*: by what stands in it, else by its ending. None where neither tells."""
    start = data[:65536].removeprefix(b"\xef\xbb\xbf").lstrip()
    if start.startswith((b"[", b"{")):
        return "json"
    if re.match(rb"(?i)begin[ \t]*:[ \t]*vcard", start):
        return "vcard"
    ending = name.rpartition(".")[2].lower()
    if ending in _ENDINGS:
        return _ENDINGS[ending]
    return "csv" if tables.looks_like(start.decode(errors="replace")) else None


def read(kind: Kind, data: bytes) -> list[Entry]:
    """The people in *data*. Raises BadDocument with every mistake, a line each."""
    readers = {"json": person_json.raw, "csv": tables.read, "vcard": vcard_people.read}
    entries: list[Entry] = []
    mistakes: list[Problem] = []
    for each in readers[kind](data):
        if isinstance(each, Problem):
            mistakes.append(each)
            continue
        try:
            document = person_json.document(each.where, each.tree)
        except BadSettings as error:
            mistakes += error.problems
            continue
        wrong = list(_judged(each.where, document))
        mistakes += wrong
        if not {mistake.key for mistake in wrong} & {"login", "aliases", "former"}:
            entries.append(Entry(canonical_login(document.login), document, each))
    mistakes += _twice(entries)
    if mistakes:
        raise BadDocument("\n".join(map(str, mistakes)))
    return entries


def _judged(where: str, document: PersonDocument) -> Iterator[Problem]:
    """What the directory would not take, and why."""
    try:
        canonical_login(document.login)
    except InvalidLogin as error:
        yield Problem(where, "login", repr(document.login[:80]), str(error))
    for name, value in person_json.values(document).items():
        try:
            fields.check_value(name, value)
        except fields.BadValue as bad:
            yield Problem(where, name, bad.found, bad.allowed)
    if not isinstance(document.visibility, UnsetType):
        for name in document.visibility:
            if name not in fields.FIELDS:
                yield Problem(where, f"visibility.{name}", "an unknown field", ", ".join(fields.FIELDS))


def _twice(entries: Iterable[Entry]) -> Iterator[Problem]:
    """Names that two in the same file want."""
    owners: dict[str, Entry] = {}
    for each in entries:
        owners.setdefault(each.login, each)
    for each in entries:
        for name in each.names:
            owner = owners.setdefault(name, each)
            if owner is not each:
                key = "login" if name == each.login else "aliases"
                allowed = "each person once" if name == owner.login == each.login else "a name of one person only"
                yield Problem(each.raw.where, key, f"{name!r}, as {owner.raw.where} has", allowed)
