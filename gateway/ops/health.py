"""Health checks: /healthz (the process answers) and /readyz (it would answer requests), on the web and beside the metrics.

A source that is down does not make a gateway unready: it still answers, and a load balancer would take out every gateway
at once.
"""

from collections.abc import Sequence

import msgspec
from twisted.internet.interfaces import IReactorTime

from ..directory.interfaces import SourceDown, Store
from ..directory.service import DirectoryService
from . import messages

MAX_CHANGE_DELAY = 2.0  # seconds after which a change that the directory has not read is a problem


class Health:
    """Checks *directory* and *store*."""

    def __init__(self, store: Store, directory: DirectoryService, clock: IReactorTime) -> None:
        self._store, self._directory, self._clock = store, directory, clock
        self._unread_change: tuple[int, float] | None = None  # its number, and since when it is unread

    async def find_problems(self) -> Sequence[str]:
        """List why requests would not be answered; empty if they would be."""
        if not self._directory.running:
            return (messages.STOPPING,)
        try:
            newest = await self._store.last_change()
        except SourceDown:
            return (messages.STORE_UNREADABLE,)
        return () if self._is_up_to_date(newest) else (messages.CHANGES_NOT_FOLLOWED,)

    def _is_up_to_date(self, newest: int) -> bool:
        read, now = self._directory.state().last_change, self._clock.seconds()
        if read >= newest:
            self._unread_change = None
            return True
        if self._unread_change is None or read >= self._unread_change[0]:
            self._unread_change = (newest, now)
        return now - self._unread_change[1] <= MAX_CHANGE_DELAY


class HealthReport(msgspec.Struct, frozen=True, omit_defaults=True):
    """The JSON body of a health check; *reasons* only if there is a problem."""

    status: str
    reasons: tuple[str, ...] = ()


def liveness_body(json: bool) -> bytes:
    """Return the body of /healthz."""
    return msgspec.json.encode(HealthReport(messages.ALIVE)) if json else f"{messages.ALIVE}\n".encode()


def readiness_response(problems: Sequence[str], json: bool) -> tuple[int, bytes]:
    """Return status code and body of /readyz."""
    code = 503 if problems else 200
    if json:
        return code, msgspec.json.encode(HealthReport("not ready" if problems else messages.READY, tuple(problems)))
    return code, "".join(f"{line}\n" for line in problems or (messages.READY,)).encode()
