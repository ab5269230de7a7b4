"""Turns between pipelined requests, so that one client with many does not hold up the others.

A few requests of a connection are answered in one turn of the reactor, then other connections have theirs. While the
client does not read its answers, no further request of it is answered.
"""

from collections.abc import Callable
from typing import Any

from ...net.cooperative_queue import CooperativeQueue

PIPELINED_AT_ONCE = 4  # requests that are answered in one turn of the reactor, if they cost little


class Pipeline:
    """Decides when the requests behind the one that was just answered are taken up.

    *resume* is called in a later turn with the request that was held.
    """

    def __init__(self, queue: CooperativeQueue, resume: Callable[[Any], None]) -> None:
        self._queue, self._resume = queue, resume
        self.held: Any = None  # the answered request behind which the others wait
        self.blocked = False  # the client does not read its answers
        self._answered = 0  # in this turn
        self._turn_began = 0.0
        self._queued = False

    def begin_turn(self) -> None:
        """Note that the connection begins to work in this turn of the reactor."""
        self._answered, self._turn_began = 0, self._queue.now()

    def ends_turn(self) -> bool:
        """Count an answered request; return whether the next one has to wait."""
        self._answered += 1
        return self.blocked or self._answered >= PIPELINED_AT_ONCE or self._queue.used_up_turn(self._turn_began)

    def hold(self, request: Any) -> None:
        """Let the requests behind *request* wait for a later turn."""
        self.held = request
        self._schedule()

    def block(self) -> None:
        """Wait until unblock(): the client does not read."""
        self.blocked = True

    def unblock(self) -> None:
        self.blocked = False
        self._schedule()

    def release(self) -> Any:
        """Return the held request, which is held no longer; None without one."""
        request, self.held = self.held, None
        return request

    def _schedule(self) -> None:
        if self.held is not None and not self.blocked and not self._queued:
            self._queued = True
            self._queue.call_later(self._continue)

    def _continue(self) -> None:
        self._queued = False
        request = self.release()
        if request is not None:  # else the connection is gone
            self.begin_turn()
            self._resume(request)
