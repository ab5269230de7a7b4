"""One reply about many people, for all who ask: made once, and kept as long as nothing has changed."""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from ..dependencies import ProtocolDependencies
from ..directory.privacy import Policy
from ..ops.request_tracker import Outcome
from .http.reply import Reply

AGE = 60.0  # seconds that a reply is kept: what is revealed may change by time alone
OF_SOURCES = 1.0  # the same where other places have people, which tell of no change

Answered = tuple[Reply, Outcome]


@dataclass(eq=False)
class _Made:
    """What stands under one state of the directory; *waiting* while it is being made."""

    deps: ProtocolDependencies
    policy: Policy
    change: int
    begun: float
    answered: Answered | None = None
    waiting: list[Deferred[Answered]] = field(default_factory=list)


class SharedReply:
    """A reply that only what everyone may see decides. Askers who come while it is being made wait for the same one,
    unless something has changed since it was begun; each waits on a Deferred of its own and may leave."""

    def __init__(self) -> None:
        self._made: _Made | None = None
        self._log = Logger(namespace="gateway.web")

    async def get(self, deps: ProtocolDependencies, make: Callable[[], Coroutine[Any, Any, Answered]]) -> Answered:
        """What *make* tells of *house*. Only a good answer (200) is kept. Raises what *make* raises."""
        made = self._made if self._made is not None and self._holds(self._made, deps) else None
        if made is not None and made.answered is not None:
            return made.answered
        begins = made is None
        if made is None:
            directory = deps.directory
            made = self._made = _Made(deps, directory.policy, directory.last_change, deps.reactor.seconds())
        mine: Deferred[Answered] = Deferred(made.waiting.remove)
        made.waiting.append(mine)
        if begins:
            Deferred.fromCoroutine(make()).addBoth(self._done, made)
        return await mine

    def _holds(self, made: _Made, deps: ProtocolDependencies) -> bool:
        directory = deps.directory
        age = deps.reactor.seconds() - made.begun
        return (
            made.deps is deps
            and made.policy is directory.policy
            and made.change == directory.last_change
            and 0 <= age < (OF_SOURCES if directory.sources else AGE)
        )

    def _done(self, result: Answered | Failure, made: _Made) -> None:
        if (isinstance(result, Failure) or result[0].code != 200) and self._made is made:
            self._made = None
        if not isinstance(result, Failure):
            made.answered = result
        waiting, made.waiting = made.waiting, []
        if isinstance(result, Failure) and not waiting:
            self._log.failure("nobody waits any more for what could not be made", result)
        for each in waiting:
            if not each.called:  # one who was told just now may have taken others along
                each.callback(result)  # a Failure makes it an errback
