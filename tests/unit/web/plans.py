"""People who change their plans, in a house that tests ask."""

from datetime import datetime, timedelta
from typing import Any

import msgspec

from gateway.directory.interfaces import Modify
from gateway.directory.person import Visibility
from tests.unit.fixtures import PEOPLE_CHANGED_AT, Built, write_edits
from tests.unit.web.wire import Answer

E, M, N = Visibility
BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


def at(hours: float) -> datetime:
    """So many *hours* after the people of the house were written."""
    return PEOPLE_CHANGED_AT + timedelta(hours=hours)


def say(built: Built, login: str, plan: str, hours: float, level: Visibility = E) -> None:
    """*login* writes a plan, which may go as far as *level* then."""
    write_edits(built.path, [Modify(login, {"plan": plan}, plan_level=level)], at(hours))
    built.poll_store()


def choose(built: Built, login: str, hours: float, listed: bool | None = None, **levels: Visibility | None) -> None:
    """*login* says who may see what, and whether to be listed."""
    write_edits(built.path, [Modify(login, {}, levels, listed)], at(hours))
    built.poll_store()


def json(answer: Answer) -> Any:
    return msgspec.json.decode(answer.body)


def bare(answer: Answer) -> tuple[int, dict[str, str], bytes]:
    """All of an answer but the time of day."""
    return answer.code, {name: value for name, value in answer.headers.items() if name != "date"}, answer.body
