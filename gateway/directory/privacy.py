"""The one rule of who may see what, for every protocol, document and log line. Independent of protocols.

The level of a field is the minimum rank that an audience needs to see it; both are 0 (everyone), 1 (members), 2 (nobody else).
Nothing is shown of a person whose name the audience may not see: to that audience the person does not exist.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any, Literal

from ..text.sanitize import one_line
from .fields import FIELDS, STORED, empty_value
from .person import Login, Person, PersonFields, Visibility
from .viewers import Viewer

EVERYONE, MEMBERS, NOBODY = Visibility
Preset = Literal["open", "A", "B", "C"]


class Audience(Enum):
    """What a viewer is to one person."""

    EVERYONE = "everyone"
    MEMBER = "member"
    SELF = "self"
    ADMINISTRATOR = "administrator"

    @property
    def rank(self) -> int:
        """How close the audience is: 0 for strangers, 1 for members, 2 for the person and administrators."""
        return _RANKS[self]


_RANKS = {Audience.EVERYONE: 0, Audience.MEMBER: 1, Audience.SELF: 2, Audience.ADMINISTRATOR: 2}

# RFC 1288 section 3.2.3 names three profiles for what strangers see.
_C = frozenset({"name"})
_B = _C | {"office", "office_phone"}
_A = _B | {"home_phone", "presence", "last_seen"}
_PUBLIC_FIELDS: Mapping[str, frozenset[str]] = {"A": _A, "B": _B, "C": _C}


@dataclass(frozen=True)
class Policy:
    """The default level and the limit of each field.

    *default* counts if the person chose nothing; *limit* is the widest that anybody may choose. They are those of the
    preset *base*, with the operator's own levels for the fields in *own_defaults* and *own_limits*.
    """

    default: Mapping[str, Visibility]
    limit: Mapping[str, Visibility]
    base: Preset = "open"
    own_defaults: frozenset[str] = frozenset()
    own_limits: frozenset[str] = frozenset()

    @classmethod
    def preset(
        cls,
        preset: Preset = "open",
        default: Mapping[str, Visibility] | None = None,
        limit: Mapping[str, Visibility] | None = None,
    ) -> "Policy":
        """Return a preset with the operator's own levels over it."""
        if preset == "open":
            limits = dict.fromkeys(FIELDS, EVERYONE)
            defaults = {name: field.default for name, field in FIELDS.items()}
        else:
            shown = _PUBLIC_FIELDS[preset]
            limits = {name: EVERYONE if name in shown else MEMBERS for name in FIELDS}
            defaults = {n: EVERYONE if n in shown else max(f.default, MEMBERS) for n, f in FIELDS.items()}
        own, most = default or {}, limit or {}
        return cls(
            _with_followers(defaults, own),
            _with_followers(limits, most),
            preset,
            _affected_fields(own),
            _affected_fields(most),
        )

    def level(self, person: Person, field: str) -> Visibility:
        """Return how far a field may go: the stricter of the limit and of what was chosen, or the default."""
        decides = self.deciding_field(person, field)
        return max(self.limit[field], self.default[field] if decides is None else person.visibility[decides])

    def deciding_field(self, person: Person, field: str) -> str | None:
        """Return the field whose chosen level holds for *field*: itself, the one that it follows, or None."""
        if field in person.visibility:
            return field
        followed = FIELDS[field].follows
        return followed if followed is not None and followed in person.visibility else None


def _with_followers(levels: Mapping[str, Visibility], own: Mapping[str, Visibility]) -> dict[str, Visibility]:
    """Return *own* over *levels*. A field that follows another goes along unless it has a level of its own."""
    merged = dict(levels) | dict(own)
    for field in FIELDS.values():
        if field.follows is not None and field.name not in own:
            merged[field.name] = merged[field.follows]
    return merged


def _affected_fields(own: Mapping[str, Visibility]) -> frozenset[str]:
    """Return the fields whose levels *own* sets, and those that follow one of them."""
    return frozenset(field.name for field in FIELDS.values() if field.name in own or field.follows in own)


