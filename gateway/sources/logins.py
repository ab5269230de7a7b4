"""Who is logged in on this machine, as utmp has it (by psutil): the terminal, where from, since when, active last when.

It tells presence.py and says nothing of who may know.
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
MINUTE = 60  # seconds: finger tells idle times in minutes, and what changes more often is asked for more often


class Logins(Service):
    """Looks *every* so often, and tells *presence*. *seen* gives who is there."""

    def __init__(
        self, presence: Presence, every: timedelta, reactor: Any, seen: Callable[[], Mapping[str, Sequence[Login]]]
    ) -> None:
        self._presence, self._every, self._seen = presence, every.total_seconds(), seen
        self._looking = LoopingCall(self._look)
        self._looking.clock = reactor
        self._warned = ""
        self._log = Logger()

    def startService(self) -> None:
        super().startService()
        self._looking.start(self._every)

    def stopService(self) -> None:
        super().stopService()
        if self._looking.running:
            self._looking.stop()

    def _look(self) -> None:
        try:
            seen = self._seen()
        except OSError as error:
            if str(error) != self._warned:
                self._warned = str(error)
                self._log.warn("who is logged in cannot be seen: {error}", error=self._warned)
            return
        self._warned = ""
        self._presence.update("machine", seen)


def of_this_machine() -> dict[str, list[Login]]:
    """Everybody who is logged in, by login name. Raises OSError."""
    import psutil

    found: dict[str, list[Login]] = {}
    for user in psutil.users():
        if user.pid is None or psutil.pid_exists(int(user.pid)):  # a crash leaves entries behind
            login = Login(
                terminal=_text(user.terminal),
                origin=_text(user.host),
                since=_time(user.started),
                active=_active(user.terminal),
            )
            found.setdefault(user.name, []).append(login)
    return found


def _text(text: str | None) -> str:
    """*text* without the halves of characters that stand for octets which are no UTF-8: JSON has none."""
    return (text or "").encode(errors="replace").decode()


def _active(terminal: str | None) -> datetime | None:
    """When somebody last typed there: the terminal was read then."""
    if not terminal or ".." in terminal or terminal.startswith("/"):
        return None
    try:
        read = (DEVICES / terminal).stat().st_atime
    except (OSError, ValueError):
        return None
    return _time(read - read % MINUTE)


def _time(seconds: float) -> datetime | None:
    """None for a time that no calendar has: whoever is logged in may set that of their terminal to any."""
    try:
        return datetime.fromtimestamp(int(seconds), UTC)
    except (OSError, ValueError, OverflowError):
        return None
