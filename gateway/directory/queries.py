"""What the directory answers: lookups, lists, history, explanations.

Hidden equals missing: a person whom the viewer may not see takes the same code path as one who does not
exist, so that neither bytes nor time tell them apart.
"""

import time
from collections.abc import Callable, Coroutine, Sequence
from datetime import datetime
from typing import Any

from msgspec.structs import replace
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from .cache import CachedPerson, PersonCache
from .composite_index import CompositeIndex
from .explanation import Explanation, explain
from .interfaces import UNSPECIFIED, NameVisibilityFilter, SourceDown, Store
from .lists import PeopleLists, index_filter
from .names import fold_name
from .person import Person, Visibility
from .presence import Presence
from .privacy import Audience, Policy, Profile, audience_for, make_profile, next_change_at
from .results import (
    FORBIDDEN,
    NOT_FOUND,
    UNAVAILABLE,
    Ambiguous,
    Forbidden,
    Found,
    History,
    Listing,
    LookupResult,
    NotFound,
    Page,
    Unavailable,
)
from .search_terms import has_full_name
from .source_chain import PLACEHOLDER, SourceChain
from .throttled_logger import ThrottledLogger
from .viewers import Viewer

WARNING_INTERVAL = 10.0  # seconds between two warnings of the same kind
UNRESTRICTED = NameVisibilityFilter(UNSPECIFIED, Visibility.NOBODY)  # for people who look for themselves


