"""The registry of checks. Importing checks.py fills it.

The level of a check is what the RFC says: MUST and SHOULD where RFC 1288 has the word, MUST also where its grammar has the
form, SHOULD also for forms of the earlier RFCs (742, 1194, 1196). Everything else is "practice": what clients send, what
good servers do, what attackers try. The ids are those of tests/behaviours/finger.md.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from .session import ConformanceRun, Passed

RequirementLevel = Literal["MUST", "SHOULD", "practice"]
LEVELS: tuple[RequirementLevel, ...] = ("MUST", "SHOULD", "practice")
AFTER_OTHERS = 1  # phase of checks that look at the replies to all others
FINAL = 2  # phase of a flood after which the server may refuse us
CheckFunction = Callable[[ConformanceRun], Passed]


@dataclass(frozen=True, slots=True)
class Check:
    """One check.

    *section* is where the requirement comes from, or "". *title* is at most 45 letters, *expected* a sentence.
    *needs_login*: somebody who exists is needed. *aggressive*: it floods the server. *slow*: it waits for deadlines.
    Checks of a higher *phase* run later. *body* does the check; None if *untestable* says why nothing can.
    """

    id: str
    level: RequirementLevel
    section: str
    title: str
    expected: str
    needs_login: bool = False
    aggressive: bool = False
    slow: bool = False
    phase: int = 0
    untestable: str = ""
    body: CheckFunction | None = None


_registered: dict[str, Check] = {}


def check(
    id: str,
    level: RequirementLevel,
    section: str,
    title: str,
    expected: str,
    *,
    needs_login: bool = False,
    aggressive: bool = False,
    slow: bool = False,
    phase: int = 0,
) -> Callable[[CheckFunction], CheckFunction]:
    """Register the decorated function as the check *id*. It returns Passed, or raises CheckFailed or CannotTest."""

    def register(body: CheckFunction) -> CheckFunction:
        _registered[id] = Check(id, level, section, title, expected, needs_login, aggressive, slow, phase, body=body)
        return body

    return register


def untestable(id: str, level: RequirementLevel, section: str, title: str, expected: str, why: str) -> None:
    """Register a requirement that no client can test from outside, and *why*."""
    _registered[id] = Check(id, level, section, title, expected, untestable=why)


def all_checks() -> dict[str, Check]:
    """Return all checks by id, in the order of the ids. Those of a module are there once it has been imported."""
    return dict(sorted(_registered.items()))
