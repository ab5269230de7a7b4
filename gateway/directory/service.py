"""DirectoryService: the one shared user-lookup service. Every protocol asks it, and gets only what privacy.py reveals.

It chains the sources, keeps one cache and drops from it what the stream of changes names. Who asks is decided in
viewers.py, how an answer looks in the protocols' own rooms.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, TypeVar

from twisted.application.service import MultiService
from twisted.internet.defer import Deferred, DeferredList
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from . import fields
from .answers import (
    FOUND_NOBODY,
    NOT_FOR_YOU,
    NOT_NOW,
    Answer,
    Conflict,
    Found,
    History,
    Invalid,
    Listing,
    Outcome,
    Problem,
    Refused,
    Saved,
    Several,
    Unavailable,
    Unknown,
)
from .cache import Cache, Entry
from .changes import Change
from .names import NotALogin, fold, login, maybe_login
from .person import Partial, Person, Visibility
from .ports import Create, Edit, Missing, Modify, Remove, Source, SourceDown, Stale, Store, Taken
from .privacy import Audience, Policy, Profile, audience, reveal
from .viewers import Viewer

T = TypeVar("T")
U = TypeVar("U")
AGAIN = 1.0  # seconds until a source that did not answer is asked again on behalf of those whom the cache knows


class DirectoryService(MultiService):
    """The store first, then *sources* in their order: values come from the first that has one, restrictions from the
    strictest of all. *now* is the wall clock, for what depends on dates."""

    def __init__(
        self,
        store: Store,
        sources: Sequence[Source],
        policy: Policy,
        clock: IReactorTime,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        cache_size: int = 20_000,
    ) -> None:
        super().__init__()
        self.policy = policy
        self._store, self._clock, self._now = store, clock, now
        self._chain: tuple[Source, ...] = (store, *sources)
        holds = [source.cache.total_seconds() for source in self._chain if source.cache is not None]
        self._hold = min(holds, default=None)
        self._cache = Cache(self._fetch, time.monotonic, cache_size)
        self._down: dict[str, tuple[Source, str, float]] = {}
        self._last_change = 0
        self._listeners: list[Callable[[Change], None]] = []
        self._saving: set[Deferred[Outcome]] = set()
        self._log = Logger()

    # life

    def startService(self) -> None:
        """Starts whoever keeps people (those of them that are services), then follows their changes."""
        super().startService()
        self._store.watch(self._catch_up)
        Deferred.fromCoroutine(self._begin()).addErrback(self._cannot_follow)

    def stopService(self) -> Deferred[Any]:
        """Ends when every edit that has begun is done."""
        saving: Deferred[Any] = DeferredList([_shielded(each) for each in self._saving], consumeErrors=True)
        return saving.addCallback(lambda _: super(DirectoryService, self).stopService())

    async def _begin(self) -> None:
        self._last_change = await self._store.last_change()

    async def _catch_up(self) -> None:
        """Reads what changed since the last time, drops it from the cache and tells the listeners."""
        for change in await self._store.changes(self._last_change):
            if change.n <= self._last_change:
                continue
            self._last_change = change.n
            self._cache.drop(change.login)
            for listener in tuple(self._listeners):
                listener(change)

    def _cannot_follow(self, failure: Failure) -> None:
        failure.trap(SourceDown)
        self._log.warn("changes cannot be read: {why}", why=str(failure.value))

    def subscribe(self, listener: Callable[[Change], None]) -> Callable[[], None]:
        """*listener* is told of every change, after the cache has forgotten it. Gives what ends that."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    # questions

    async def lookup(self, name: str, viewer: Viewer) -> Answer:
        """Who is *name*: by login, else by alias, else by full or last name. Nobody is told from hidden by nothing."""
        try:
            canonical = maybe_login(name)
            if canonical is not None:
                profile = await self._profile(canonical, viewer)
                if profile is not None:
                    return Found(profile)
            return await self._certain(await self._by_other_names(name, canonical, viewer))
        except SourceDown as down:
            self._log.warn("lookup not answered: {why}", why=str(down))
            return NOT_NOW

    async def _by_other_names(self, name: str, alias: str | None, viewer: Viewer) -> Answer:
        matches: list[Profile] = []
        for each in await self._store.find(fold(name)):
            entry = await self._cache.get(each)
            person = entry.person
            if person is None:
                continue
            profile = self._revealed(entry, person, viewer)
            if profile is None:
                continue
            if alias is not None and alias in person.aliases:
                return Found(profile)
            if person.listed:
                matches.append(profile)
        if len(matches) > 1:
            return Several(tuple(sorted(matches, key=lambda profile: profile.login)))
        return Found(matches[0]) if matches else FOUND_NOBODY

    async def listing(self, viewer: Viewer, after: str = "", limit: int = 50) -> Listing | Unavailable:
        """The people behind *after* who exist for the asker and let themselves be listed (or whom the asker may edit)."""
        found: list[Profile] = []
        try:
            while len(found) <= limit:
                logins = await self._store.page(after, 2 * limit)
                for each in logins:
                    entry = await self._cache.get(each)
                    profile = None if entry.person is None else self._revealed(entry, entry.person, viewer)
                    if (
                        profile is not None
                        and entry.person is not None
                        and (entry.person.listed or profile.version is not None)
                    ):
                        found.append(profile)
                if not logins:
                    break
                after = logins[-1]
        except SourceDown as down:
            self._log.warn("list not answered: {why}", why=str(down))
            return NOT_NOW
        shown = tuple(found[:limit])
        return Listing(shown, shown[-1].login if len(found) > limit else None)

    async def history(self, name: str, viewer: Viewer, limit: int = 50) -> History | Unknown | Unavailable:
        """Earlier plans, each shown where the asker's rank reaches its level then and the plan's level now."""
        canonical = maybe_login(name)
        try:
            entry = await self._cache.get(canonical) if canonical is not None else None
            if entry is None or entry.person is None:
                return await self._certain(FOUND_NOBODY)
            profile = self._revealed(entry, entry.person, viewer)
            if profile is None:
                return await self._certain(FOUND_NOBODY)
            if "plan" not in profile.shown:
                return History(())
            kept = await self._store.history(entry.person.login, limit)
        except SourceDown as down:
            self._log.warn("history not answered: {why}", why=str(down))
            return NOT_NOW
        return History(tuple(each for each in kept if profile.audience.rank >= each.level))

    async def _profile(self, canonical: str, viewer: Viewer) -> Profile | None:
        entry = await self._cache.get(canonical)
        return None if entry.person is None else self._revealed(entry, entry.person, viewer)

    def _revealed(self, entry: Entry, person: Person, viewer: Viewer) -> Profile | None:
        """The same object for the same audience until something changes or its time is over."""
        now = self._now() if entry.until is not None else None
        if now is not None and entry.until is not None and now >= entry.until:
            entry.profiles.clear()
            entry.until = None
        who = audience(viewer, person)
        try:
            return entry.profiles[who]
        except KeyError:
            profile = entry.profiles[who] = reveal(person, who, self.policy, now or self._now())
            if profile is not None and profile.until is not None:
                entry.until = profile.until
            return profile

    async def _fetch(self, canonical: str) -> Entry:
        """Asks the chain. While a source that may restrict is down, its last good answer stands, or nobody's does."""
        partials: list[Partial] = []
        down: SourceDown | None = None
        for source in self._chain:
            try:
                partial = await self._asked(source, canonical)
            except SourceDown as error:
                last = self._cache.peek(canonical)
                if last is not None and source.restricts:
                    return Entry(last.person, self._expiry())
                if source.restricts:
                    raise
                down = error
                continue
            if partial is not None:
                partials.append(partial)
        if not partials and down is not None:
            raise down
        return Entry(merged(partials), self._expiry() if down is None else time.monotonic())

    async def _asked(self, source: Source, canonical: str) -> Partial | None:
        """What *source* says of *canonical*, keeping in mind whether it answers. Raises SourceDown."""
        try:
            partial = await source.get(canonical)
        except SourceDown:
            self._down[source.name] = (source, canonical, self._clock.seconds())
            raise
        self._down.pop(source.name, None)
        return partial

    async def _certain(self, answer: U) -> U:
        """*answer*, which found nobody or several. Raises SourceDown where a source that would have to be asked does not
        answer: else the hidden, whom the cache still knows, were told from the unknown, who cannot be looked up."""
        for source, canonical, at in tuple(self._down.values()):
            if isinstance(answer, Unknown) or source.restricts:
                if self._clock.seconds() - at < AGAIN:
                    raise SourceDown(f"{source.name} did not answer just now")
                await self._asked(source, canonical)
        return answer

    def _expiry(self) -> float | None:
        return None if self._hold is None else time.monotonic() + self._hold

    # edits

    async def edit(self, name: str, edit: Modify | Remove, viewer: Viewer) -> Outcome:
        """One edit of the person called *name*. See save."""
        canonical = maybe_login(name)
        if canonical is None:
            return FOUND_NOBODY
        return await self.save([replace(edit, login=canonical)], viewer)

    async def save(self, edits: Sequence[Edit], viewer: Viewer) -> Outcome:
        """All of *edits*, or none. An edit that has begun ends, whether the asker stays to hear of it or not."""
        running: Deferred[Outcome] = Deferred.fromCoroutine(self._save(edits, viewer))
        self._saving.add(running)
        mine = _shielded(running)
        running.addBoth(lambda _: self._saving.discard(running))
        return await mine

    async def _save(self, edits: Sequence[Edit], viewer: Viewer) -> Outcome:
        try:
            ready: list[Edit] = []
            problems: list[Problem] = []
            for edit in edits:
                with _collected(problems, edit.login):
                    checked = await self._checked(edit, viewer)
                    if isinstance(checked, Refused | Unknown):
                        return checked
                    ready.append(checked)
            if problems:
                return Invalid(tuple(problems))
            version = await self._store.save(ready, viewer, self._now())
            await self._catch_up()
        except Taken as taken:
            return Invalid(
                (
                    Problem(
                        taken.login,
                        "login" if taken.name == taken.login else "aliases",
                        repr(taken.name),
                        "a name that can still be had",
                    ),
                )
            )
        except Stale as stale:
            self._cache.drop(stale.login)
            current = await self._profile(stale.login, viewer)
            return FOUND_NOBODY if current is None else Conflict(current)
        except Missing:
            return FOUND_NOBODY
        except SourceDown as down:
            self._log.warn("not saved: {why}", why=str(down))
            return NOT_NOW
        return Saved(version)

    async def _checked(self, edit: Edit, viewer: Viewer) -> Edit | Refused | Unknown:
        """*edit* with canonical login and values, or why not. Raises BadValue by way of _Bad."""
        try:
            canonical = login(edit.login)
        except NotALogin as error:
            raise _Bad("login", fields.BadValue(repr(edit.login[:80]), str(error))) from None
        may_all = viewer.administrator and viewer.scope == "administrator"
        if isinstance(edit, Create):
            return self._created(edit, canonical) if may_all else NOT_FOR_YOU
        entry = await self._cache.get(canonical)
        profile = None if entry.person is None else self._revealed(entry, entry.person, viewer)
        if entry.person is None or profile is None:
            return await self._certain(FOUND_NOBODY)
        if profile.audience.rank < Audience.SELF.rank:
            return NOT_FOR_YOU
        if isinstance(edit, Remove):
            return Remove(canonical) if may_all else NOT_FOR_YOU
        if not may_all and any(
            fields.FIELDS[name].editor == "administrator" for name in edit.values if name in fields.FIELDS
        ):
            return NOT_FOR_YOU
        visibility = dict(entry.person.visibility)
        visibility.update({name: level for name, level in edit.visibility.items() if level is not None})
        for name, level in edit.visibility.items():
            if level is None:
                visibility.pop(name, None)
        return replace(
            edit,
            login=canonical,
            values=_values(edit.values),
            plan_level=self._plan_level(canonical, visibility),
            visibility=_levels(edit.visibility),
        )

    def _created(self, edit: Create, canonical: str) -> Create:
        values = _values(edit.values)
        return replace(
            edit,
            login=canonical,
            values=values,
            visibility=_levels(edit.visibility),
            plan_level=self._plan_level(canonical, edit.visibility),
        )

    def _plan_level(self, canonical: str, visibility: Any) -> Visibility:
        """How far a plan written now may ever go: nobody's, where the whole person is hidden."""
        person = Person(login=canonical, visibility=visibility)
        return max(self.policy.level(person, "plan"), self.policy.level(person, "name"))


