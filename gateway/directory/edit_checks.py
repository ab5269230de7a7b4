"""Check an edit: who may change which field, and every value as its field takes it. No I/O.

editing.py fetches the person and saves the checked edit.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, TypeVar

from ..config.problems import describe_unknown
from . import fields
from .interfaces import Create, Edit, Modify, Remove, Rename
from .names import InvalidLogin, canonical_login
from .person import Person, Visibility
from .privacy import Audience, Policy, acts_as_administrator
from .results import FORBIDDEN, EditProblem, Forbidden
from .viewers import Viewer

LevelT = TypeVar("LevelT", Visibility, Visibility | None)


class EditRejected(Exception):
    """An edit with a value that cannot be taken."""

    def __init__(self, problem: EditProblem) -> None:
        super().__init__(problem)
        self.problem = problem


def canonicalize(edit: Edit) -> Edit:
    """Return *edit* with canonical logins. Raises EditRejected."""
    edit = replace(edit, login=_login(edit.login, edit.login))
    return replace(edit, new=_login(edit.login, edit.new)) if isinstance(edit, Rename) else edit


def _login(of: str, text: str) -> str:
    try:
        return canonical_login(text)
    except InvalidLogin as error:
        raise EditRejected(EditProblem(of, "login", repr(text[:80]), str(error))) from None


def check_create(edit: Create, viewer: Viewer, policy: Policy) -> Create | Forbidden:
    """Return *edit* with checked values. Raises EditRejected."""
    if not acts_as_administrator(viewer):
        return FORBIDDEN
    return replace(
        edit,
        values=_check_values(edit.login, edit.values),
        visibility=_check_levels(edit.login, edit.visibility),
        plan_level=_plan_level(edit.login, edit.visibility, policy),
    )


def check_change(
    edit: Modify | Remove | Rename, person: Person, audience: Audience, viewer: Viewer, policy: Policy
) -> Edit | Forbidden:
    """Return *edit* of *person* with checked values; *viewer* stands to them as *audience*. Raises EditRejected."""
    if audience.rank < Audience.SELF.rank:
        return FORBIDDEN
    if isinstance(edit, Remove | Rename):
        return edit if acts_as_administrator(viewer) else FORBIDDEN
    known = [fields.FIELDS[name] for name in edit.values if name in fields.FIELDS]
    if not acts_as_administrator(viewer) and any(field.editor == "administrator" for field in known):
        return FORBIDDEN
    chosen = {
        name: level for name, level in (dict(person.visibility) | dict(edit.visibility)).items() if level is not None
    }
    return replace(
        edit,
        values=_check_values(edit.login, edit.values),
        visibility=_check_levels(edit.login, edit.visibility),
        plan_level=_plan_level(edit.login, chosen, policy),
    )


def _plan_level(login: str, visibility: Mapping[str, Visibility], policy: Policy) -> Visibility:
    """Return the widest level that a plan written now may ever have: NOBODY if the whole person is hidden."""
    person = Person(login=login, visibility=visibility)
    return max(policy.level(person, "plan"), policy.level(person, "name"))


def _check_values(login: str, values: Mapping[str, Any]) -> dict[str, Any]:
    checked = {}
    for name, value in values.items():
        if name not in fields.FIELDS:
            raise EditRejected(EditProblem(login, name, "", describe_unknown("field", name, fields.STORED)))
        try:
            checked[name] = fields.check_value(name, value)
        except fields.BadValue as bad:
            raise EditRejected(EditProblem(login, name, bad.found, bad.allowed)) from None
    return checked


def _check_levels(login: str, levels: Mapping[str, LevelT]) -> Mapping[str, LevelT]:
    for name in levels:
        if name not in fields.FIELDS:
            unknown = describe_unknown("field", name, fields.FIELDS)
            raise EditRejected(EditProblem(login, f"visibility.{name}", "", unknown))
    return levels
