"""Wait, with a deadline, for a result that comes from a thread of the store."""

from collections.abc import Coroutine
from threading import Event
from typing import Any

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure


def wait_for(awaited: "Coroutine[Any, Any, Any] | Deferred[Any]", seconds: float = 10.0) -> Any:
    """Return the result of *awaited*, or raise its exception.

    ReactorClock.callFromThread calls back in the thread of the store, so no reactor has to run.
    """
    done, results = Event(), list[Any]()
    deferred = awaited if isinstance(awaited, Deferred) else Deferred.fromCoroutine(awaited)

    def end(result: Any) -> None:
        results.append(result)
        done.set()

    deferred.addBoth(end)
    assert done.wait(seconds), f"no result within {seconds} seconds"
    if isinstance(results[0], Failure):
        results[0].raiseException()
    return results[0]
