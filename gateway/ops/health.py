"""Would this gateway answer? What /readyz says, on the web side and beside the metrics. That it lives shows in its answering
at all.

A source that is down does not make a gateway unready: it still answers, and each of several would be taken out at once.
"""

from collections.abc import Sequence

import msgspec
from twisted.internet.interfaces import IReactorTime

from ..directory.interfaces import SourceDown, Store
from ..directory.service import DirectoryService
from . import messages

PATIENCE = 2.0  # seconds until a change that the directory has not read means that it does not follow


class Health:
    """Of *directory* on *store*."""

    def __init__(self, store: Store, directory: DirectoryService, clock: IReactorTime) -> None:
        self._store, self._directory, self._clock = store, directory, clock
        self._behind: tuple[int, float] | None = None  # a change that was not read, and since when

    async def troubles(self) -> Sequence[str]:
        """Why questions would not be answered; none where they would be."""
        if not self._directory.running:
            return (messages.STOPPING,)
        try:
            newest = await self._store.last_change()
        except SourceDown:
            return (messages.STORE,)
        return () if self._follows(newest) else (messages.BEHIND,)

    def _follows(self, newest: int) -> bool:
        read, now = self._directory.state().last_change, self._clock.seconds()
        if read >= newest:
            self._behind = None
            return True
        if self._behind is None or read >= self._behind[0]:
            self._behind = (newest, now)
        return now - self._behind[1] <= PATIENCE


class HealthReport(msgspec.Struct, frozen=True, omit_defaults=True):
    """What programs are told of it; *reasons* where something is amiss."""

    status: str
    reasons: tuple[str, ...] = ()


def lives(json: bool) -> bytes:
    """What /healthz says."""
    return msgspec.json.encode(HealthReport(messages.LIVES)) if json else f"{messages.LIVES}\n".encode()


def readiness(troubles: Sequence[str], json: bool) -> tuple[int, bytes]:
    """What /readyz says: the status code and the body."""
    code = 503 if troubles else 200
    if json:
        return code, msgspec.json.encode(HealthReport("not ready" if troubles else messages.READY, tuple(troubles)))
    return code, "".join(f"{line}\n" for line in troubles or (messages.READY,)).encode()
