"""What the directory answers. Protocols turn each into words of their own manner."""

from dataclasses import dataclass
from datetime import datetime

from .person import Visibility
from .privacy import Profile


@dataclass(frozen=True, slots=True)
class Found:
    profile: Profile


@dataclass(frozen=True, slots=True)
class Ambiguous:
    """More than one person goes by the name; *profiles* are those that exist for the asker, in the order of logins."""

    profiles: tuple[Profile, ...]


@dataclass(frozen=True, slots=True)
class NotFound:
    """Nobody, or nobody whom the asker may see: the two are never told apart."""


@dataclass(frozen=True, slots=True)
class Forbidden:
    """The asker may not do this."""


@dataclass(frozen=True, slots=True)
class Unavailable:
    """Cannot be answered now; try again."""


@dataclass(frozen=True, slots=True)
class Page:
    """Which part of a list is asked for: at most *limit* people behind *after*, which an earlier Listing gave."""

    after: str | None = None
    limit: int = 50


@dataclass(frozen=True, slots=True)
class Listing:
    """One page of people; *after* asks for the next one, None where this is the last. It stays right while people come
    and go. *cut*: more were found than are looked at, and other words would find them."""

    profiles: tuple[Profile, ...]
    after: str | None
    truncated: bool = False


@dataclass(frozen=True, slots=True)
class PlanVersion:
    """A plan as it stood from *at* on; *level* is how far it could go when it was written."""

    at: datetime
    text: str
    level: Visibility


@dataclass(frozen=True, slots=True)
class History:
    """Plans, the newest first."""

    entries: tuple[PlanVersion, ...]


@dataclass(frozen=True, slots=True)
class Saved:
    """The edit is on disk; *version* is what the next edit is based on (0: nothing had to change)."""

    version: int


@dataclass(frozen=True, slots=True)
class Conflict:
    """Somebody else was faster. Nothing was changed; *current* is what stands there now."""

    current: Profile


@dataclass(frozen=True, slots=True)
class EditProblem:
    """One thing wrong with an edit."""

    login: str
    field: str
    found: str
    allowed: str


@dataclass(frozen=True, slots=True)
class Invalid:
    problems: tuple[EditProblem, ...]


NOT_FOUND = NotFound()
UNAVAILABLE = Unavailable()
FORBIDDEN = Forbidden()

LookupResult = Found | Ambiguous | NotFound | Forbidden | Unavailable
EditResult = Saved | Conflict | Invalid | Forbidden | NotFound | Unavailable
