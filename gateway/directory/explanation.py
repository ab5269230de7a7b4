"""Who sees what, and why, in values that may leave the directory: of one person, and of the whole site.

It states no rule of its own: who sees a field is asked of privacy.py for each audience, and the reason is found by
looking at what its answer was made of. In words it is put elsewhere.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from .fields import FIELDS
from .person import Partial, Person, Visibility
from .privacy import Audience, Policy, Profile, shows

EVERYONE, MEMBERS, NOBODY = Visibility


class Reason(Enum):
    """What decided on a field."""

    PRESET = "preset"  # nobody said anything: the preset's default
    DEFAULT = "default"  # nobody said anything: the operator's own default
    CHOICE = "choice"  # the person's own
    SOURCE = "source"  # what another source says of this person
    LIMIT = "limit"  # it would go further; the preset or the operator ends it here
    FOLLOWS = "follows"  # it goes as far as another field was chosen to
    NAME = "name"  # it would go further than the name, without which nothing is shown


@dataclass(frozen=True, slots=True)
class FieldExplanation:
    """Who sees *field*: NOBODY leaves the person and administrators. *by* is the source, or the field that is followed;
    *wanted* how far it would go without the limit, which is the preset's unless *own_limit*."""

    field: str
    by_whom: Visibility
    why: Reason
    by: str = ""
    wanted: Visibility | None = None
    own_limit: bool = False


@dataclass(frozen=True, slots=True)
class Explanation:
    """Of one person, for who may edit them: *profile* has what stands in the fields, and *fields* every one of them, the
    login first."""

    profile: Profile
    fields: tuple[FieldExplanation, ...]


@dataclass(frozen=True, slots=True)
class FieldRule:
    """Of the whole site: who sees *field* of somebody who said nothing (*default*), and the most that anybody may choose
    (*limit*). What the operator set, over the preset: *own_default*, *own_limit*."""

    field: str
    default: Visibility
    limit: Visibility
    own_default: bool
    own_limit: bool

    @property
    def choices(self) -> tuple[Visibility, ...]:
        """What a person may choose, the widest first."""
        return tuple(level for level in Visibility if level >= self.limit)


def explain(person: Person, profile: Profile, policy: Policy, stated: Mapping[str, Partial], store: str) -> Explanation:
    """*stated* is what each source says, by its name; what *store* says is the person's own choice."""
    rows = [FieldExplanation("login", _by_whom(person, "name", policy), Reason.NAME)]
    rows += [_seen(person, name, policy, stated, store) for name in FIELDS]
    return Explanation(profile, tuple(rows))


def field_rules(policy: Policy) -> tuple[FieldRule, ...]:
    """For every field, by a person who said nothing and one who opens all there is."""
    silent = Person(login="somebody")
    widest = Person(login="somebody", visibility=dict.fromkeys(FIELDS, EVERYONE))
    return tuple(
        FieldRule(
            name,
            _by_whom(silent, name, policy),
            _by_whom(widest, name, policy),
            name in policy.own_defaults,
            name in policy.own_limits,
        )
        for name in FIELDS
    )


def _seen(person: Person, name: str, policy: Policy, stated: Mapping[str, Partial], store: str) -> FieldExplanation:
    by_whom = _by_whom(person, name, policy)
    level = policy.level(person, name)
    if level < by_whom:
        within = FIELDS[name].within
        if within is not None and policy.level(person, within) == by_whom:
            return FieldExplanation(name, by_whom, Reason.FOLLOWS, by=within)
        return FieldExplanation(name, by_whom, Reason.NAME)
    decides = policy.deciding_field(person, name)
    wanted = policy.default[name] if decides is None else person.visibility[decides]
    if wanted < level:
        return FieldExplanation(name, by_whom, Reason.LIMIT, wanted=wanted, own_limit=name in policy.own_limits)
    if decides is None:
        return FieldExplanation(name, by_whom, Reason.DEFAULT if name in policy.own_defaults else Reason.PRESET)
    if decides != name:
        return FieldExplanation(name, by_whom, Reason.FOLLOWS, by=decides)
    strictest = [source for source, partial in stated.items() if partial.visibility.get(name) == wanted]
    if store in strictest:
        return FieldExplanation(name, by_whom, Reason.CHOICE)
    return FieldExplanation(name, by_whom, Reason.SOURCE, by=strictest[0] if strictest else "")


def _by_whom(person: Person, name: str, policy: Policy) -> Visibility:
    """The widest level whose askers are shown *name* of *person*."""
    if shows(person, name, Audience.EVERYONE, policy):
        return EVERYONE
    return MEMBERS if shows(person, name, Audience.MEMBER, policy) else NOBODY
