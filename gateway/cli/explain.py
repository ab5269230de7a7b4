"""finger-gateway check --explain: who sees each field of one person, and why.

The directory finds the reasons; here they become a table for people, or JSON for programs.
"""

from datetime import datetime
from typing import Any

import msgspec

from ..directory.explanation import Explanation, FieldExplanation
from ..directory.fields import STORED
from ..directory.privacy import Profile
from ..formats import person_json
from ..text.sanitize import one_line
from ..text.width import cut, pad
from . import messages
from .common import DirectorySession, failure_for, with_directory

COLUMNS = (14, 23, 10, 33)  # cells: field, value, seen by, why
EMPTY = "-"


def explain_login(login: str, as_json: bool) -> str:
    """Return the text to print about the person with *login*, hidden or not. Raises CommandFailed."""

    async def work(session: DirectorySession) -> str:
        profile = await session.profile(login)
        answer = await session.directory.explain(profile.login, session.administrator)
        if not isinstance(answer, Explanation):
            raise failure_for(answer, login)
        preset = session.directory.policy.base
        return (
            person_json.encode_json(make_document(answer)).decode().removesuffix("\n")
            if as_json
            else format_table(answer, preset)
        )

    return with_directory(work)


def format_table(explanation: Explanation, preset: str) -> str:
    """Return a table of at most 80 cells. *preset* is the preset of the settings."""
    profile = explanation.profile
    rows = [
        (
            seen.field,
            one_line(_flatten(_value_of(profile, seen.field))) or EMPTY,
            _level(seen),
            messages.reason(seen, preset),
        )
        for seen in explanation.fields
    ]
    lines = ["".join(map(_cell, row, COLUMNS)).rstrip() for row in (messages.EXPLANATION_HEADINGS, *rows)]
    return "\n".join([*lines, "", *messages.remarks(explanation)])


def make_document(explanation: Explanation) -> dict[str, Any]:
    """Return the explanation for programs, with full values."""
    profile = explanation.profile
    fields = []
    for seen in explanation.fields:
        row = {"field": seen.field, "value": _value_of(profile, seen.field) or None}
        row |= {"seen_by": _level(seen), "why": seen.reason.value}
        if seen.by:
            row["by"] = seen.by
        if seen.wanted is not None:
            row |= {"wanted": seen.wanted.name.lower(), "limit": "settings" if seen.own_limit else "preset"}
        fields.append(row)
    return {"login": profile.login, "listed": bool(profile.listed), "fields": fields}


def _value_of(profile: Profile, field: str) -> Any:
    """Return the value of *field* as JSON has it; observed fields in words."""
    if field == "login" or field in STORED:
        return msgspec.to_builtins(getattr(profile, field))
    observed: dict[str, list[Any]] = {
        "presence": [messages.ONLINE] if profile.online else [],
        "terminal": [login.terminal for login in profile.logins],
        "origin": [login.origin for login in profile.logins],
        "idle": [login.active for login in profile.logins],
        "last_seen": [profile.last_seen],
    }
    return [_format(each) for each in observed[field] if each]


def _flatten(value: Any) -> str:
    """Join all texts in *value*, in order."""
    if isinstance(value, dict):
        return " ".join(filter(None, map(_flatten, value.values())))
    if isinstance(value, list | tuple):
        return ", ".join(filter(None, map(_flatten, value)))
    return value if isinstance(value, str) else ""


def _format(value: str | datetime) -> str:
    return value if isinstance(value, str) else value.strftime("%Y-%m-%dT%H:%M:%SZ")


def _cell(text: str, cells: int) -> str:
    return pad(cut(text, cells - 1), cells)


def _level(seen: FieldExplanation) -> str:
    return seen.seen_by.name.lower()
