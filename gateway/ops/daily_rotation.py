"""One log file a day, removed after a while: FILE is today's, FILE-2026-11-22 an older one.

Files are renamed and removed here; access_log.py writes them. Days are UTC days, like the times in the log.
"""

import os
import re
import stat
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

_DAY = timedelta(days=1)


class DailyRotation:
    """Rotates *file*. A day's file is removed when all of it is older than *retention*."""

    def __init__(self, file: Path, retention: timedelta) -> None:
        self._file, self._retention = (
            Path(os.path.realpath(file)),
            retention,
        )  # to rename a link would leave the log where it is
        self._day_of_file: date | None = None  # None: not known yet

    def rotate(self, now: datetime) -> bool:
        """Rename the file of another day and remove what is too old; return whether a new file has to be opened.

        Raises OSError.
        """
        if self._day_of_file is None:
            self._day_of_file = self._last_day_written() or now.date()
        elif self._day_of_file == now.date():
            return False
        rotated = self._day_of_file < now.date()
        if rotated:
            self._rename_file(self._day_of_file)
        self._day_of_file = now.date()
        for file, day in self._rotated_files():
            if now - datetime.combine(day, datetime.min.time(), UTC) - _DAY >= self._retention:
                file.unlink(missing_ok=True)
        return rotated

    def _last_day_written(self) -> date | None:
        """Return the day on which the file was last written; None if it is empty, missing or no regular file."""
        try:
            status = self._file.stat()
        except FileNotFoundError:
            return None
        if not stat.S_ISREG(status.st_mode) or not status.st_size:
            return None
        return datetime.fromtimestamp(status.st_mtime, UTC).date()

    def _rename_file(self, day: date) -> None:
        if self._last_day_written() is None:
            return
        name = f"{self._file.name}-{day}"
        for number in range(2, 1000):  # the clock was set back, or the file is somebody else's
            if not os.path.lexists(self._file.with_name(name)):
                break
            name = f"{self._file.name}-{day}.{number}"
        self._file.rename(self._file.with_name(name))

    def _rotated_files(self) -> Iterator[tuple[Path, date]]:
        ours = re.compile(re.escape(self._file.name) + r"-(\d{4}-\d\d-\d\d)(\.\d+)?")
        for each in tuple(self._file.parent.iterdir()):
            match = ours.fullmatch(each.name)
            if match is not None:
                try:
                    yield each, date.fromisoformat(match[1])
                except ValueError:
                    continue
