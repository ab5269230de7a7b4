"""Custom sources of an operator that contain mistakes."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from gateway.directory.interfaces import SourceDown
from gateway.directory.person import PartialPerson, Visibility
from gateway.directory.privacy import Profile
from gateway.directory.results import Found, NotFound, Unavailable
from tests.unit.directory.doubles import STRANGER
from tests.unit.fixtures import make_dependencies, result_of


class FaultySource:
    """A source that returns *answer* for every login, or raises it."""

    restricts = True
    cache_ttl: timedelta | None = None

    def __init__(self) -> None:
        self.name = "odd"
        self.answer: Any = None

    async def get(self, login: str) -> Any:
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    async def everyone(self) -> AsyncIterator[PartialPerson]:
        people: tuple[PartialPerson, ...] = ()
        for each in people:
            yield each


def profile_of(answer: Any) -> Profile:
    assert isinstance(answer, Found), answer
    return answer.profile


@pytest.mark.parametrize("answer", [ConnectionError("gone"), KeyError("uid"), {"login": "alice"}, "alice", 0])
def test_hidden_and_missing_are_equal_whatever_a_source_raises_or_returns(tmp_path: Path, answer: Any) -> None:
    """R027: while lookups fail, an answer from the cache must not reveal which logins exist."""
    faulty = FaultySource()
    built = make_dependencies(tmp_path, sources=[faulty])
    assert result_of(built.deps.directory.lookup("carol", STRANGER)) == NotFound()
    faulty.answer = answer
    for name in ("nobody", "carol", "unheard", "carol", "Carol Hidden"):
        with pytest.raises(type(answer) if isinstance(answer, Exception) else TypeError):
            result_of(built.deps.directory.lookup(name, STRANGER))
    faulty.answer = None
    built.clock.advance(2)
    assert result_of(built.deps.directory.lookup("carol", STRANGER)) == NotFound()
    built.stop()


@pytest.mark.parametrize(("returned", "requested"), [("carol", "caz"), ("Alice", "alice")])
def test_a_source_that_returns_another_login_is_rejected(tmp_path: Path, returned: str, requested: str) -> None:
    """A source that returns a person for an alias would show somebody whom the store hides by login; one that returns
    another case of the login would make the web redirect in a loop.
    """
    faulty = FaultySource()
    built = make_dependencies(tmp_path, sources=[faulty])
    faulty.answer = PartialPerson(login=returned, name=returned, visibility={"name": Visibility.EVERYONE})
    with pytest.raises(TypeError):
        result_of(built.deps.directory.lookup(requested, STRANGER))
    built.stop()


def test_what_one_source_hides_stays_hidden_while_another_is_down(tmp_path: Path) -> None:
    first, second = FaultySource(), FaultySource()
    first.cache_ttl = second.cache_ttl = timedelta(0)
    first.answer = PartialPerson(login="eve", name="Eve", plan="My plan")
    built = make_dependencies(tmp_path, sources=[first, second])
    profile = profile_of(result_of(built.deps.directory.lookup("eve", STRANGER)))
    assert profile.plan == "My plan"
    second.answer = SourceDown("gone")
    assert profile_of(result_of(built.deps.directory.lookup("eve", STRANGER))).plan == "My plan"  # the last good answer
    first.answer = PartialPerson(login="eve", name="Eve", plan="My plan", visibility={"plan": Visibility.MEMBERS})
    assert profile_of(result_of(built.deps.directory.lookup("eve", STRANGER))).plan == ""
    first.answer = PartialPerson(login="eve", visibility={"name": Visibility.NOBODY})
    assert result_of(built.deps.directory.lookup("eve", STRANGER)) == Unavailable()
    built.stop()


def test_a_source_called_store_is_not_confused_with_the_store(tmp_path: Path) -> None:
    """A source may be called "store"; its state must not be taken for the state of the database."""
    faulty = FaultySource()
    faulty.name = "store"
    built = make_dependencies(tmp_path, sources=[faulty])
    assert result_of(built.deps.directory.lookup("carol", STRANGER)) == NotFound()
    reader = built.store.reader
    connection, reader.connection = reader.connection, None
    assert result_of(built.deps.directory.lookup("nobody", STRANGER)) == Unavailable()
    assert result_of(built.deps.directory._chain._query_source(faulty, "dave")) is None
    with pytest.raises(SourceDown):
        result_of(built.deps.directory._chain.require_sources_up(NotFound()))
    reader.connection = connection
    built.stop()
