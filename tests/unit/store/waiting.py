"""Waiting for what the writer's thread calls back: for an event, with a deadline."""

from collections.abc import Coroutine
from threading import Event
from typing import Any

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure


def finished(awaited: "Coroutine[Any, Any, Any] | Deferred[Any]", seconds: float = 10.0) -> Any:
    """The result of *awaited*, or what it raises. The thread calls back into this test (house.TestClock)."""
    done, results = Event(), list[Any]()
    deferred = awaited if isinstance(awaited, Deferred) else Deferred.fromCoroutine(awaited)

    def end(result: Any) -> None:
        results.append(result)
        done.set()

    deferred.addBoth(end)
    assert done.wait(seconds), f"nothing came back in {seconds} seconds"
    if isinstance(results[0], Failure):
        results[0].raiseException()
    return results[0]
