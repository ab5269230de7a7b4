"""The index of another source's people, in memory: what lists and searches find them by, and what the source last said.

It has the tables of the store's own index, so that the same questions are asked of both; a sweep fills new ones beside
those that answer, and takes their place when it is whole. Nothing of it is written to a disk. What a key finds is read
inline, from a database of its own, since a search in the thread holds up whoever else reads the same one.
"""

import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import msgspec
from twisted.internet.defer import Deferred

from ..directory.interfaces import NameVisibilityFilter
from ..directory.person import Partial, Visibility
from .search_keys import WORDS, search_keys_of
from .serial_threads import WorkerThreads
from .sqlite_store import PAGE, SEARCH, STARTING, matching

T = TypeVar("T")
MAX_WAITING_JOBS = 200  # people of one name

_KEYS = """
CREATE TABLE people (login TEXT PRIMARY KEY, document BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE names (level INTEGER, name TEXT, kind TEXT, login TEXT, listed INTEGER,
    PRIMARY KEY (level, name, kind, login)) WITHOUT ROWID;
"""
_ORDER = f"""
CREATE TABLE people (id INTEGER PRIMARY KEY, login TEXT NOT NULL UNIQUE, level INTEGER, listed INTEGER);
CREATE INDEX people_listed ON people (login, level, listed);
{WORDS};
"""
# Level by level: it never comes to the rows of those who are hidden, and so takes no time for them.
_FIND = {
    count: f"SELECT DISTINCT login FROM names WHERE level IN ({', '.join('?' * count)}) AND name = ? "
    "AND (kind = 'alias' OR listed >= ?) LIMIT ?"
    for count in range(5)
}

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Partial).decode
# What is read where the source said nothing of a login: that takes as long as somebody whom it hides.
_NOBODY = _encode(Partial(login="", name="Nobody at all", title="Nobody", visibility={"name": Visibility.NOBODY}))


@dataclass(frozen=True)
class _Tables:
    """*keys* is read by whoever asks, *order* in the thread."""

    keys: sqlite3.Connection
    order: sqlite3.Connection

    def add(self, people: Sequence[Partial]) -> None:
        for person in people:
            index, login = search_keys_of(person), person.login
            self.keys.execute("INSERT INTO people VALUES (?, ?)", (login, _encode(person)))
            names = [(index.level, name, kind, login, person.listed) for name, kind in sorted(index.names)]
            self.keys.executemany("INSERT INTO names VALUES (?, ?, ?, ?, ?)", names)
            columns = (login, index.level, person.listed)
            row = self.order.execute("INSERT INTO people (login, level, listed) VALUES (?, ?, ?)", columns).lastrowid
            self.order.execute("INSERT INTO words (rowid, text) VALUES (?, ?)", (row, index.words))

    def commit(self) -> None:
        for each in (self.keys, self.order):
            each.execute("COMMIT")

    def close(self) -> None:
        for each in (self.keys, self.order):
            each.close()


class InMemoryIndex:
    """A Swept. Opens nothing before the first begin(); *threads* is 1, or 0 where nothing else waits for the reactor."""

    def __init__(self, reactor: Any, threads: int = 1) -> None:
        self._threads = WorkerThreads(reactor, "index", threads)
        self._there: _Tables | None = None
        self._new: _Tables | None = None

    async def begin(self) -> None:
        left, self._new = self._new, None
        if left is not None:
            await self._threads.do(left.close)
        self._new = await self._threads.do(_empty)

    async def add(self, people: Sequence[Partial]) -> None:
        new = self._new
        assert new is not None, "begin() comes first"
        await self._threads.do(lambda: new.add(people))

    async def finish(self) -> None:
        new = self._new
        assert new is not None, "begin() comes first"
        await self._threads.do(new.commit)
        before, self._there, self._new = self._there, new, None
        if before is not None:
            await self._threads.do(before.close)  # behind whoever still reads there

    def stop(self) -> "Deferred[None]":
        """Forgets everybody."""
        left = [each for each in (self._there, self._new) if each is not None]
        self._there = self._new = None

        def close() -> None:
            for each in left:
                each.close()

        return self._threads.stop(close)

    def last(self, login: str) -> Partial | None:
        if self._there is None:
            return None
        row = self._there.keys.execute("SELECT document FROM people WHERE login = ?", (login,)).fetchone()
        said = _decode(_NOBODY if row is None else row[0])
        return None if row is None else said

    async def find_logins(self, name: str, levels: NameVisibilityFilter) -> Sequence[str]:
        if self._there is None:
            return []
        among = range(levels.lowest, levels.highest + 1)
        of = (*among, name, not levels.unlisted, MAX_WAITING_JOBS)
        return [row[0] for row in self._there.keys.execute(_FIND[len(among)], of)]

    async def page(self, after: str, limit: int, levels: NameVisibilityFilter) -> Sequence[str]:
        of = (after, levels.lowest, levels.highest, not levels.unlisted, limit)
        return await self._read(lambda order: [row[0] for row in order.execute(PAGE, of)], [])

    async def logins_starting_with(self, beginning: str, limit: int, levels: NameVisibilityFilter) -> Sequence[str]:
        of = (beginning, beginning + "\U0010ffff", levels.lowest, levels.highest, not levels.unlisted, limit)
        return await self._read(lambda order: [row[0] for row in order.execute(STARTING, of)], [])

    async def search(
        self, words: Sequence[str], after: int, limit: int, levels: NameVisibilityFilter
    ) -> Sequence[tuple[int, str]]:
        of = (matching(words), after, levels.lowest, levels.highest, not levels.unlisted, limit)
        return await self._read(lambda order: order.execute(SEARCH, of).fetchall(), [])

    async def _read(self, read: Callable[[sqlite3.Connection], T], nothing: T) -> T:
        there = self._there
        return nothing if there is None else await self._threads.do(lambda: read(there.order))


def _empty() -> _Tables:
    tables = _Tables(*(sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False) for _ in range(2)))
    tables.keys.executescript(_KEYS)
    tables.order.executescript(_ORDER)
    for each in (tables.keys, tables.order):
        each.execute("BEGIN")
    return tables
