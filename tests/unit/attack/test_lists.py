"""What lists and searches tell of those who are not shown: nothing, by no bit."""

from collections.abc import Iterator
from pathlib import Path
from time import perf_counter
from typing import Any

import pytest
from twisted.internet.defer import Deferred

from gateway.directory.answers import Listing, Page, Unavailable
from gateway.directory.interfaces import Create
from gateway.directory.lists import MAX_MATCHES
from gateway.directory.person import Partial, Visibility
from tests.unit.directory.doubles import STRANGER, InMemorySource
from tests.unit.fixtures import Built, make_dependencies

N = Visibility.NOBODY
ELSEWHERE = InMemorySource(Partial(login="zoe", visibility={"name": N}), restricts=True)


@pytest.fixture
def built(tmp_path: Path) -> Iterator[Built]:
    made = make_dependencies(tmp_path, people=(), sources=(ELSEWHERE,))
    yield made
    made.stop()


def searched(built: Built, words: str) -> Listing:
    results: list[Any] = []
    Deferred.fromCoroutine(built.deps.directory.list_people(words, STRANGER, Page())).addBoth(results.append)
    for _ in range(100):
        built.clock.advance(0)
    assert isinstance(results[0], Listing)
    return results[0]


@pytest.mark.parametrize(
    "unseen",
    [
        Create("zed", {"name": "Zed", "aliases": ("annie",)}, {"aliases": N}),
        Create("zoe", {"name": "Ann Elsewhere-Hidden"}),
        Create("zed", {"name": "Ann"}, {"name": N}),
        Create("zed", {"name": "Ann"}, listed=False),
    ],
)
def test_one_more_who_is_not_shown_does_not_cut_a_search(built: Built, unseen: Create) -> None:
    """It said "there are more who match": of a hidden alias, and of somebody whom another source hides."""
    built.change(*(Create(f"p{n:03}", {"name": f"Ann {n}"}) for n in range(MAX_MATCHES)))
    built.poll_store()
    before = searched(built, "ann")
    assert (len(before.profiles), before.truncated) == (50, False)
    built.change(unseen)
    built.poll_store()
    after = searched(built, "ann")
    assert (after.truncated, after.after) == (before.truncated, before.after)
    built.change(Create("zack", {"name": "Ann"}))
    built.poll_store()
    assert searched(built, "ann").truncated


def test_nobody_and_hidden_are_one_to_a_search_while_a_source_is_down(tmp_path: Path) -> None:
    """It was "nobody" for who is nobody, but "not now" for whoever the source would have to be asked of."""
    source = InMemorySource(Partial(login="carl", visibility={"name": N}), restricts=True)
    made = make_dependencies(tmp_path, people=[{"login": "carl", "name": "Carl Kettle"}], sources=(source,))
    source.down = True
    answers: list[Any] = []
    for words in ("kettle", "nobody", "carl", "no such", ""):
        asking = made.deps.directory.list_people(words, STRANGER, Page())
        Deferred.fromCoroutine(asking).addBoth(answers.append)
    assert answers == [Unavailable()] * 5
    made.stop()


def test_what_stands_behind_a_name_of_nobody_does_not_cost_what_it_weighs(built: Built) -> None:
    """The next person's record was read for a name that nobody has: the time told which names stand right before somebody
    hidden who has a long plan, and by halves the login."""
    built.change(Create("mallory", {"plan": "x" * 200_000}, {"name": N}), Create("zed"))

    def took(beginning: str) -> float:
        begun = perf_counter()
        for number in range(100):
            Deferred.fromCoroutine(built.store.get(f"{beginning}{number}"))
        return perf_counter() - begun

    before, behind = (min(took(beginning) for _ in range(10)) for beginning in ("mallorw", "mallosa"))
    assert before < 1.5 * behind
