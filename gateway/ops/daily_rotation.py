"""A file of records a day, and none that is kept for too long: FILE is today's, FILE-2026-11-22 that of the day before.

It moves and removes files; what is written into them is records.py's. Days are UTC's, as the times in records are.
"""

import os
import re
import stat
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

_DAY = timedelta(days=1)


class DailyRotation:
    """The files of *file*. A day is removed when all of it is older than *keep*."""

    def __init__(self, file: Path, keep: timedelta) -> None:
        self._file, self._keep = Path(os.path.realpath(file)), keep  # a link that is put aside would leave the records
        self._day: date | None = None  # of what stands in the file; None: not known yet

    def rotate(self, now: datetime) -> bool:
        """Puts another day's file aside and removes what is too old. True where a new file has to be opened. Raises
        OSError."""
        if self._day is None:
            self._day = self._last_written() or now.date()
        elif self._day == now.date():
            return False
        turned = self._day < now.date()
        if turned:
            self._put_aside(self._day)
        self._day = now.date()
        for file, day in self._older():
            if now - datetime.combine(day, datetime.min.time(), UTC) - _DAY >= self._keep:
                file.unlink(missing_ok=True)
        return turned

    def _last_written(self) -> date | None:
        """The day of what stands in the file; None for one that is empty, not there, or no regular file."""
        try:
            status = self._file.stat()
        except FileNotFoundError:
            return None
        if not stat.S_ISREG(status.st_mode) or not status.st_size:
            return None
        return datetime.fromtimestamp(status.st_mtime, UTC).date()

    def _put_aside(self, day: date) -> None:
        if self._last_written() is None:
            return
        name = f"{self._file.name}-{day}"
        for number in range(2, 1000):  # a clock that went back, or somebody's own
            if not os.path.lexists(self._file.with_name(name)):
                break
            name = f"{self._file.name}-{day}.{number}"
        self._file.rename(self._file.with_name(name))

    def _older(self) -> Iterator[tuple[Path, date]]:
        ours = re.compile(re.escape(self._file.name) + r"-(\d{4}-\d\d-\d\d)(\.\d+)?")
        for each in tuple(self._file.parent.iterdir()):
            match = ours.fullmatch(each.name)
            if match is not None:
                try:
                    yield each, date.fromisoformat(match[1])
                except ValueError:
                    continue
