"""Explain who sees what, and why: of one person, and of the whole site.

It states no rule of its own: it asks privacy.py for each audience, and finds the reason in what that answer was made
of. Other packages put it into words.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from .fields import FIELDS
from .person import PartialPerson, Person, Visibility
from .privacy import Audience, Policy, Profile, shows

EVERYONE, MEMBERS, NOBODY = Visibility


class Reason(Enum):
    """What decided on a field."""

    PRESET = "preset"  # nothing was chosen: the preset's default
    DEFAULT = "default"  # nothing was chosen: the operator's own default
    CHOICE = "choice"  # the person's own choice
    SOURCE = "source"  # another source says so
    LIMIT = "limit"  # it would go further, but for the limit
    FOLLOWS = "follows"  # another field decides
    NAME = "name"  # it would go further than the name, without which nothing is shown


@dataclass(frozen=True, slots=True)
class FieldExplanation:
    """Who sees a field; NOBODY means only the person and administrators.

    *by* is the source, or the field that is followed. *wanted* is how far it would go without the limit, which is the
    operator's own if *own_limit*, else the preset's.
    """

    field: str
    seen_by: Visibility
    reason: Reason
    by: str = ""
    wanted: Visibility | None = None
    own_limit: bool = False


@dataclass(frozen=True, slots=True)
class Explanation:
    """The explanation of one person for who may edit them: the values, and a row for each field, the login first."""

    profile: Profile
    fields: tuple[FieldExplanation, ...]


@dataclass(frozen=True, slots=True)
class FieldRule:
    """The rule of the whole site for one field: its visibility by default, and the widest that a person may choose.

    *own_default* and *own_limit* say whether the operator set them over the preset.
    """

    field: str
    default: Visibility
    limit: Visibility
    own_default: bool
    own_limit: bool

    @property
    def choices(self) -> tuple[Visibility, ...]:
        """List what a person may choose, the widest first."""
        return tuple(level for level in Visibility if level >= self.limit)


def explain(
    person: Person, profile: Profile, policy: Policy, partials_by_source: Mapping[str, PartialPerson], store: str
) -> Explanation:
    """Explain every field of *person*.

    *partials_by_source* is what each source says; what *store* says is the person's own choice.
    """
    rows = [FieldExplanation("login", _seen_by(person, "name", policy), Reason.NAME)]
    rows += [_explain_field(person, name, policy, partials_by_source, store) for name in FIELDS]
    return Explanation(profile, tuple(rows))


def field_rules(policy: Policy) -> tuple[FieldRule, ...]:
    """Return the rule for every field, from a person who chose nothing and one who opens everything."""
    silent = Person(login="somebody")
    widest = Person(login="somebody", visibility=dict.fromkeys(FIELDS, EVERYONE))
    return tuple(
        FieldRule(
            name,
            _seen_by(silent, name, policy),
            _seen_by(widest, name, policy),
            name in policy.own_defaults,
            name in policy.own_limits,
        )
        for name in FIELDS
    )


def _explain_field(
    person: Person, name: str, policy: Policy, stated: Mapping[str, PartialPerson], store: str
) -> FieldExplanation:
    by_whom = _seen_by(person, name, policy)
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


def _seen_by(person: Person, name: str, policy: Policy) -> Visibility:
    """Return the widest level whose viewers are shown the field."""
    if shows(person, name, Audience.EVERYONE, policy):
        return EVERYONE
    return MEMBERS if shows(person, name, Audience.MEMBER, policy) else NOBODY
