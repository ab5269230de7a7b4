"""Who is online, as reported by login monitors. Who may know is decided by privacy.py.

Each reporter reports everything that it sees, under a name of its own; only differences are passed on.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from .names import canonical_login_or_none
from .person import Login


class Presence:
    """Merges the reports. *changed* is called with each login whose presence changed, *left* with those who went offline."""

    def __init__(self, changed: Callable[[str], None], left: Callable[[Sequence[str]], None]) -> None:
        self._on_changed, self._on_left = changed, left
        self._reports: dict[str, dict[str, tuple[Login, ...]]] = {}
        self._online: dict[str, tuple[Login, ...]] = {}
        self.last_seen: dict[str, datetime] = {}

    def update(self, reporter: str, online: Mapping[str, Sequence[Login]]) -> None:
        """Take everything that *reporter* sees now, by login."""
        now: dict[str, tuple[Login, ...]] = {}
        for name, logins in online.items():
            canonical = canonical_login_or_none(name)
            if canonical is not None and logins:
                now[canonical] = (*now.get(canonical, ()), *logins)
        before = self._reports.get(reporter, {})
        self._reports[reporter] = now
        changed = [login for login in before.keys() | now.keys() if before.get(login) != now.get(login)]
        gone = []
        for login in changed:
            together = tuple(each for report in self._reports.values() for each in report.get(login, ()))
            if together:
                self._online[login] = together
            else:
                del self._online[login]
                gone.append(login)
        if gone:
            self._on_left(gone)
        for login in changed:
            self._on_changed(login)

    def logins_of(self, login: str) -> tuple[Login, ...]:
        """Return where *login* is online."""
        return self._online.get(login, ())

    def logins_after(self, after: str) -> list[str]:
        """Return the logins of everybody online, in order, from the first after *after*."""
        return sorted(login for login in self._online if login > after)

    def forget(self, login: str) -> None:
        """Forget *login*, whose person was removed."""
        self.last_seen.pop(login, None)
