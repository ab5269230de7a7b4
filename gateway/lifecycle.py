"""The staged stop: each stage is awaited, with a timeout."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from twisted.internet.defer import CancelledError, Deferred, TimeoutError, maybeDeferred
from twisted.logger import Logger

HURRIED_STAGE_TIMEOUT = 0.1  # seconds that each stage gets after a second stop signal


@dataclass(frozen=True)
class Stage:
    """One step of a stop. *stop* returns a Deferred or None; the next stage begins when it fires, or after *seconds*."""

    name: str
    seconds: float
    stop: Callable[[], Any]


class StagedStop:
    """Runs the stages of a stop one after the other."""

    def __init__(self, reactor: Any) -> None:
        self._reactor = reactor
        self._log = Logger()
        self._waiting: Deferred[None] | None = None
        self._hurried = False

    async def run(self, stages: Sequence[Stage]) -> None:
        """Stop everything.

        A stage that fails is logged. One that takes too long is left alone: to cancel it would stop it half-way.
        """
        for stage in stages:
            await self._run_stage(stage)

    def hurry(self) -> None:
        """Give the stages that remain, and the one under way, hardly any time."""
        self._hurried = True
        if self._waiting is not None:
            self._waiting.cancel()

    async def _run_stage(self, stage: Stage) -> None:
        waiting: Deferred[None] = Deferred()
        self._waiting = waiting

        def end(_: object) -> None:
            if not waiting.called:
                waiting.callback(None)

        stopping = maybeDeferred(stage.stop)
        stopping.addErrback(lambda failure: self._log.failure("stopping {name} failed", failure, name=stage.name))
        stopping.addBoth(end)
        waiting.addTimeout(HURRIED_STAGE_TIMEOUT if self._hurried else stage.seconds, self._reactor)
        try:
            await waiting
        except (TimeoutError, CancelledError):
            self._log.warn("stopping {name} takes too long; going on without waiting", name=stage.name)
