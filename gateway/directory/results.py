"""What the directory answers. Each protocol turns these into its own words.

*outcome* is the word for an answer in the access log and in metrics.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Literal

from .person import Visibility
from .privacy import Profile


@dataclass(frozen=True, slots=True)
class Found:
    """One person."""

    outcome: ClassVar[Literal["found"]] = "found"
    profile: Profile


@dataclass(frozen=True, slots=True)
class Ambiguous:
    """More than one person has the name; *profiles* are those whom the viewer may see, ordered by login."""

    outcome: ClassVar[Literal["ambiguous"]] = "ambiguous"
    profiles: tuple[Profile, ...]


@dataclass(frozen=True, slots=True)
class NotFound:
    """No such person, or none whom the viewer may see: the two look the same."""

    outcome: ClassVar[Literal["not_found"]] = "not_found"


@dataclass(frozen=True, slots=True)
class Forbidden:
    """The viewer may not do this."""

    outcome: ClassVar[Literal["refused"]] = "refused"


@dataclass(frozen=True, slots=True)
class Unavailable:
    """The directory cannot answer now; try again later."""

    outcome: ClassVar[Literal["unavailable"]] = "unavailable"


@dataclass(frozen=True, slots=True)
class Page:
    """The part of a list that is wanted: at most *limit* people after the cursor *after* of an earlier Listing."""

    after: str | None = None
    limit: int = 50


@dataclass(frozen=True, slots=True)
class Listing:
    """One page of people.

    *after* is the cursor of the next page, None on the last one; it remains valid when people are added or removed.
    *truncated*: a search found more people than it looks at, and more words would find the others.
    """

    outcome: ClassVar[Literal["listed"]] = "listed"
    profiles: tuple[Profile, ...]
    after: str | None
    truncated: bool = False


@dataclass(frozen=True, slots=True)
class PlanVersion:
    """A plan as it stood from *at* on; *level* is its visibility when it was written."""

    at: datetime
    text: str
    level: Visibility


@dataclass(frozen=True, slots=True)
class History:
    """Plans, newest first."""

    outcome: ClassVar[Literal["found"]] = "found"
    entries: tuple[PlanVersion, ...]


@dataclass(frozen=True, slots=True)
class Saved:
    """The edit is on disk; *version* is the base of the next edit, 0 if nothing had to change."""

    outcome: ClassVar[Literal["changed"]] = "changed"
    version: int


@dataclass(frozen=True, slots=True)
class Conflict:
    """Somebody else edited the person meanwhile. Nothing was changed; *current* is the person as stored now."""

    outcome: ClassVar[Literal["refused"]] = "refused"
    current: Profile


@dataclass(frozen=True, slots=True)
class EditProblem:
    """One thing wrong with an edit. For *found* and *allowed* see config.problems.describe_problem."""

    login: str
    field: str
    found: str
    allowed: str


@dataclass(frozen=True, slots=True)
class Invalid:
    """The edit has problems; nothing was saved."""

    outcome: ClassVar[Literal["invalid"]] = "invalid"
    problems: tuple[EditProblem, ...]


NOT_FOUND = NotFound()
UNAVAILABLE = Unavailable()
FORBIDDEN = Forbidden()

LookupResult = Found | Ambiguous | NotFound | Forbidden | Unavailable
EditResult = Saved | Conflict | Invalid | Forbidden | NotFound | Unavailable
