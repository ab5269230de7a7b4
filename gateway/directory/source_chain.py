"""The sources in their order, asked as one: values from the first that has one, restrictions from the strictest of all.

It fails closed: while a source that may restrict is down, its last answer is used; without one there is no answer.
"""

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, TypeVar

from twisted.internet.defer import Deferred, TimeoutError
from twisted.internet.interfaces import IReactorTime

from . import fields
from .cache import CachedPerson
from .interfaces import Source, SourceDown
from .person import PartialPerson, Person, Visibility
from .results import NotFound
from .state import SourceState

U = TypeVar("U")
SOURCE_TIMEOUT = 2.0  # seconds, for one person
PLACEHOLDER = Person(login="", visibility={"name": Visibility.NOBODY})  # stands in for missing people
RETRY_AFTER = 1.0  # seconds until a source that did not answer is asked again


class SourceChain:
    """Asks *sources* and remembers which of them do not answer."""

    def __init__(self, sources: Sequence[Source], clock: IReactorTime) -> None:
        self._sources, self._clock = tuple(sources), clock
        self._shortest_ttl = min(
            (each.cache_ttl.total_seconds() for each in sources if each.cache_ttl is not None), default=None
        )
        self._down: dict[int, tuple[Source, str, float, Exception]] = {}
        self._answered_at: dict[int, float] = {}
        self._fallbacks: dict[int, Callable[[str], PartialPerson | None]] = {}
        self._timed_out_at: dict[int, float] = {}

    def set_fallback(self, source: Source, last: Callable[[str], PartialPerson | None]) -> None:
        """Use *last* while *source* is down: it returns what the source said of a login when it was last indexed."""
        self._fallbacks[id(source)] = last

    async def fetch(self, canonical: str, peek: Callable[[str], CachedPerson | None]) -> CachedPerson:
        """Return what all sources together say of a login. Raises SourceDown.

        *peek* returns the cached entry of a login, even an expired one.
        """
        partials: list[PartialPerson] = []
        kept: CachedPerson | None = None
        down: SourceDown | None = None
        for source in self._sources:
            try:
                partial = await self._query_source(source, canonical)
            except SourceDown as error:
                partial = self._fallbacks.get(id(source), _no_fallback)(canonical)
                if source.restricts and kept is None and (kept := peek(canonical)) is None and partial is None:
                    raise
                down = error
            if partial is not None:
                partials.append(partial)
        if kept is not None:  # the last answer, restricted by what the others say now
            person = None if kept.person is None else merge_partials([kept.person, *partials])
            return CachedPerson(person, self._expiry())
        if not partials and down is not None:
            raise down
        person = merge_partials(partials or (PLACEHOLDER,))  # the same work for a missing person
        return CachedPerson(person if partials else None, self._expiry() if down is None else time.monotonic())

    async def partials_by_source(self, canonical: str) -> dict[str, PartialPerson]:
        """Return what each source that answers says of a login, by the source's name."""
        partials: dict[str, PartialPerson] = {}
        for source in self._sources:
            with suppress(SourceDown):
                partial = await self._query_source(source, canonical)
                if partial is not None:
                    partials[source.name] = partial
        return partials

    async def source_claiming(self, *logins: str) -> str:
        """Return the name of a source other than the store that knows one of *logins*, else "". Raises SourceDown."""
        for source in self._sources[1:]:
            for login in logins:
                if await self._query_source(source, login) is not None:
                    return source.name
        return ""

    async def require_sources_up(self, answer: U) -> U:
        """Return *answer*, unless a source that is down might have changed it; then raise what that source raises.

        Any source might have found a missing person; a source that restricts might have hidden a found one. Without this, a
        hidden person whom the cache still has would get another answer than a missing one, who cannot be looked up.
        """
        for source, canonical, at, error in tuple(self._down.values()):
            if isinstance(answer, NotFound) or source.restricts:
                if self._clock.seconds() - at < RETRY_AFTER:
                    if not isinstance(error, SourceDown):
                        raise error.with_traceback(None)
                    raise SourceDown(f"{source.name} did not answer just now")
                await self._query_source(source, canonical)
        return answer

    async def _query_source(self, source: Source, canonical: str) -> PartialPerson | None:
        """Return what *source* says of a login, and remember whether it answered.

        Raises SourceDown, TypeError if it answers about somebody else, and whatever a faulty source raises.
        """
        try:
            partial = await self._query_with_timeout(source, canonical)
            if partial is not None and (not isinstance(partial, PartialPerson) or partial.login != canonical):
                raise TypeError(f"{source.name}: the answer is not a PartialPerson of {canonical!r}")
        except Exception as error:
            self._down[id(source)] = (source, canonical, self._clock.seconds(), error)
            raise
        self._down.pop(id(source), None)
        self._answered_at[id(source)] = self._clock.seconds()
        return partial

    def source_states(self) -> tuple[SourceState, ...]:
        """Return whether each source answers, in order."""
        return tuple(
            SourceState(each.name, id(each) not in self._down, self._answered_at.get(id(each)))
            for each in self._sources
        )

    async def _query_with_timeout(self, source: Source, canonical: str) -> PartialPerson | None:
        """Return the answer of *source* within SOURCE_TIMEOUT. An answer that is there at once starts no timer.

        After a timeout the source is not asked again for a while: a list would wait once for each of its people.
        """
        if self._clock.seconds() - self._timed_out_at.get(id(source), -RETRY_AFTER) < RETRY_AFTER:
            raise SourceDown(f"{source.name} did not answer just now")
        asking: Deferred[PartialPerson | None] = Deferred.fromCoroutine(source.get(canonical))
        if not asking.called:
            asking.addTimeout(SOURCE_TIMEOUT, self._clock)
        try:
            return await asking
        except TimeoutError:
            self._timed_out_at[id(source)] = self._clock.seconds()
            raise SourceDown(f"{source.name}: no answer within {SOURCE_TIMEOUT:g} seconds") from None

    def _expiry(self) -> float | None:
        return None if self._shortest_ttl is None else time.monotonic() + self._shortest_ttl


def _no_fallback(login: str) -> None:
    """Return None: a source without an index has no last answer."""


def merge_partials(partials: Sequence[PartialPerson]) -> Person:
    """Merge what the sources say, in their order, into one person."""
    first = partials[0]
    values: dict[str, Any] = {name: getattr(first, name) for name in fields.STORED}
    visibility, changed, listed = dict(first.visibility), dict(first.changed), first.listed
    for partial in partials[1:]:
        for name in fields.STORED:
            value = getattr(partial, name)
            if not values[name] and value:
                values[name] = value
                changed.pop(name, None)
                if name in partial.changed:
                    changed[name] = partial.changed[name]
        for name, level in partial.visibility.items():
            visibility[name] = max(level, visibility.get(name, level))
        listed = listed and partial.listed
    return Person(
        login=first.login, **values, visibility=visibility, changed=changed, listed=listed, version=first.version
    )
