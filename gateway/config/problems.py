"""Problems of a settings file or a document, as messages for people: file, key, what was found, what to write."""

import difflib
from collections.abc import Iterable
from dataclasses import dataclass

MAX_SHOWN_CHARACTERS = 100  # of a wrong value in a message


class CannotStart(Exception):
    """Something prevents the start; the message is for the operator. Nothing has been started."""


@dataclass(frozen=True)
class Problem:
    """One thing wrong with a settings file. *key* is like "limits.timeout", empty if the file as a whole is wrong.

    For *found* and *allowed* see `describe_problem`.
    """

    file: str
    key: str
    found: str
    allowed: str
    hint: str = ""

    def __str__(self) -> str:
        where = f"{self.file}: {self.key}" if self.key else self.file
        hint = f" ({self.hint})" if self.hint else ""
        return f"{where}: {describe_problem(self.found, self.allowed)}{hint}"


class BadSettings(Exception):
    """All problems of a settings file."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = problems


def describe_problem(found: str, allowed: str) -> str:
    """Return the message for a value *found* that must be *allowed*. If *found* is empty, *allowed* is the message."""
    return f"found {found}; must be {allowed}" if found else allowed


def describe_unknown(what: str, name: str, known: Iterable[str]) -> str:
    """Return the message for the *name* of a *what* ("key", "field") that is not one of *known*."""
    known = list(known)
    near = difflib.get_close_matches(name, known, 1, 0.6)
    names = ", ".join(known)
    return f"unknown {what}; did you mean {near[0]}? (known: {names})" if near else f"unknown {what}; known: {names}"
