"""InMemoryIndex returns the same as SQLiteStore, and only from complete reads of a source."""

import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from gateway.directory.interfaces import Create, NameVisibilityFilter
from gateway.directory.person import PartialPerson, Visibility
from gateway.directory.search_terms import query_words
from gateway.store import database
from gateway.store.in_memory_index import InMemoryIndex
from gateway.store.sqlite_store import SQLiteStore
from tests.unit.fixtures import ReactorClock, result_of, write_edits

PEOPLE = [
    PartialPerson(
        login="ada", name="Ada Lovelace", aliases=("countess", "first"), former=("augusta",), plan="Numbers\n"
    ),
    PartialPerson(login="anna", name="Anna Žofie Nováková", visibility={"name": Visibility.EVERYONE}),
    PartialPerson(login="bob", name="Bob Lovelace", visibility={"name": Visibility.NOBODY}, aliases=("bobby",)),
    PartialPerson(
        login="eve", name="Eve Lovelace", visibility={"name": Visibility.MEMBERS}, listed=False, aliases=("evie",)
    ),
    PartialPerson(login="fay", name="Fay", listed=False, aliases=("ada.fay",)),
    PartialPerson(login="gus"),
    PartialPerson(login="名前", name="名前 さくら"),
]
LEVELS = [
    NameVisibilityFilter(low, high, every_level)
    for low in (-1, 0, 2)
    for high in (0, 1, 2)
    for every_level in (False, True)
]


@pytest.fixture
def store_and_index(tmp_path: Path) -> Iterator[Sequence[Any]]:
    """Return a store and an index with the same people."""
    database.create(path := tmp_path / "people.db")
    values = ("name", "aliases", "former", "plan")
    write_edits(
        path,
        [
            Create(each.login, {name: getattr(each, name) for name in values}, each.visibility, each.listed)
            for each in PEOPLE
        ],
    )
    store, index = SQLiteStore(path, ReactorClock(), 0), InMemoryIndex(ReactorClock(), 0)
    store.startService()
    fill(index, PEOPLE)
    yield store, index
    index.stop()
    store.stopService()


def fill(index: InMemoryIndex, people: Sequence[PartialPerson]) -> None:
    result_of(index.begin())
    result_of(index.add(people))
    result_of(index.finish())


@pytest.mark.parametrize("levels", LEVELS)
def test_the_index_returns_the_same_as_the_store(store_and_index: Sequence[Any], levels: NameVisibilityFilter) -> None:
    names = (
        "lovelace",
        "ada lovelace",
        "countess",
        "augusta",
        "bobby",
        "evie",
        "novakova",
        "fay",
        "gus",
        "さくら",
        "x",
    )
    for name in names:
        assert len({tuple(sorted(result_of(each.find_logins(name, levels)))) for each in store_and_index}) == 1, name
    for after in ("", "ada", "b", "eve", "zzz"):
        for limit in (1, 3, 100):
            assert len({tuple(result_of(each.page(after, limit, levels))) for each in store_and_index}) == 1, after
    for prefix in ("a", "an", "e", "x", "名"):
        assert (
            len({tuple(result_of(each.logins_starting_with(prefix, 100, levels))) for each in store_and_index}) == 1
        ), prefix
    for query in ("a", "love", "ada love", "zofie", "evie", "さ", "augusta", '" OR 1'):
        for row in (0, 1, 4):
            assert (
                len({tuple(result_of(each.search(query_words(query), row, 3, levels))) for each in store_and_index})
                == 1
            ), query


def test_only_complete_reads_are_visible() -> None:
    index, every_level = InMemoryIndex(ReactorClock(), 0), NameVisibilityFilter(-1, 2, True)
    assert (
        result_of(index.page("", 9, every_level))
        == result_of(index.find_logins("gus", every_level))
        == result_of(index.search(("a",), 0, 9, every_level))
        == []
    )
    assert index.last("ada") is None
    fill(index, PEOPLE[:2])
    result_of(index.begin())
    result_of(index.add(PEOPLE[1:4]))
    assert result_of(index.page("", 9, every_level)) == ["ada", "anna"]
    result_of(index.begin())
    result_of(index.add(PEOPLE[2:3]))
    assert result_of(index.find_logins("lovelace", every_level)) == ["ada"]
    assert (index.last("ada"), index.last("bob")) == (PEOPLE[0], None)
    result_of(index.finish())
    assert result_of(index.page("", 9, every_level)) == result_of(index.find_logins("lovelace", every_level)) == ["bob"]
    assert (index.last("ada"), index.last("bob")) == (None, PEOPLE[2])
    result_of(index.begin())
    index.stop()
    assert result_of(index.page("", 9, every_level)) == []


def test_replaced_databases_are_closed() -> None:
    index = InMemoryIndex(ReactorClock(), 0)
    fill(index, PEOPLE)
    before = index._current
    assert before is not None
    fill(index, PEOPLE)
    index.stop()
    for each in (before.keys, before.lists):
        with pytest.raises(sqlite3.ProgrammingError):
            each.execute("SELECT 1")
