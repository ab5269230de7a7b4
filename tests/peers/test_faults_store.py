"""A disk that is full, a database that is damaged, another writer who does not let go: with the real gateway and command."""

import os
import sqlite3
import threading
import time
from contextlib import closing
from pathlib import Path

import pytest

from tests.peers.faults import Faults, make_faults
from tests.peers.gateway import finger, make_place, serving, until, web

NOT_NOW = "The directory is unavailable, try again later."
NOT_SAVED = "The directory is unavailable (see the line above). Nothing was changed."


@pytest.fixture
def faults(tmp_path: Path) -> Faults:
    return make_faults(tmp_path / "faults")


def person(n: int) -> dict[str, str]:
    return {"login": f"p{n:04}", "name": f"Person {n}", "plan": f"{n} " * 250}


def test_R007_no_edit_on_a_full_disk_and_all_is_well_when_there_is_room(tmp_path: Path, faults: Faults) -> None:
    place = make_place(tmp_path)
    with serving(place, env=os.environ | faults.env):
        place.command("people", "set", "bob", "title", "Before", env=faults.env)
        until(lambda: "Before" in finger(place.finger, "bob"), "an edit while there is room", 2)
        faults.full(True)
        for words in (
            ("people", "set", "bob", "title", "Never"), ("people", "add", "eve"), ("people", "remove", "bob"),
            ("people", "rename", "bob", "rob"),
        ):  # fmt: skip
            refused = place.command(*words, code=69, env=faults.env)
            assert f"{place.database}: the disk is full" in refused.err, refused
            assert refused.err.endswith(f"{NOT_SAVED}\n")
        for _ in range(3):
            assert "Before" in finger(place.finger, "bob")
            assert "Alice Adams" in finger(place.finger, "alice")
            assert web(place.web, "/users/bob")[0] == 200
            assert "no such user" in finger(place.finger, "eve").lower()
        faults.full(False)
        place.command("people", "set", "bob", "title", "After", env=faults.env)
        until(lambda: "After" in finger(place.finger, "bob"), "the next edit", 2)
    with closing(sqlite3.connect(place.database)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_R008_pages_that_break_under_a_running_gateway(tmp_path: Path) -> None:
    """Who is cached is answered, and whoever stands on a page that is whole; the others are asked to try again."""
    place = make_place(tmp_path, people=[person(n) for n in range(2000)])
    with closing(sqlite3.connect(place.database)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    with serving(place) as running:
        assert "Person 1999" in finger(place.finger, "p1999")
        good = place.database.read_bytes()
        with place.database.open("r+b") as file:  # each fourth page but those of the beginning
            for page in range(64, len(good) // 4096, 4):
                file.seek(page * 4096)
                file.write(b"\xa5" * 4096)
        answers = [finger(place.finger, f"p{n:04}") for n in range(0, 2000, 16)]
        whole = [answer for n, answer in zip(range(0, 2000, 16), answers, strict=True) if f"Person {n}" in answer]
        not_now = [answer for answer in answers if NOT_NOW in answer]
        assert len(whole) + len(not_now) == len(answers)
        assert whole
        assert not_now
        assert "Person 1999" in finger(place.finger, "p1999")
        assert f"{place.database}: is damaged; `finger-gateway restore FILE` puts a backup in its place" in running.log
        place.database.write_bytes(good)
    assert running.ended == 0


def test_R004_another_program_writes_for_three_seconds(tmp_path: Path) -> None:
    place = make_place(tmp_path)
    with serving(place), closing(sqlite3.connect(place.database, isolation_level=None)) as holder:
        holder.execute("BEGIN IMMEDIATE")
        began = time.monotonic()
        waited: list[float] = []

        def edit() -> None:
            place.command("people", "set", "alice", "title", "Waited")
            waited.append(time.monotonic() - began)

        editing = threading.Thread(target=edit)
        editing.start()
        asked, slowest = 0, 0.0
        while time.monotonic() - began < 3:
            asking = time.monotonic()
            assert "Keeper of the kettle" in finger(place.finger, ("alice", "ally", "Alice Adams")[asked % 3])
            slowest = max(slowest, time.monotonic() - asking)
            asked += 1
        assert not waited
        holder.execute("ROLLBACK")
        editing.join(20)
        assert 3 <= waited[0] < 8
        assert asked > 100
        assert slowest < 1
        until(lambda: "Waited" in finger(place.finger, "alice"), "the edit that waited", 1)
