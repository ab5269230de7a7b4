"""What the directory asks of stores and sources. Implemented in store/ and sources/, or by an operator's own class."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol

from twisted.internet.defer import Deferred

from .changes import Change
from .person import PartialPerson, Visibility
from .results import PlanVersion
from .viewers import Viewer


class SourceDown(Exception):
    """The source cannot answer now. The message is for the log and is never shown to a client."""


class StoreReplaced(Exception):
    """The store holds other people than before, with row numbers of its own: nothing that was read from it is valid."""


class StaleEdit(Exception):
    """An edit was based on a version that is no longer the newest. Nothing was changed."""

    def __init__(self, login: str) -> None:
        super().__init__(login)
        self.login = login


class NameTaken(Exception):
    """A login or alias that belongs to somebody, or is reserved."""

    def __init__(self, login: str, name: str, field: str = "aliases") -> None:
        super().__init__(name)
        self.login, self.name, self.field = login, name, field


class NoSuchPerson(Exception):
    """An edit of a person who does not exist."""

    def __init__(self, login: str) -> None:
        super().__init__(login)
        self.login = login


@dataclass(frozen=True)
class Create:
    """Add a person. *values* and *visibility* are by field name, checked."""

    login: str
    values: Mapping[str, Any] = field(default_factory=dict)
    visibility: Mapping[str, Visibility] = field(default_factory=dict)
    listed: bool = True
    plan_level: Visibility = Visibility.NOBODY


@dataclass(frozen=True)
class Modify:
    """Change some fields.

    None in *visibility* takes the person's choice back. *base* is the version that the editor saw, None to change
    whatever is stored.
    """

    login: str
    values: Mapping[str, Any] = field(default_factory=dict)
    visibility: Mapping[str, Visibility | None] = field(default_factory=dict)
    listed: bool | None = None
    base: int | None = None
    plan_level: Visibility = Visibility.NOBODY


@dataclass(frozen=True)
class Remove:
    """Remove a person and everything stored about them."""

    login: str


@dataclass(frozen=True)
class Rename:
    """Change a login. The old one is kept in `former`: it finds the person like an alias, and nobody else can take it."""

    login: str
    new: str


Edit = Create | Modify | Remove | Rename


@dataclass(frozen=True, slots=True)
class NameVisibilityFilter:
    """Whom an index may find: people whose own choice for the name lies between *lowest* and *highest*.

    UNSPECIFIED means that they chose nothing. *unlisted*: whether lists and full names also find people who are not
    listed.
    """

    lowest: int
    highest: int
    unlisted: bool = False


UNSPECIFIED = -1


class Source(Protocol):
    """A place where people are written down.

    *restricts*: whether it may hide what others show. *cache_ttl*: how long an answer is valid; None if the source
    reports every change itself.
    """

    name: str
    restricts: bool
    cache_ttl: timedelta | None

    async def get(self, login: str) -> PartialPerson | None:
        """Return the person with the canonical *login*; None only if there is none. Raises SourceDown."""

    def everyone(self) -> AsyncIterator[PartialPerson]:
        """Yield everybody, in any order."""


class Index(Protocol):
    """What people are found by besides their login. Everybody it finds is checked by what all sources say."""

    async def find_logins(self, name: str, levels: NameVisibilityFilter) -> Sequence[str]:
        """Return at most 200 logins of people with the folded *name*. Raises SourceDown.

        The name may be an alias, a former login, a full name or a last name.
        """

    async def page(self, after: str, limit: int, levels: NameVisibilityFilter) -> Sequence[str]:
        """Return at most *limit* logins after *after*, in order. Raises SourceDown."""

    async def logins_starting_with(self, beginning: str, limit: int, levels: NameVisibilityFilter) -> Sequence[str]:
        """Return at most *limit* logins with this beginning, in order. Raises SourceDown."""

    async def search(
        self, words: Sequence[str], after: int, limit: int, levels: NameVisibilityFilter
    ) -> Sequence[tuple[int, str]]:
        """Return at most *limit* people in whose login, full name and aliases each of *words* begins a word.

        The words are as search_terms.split_words makes them. Returns row number and login, by number, after *after*.
        Raises SourceDown.
        """


class RebuildableIndex(Index, Protocol):
    """The index of another source's people as of the last complete run of its indexer; empty before the first one."""

    async def begin(self) -> None:
        """Start a new run; people of an unfinished one are forgotten. Raises SourceDown."""

    async def add(self, people: Sequence[PartialPerson]) -> None:
        """Add people to the new run, each login once. Raises SourceDown."""

    async def finish(self) -> None:
        """Replace the index by the new run. Raises SourceDown."""

    def last(self, login: str) -> PartialPerson | None:
        """Return what the source said of *login* in the last complete run."""

    def stop(self) -> "Deferred[None]":
        """Forget everybody, once work under way is done."""


class Store(Source, Index, Protocol):
    """The gateway's own database: a source that can be searched and edited."""

    async def latest_plans(
        self, before: int, limit: int, levels: NameVisibilityFilter
    ) -> Sequence[tuple[int, str, Visibility]]:
        """Return the last *limit* plans before change number *before* (0: of all), the newest first. Raises SourceDown.

        Each is the number of the change, the login, and the plan's visibility when it was written.
        """

    async def last_seen_times(self) -> Mapping[str, datetime]:
        """Return when people were last seen, by login. Raises SourceDown."""

    async def save_last_seen(self, at: Mapping[str, datetime]) -> None:
        """Save when people were last seen. Raises SourceDown."""

    async def history(
        self, login: str, limit: int, highest: int = Visibility.NOBODY, before: datetime | None = None
    ) -> Sequence[PlanVersion]:
        """Return the last *limit* plans before *before* (None: of all), the newest first. Raises SourceDown.

        Only those with a level of at most *highest*.
        """

    async def save(self, edits: Sequence[Edit], by: Viewer, at: datetime) -> int:
        """Save all edits in one transaction, or none; return the newest version.

        Raises StaleEdit, NameTaken, NoSuchPerson, SourceDown.
        """

    async def last_change(self) -> int:
        """Return the number of the newest change. Raises SourceDown."""

    async def changes(self, after: int) -> Sequence[Change]:
        """Return what changed after number *after*, in order.

        Raises SourceDown; StoreReplaced once if that happened.
        """

    def watch(self, wake: Callable[[], Awaitable[None]]) -> None:
        """Await *wake* soon after anybody, here or elsewhere, may have changed something; again if it raised."""
