"""Edits: checked, saved in one transaction, and visible everywhere before the editor gets the answer.

An edit that has begun ends, whether its client stays or not.
"""

from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar

from twisted.internet.defer import Deferred, DeferredList
from twisted.logger import Logger
from twisted.python.failure import Failure

from . import edit_checks
from .interfaces import Create, Edit, NameTaken, NoSuchPerson, Rename, SourceDown, StaleEdit, Store
from .queries import DirectoryQueries
from .results import (
    NOT_FOUND,
    UNAVAILABLE,
    Conflict,
    EditProblem,
    EditResult,
    Forbidden,
    Invalid,
    NotFound,
    Saved,
    Unavailable,
)
from .source_chain import SourceChain
from .viewers import Viewer

T = TypeVar("T")


class DirectoryEditing:
    """Saves edits to *store*. *catch_up* reads the changes that they make."""

    def __init__(
        self,
        store: Store,
        chain: SourceChain,
        queries: DirectoryQueries,
        catch_up: Callable[[], Awaitable[None]],
        now: Callable[[], datetime],
    ) -> None:
        self._store, self._chain, self._queries, self._catch_up, self._now = store, chain, queries, catch_up, now
        self._running: set[Deferred[Any]] = set()
        self._log = Logger()

    def when_idle(self) -> Deferred[Any]:
        """Return a Deferred that fires when every edit that has begun has ended."""
        return DeferredList([_shield(each) for each in self._running], consumeErrors=True)

    async def save(self, edits: Sequence[Edit], viewer: Viewer) -> EditResult:
        """Save all *edits* or none."""
        return await self._run(self._save(edits, viewer), "an edit failed after its client had gone")

    def save_last_seen(self, at: Mapping[str, datetime]) -> None:
        """Keep when people were last seen; a failure is logged."""
        saving = self._run(self._store.save_last_seen(at), "last-seen times were not saved")
        saving.addErrback(lambda failure: self._log.warn("last-seen times not saved: {why}", why=str(failure.value)))

    def _run(self, work: Coroutine[Any, Any, T], failed: str) -> "Deferred[T]":
        """Run *work* to its end even if nobody waits any more; then a failure is logged as *failed*."""
        running: Deferred[T] = Deferred.fromCoroutine(work)
        self._running.add(running)
        waiting = _shield(running)
        running.addBoth(self._end, running, failed)
        return waiting

    def _end(self, result: object, running: Deferred[Any], failed: str) -> None:
        self._running.discard(running)
        if isinstance(result, Failure):
            self._log.failure("{failed}", result, failed=failed)

    async def _save(self, edits: Sequence[Edit], viewer: Viewer) -> EditResult:
        try:
            checked: list[Edit] = []
            problems: list[EditProblem] = []
            for edit in edits:
                try:
                    result = await self._check(edit, viewer)
                except edit_checks.EditRejected as rejected:
                    problems.append(rejected.problem)
                    continue
                if isinstance(result, Forbidden | NotFound):
                    return result
                checked.append(result)
            if problems:
                return Invalid(tuple(problems))
            version = await self._store.save(checked, viewer, self._now())
        except NameTaken as taken:
            return Invalid((EditProblem(taken.login, taken.field, "", f"{taken.name!r} is already taken"),))
        except StaleEdit as stale:
            return await self._conflict(stale.login, viewer)
        except NoSuchPerson:
            return NOT_FOUND
        except SourceDown as down:
            self._log.warn("not saved: {why}", why=str(down))
            return UNAVAILABLE
        for edit in checked:
            self._queries.cache.drop(edit.login)
            if isinstance(edit, Rename):
                self._queries.cache.drop(edit.new)
        try:
            await self._catch_up()
        except SourceDown as down:
            self._log.warn("saved, but changes cannot be read: {why}", why=str(down))
        return Saved(version)

    async def _conflict(self, login: str, viewer: Viewer) -> Conflict | NotFound | Unavailable:
        """Return the person as stored now, instead of what the editor saw."""
        cache = self._queries.cache
        cache.drop(login)
        try:
            current = self._queries.make_profile(await cache.get(login), viewer)
        except SourceDown as down:
            self._log.warn("conflict not reported: {why}", why=str(down))
            return UNAVAILABLE
        return NOT_FOUND if current is None else Conflict(current)

    async def _check(self, edit: Edit, viewer: Viewer) -> Edit | Forbidden | NotFound:
        """Return *edit* as the store takes it, or why not. Raises edit_checks.EditRejected, SourceDown."""
        edit = edit_checks.canonicalize(edit)
        policy = self._queries.policy
        if isinstance(edit, Create):
            return edit_checks.check_create(edit, viewer, policy)
        entry = await self._queries.cache.get(edit.login)
        profile = self._queries.make_profile(entry, viewer)
        if entry.person is None or profile is None:
            return await self._chain.require_sources_up(NOT_FOUND)
        changed = edit_checks.check_change(edit, entry.person, profile.audience, viewer, policy)
        if (
            isinstance(changed, Rename)
            and changed.new != changed.login
            # Other sources restrict by login: a person who is hidden there would be visible under the new one.
            and (source := await self._chain.source_claiming(changed.login, changed.new))
        ):
            message = f"cannot be changed to {changed.new!r}: the source {source} knows one of the two logins"
            raise edit_checks.EditRejected(EditProblem(changed.login, "login", "", message))
        return changed


def _shield(running: "Deferred[T]") -> "Deferred[T]":
    """Return a Deferred that follows *running*; cancelling it does not cancel *running*."""
    waiting: Deferred[T] = Deferred(lambda _: None)

    def pass_on(result: Any) -> Any:
        if waiting.called:
            return result
        waiting.callback(result)
        return None

    running.addBoth(pass_on)
    return waiting
