"""What the directory asks of those who keep people. Implemented in store/ and sources/, or by an operator's own class."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol

from twisted.internet.defer import Deferred

from .answers import PlanVersion
from .changes import Change
from .person import Partial, Visibility
from .viewers import Viewer


class SourceDown(Exception):
    """The source cannot answer now. Says why, for the log; never shown to an asker."""


class StoreReplaced(Exception):
    """The store keeps other people than before, by numbers of its own: nothing that was read of it holds."""


class StaleEdit(Exception):
    """An edit was based on a version that is no longer the newest. Nothing was changed."""

    def __init__(self, login: str) -> None:
        super().__init__(login)
        self.login = login


class NameTaken(Exception):
    """A login or alias that cannot be had, whoever has it or reserved it."""

    def __init__(self, login: str, name: str, field: str = "aliases") -> None:
        super().__init__(name)
        self.login, self.name, self.field = login, name, field


class NoSuchPerson(Exception):
    """An edit of somebody who is not there."""

    def __init__(self, login: str) -> None:
        super().__init__(login)
        self.login = login


@dataclass(frozen=True)
class Create:
    """A new person. *values* and *visibility* by field name, checked."""

    login: str
    values: Mapping[str, Any] = field(default_factory=dict)
    visibility: Mapping[str, Visibility] = field(default_factory=dict)
    listed: bool = True
    plan_level: Visibility = Visibility.NOBODY


@dataclass(frozen=True)
class Modify:
    """Other values for some fields; None in *visibility* takes the person's choice back. *base*: the version that the
    editor saw, None to change whatever stands there."""

    login: str
    values: Mapping[str, Any] = field(default_factory=dict)
    visibility: Mapping[str, Visibility | None] = field(default_factory=dict)
    listed: bool | None = None
    base: int | None = None
    plan_level: Visibility = Visibility.NOBODY


@dataclass(frozen=True)
class Remove:
    login: str


@dataclass(frozen=True)
class Rename:
    """Another login for somebody. The old one is kept in `former`, finds them as an alias does, and is nobody else's."""

    login: str
    new: str


Edit = Create | Modify | Remove | Rename


@dataclass(frozen=True, slots=True)
class NameVisibilityFilter:
    """Of whom an index tells: those whose own word on who may see their name lies between *lowest* and *highest* (UNSAID:
    they said nothing). *unlisted*: do lists and full names tell of those, too, who are not to be listed?"""

    lowest: int
    highest: int
    unlisted: bool = False


UNSPECIFIED = -1


class Source(Protocol):
    """A place where people are written down. *restricts*: may it hide what others show? *cache*: how long an answer
    holds; None where the source tells of every change itself."""

    name: str
    restricts: bool
    cache_ttl: timedelta | None

    async def get(self, login: str) -> Partial | None:
        """The person with the canonical *login*; None only where there is none. Raises SourceDown."""

    def everyone(self) -> AsyncIterator[Partial]:
        """All of them, in any order."""


class Index(Protocol):
    """What people are found by besides their login. Whoever it gives is judged by what all sources say of them."""

    async def find_logins(self, name: str, levels: NameVisibilityFilter) -> Sequence[str]:
        """Logins of those who have the folded *name* as alias, former login, full name or last name; at most 200. Raises
        SourceDown."""

    async def page(self, after: str, limit: int, levels: NameVisibilityFilter) -> Sequence[str]:
        """At most *limit* logins behind *after*, in order. Raises SourceDown."""

    async def logins_starting_with(self, beginning: str, limit: int, levels: NameVisibilityFilter) -> Sequence[str]:
        """At most *limit* logins that begin so, in order. Raises SourceDown."""

    async def search(
        self, words: Sequence[str], after: int, limit: int, levels: NameVisibilityFilter
    ) -> Sequence[tuple[int, str]]:
        """At most *limit* people in whose login, full name and aliases words begin with each of *words* (as
        searching.words cuts and folds them): row number and login, by number, behind *after*. Raises SourceDown."""


class RebuildableIndex(Index, Protocol):
    """The index of another source's people, as the last whole sweep found them; empty before the first one."""

    async def begin(self) -> None:
        """A new sweep; what was added to an unfinished one is forgotten. Raises SourceDown."""

    async def add(self, people: Sequence[Partial]) -> None:
        """Takes *people*, each login once, into the new sweep. Raises SourceDown."""

    async def finish(self) -> None:
        """From now on those of the new sweep are found, and nobody else. Raises SourceDown."""

    def last(self, login: str) -> Partial | None:
        """What the source said of *login* in the last whole sweep."""

    def stop(self) -> "Deferred[None]":
        """Forgets everybody, once what was begun is done."""


class Store(Source, Index, Protocol):
    """The gateway's own database: a source that can be searched and edited."""

    async def latest_plans(
        self, before: int, limit: int, levels: NameVisibilityFilter
    ) -> Sequence[tuple[int, str, Visibility]]:
        """The last *limit* plans before change number *before* (0: of all), the newest first: number of the change, login,
        and how far the plan could go when it was written. Raises SourceDown."""

    async def last_seen_times(self) -> Mapping[str, datetime]:
        """When people were last seen, by login. Raises SourceDown."""

    async def save_last_seen(self, at: Mapping[str, datetime]) -> None:
        """Keeps when people were last seen. Raises SourceDown."""

    async def history(
        self, login: str, limit: int, highest: int = Visibility.NOBODY, before: datetime | None = None
    ) -> Sequence[PlanVersion]:
        """The last *limit* plans before *before* (None: of all) whose level is at most *highest*, the newest first. Raises
        SourceDown."""

    async def save(self, edits: Sequence[Edit], by: Viewer, at: datetime) -> int:
        """All edits in one transaction, or none. Gives the newest version. Raises Stale, Taken, Missing, SourceDown."""

    async def last_change(self) -> int:
        """The number of the newest change. Raises SourceDown."""

    async def changes(self, after: int) -> Sequence[Change]:
        """What changed behind number *after*, in order. Raises SourceDown; Replaced once, where that happened."""

    def watch(self, wake: Callable[[], Awaitable[None]]) -> None:
        """*wake* is awaited soon after anybody, here or elsewhere, may have changed something; again where it raised."""
