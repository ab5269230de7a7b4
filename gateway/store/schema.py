"""The tables, in SQLAlchemy Core. VERSION goes up with every change of them.

`people.document` is the person as JSON, so that one key read gives all; the other tables are what it is found by, what
it used to say and what was changed. Imported by writers only: a gateway that just answers never loads SQLAlchemy.
"""

from sqlalchemy import (
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Select,
    String,
    Table,
    Text,
    bindparam,
    select,
)

VERSION = 1

metadata = MetaData()

people = Table(
    "people",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("login", String, nullable=False, unique=True),
    Column("document", LargeBinary, nullable=False),
)

# kind: "alias", "name" (full) or "last"; name is folded. An alias has one owner.
names = Table(
    "names",
    metadata,
    Column("name", String, primary_key=True),
    Column("kind", String, primary_key=True),
    Column("login", String, primary_key=True),
    Index("names_login", "login"),
    sqlite_with_rowid=False,
)
Index("names_alias", names.c.name, unique=True, sqlite_where=names.c.kind == "alias")

# n is the number of the change that wrote the plan.
history = Table(
    "history",
    metadata,
    Column("n", Integer, primary_key=True),
    Column("login", String, nullable=False),
    Column("at", String, nullable=False),
    Column("level", Integer, nullable=False),
    Column("text", Text, nullable=False),
    Index("history_login", "login", "n"),
)

changes = Table(
    "changes",
    metadata,
    Column("n", Integer, primary_key=True),
    Column("login", String, nullable=False),
    Column("fields", Text, nullable=False),
    Column("at", String, nullable=False),
    Index("changes_login", "login"),
    sqlite_autoincrement=True,
)

get: Select[tuple[bytes]] = select(people.c.document).where(people.c.login == bindparam("login"))
find: Select[tuple[str]] = select(names.c.login).where(names.c.name == bindparam("name")).distinct().limit(200)
