"""One deadline of a connection: arming it again replaces the one before."""

from collections.abc import Callable

from twisted.internet.interfaces import IDelayedCall, IReactorTime


class Deadline:
    """Calls a function after a time, unless it is disarmed or armed again. *clock* returns the reactor's clock."""

    def __init__(self, clock: Callable[[], IReactorTime]) -> None:
        self._clock = clock
        self._call: IDelayedCall | None = None

    def arm(self, seconds: float, expired: Callable[[], object]) -> None:
        """Call *expired* in *seconds*."""
        self.disarm()
        self._call = self._clock().callLater(seconds, expired)

    def disarm(self) -> None:
        if self._call is not None and self._call.active():
            self._call.cancel()
        self._call = None
