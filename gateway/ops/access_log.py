"""One JSON object a line for each question and its answer, written in batches. No value of a person ever stands in one.

A file that cannot be written never stops an answer: what is lost is counted, and it is tried again after a while.
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

FLUSH_INTERVAL = 0.2  # seconds that a record may wait
RETRY_INTERVAL = 10.0  # seconds from one try to write to the next, where it went wrong
ROTATION_CHECK_INTERVAL = 600.0  # seconds between two looks whether a day is over, when nobody asks anything
MAX_WAITING_ENTRIES = 20_000
MOST_SHOWN = 4096  # addresses of which it is kept how they are shown
_WRITING = "records cannot be written, trying again"
_TURNING = "records of another day cannot be put aside or removed"
LoggedAddress = Literal["full", "truncated", "hash", "none"]


class AccessLogEntry(msgspec.Struct, frozen=True, omit_defaults=True):
    """*time* in UTC; *peer* who asked, as far as the settings let it be kept; *query* as typed, escaped; *ms*
    milliseconds; *reference* is what an asker was told to quote after an error."""

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
    """Writes to *file*, or to standard output where it is None; with *keep* a file a day, none of them for longer. *now* is
    the wall clock. *written* and *dropped* count records."""

    def __init__(
        self,
        file: Path | None,
        addresses: LoggedAddress,
        reactor: IReactorTime,
        keep: timedelta | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._file, self._addresses, self._reactor, self._now = file, addresses, reactor, now
        self._days = _days(file, keep)
        self._encoder = msgspec.json.Encoder()
        self._shown = lru_cache(MOST_SHOWN)(self._as_kept)
        self._salt = secrets.token_bytes(16)
        self._waiting = bytearray()
        self._rest = b""  # of a line that a full disk cut
        self._count = 0
        self._flushing: IDelayedCall | None = None
        self._descriptor: int | None = None
        self._troubles: set[str] = set()
        self._turning = LoopingCall(self._turn)
        self._turning.clock = reactor
        self.written = self.dropped = 0
        self._log = Logger()

    def startService(self) -> None:
        """Opens the file. Raises OSError."""
        self._descriptor = _opened(self._file)
        super().startService()
        self._watch_days()

    def prepare_reload(
        self, file: Path | None, addresses: LoggedAddress, retention: timedelta | None = None
    ) -> tuple[Callable[[], None], Callable[[], None]]:
        """Open *file*, and return two functions: one goes on writing there, the other closes it again.

        The file is opened anew even if its name is the same, because logrotate may have moved it away. Raises OSError.
        """
        descriptor = _opened(file)

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
        if self._rest and before is not None and not os.path.sameopenfile(before, descriptor):
            self._rest = b""
            self.dropped += 1
        if before is not None and self._file is not None:
            os.close(before)
        self._file, self._addresses, self._days = file, addresses, _days(file, retention)
        self._shown.cache_clear()
        self._watch_days()

    def stopService(self) -> None:
        super().stopService()
        if self._turning.running:
            self._turning.stop()
        if self._flushing is not None:
            self._flushing.cancel()
        self._flush()
        if self._descriptor is not None and self._file is not None:
            os.close(self._descriptor)
        self._descriptor = None

    def write(self, record: AccessLogEntry) -> None:
        """Takes *record*; it is in the file within FLUSH seconds."""
        if self._count >= MAX_WAITING_ENTRIES:
            self.dropped += 1
            return
        self._count += 1
        self._waiting += self._encoder.encode(record) + b"\n"
        if self._flushing is None:
            self._flushing = self._reactor.callLater(FLUSH_INTERVAL, self._flush)

    def peer(self, address: Address | None) -> str | None:
        """*address* as the settings let it stand in a record."""
        return None if address is None else self._shown(address)

    def _as_kept(self, address: Address) -> str | None:
        if self._addresses == "none":
            return None
        if self._addresses == "full":
            return str(address)
        if self._addresses == "truncated":
            return address.truncated()
        return hmac.digest(self._salt, address.packed, "sha256").hex()[:16]

    def _flush(self) -> None:
        self._flushing = None
        if self._descriptor is None or not (self._waiting or self._rest):
            return
        if _TURNING not in self._troubles:
            self._turn()
        batch = left = self._rest + self._waiting
        self._waiting.clear()
        self._count = 0
        try:
            while left:
                left = left[os.write(self._descriptor, left) :]
            self._rest = b""
            self.written += batch.count(b"\n")
            if self._healed(_WRITING):
                self._log.info("records are written again; {dropped} were lost so far", dropped=self.dropped)
        except OSError as error:
            self._failed(_WRITING, error)
            if self.running:
                self._flushing = self._reactor.callLater(RETRY_INTERVAL, self._flush)
            written = len(batch) - len(left)
            self.written += batch.count(b"\n", 0, written)
            cut = batch[written - 1 : written] != b"\n" if written else bool(self._rest)
            self._rest = left[: left.index(b"\n") + 1] if cut else b""
            self.dropped += left.count(b"\n") - cut

    def _turn(self) -> None:
        """Goes on in a new file where a day is over."""
        if self._days is None or self._file is None or self._descriptor is None:
            return
        try:
            if self._days.rotate(self._now()):
                before, self._descriptor = self._descriptor, _opened(self._file)
                os.close(before)
            self._healed(_TURNING)
        except OSError as error:
            self._failed(_TURNING, error)

    def _watch_days(self) -> None:
        if self._turning.running:
            self._turning.stop()
        if self._days is not None and self.running:
            self._turning.start(ROTATION_CHECK_INTERVAL)

    def _failed(self, trouble: str, error: OSError) -> None:
        """Said once, until it is well again."""
        if trouble not in self._troubles:
            self._troubles.add(trouble)
            self._log.error("{trouble}: {error}", trouble=trouble, error=str(error))

    def _healed(self, trouble: str) -> bool:
        """Was there that trouble until now?"""
        if trouble in self._troubles:
            self._troubles.discard(trouble)
            return True
        return False


def _days(file: Path | None, keep: timedelta | None) -> DailyRotation | None:
    return None if file is None or keep is None else DailyRotation(file, keep)


def _opened(file: Path | None) -> int:
    """The descriptor of *file*. Raises OSError."""
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
    """A record of now."""
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
