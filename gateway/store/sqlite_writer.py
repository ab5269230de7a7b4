"""What an edit does to the tables: people, the names they are found by, plan history, the row that tells the caches.
Runs in the writer's thread; all edits of a call are one transaction."""

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
from ..directory.person import Partial, Visibility
from .schema import changes, history, names, people, seen, words
from .search_keys import search_keys_of

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Partial).decode


_HAS = union_all(
    select(people.c.login).where(people.c.login == bindparam("name")),
    select(names.c.login).where(
        names.c.name == bindparam("folded"), names.c.kind == "alias", names.c.login != bindparam("login")
    ),
).limit(1)


class SQLiteWriter:
    """Keeps one connection, made by *connect*. *moved* tells that another file has taken the place of that connection's:
    what is written to ours then, nobody ever reads."""

    def __init__(self, connect: Callable[[], sqlite3.Connection], moved: Callable[[], bool] = lambda: False) -> None:
        self._moved = moved
        self._engine = create_engine("sqlite://", creator=connect, poolclass=NullPool)
        self._connection: Connection | None = None

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def save(self, edits: Sequence[Edit], at: datetime) -> int:
        """All *edits* at time *at*, or none; gives the newest version. Raises Stale, Taken, Missing, sqlite3.Error."""
        with self._transaction() as db:
            return max((self._apply(db, edit, at) for edit in edits), default=0)

    def save_last_seen(self, at: Mapping[str, datetime]) -> None:
        """Keeps when those of *at* who are people of ours were last seen. Raises sqlite3.Error."""
        with self._transaction() as db:
            for login, time in at.items():
                db.execute(delete(seen).where(seen.c.login == login))
                if db.execute(select(people.c.id).where(people.c.login == login)).first():
                    db.execute(insert(seen).values(login=login, at=time.isoformat()))

    def forget(self, upto: int) -> None:
        """Takes out the rows that told of removals up to change *upto*, and what else the file still holds of them.
        Raises sqlite3.Error."""
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
        """Once nobody else writes any more, in the file that is there then."""
        while True:
            with self._connected() as db:
                db.exec_driver_sql("BEGIN IMMEDIATE")
            if not self._moved():
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
        self._free(db, edit.login, "login", (edit.login,))
        self._free_names(db, edit, ())
        filled = {name: value for name, value in edit.values.items() if value}
        told = (*filled, *(name for name in edit.visibility if name not in filled))
        version = self._told(db, edit.login, told or ("login",), at)  # no field at all tells of a removal
        person = Partial(
            login=edit.login,
            **filled,
            visibility=edit.visibility,
            listed=edit.listed,
            changed=dict.fromkeys(told, at),
            version=version,
        )
        index = search_keys_of(person)
        columns = {"login": edit.login, "document": _encode(person), "level": index.level, "listed": edit.listed}
        row = db.execute(insert(people).values(columns).returning(people.c.id)).scalar_one()
        self._enter(db, row, edit.login, index.names, index.words)
        if person.plan:
            self._keep_plan(db, person, edit.plan_level, at)
        return version

    def _modify(self, db: Connection, edit: Modify, old: Partial, at: datetime) -> int:
        if edit.base is not None and edit.base != old.version:
            raise StaleEdit(edit.login)
        values = {name: value for name, value in edit.values.items() if value != getattr(old, name)}
        levels = {name: level for name, level in edit.visibility.items() if level != old.visibility.get(name)}
        listed = old.listed if edit.listed is None else edit.listed
        if not values and not levels and listed == old.listed:
            return old.version
        self._free_names(db, edit, (*old.aliases, *old.former))
        visibility = {name: level for name, level in (dict(old.visibility) | levels).items() if level is not None}
        told = tuple(dict.fromkeys((*values, *levels)))
        version = self._told(db, edit.login, (*told, *(("listed",) if listed != old.listed else ())), at)
        person = msgspec.structs.replace(
            old,
            **values,
            visibility=visibility,
            listed=listed,
            changed=dict(old.changed) | dict.fromkeys(told, at),
            version=version,
        )
        self._replace(db, edit.login, person)
        if "plan" in values:
            # an editor may have judged by what stood there before another narrowed it
            level = max(edit.plan_level, *(visibility.get(name, Visibility.EVERYONE) for name in ("name", "plan")))
            self._keep_plan(db, person, level, at)
        return version

    def _rename(self, db: Connection, edit: Rename, old: Partial, at: datetime) -> int:
        if edit.new == old.login:
            return old.version
        self._free(db, edit.login, "login", (edit.new,))
        self._told(db, edit.login, (), at)
        version = self._told(db, edit.new, ("former",), at)
        person = msgspec.structs.replace(
            old,
            login=edit.new,
            aliases=tuple(name for name in old.aliases if name != edit.new),
            former=(*(name for name in old.former if name != edit.new), old.login)[-MAX_ENTRIES:],
            changed=dict(old.changed) | {"former": at},
            version=version,
        )
        for table in (history, seen, names):
            db.execute(update(table).where(table.c.login == old.login).values(login=edit.new))
        db.execute(update(changes).where(changes.c.login == old.login, changes.c.fields != "").values(login=edit.new))
        self._replace(db, old.login, person)
        return version

    def _remove(self, db: Connection, person: Partial, at: datetime) -> int:
        db.execute(delete(words).where(words.c.rowid == self._row(db, person.login)))
        for table in (people, names, history, seen):
            db.execute(delete(table).where(table.c.login == person.login))
        db.execute(delete(changes).where(changes.c.login.in_((person.login, *person.former))))
        return self._told(db, person.login, (), at)

    def _replace(self, db: Connection, login: str, person: Partial) -> None:
        """*person* in the place of *login*."""
        row, index = self._row(db, login), search_keys_of(person)
        columns = {"login": person.login, "document": _encode(person), "level": index.level, "listed": person.listed}
        db.execute(update(people).where(people.c.id == row).values(columns))
        mine = names.c.login == person.login
        there = {(name, kind) for name, kind in db.execute(select(names.c.name, names.c.kind).where(mine))}
        for name, kind in there - index.names:
            db.execute(delete(names).where(mine, names.c.name == name, names.c.kind == kind))
        same = db.execute(select(words.c.text).where(words.c.rowid == row)).scalar() == index.words
        if not same:
            db.execute(delete(words).where(words.c.rowid == row))
        self._enter(db, row, person.login, index.names - there, None if same else index.words)

    def _row(self, db: Connection, login: str) -> int:
        return int(db.execute(select(people.c.id).where(people.c.login == login)).scalar_one())

    def _free_names(self, db: Connection, edit: Create | Modify, has: Sequence[str]) -> None:
        for field in ("aliases", "former"):
            self._free(db, edit.login, field, [name for name in edit.values.get(field, ()) if name not in has])

    def _free(self, db: Connection, login: str, field: str, wanted: Sequence[str]) -> None:
        """Raises Taken where a login, former login or alias of anybody else stands in the way."""
        for name in wanted:
            if db.execute(_HAS, {"name": name, "folded": fold_name(name), "login": login}).first():
                raise NameTaken(login, name, field)

    def _enter(self, db: Connection, row: int, login: str, rows: frozenset[tuple[str, str]], text: str | None) -> None:
        """What is found by: *rows* of names, and *text* of words unless that stands there already."""
        if rows:
            db.execute(insert(names), [{"name": name, "kind": kind, "login": login} for name, kind in sorted(rows)])
        if text is not None:
            db.execute(insert(words).values(rowid=row, text=text))

    def _keep_plan(self, db: Connection, person: Partial, level: int, at: datetime) -> None:
        db.execute(
            insert(history).values(
                n=person.version, login=person.login, at=at.isoformat(), level=int(level), text=person.plan
            )
        )

    def _told(self, db: Connection, login: str, told: Sequence[str], at: datetime) -> int:
        row = insert(changes).values(login=login, fields=" ".join(told), at=at.isoformat()).returning(changes.c.n)
        return int(db.execute(row).scalar_one())
