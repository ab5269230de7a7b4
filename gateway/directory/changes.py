"""What changed: one ordered stream, read by caches and feeds."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Change:
    """Change number *n*: these *fields* of *login* are different. Without fields, the person was removed."""

    n: int
    login: str
    fields: tuple[str, ...]
    at: datetime

    @property
    def removed(self) -> bool:
        return not self.fields
