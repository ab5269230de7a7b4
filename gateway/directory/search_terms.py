"""How a search compares: the words of a query, and how well a profile matches. No I/O.

The index of a store only finds candidates. What is a match is decided here, from what the viewer may see.
"""

import unicodedata
from collections.abc import Sequence

from .names import fold_name
from .person import Person
from .privacy import Profile

MAX_WORDS = 8


def split_words(text: str) -> tuple[str, ...]:
    """Split *text* into words as they are compared: folded; letters, digits and marks only."""
    folded = fold_name(text)
    kept = "".join(c if (c.isascii() and c.isalnum()) or unicodedata.category(c)[0] in "LNM" else " " for c in folded)
    return tuple(kept.split())


def query_words(query: str) -> tuple[str, ...]:
    """Return the words that a search for *query* uses."""
    return tuple(dict.fromkeys(split_words(query)))[:MAX_WORDS]


def has_full_name(person: Person, folded: str) -> bool:
    """Return whether the person has this folded full name, last name, alias or former login.

    An index may know a name that is hidden behind another source's, or is gone.
    """
    full = fold_name(person.name)
    return folded in (full, full.rpartition(" ")[2], *map(fold_name, (*person.aliases, *person.former)))


def rank(profile: Profile, query: str, wanted: Sequence[str]) -> int | None:
    """Return how well *profile* matches *query*: 0 is best, None is no match.

    *wanted* are the query's words. Each has to begin a word of the login, the full name or the aliases, as far as they
    are shown.
    """
    folded, login, name = fold_name(query), fold_name(profile.login), fold_name(profile.name)
    if not wanted:  # only punctuation, which no index finds
        return 0 if folded and folded == name else None
    if folded in (login, name):
        return 0
    if login.startswith(folded):
        return 1
    if name.startswith(folded):
        return 2
    there = split_words(" ".join((login, name, *profile.aliases)))
    return 3 if all(any(word.startswith(each) for word in there) for each in wanted) else None
