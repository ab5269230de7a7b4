"""Who is on now, as those tell it who can see it: the machine's logins, the bot. Who may know is privacy.py's matter.

Each reporter tells all that it sees, under a name of its own; what differs from the last time is passed on.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from .names import canonical_login_or_none
from .person import Login


class Presence:
    """*changed* is told the login of each person of whom something is not as it was; *left* who is not on any more."""

    def __init__(self, changed: Callable[[str], None], left: Callable[[Sequence[str]], None]) -> None:
        self._changed, self._left = changed, left
        self._reports: dict[str, dict[str, tuple[Login, ...]]] = {}
        self._on: dict[str, tuple[Login, ...]] = {}
        self.last_seen: dict[str, datetime] = {}

    def update(self, where: str, on: Mapping[str, Sequence[Login]]) -> None:
        """All whom the reporter *where* sees now, by login."""
        now: dict[str, tuple[Login, ...]] = {}
        for name, logins in on.items():
            canonical = canonical_login_or_none(name)
            if canonical is not None and logins:
                now[canonical] = (*now.get(canonical, ()), *logins)
        before = self._reports.get(where, {})
        self._reports[where] = now
        changed = [login for login in before.keys() | now.keys() if before.get(login) != now.get(login)]
        gone = []
        for login in changed:
            together = tuple(each for report in self._reports.values() for each in report.get(login, ()))
            if together:
                self._on[login] = together
            else:
                del self._on[login]
                gone.append(login)
        if gone:
            self._left(gone)
        for login in changed:
            self._changed(login)

    def logins_of(self, login: str) -> tuple[Login, ...]:
        """Where *login* is on."""
        return self._on.get(login, ())

    def behind(self, after: str) -> list[str]:
        """The logins of all who are on, in order, from the first behind *after*."""
        return sorted(login for login in self._on if login > after)

    def forget(self, login: str) -> None:
        """*login* is nobody's any more."""
        self.last_seen.pop(login, None)
