"""Create the tables, and upgrade those of older versions: one function a step, all in one transaction.

Imported only when there is something to do, because alembic is slow to import.
"""

import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import msgspec
from sqlalchemy import Boolean, Column, Connection, Integer, NullPool, create_engine, delete, select, update
from sqlalchemy.exc import DBAPIError

from ..directory.person import PartialPerson
from . import schema
from .search_keys import CREATE_WORDS, search_keys_of
from .statements import SCHEMA_VERSION

Connect = Callable[[], sqlite3.Connection]
_decode = msgspec.json.Decoder(PartialPerson).decode


def create_tables(connect: Connect) -> None:
    """Create the tables in the empty file that *connect* opens. Raises sqlite3.Error."""
    with _transaction(connect) as db:
        schema.metadata.create_all(db)
        db.exec_driver_sql(CREATE_WORDS)
        db.exec_driver_sql(f"PRAGMA user_version = {SCHEMA_VERSION}")


def upgrade(connect: Connect) -> None:
    """Upgrade the tables of the file that *connect* opens. Raises sqlite3.Error, and then nothing has changed."""
    with _transaction(connect) as db:
        for version in range(db.exec_driver_sql("PRAGMA user_version").scalar_one(), SCHEMA_VERSION):
            _STEPS[version](db)
        db.exec_driver_sql(f"PRAGMA user_version = {SCHEMA_VERSION}")


@contextmanager
def _transaction(connect: Connect) -> Iterator[Connection]:
    engine = create_engine("sqlite://", creator=connect, poolclass=NullPool)
    try:
        with engine.connect() as db:
            db.exec_driver_sql("PRAGMA journal_mode = WAL")
            db.exec_driver_sql("BEGIN IMMEDIATE")
            yield db
            db.commit()
    except DBAPIError as error:
        raise (error.orig if isinstance(error.orig, sqlite3.Error) else error) from error


def _from_1(db: Connection) -> None:
    """Add what lists and searches use; remove every trace of removed people."""
    from alembic.migration import MigrationContext
    from alembic.operations import Operations

    with Operations.context(MigrationContext.configure(db)) as operations:
        operations.add_column("people", Column("level", Integer, nullable=False, server_default="-1"))
        operations.add_column("people", Column("listed", Boolean, nullable=False, server_default="1"))
        operations.create_index("people_listed", "people", ["login", "level", "listed"])
    schema.last_seen.create(db)
    db.execute(delete(schema.changes).where(schema.changes.c.login.not_in(select(schema.people.c.login))))
    db.exec_driver_sql(CREATE_WORDS)
    people, last = schema.people, 0
    while rows := db.execute(
        select(people.c.id, people.c.document).where(people.c.id > last).order_by(people.c.id).limit(1000)
    ).all():
        for last, document in rows:  # the last id is where the next thousand begin
            try:
                person = _decode(document)
            except msgspec.MsgspecError as error:
                raise sqlite3.DatabaseError(f"row {last} of people cannot be read: {error}") from error
            index = search_keys_of(person)
            db.execute(update(people).where(people.c.id == last).values(level=index.level, listed=person.listed))
            db.execute(schema.words.insert().values(rowid=last, text=index.words))


_STEPS: Mapping[int, Callable[[Connection], None]] = {1: _from_1}
