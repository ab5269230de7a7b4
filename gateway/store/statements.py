"""The SQL of every read, written once, and the version of the tables. It needs no SQLAlchemy, which is slow to import.

The store and the in-memory indexes of other sources have the same tables for lists, so they share these statements.
"""

from collections.abc import Sequence

SCHEMA_VERSION = 2  # goes up with every change of schema.py; migrations.py upgrades older files
MAX_NEIGHBOUR_BYTES = 2048

# Reads the document of a login. Without such a login it reads the next one in order, so that a missing login costs as much
# as one that is there. Not a long document: its time would reveal which login comes next, perhaps a hidden one.
GET = (
    "SELECT CASE WHEN login = ? OR length(document) < ? THEN document END, login "
    "FROM people WHERE login >= ? ORDER BY login LIMIT 1"
)
FIND = (
    "SELECT DISTINCT names.login FROM names JOIN people ON people.login = names.login "
    "WHERE names.name = ? AND people.level BETWEEN ? AND ? AND (names.kind = 'alias' OR people.listed >= ?) LIMIT ?"
)
PAGE = "SELECT login FROM people WHERE login > ? AND level BETWEEN ? AND ? AND listed >= ? ORDER BY login LIMIT ?"
STARTING_WITH = (
    "SELECT login FROM people WHERE login >= ? AND login < ? AND level BETWEEN ? AND ? AND listed >= ? "
    "ORDER BY login LIMIT ?"
)
LATEST_PLANS = (
    "SELECT history.n, history.login, history.level FROM history CROSS JOIN people ON people.login = history.login "
    "WHERE history.n < ? AND people.level BETWEEN ? AND ? AND people.listed >= ? ORDER BY history.n DESC LIMIT ?"
)
HISTORY = "SELECT at, text, level FROM history WHERE login = ? AND level <= ? AND at < ? ORDER BY n DESC LIMIT ?"
SEARCH = (
    "SELECT people.id, people.login FROM words CROSS JOIN people ON people.id = words.rowid "
    "WHERE words MATCH ? AND words.rowid > ? AND people.level BETWEEN ? AND ? AND people.listed >= ? "
    "ORDER BY words.rowid LIMIT ?"
)
LAST_SEEN = "SELECT login, at FROM seen"
CHANGES = "SELECT n, login, fields, at FROM changes WHERE n > ? ORDER BY n"
LAST_REMOVAL = "SELECT max(n) FROM changes WHERE fields = ''"
LAST_CHANGE = "SELECT seq FROM sqlite_sequence WHERE name = 'changes'"  # of all there ever were


def match_all(words: Sequence[str]) -> str:
    """Return what SEARCH matches: each of *words* begins a word."""
    return " AND ".join(f'"{word}" *' for word in words)
