"""Several indexes as one: the store's, then those of other sources. A person whom several of them know is found once."""

import heapq
from collections.abc import Sequence
from itertools import islice

from .interfaces import Index, NameVisibilityFilter

_ROWS_PER_INDEX = 2**40  # more rows than an index has


class CompositeIndex:
    """An Index over *indexes*. More can be added before the first request."""

    def __init__(self, *indexes: Index) -> None:
        self._indexes = list(indexes)

    def add(self, index: Index) -> None:
        self._indexes.append(index)

    async def find_logins(self, name: str, levels: NameVisibilityFilter) -> Sequence[str]:
        found = [await each.find_logins(name, levels) for each in self._indexes]
        return found[0] if len(found) == 1 else list(dict.fromkeys(login for logins in found for login in logins))

    async def page(self, after: str, limit: int, levels: NameVisibilityFilter) -> Sequence[str]:
        return _merge_sorted(limit, [await each.page(after, limit, levels) for each in self._indexes])

    async def logins_starting_with(self, beginning: str, limit: int, levels: NameVisibilityFilter) -> Sequence[str]:
        return _merge_sorted(
            limit, [await each.logins_starting_with(beginning, limit, levels) for each in self._indexes]
        )

    async def search(
        self, words: Sequence[str], after: int, limit: int, levels: NameVisibilityFilter
    ) -> Sequence[tuple[int, str]]:
        """Search one index after the other. The row number tells which index, and the row in it."""
        number, behind = divmod(after, _ROWS_PER_INDEX)
        found: list[tuple[int, str]] = []
        for at in range(number, len(self._indexes)):
            rows = await self._indexes[at].search(words, behind, limit - len(found), levels)
            found += ((at * _ROWS_PER_INDEX + row, login) for row, login in rows)
            if len(found) == limit:
                break
            behind = 0
        return found


def _merge_sorted(limit: int, ordered: Sequence[Sequence[str]]) -> Sequence[str]:
    """Return the first *limit* of several sorted lists, without duplicates."""
    if len(ordered) == 1:
        return ordered[0]
    return list(islice(dict.fromkeys(heapq.merge(*ordered)), limit))
