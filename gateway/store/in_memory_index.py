"""The index of another source's people, in memory: what lists and searches find them by, and what the source last partial.

It has the tables of the store's own index, so that the same statements work on both. The indexer fills new databases
beside those that answer, and replaces them when it is done. Nothing is written to a disk. Key reads are inline, from a
database of their own, because a search in the thread would block whoever reads the same one.
"""

import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import msgspec
from twisted.internet.defer import Deferred

from ..directory.interfaces import NameVisibilityFilter
from ..directory.person import PartialPerson, Visibility
from .search_keys import CREATE_WORDS, search_keys_of
from .statements import PAGE, SEARCH, STARTING_WITH, match_all
from .worker_threads import WorkerThreads

T = TypeVar("T")
MAX_FOUND = 200  # logins that one name finds

_KEY_TABLES = """
CREATE TABLE people (login TEXT PRIMARY KEY, document BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE names (level INTEGER, name TEXT, kind TEXT, login TEXT, listed INTEGER,
    PRIMARY KEY (level, name, kind, login)) WITHOUT ROWID;
"""
_LIST_TABLES = f"""
CREATE TABLE people (id INTEGER PRIMARY KEY, login TEXT NOT NULL UNIQUE, level INTEGER, listed INTEGER);
CREATE INDEX people_listed ON people (login, level, listed);
{CREATE_WORDS};
"""
# By levels, so that rows of hidden people are never read and take no time.
_FIND_BY_LEVELS = {
    count: f"SELECT DISTINCT login FROM names WHERE level IN ({', '.join('?' * count)}) AND name = ? "
    "AND (kind = 'alias' OR listed >= ?) LIMIT ?"
    for count in range(5)
}

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(PartialPerson).decode
# Decoded for a missing login, so that it takes as long as a hidden person.
_PLACEHOLDER = _encode(
    PartialPerson(login="", name="Nobody at all", title="Nobody", visibility={"name": Visibility.NOBODY})
)


@dataclass(frozen=True)
class _IndexDatabases:
    """*keys* is read inline, *lists* in the thread."""

    keys: sqlite3.Connection
    lists: sqlite3.Connection

    def add(self, people: Sequence[PartialPerson]) -> None:
        for person in people:
            index, login = search_keys_of(person), person.login
            self.keys.execute("INSERT INTO people VALUES (?, ?)", (login, _encode(person)))
            names = [(index.level, name, kind, login, person.listed) for name, kind in sorted(index.names)]
            self.keys.executemany("INSERT INTO names VALUES (?, ?, ?, ?, ?)", names)
            columns = (login, index.level, person.listed)
            row = self.lists.execute("INSERT INTO people (login, level, listed) VALUES (?, ?, ?)", columns).lastrowid
            self.lists.execute("INSERT INTO words (rowid, text) VALUES (?, ?)", (row, index.words))

    def commit(self) -> None:
        for each in (self.keys, self.lists):
            each.execute("COMMIT")

    def close(self) -> None:
        for each in (self.keys, self.lists):
            each.close()


class InMemoryIndex:
    """A RebuildableIndex.

    It opens nothing before the first begin(); *threads* is 1, or 0 if nothing else waits for the reactor.
    """

    def __init__(self, reactor: Any, threads: int = 1) -> None:
        self._threads = WorkerThreads(reactor, "index", threads)
        self._current: _IndexDatabases | None = None
        self._new: _IndexDatabases | None = None

    async def begin(self) -> None:
        left, self._new = self._new, None
        if left is not None:
            await self._threads.run(left.close)
        self._new = await self._threads.run(_make_databases)

    async def add(self, people: Sequence[PartialPerson]) -> None:
        new = self._new
        assert new is not None, "begin() comes first"
        await self._threads.run(lambda: new.add(people))

    async def finish(self) -> None:
        new = self._new
        assert new is not None, "begin() comes first"
        await self._threads.run(new.commit)
        before, self._current, self._new = self._current, new, None
        if before is not None:
            await self._threads.run(before.close)  # after whoever still reads there

    def stop(self) -> "Deferred[None]":
        """Forget everybody."""
        left = [each for each in (self._current, self._new) if each is not None]
        self._current = self._new = None

        def close() -> None:
            for each in left:
                each.close()

        return self._threads.stop(close)

    def last(self, login: str) -> PartialPerson | None:
        if self._current is None:
            return None
        row = self._current.keys.execute("SELECT document FROM people WHERE login = ?", (login,)).fetchone()
        partial = _decode(_PLACEHOLDER if row is None else row[0])
        return None if row is None else partial

    async def find_logins(self, name: str, levels: NameVisibilityFilter) -> Sequence[str]:
        if self._current is None:
            return []
        among = range(levels.lowest, levels.highest + 1)
        of = (*among, name, not levels.unlisted, MAX_FOUND)
        return [row[0] for row in self._current.keys.execute(_FIND_BY_LEVELS[len(among)], of)]

    async def page(self, after: str, limit: int, levels: NameVisibilityFilter) -> Sequence[str]:
        of = (after, levels.lowest, levels.highest, not levels.unlisted, limit)
        return await self._read(lambda order: [row[0] for row in order.execute(PAGE, of)], [])

    async def logins_starting_with(self, beginning: str, limit: int, levels: NameVisibilityFilter) -> Sequence[str]:
        of = (beginning, beginning + "\U0010ffff", levels.lowest, levels.highest, not levels.unlisted, limit)
        return await self._read(lambda order: [row[0] for row in order.execute(STARTING_WITH, of)], [])

    async def search(
        self, words: Sequence[str], after: int, limit: int, levels: NameVisibilityFilter
    ) -> Sequence[tuple[int, str]]:
        of = (match_all(words), after, levels.lowest, levels.highest, not levels.unlisted, limit)
        return await self._read(lambda order: order.execute(SEARCH, of).fetchall(), [])

    async def _read(self, read: Callable[[sqlite3.Connection], T], nothing: T) -> T:
        there = self._current
        return nothing if there is None else await self._threads.run(lambda: read(there.lists))


def _make_databases() -> _IndexDatabases:
    tables = _IndexDatabases(
        *(sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False) for _ in range(2))
    )
    tables.keys.executescript(_KEY_TABLES)
    tables.lists.executescript(_LIST_TABLES)
    for each in (tables.keys, tables.lists):
        each.execute("BEGIN")
    return tables
