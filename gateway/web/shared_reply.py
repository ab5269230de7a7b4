"""One reply about many people, the same for everyone: made once, and kept as long as nothing has changed."""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from ..dependencies import ProtocolDependencies
from ..directory.privacy import Policy
from .http.reply import Reply

MAX_AGE = 60.0  # seconds that a reply is kept: what is public may change by time alone
MAX_AGE_WITH_SOURCES = 1.0  # seconds if other sources have people, since those report no changes


@dataclass(eq=False)
class _SharedResult:
    """A reply made from one state of the directory; *waiting* are the clients while it is being made."""

    deps: ProtocolDependencies
    policy: Policy
    change: int
    started: float
    reply: Reply | None = None
    waiting: list[Deferred[Reply]] = field(default_factory=list)


class SharedReply:
    """A reply that depends only on what everyone may see.

    Clients that come while it is being made wait for it, unless something has changed since it was started; each waits on a
    Deferred of its own and may be cancelled.
    """

    def __init__(self) -> None:
        self._result: _SharedResult | None = None
        self._log = Logger(namespace="gateway.web")

    async def get(self, deps: ProtocolDependencies, make: Callable[[], Coroutine[Any, Any, Reply]]) -> Reply:
        """Return the kept reply, or the one that *make* makes. Only a reply with 200 is kept. Raises what *make* raises."""
        result = self._result if self._result is not None and self._is_current(self._result, deps) else None
        if result is not None and result.reply is not None:
            return result.reply
        must_make = result is None
        if result is None:
            directory = deps.directory
            result = _SharedResult(deps, directory.policy, directory.last_change, deps.reactor.seconds())
            self._result = result
        mine: Deferred[Reply] = Deferred(result.waiting.remove)
        result.waiting.append(mine)
        if must_make:
            Deferred.fromCoroutine(make()).addBoth(self._deliver, result)
        return await mine

    def _is_current(self, result: _SharedResult, deps: ProtocolDependencies) -> bool:
        directory = deps.directory
        age = deps.reactor.seconds() - result.started
        return (
            result.deps is deps
            and result.policy is directory.policy
            and result.change == directory.last_change
            and 0 <= age < (MAX_AGE_WITH_SOURCES if directory.sources else MAX_AGE)
        )

    def _deliver(self, made: Reply | Failure, result: _SharedResult) -> None:
        if (isinstance(made, Failure) or made.code != 200) and self._result is result:
            self._result = None
        if not isinstance(made, Failure):
            result.reply = made
        waiting, result.waiting = result.waiting, []
        if isinstance(made, Failure) and not waiting:
            self._log.failure("a reply that no client waits for any more could not be made", made)
        for each in waiting:
            if not each.called:  # a callback may have cancelled other waiters
                each.callback(made)  # a Failure calls the errbacks
