"""Lists and searches of the directory service alone, timed: python -m tests.bench.lists DATABASE PEOPLE prints
milliseconds as JSON. growth.py runs it in a process of its own."""

import json
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import react

from gateway.directory.privacy import Policy
from gateway.directory.results import Listing, Page
from gateway.directory.service import DirectoryService
from gateway.directory.viewers import Viewers
from gateway.store.sqlite_store import SQLiteStore
from tests.bench import people
from tests.bench.measure import percentile

REPETITIONS = 100


async def measure_ms(ask: Callable[[int], Awaitable[Any]]) -> list[float]:
    took = []
    for number in range(REPETITIONS):
        began = time.perf_counter()
        answer = await ask(number)
        took.append((time.perf_counter() - began) * 1000)
        assert isinstance(answer, Listing)
    return took


async def main(reactor: Any, path: str, count: str) -> None:
    store = SQLiteStore(Path(path), reactor)
    directory = DirectoryService(store, [], Policy.preset(), reactor)
    store.startService()
    directory.startService()
    viewer = Viewers([], []).from_address("web", None)
    step = max(1, int(count) // REPETITIONS)
    ways: dict[str, Callable[[int], Awaitable[Any]]] = {
        "first page": lambda _: directory.list_people("", viewer, Page()),
        "search for a full name": lambda n: directory.list_people(people.full_name(n * step), viewer, Page()),
        "search for a word's beginning": lambda n: directory.list_people(
            people.full_name(n * step)[:3], viewer, Page()
        ),
        "search for nobody": lambda n: directory.list_people(f"zzz{n}", viewer, Page()),
    }
    figures = {}
    for name, ask in ways.items():
        took = await measure_ms(ask)
        figures[f"{name}, ms p50"] = f"{percentile(took, 0.5):.2f}"
        figures[f"{name}, ms p99"] = f"{percentile(took, 0.99):.2f}"
    await directory.stopService()
    await store.stopService()
    print(json.dumps(figures))


if __name__ == "__main__":
    react(lambda reactor: Deferred.fromCoroutine(main(reactor, *sys.argv[1:])))
