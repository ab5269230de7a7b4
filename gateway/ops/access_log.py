"""The access log: one JSON object per line for each request, written in batches. It never holds a field of a person.

A file that cannot be written never delays an answer: entries that are lost are counted, and writing is tried again.
"""

import hmac
import os
import secrets
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import lru_cache, partial
from pathlib import Path
from typing import Literal

import msgspec
from twisted.application.service import Service
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from ..directory.addresses import Address
from ..text.sanitize import escape_controls
from .daily_rotation import DailyRotation

FLUSH_INTERVAL = 0.2  # seconds that an entry may wait in memory
RETRY_INTERVAL = 10.0  # seconds until writing is tried again after an error
ROTATION_CHECK_INTERVAL = 600.0  # seconds between two checks for a new day while no request comes
MAX_WAITING_ENTRIES = 20_000
MAX_REMEMBERED_ADDRESSES = 4096  # how many addresses' logged forms are cached
_CANNOT_WRITE = "the access log cannot be written, trying again"
_CANNOT_ROTATE = "the access log of another day cannot be renamed or removed"
LoggedAddress = Literal["full", "truncated", "hash", "none"]


class AccessLogEntry(msgspec.Struct, frozen=True, omit_defaults=True):
    """One line of the log.

    *time* is in UTC. *peer* is the client's address in the form that the settings allow. *query* is as typed, escaped.
    *ms* is the duration in milliseconds. *reference* is what the client was given to quote after an error.
    """

    time: datetime
    protocol: str
    peer: str | None
    login: str | None
    verb: str
    query: str
    outcome: str
    bytes: int
    ms: float
    reference: str | None = None


