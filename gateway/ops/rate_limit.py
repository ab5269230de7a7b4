"""The limit on requests per client. It only counts; each protocol writes its own refusal."""

from collections.abc import Callable, Hashable


class RateLimit:
    """The generic cell rate algorithm (ITU-T I.371 annex A).

    *count* requests may come at once; then they refill evenly within *over* seconds. Memory is bounded by two generations
    of at most *max_keys* keys; the older one is dropped as a whole.
    """

    def __init__(self, count: int, now: Callable[[], float], max_keys: int = 100_000, over: float = 60.0) -> None:
        self._over = over
        self.set_limit(count)
        self._now, self._max_keys = now, max_keys
        self._recent: dict[Hashable, float] = {}
        self._previous: dict[Hashable, float] = {}

    def set_limit(self, count: int) -> None:
        """Change the limit. Earlier requests still count."""
        self._interval = self._over / count
        self._burst = self._over - self._interval

    def retry_after(self, key: Hashable) -> float:
        """Count one request of *key*. Return 0.0 if it may be answered, else the seconds until one may."""
        now = self._now()
        due = self._recent.get(key)
        if due is None:
            due = self._previous.get(key, now)
            if len(self._recent) >= self._max_keys:
                self._previous, self._recent = self._recent, {}
        due = max(due, now)
        if due - now > self._burst + 1e-9:
            self._recent[key] = due  # a client that goes on asking stays in memory
            return due - now - self._burst
        self._recent[key] = due + self._interval
        return 0.0
