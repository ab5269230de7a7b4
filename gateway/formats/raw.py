"""What a reader of files of people gives: a person as the tree of a document that nobody has judged yet."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Raw:
    """*tree* as JSON decodes a person document. *where* it stands in the file. *gaps*: the visibility of fields that it
    does not name stays. *login_from* is what the login was taken from, where the format has none; *left*: what stands
    there and was not taken."""

    where: str
    tree: Any
    gaps: bool = False
    login_from: str = ""
    left: tuple[str, ...] = ()