class AccessLog(Service):
    """Writes entries to *file*, or to standard output if it is None.

    With *retention* there is one file per day, removed when all of it is older. *now* is the wall clock. *written* and
    *dropped* count entries.
    """

    def __init__(
        self,
        file: Path | None,
        addresses: LoggedAddress,
        reactor: IReactorTime,
        retention: timedelta | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._file, self._addresses, self._reactor, self._now = file, addresses, reactor, now
        self._rotation = _make_rotation(file, retention)
        self._encoder = msgspec.json.Encoder()
        self._address_as_logged = lru_cache(MAX_REMEMBERED_ADDRESSES)(self._anonymize)
        self._salt = secrets.token_bytes(16)
        self._buffer = bytearray()
        self._partial_line = b""  # the end of a line that a full disk cut
        self._buffered_entries = 0
        self._flushing: IDelayedCall | None = None
        self._descriptor: int | None = None
        self._troubles: set[str] = set()
        self._rotation_check = LoopingCall(self._rotate_if_due)
        self._rotation_check.clock = reactor
        self.written = self.dropped = 0
        self._log = Logger()

    def startService(self) -> None:
        """Open the file. Raises OSError."""
        self._descriptor = _open_file(self._file)
        super().startService()
        self._schedule_rotation()

    def prepare_reload(
        self, file: Path | None, addresses: LoggedAddress, retention: timedelta | None = None
    ) -> tuple[Callable[[], None], Callable[[], None]]:
        """Open *file*, and return two functions: one goes on writing there, the other closes it again.

        The file is reopened even if its name is the same, because logrotate may have moved it away. Raises OSError.
        """
        descriptor = _open_file(file)

        def discard() -> None:
            if file is not None:
                os.close(descriptor)

        return partial(self._write_to, descriptor, file, addresses, retention), discard

    def _write_to(
        self, descriptor: int, file: Path | None, addresses: LoggedAddress, retention: timedelta | None
    ) -> None:
        if self._flushing is not None:
            self._flushing.cancel()
        self._flush()
        if self._flushing is not None:  # the flush failed: try again soon, in the new file
            self._flushing.reset(FLUSH_INTERVAL)
        before, self._descriptor = self._descriptor, descriptor
        if self._partial_line and before is not None and not os.path.sameopenfile(before, descriptor):
            self._partial_line = b""
            self.dropped += 1
        if before is not None and self._file is not None:
            os.close(before)
        self._file, self._addresses, self._rotation = file, addresses, _make_rotation(file, retention)
        self._address_as_logged.cache_clear()
        self._schedule_rotation()

    def stopService(self) -> None:
        super().stopService()
        if self._rotation_check.running:
            self._rotation_check.stop()
        if self._flushing is not None:
            self._flushing.cancel()
        self._flush()
        if self._descriptor is not None and self._file is not None:
            os.close(self._descriptor)
        self._descriptor = None

    def write(self, entry: AccessLogEntry) -> None:
        """Take an entry; it is in the file within FLUSH_INTERVAL seconds."""
        if self._buffered_entries >= MAX_WAITING_ENTRIES:
            self.dropped += 1
            return
        self._buffered_entries += 1
        self._buffer += self._encoder.encode(entry) + b"\n"
        if self._flushing is None:
            self._flushing = self._reactor.callLater(FLUSH_INTERVAL, self._flush)

    def peer(self, address: Address | None) -> str | None:
        """Return *address* in the form that the settings allow."""
        return None if address is None else self._address_as_logged(address)

    def _anonymize(self, address: Address) -> str | None:
        if self._addresses == "none":
            return None
        if self._addresses == "full":
            return str(address)
        if self._addresses == "truncated":
            return address.truncated()
        return hmac.digest(self._salt, address.packed, "sha256").hex()[:16]

    def _flush(self) -> None:
        self._flushing = None
        if self._descriptor is None or not (self._buffer or self._partial_line):
            return
        if _CANNOT_ROTATE not in self._troubles:
            self._rotate_if_due()
        batch = left = self._partial_line + self._buffer
        self._buffer.clear()
        self._buffered_entries = 0
        try:
            while left:
                left = left[os.write(self._descriptor, left) :]
            self._partial_line = b""
            self.written += batch.count(b"\n")
            if self._clear_trouble(_CANNOT_WRITE):
                self._log.info(
                    "the access log is written again; {dropped} entries were lost so far", dropped=self.dropped
                )
        except OSError as error:
            self._report_trouble(_CANNOT_WRITE, error)
            if self.running:
                self._flushing = self._reactor.callLater(RETRY_INTERVAL, self._flush)
            written = len(batch) - len(left)
            self.written += batch.count(b"\n", 0, written)
            cut = batch[written - 1 : written] != b"\n" if written else bool(self._partial_line)
            self._partial_line = left[: left.index(b"\n") + 1] if cut else b""
            self.dropped += left.count(b"\n") - cut

    def _rotate_if_due(self) -> None:
        """Start a new file if the day is over."""
        if self._rotation is None or self._file is None or self._descriptor is None:
            return
        try:
            if self._rotation.rotate(self._now()):
                before, self._descriptor = self._descriptor, _open_file(self._file)
                os.close(before)
            self._clear_trouble(_CANNOT_ROTATE)
        except OSError as error:
            self._report_trouble(_CANNOT_ROTATE, error)

    def _schedule_rotation(self) -> None:
        if self._rotation_check.running:
            self._rotation_check.stop()
        if self._rotation is not None and self.running:
            self._rotation_check.start(ROTATION_CHECK_INTERVAL)

    def _report_trouble(self, trouble: str, error: OSError) -> None:
        """Log a trouble once, until it is over."""
        if trouble not in self._troubles:
            self._troubles.add(trouble)
            self._log.error("{trouble}: {error}", trouble=trouble, error=str(error))

    def _clear_trouble(self, trouble: str) -> bool:
        """Return whether there was that trouble until now."""
        if trouble in self._troubles:
            self._troubles.discard(trouble)
            return True
        return False


def _make_rotation(file: Path | None, retention: timedelta | None) -> DailyRotation | None:
    return None if file is None or retention is None else DailyRotation(file, retention)


def _open_file(file: Path | None) -> int:
    """Return a descriptor to append to *file*. Raises OSError."""
    return 1 if file is None else os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)


def make_entry(
    protocol: str,
    verb: str,
    query: str,
    peer: str | None,
    login: str | None,
    outcome: str,
    size: int,
    ms: float,
    reference: str | None,
) -> AccessLogEntry:
    """Make an entry with the time of now."""
    return AccessLogEntry(
        datetime.now(UTC),
        protocol,
        peer,
        login,
        verb,
        escape_controls(query, 512),
        outcome,
        size,
        round(ms, 2),
        reference,
    )
