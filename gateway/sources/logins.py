"""Who is logged in on this machine, from utmp (by psutil): terminal, origin, since when, last active when.

It reports to directory/presence.py and does not decide who may know.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from twisted.application.service import Service
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from ..directory.person import Login
from ..directory.presence import Presence

DEVICES = Path("/dev")
IDLE_RESOLUTION = 60  # seconds: finger shows idle times in minutes; finer times would invalidate caches more often


class LoginMonitor(Service):
    """Polls *list_logins* every so often and reports to *presence*."""

    def __init__(
        self,
        presence: Presence,
        every: timedelta,
        reactor: Any,
        list_logins: Callable[[], Mapping[str, Sequence[Login]]],
    ) -> None:
        self._presence, self._every, self._list_logins = presence, every.total_seconds(), list_logins
        self._polling = LoopingCall(self._poll)
        self._polling.clock = reactor
        self._warned = ""
        self._log = Logger()

    def startService(self) -> None:
        super().startService()
        self._polling.start(self._every)

    def stopService(self) -> None:
        super().stopService()
        if self._polling.running:
            self._polling.stop()

    def _poll(self) -> None:
        try:
            seen = self._list_logins()
        except OSError as error:
            if str(error) != self._warned:
                self._warned = str(error)
                self._log.warn("cannot read who is logged in: {error}", error=self._warned)
            return
        self._warned = ""
        self._presence.update("machine", seen)


def logged_in_users() -> dict[str, list[Login]]:
    """Return everybody who is logged in, by login name. Raises OSError."""
    import psutil

    found: dict[str, list[Login]] = {}
    for user in psutil.users():
        if user.pid is None or psutil.pid_exists(int(user.pid)):  # a crash leaves entries behind
            login = Login(
                terminal=_valid_text(user.terminal),
                origin=_valid_text(user.host),
                since=_to_datetime(user.started),
                active=_last_active(user.terminal),
            )
            found.setdefault(user.name, []).append(login)
    return found


def _valid_text(text: str | None) -> str:
    """Return *text* without lone surrogates, which stand for bytes that are not UTF-8 and which JSON cannot hold."""
    return (text or "").encode(errors="replace").decode()


def _last_active(terminal: str | None) -> datetime | None:
    """Return when somebody last typed there: that is when the terminal was last read."""
    if not terminal or ".." in terminal or terminal.startswith("/"):
        return None
    try:
        read = (DEVICES / terminal).stat().st_atime
    except (OSError, ValueError):
        return None
    return _to_datetime(read - read % IDLE_RESOLUTION)


def _to_datetime(seconds: float) -> datetime | None:
    """Return None for a time that no calendar has: users may set their terminal's time to anything."""
    try:
        return datetime.fromtimestamp(int(seconds), UTC)
    except (OSError, ValueError, OverflowError):
        return None
