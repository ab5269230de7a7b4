"""Another login is no way around what another source says of the old one."""

from pathlib import Path
from typing import Any

import pytest
from twisted.internet.defer import Deferred

from gateway.directory.answers import Invalid, NotFound, Unavailable
from gateway.directory.interfaces import Rename
from gateway.directory.person import Partial, Visibility
from tests.unit.directory.doubles import ADMINISTRATOR, STRANGER, InMemorySource
from tests.unit.fixtures import Built, make_dependencies, result_of

PEOPLE = [{"login": "carl", "name": "Carl Kettle"}, {"login": "bob", "name": "Bob"}]


def renamed(built: Built, old: str, new: str) -> Any:
    """What becomes of it, up to where a thread would write."""
    results: list[Any] = []
    Deferred.fromCoroutine(built.deps.directory._editing._check(Rename(old, new), ADMINISTRATOR)).addBoth(
        results.append
    )
    failure = results[0]
    return failure.value if hasattr(failure, "value") else failure


@pytest.mark.parametrize(("old", "new"), [("carl", "charles"), ("bob", "root"), ("bob", "carl_")])
def test_who_is_hidden_elsewhere_is_not_renamed_into_the_open(tmp_path: Path, old: str, new: str) -> None:
    """carl was found by everyone, by the old login too, as soon as the store called him charles."""
    hidden = {"name": Visibility.NOBODY}
    source = InMemorySource(
        *(Partial(login=login, visibility=hidden) for login in ("carl", "root", "carl_")), restricts=True
    )
    built = make_dependencies(tmp_path, people=PEOPLE, sources=(source,))
    directory = built.deps.directory
    outcome: Any = result_of(directory.save([Rename(old, new)], ADMINISTRATOR))
    assert isinstance(outcome, Invalid)
    assert "ldap" in outcome.problems[0].allowed
    assert result_of(directory.lookup("carl", STRANGER)) == result_of(directory.lookup(new, STRANGER)) == NotFound()
    built.stop()


def test_nobody_is_renamed_while_it_is_not_known(tmp_path: Path) -> None:
    source = InMemorySource(restricts=True)
    built = make_dependencies(tmp_path, people=PEOPLE, sources=(source,))
    result_of(built.deps.directory.lookup("bob", ADMINISTRATOR))
    source.down = True
    assert result_of(built.deps.directory.save([Rename("bob", "robert")], ADMINISTRATOR)) == Unavailable()
    source.down = False
    assert renamed(built, "bob", "robert") == Rename("bob", "robert")
    assert renamed(built, "bob", "bob") == Rename("bob", "bob")
    built.stop()
