"""The one cache: people by login, with at most one fetch in flight per login, and the profiles made from each person.

A fetch that began before its login was dropped is never joined and never kept. Each client waits on a Deferred of its
own, so that a client who leaves does not cancel the others.
"""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from .person import Person
from .privacy import Audience, Profile


@dataclass(slots=True, eq=False)
class CachedPerson:
    """A person, or the fact that there is none.

    *expires* is on the monotonic clock, in seconds. *profiles* are kept by audience; *expired_by_time* says whether
    they were made before or after the moment when a status expires.
    """

    person: Person | None
    expires: float | None
    profiles: dict[Audience, Profile | None] = field(default_factory=dict)
    expired_by_time: bool = False


class _Fetch:
    def __init__(self) -> None:
        self.waiting: list[Deferred[CachedPerson]] = []

    def wait(self) -> Deferred[CachedPerson]:
        waiting: Deferred[CachedPerson] = Deferred(self._forget)
        self.waiting.append(waiting)
        return waiting

    def _forget(self, cancelled: "Deferred[CachedPerson]") -> None:
        if cancelled in self.waiting:
            self.waiting.remove(cancelled)

    def finish(self, result: CachedPerson | Failure) -> None:
        waiting, self.waiting = self.waiting, []
        for each in waiting:
            if not each.called:  # a callback may have cancelled other waiters
                each.callback(result)  # a Failure makes it an errback


class PersonCache:
    """A bounded cache: the entry that was fetched longest ago goes first. *hits* and *misses* count lookups."""

    def __init__(
        self, fetch: Callable[[str], Coroutine[Any, Any, CachedPerson]], now: Callable[[], float], size: int
    ) -> None:
        self._fetch, self._now, self._size = fetch, now, size
        self._entries: dict[str, CachedPerson] = {}
        self._fetches: dict[str, _Fetch] = {}
        self.hits = self.misses = 0

    def __len__(self) -> int:
        return len(self._entries)

    def peek(self, login: str) -> CachedPerson | None:
        """Return the entry even if it has expired."""
        return self._entries.get(login)

    async def get(self, login: str) -> CachedPerson:
        """Return the entry for *login*, fetching it if necessary. Raises what the fetch raises."""
        entry = self._entries.get(login)
        if entry is not None and (entry.expires is None or self._now() < entry.expires):
            self.hits += 1
            return entry
        self.misses += 1
        fetch = self._fetches.get(login)
        if fetch is not None:
            return await fetch.wait()
        fetch = self._fetches[login] = _Fetch()
        waiting = fetch.wait()
        Deferred.fromCoroutine(self._fetch(login)).addBoth(self._fetched, login, fetch)
        return await waiting

    def drop(self, login: str) -> None:
        self._entries.pop(login, None)
        self._fetches.pop(login, None)

    def clear(self) -> None:
        self._entries.clear()
        self._fetches.clear()

    def _fetched(self, result: CachedPerson | Failure, login: str, fetch: _Fetch) -> None:
        if self._fetches.get(login) is fetch:
            del self._fetches[login]
            if isinstance(result, CachedPerson):
                self._entries.pop(login, None)
                self._entries[login] = result
                if len(self._entries) > self._size:
                    del self._entries[next(iter(self._entries))]
        fetch.finish(result)
