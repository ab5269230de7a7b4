"""Follow the store's stream of changes: the directory's own edits, the command's and those of other processes alike."""

from collections.abc import Callable

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from .cache import PersonCache
from .changes import Change
from .interfaces import SourceDown, Store, StoreReplaced
from .presence import Presence


class ChangeFollower:
    """Drops from *cache* what has changed, and calls the listeners. *last_change* numbers the newest change that was read."""

    def __init__(self, store: Store, cache: PersonCache, presence: Presence) -> None:
        self._store, self._cache, self._presence = store, cache, presence
        self._listeners: list[Callable[[Change], None]] = []
        self._log = Logger()
        self.last_change = 0

    def start(self) -> None:
        """Begin with the newest change there is."""
        self._store.watch(self.catch_up)
        Deferred.fromCoroutine(self._begin()).addErrback(self._report_failure)

    def subscribe(self, listener: Callable[[Change], None]) -> Callable[[], None]:
        """Call *listener* for every change, after the cache has dropped it; return a function that ends that.

        What a listener raises is logged.
        """
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    async def catch_up(self) -> None:
        """Read what changed since the last time. Raises SourceDown."""
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
                self._presence.forget(change.login)
            elif "former" in change.fields:  # renamed: the last-seen time was moved to the new login
                self._presence.last_seen = {**await self._store.last_seen_times(), **self._presence.last_seen}
            for listener in tuple(self._listeners):
                try:
                    listener(change)
                except Exception:
                    self._log.failure("a listener failed on change {n}", n=change.n)

    async def _begin(self) -> None:
        self.last_change = await self._store.last_change()
        self._presence.last_seen = dict(await self._store.last_seen_times())

    def _report_failure(self, failure: Failure) -> None:
        failure.trap(SourceDown)
        self._log.warn("changes cannot be read: {why}", why=str(failure.value))
