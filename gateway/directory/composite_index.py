"""Several indexes asked as one: the store's, then those of other sources. Somebody whom more than one of them knows is
one person. It knows nothing of who may be shown."""

import heapq
from collections.abc import Sequence
from itertools import islice

from .interfaces import Index, NameVisibilityFilter

_ROWS = 2**40  # row numbers of one index


class CompositeIndex:
    """An Index of *indexes*, to which more can be added before the first question."""

    def __init__(self, *indexes: Index) -> None:
        self._indexes = list(indexes)

    def add(self, index: Index) -> None:
        self._indexes.append(index)

    async def find_logins(self, name: str, levels: NameVisibilityFilter) -> Sequence[str]:
        found = [await each.find_logins(name, levels) for each in self._indexes]
        return found[0] if len(found) == 1 else list(dict.fromkeys(login for logins in found for login in logins))

    async def page(self, after: str, limit: int, levels: NameVisibilityFilter) -> Sequence[str]:
        return _first(limit, [await each.page(after, limit, levels) for each in self._indexes])

    async def logins_starting_with(self, beginning: str, limit: int, levels: NameVisibilityFilter) -> Sequence[str]:
        return _first(limit, [await each.logins_starting_with(beginning, limit, levels) for each in self._indexes])

    async def search(
        self, words: Sequence[str], after: int, limit: int, levels: NameVisibilityFilter
    ) -> Sequence[tuple[int, str]]:
        """One index after the other: the number says which, and the row in it."""
        number, behind = divmod(after, _ROWS)
        found: list[tuple[int, str]] = []
        for at in range(number, len(self._indexes)):
            rows = await self._indexes[at].search(words, behind, limit - len(found), levels)
            found += ((at * _ROWS + row, login) for row, login in rows)
            if len(found) == limit:
                break
            behind = 0
        return found


def _first(limit: int, ordered: Sequence[Sequence[str]]) -> Sequence[str]:
    """The first *limit* of all, in order, each once."""
    if len(ordered) == 1:
        return ordered[0]
    return list(islice(dict.fromkeys(heapq.merge(*ordered)), limit))
