"""Lists of people: everybody, those who match some words, those who are online.

Each candidate of the index passes the privacy rule before it counts for anything. A cursor is the place of the last
person of a page: how well they matched, and the login. So a page begins after a person, not at a number, and stays
right while people come and go.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater

from .interfaces import UNSPECIFIED, Index, NameVisibilityFilter, Store
from .names import canonical_login_or_none, fold_name
from .presence import Presence
from .privacy import Audience, Policy, Profile, audience_for_others
from .results import Listing, Page
from .search_terms import query_words, rank
from .viewers import Viewer

BATCH_SIZE = 200  # rows of the index, before the reactor gets its turn
SEARCH_BATCH = 50  # smaller, because each person is compared with the query
MAX_MATCHES = 200  # people whom one search looks at
MAX_ROWS_SCANNED = 2000  # rows of the index that one search goes through

ListedProfileLookup = Callable[[str, Viewer], Awaitable[Profile | None]]


class PeopleLists:
    """Makes the lists.

    *index* finds people, *store* knows their plans, and *listed_profile* returns the profile of a login if a list may
    show it to the viewer.
    """

    def __init__(
        self,
        index: Index,
        store: Store,
        policy: Callable[[], Policy],
        listed_profile: ListedProfileLookup,
        clock: IReactorTime,
    ) -> None:
        self._index, self._store, self._policy, self._listed_profile, self._clock = (
            index,
            store,
            policy,
            listed_profile,
            clock,
        )

    async def all(self, viewer: Viewer, page: Page) -> Listing:
        """List everybody by login. Raises SourceDown."""
        levels = index_filter(self._policy(), viewer)

        async def logins(after: str) -> AsyncIterator[str]:
            rows = 0
            while levels is not None:
                batch = await self._index.page(after, min(BATCH_SIZE, page.limit + 1), levels)
                for login in batch:
                    yield login
                if not batch:
                    return
                after = batch[-1]
                rows += len(batch)
                if rows >= BATCH_SIZE:
                    rows = 0
                    await self._yield_to_reactor()

        return await self._take_page(logins(_parse_cursor(page)[1]), viewer, page)

    async def online(self, presence: Presence, viewer: Viewer, page: Page) -> Listing:
        """List by login who is online and lets the viewer know. Raises SourceDown."""

        async def logins() -> AsyncIterator[str]:
            for number, login in enumerate(presence.logins_after(_parse_cursor(page)[1]), 1):
                yield login
                if number % BATCH_SIZE == 0:
                    await self._yield_to_reactor()

        return await self._take_page(logins(), viewer, page, lambda profile: bool(profile.online))

    async def search(self, query: str, viewer: Viewer, page: Page) -> Listing:
        """List who matches, the best match first. Raises SourceDown."""
        hits: dict[str, tuple[int, str, Profile]] = {}
        cut = False
        wanted = query_words(query)
        async for login in self._candidates(query, wanted, viewer):
            if login in hits:
                continue
            profile = await self._listed_profile(login, viewer)
            near = None if profile is None else rank(profile, query, wanted)
            if profile is None or near is None:
                continue
            if len(hits) == MAX_MATCHES:  # counts only people who are shown
                cut = True
                break
            hits[login] = (near, login, profile)
        behind = sorted(hit for hit in hits.values() if hit[:2] > _parse_cursor(page))
        shown = behind[: page.limit]
        after = f"{shown[-1][0]}~{shown[-1][1]}" if len(behind) > page.limit else None
        return Listing(tuple(profile for _, _, profile in shown), after, cut)

    async def newest(self, viewer: Viewer, limit: int) -> Listing:
        """List the people whose plans changed last and may be seen, the newest first. Raises SourceDown."""
        shown: dict[str, Profile] = {}
        passed: set[str] = set()
        levels = index_filter(self._policy(), viewer)
        before = rows = 0
        while levels is not None and rows < MAX_ROWS_SCANNED and len(shown) < limit:
            batch = await self._store.latest_plans(before, BATCH_SIZE, levels)
            for before, login, level in batch:  # noqa: B007  # the last number is where the next batch begins
                if login in passed or len(shown) == limit:
                    continue
                passed.add(login)
                profile = await self._listed_profile(login, viewer)
                if profile is not None and profile.plan and profile.audience.rank >= level:
                    shown[login] = profile
            if len(batch) < BATCH_SIZE:
                break
            rows += len(batch)
            await self._yield_to_reactor()
        return Listing(tuple(shown.values()), None)

    async def _candidates(self, query: str, wanted: tuple[str, ...], viewer: Viewer) -> AsyncIterator[str]:
        """Yield who may match: first the exact name and logins that begin with it, then whom the words find.

        A search that goes through too many rows ends silently: to say so would reveal how many people are not shown.
        """
        levels = index_filter(self._policy(), viewer)
        if levels is None:
            return
        login = canonical_login_or_none(query.strip())
        if login is not None:
            for each in await self._index.logins_starting_with(login, BATCH_SIZE // 4, levels):
                yield each
        for each in await self._index.find_logins(fold_name(query), levels):
            yield each
        after = rows = 0
        while wanted and rows < MAX_ROWS_SCANNED:
            batch = await self._index.search(wanted, after, SEARCH_BATCH, levels)
            for after, each in batch:  # noqa: B007  # the last number is where the next batch begins
                yield each
            if len(batch) < SEARCH_BATCH:
                return
            rows += len(batch)
            await self._yield_to_reactor()

    async def _take_page(
        self, logins: AsyncIterator[str], viewer: Viewer, page: Page, fits: Callable[[Profile], bool] = lambda _: True
    ) -> Listing:
        shown: list[Profile] = []
        async for login in logins:
            profile = await self._listed_profile(login, viewer)
            if profile is None or not fits(profile):
                continue
            if len(shown) == page.limit:
                return Listing(tuple(shown), f"0~{shown[-1].login}")
            shown.append(profile)
        return Listing(tuple(shown), None)

    async def _yield_to_reactor(self) -> Any:
        """Let the reactor work after a batch of rows."""
        await deferLater(self._clock, 0)


def index_filter(policy: Policy, viewer: Viewer) -> NameVisibilityFilter | None:
    """Return whom to ask an index for; None if the viewer may see no name.

    It only saves work: everybody who is found is checked.
    """
    audience = audience_for_others(viewer)
    if policy.limit["name"] > audience.rank:
        return None
    lowest = UNSPECIFIED if policy.default["name"] <= audience.rank else UNSPECIFIED + 1
    return NameVisibilityFilter(lowest, audience.rank, audience is Audience.ADMINISTRATOR)


def _parse_cursor(page: Page) -> tuple[int, str]:
    """Return where *page* begins. A cursor that was not made here is taken as a login."""
    if page.after is None:
        return (-1, "")
    near, _, login = page.after.partition("~")
    return (int(near), login) if near in ("0", "1", "2", "3") else (0, page.after)