class Profile(PersonFields, frozen=True, kw_only=True):
    """What one audience may see of a person, and nothing else. This is all that ever leaves the directory.

    *shown* names the fields that this audience may see, empty or not; *changed* has their times of change, and
    *updated* the latest of them. *online* is None for audiences that may not know. *until* is when the profile changes
    by time alone. *visibility*, *listed* and *version* are for editors, None for everybody else. *indexed* says whether
    search engines may list the person; it follows `listed` and is in no document.
    """

    audience: Audience
    shown: frozenset[str]
    changed: Mapping[str, datetime]
    updated: datetime | None
    online: bool | None = None
    logins: tuple[Login, ...] = ()
    last_seen: datetime | None = None
    until: datetime | None = None
    indexed: bool = True
    visibility: Mapping[str, Visibility] | None = None
    listed: bool | None = None
    version: int | None = None


def audience_for(viewer: Viewer, person: Person) -> Audience:
    """Return how close *viewer* is to *person*."""
    other = audience_for_others(viewer)
    if (
        other is not Audience.ADMINISTRATOR
        and viewer.login == person.login
        and viewer.scope in ("self", "administrator")
    ):
        return Audience.SELF
    return other


def acts_as_administrator(viewer: Viewer) -> bool:
    """Return whether *viewer* is an administrator, with a scope that allows it."""
    return viewer.administrator and viewer.scope == "administrator"


def audience_for_others(viewer: Viewer) -> Audience:
    """Return how close *viewer* is to everybody else."""
    if acts_as_administrator(viewer):
        return Audience.ADMINISTRATOR
    if (viewer.login is not None or viewer.member) and viewer.scope is not None:
        return Audience.MEMBER
    return Audience.EVERYONE


def exists(person: Person, audience: Audience, policy: Policy) -> bool:
    """Return whether *audience* may know that the person exists."""
    return audience.rank >= policy.level(person, "name")


def shows(person: Person, field: str, audience: Audience, policy: Policy) -> bool:
    """Return whether *audience* may see *field* of *person*."""
    return exists(person, audience, policy) and _may_see(audience.rank, person, field, policy)


def _may_see(rank: int, person: Person, field: str, policy: Policy) -> bool:
    within = FIELDS[field].within
    return rank >= policy.level(person, field) and (within is None or rank >= policy.level(person, within))


def next_change_at(person: Person) -> datetime | None:
    """Return when a profile of *person* changes by time alone; None for never."""
    return None if person.status is None else person.status.until


def make_profile(person: Person, audience: Audience, policy: Policy, now: datetime) -> Profile | None:
    """Return what *audience* may see of *person* at *now*; None if for them there is no such person."""
    if not exists(person, audience, policy):
        return None
    shown = frozenset(name for name in FIELDS if _may_see(audience.rank, person, name, policy))
    values: dict[str, Any] = {name: getattr(person, name) for name in STORED if name in shown}
    changed = {name: at for name, at in person.changed.items() if name in shown}
    until = None
    if not one_line(values.get("name", "")).strip():
        values["name"] = ""  # it has no visible character
    status = values.get("status")
    if status is not None and status.until is not None:
        if status.until <= now:
            values["status"] = empty_value("status")
            changed["status"] = status.until
        else:
            until = status.until
    editor = audience.rank == Audience.SELF.rank
    return Profile(
        login=person.login,
        **values,
        audience=audience,
        shown=shown,
        changed=changed,
        updated=max(changed.values(), default=None),
        until=until,
        indexed=person.listed,
        visibility=person.visibility if editor else None,
        listed=person.listed if editor else None,
        version=person.version if editor else None,
        online=bool(person.logins) if "presence" in shown else None,
        logins=_logins(person, shown) if "presence" in shown else (),
        last_seen=person.last_seen if "last_seen" in shown else None,
    )


def _logins(person: Person, shown: frozenset[str]) -> tuple[Login, ...]:
    return tuple(
        Login(
            terminal=login.terminal if "terminal" in shown else "",
            origin=login.origin if "origin" in shown else "",
            since=login.since,
            active=login.active if "idle" in shown else None,
        )
        for login in person.logins
    )
