"""Lists and searches reveal nothing about hidden people."""

from collections.abc import Iterator
from pathlib import Path
from time import process_time
from typing import Any

import pytest
from twisted.internet.defer import Deferred

from gateway.directory.interfaces import Create
from gateway.directory.lists import MAX_MATCHES
from gateway.directory.person import PartialPerson, Visibility
from gateway.directory.results import Listing, Page, Unavailable
from tests.unit.directory.doubles import STRANGER, InMemorySource
from tests.unit.fixtures import GatewayHarness, make_dependencies

N = Visibility.NOBODY
HIDING_SOURCE = InMemorySource(PartialPerson(login="zoe", visibility={"name": N}), restricts=True)


@pytest.fixture
def built(tmp_path: Path) -> Iterator[GatewayHarness]:
    made = make_dependencies(tmp_path, people=(), sources=(HIDING_SOURCE,))
    yield made
    made.stop()


def search(built: GatewayHarness, words: str) -> Listing:
    results: list[Any] = []
    Deferred.fromCoroutine(built.deps.directory.list_people(words, STRANGER, Page())).addBoth(results.append)
    for _ in range(100):
        built.clock.advance(0)
    assert isinstance(results[0], Listing)
    return results[0]


@pytest.mark.parametrize(
    "edit",
    [
        Create("zed", {"name": "Zed", "aliases": ("annie",)}, {"aliases": N}),
        Create("zoe", {"name": "Ann Elsewhere-Hidden"}),
        Create("zed", {"name": "Ann"}, {"name": N}),
        Create("zed", {"name": "Ann"}, listed=False),
    ],
)
def test_a_hidden_match_does_not_truncate_a_search(built: GatewayHarness, edit: Create) -> None:
    """A match on a hidden alias, or of a person hidden by another source, must not set `truncated`."""
    built.change(*(Create(f"p{n:03}", {"name": f"Ann {n}"}) for n in range(MAX_MATCHES)))
    built.poll_store()
    before = search(built, "ann")
    assert (len(before.profiles), before.truncated) == (50, False)
    built.change(edit)
    built.poll_store()
    after = search(built, "ann")
    assert (after.truncated, after.after) == (before.truncated, before.after)
    built.change(Create("zack", {"name": "Ann"}))
    built.poll_store()
    assert search(built, "ann").truncated


def test_searches_for_missing_and_hidden_people_are_equal_while_a_source_is_down(tmp_path: Path) -> None:
    """An answer that depends on whether the source must be asked would reveal who exists."""
    source = InMemorySource(PartialPerson(login="carl", visibility={"name": N}), restricts=True)
    made = make_dependencies(tmp_path, people=[{"login": "carl", "name": "Carl Kettle"}], sources=(source,))
    source.down = True
    answers: list[Any] = []
    for words in ("kettle", "nobody", "carl", "no such", ""):
        asking = made.deps.directory.list_people(words, STRANGER, Page())
        Deferred.fromCoroutine(asking).addBoth(answers.append)
    assert answers == [Unavailable()] * 5
    made.stop()


def test_the_size_of_the_next_person_does_not_slow_down_a_lookup_of_a_missing_login(built: GatewayHarness) -> None:
    """For a missing login the store reads another row, so that timing reveals nothing.

    If that were the next login in order, the time would show which names sort just before a hidden person with a long
    plan, and a binary search would find the login.
    """
    built.change(Create("mallory", {"plan": "x" * 200_000}, {"name": N}), Create("zed"))

    def time_lookups(prefix: str) -> float:
        started = process_time()
        for number in range(100):
            Deferred.fromCoroutine(built.store.get(f"{prefix}{number}"))
        return process_time() - started

    before, after = (min(time_lookups(prefix) for _ in range(10)) for prefix in ("mallorw", "mallosa"))
    assert before < 1.5 * after