class DirectoryQueries:
    """Asks the sources through a cache and shows people by *policy*, which may be replaced. *now* is the wall clock."""

    def __init__(
        self,
        store: Store,
        chain: SourceChain,
        index: CompositeIndex,
        policy: Policy,
        clock: IReactorTime,
        now: Callable[[], datetime],
        cache_size: int,
    ) -> None:
        self.policy = policy
        self._store, self._chain, self._index, self._now = store, chain, index, now
        self.cache = PersonCache(self._fetch, time.monotonic, cache_size)
        self._lists = PeopleLists(index, store, lambda: self.policy, self._listed_profile, clock)
        self.presence: Presence
        self._log = ThrottledLogger(Logger(), WARNING_INTERVAL)

    async def lookup(self, name: str, login: str | None, viewer: Viewer) -> LookupResult:
        """Find the person called *name*: by *login* (its canonical form), then by alias, then by full or last name."""
        try:
            if login is not None:
                profile = await self._by_login(login, viewer)
                if profile is not None:
                    return Found(profile)
            return await self._chain.require_sources_up(await self._by_other_names(name, login, viewer))
        except SourceDown as down:
            return self._unavailable("lookup not answered", down)

    async def _by_login(self, login: str, viewer: Viewer) -> Profile | None:
        """Return the person with *login* if the viewer may see them. Raises SourceDown.

        If a source is down, the work of a lookup is done before raising, so that timing does not distinguish a missing
        login from a hidden person whom the cache still has.
        """
        try:
            entry = await self.cache.get(login)
        except SourceDown:
            self.make_profile(CachedPerson(None, None), viewer)
            await self._find_candidates(fold_name(login), viewer)
            raise
        return self.make_profile(entry, viewer)

    async def _by_other_names(self, name: str, alias: str | None, viewer: Viewer) -> LookupResult:
        matches: list[Profile] = []
        for login in await self._find_candidates(fold_name(name), viewer):
            entry = await self.cache.get(login)
            person, profile = entry.person, self.make_profile(entry, viewer)
            if person is None or profile is None:
                continue
            if alias is not None and (alias in person.aliases or alias in person.former):
                return Found(profile)
            if person.listed and has_full_name(person, fold_name(name)):
                matches.append(profile)
        if len(matches) > 1:
            return Ambiguous(tuple(sorted(matches, key=lambda profile: profile.login)))
        return Found(matches[0]) if matches else NOT_FOUND

    async def _find_candidates(self, folded: str, viewer: Viewer) -> Sequence[str]:
        """Return the logins that the viewer may find by a folded name; everybody may find themselves."""
        levels = index_filter(self.policy, viewer)
        found = await self._index.find_logins(folded, levels) if levels is not None else ()
        if viewer.login is None or viewer.login in found:
            return found
        everyone = await self._index.find_logins(folded, UNRESTRICTED)
        return (*found, *(login for login in everyone if login == viewer.login))

    async def list_people(self, words: str, viewer: Viewer, page: Page) -> Listing | Unavailable:
        """List people by login; with *words* those who match, the best match first."""
        listing = self._lists.search(words, viewer, page) if words.strip() else self._lists.all(viewer, page)
        return await self._answer_list("list", listing)

    async def list_online(self, viewer: Viewer, page: Page) -> Listing | Unavailable:
        """List the people who are online, as far as the viewer may know."""
        return await self._answer_list("list of who is online", self._lists.online(self.presence, viewer, page))

    async def newest_plans(self, viewer: Viewer, limit: int) -> Listing | Unavailable:
        """List the people whose plans changed last, the newest first."""
        return await self._answer_list("newest plans", self._lists.newest(viewer, limit))

    async def _answer_list(self, what: str, listing: Coroutine[Any, Any, Listing]) -> Listing | Unavailable:
        try:
            return await self._chain.require_sources_up(await listing)
        except SourceDown as down:
            return self._unavailable(f"{what} not answered", down)

    async def history(
        self, login: str | None, viewer: Viewer, limit: int, before: datetime | None
    ) -> History | NotFound | Unavailable:
        """Return the last *limit* plans, of those before *before*.

        Each is shown if the viewer's rank reaches both its level at the time of writing and the plan's level now.
        """
        try:
            entry = await self.cache.get(login) if login is not None else None
            profile = None if entry is None else self.make_profile(entry, viewer)
            if profile is None:
                return await self._chain.require_sources_up(NOT_FOUND)
            if "plan" not in profile.shown:
                return History(())
            plans = await self._store.history(profile.login, limit, profile.audience.rank, before)
        except SourceDown as down:
            return self._unavailable("history not answered", down)
        return History(tuple(each for each in plans if profile.audience.rank >= each.level))

    async def explain(self, login: str | None, viewer: Viewer) -> Explanation | NotFound | Forbidden | Unavailable:
        """Explain who sees each field of a person, and why; for viewers who may edit the person."""
        try:
            entry = await self.cache.get(login) if login is not None else None
            profile = None if entry is None else self.make_profile(entry, viewer)
            if entry is None or entry.person is None or profile is None:
                return await self._chain.require_sources_up(NOT_FOUND)
            if profile.visibility is None:
                return FORBIDDEN
            partials = await self._chain.partials_by_source(profile.login)
        except SourceDown as down:
            return self._unavailable("not explained", down)
        return explain(entry.person, profile, self.policy, partials, self._store.name)

    def _unavailable(self, what: str, down: SourceDown) -> Unavailable:
        self._log.warn(what, "{what}: {why}", what=what, why=str(down))
        return UNAVAILABLE

    async def _fetch(self, login: str) -> CachedPerson:
        entry = await self._chain.fetch(login, self.cache.peek)
        logins, last_seen = self.presence.logins_of(login), self.presence.last_seen.get(login)
        if entry.person is not None and (logins or last_seen):
            entry.person = replace(entry.person, logins=logins, last_seen=last_seen)
        return entry

    async def _listed_profile(self, login: str, viewer: Viewer) -> Profile | None:
        """Return the profile of *login* if a list may show it to *viewer*."""
        entry = await self.cache.get(login)
        profile = self.make_profile(entry, viewer)
        if entry.person is None or profile is None:
            return None
        return profile if entry.person.listed or profile.audience is Audience.ADMINISTRATOR else None

    def make_profile(self, entry: CachedPerson, viewer: Viewer) -> Profile | None:
        """Return what *viewer* may see of a cached person, None for nothing.

        For a missing login, run the same privacy check on a placeholder, so that timing reveals nothing.
        """
        profile = self._cached_profile(entry, entry.person or PLACEHOLDER, viewer)
        return None if entry.person is None else profile

    def _cached_profile(self, entry: CachedPerson, person: Person, viewer: Viewer) -> Profile | None:
        """Return the same object for the same audience until something changes.

        A status that ends changes a profile by time alone: the profiles are made again when that time comes, and again if
        the clock is set back before it.
        """
        change_at, now = next_change_at(person), None
        if change_at is not None:
            now = self._now()
            if entry.expired_by_time is not (expired := now >= change_at):
                entry.profiles.clear()
                entry.expired_by_time = expired
        audience = audience_for(viewer, person)
        try:
            return entry.profiles[audience]
        except KeyError:
            profile = entry.profiles[audience] = make_profile(person, audience, self.policy, now or self._now())
            return profile
