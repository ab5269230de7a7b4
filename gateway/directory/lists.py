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
from .interfaces import UNSAID, Index, Levels, Store
from .names import fold, maybe_login
from .presence import Presence
from .privacy import Audience, Policy, Profile, others
from .search_terms import rank, sought
from .viewers import Viewer

BATCH = 200  # rows of the index that are judged before others get their turn
FOUND = 50  # the same where each is compared with what is searched for
MOST_FOUND = 200  # people whom one search looks at: more words find the others
MOST_ROWS = 2000  # rows of the index that it goes through for them

Judge = Callable[[str, Viewer], Awaitable[Profile | None]]


class Lists:
    """*index* finds people, *store* knows their plans; *judge* gives the profile of a login, where a list may show it to
    the asker."""

    def __init__(
        self, index: Index, store: Store, policy: Callable[[], Policy], judge: Judge, clock: IReactorTime
    ) -> None:
        self._index, self._store, self._policy, self._judge, self._clock = index, store, policy, judge, clock

    async def all(self, viewer: Viewer, page: Page) -> Listing:
        """By login. Raises SourceDown."""
        levels = reach(self._policy(), viewer)

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

    async def found(self, query: str, viewer: Viewer, page: Page) -> Listing:
        """The nearest first. Raises SourceDown."""
        hits: dict[str, tuple[int, str, Profile]] = {}
        cut = False
        wanted = sought(query)
        async for login in self._candidates(query, wanted, viewer):
            if login in hits:
                continue
            profile = await self._judge(login, viewer)
            near = None if profile is None else rank(profile, query, wanted)
            if profile is None or near is None:
                continue
            if len(hits) == MOST_FOUND:  # who is not shown is not counted
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
        levels = reach(self._policy(), viewer)
        before = rows = 0
        while levels is not None and rows < MOST_ROWS and len(shown) < limit:
            batch = await self._store.latest(before, BATCH, levels)
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
        levels = reach(self._policy(), viewer)
        if levels is None:
            return
        login = maybe_login(query.strip())
        if login is not None:
            for each in await self._index.starting(login, BATCH // 4, levels):
                yield each
        for each in await self._index.find(fold(query), levels):
            yield each
        after = rows = 0
        while wanted and rows < MOST_ROWS:
            batch = await self._index.search(wanted, after, FOUND, levels)
            for after, each in batch:  # noqa: B007  # the last number is where the next batch begins
                yield each
            if len(batch) < FOUND:
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


def reach(policy: Policy, viewer: Viewer) -> Levels | None:
    """Whom an index is asked for; None: nobody, since no name is for *viewer*. It only saves work: each one is judged."""
    audience = others(viewer)
    if policy.limit["name"] > audience.rank:
        return None
    lowest = UNSAID if policy.default["name"] <= audience.rank else UNSAID + 1
    return Levels(lowest, audience.rank, audience is Audience.ADMINISTRATOR)


def _place(page: Page) -> tuple[int, str]:
    """Where *page* begins. A cursor that is none of ours begins wherever it stands in the order."""
    if page.after is None:
        return (-1, "")
    near, _, login = page.after.partition("~")
    return (int(near), login) if near in ("0", "1", "2", "3") else (0, page.after)
