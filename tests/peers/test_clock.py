"""The system clock jumps forwards and back by an hour while the gateway runs (libfaketime)."""

import os
import socket
import time
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from tests.peers.gateway_process import COMMAND, DEADLINE, Installation, make_installation, run_gateway, wait_until

(LIBRARY,) = Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1")

others = (f"127.0.1.{number}" for number in count(1))
BUSY = "127.0.0.9"
TIMEOUT = 2.0  # seconds


class FakeClock:
    """The gateway's wall clock, as an offset from the real one."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self.set_offset(0)

    def set_offset(self, hours: float) -> None:
        """Set the offset. The file is replaced atomically, since each look at the clock reads it."""
        new = self._file.with_suffix(".new")
        new.write_text(f"{hours * 3600:+.0f}\n")
        new.rename(self._file)

    @property
    def environment(self) -> dict[str, str]:
        """The environment for a child. Its monotonic clock stays real, as the kernel's does."""
        return {
            "LD_PRELOAD": str(LIBRARY),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }


def query_from(installation: Installation, query: str, source: str = "") -> str:
    """Return the answer to *query* from *source*; by default from an address that was not used before."""
    source = source or next(others)
    with socket.create_connection(("127.0.0.1", installation.finger_port), DEADLINE, (source, 0)) as client:
        client.sendall(query.encode() + b"\r\n")
        return read_rest(client)


def read_rest(connection: socket.socket) -> str:
    return b"".join(iter(lambda: connection.recv(65536), b"")).decode()


def is_rate_limited(installation: Installation) -> bool:
    """Is a client over its rate limit told to wait, for about a minute and not for an hour?"""
    reply = query_from(installation, "bob", BUSY).removesuffix("\r\n")
    return reply in [f"Too many queries, try again in {seconds} seconds." for seconds in range(2, 62)]


def clock_offset_hours(installation: Installation) -> float:
    """Return the offset of the gateway's clock in hours, from the access log's entry for a unique name."""
    mark = f"nobody{time.monotonic_ns()}"
    query_from(installation, mark)
    (entry,) = wait_until(
        lambda: [each for each in installation.read_access_log() if each["query"] == mark], "the log entry"
    )
    return (datetime.fromisoformat(entry["time"]) - datetime.now(UTC)).total_seconds() / 3600


def test_R035_timers_limits_and_answers_survive_clock_jumps_of_an_hour(tmp_path: Path) -> None:
    soon = (datetime.now(UTC) + timedelta(minutes=30)).isoformat()
    people: list[dict[str, Any]] = [
        {"login": "alice", "name": "Alice Adams", "status": {"text": "at the kettle", "until": soon}},
        {"login": "bob", "name": "Bob Adams"},
    ]
    installation = make_installation(tmp_path, people=people, more=f'timeout = "{TIMEOUT:g}s"\n')
    installation.settings.write_text(installation.settings.read_text().replace("60000", "1"))
    clock = FakeClock(tmp_path / "clock")
    # Without the watchdog: each look at the clock reads a file here, which is not the gateway's work.
    with run_gateway(installation, start=COMMAND, env=os.environ | clock.environment):
        assert "at the kettle" in query_from(installation, "alice")
        assert "Bob Adams" in query_from(installation, "bob", BUSY)
        assert is_rate_limited(installation)
        for number, hours in enumerate((1, -1, 0)):
            with socket.create_connection(("127.0.0.1", installation.finger_port), DEADLINE) as silent:
                began = time.monotonic()
                clock.set_offset(hours)
                assert read_rest(silent) == "Input timeout.\r\n"
                assert TIMEOUT - 0.1 < time.monotonic() - began < TIMEOUT + 1
            assert clock_offset_hours(installation) == pytest.approx(hours, abs=0.1)
            assert is_rate_limited(installation)
            assert ("at the kettle" in query_from(installation, "alice")) == (hours <= 0)
            installation.run("people", "set", "bob", "title", f"Number {number}")
            wait_until(lambda: f"Number {number}" in query_from(installation, "bob"), "the edit", 2.0)  # noqa: B023
