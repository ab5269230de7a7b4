"""May this edit be made, and of what: who may change which field, and every value as its field takes it. Pure: the
service fetches the person and saves what is left of the edit."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, TypeVar

from . import fields
from .answers import FORBIDDEN, EditProblem, Forbidden
from .interfaces import Create, Edit, Modify, Remove, Rename
from .names import InvalidLogin, canonical_login
from .person import Person, Visibility
from .privacy import Audience, Policy
from .viewers import Viewer

L = TypeVar("L", Visibility, Visibility | None)


class Wrong(Exception):
    """A value that cannot be taken."""

    def __init__(self, problem: EditProblem) -> None:
        super().__init__(problem)
        self.problem = problem


def canonical(edit: Edit) -> Edit:
    """*edit* with logins as they are kept. Raises Wrong."""
    edit = replace(edit, login=_login(edit.login, edit.login))
    return replace(edit, new=_login(edit.login, edit.new)) if isinstance(edit, Rename) else edit


def _login(of: str, text: str) -> str:
    try:
        return canonical_login(text)
    except InvalidLogin as error:
        raise Wrong(EditProblem(of, "login", repr(text[:80]), str(error))) from None


def may_all(viewer: Viewer) -> bool:
    """May *viewer* do what administrators may?"""
    return viewer.administrator and viewer.scope == "administrator"


def created(edit: Create, viewer: Viewer, policy: Policy) -> Create | Forbidden:
    """*edit* with checked values. Raises Wrong."""
    if not may_all(viewer):
        return FORBIDDEN
    return replace(
        edit,
        values=_values(edit.login, edit.values),
        visibility=_levels(edit.login, edit.visibility),
        plan_level=_plan_level(edit.login, edit.visibility, policy),
    )


def changed(
    edit: Modify | Remove | Rename, person: Person, audience: Audience, viewer: Viewer, policy: Policy
) -> Edit | Forbidden:
    """*edit* of *person*, to whom *viewer* stands as *audience*. Raises Wrong."""
    if audience.rank < Audience.SELF.rank:
        return FORBIDDEN
    if isinstance(edit, Remove | Rename):
        return edit if may_all(viewer) else FORBIDDEN
    known = [fields.FIELDS[name] for name in edit.values if name in fields.FIELDS]
    if not may_all(viewer) and any(field.editor == "administrator" for field in known):
        return FORBIDDEN
    chosen = {
        name: level for name, level in (dict(person.visibility) | dict(edit.visibility)).items() if level is not None
    }
    return replace(
        edit,
        values=_values(edit.login, edit.values),
        visibility=_levels(edit.login, edit.visibility),
        plan_level=_plan_level(edit.login, chosen, policy),
    )


def _plan_level(login: str, visibility: Mapping[str, Visibility], policy: Policy) -> Visibility:
    """How far a plan written now may ever go: nobody's, where the whole person is hidden."""
    person = Person(login=login, visibility=visibility)
    return max(policy.level(person, "plan"), policy.level(person, "name"))


def _values(login: str, values: Mapping[str, Any]) -> dict[str, Any]:
    checked = {}
    for name, value in values.items():
        if name not in fields.FIELDS:
            raise Wrong(EditProblem(login, name, "an unknown field", ", ".join(fields.STORED)))
        try:
            checked[name] = fields.check_value(name, value)
        except fields.BadValue as bad:
            raise Wrong(EditProblem(login, name, bad.found, bad.allowed)) from None
    return checked


def _levels(login: str, levels: Mapping[str, L]) -> Mapping[str, L]:
    for name in levels:
        if name not in fields.FIELDS:
            raise Wrong(EditProblem(login, f"visibility.{name}", "an unknown field", ", ".join(fields.FIELDS)))
    return levels
