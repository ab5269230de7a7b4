"""In-memory stores and sources with people, and viewers of every kind, for tests of the directory."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from gateway.directory.addresses import Address
from gateway.directory.changes import Change
from gateway.directory.interfaces import Edit, NameVisibilityFilter, Source, SourceDown
from gateway.directory.person import PartialPerson, Visibility
from gateway.directory.privacy import Policy
from gateway.directory.results import PlanVersion
from gateway.directory.service import DirectoryService
from gateway.directory.viewers import LocalCommand, Viewer, Viewers
from tests.unit.fixtures import result_of

VIEWERS = Viewers(["192.0.2.0/24"], ["alice"])
STRANGER = VIEWERS.from_address("web", Address.parse("198.51.100.1"))
NO_ADDRESS = VIEWERS.from_address("finger", None)
MEMBER = VIEWERS.from_address("finger", Address.parse("192.0.2.1"))
ADMINISTRATOR: Viewer = result_of(VIEWERS.from_evidence(LocalCommand()))


def as_self(login: str) -> Viewer:
    viewer: Viewer = result_of(VIEWERS.from_evidence(LocalCommand(login, "self")))
    return viewer


def all_viewers(login: str, other: str) -> dict[str, tuple[Viewer, int]]:
    """Return every kind of viewer of *login* with its rank: a higher rank sees at least as much."""
    me = as_self(login)
    return {
        "stranger by address": (STRANGER, 0),
        "stranger": (NO_ADDRESS, 0),
        "member by address": (MEMBER, 1),
        "somebody else": (as_self(other), 1),
        "self": (me, 2),
        "self with a token for members": (replace(me, scope="members"), 1),
        "self with a token for nothing": (replace(me, scope=None), 0),
        "administrator": (ADMINISTRATOR, 2),
        "administrator of this name": (replace(me, administrator=True, scope="administrator"), 2),
        "administrator with a token for members": (replace(ADMINISTRATOR, scope="members"), 1),
        "administrator with a token for self": (replace(ADMINISTRATOR, scope="self"), 1),
        "administrator with a token for nothing": (replace(ADMINISTRATOR, scope=None), 0),
        "another administrator": (replace(as_self(other), administrator=True, scope="administrator"), 2),
    }


class InMemoryStore:
    """A read-only Store. *found_by* maps folded names to the logins that find_logins() returns."""

    cache_ttl: timedelta | None = None
    restricts = True

    def __init__(self, *people: PartialPerson, found_by: dict[str, list[str]] | None = None) -> None:
        self.name = "memory"
        self.people = {person.login: person for person in people}
        self.found_by = found_by or {}
        self.requested_logins: list[str] = []
        self.down = False
        self.change_log: list[Change] = []
        self.last_seen: dict[str, datetime] = {}
        self.on_change: Callable[[], Awaitable[None]] | None = None

    async def get(self, login: str) -> PartialPerson | None:
        self.requested_logins.append(login)
        if self.down:
            raise SourceDown("the store is down")
        return self.people.get(login)

    async def everyone(self) -> AsyncIterator[PartialPerson]:
        for person in self.people.values():
            yield person

    async def find_logins(self, name: str, levels: NameVisibilityFilter) -> Sequence[str]:
        if self.down:
            raise SourceDown("the store is down")
        return self.found_by.get(name, [])

    async def page(self, after: str, limit: int, levels: NameVisibilityFilter) -> Sequence[str]:
        if self.down:
            raise SourceDown("the store is down")
        return [login for login in sorted(self.people) if login > after][:limit]

    async def logins_starting_with(self, beginning: str, limit: int, levels: NameVisibilityFilter) -> Sequence[str]:
        return [login for login in await self.page("", 10**6, levels) if login.startswith(beginning)][:limit]

    async def search(
        self, words: Sequence[str], after: int, limit: int, levels: NameVisibilityFilter
    ) -> Sequence[tuple[int, str]]:
        return list(enumerate(await self.page("", 10**6, levels), 1))[after : after + limit]

    async def latest_plans(
        self, before: int, limit: int, levels: NameVisibilityFilter
    ) -> Sequence[tuple[int, str, Visibility]]:
        written = enumerate((login for login, person in self.people.items() if person.plan), 1)
        older = [(n, login, Visibility.EVERYONE) for n, login in written if not before or n < before]
        return older[::-1][:limit]

    async def last_seen_times(self) -> Mapping[str, datetime]:
        return self.last_seen

    async def save_last_seen(self, at: Mapping[str, datetime]) -> None:
        self.last_seen |= at

    async def history(
        self, login: str, limit: int, highest: int = Visibility.NOBODY, before: datetime | None = None
    ) -> Sequence[PlanVersion]:
        if self.down:
            raise SourceDown("the store is down")
        return []

    async def save(self, edits: Sequence[Edit], by: Viewer, at: datetime) -> int:
        raise SourceDown("the store is read-only")

    async def last_change(self) -> int:
        if self.down:
            raise SourceDown("the store is down")
        return self.change_log[-1].n if self.change_log else 0

    async def changes(self, after: int) -> Sequence[Change]:
        if self.down:
            raise SourceDown("the store is down")
        return [change for change in self.change_log if change.n > after]

    def watch(self, wake: Callable[[], Awaitable[None]]) -> None:
        self.on_change = wake


class InMemorySource:
    """A Source that returns *people*, or raises SourceDown while *down* is set."""

    cache_ttl: timedelta | None = timedelta(seconds=0)

    def __init__(
        self, *people: PartialPerson, restricts: bool = False, cache_ttl: timedelta | None = timedelta()
    ) -> None:
        self.name, self.restricts, self.cache_ttl = "ldap", restricts, cache_ttl
        self.people = {person.login: person for person in people}
        self.requested_logins: list[str] = []
        self.down = False

    async def get(self, login: str) -> PartialPerson | None:
        self.requested_logins.append(login)
        if self.down:
            raise SourceDown("the source is down")
        return self.people.get(login)

    async def everyone(self) -> AsyncIterator[PartialPerson]:
        for person in self.people.values():
            yield person


class SlowSource(InMemorySource):
    """A source whose requests wait until the test calls complete_requests()."""

    def __init__(self, *people: PartialPerson, restricts: bool = False, cache_ttl: timedelta | None = None) -> None:
        super().__init__(*people, restricts=restricts, cache_ttl=cache_ttl)
        self.pending: list[Deferred[None]] = []

    async def get(self, login: str) -> PartialPerson | None:
        self.requested_logins.append(login)
        answer = self.people.get(login)
        waiting: Deferred[None] = Deferred()
        self.pending.append(waiting)
        await waiting
        if self.down:
            raise SourceDown("the source is down")
        return answer

    def complete_requests(self) -> None:
        """Complete all pending requests."""
        waiting, self.pending = self.pending, []
        for each in waiting:
            each.callback(None)


def make_directory(
    store: InMemoryStore, *sources: Source, policy: Policy | None = None, size: int = 1000
) -> DirectoryService:
    """Start a directory with this store and these sources."""
    service = DirectoryService(store, sources, policy or Policy.preset(), Clock(), cache_size=size)
    service.startService()
    return service
