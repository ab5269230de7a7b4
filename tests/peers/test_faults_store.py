"""A full disk, a damaged database, and another process that keeps the write lock: with the real gateway and command."""

import os
import sqlite3
import threading
import time
from contextlib import closing
from pathlib import Path

import pytest

from tests.peers.disk_faults import DiskFaults, build_disk_faults
from tests.peers.gateway_process import http_get, make_installation, query_finger, run_gateway, wait_until

NOT_NOW = "The directory is unavailable, try again later."
NOT_SAVED = "The directory is unavailable (see the line above). Nothing was changed."


@pytest.fixture
def disk_faults(tmp_path: Path) -> DiskFaults:
    return build_disk_faults(tmp_path / "faults")


def person(n: int) -> dict[str, str]:
    return {"login": f"p{n:04}", "name": f"Person {n}", "plan": f"{n} " * 250}


def test_R007_edits_fail_on_a_full_disk_and_work_again_afterwards(tmp_path: Path, disk_faults: DiskFaults) -> None:
    installation = make_installation(tmp_path)
    with run_gateway(installation, env=os.environ | disk_faults.env):
        installation.run("people", "set", "bob", "title", "Before", env=disk_faults.env)
        wait_until(lambda: "Before" in query_finger(installation.finger_port, "bob"), "an edit while there is room", 2)
        disk_faults.set_full(True)
        for words in (
            ("people", "set", "bob", "title", "Never"), ("people", "add", "eve"), ("people", "remove", "bob"),
            ("people", "rename", "bob", "rob"),
        ):  # fmt: skip
            refused = installation.run(*words, code=69, env=disk_faults.env)
            assert f"{installation.database}: the disk is full" in refused.err, refused
            assert refused.err.endswith(f"{NOT_SAVED}\n")
        for _ in range(3):
            assert "Before" in query_finger(installation.finger_port, "bob")
            assert "Alice Adams" in query_finger(installation.finger_port, "alice")
            assert http_get(installation.web_port, "/users/bob")[0] == 200
            assert "no such user" in query_finger(installation.finger_port, "eve").lower()
        disk_faults.set_full(False)
        installation.run("people", "set", "bob", "title", "After", env=disk_faults.env)
        wait_until(lambda: "After" in query_finger(installation.finger_port, "bob"), "the next edit", 2)
    with closing(sqlite3.connect(installation.database)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_R008_database_pages_damaged_under_a_running_gateway(tmp_path: Path) -> None:
    """Cached people and people on intact pages are answered; for the others clients are told to try again."""
    installation = make_installation(tmp_path, people=[person(n) for n in range(2000)])
    with closing(sqlite3.connect(installation.database)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    with run_gateway(installation) as running:
        assert "Person 1999" in query_finger(installation.finger_port, "p1999")
        good = installation.database.read_bytes()
        with installation.database.open("r+b") as file:  # every fourth page except the first ones
            for page in range(64, len(good) // 4096, 4):
                file.seek(page * 4096)
                file.write(b"\xa5" * 4096)
        answers = [query_finger(installation.finger_port, f"p{n:04}") for n in range(0, 2000, 16)]
        whole = [answer for n, answer in zip(range(0, 2000, 16), answers, strict=True) if f"Person {n}" in answer]
        not_now = [answer for answer in answers if NOT_NOW in answer]
        assert len(whole) + len(not_now) == len(answers)
        assert whole
        assert not_now
        assert "Person 1999" in query_finger(installation.finger_port, "p1999")
        assert (
            f"{installation.database}: is damaged; `finger-gateway restore FILE` puts a backup in its place"
            in running.log
        )
        installation.database.write_bytes(good)
    assert running.exit_code == 0


def test_R004_another_process_holds_the_write_lock_for_three_seconds(tmp_path: Path) -> None:
    installation = make_installation(tmp_path)
    with run_gateway(installation), closing(sqlite3.connect(installation.database, isolation_level=None)) as holder:
        holder.execute("BEGIN IMMEDIATE")
        began = time.monotonic()
        waited: list[float] = []

        def edit() -> None:
            installation.run("people", "set", "alice", "title", "Waited")
            waited.append(time.monotonic() - began)

        editing = threading.Thread(target=edit)
        editing.start()
        count, slowest = 0, 0.0
        while time.monotonic() - began < 3:
            client = time.monotonic()
            assert "Keeper of the kettle" in query_finger(
                installation.finger_port, ("alice", "ally", "Alice Adams")[count % 3]
            )
            slowest = max(slowest, time.monotonic() - client)
            count += 1
        assert not waited
        holder.execute("ROLLBACK")
        editing.join(20)
        assert 3 <= waited[0] < 8
        assert count > 100
        assert slowest < 1
        wait_until(lambda: "Waited" in query_finger(installation.finger_port, "alice"), "the edit that waited", 1)
