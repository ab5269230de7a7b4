"""Helpers for tests about plans and their visibility."""

from datetime import datetime, timedelta
from typing import Any

import msgspec

from gateway.directory.interfaces import Modify
from gateway.directory.person import Visibility
from tests.unit.fixtures import PEOPLE_CHANGED_AT, GatewayHarness, write_edits
from tests.unit.web.browser import Response

E, M, N = Visibility
BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


def hours_later(hours: float) -> datetime:
    """Return the time *hours* after the people were written to the database."""
    return PEOPLE_CHANGED_AT + timedelta(hours=hours)


def write_plan(built: GatewayHarness, login: str, plan: str, hours: float, level: Visibility = E) -> None:
    """Write a plan for *login* that has the visibility *level*."""
    write_edits(built.database_path, [Modify(login, {"plan": plan}, plan_level=level)], hours_later(hours))
    built.poll_store()


def set_visibility(
    built: GatewayHarness, login: str, hours: float, listed: bool | None = None, **levels: Visibility | None
) -> None:
    """Set the visibility of fields of *login*, and whether *login* is listed."""
    write_edits(built.database_path, [Modify(login, {}, levels, listed)], hours_later(hours))
    built.poll_store()


def decode_json(answer: Response) -> Any:
    return msgspec.json.decode(answer.body)


def without_date(answer: Response) -> tuple[int, dict[str, str], bytes]:
    """Return everything in a response but its Date header."""
    return answer.code, {name: value for name, value in answer.headers.items() if name != "date"}, answer.body
