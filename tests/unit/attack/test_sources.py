"""Sources that an operator wrote, and wrote badly."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from gateway.directory.answers import Found, NotFound, Unavailable
from gateway.directory.interfaces import SourceDown
from gateway.directory.person import Partial, Visibility
from gateway.directory.privacy import Profile
from tests.unit.directory.doubles import STRANGER
from tests.unit.fixtures import make_dependencies, result_of


class Odd:
    """Says *answer* of everybody, or raises it."""

    restricts = True
    cache_ttl: timedelta | None = None

    def __init__(self) -> None:
        self.name = "odd"
        self.answer: Any = None

    async def get(self, login: str) -> Any:
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    async def everyone(self) -> AsyncIterator[Partial]:
        people: tuple[Partial, ...] = ()
        for each in people:
            yield each


def found(answer: Any) -> Profile:
    assert isinstance(answer, Found), answer
    return answer.profile


@pytest.mark.parametrize("answer", [ConnectionError("gone"), KeyError("uid"), {"login": "alice"}, "alice", 0])
def test_whatever_a_source_raises_or_answers_hidden_and_unknown_are_equal(tmp_path: Path, answer: Any) -> None:
    """R027: who is kept in the cache_ttl is told by nothing, while others cannot be looked up."""
    odd = Odd()
    built = make_dependencies(tmp_path, sources=[odd])
    assert result_of(built.deps.directory.lookup("carol", STRANGER)) == NotFound()
    odd.answer = answer
    for name in ("nobody", "carol", "unheard", "carol", "Carol Hidden"):
        with pytest.raises(type(answer) if isinstance(answer, Exception) else TypeError):
            result_of(built.deps.directory.lookup(name, STRANGER))
    odd.answer = None
    built.clock.advance(2)
    assert result_of(built.deps.directory.lookup("carol", STRANGER)) == NotFound()
    built.stop()


@pytest.mark.parametrize(("said", "asked"), [("carol", "caz"), ("Alice", "alice")])
def test_a_source_that_knows_people_by_other_names_opens_no_way_round(tmp_path: Path, said: str, asked: str) -> None:
    """One that answers to an alias with the person would show whom the store hides by the login; one that answers with
    another case would send the web round in a circle."""
    odd = Odd()
    built = make_dependencies(tmp_path, sources=[odd])
    odd.answer = Partial(login=said, name=said, visibility={"name": Visibility.EVERYONE})
    with pytest.raises(TypeError):
        result_of(built.deps.directory.lookup(asked, STRANGER))
    built.stop()


def test_what_one_source_hides_by_now_stays_hidden_while_another_is_down(tmp_path: Path) -> None:
    first, second = Odd(), Odd()
    first.cache_ttl = second.cache_ttl = timedelta(0)
    first.answer = Partial(login="eve", name="Eve", plan="My plan")
    built = make_dependencies(tmp_path, sources=[first, second])
    profile = found(result_of(built.deps.directory.lookup("eve", STRANGER)))
    assert profile.plan == "My plan"
    second.answer = SourceDown("gone")
    assert found(result_of(built.deps.directory.lookup("eve", STRANGER))).plan == "My plan"  # the last good answer
    first.answer = Partial(login="eve", name="Eve", plan="My plan", visibility={"plan": Visibility.MEMBERS})
    assert found(result_of(built.deps.directory.lookup("eve", STRANGER))).plan == ""
    first.answer = Partial(login="eve", visibility={"name": Visibility.NOBODY})
    assert result_of(built.deps.directory.lookup("eve", STRANGER)) == Unavailable()
    built.stop()


def test_sources_are_told_apart_though_they_have_one_name(tmp_path: Path) -> None:
    """[sources.store] is a name like any other; that it answers says nothing of the database."""
    odd = Odd()
    odd.name = "store"
    built = make_dependencies(tmp_path, sources=[odd])
    assert result_of(built.deps.directory.lookup("carol", STRANGER)) == NotFound()
    reader = built.store.reader
    connection, reader.connection = reader.connection, None
    assert result_of(built.deps.directory.lookup("nobody", STRANGER)) == Unavailable()
    assert result_of(built.deps.directory._chain._ask(odd, "dave")) is None
    with pytest.raises(SourceDown):
        result_of(built.deps.directory._chain.require_sources_up(NotFound()))
    reader.connection = connection
    built.stop()
