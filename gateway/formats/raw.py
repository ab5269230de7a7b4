"""A person as read from a file, before validation."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class RawPerson:
    """A person document that has not been validated.

    *tree* is the document as JSON decodes it, *where* its position in the file. *keep_other_levels*: the visibility of
    fields that the document does not name stays as it is. *login_source* is what the login was taken from, if the format
    has none. *ignored* lists what stands in the file and was not taken.
    """

    where: str
    tree: Any
    keep_other_levels: bool = False
    login_source: str = ""
    ignored: tuple[str, ...] = ()
