"""The registry of checks. The functions that do them are in flow.py, floods.py, form.py, grammar.py, hosts.py, people.py.

The level of a check is what the RFC says: MUST and SHOULD where RFC 1288 has the word, MUST also where its grammar has the
form, SHOULD also for forms of the earlier RFCs (742, 1194, 1196). Everything else is "practice": what clients send, what
good servers do, what attackers try. The ids are those of tests/behaviours/finger.md.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from . import messages
from .session import ConformanceRun, Passed

RequirementLevel = Literal["MUST", "SHOULD", "practice"]
LEVELS: tuple[RequirementLevel, ...] = ("MUST", "SHOULD", "practice")
CheckFunction = Callable[[ConformanceRun], Passed]


@dataclass(frozen=True, slots=True)
class Check:
    """One check.

    *section* is where the requirement comes from, or "". *needs_login*: somebody who exists is needed. *aggressive*: it
    floods the server. *slow*: it waits for deadlines. *body* does it; None if *untestable* says why nothing can.
    """

    id: str
    level: RequirementLevel
    section: str
    needs_login: bool = False
    aggressive: bool = False
    slow: bool = False
    untestable: str = ""
    body: CheckFunction | None = None

    @property
    def title(self) -> str:
        """The name of the check in tables, at most 45 letters."""
        return messages.TITLES[self.id][0]

    @property
    def expected(self) -> str:
        """What a server has to do."""
        return messages.TITLES[self.id][1]


_registered: dict[str, Check] = {}


def check(
    id: str,
    level: RequirementLevel,
    section: str,
    needs_login: bool = False,
    aggressive: bool = False,
    slow: bool = False,
) -> Callable[[CheckFunction], CheckFunction]:
    """Register the decorated function as the check *id*. It returns Passed, or raises CheckFailed or CannotTest."""

    def register(body: CheckFunction) -> CheckFunction:
        _registered[id] = Check(id, level, section, needs_login, aggressive, slow, body=body)
        return body

    return register


def _untestable(id: str, level: RequirementLevel, section: str, why: str) -> Check:
    return Check(id, level, section, untestable=why)


# Requirements that no client can test from outside.
UNTESTABLE = (
    _untestable("F013", "practice", "RFC 1288 2.1", messages.LARGE),
    _untestable("F018", "practice", "", messages.MAPPED),
    _untestable("F020", "practice", "", messages.SETTING),
    _untestable("F021", "practice", "", messages.RESOLVER),
    _untestable("F023", "MUST", "RFC 1288 2.2", messages.PLAN),
    _untestable("F024", "MUST", "RFC 1288 2.2", messages.PLAN),
    _untestable("F026", "MUST", "RFC 1288 2.2", messages.PLAN),
    _untestable("F028", "MUST", "RFC 1288 2.2", messages.SETTING),
    _untestable("F032", "practice", "RFC 1288 3.3", messages.PLAN),
    _untestable("F034", "practice", "RFC 1288 3.3", messages.PLAN),
    _untestable("F035", "practice", "", messages.PLAN),
    _untestable("F036", "practice", "", messages.PLAN),
    _untestable("F037", "practice", "", messages.PLAN),
    _untestable("F087", "MUST", "RFC 1288 2.4", messages.FORWARDING),
    _untestable("F088", "MUST", "RFC 1288 2.4", messages.FORWARDING),
    _untestable("F089", "practice", "", messages.FORWARDING),
    _untestable("F090", "practice", "", messages.FORWARDING),
    _untestable("F091", "practice", "", messages.FORWARDING),
    _untestable("F093", "SHOULD", "RFC 1288 2.5.1", messages.SETTING),
    _untestable("F099", "SHOULD", "RFC 1288 2.5.2", messages.SETTING),
    _untestable("F101", "SHOULD", "RFC 1288 3.2.3", messages.SETTING),
    _untestable("F105", "practice", "", messages.OTHERS),
    _untestable("F106", "practice", "RFC 1288 3.2.4", messages.FILES),
    _untestable("F107", "practice", "RFC 1288 3.2.4", messages.FILES),
    _untestable("F109", "practice", "RFC 1288 3.2.4", messages.FILES),
    _untestable("F110", "practice", "RFC 1288 3.2.4", messages.FILES),
    _untestable("F111", "practice", "RFC 1288 3.2.4", messages.FILES),
    _untestable("F112", "MUST", "RFC 1288 3.2.5", messages.DOCUMENTATION),
    _untestable("F114", "SHOULD", "RFC 1288 2.5.5", messages.SERVICE),
    _untestable("F115", "SHOULD", "RFC 1288 3.2.7", messages.LOG),
    _untestable("F117", "practice", "", messages.LOG),
    _untestable("F118", "practice", "", messages.LOG),
    _untestable("F119", "practice", "", messages.DOCUMENTATION),
    _untestable("F121", "SHOULD", "RFC 1288 3.3", messages.CLIENT),
    _untestable("F122", "practice", "", messages.CLIENT),
)


def all_checks() -> dict[str, Check]:
    """Return all checks by id, in the order of the ids. Those of a module are there once it has been imported."""
    checks = (*_registered.values(), *UNTESTABLE)
    return {each.id: each for each in sorted(checks, key=lambda each: each.id)}
