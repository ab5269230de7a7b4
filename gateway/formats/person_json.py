"""Read and write person documents: a person as JSON, as `people export` and `people import` use it.

Here the shape is checked; directory/fields.py checks the values when the person is saved.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Literal

import msgspec
from msgspec import UNSET, UnsetType

from ..config.loader import convert
from ..config.problems import BadSettings, Problem
from ..directory.fields import FIELDS, STORED
from ..directory.interfaces import Create, Modify
from ..directory.person import Account, Key, Link, Status, Time, Visibility
from ..directory.privacy import Profile
from .raw import RawPerson

VisibilityName = Literal["everyone", "members", "nobody"]


class StatusDocument(msgspec.Struct, forbid_unknown_fields=True):
    """A status in a person document."""

    text: str
    until: Time | None = None


class LinkDocument(msgspec.Struct, forbid_unknown_fields=True):
    """A link in a person document."""

    url: str
    label: str = ""
    me: bool = False


class KeyDocument(msgspec.Struct, forbid_unknown_fields=True):
    """A public key in a person document."""

    kind: str
    text: str
    label: str = ""


class AccountDocument(msgspec.Struct, forbid_unknown_fields=True):
    """An IRC account in a person document."""

    network: str
    account: str


class PersonDocument(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A person as written by hand or by `people export`. Fields left out are not changed; an empty value clears a field."""

    login: str
    name: str | UnsetType = UNSET
    aliases: list[str] | UnsetType = UNSET
    pronouns: str | UnsetType = UNSET
    pronunciation: str | UnsetType = UNSET
    title: str | UnsetType = UNSET
    organisation: str | UnsetType = UNSET
    office: str | UnsetType = UNSET
    office_phone: str | UnsetType = UNSET
    home_phone: str | UnsetType = UNSET
    email: str | UnsetType = UNSET
    location: str | UnsetType = UNSET
    timezone: str | UnsetType = UNSET
    links: list[LinkDocument] | UnsetType = UNSET
    keys: list[KeyDocument] | UnsetType = UNSET
    project: str | UnsetType = UNSET
    plan: str | UnsetType = UNSET
    status: StatusDocument | UnsetType | None = UNSET
    irc: list[AccountDocument] | UnsetType = UNSET
    fediverse: str | UnsetType = UNSET
    former: list[str] | UnsetType = UNSET
    listed: bool | UnsetType = UNSET
    hidden: bool | UnsetType = UNSET
    visibility: dict[str, VisibilityName] | UnsetType = UNSET


class BadDocument(ValueError):
    """A document cannot be read; the text says where and why."""


def read_documents(data: bytes) -> list[PersonDocument]:
    """Read one person document or a list of them. Raises BadDocument with one line for each problem."""
    documents: list[PersonDocument] = []
    problems: list[Problem] = []
    for each in parse_people(data):
        if isinstance(each, Problem):
            problems.append(each)
            continue
        try:
            documents.append(parse_document(each.where, each.tree))
        except BadSettings as error:
            problems += error.problems
    if problems:
        raise BadDocument("\n".join(map(str, problems)))
    return documents


def parse_people(data: bytes) -> Iterator[RawPerson | Problem]:
    """Yield the people in *data*, not yet validated, or the problem that keeps it from being JSON."""
    try:
        tree = msgspec.json.decode(data.removeprefix(b"\xef\xbb\xbf"))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        at = (
            error.start
            if isinstance(error, UnicodeDecodeError)
            else int((re.findall(r"\(byte (\d+)\)", str(error)) or "0")[0])
        )
        line = data.count(b"\n", 0, at) + 1
        where = f"line {line}"
        yield Problem(where, "", "", f"not valid JSON ({error}); see: finger-gateway schema person")
        return
    for number, each in enumerate(tree if isinstance(tree, list) else [tree], 1):
        who = each.get("login") if isinstance(each, dict) else None
        yield RawPerson(f"person {number}{f' ({who})' if isinstance(who, str) else ''}", each)


