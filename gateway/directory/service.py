"""DirectoryService: the one shared user-lookup service. Every protocol asks it, and gets only what privacy.py reveals.

It keeps one cache before the chain of sources and drops from it what the stream of changes names. Who asks is decided in
viewers.py, what may be edited in editing.py, how an answer looks in the protocols' own rooms.
"""

import dataclasses
import time
from collections.abc import Callable, Coroutine, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar

from msgspec.structs import replace
from twisted.application.service import MultiService
from twisted.internet.defer import Deferred, DeferredList
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from . import editing
from .answers import (
    FORBIDDEN,
    NOT_FOUND,
    UNAVAILABLE,
    Ambiguous,
    Conflict,
    EditProblem,
    EditResult,
    Forbidden,
    Found,
    History,
    Invalid,
    Listing,
    LookupResult,
    NotFound,
    Page,
    Saved,
    Unavailable,
)
from .cache import CachedPerson, PersonCache
from .changes import Change
from .composite_index import CompositeIndex
from .explanation import Explanation, explain
from .interfaces import (
    UNSPECIFIED,
    Create,
    Edit,
    Modify,
    NameTaken,
    NameVisibilityFilter,
    NoSuchPerson,
    RebuildableIndex,
    Remove,
    Rename,
    Source,
    SourceDown,
    StaleEdit,
    Store,
    StoreReplaced,
)
from .lists import PeopleLists, index_filter
from .names import canonical_login_or_none, fold_name
from .person import Person, Visibility
from .presence import Presence
from .privacy import Audience, Policy, Profile, audience_for, make_profile, next_change_at
from .search_terms import has_full_name
from .source_chain import PLACEHOLDER, SourceChain
from .state import DirectoryState
from .viewers import Viewer

T = TypeVar("T")
WARNING_INTERVAL = 10.0  # seconds between two warnings of the same kind
UNRESTRICTED = NameVisibilityFilter(UNSPECIFIED, Visibility.NOBODY)  # somebody who is signed in may ask for themselves


