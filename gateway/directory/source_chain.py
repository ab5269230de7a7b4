"""The sources in their order, asked as one: values from the first that has one, restrictions from the strictest of all.

Fails closed: while a source that may restrict is down, its last good answer stands, or nobody's does.
"""

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, TypeVar

from twisted.internet.defer import Deferred, TimeoutError
from twisted.internet.interfaces import IReactorTime

from . import fields
from .answers import NotFound
from .cache import CachedPerson
from .interfaces import Source, SourceDown
from .person import Partial, Person, Visibility
from .state import SourceState

U = TypeVar("U")
SOURCE_TIMEOUT = 2.0  # seconds that a source may take for one person
PLACEHOLDER = Person(login="", visibility={"name": Visibility.NOBODY})  # takes the place of people who are not there
RETRY_AFTER = 1.0  # seconds until a source that did not answer is asked again on behalf of those whom the cache knows


class SourceChain:
    """Knows which of *sources* do not answer."""

    def __init__(self, sources: Sequence[Source], clock: IReactorTime) -> None:
        self._sources, self._clock = tuple(sources), clock
        self._hold = min(
            (each.cache_ttl.total_seconds() for each in sources if each.cache_ttl is not None), default=None
        )
        self._down: dict[int, tuple[Source, str, float, Exception]] = {}
        self._answered: dict[int, float] = {}
        self._last: dict[int, Callable[[str], Partial | None]] = {}
        self._hung: dict[int, float] = {}

    def set_fallback(self, source: Source, last: Callable[[str], Partial | None]) -> None:
        """*last* gives what *source* said of a login in the last sweep: that stands while it is down."""
        self._last[id(source)] = last

    async def fetch(self, canonical: str, peek: Callable[[str], CachedPerson | None]) -> CachedPerson:
        """What all sources together say of *canonical*; *peek* gives what is kept of a login, though it may have expired.
        Raises SourceDown."""
        partials: list[Partial] = []
        kept: CachedPerson | None = None
        down: SourceDown | None = None
        for source in self._sources:
            try:
                partial = await self._asked(source, canonical)
            except SourceDown as error:
                partial = self._last.get(id(source), _nothing)(canonical)
                if source.restricts and kept is None and (kept := peek(canonical)) is None and partial is None:
                    raise
                down = error
            if partial is not None:
                partials.append(partial)
        if kept is not None:  # as it last stood, but no wider than the others say by now
            person = None if kept.person is None else merge_partials([kept.person, *partials])
            return CachedPerson(person, self._expiry())
        if not partials and down is not None:
            raise down
        person = merge_partials(partials or (PLACEHOLDER,))  # as much work for nobody as for somebody
        return CachedPerson(person if partials else None, self._expiry() if down is None else time.monotonic())

    async def partials_by_source(self, canonical: str) -> dict[str, Partial]:
        """What each source that answers says of *canonical*, by its name."""
        said: dict[str, Partial] = {}
        for source in self._sources:
            with suppress(SourceDown):
                partial = await self._asked(source, canonical)
                if partial is not None:
                    said[source.name] = partial
        return said

    async def source_claiming(self, *logins: str) -> str:
        """The name of a source, but for the first, that knows one of *logins*; empty where none does. Raises SourceDown."""
        for source in self._sources[1:]:
            for login in logins:
                if await self._asked(source, login) is not None:
                    return source.name
        return ""

    async def require_sources_up(self, answer: U) -> U:
        """*answer*, which found nobody or several. Raises what a source that would have to be asked raises in place of an
        answer: else the hidden, whom the cache still knows, were told from the unknown, who cannot be looked up."""
        for source, canonical, at, error in tuple(self._down.values()):
            if isinstance(answer, NotFound) or source.restricts:
                if self._clock.seconds() - at < RETRY_AFTER:
                    if not isinstance(error, SourceDown):
                        raise error.with_traceback(None)
                    raise SourceDown(f"{source.name} did not answer just now")
                await self._asked(source, canonical)
        return answer

    async def _asked(self, source: Source, canonical: str) -> Partial | None:
        """What *source* says of *canonical*, keeping in mind whether it answers. Raises SourceDown, and whatever a source
        with a mistake in it raises; TypeError where it tells of somebody else."""
        try:
            partial = await self._in_time(source, canonical)
            if partial is not None and (not isinstance(partial, Partial) or partial.login != canonical):
                raise TypeError(f"{source.name}: an answer that is no Partial of {canonical!r}")
        except Exception as error:
            self._down[id(source)] = (source, canonical, self._clock.seconds(), error)
            raise
        self._down.pop(id(source), None)
        self._answered[id(source)] = self._clock.seconds()
        return partial

    def source_states(self) -> tuple[SourceState, ...]:
        """Each source, in order: whether it answers."""
        return tuple(
            SourceState(each.name, id(each) not in self._down, self._answered.get(id(each))) for each in self._sources
        )

    async def _in_time(self, source: Source, canonical: str) -> Partial | None:
        """The answer of *source*, for which nobody waits longer than PATIENCE. One at hand costs no timer. Nor does anybody
        wait again right after it was waited for in vain: a list would, for each of its people."""
        if self._clock.seconds() - self._hung.get(id(source), -RETRY_AFTER) < RETRY_AFTER:
            raise SourceDown(f"{source.name} did not answer just now")
        asking: Deferred[Partial | None] = Deferred.fromCoroutine(source.get(canonical))
        if not asking.called:
            asking.addTimeout(SOURCE_TIMEOUT, self._clock)
        try:
            return await asking
        except TimeoutError:
            self._hung[id(source)] = self._clock.seconds()
            raise SourceDown(f"{source.name}: no answer within {SOURCE_TIMEOUT:g} seconds") from None

    def _expiry(self) -> float | None:
        return None if self._hold is None else time.monotonic() + self._hold


def _nothing(login: str) -> None:
    """What a source without an index last said."""


def merge_partials(partials: Sequence[Partial]) -> Person:
    """One person of what the sources say, in their order."""
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