def parse_value(name: str, raw: Any) -> Any:
    """Convert *raw*, a decoded JSON value, to what field *name* holds. Raises BadDocument."""
    try:
        parsed = parse_document("", {"login": "_", name: raw})
    except BadSettings as error:
        raise BadDocument("\n".join(str(problem).removeprefix(": ") for problem in error.problems)) from None
    return _as_field_value(getattr(parsed, name))


def parse_document(who: str, tree: Any) -> PersonDocument:
    """Convert *tree* to a person document; *who* is the name that problems give it. Raises BadSettings."""
    if not isinstance(tree, dict):
        raise BadSettings([Problem(who, "", type(tree).__name__, "a person document (finger-gateway schema person)")])
    try:
        return msgspec.convert(tree, PersonDocument)
    except msgspec.ValidationError:
        return convert(who, tree, PersonDocument)  # slower, but reports every problem in words


def make_create(document: PersonDocument) -> Create:
    """Return the edit that adds the person of *document*."""
    levels = {name: level for name, level in _visibility_changes(document, {}).items() if level is not None}
    listed = True if document.listed is UNSET else bool(document.listed)
    return Create(document.login, field_values(document), levels, listed)


def make_modify(document: PersonDocument, now: Profile) -> Modify:
    """Return the edit that changes *now*, an administrator's profile of the person, to what *document* says."""
    listed = None if document.listed is UNSET else bool(document.listed)
    return Modify(
        document.login, field_values(document), _visibility_changes(document, now.visibility or {}), listed, now.version
    )


def field_values(document: PersonDocument) -> dict[str, Any]:
    """Return the fields that *document* sets, not yet validated."""
    given = ((name, getattr(document, name)) for name in STORED)
    return {name: _as_field_value(raw) for name, raw in given if raw is not UNSET}


def _as_field_value(raw: Any) -> Any:
    if isinstance(raw, StatusDocument):
        return Status(text=raw.text, until=raw.until)
    if isinstance(raw, list):
        return tuple(_as_list_item(each) for each in raw)
    return raw


def _as_list_item(raw: Any) -> Any:
    if isinstance(raw, LinkDocument):
        return Link(label=raw.label, url=raw.url, me=raw.me)
    if isinstance(raw, KeyDocument):
        return Key(kind=raw.kind, label=raw.label, text=raw.text)
    if isinstance(raw, AccountDocument):
        return Account(network=raw.network, account=raw.account)
    return raw


def _visibility_changes(document: PersonDocument, now: Mapping[str, Visibility]) -> dict[str, Visibility | None]:
    levels: dict[str, Visibility | None] = {}
    if not isinstance(document.visibility, UnsetType):
        levels = {name: None for name in now if name not in document.visibility and name != "name"}
        levels |= {name: Visibility[level.upper()] for name, level in document.visibility.items()}
    if document.hidden is True:
        levels["name"] = Visibility.NOBODY
    elif (
        document.hidden is False
        and now.get("name") is Visibility.NOBODY
        and levels.get("name") is not Visibility.NOBODY
    ):
        levels.setdefault("name", None)
    return levels


def _stored_values(profile: Profile) -> dict[str, Any]:
    values: dict[str, Any] = {"login": profile.login}
    for name in STORED:
        value = getattr(profile, name)
        if value:
            values[name] = msgspec.to_builtins(value, builtin_types=(datetime,))
    return values


def make_person_document(profile: Profile) -> dict[str, Any]:
    """Return all that is stored about a person, in the form that import reads. *profile* must be an editor's."""
    levels: Mapping[str, Visibility] = profile.visibility or {}
    document = _stored_values(profile) | {
        "listed": bool(profile.listed),
        "hidden": levels.get("name") is Visibility.NOBODY,
    }
    named = {name: level.name.lower() for name, level in sorted(levels.items()) if name in FIELDS}
    if named:
        document["visibility"] = named
    return document


def encode_json(document: Any) -> bytes:
    """Encode *document* as indented JSON."""
    return msgspec.json.format(msgspec.json.encode(document), indent=2) + b"\n"


def person_schema() -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of a person document."""
    described = msgspec.json.schema(PersonDocument)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema"} | described
