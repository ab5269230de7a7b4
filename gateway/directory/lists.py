"""Lists of people: all, those who match some words, those who are on. Each candidate of the store's index is judged
by the one rule before it counts for anything.

A cursor says where the page before ended: how near the last one matched, and the login. So a page begins behind somebody,
not at a number, and stays right while people come and go.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater

from .answers import Listing, Page
from .interfaces import UNSPECIFIED, Index, NameVisibilityFilter, Store
from .names import canonical_login_or_none, fold_name
from .presence import Presence
from .privacy import Audience, Policy, Profile, audience_for_others
from .search_terms import query_words, rank
from .viewers import Viewer

BATCH = 200  # rows of the index that are judged before others get their turn
SEARCH_BATCH = 50  # the same where each is compared with what is searched for
MAX_MATCHES = 200  # people whom one search looks at: more words find the others
MAX_ROWS_SCANNED = 2000  # rows of the index that it goes through for them

Judge = Callable[[str, Viewer], Awaitable[Profile | None]]


class PeopleLists:
    """*index* finds people, *store* knows their plans; *judge* gives the profile of a login, where a list may show it to
    the asker."""

    def __init__(
        self, index: Index, store: Store, policy: Callable[[], Policy], judge: Judge, clock: IReactorTime
    ) -> None:
        self._index, self._store, self._policy, self._judge, self._clock = index, store, policy, judge, clock

    async def all(self, viewer: Viewer, page: Page) -> Listing:
        """By login. Raises SourceDown."""
        levels = index_filter(self._policy(), viewer)

        async def logins(after: str) -> AsyncIterator[str]:
            rows = 0
            while levels is not None:
                batch = await self._index.page(after, min(BATCH, page.limit + 1), levels)
                for login in batch:
                    yield login
                if not batch:
                    return
                after = batch[-1]
                rows += len(batch)
                if rows >= BATCH:
                    rows = 0
                    await self._breath()

        return await self._taken(logins(_place(page)[1]), viewer, page)

    async def online(self, presence: Presence, viewer: Viewer, page: Page) -> Listing:
        """By login, those who are on and let the asker know. Raises SourceDown."""

        async def logins() -> AsyncIterator[str]:
            for number, login in enumerate(presence.behind(_place(page)[1]), 1):
                yield login
                if number % BATCH == 0:
                    await self._breath()

        return await self._taken(logins(), viewer, page, lambda profile: bool(profile.online))

    async def search(self, query: str, viewer: Viewer, page: Page) -> Listing:
        """The nearest first. Raises SourceDown."""
        hits: dict[str, tuple[int, str, Profile]] = {}
        cut = False
        wanted = query_words(query)
        async for login in self._candidates(query, wanted, viewer):
            if login in hits:
                continue
            profile = await self._judge(login, viewer)
            near = None if profile is None else rank(profile, query, wanted)
            if profile is None or near is None:
                continue
            if len(hits) == MAX_MATCHES:  # who is not shown is not counted
                cut = True
                break
            hits[login] = (near, login, profile)
        behind = sorted(hit for hit in hits.values() if hit[:2] > _place(page))
        shown = behind[: page.limit]
        after = f"{shown[-1][0]}~{shown[-1][1]}" if len(behind) > page.limit else None
        return Listing(tuple(profile for _, _, profile in shown), after, cut)

    async def newest(self, viewer: Viewer, limit: int) -> Listing:
        """Those whose plans changed last, as far as the plans are shown; the newest first. Raises SourceDown."""
        shown: dict[str, Profile] = {}
        passed: set[str] = set()
        levels = index_filter(self._policy(), viewer)
        before = rows = 0
        while levels is not None and rows < MAX_ROWS_SCANNED and len(shown) < limit:
            batch = await self._store.latest_plans(before, BATCH, levels)
            for before, login, level in batch:  # noqa: B007  # the last number is where the next batch begins
                if login in passed or len(shown) == limit:
                    continue
                passed.add(login)
                profile = await self._judge(login, viewer)
                if profile is not None and profile.plan and profile.audience.rank >= level:
                    shown[login] = profile
            if len(batch) < BATCH:
                break
            rows += len(batch)
            await self._breath()
        return Listing(tuple(shown.values()), None)

    async def _candidates(self, query: str, wanted: tuple[str, ...], viewer: Viewer) -> AsyncIterator[str]:
        """Whoever may match: the very one and those whose login begins so, before the many that some words find. Where
        there are more than one search goes through it ends in silence: to say so would tell of those who are not shown."""
        levels = index_filter(self._policy(), viewer)
        if levels is None:
            return
        login = canonical_login_or_none(query.strip())
        if login is not None:
            for each in await self._index.logins_starting_with(login, BATCH // 4, levels):
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
            await self._breath()

    async def _taken(
        self, logins: AsyncIterator[str], viewer: Viewer, page: Page, fits: Callable[[Profile], bool] = lambda _: True
    ) -> Listing:
        shown: list[Profile] = []
        async for login in logins:
            profile = await self._judge(login, viewer)
            if profile is None or not fits(profile):
                continue
            if len(shown) == page.limit:
                return Listing(tuple(shown), f"0~{shown[-1].login}")
            shown.append(profile)
        return Listing(tuple(shown), None)

    async def _breath(self) -> Any:
        """Lets others have their turn, after as many rows as one may take."""
        await deferLater(self._clock, 0)


def index_filter(policy: Policy, viewer: Viewer) -> NameVisibilityFilter | None:
    """Whom an index is asked for; None: nobody, since no name is for *viewer*. It only saves work: each one is judged."""
    audience = audience_for_others(viewer)
    if policy.limit["name"] > audience.rank:
        return None
    lowest = UNSPECIFIED if policy.default["name"] <= audience.rank else UNSPECIFIED + 1
    return NameVisibilityFilter(lowest, audience.rank, audience is Audience.ADMINISTRATOR)


def _place(page: Page) -> tuple[int, str]:
    """Where *page* begins. A cursor that is none of ours begins wherever it stands in the order."""
    if page.after is None:
        return (-1, "")
    near, _, login = page.after.partition("~")
    return (int(near), login) if near in ("0", "1", "2", "3") else (0, page.after)
