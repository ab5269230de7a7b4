"""A rename cannot escape the restrictions that another source puts on the old or new login."""

from pathlib import Path
from typing import Any

import pytest
from twisted.internet.defer import Deferred

from gateway.directory.interfaces import Rename
from gateway.directory.person import PartialPerson, Visibility
from gateway.directory.results import Invalid, NotFound, Unavailable
from tests.unit.directory.doubles import ADMINISTRATOR, STRANGER, InMemorySource
from tests.unit.fixtures import GatewayHarness, make_dependencies, result_of

PEOPLE = [{"login": "carl", "name": "Carl Kettle"}, {"login": "bob", "name": "Bob"}]


def check_rename(built: GatewayHarness, old: str, new: str) -> Any:
    """Return the result of the checks before a rename is written: the edit or the exception."""
    results: list[Any] = []
    Deferred.fromCoroutine(built.deps.directory._editing._check(Rename(old, new), ADMINISTRATOR)).addBoth(
        results.append
    )
    failure = results[0]
    return failure.value if hasattr(failure, "value") else failure


@pytest.mark.parametrize(("old", "new"), [("carl", "charles"), ("bob", "root"), ("bob", "carl_")])
def test_a_person_hidden_by_another_source_cannot_be_renamed(tmp_path: Path, old: str, new: str) -> None:
    """The source hides the login carl; renamed to charles, everyone would find the person by both logins."""
    hidden = {"name": Visibility.NOBODY}
    source = InMemorySource(
        *(PartialPerson(login=login, visibility=hidden) for login in ("carl", "root", "carl_")), restricts=True
    )
    built = make_dependencies(tmp_path, people=PEOPLE, sources=(source,))
    directory = built.deps.directory
    outcome: Any = result_of(directory.save([Rename(old, new)], ADMINISTRATOR))
    assert isinstance(outcome, Invalid)
    assert "ldap" in outcome.problems[0].allowed
    assert result_of(directory.lookup("carl", STRANGER)) == result_of(directory.lookup(new, STRANGER)) == NotFound()
    built.stop()


def test_no_rename_while_a_restricting_source_is_down(tmp_path: Path) -> None:
    source = InMemorySource(restricts=True)
    built = make_dependencies(tmp_path, people=PEOPLE, sources=(source,))
    result_of(built.deps.directory.lookup("bob", ADMINISTRATOR))
    source.down = True
    assert result_of(built.deps.directory.save([Rename("bob", "robert")], ADMINISTRATOR)) == Unavailable()
    source.down = False
    assert check_rename(built, "bob", "robert") == Rename("bob", "robert")
    assert check_rename(built, "bob", "bob") == Rename("bob", "bob")
    built.stop()
