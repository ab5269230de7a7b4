"""Databases with any number of people, made in bulk, with rows as the store itself would write them."""

import random
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from gateway.directory.person import PartialPerson, Visibility
from gateway.store import database
from gateway.store.edit_transactions import _encode
from gateway.store.search_keys import search_keys_of

AT = datetime(2026, 11, 1, tzinfo=UTC)
BATCH = 20_000
_FIRST = "Ada Bo Cy Dee Eve Fay Gil Hal Ian Joy Kit Liv Max Ned Oona Pat Quin Rae Sam Tess Uma Vic Wyn Xan Yves Zoe"
_PARTS = "al ber car den el fer gor han is jur kel lan mor nel or pet quar ros sten tor ul vin wes yar zim"


def login_of(number: int) -> str:
    """Return a login; all have the same length."""
    return f"p{number:07}"


def hidden_login(number: int) -> str:
    return f"h{2 * number:07}"


def missing_login(number: int) -> str:
    """Return a login that sorts next to a hidden one."""
    return f"h{2 * number + 1:07}"


def full_name(number: int) -> str:
    chance = random.Random(number)
    return f"{chance.choice(_FIRST.split())} {''.join(chance.choices(_PARTS.split(), k=3)).capitalize()}"


def make_partial(name: str, number: int, hide: bool = False) -> PartialPerson:
    """Return a person of typical size: some fields, a plan of three lines."""
    return PartialPerson(
        login=name,
        name=full_name(number),
        title="Keeper of the kettle",
        office=f"B{number % 400}",
        email=f"{name}@dir.test",
        project="A better teapot",
        plan=f"This is the plan of number {number}.\nIt has three lines.\nThat is all.\n",
        visibility={"name": Visibility.NOBODY} if hide else {},
        changed=dict.fromkeys(("name", "title", "office", "email", "project", "plan"), AT),
        version=number + 1,
    )


def fill_database(path: Path, count: int, hiding: int = 0) -> None:
    """Fill the empty database at *path* with *count* people and *hiding* hidden ones."""
    db = database.connect(path, "rw", 5.0)
    db.execute("PRAGMA synchronous = OFF")
    db.execute("PRAGMA cache_size = -200000")
    try:
        pending: list[PartialPerson] = []
        first = 1 + db.execute("SELECT coalesce(max(id), 0) FROM people").fetchone()[0]
        for each in _generate_people(count, hiding):
            pending.append(each)
            if len(pending) == BATCH:
                first = _insert(db, pending, first)
        _insert(db, pending, first)
        db.execute("INSERT INTO words (words) VALUES ('optimize')")
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    finally:
        db.close()


def _generate_people(count: int, hiding: int) -> Iterator[PartialPerson]:
    for number in range(count):
        yield make_partial(login_of(number), number)
    for number in range(hiding):
        yield make_partial(hidden_login(number), number, hide=True)


def _insert(db: sqlite3.Connection, pending: list[PartialPerson], first: int) -> int:
    """Write *pending* as rows from *first* on, and empty it. Return the next row."""
    indexed = [(first + number, each, search_keys_of(each)) for number, each in enumerate(pending)]
    db.execute("BEGIN IMMEDIATE")
    db.executemany(
        "INSERT INTO people (id, login, document, level, listed) VALUES (?, ?, ?, ?, ?)",
        [(row, each.login, _encode(each), index.level, each.listed) for row, each, index in indexed],
    )
    db.executemany(
        "INSERT INTO names (name, kind, login) VALUES (?, ?, ?)",
        [(name, kind, each.login) for _, each, index in indexed for name, kind in sorted(index.names)],
    )
    db.executemany("INSERT INTO words (rowid, text) VALUES (?, ?)", [(row, index.words) for row, _, index in indexed])
    db.executemany(
        "INSERT INTO changes (login, fields, at) VALUES (?, 'name plan', ?)",
        [(each.login, AT.isoformat()) for each in pending],
    )
    db.execute("COMMIT")
    pending.clear()
    return first + len(indexed)
