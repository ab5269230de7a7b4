"""DirectoryService, the one shared lookup service: every protocol asks it, and gets only what the privacy rule allows.

It is a facade. queries.py answers, editing.py saves, change_follower.py keeps the cache current. Other packages import this
module and the value types only. Who a viewer is, is decided in viewers.py.
"""

import dataclasses
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from twisted.application.service import MultiService
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime

from .change_follower import ChangeFollower
from .changes import Change
from .composite_index import CompositeIndex
from .editing import DirectoryEditing
from .explanation import Explanation
from .interfaces import Edit, Modify, RebuildableIndex, Remove, Rename, Source, Store
from .names import canonical_login_or_none
from .presence import Presence
from .privacy import Policy
from .queries import DirectoryQueries
from .results import (
    NOT_FOUND,
    EditResult,
    Forbidden,
    History,
    Listing,
    LookupResult,
    NotFound,
    Page,
    Unavailable,
)
from .source_chain import SourceChain
from .state import DirectoryState
from .viewers import Viewer


class DirectoryService(MultiService):
    """The people of *store* and of the other *sources*, in their order.

    Values come from the first source that has one, restrictions from the strictest of all. *clock* is the reactor's, *now*
    the wall clock, for what depends on dates.
    """

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
        self.sources = tuple(sources)
        self._now = now
        self._chain = SourceChain((store, *sources), clock)
        self._index = CompositeIndex(store)
        self._queries = DirectoryQueries(store, self._chain, self._index, policy, clock, self._time, cache_size)
        self.presence = self._queries.presence = Presence(self._queries.cache.drop, self._save_last_seen)
        self._changes = ChangeFollower(store, self._queries.cache, self.presence)
        self._editing = DirectoryEditing(store, self._chain, self._queries, self._changes.catch_up, self._time)

    def _time(self) -> datetime:
        return self._now()

    def startService(self) -> None:
        """Start the sources that are services, then follow the store's changes."""
        super().startService()
        self._changes.start()

    def stopService(self) -> Deferred[Any]:
        """Save who was online, and stop when every edit that has begun has ended."""
        self._save_last_seen(self.presence.logins_after(""))
        return self._editing.when_idle().addCallback(lambda _: super(DirectoryService, self).stopService())

    def _save_last_seen(self, logins: Sequence[str]) -> None:
        """Remember that *logins* were online until now; the store keeps those who are people."""
        if logins:
            at = dict.fromkeys(logins, self._now())
            self.presence.last_seen |= at
            self._editing.save_last_seen(at)

    # queries

    async def lookup(self, name: str, viewer: Viewer) -> LookupResult:
        """Find the person called *name*: by login, then by alias, then by full or last name.

        A hidden person and a missing one get the same answer.
        """
        return await self._queries.lookup(name, canonical_login_or_none(name), viewer)

    async def list_people(self, words: str, viewer: Viewer, page: Page) -> Listing | Unavailable:
        """List the people whom *viewer* may see and who are listed (administrators see all), by login.

        With *words*, those of them who match, the best match first.
        """
        return await self._queries.list_people(words, viewer, page)

    async def list_online(self, viewer: Viewer, page: Page) -> Listing | Unavailable:
        """List the people who are online, as far as the viewer may know."""
        return await self._queries.list_online(viewer, page)

    async def newest_plans(self, viewer: Viewer, limit: int) -> Listing | Unavailable:
        """List the people whose plans changed last, the newest first."""
        return await self._queries.newest_plans(viewer, limit)

    async def history(
        self, name: str, viewer: Viewer, limit: int = 50, before: datetime | None = None
    ) -> History | NotFound | Unavailable:
        """Return the last *limit* plans (of those before *before*) that the viewer may see."""
        return await self._queries.history(canonical_login_or_none(name), viewer, limit, before)

    async def explain(self, name: str, viewer: Viewer) -> Explanation | NotFound | Forbidden | Unavailable:
        """Explain who sees each field of a person, and why; for viewers who may edit the person."""
        return await self._queries.explain(canonical_login_or_none(name), viewer)

    # edits

    async def edit(self, name: str, edit: Modify | Remove | Rename, viewer: Viewer) -> EditResult:
        """Save one edit of the person with the login *name*. See save."""
        login = canonical_login_or_none(name)
        if login is None:
            return NOT_FOUND
        return await self.save([dataclasses.replace(edit, login=login)], viewer)

    async def save(self, edits: Sequence[Edit], viewer: Viewer) -> EditResult:
        """Save all *edits* or none. An edit that has begun ends, whether the client waits for it or not."""
        return await self._editing.save(edits, viewer)

    # changes, policy, state

    def subscribe(self, listener: Callable[[Change], None]) -> Callable[[], None]:
        """Call *listener* for every change, after the cache has dropped it; return a function that ends that."""
        return self._changes.subscribe(listener)

    @property
    def last_change(self) -> int:
        """The number of the newest change that was read."""
        return self._changes.last_change

    def add_index(self, source: Source, index: RebuildableIndex) -> None:
        """Let lists, searches and full names find the people of *source*, whom *index* has. Before the start."""
        self._index.add(index)
        self._chain.set_fallback(source, index.last)

    @property
    def policy(self) -> Policy:
        return self._queries.policy

    def set_policy(self, policy: Policy) -> None:
        """Replace the policy, and forget the profiles that were made by the old one."""
        if policy != self._queries.policy:
            self._queries.policy = policy
            self._queries.cache.clear()

    def state(self) -> DirectoryState:
        """Return the directory's state in numbers."""
        cache = self._queries.cache
        return DirectoryState(self.last_change, cache.hits, cache.misses, len(cache), self._chain.source_states())
