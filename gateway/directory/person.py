"""A person and the parts of one, as frozen values. Who may see them is decided in privacy.py."""

from collections.abc import Mapping
from datetime import datetime
from enum import IntEnum
from typing import Annotated

from msgspec import Meta, Struct

Time = Annotated[datetime, Meta(tz=True)]


class Visibility(IntEnum):
    """Who may see a field: each level excludes more viewers than the one before."""

    EVERYONE = 0
    MEMBERS = 1
    NOBODY = 2


class Link(Struct, frozen=True, omit_defaults=True):
    """A web address; *me* means that it is the person's own (rel="me")."""

    label: str = ""
    url: str = ""
    me: bool = False


class Key(Struct, frozen=True, omit_defaults=True):
    """A public key as text: *kind* is "ssh", "pgp", "age" ..."""

    kind: str = ""
    label: str = ""
    text: str = ""


class Status(Struct, frozen=True, omit_defaults=True):
    """What a person does just now; it disappears at *until*."""

    text: str = ""
    until: Time | None = None


class Account(Struct, frozen=True, omit_defaults=True):
    """A services account on an IRC network."""

    network: str = ""
    account: str = ""


class Login(Struct, frozen=True, omit_defaults=True):
    """A session: at which *terminal*, from which host (*origin*), *since* when, and *active* last when.

    Values that are unknown, or not for the viewer, are empty.
    """

    terminal: str = ""
    origin: str = ""
    since: Time | None = None
    active: Time | None = None


class PersonFields(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The fields of a person that hold a value; empty means not given. fields.py describes each."""

    login: str
    name: str = ""
    aliases: tuple[str, ...] = ()
    pronouns: str = ""
    pronunciation: str = ""
    title: str = ""
    organisation: str = ""
    office: str = ""
    office_phone: str = ""
    home_phone: str = ""
    email: str = ""
    location: str = ""
    timezone: str = ""
    links: tuple[Link, ...] = ()
    keys: tuple[Key, ...] = ()
    project: str = ""
    plan: str = ""
    status: Status | None = None
    irc: tuple[Account, ...] = ()
    fediverse: str = ""
    former: tuple[str, ...] = ()


class PartialPerson(PersonFields, frozen=True, kw_only=True, omit_defaults=True):
    """What one source knows of a person. *version* counts the edits of the store's own entry, 0 elsewhere."""

    listed: bool = True
    visibility: Mapping[str, Visibility] = {}
    changed: Mapping[str, datetime] = {}
    version: int = 0


class Person(PartialPerson, frozen=True, kw_only=True, omit_defaults=True):
    """A person as all sources together describe them, and where they are online.

    It never leaves the directory: others get a Profile.
    """

    logins: tuple[Login, ...] = ()
    last_seen: datetime | None = None
