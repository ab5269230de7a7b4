"""The limit on requests per client. It only counts; each protocol writes its own refusal."""

from collections.abc import Callable, Hashable


class RateLimit:
    """The generic cell rate algorithm (ITU-T I.371 annex A): *count* questions may come at once, then they refill
    evenly *over* so many seconds. Memory is two generations of at most *most* keys; the older one is forgotten as a
    whole."""

    def __init__(self, count: int, now: Callable[[], float], most: int = 100_000, over: float = 60.0) -> None:
        self._over = over
        self.set_limit(count)
        self._now, self._most = now, most
        self._young: dict[Hashable, float] = {}
        self._old: dict[Hashable, float] = {}

    def set_limit(self, count: int) -> None:
        """Another limit from now on; what was asked so far still counts."""
        self._interval = self._over / count
        self._burst = self._over - self._interval

    def retry_after(self, key: Hashable) -> float:
        """Counts one question of *key*: 0.0 where it may be answered, else seconds until one may."""
        now = self._now()
        due = self._young.get(key)
        if due is None:
            due = self._old.get(key, now)
            if len(self._young) >= self._most:
                self._old, self._young = self._young, {}
        due = max(due, now)
        if due - now > self._burst + 1e-9:
            self._young[key] = due  # who goes on asking is not forgotten
            return due - now - self._burst
        self._young[key] = due + self._interval
        return 0.0
