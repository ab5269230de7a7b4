"""What an edit does to the tables: people, the names they are found by, plan history, the row that tells caches.

It runs in the writing thread. All edits of a call are one transaction.
"""

import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime

import msgspec
from sqlalchemy import Connection, NullPool, bindparam, create_engine, delete, insert, select, union_all, update
from sqlalchemy.exc import DBAPIError

from ..directory.fields import MAX_ENTRIES
from ..directory.interfaces import Create, Edit, Modify, NameTaken, NoSuchPerson, Remove, Rename, StaleEdit
from ..directory.names import fold_name
from ..directory.person import PartialPerson, Visibility
from .schema import changes, history, last_seen, names, people, words
from .search_keys import search_keys_of

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(PartialPerson).decode


_SELECT_OWNER = union_all(
    select(people.c.login).where(people.c.login == bindparam("name")),
    select(names.c.login).where(
        names.c.name == bindparam("folded"), names.c.kind == "alias", names.c.login != bindparam("login")
    ),
).limit(1)


class EditTransactions:
    """Keeps one connection, made by *connect*.

    *file_replaced* says whether another file has taken the place of the connection's: nobody would ever read what is
    written to the old one.
    """

    def __init__(
        self, connect: Callable[[], sqlite3.Connection], file_replaced: Callable[[], bool] = lambda: False
    ) -> None:
        self._file_replaced = file_replaced
        self._engine = create_engine("sqlite://", creator=connect, poolclass=NullPool)
        self._connection: Connection | None = None

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def save(self, edits: Sequence[Edit], at: datetime) -> int:
        """Save all *edits* at time *at*, or none; return the newest version.

        Raises StaleEdit, NameTaken, NoSuchPerson, sqlite3.Error.
        """
        with self._transaction() as db:
            return max((self._apply(db, edit, at) for edit in edits), default=0)

    def save_last_seen(self, at: Mapping[str, datetime]) -> None:
        """Save when people were last seen; logins that are not people are ignored. Raises sqlite3.Error."""
        with self._transaction() as db:
            for login, time in at.items():
                db.execute(delete(last_seen).where(last_seen.c.login == login))
                if db.execute(select(people.c.id).where(people.c.login == login)).first():
                    db.execute(insert(last_seen).values(login=login, at=time.isoformat()))

    def forget(self, upto: int) -> None:
        """Delete the rows about removals up to change *upto*, and what remains of those people in the file.

        Raises sqlite3.Error.
        """
        with self._transaction() as db:
            db.execute(delete(changes).where(changes.c.n <= upto, changes.c.fields == ""))
            db.exec_driver_sql("INSERT INTO words (words) VALUES ('optimize')")
        with self._connected() as db:
            if db.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").one()[0]:
                raise sqlite3.OperationalError("the write-ahead log is being read by another program")

    @contextmanager
    def _transaction(self) -> Iterator[Connection]:
        self._begin()
        with self._connected() as db:
            try:
                yield db
                db.commit()
            except BaseException:
                db.rollback()
                raise

    def _begin(self) -> None:
        """Begin a transaction once nobody else writes, in the file that is at the path then."""
        while True:
            with self._connected() as db:
                db.exec_driver_sql("BEGIN IMMEDIATE")
            if not self._file_replaced():
                return
            self.close()

    @contextmanager
    def _connected(self) -> Iterator[Connection]:
        try:
            if self._connection is None:
                self._connection = self._engine.connect()
            yield self._connection
        except DBAPIError as error:
            self.close()
            raise (error.orig if isinstance(error.orig, sqlite3.Error) else error) from error

    def _apply(self, db: Connection, edit: Edit, at: datetime) -> int:
        if isinstance(edit, Create):
            return self._create(db, edit, at)
        row = db.execute(select(people.c.document).where(people.c.login == edit.login)).first()
        if row is None:
            raise NoSuchPerson(edit.login)
        if isinstance(edit, Remove):
            return self._remove(db, _decode(row[0]), at)
        if isinstance(edit, Rename):
            return self._rename(db, edit, _decode(row[0]), at)
        return self._modify(db, edit, _decode(row[0]), at)

    def _create(self, db: Connection, edit: Create, at: datetime) -> int:
        self._require_free(db, edit.login, "login", (edit.login,))
        self._require_free_names(db, edit, ())
        given = {name: value for name, value in edit.values.items() if value}
        changed = (*given, *(name for name in edit.visibility if name not in given))
        version = self._insert_change(db, edit.login, changed or ("login",), at)  # a row without fields means a removal
        person = PartialPerson(
            login=edit.login,
            **given,
            visibility=edit.visibility,
            listed=edit.listed,
            changed=dict.fromkeys(changed, at),
            version=version,
        )
        index = search_keys_of(person)
        columns = {"login": edit.login, "document": _encode(person), "level": index.level, "listed": edit.listed}
        row = db.execute(insert(people).values(columns).returning(people.c.id)).scalar_one()
        self._insert_keys(db, row, edit.login, index.names, index.words)
        if person.plan:
            self._insert_plan(db, person, edit.plan_level, at)
        return version

    def _modify(self, db: Connection, edit: Modify, old: PartialPerson, at: datetime) -> int:
        if edit.base is not None and edit.base != old.version:
            raise StaleEdit(edit.login)
        values = {name: value for name, value in edit.values.items() if value != getattr(old, name)}
        levels = {name: level for name, level in edit.visibility.items() if level != old.visibility.get(name)}
        listed = old.listed if edit.listed is None else edit.listed
        if not values and not levels and listed == old.listed:
            return old.version
        self._require_free_names(db, edit, (*old.aliases, *old.former))
        visibility = {name: level for name, level in (dict(old.visibility) | levels).items() if level is not None}
        changed = tuple(dict.fromkeys((*values, *levels)))
        version = self._insert_change(db, edit.login, (*changed, *(("listed",) if listed != old.listed else ())), at)
        person = msgspec.structs.replace(
            old,
            **values,
            visibility=visibility,
            listed=listed,
            changed=dict(old.changed) | dict.fromkeys(changed, at),
            version=version,
        )
        self._replace(db, edit.login, person)
        if "plan" in values:
            # the level was computed before somebody else narrowed the visibility
            level = max(edit.plan_level, *(visibility.get(name, Visibility.EVERYONE) for name in ("name", "plan")))
            self._insert_plan(db, person, level, at)
        return version

    def _rename(self, db: Connection, edit: Rename, old: PartialPerson, at: datetime) -> int:
        if edit.new == old.login:
            return old.version
        self._require_free(db, edit.login, "login", (edit.new,))
        self._insert_change(db, edit.login, (), at)
        version = self._insert_change(db, edit.new, ("former",), at)
        person = msgspec.structs.replace(
            old,
            login=edit.new,
            aliases=tuple(name for name in old.aliases if name != edit.new),
            former=(*(name for name in old.former if name != edit.new), old.login)[-MAX_ENTRIES:],
            changed=dict(old.changed) | {"former": at},
            version=version,
        )
        for table in (history, last_seen, names):
            db.execute(update(table).where(table.c.login == old.login).values(login=edit.new))
        db.execute(update(changes).where(changes.c.login == old.login, changes.c.fields != "").values(login=edit.new))
        self._replace(db, old.login, person)
        return version

    def _remove(self, db: Connection, person: PartialPerson, at: datetime) -> int:
        db.execute(delete(words).where(words.c.rowid == self._row_of(db, person.login)))
        for table in (people, names, history, last_seen):
            db.execute(delete(table).where(table.c.login == person.login))
        db.execute(delete(changes).where(changes.c.login.in_((person.login, *person.former))))
        return self._insert_change(db, person.login, (), at)

    def _replace(self, db: Connection, login: str, person: PartialPerson) -> None:
        """Write *person* in place of *login*."""
        row, index = self._row_of(db, login), search_keys_of(person)
        columns = {"login": person.login, "document": _encode(person), "level": index.level, "listed": person.listed}
        db.execute(update(people).where(people.c.id == row).values(columns))
        mine = names.c.login == person.login
        there = {(name, kind) for name, kind in db.execute(select(names.c.name, names.c.kind).where(mine))}
        for name, kind in there - index.names:
            db.execute(delete(names).where(mine, names.c.name == name, names.c.kind == kind))
        same = db.execute(select(words.c.text).where(words.c.rowid == row)).scalar() == index.words
        if not same:
            db.execute(delete(words).where(words.c.rowid == row))
        self._insert_keys(db, row, person.login, index.names - there, None if same else index.words)

    def _row_of(self, db: Connection, login: str) -> int:
        return int(db.execute(select(people.c.id).where(people.c.login == login)).scalar_one())

    def _require_free_names(self, db: Connection, edit: Create | Modify, has: Sequence[str]) -> None:
        for field in ("aliases", "former"):
            self._require_free(db, edit.login, field, [name for name in edit.values.get(field, ()) if name not in has])

    def _require_free(self, db: Connection, login: str, field: str, wanted: Sequence[str]) -> None:
        """Raise NameTaken if a login, former login or alias of anybody else is in the way."""
        for name in wanted:
            if db.execute(_SELECT_OWNER, {"name": name, "folded": fold_name(name), "login": login}).first():
                raise NameTaken(login, name, field)

    def _insert_keys(
        self, db: Connection, row: int, login: str, rows: frozenset[tuple[str, str]], text: str | None
    ) -> None:
        """Insert what the person is found by: *rows* of names, and *text* of words unless it is None."""
        if rows:
            db.execute(insert(names), [{"name": name, "kind": kind, "login": login} for name, kind in sorted(rows)])
        if text is not None:
            db.execute(insert(words).values(rowid=row, text=text))

    def _insert_plan(self, db: Connection, person: PartialPerson, level: int, at: datetime) -> None:
        db.execute(
            insert(history).values(
                n=person.version, login=person.login, at=at.isoformat(), level=int(level), text=person.plan
            )
        )

    def _insert_change(self, db: Connection, login: str, fields: Sequence[str], at: datetime) -> int:
        row = insert(changes).values(login=login, fields=" ".join(fields), at=at.isoformat()).returning(changes.c.n)
        return int(db.execute(row).scalar_one())
