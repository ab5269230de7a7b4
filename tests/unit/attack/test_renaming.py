"""Another login is no way around what another source says of the old one."""

from pathlib import Path
from typing import Any

import pytest
from twisted.internet.defer import Deferred

from gateway.directory.answers import Invalid, NotFound, Unavailable
from gateway.directory.interfaces import Rename
from gateway.directory.person import Partial, Visibility
from tests.unit.directory.keepers import ADMINISTRATOR, STRANGER, Place
from tests.unit.fixtures import Built, make_dependencies, now

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
    place = Place(*(Partial(login=login, visibility=hidden) for login in ("carl", "root", "carl_")), restricts=True)
    built = make_dependencies(tmp_path, people=PEOPLE, sources=(place,))
    directory = built.deps.directory
    outcome: Any = now(directory.save([Rename(old, new)], ADMINISTRATOR))
    assert isinstance(outcome, Invalid)
    assert "place" in outcome.problems[0].allowed
    assert now(directory.lookup("carl", STRANGER)) == now(directory.lookup(new, STRANGER)) == NotFound()
    built.stop()


def test_nobody_is_renamed_while_it_is_not_known(tmp_path: Path) -> None:
    place = Place(restricts=True)
    built = make_dependencies(tmp_path, people=PEOPLE, sources=(place,))
    now(built.deps.directory.lookup("bob", ADMINISTRATOR))
    place.down = True
    assert now(built.deps.directory.save([Rename("bob", "robert")], ADMINISTRATOR)) == Unavailable()
    place.down = False
    assert renamed(built, "bob", "robert") == Rename("bob", "robert")
    assert renamed(built, "bob", "bob") == Rename("bob", "bob")
    built.stop()
