"""What a person is found by, in every index: the rows of `names`, the text of `words`, the level of the name.

A module of its own, because it needs no SQLAlchemy.
"""

from dataclasses import dataclass

from ..directory.interfaces import UNSPECIFIED
from ..directory.names import fold_name
from ..directory.person import PartialPerson
from ..directory.search_terms import split_words as words_of

# What searches read: the words of login, full name and aliases, one row for each person, by the id.
CREATE_WORDS = """CREATE VIRTUAL TABLE words USING fts5(
    text, detail = none, prefix = '1 2 3', tokenize = "unicode61 remove_diacritics 0 categories 'L* N* M*'")"""


@dataclass(frozen=True)
class SearchKeys:
    """Rows of `names` (name, kind), the text of `words`, and the level of the name."""

    names: frozenset[tuple[str, str]]
    words: str
    level: int


def search_keys_of(person: PartialPerson) -> SearchKeys:
    """Return what *person* is found by: login, aliases, former logins, full and last name."""
    rows = {(fold_name(name), "alias") for name in (*person.aliases, *person.former)}
    full = fold_name(person.name)
    if full:
        rows |= {(full, "name"), (full.rpartition(" ")[2], "last")}
    text = " ".join(words_of(" ".join((person.login, person.name, *person.aliases))))
    return SearchKeys(frozenset(rows), text, int(person.visibility.get("name", UNSPECIFIED)))
