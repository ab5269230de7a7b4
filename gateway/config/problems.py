"""Problems of a settings file, as messages for the operator: file, key, what was found, what is allowed."""

from dataclasses import dataclass

MAX_SHOWN_CHARACTERS = 100  # of a wrong value in a message


class CannotStart(Exception):
    """Something prevents the start; the message is for the operator. Nothing has been started."""


@dataclass(frozen=True)
class Problem:
    """One thing wrong with a settings file. *key* is like "limits.timeout", empty if the file as a whole is wrong."""

    file: str
    key: str
    found: str
    allowed: str
    hint: str = ""

    def __str__(self) -> str:
        where = f"{self.file}: {self.key}" if self.key else self.file
        hint = f" ({self.hint})" if self.hint else ""
        return f"{where}: found {self.found}; allowed: {self.allowed}{hint}"


class BadSettings(Exception):
    """All problems of a settings file."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = problems
