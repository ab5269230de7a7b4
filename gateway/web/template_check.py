"""Checks the operator's own pages before any client asks: each template is rendered for sample people."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from ..directory.explanation import field_rules
from ..directory.privacy import Policy
from ..directory.sample_profiles import FULL, SAMPLES
from ..outbound.fediverse_address import Actor
from ..rendering.templates import BrokenTemplate, TemplateSet
from . import markup, messages
from .replies import TEMPLATE_GLOBALS
from .views.history import DiffLine, PlanChange, PlanDiff
from .views.person import page_values

_AT = datetime(2026, 11, 24, 9, 30, tzinfo=UTC)
_ANCHOR = "20261124T093000.000000Z"
_LINES = [DiffLine(kind, "A line") for kind in ("same", "added", "removed")] + [
    DiffLine(kind, count=7) for kind in ("skipped", "gone")
]
_PLANS = [
    PlanDiff(_AT, _ANCHOR, _LINES, is_empty=False, truncated=True, full_url="/users/alice/plan"),
    PlanDiff(_AT, _ANCHOR, [], is_empty=True, truncated=False, full_url="/users/alice/plan"),
]
_CHANGES = [
    PlanChange(_AT, "/users/alice/history", 1, 1, _LINES),
    PlanChange(_AT, "/users/alice/history", 0, 2, ()),
]


def find_template_problems(templates: TemplateSet) -> list[str]:
    """Return what is wrong with the operator's templates of the web side, file and line first, each problem once."""
    found: dict[str, None] = {}
    for name, values in _views():
        common = {**TEMPLATE_GLOBALS, "assets": defaultdict(lambda: "/static/x")} if name.endswith(".html") else {}
        try:
            templates.render_own(f"web/{name}", **common, **values)
        except BrokenTemplate as broken:
            found[str(broken)] = None
    return list(found)


def _views() -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield every page and the variables that it is rendered with."""
    for person in SAMPLES:
        account = person.fediverse
        actor = Actor("https://e.example/a", "https://e.example/@a")
        yield "person.html", page_values(person, _AT, account, actor, _CHANGES)
        yield "person.html", page_values(person, _AT, account, None)
    for code in (404, 500):
        yield "error.html", {"code": code, "title": messages.title(code), "sentence": messages.sentence(404)}
    for name, values in _pages_in_both_formats():
        yield f"{name}.html", values
        yield f"{name}.txt", values


def _pages_in_both_formats() -> Iterator[tuple[str, dict[str, Any]]]:
    for people in (SAMPLES, ()):
        front = {"newest": people, "online": people, "first_text_line": markup.first_text_line}
        for more in (True, False):
            yield "index", front | {"more_online": more}
        for words, next_url, is_first_page in (("", None, True), ("words", "/users?after=a", True), ("", None, False)):
            variables = {
                "profiles": people,
                "words": words,
                "next_url": next_url,
                "truncated": bool(next_url),
                "is_first_page": is_first_page,
            }
            yield "users", variables
            yield "online", variables
    yield "ambiguous", {"profiles": SAMPLES, "count": len(SAMPLES) + 1}
    next_url = "/users/alice/history?before=a"
    for plans, url, is_first_page in ((_PLANS, next_url, True), ([], None, True), ([], None, False)):
        history: dict[str, Any] = {"person": FULL, "plans": plans, "next_url": url, "is_first_page": is_first_page}
        yield "history", history
    for base in ("open", "A", "B", "C"):
        policy = Policy.preset(base, {}, {})
        for days in (None, 7):
            yield "policy", {"policy": policy, "retention_days": days, "rules": list(field_rules(policy))}
