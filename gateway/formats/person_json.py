"""The person document: a person as JSON, out of a Profile, and into an edit. INTERFACE names its keys; fields.py judges
its values when it is saved."""

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
from .raw import Raw

Level = Literal["everyone", "members", "nobody"]


class StatusDocument(msgspec.Struct, forbid_unknown_fields=True):
    text: str
    until: Time | None = None


class LinkDocument(msgspec.Struct, forbid_unknown_fields=True):
    url: str
    label: str = ""
    me: bool = False


class KeyDocument(msgspec.Struct, forbid_unknown_fields=True):
    kind: str
    text: str
    label: str = ""


class AccountDocument(msgspec.Struct, forbid_unknown_fields=True):
    network: str
    account: str


class PersonDocument(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A person as written by hand or by `people export`. What is left out stays as it is; an empty value empties."""

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
    visibility: dict[str, Level] | UnsetType = UNSET


class BadDocument(ValueError):
    """A document that cannot be read: says where and why."""


def read(data: bytes) -> list[PersonDocument]:
    """The person documents in *data*: a list of them, or one. Raises BadDocument with every mistake, a line each."""
    documents: list[PersonDocument] = []
    mistakes: list[Problem] = []
    for each in raw(data):
        if isinstance(each, Problem):
            mistakes.append(each)
            continue
        try:
            documents.append(document(each.where, each.tree))
        except BadSettings as error:
            mistakes += error.problems
    if mistakes:
        raise BadDocument("\n".join(map(str, mistakes)))
    return documents


def raw(data: bytes) -> Iterator[Raw | Problem]:
    """Whoever stands in *data*, not judged yet."""
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
        yield Problem(where, "", f"no JSON ({error})", "a list of person documents (finger-gateway schema person)")
        return
    for number, each in enumerate(tree if isinstance(tree, list) else [tree], 1):
        who = each.get("login") if isinstance(each, dict) else None
        yield Raw(f"person {number}{f' ({who})' if isinstance(who, str) else ''}", each)


def value(name: str, raw: Any) -> Any:
    """*raw*, one value of a document as JSON decodes it, as field *name* takes it. Raises BadDocument."""
    try:
        read = document("", {"login": "_", name: raw})
    except BadSettings as error:
        raise BadDocument("\n".join(str(mistake).removeprefix(": ") for mistake in error.problems)) from None
    return _value(getattr(read, name))


def document(who: str, tree: Any) -> PersonDocument:
    """*tree* as a person document; *who* is what mistakes name. Raises BadSettings."""
    if not isinstance(tree, dict):
        raise BadSettings([Problem(who, "", type(tree).__name__, "a person document (finger-gateway schema person)")])
    try:
        return msgspec.convert(tree, PersonDocument)
    except msgspec.ValidationError:
        return convert(who, tree, PersonDocument)  # slower; says every mistake in words


def create(document: PersonDocument) -> Create:
    """The edit that makes a new person of *document*."""
    levels = {name: level for name, level in _levels(document, {}).items() if level is not None}
    listed = True if document.listed is UNSET else bool(document.listed)
    return Create(document.login, values(document), levels, listed)


def modify(document: PersonDocument, now: Profile) -> Modify:
    """The edit that brings *now*, as an administrator sees it, to what *document* says."""
    listed = None if document.listed is UNSET else bool(document.listed)
    return Modify(document.login, values(document), _levels(document, now.visibility or {}), listed, now.version)


def values(document: PersonDocument) -> dict[str, Any]:
    """What *document* says of fields, not judged yet."""
    given = ((name, getattr(document, name)) for name in STORED)
    return {name: _value(raw) for name, raw in given if raw is not UNSET}


def _value(raw: Any) -> Any:
    if isinstance(raw, StatusDocument):
        return Status(text=raw.text, until=raw.until)
    if isinstance(raw, list):
        return tuple(_part(each) for each in raw)
    return raw


def _part(raw: Any) -> Any:
    if isinstance(raw, LinkDocument):
        return Link(label=raw.label, url=raw.url, me=raw.me)
    if isinstance(raw, KeyDocument):
        return Key(kind=raw.kind, label=raw.label, text=raw.text)
    if isinstance(raw, AccountDocument):
        return Account(network=raw.network, account=raw.account)
    return raw


def _levels(document: PersonDocument, now: Mapping[str, Visibility]) -> dict[str, Visibility | None]:
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


def _facts(profile: Profile) -> dict[str, Any]:
    facts: dict[str, Any] = {"login": profile.login}
    for name in STORED:
        held = getattr(profile, name)
        if held:
            facts[name] = msgspec.to_builtins(held, builtin_types=(datetime,))
    return facts


def person_document(profile: Profile) -> dict[str, Any]:
    """All that is kept about a person, as import takes it; *profile* is an editor's."""
    levels: Mapping[str, Visibility] = profile.visibility or {}
    document = _facts(profile) | {"listed": bool(profile.listed), "hidden": levels.get("name") is Visibility.NOBODY}
    named = {name: level.name.lower() for name, level in sorted(levels.items()) if name in FIELDS}
    if named:
        document["visibility"] = named
    return document


def encode(document: Any) -> bytes:
    """JSON to be read by people too."""
    return msgspec.json.format(msgspec.json.encode(document), indent=2) + b"\n"


def schema() -> dict[str, Any]:
    """JSON Schema of a person document (2020-12)."""
    described = msgspec.json.schema(PersonDocument)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema"} | described