class DirectoryService(MultiService):
    """The store first, then *sources* in their order: values come from the first that has one, restrictions from the
    strictest of all. *now* is the wall clock, for what depends on dates. *last_change* numbers the newest change that is
    followed."""

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
        self.sources = tuple(sources)
        self._store, self._now = store, now
        self._chain = SourceChain((store, *sources), clock)
        self._cache = PersonCache(self._fetch, time.monotonic, cache_size)
        self._index = CompositeIndex(store)
        self._lists = PeopleLists(self._index, store, lambda: self.policy, self._listed, clock)
        self.presence = Presence(self._cache.drop, self._left)
        self.last_change = 0
        self._listeners: list[Callable[[Change], None]] = []
        self._saving: set[Deferred[Any]] = set()
        self._warned: dict[str, float] = {}
        self._log = Logger()

    # life

    def startService(self) -> None:
        """Starts whoever keeps people (those of them that are services), then follows their changes."""
        super().startService()
        self._store.watch(self._catch_up)
        Deferred.fromCoroutine(self._begin()).addErrback(self._cannot_follow)

    def stopService(self) -> Deferred[Any]:
        """Ends when every edit that has begun is done, and it is kept who was on up to now."""
        self._left(self.presence.behind(""))
        saving: Deferred[Any] = DeferredList([_shielded(each) for each in self._saving], consumeErrors=True)
        return saving.addCallback(lambda _: super(DirectoryService, self).stopService())

    async def _begin(self) -> None:
        self.last_change = await self._store.last_change()
        self.presence.last_seen = dict(await self._store.last_seen_times())

    async def _catch_up(self) -> None:
        """Reads what changed since the last time, drops it from the cache and tells the listeners."""
        try:
            changes = await self._store.changes(self.last_change)
        except StoreReplaced:
            self._cache.clear()
            self.last_change = 0
            await self._begin()
            return
        for change in changes:
            if change.n <= self.last_change:
                continue
            self.last_change = change.n
            self._cache.drop(change.login)
            if change.removed:
                self.presence.forget(change.login)
            elif "former" in change.fields:  # renamed: what was kept has moved along
                self.presence.last_seen = {**await self._store.last_seen_times(), **self.presence.last_seen}
            for listener in tuple(self._listeners):
                try:
                    listener(change)
                except Exception:
                    self._log.failure("told of change {n}", n=change.n)

    def _cannot_follow(self, failure: Failure) -> None:
        failure.trap(SourceDown)
        self._log.warn("changes cannot be read: {why}", why=str(failure.value))

    def subscribe(self, listener: Callable[[Change], None]) -> Callable[[], None]:
        """*listener* is told of every change, after the cache has forgotten it; what it raises is logged. Gives what ends
        that."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def add_index(self, source: Source, index: RebuildableIndex) -> None:
        """Lists, searches and full names find the people of *source*, too, whom *index* has. Before the start."""
        self._index.add(index)
        self._chain.set_fallback(source, index.last)

    def state(self) -> DirectoryState:
        """How it is, in numbers."""
        cache = self._cache
        return DirectoryState(self.last_change, cache.hits, cache.misses, len(cache), self._chain.source_states())

    def set_policy(self, policy: Policy) -> None:
        """Another policy from now on: all that was revealed by the old one is forgotten."""
        if policy != self.policy:
            self.policy = policy
            self._cache.clear()

    # questions

    async def lookup(self, name: str, viewer: Viewer) -> LookupResult:
        """Who is *name*: by login, else by alias, else by full or last name. Nobody is told from hidden by nothing."""
        try:
            canonical = canonical_login_or_none(name)
            if canonical is not None:
                profile = await self._by_login(canonical, viewer)
                if profile is not None:
                    return Found(profile)
            return await self._chain.require_sources_up(await self._by_other_names(name, canonical, viewer))
        except SourceDown as down:
            self._warn("lookup not answered", down)
            return UNAVAILABLE

    async def _by_login(self, canonical: str, viewer: Viewer) -> Profile | None:
        """Raises SourceDown: for somebody unknown no sooner than for somebody hidden, of whom a source that is down has
        told before."""
        try:
            entry = await self._cache.get(canonical)
        except SourceDown:
            self._seen(CachedPerson(None, None), viewer)
            await self._named(fold_name(canonical), viewer)
            raise
        return self._seen(entry, viewer)

    async def _by_other_names(self, name: str, alias: str | None, viewer: Viewer) -> LookupResult:
        matches: list[Profile] = []
        for each in await self._named(fold_name(name), viewer):
            entry = await self._cache.get(each)
            person, profile = entry.person, self._seen(entry, viewer)
            if person is None or profile is None:
                continue
            if alias is not None and (alias in person.aliases or alias in person.former):
                return Found(profile)
            if person.listed and has_full_name(person, fold_name(name)):
                matches.append(profile)
        if len(matches) > 1:
            return Ambiguous(tuple(sorted(matches, key=lambda profile: profile.login)))
        return Found(matches[0]) if matches else NOT_FOUND

    async def _named(self, name: str, viewer: Viewer) -> Sequence[str]:
        """Whoever may be found by the folded *name*: others as far as the asker's reach, and themselves."""
        levels = index_filter(self.policy, viewer)
        named = await self._index.find_logins(name, levels) if levels is not None else ()
        if viewer.login is None or viewer.login in named:
            return named
        return (*named, *(each for each in await self._index.find_logins(name, UNRESTRICTED) if each == viewer.login))

    async def list_people(self, words: str, viewer: Viewer, page: Page) -> Listing | Unavailable:
        """Those who exist for the asker and let themselves be listed (for administrators: all), by login; with *words*
        those among them who match, the nearest first."""
        return await self._told(
            "list", self._lists.search(words, viewer, page) if words.strip() else self._lists.all(viewer, page)
        )

    async def list_online(self, viewer: Viewer, page: Page) -> Listing | Unavailable:
        """Those of a listing who are on now, as far as the asker may know."""
        return await self._told("list of who is on", self._lists.online(self.presence, viewer, page))

    async def newest_plans(self, viewer: Viewer, limit: int) -> Listing | Unavailable:
        """Those of a listing whose plans changed last, the newest first."""
        return await self._told("newest plans", self._lists.newest(viewer, limit))

    async def _told(self, what: str, asking: Coroutine[Any, Any, Listing]) -> Listing | Unavailable:
        try:
            return await self._chain.require_sources_up(await asking)
        except SourceDown as down:
            self._warn(f"{what} not answered", down)
            return UNAVAILABLE

    async def _listed(self, login: str, viewer: Viewer) -> Profile | None:
        """*login*, where a list may show them to *viewer*."""
        entry = await self._cache.get(login)
        profile = self._seen(entry, viewer)
        if entry.person is None or profile is None:
            return None
        return profile if entry.person.listed or profile.audience is Audience.ADMINISTRATOR else None

    async def history(
        self, name: str, viewer: Viewer, limit: int = 50, before: datetime | None = None
    ) -> History | NotFound | Unavailable:
        """The last *limit* plans (of those before *before*), each shown where the asker's rank reaches its level then and
        the plan's level now."""
        canonical = canonical_login_or_none(name)
        try:
            entry = await self._cache.get(canonical) if canonical is not None else None
            profile = None if entry is None else self._seen(entry, viewer)
            if profile is None:
                return await self._chain.require_sources_up(NOT_FOUND)
            if "plan" not in profile.shown:
                return History(())
            kept = await self._store.history(profile.login, limit, profile.audience.rank, before)
        except SourceDown as down:
            self._warn("history not answered", down)
            return UNAVAILABLE
        return History(tuple(each for each in kept if profile.audience.rank >= each.level))

    async def explain(self, name: str, viewer: Viewer) -> Explanation | NotFound | Forbidden | Unavailable:
        """Who sees what of the person with the login *name*, and why; for those who may edit them."""
        canonical = canonical_login_or_none(name)
        try:
            entry = await self._cache.get(canonical) if canonical is not None else None
            profile = None if entry is None else self._seen(entry, viewer)
            if entry is None or entry.person is None or profile is None:
                return await self._chain.require_sources_up(NOT_FOUND)
            if profile.visibility is None:
                return FORBIDDEN
            stated = await self._chain.partials_by_source(profile.login)
        except SourceDown as down:
            self._log.warn("not explained: {why}", why=str(down))
            return UNAVAILABLE
        return explain(entry.person, profile, self.policy, stated, self._store.name)

    async def _fetch(self, canonical: str) -> CachedPerson:
        entry = await self._chain.fetch(canonical, self._cache.peek)
        logins, last_seen = self.presence.logins_of(canonical), self.presence.last_seen.get(canonical)
        if entry.person is not None and (logins or last_seen):
            entry.person = replace(entry.person, logins=logins, last_seen=last_seen)
        return entry

    def _left(self, logins: Sequence[str]) -> None:
        """*logins* were on until now: kept, if they are people of ours."""
        if logins:
            self.presence.last_seen |= (at := dict.fromkeys(logins, self._now()))
            keeping = self._running(self._store.save_last_seen(at), "when people were last seen is not kept")
            keeping.addErrback(lambda failure: self._log.warn("last seen not kept: {why}", why=str(failure.value)))

    async def _profile(self, canonical: str, viewer: Viewer) -> Profile | None:
        entry = await self._cache.get(canonical)
        return self._seen(entry, viewer)

    def _seen(self, entry: CachedPerson, viewer: Viewer) -> Profile | None:
        """What *viewer* sees of *entry*. Nobody is looked at as somebody hidden is, so that they take the same time."""
        profile = self._revealed(entry, entry.person or PLACEHOLDER, viewer)
        return None if entry.person is None else profile

    def _revealed(self, entry: CachedPerson, person: Person, viewer: Viewer) -> Profile | None:
        """The same object for the same audience until something changes or its time is over (or is to come once more,
        when the clock is set back)."""
        turn, now = next_change_at(person), None
        if turn is not None:
            now = self._now()
            if entry.over is not (over := now >= turn):
                entry.profiles.clear()
                entry.over = over
        who = audience_for(viewer, person)
        try:
            return entry.profiles[who]
        except KeyError:
            profile = entry.profiles[who] = make_profile(person, who, self.policy, now or self._now())
            return profile

    def _warn(self, what: str, down: SourceDown) -> None:
        """Said once in SELDOM seconds: a source that is down is asked by many."""
        now = time.monotonic()
        if now - self._warned.get(what, -WARNING_INTERVAL) >= WARNING_INTERVAL:
            self._warned[what] = now
            self._log.warn("{what}: {why}", what=what, why=str(down))

    # edits

    async def edit(self, name: str, edit: Modify | Remove | Rename, viewer: Viewer) -> EditResult:
        """One edit of the person called *name*. See save."""
        canonical = canonical_login_or_none(name)
        if canonical is None:
            return NOT_FOUND
        return await self.save([dataclasses.replace(edit, login=canonical)], viewer)

    async def save(self, edits: Sequence[Edit], viewer: Viewer) -> EditResult:
        """All of *edits*, or none. An edit that has begun ends, whether the asker stays to hear of it or not."""
        return await self._running(
            self._save(edits, viewer), "an edit failed, and nobody was there any more to hear of it"
        )

    def _running(self, work: Coroutine[Any, Any, T], told: str) -> "Deferred[T]":
        """*work*, which ends though nobody waits any more; *told* is logged where it fails then."""
        running: Deferred[T] = Deferred.fromCoroutine(work)
        self._saving.add(running)
        mine = _shielded(running)
        running.addBoth(self._ended, running, told)
        return mine

    def _ended(self, result: object, running: Deferred[Any], told: str) -> None:
        self._saving.discard(running)
        if isinstance(result, Failure):
            self._log.failure("{told}", result, told=told)

    async def _save(self, edits: Sequence[Edit], viewer: Viewer) -> EditResult:
        try:
            ready: list[Edit] = []
            problems: list[EditProblem] = []
            for edit in edits:
                try:
                    checked = await self._checked(edit, viewer)
                except editing.Wrong as wrong:
                    problems.append(wrong.problem)
                    continue
                if isinstance(checked, Forbidden | NotFound):
                    return checked
                ready.append(checked)
            if problems:
                return Invalid(tuple(problems))
            version = await self._store.save(ready, viewer, self._now())
        except NameTaken as taken:
            return Invalid((EditProblem(taken.login, taken.field, repr(taken.name), "a name that is not taken"),))
        except StaleEdit as stale:
            return await self._conflict(stale.login, viewer)
        except NoSuchPerson:
            return NOT_FOUND
        except SourceDown as down:
            self._log.warn("not saved: {why}", why=str(down))
            return UNAVAILABLE
        for edit in ready:
            self._cache.drop(edit.login)
            if isinstance(edit, Rename):
                self._cache.drop(edit.new)
        try:
            await self._catch_up()
        except SourceDown as down:
            self._log.warn("saved, but changes cannot be read: {why}", why=str(down))
        return Saved(version)

    async def _conflict(self, login: str, viewer: Viewer) -> Conflict | NotFound | Unavailable:
        """What stands there now, in place of what the editor saw."""
        self._cache.drop(login)
        try:
            current = await self._profile(login, viewer)
        except SourceDown as down:
            self._log.warn("conflict not told: {why}", why=str(down))
            return UNAVAILABLE
        return NOT_FOUND if current is None else Conflict(current)

    async def _checked(self, edit: Edit, viewer: Viewer) -> Edit | Forbidden | NotFound:
        """*edit* as the store takes it, or why not. Raises editing.Wrong, SourceDown."""
        edit = editing.canonical(edit)
        if isinstance(edit, Create):
            return editing.created(edit, viewer, self.policy)
        entry = await self._cache.get(edit.login)
        profile = self._seen(entry, viewer)
        if entry.person is None or profile is None:
            return await self._chain.require_sources_up(NOT_FOUND)
        changed = editing.changed(edit, entry.person, profile.audience, viewer, self.policy)
        if (
            isinstance(changed, Rename)
            and changed.new != changed.login
            # What another source says is of a login: who is hidden there would be seen under the new one.
            and (source := await self._chain.source_claiming(changed.login, changed.new))
        ):
            allowed = f"from and to logins that {source} does not know"
            raise editing.Wrong(EditProblem(changed.login, "login", repr(changed.new), allowed))
        return changed


def _shielded(running: "Deferred[T]") -> "Deferred[T]":
    """A Deferred that follows *running*; to cancel it leaves *running* alone."""
    mine: Deferred[T] = Deferred(lambda _: None)

    def pass_on(result: Any) -> Any:
        if mine.called:
            return result
        mine.callback(result)
        return None

    running.addBoth(pass_on)
    return mine
