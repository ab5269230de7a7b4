"""How a search compares: the words of a query, and how well a profile answers it. Pure; the index of a store only finds
candidates, and what counts as a match is decided here, of what the asker may see."""

import unicodedata
from collections.abc import Sequence

from .names import fold
from .person import Person
from .privacy import Profile

MOST_WORDS = 8


def words(text: str) -> tuple[str, ...]:
    """The words of *text* as they are compared: folded, letters, digits and their marks only."""
    folded = fold(text)
    kept = "".join(c if (c.isascii() and c.isalnum()) or unicodedata.category(c)[0] in "LNM" else " " for c in folded)
    return tuple(kept.split())


def sought(query: str) -> tuple[str, ...]:
    """The words that a search for *query* goes by."""
    return tuple(dict.fromkeys(words(query)))[:MOST_WORDS]


def goes_by(person: Person, folded: str) -> bool:
    """Is *person* called so? An index may know a name that stands behind one from another source, or that is gone."""
    full = fold(person.name)
    return folded in (full, full.rpartition(" ")[2], *map(fold, (*person.aliases, *person.former)))


def rank(profile: Profile, query: str, wanted: Sequence[str]) -> int | None:
    """How near *profile* comes to *query*, whose words are *wanted*: the smaller the nearer, None for no match. Each word
    has to begin one of the login, the full name or the aliases, as far as they are shown."""
    asked, login, name = fold(query), fold(profile.login), fold(profile.name)
    if not wanted:  # signs alone: what an index cannot find is no match
        return 0 if asked and asked == name else None
    if asked in (login, name):
        return 0
    if login.startswith(asked):
        return 1
    if name.startswith(asked):
        return 2
    there = words(" ".join((login, name, *profile.aliases)))
    return 3 if all(any(word.startswith(each) for word in there) for each in wanted) else None