class _Bad(Exception):
    def __init__(self, field: str, problem: fields.BadValue) -> None:
        super().__init__(field)
        self.field, self.problem = field, problem


@contextmanager
def _collected(problems: list[Problem], login: str) -> Iterator[None]:
    try:
        yield
    except _Bad as bad:
        problems.append(Problem(login, bad.field, bad.problem.found, bad.problem.allowed))


def _values(values: Any) -> dict[str, Any]:
    checked = {}
    for name, value in values.items():
        if name not in fields.FIELDS:
            raise _Bad(name, fields.BadValue("an unknown field", ", ".join(fields.STORED)))
        try:
            checked[name] = fields.check(name, value)
        except fields.BadValue as problem:
            raise _Bad(name, problem) from None
    return checked


def _levels(levels: Any) -> Any:
    for name in levels:
        if name not in fields.FIELDS:
            raise _Bad(f"visibility.{name}", fields.BadValue("an unknown field", ", ".join(fields.FIELDS)))
    return levels


def merged(partials: Sequence[Partial]) -> Person | None:
    """One person of what the sources say, in their order; None where none of them knows one."""
    if not partials:
        return None
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


def _shielded(running: "Deferred[T]") -> "Deferred[T]":
    """A Deferred that follows *running*; to cancel it leaves *running* alone."""
    mine: Deferred[T] = Deferred(lambda _: None)

    def pass_on(result: T) -> T:
        if not mine.called:
            mine.callback(result)
        return result

    running.addBoth(pass_on)
    return mine
