"""The one cache: people by login, with one call in flight a key and everything revealed of them kept beside.

A flight that was begun before its login was dropped is never joined and never kept. Each asker waits on a Deferred of
its own, so that one who leaves does not take the answer from the others.
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
    """A person, or that there is none. *expires* on the monotonic clock (seconds); *profiles* as revealed, before or after
    the time (*over*) when they change by time alone."""

    person: Person | None
    expires: float | None
    profiles: dict[Audience, Profile | None] = field(default_factory=dict)
    over: bool = False


class _Flight:
    def __init__(self) -> None:
        self.waiting: list[Deferred[CachedPerson]] = []

    def wait(self) -> Deferred[CachedPerson]:
        mine: Deferred[CachedPerson] = Deferred(self._left)
        self.waiting.append(mine)
        return mine

    def _left(self, asker: "Deferred[CachedPerson]") -> None:
        if asker in self.waiting:
            self.waiting.remove(asker)

    def land(self, result: CachedPerson | Failure) -> None:
        waiting, self.waiting = self.waiting, []
        for each in waiting:
            if not each.called:  # one who was told just now may have taken others along
                each.callback(result)  # a Failure makes it an errback


class PersonCache:
    """Bounded: the entry that was fetched longest ago goes first. *hits* and *misses* count who was served from here, and
    who had to wait for a fetch."""

    def __init__(
        self, fetch: Callable[[str], Coroutine[Any, Any, CachedPerson]], now: Callable[[], float], size: int
    ) -> None:
        self._fetch, self._now, self._size = fetch, now, size
        self._entries: dict[str, CachedPerson] = {}
        self._flights: dict[str, _Flight] = {}
        self.hits = self.misses = 0

    def __len__(self) -> int:
        return len(self._entries)

    def peek(self, login: str) -> CachedPerson | None:
        """What is kept, though it may have expired."""
        return self._entries.get(login)

    async def get(self, login: str) -> CachedPerson:
        """The entry for *login*, fetched where it has to be. Raises what the fetch raises."""
        entry = self._entries.get(login)
        if entry is not None and (entry.expires is None or self._now() < entry.expires):
            self.hits += 1
            return entry
        self.misses += 1
        flight = self._flights.get(login)
        if flight is not None:
            return await flight.wait()
        flight = self._flights[login] = _Flight()
        mine = flight.wait()
        Deferred.fromCoroutine(self._fetch(login)).addBoth(self._landed, login, flight)
        return await mine

    def drop(self, login: str) -> None:
        self._entries.pop(login, None)
        self._flights.pop(login, None)

    def clear(self) -> None:
        self._entries.clear()
        self._flights.clear()

    def _landed(self, result: CachedPerson | Failure, login: str, flight: _Flight) -> None:
        if self._flights.get(login) is flight:
            del self._flights[login]
            if isinstance(result, CachedPerson):
                self._entries.pop(login, None)
                self._entries[login] = result
                if len(self._entries) > self._size:
                    del self._entries[next(iter(self._entries))]
        flight.land(result)
