"""What changed: one ordered stream, read by caches, feeds and watches. Own edits and those of others come the same way."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Change:
    """Number *n* of all changes: *fields* of *login* are not as they were; none: there is nobody of that login any more."""

    n: int
    login: str
    fields: tuple[str, ...]
    at: datetime

    @property
    def removed(self) -> bool:
        return not self.fields
