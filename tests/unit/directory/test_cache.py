"""PersonCache keeps nothing that was fetched before a change."""

from collections.abc import Callable

import pytest
from twisted.internet.defer import Deferred

from gateway.directory.cache import CachedPerson, PersonCache


class Fetches:
    """A fetch function whose results the test provides."""

    def __init__(self) -> None:
        self.pending: list[Deferred[CachedPerson]] = []

    async def __call__(self, login: str) -> CachedPerson:
        result: Deferred[CachedPerson] = Deferred()
        self.pending.append(result)
        return await result


def entry() -> CachedPerson:
    return CachedPerson(None, None)


FORGET: dict[str, Callable[[PersonCache], None]] = {
    "drop": lambda cache: cache.drop("alice"),
    "clear": lambda cache: cache.clear(),
}


@pytest.mark.parametrize("forget", FORGET.values(), ids=FORGET)
def test_a_fetch_from_before_a_change_is_neither_joined_nor_cached(forget: Callable[[PersonCache], None]) -> None:
    fetches, old, new = Fetches(), entry(), entry()
    cache = PersonCache(fetches, lambda: 0.0, 10)
    before = Deferred.fromCoroutine(cache.get("alice"))
    forget(cache)
    after = Deferred.fromCoroutine(cache.get("alice"))
    assert len(fetches.pending) == 2
    fetches.pending[1].callback(new)
    fetches.pending[0].callback(old)  # the old fetch finishes last
    assert before.result is old  # a request before the change may get the old value
    assert after.result is new
    assert cache.peek("alice") is new


def test_clear_removes_all_entries() -> None:
    fetches = Fetches()
    cache = PersonCache(fetches, lambda: 0.0, 10)
    for login in ("alice", "bob"):
        Deferred.fromCoroutine(cache.get(login))
        fetches.pending[-1].callback(entry())
    assert len(cache) == 2
    cache.clear()
    assert (len(cache), cache.peek("alice"), cache.peek("bob")) == (0, None, None)


def test_concurrent_lookups_share_one_fetch() -> None:
    fetches, found = Fetches(), entry()
    cache = PersonCache(fetches, lambda: 0.0, 10)
    waiting = [Deferred.fromCoroutine(cache.get("alice")) for _ in range(3)]
    waiting[1].cancel()  # a disconnected client does not cancel the others
    waiting[1].addErrback(lambda _: None)
    fetches.pending[0].callback(found)
    assert len(fetches.pending) == 1
    assert (waiting[0].result, waiting[2].result) == (found, found)
