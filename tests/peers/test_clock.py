"""The clock of the machine set forth and back by an hour while the gateway runs (libfaketime)."""

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


class Clock:
    """What the gateway takes for the time, as an offset from ours."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self.set(0)

    def set(self, hours: float) -> None:
        """Replaced at once, since it is read at each look at the clock."""
        new = self._file.with_suffix(".new")
        new.write_text(f"{hours * 3600:+.0f}\n")
        new.rename(self._file)

    @property
    def environment(self) -> dict[str, str]:
        """For a child. Its monotonic clock is the true one, as the kernel's is not set either."""
        return {
            "LD_PRELOAD": str(LIBRARY),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }


def ask(installation: Installation, query: str, source: str = "") -> str:
    """What somebody at *source* is answered; by default one who asks for the first time."""
    source = source or next(others)
    with socket.create_connection(("127.0.0.1", installation.finger_port), DEADLINE, (source, 0)) as asking:
        asking.sendall(query.encode() + b"\r\n")
        return rest_of(asking)


def rest_of(connection: socket.socket) -> str:
    return b"".join(iter(lambda: connection.recv(65536), b"")).decode()


def limited(installation: Installation) -> bool:
    """Is somebody who has asked enough for a while still told to wait, and not for an hour?"""
    said = ask(installation, "bob", BUSY).removesuffix("\r\n")
    return said in [f"Too many queries, try again in {seconds} seconds." for seconds in range(2, 62)]


def hours_off(installation: Installation) -> float:
    """How far the gateway's clock is from ours, as the record of a question tells it that has no other one's name."""
    mark = f"nobody{time.monotonic_ns()}"
    ask(installation, mark)
    (record,) = wait_until(
        lambda: [each for each in installation.read_access_log() if each["query"] == mark], "the record"
    )
    return (datetime.fromisoformat(record["time"]) - datetime.now(UTC)).total_seconds() / 3600


def test_R035_an_hour_forth_and_back_timers_limits_and_answers_are_right(tmp_path: Path) -> None:
    soon = (datetime.now(UTC) + timedelta(minutes=30)).isoformat()
    people: list[dict[str, Any]] = [
        {"login": "alice", "name": "Alice Adams", "status": {"text": "at the kettle", "until": soon}},
        {"login": "bob", "name": "Bob Adams"},
    ]
    installation = make_installation(tmp_path, people=people, more=f'timeout = "{TIMEOUT:g}s"\n')
    installation.settings.write_text(installation.settings.read_text().replace("60000", "1"))
    clock = Clock(tmp_path / "clock")
    # Without the watchdog: each look at the clock reads a file here, which is no work of ours.
    with run_gateway(installation, start=COMMAND, env=os.environ | clock.environment):
        assert "at the kettle" in ask(installation, "alice")
        assert "Bob Adams" in ask(installation, "bob", BUSY)
        assert limited(installation)
        for number, hours in enumerate((1, -1, 0)):
            with socket.create_connection(("127.0.0.1", installation.finger_port), DEADLINE) as silent:
                began = time.monotonic()
                clock.set(hours)
                assert rest_of(silent) == "Input timeout.\r\n"
                assert TIMEOUT - 0.1 < time.monotonic() - began < TIMEOUT + 1
            assert hours_off(installation) == pytest.approx(hours, abs=0.1)
            assert limited(installation)
            assert ("at the kettle" in ask(installation, "alice")) == (hours <= 0)
            installation.run("people", "set", "bob", "title", f"Number {number}")
            wait_until(lambda: f"Number {number}" in ask(installation, "bob"), "the edit", 2.0)  # noqa: B023
