"""The operator's own pages, tried before anybody asks: each template of this room is filled for people as there may be."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from ..directory.explanation import field_rules
from ..directory.privacy import Policy
from ..directory.sample_profiles import FULL, SAMPLES
from ..outbound.fediverse_address import Actor
from ..rendering.templates import BrokenTemplate, TemplateSet
from . import markup, messages
from .pages import GIVEN
from .views.history import Change, Plan, Row
from .views.person import values_of

_AT = datetime(2026, 11, 24, 9, 30, tzinfo=UTC)
_MARK = "20261124T093000.000000Z"
_ROWS = [Row(kind, "A line") for kind in ("same", "added", "removed")] + [
    Row(kind, count=7) for kind in ("skipped", "gone")
]
_PLANS = [
    Plan(_AT, _MARK, _ROWS, empty=False, cut=True, whole="/users/alice/plan"),
    Plan(_AT, _MARK, [], empty=True, cut=False, whole="/users/alice/plan"),
]
_CHANGES = [
    Change(_AT, "/users/alice/history", 1, 1, _ROWS),
    Change(_AT, "/users/alice/history", 0, 2, ()),
]


def find_template_problems(texts: TemplateSet) -> list[str]:
    """What is wrong with the templates of [web], file and line first, each mistake once."""
    found: dict[str, None] = {}
    for name, values in _views():
        given = {**GIVEN, "asset": "/static/{}".format} if name.endswith(".html") else {}
        try:
            texts.render_own(f"web/{name}", **given, **values)
        except BrokenTemplate as broken:
            found[str(broken)] = None
    return list(found)


def _views() -> Iterator[tuple[str, dict[str, Any]]]:
    """Every page, and what it is given."""
    for person in SAMPLES:
        account = person.fediverse
        actor = Actor("https://e.example/a", "https://e.example/@a")
        yield "person.html", values_of(person, _AT, account, actor, _CHANGES)
        yield "person.html", values_of(person, _AT, account, None)
    for code in (404, 500):
        yield "error.html", {"code": code, "title": messages.title(code), "sentence": messages.sentence(404)}
    for name, values in _in_both():
        yield f"{name}.html", values
        yield f"{name}.txt", values


def _in_both() -> Iterator[tuple[str, dict[str, Any]]]:
    for people in (SAMPLES, ()):
        front = {"newest": people, "online": people, "beginning": markup.beginning}
        for more in (True, False):
            yield "index", front | {"more_online": more}
        for q, next, first in (("", None, True), ("words", "/users?after=a", True), ("", None, False)):
            found = {"profiles": people, "q": q, "next": next, "cut": bool(next), "first": first}
            yield "users", found
            yield "online", found
    yield "ambiguous", {"profiles": SAMPLES, "count": len(SAMPLES) + 1}
    for plans, next, first in ((_PLANS, "/users/alice/history?before=a", True), ([], None, True), ([], None, False)):
        yield "history", {"person": FULL, "plans": plans, "next": next, "first": first}
    for base in ("open", "A", "B", "C"):
        policy = Policy.preset(base, {}, {})
        for days in (None, 7):
            yield "policy", {"policy": policy, "days": days, "rules": list(field_rules(policy))}
