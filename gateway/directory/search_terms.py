"""How a search compares: the words of a query, and how well a profile answers it. Pure; the index of a store only finds
candidates, and what counts as a match is decided here, of what the asker may see."""

import unicodedata
from collections.abc import Sequence

from .names import fold_name
from .person import Person
from .privacy import Profile

MAX_WORDS = 8


def split_words(text: str) -> tuple[str, ...]:
    """The words of *text* as they are compared: folded, letters, digits and their marks only."""
    folded = fold_name(text)
    kept = "".join(c if (c.isascii() and c.isalnum()) or unicodedata.category(c)[0] in "LNM" else " " for c in folded)
    return tuple(kept.split())


def query_words(query: str) -> tuple[str, ...]:
    """The words that a search for *query* goes by."""
    return tuple(dict.fromkeys(split_words(query)))[:MAX_WORDS]


def has_full_name(person: Person, folded: str) -> bool:
    """Is *person* called so? An index may know a name that stands behind one from another source, or that is gone."""
    full = fold_name(person.name)
    return folded in (full, full.rpartition(" ")[2], *map(fold_name, (*person.aliases, *person.former)))


def rank(profile: Profile, query: str, wanted: Sequence[str]) -> int | None:
    """How near *profile* comes to *query*, whose words are *wanted*: the smaller the nearer, None for no match. Each word
    has to begin one of the login, the full name or the aliases, as far as they are shown."""
    asked, login, name = fold_name(query), fold_name(profile.login), fold_name(profile.name)
    if not wanted:  # signs alone: what an index cannot find is no match
        return 0 if asked and asked == name else None
    if asked in (login, name):
        return 0
    if login.startswith(asked):
        return 1
    if name.startswith(asked):
        return 2
    there = split_words(" ".join((login, name, *profile.aliases)))
    return 3 if all(any(word.startswith(each) for word in there) for each in wanted) else None
