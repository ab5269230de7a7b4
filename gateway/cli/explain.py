"""finger-gateway check --explain: for each field of one person who sees it, and why. The directory finds the reasons;
here they become a table for people, or JSON for programs."""

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
from .common import Session, failed, with_directory

COLUMNS = (14, 23, 10, 33)  # cells: field, what it holds, who sees it, why
EMPTY = "-"


def explained(login: str, as_json: bool) -> str:
    """What is to be printed of the person called *login*, hidden or not. Raises Failed."""

    async def work(session: Session) -> str:
        profile = await session.profile(login)
        answer = await session.directory.explain(profile.login, session.administrator)
        if not isinstance(answer, Explanation):
            raise failed(answer, login)
        preset = session.directory.policy.base
        return person_json.encode(document(answer)).decode().removesuffix("\n") if as_json else table(answer, preset)

    return with_directory(work)


def table(explanation: Explanation, preset: str) -> str:
    """At most 80 cells wide. *preset* is the settings' one."""
    profile = explanation.profile
    rows = [
        (seen.field, one_line(_flat(_held(profile, seen.field))) or EMPTY, _level(seen), messages.why(seen, preset))
        for seen in explanation.fields
    ]
    lines = ["".join(map(_cell, row, COLUMNS)).rstrip() for row in (messages.EXPLAINED, *rows)]
    return "\n".join([*lines, "", *messages.remarks(explanation)])


def document(explanation: Explanation) -> dict[str, Any]:
    """The same for programs, what the fields hold in full."""
    profile = explanation.profile
    fields = []
    for seen in explanation.fields:
        row = {"field": seen.field, "value": _held(profile, seen.field) or None}
        row |= {"seen_by": _level(seen), "why": seen.why.value}
        if seen.by:
            row["by"] = seen.by
        if seen.wanted is not None:
            row |= {"wanted": seen.wanted.name.lower(), "limit": "settings" if seen.own_limit else "preset"}
        fields.append(row)
    return {"login": profile.login, "listed": bool(profile.listed), "fields": fields}


def _held(profile: Profile, field: str) -> Any:
    """What *field* holds, as JSON has it; what is observed in words of its own."""
    if field == "login" or field in STORED:
        return msgspec.to_builtins(getattr(profile, field))
    observed: dict[str, list[Any]] = {
        "presence": [messages.ON] if profile.online else [],
        "terminal": [login.terminal for login in profile.logins],
        "origin": [login.origin for login in profile.logins],
        "idle": [login.active for login in profile.logins],
        "last_seen": [profile.last_seen],
    }
    return [_text(each) for each in observed[field] if each]


def _flat(value: Any) -> str:
    """All words in *value*, in order."""
    if isinstance(value, dict):
        return " ".join(filter(None, map(_flat, value.values())))
    if isinstance(value, list | tuple):
        return ", ".join(filter(None, map(_flat, value)))
    return value if isinstance(value, str) else ""


def _text(value: str | datetime) -> str:
    return value if isinstance(value, str) else value.strftime("%Y-%m-%dT%H:%M:%SZ")


def _cell(text: str, cells: int) -> str:
    return pad(cut(text, cells - 1), cells)


def _level(seen: FieldExplanation) -> str:
    return seen.by_whom.name.lower()
