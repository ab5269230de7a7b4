"""What an edit does to the tables: people, the names they are found by, plan history, the row that tells the caches.
Runs in the writer's thread; all edits of a call are one transaction."""

import sqlite3
from collections.abc import Callable, Sequence
from datetime import datetime

import msgspec
from sqlalchemy import Connection, NullPool, create_engine, delete, insert, select, update
from sqlalchemy.exc import DBAPIError

from ..directory import fields
from ..directory.names import fold
from ..directory.person import Partial, Visibility
from ..directory.ports import Create, Edit, Missing, Modify, Remove, Stale, Taken
from .schema import changes, history, names, people

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Partial).decode


class Tables:
    """Keeps one connection, made by *connect*."""

    def __init__(self, connect: Callable[[], sqlite3.Connection]) -> None:
        self._engine = create_engine("sqlite://", creator=connect, poolclass=NullPool)
        self._connection: Connection | None = None

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def save(self, edits: Sequence[Edit], at: datetime) -> int:
        """All *edits* at time *at*, or none; gives the newest version. Raises Stale, Taken, Missing, sqlite3.Error."""
        try:
            if self._connection is None:
                self._connection = self._engine.connect()
            self._connection.exec_driver_sql("BEGIN IMMEDIATE")
            try:
                version = 0
                for edit in edits:
                    version = max(version, self._apply(self._connection, edit, at))
                self._connection.commit()
                return version
            except BaseException:
                self._connection.rollback()
                raise
        except DBAPIError as error:
            self.close()
            raise (error.orig if isinstance(error.orig, sqlite3.Error) else error) from error

    def _apply(self, db: Connection, edit: Edit, at: datetime) -> int:
        if isinstance(edit, Create):
            return self._create(db, edit, at)
        row = db.execute(select(people.c.document).where(people.c.login == edit.login)).first()
        if row is None:
            raise Missing(edit.login)
        if isinstance(edit, Remove):
            return self._remove(db, edit.login, at)
        return self._modify(db, edit, _decode(row[0]), at)

    def _create(self, db: Connection, edit: Create, at: datetime) -> int:
        self._free(db, edit.login, (edit.login, *edit.values.get("aliases", ())))
        filled = {name: value for name, value in edit.values.items() if value}
        told = (*filled, *(name for name in edit.visibility if name not in filled))
        version = self._told(db, edit.login, told, at)
        person = Partial(
            login=edit.login,
            **filled,
            visibility=edit.visibility,
            listed=edit.listed,
            changed=dict.fromkeys(told, at),
            version=version,
        )
        db.execute(insert(people).values(login=edit.login, document=_encode(person)))
        self._index(db, person)
        if person.plan:
            self._keep_plan(db, person, edit.plan_level, at)
        return version

    def _modify(self, db: Connection, edit: Modify, old: Partial, at: datetime) -> int:
        if edit.base is not None and edit.base != old.version:
            raise Stale(edit.login)
        values = {name: value for name, value in edit.values.items() if value != getattr(old, name)}
        levels = {name: level for name, level in edit.visibility.items() if level != old.visibility.get(name)}
        listed = old.listed if edit.listed is None else edit.listed
        if not values and not levels and listed == old.listed:
            return old.version
        if "aliases" in values:
            self._free(db, edit.login, tuple(set(values["aliases"]) - set(old.aliases)))
        visibility = {name: level for name, level in (dict(old.visibility) | levels).items() if level is not None}
        told = tuple(dict.fromkeys((*values, *levels)))
        version = self._told(db, edit.login, told, at)
        person = msgspec.structs.replace(
            old,
            **values,
            visibility=visibility,
            listed=listed,
            changed=dict(old.changed) | dict.fromkeys(told, at),
            version=version,
        )
        db.execute(update(people).where(people.c.login == edit.login).values(document=_encode(person)))
        if "name" in values or "aliases" in values:
            self._index(db, person)
        if "plan" in values:
            # an editor may have judged by what stood there before another narrowed it
            level = max(edit.plan_level, *(visibility.get(name, Visibility.EVERYONE) for name in ("name", "plan")))
            self._keep_plan(db, person, level, at)
        return version

    def _remove(self, db: Connection, login: str, at: datetime) -> int:
        for table in (people, names, history, changes):
            db.execute(delete(table).where(table.c.login == login))
        return self._told(db, login, fields.STORED, at)

    def _free(self, db: Connection, login: str, wanted: Sequence[str]) -> None:
        """Raises Taken where a login or alias of anybody else stands in the way."""
        for name in wanted:
            asked = select(people.c.login).where(people.c.login == name)
            aliased = select(names.c.login).where(
                names.c.name == fold(name), names.c.kind == "alias", names.c.login != login
            )
            if db.execute(asked).first() or db.execute(aliased).first():
                raise Taken(login, name)

    def _index(self, db: Connection, person: Partial) -> None:
        db.execute(delete(names).where(names.c.login == person.login))
        full = fold(person.name)
        found_by = {(fold(alias), "alias") for alias in person.aliases}
        if full:
            found_by |= {(full, "name"), (full.rpartition(" ")[2], "last")}
        if found_by:
            rows = [{"name": name, "kind": kind, "login": person.login} for name, kind in sorted(found_by)]
            db.execute(insert(names), rows)

    def _keep_plan(self, db: Connection, person: Partial, level: int, at: datetime) -> None:
        db.execute(
            insert(history).values(
                n=person.version, login=person.login, at=at.isoformat(), level=int(level), text=person.plan
            )
        )

    def _told(self, db: Connection, login: str, told: Sequence[str], at: datetime) -> int:
        row = insert(changes).values(login=login, fields=" ".join(told), at=at.isoformat()).returning(changes.c.n)
        return int(db.execute(row).scalar_one())
