"""The tables, in SQLAlchemy Core.

statements.SCHEMA_VERSION goes up with every change; migrations.py upgrades older files. `people.document` is the person
as JSON, so that one key read gives everything. The other tables are what a person is found by, earlier plans, and what
was changed. Imported for writing only: a gateway that just answers never loads SQLAlchemy.
"""

from sqlalchemy import (
    Boolean,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
)

metadata = MetaData()

# level: the person's own choice of who may see the name (directory/interfaces.py, NameVisibilityFilter).
people = Table(
    "people",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("login", String, nullable=False, unique=True),
    Column("document", LargeBinary, nullable=False),
    Column("level", Integer, nullable=False, server_default="-1"),
    Column("listed", Boolean, nullable=False, server_default="1"),
    Index("people_listed", "login", "level", "listed"),
)

# kind: "alias" (former logins too), "name" (full) or "last"; name is folded. An alias has one owner.
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

# One row for each person, by the id; created by search_keys.CREATE_WORDS.
words = Table("words", MetaData(), Column("rowid", Integer, primary_key=True), Column("text", Text))

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

last_seen = Table(
    "seen",
    metadata,
    Column("login", String, primary_key=True),
    Column("at", String, nullable=False),
    sqlite_with_rowid=False,
)
