"""The tables, in SQLAlchemy Core. VERSION goes up with every change of them; upgrade.py brings older ones up to it.

`people.document` is the person as JSON, so that one key read gives all; the other tables are what it is found by, what
it used to say and what was changed. Imported by writers only: a gateway that just answers never loads SQLAlchemy.
"""

from sqlalchemy import (
    Boolean,
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
    case,
    func,
    or_,
    select,
)

VERSION = 2

metadata = MetaData()

# level: who may see the name, by the person's own word (directory/ports.py, Levels).
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

# A row for each of people by its id; made by found.WORDS.
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

seen = Table(
    "seen",
    metadata,
    Column("login", String, primary_key=True),
    Column("at", String, nullable=False),
    sqlite_with_rowid=False,
)

# The next one in order comes where nobody has the login: to look for nobody costs as much as to look for somebody. Not a
# large one: the time would tell which names stand right before somebody hidden, and so lead to theirs.
get: Select[tuple[bytes | None, str]] = (
    select(
        case((or_(people.c.login == bindparam("login"), func.length(people.c.document) < 2048), people.c.document)),
        people.c.login,
    )
    .where(people.c.login >= bindparam("login"))
    .order_by(people.c.login)
    .limit(1)
)
find: Select[tuple[str]] = (
    select(names.c.login)
    .distinct()
    .join_from(names, people, people.c.login == names.c.login)
    .where(
        names.c.name == bindparam("name"),
        people.c.level.between(bindparam("lowest"), bindparam("highest")),
        or_(names.c.kind == "alias", people.c.listed >= bindparam("listed")),
    )
    .limit(200)
)
