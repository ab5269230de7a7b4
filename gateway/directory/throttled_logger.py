"""A logger that does not repeat itself: a source that is down is asked by many clients."""

import time
from collections.abc import Callable
from typing import Any

from twisted.logger import Logger


class ThrottledLogger:
    """Logs one warning for each key in *interval* seconds of the monotonic clock *now*."""

    def __init__(self, logger: Logger, interval: float, now: Callable[[], float] = time.monotonic) -> None:
        self._logger, self._interval, self._now = logger, interval, now
        self._logged_at: dict[str, float] = {}

    def warn(self, key: str, format: str, **fields: Any) -> bool:
        """Log a warning unless one with this *key* was logged just now; return whether it was logged."""
        now = self._now()
        if now - self._logged_at.get(key, -self._interval) < self._interval:
            return False
        self._logged_at[key] = now
        self._logger.warn(format, **fields)
        return True
