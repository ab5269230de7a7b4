"""What the directory answers. Each protocol turns these into its own words."""

from dataclasses import dataclass
from datetime import datetime

from .person import Visibility
from .privacy import Profile


@dataclass(frozen=True, slots=True)
class Found:
    """One person."""

    profile: Profile


@dataclass(frozen=True, slots=True)
class Ambiguous:
    """More than one person has the name; *profiles* are those whom the viewer may see, ordered by login."""

    profiles: tuple[Profile, ...]


@dataclass(frozen=True, slots=True)
class NotFound:
    """No such person, or none whom the viewer may see: the two are never told apart."""


@dataclass(frozen=True, slots=True)
class Forbidden:
    """The viewer may not do this."""


@dataclass(frozen=True, slots=True)
class Unavailable:
    """The directory cannot answer now; try again later."""


@dataclass(frozen=True, slots=True)
class Page:
    """The part of a list that is wanted: at most *limit* people after the cursor *after* of an earlier Listing."""

    after: str | None = None
    limit: int = 50


@dataclass(frozen=True, slots=True)
class Listing:
    """One page of people.

    *after* is the cursor of the next page, None on the last one; it stays right while people come and go. *truncated*:
    a search found more people than it looks at, and more words would find the others.
    """

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

    entries: tuple[PlanVersion, ...]


@dataclass(frozen=True, slots=True)
class Saved:
    """The edit is on disk; *version* is the base of the next edit, 0 if nothing had to change."""

    version: int


@dataclass(frozen=True, slots=True)
class Conflict:
    """Somebody else edited the person meanwhile. Nothing was changed; *current* is the person as stored now."""

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

    problems: tuple[EditProblem, ...]


NOT_FOUND = NotFound()
UNAVAILABLE = Unavailable()
FORBIDDEN = Forbidden()

LookupResult = Found | Ambiguous | NotFound | Forbidden | Unavailable
EditResult = Saved | Conflict | Invalid | Forbidden | NotFound | Unavailable
