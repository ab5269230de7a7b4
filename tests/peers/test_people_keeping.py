"""Backups and restores by the command, with a gateway that runs; a removal that leaves nothing behind."""

import sqlite3
import stat
import time
from contextlib import closing
from pathlib import Path

import pytest

from tests.peers.canary import CANARIES
from tests.peers.gateway import Place, finger, make_place, recorder, serving, until, web

BY_HAND = "`finger-gateway restore FILE` puts a backup in its place"


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return make_place(tmp_path)


def damage(path: Path) -> None:
    """4 KiB of something else where the people stand."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        root, size = connection.execute(
            "SELECT rootpage, (SELECT page_size FROM pragma_page_size) FROM sqlite_master WHERE name = 'people'"
        ).fetchone()
    with path.open("r+b") as file:
        file.seek((root - 1) * size)
        file.write(b"\xa5" * 4096)


def test_R008_from_backup_over_a_corrupt_page_to_restore(place: Place) -> None:
    with serving(place):
        ran = place.command("backup", "monday.db")
        assert ran.err == "monday.db: saved 5 people, with their history.\n"
        assert stat.S_IMODE((place.folder / "monday.db").stat().st_mode) == 0o600
        assert (
            place.command("backup", "monday.db", code=2).err == "monday.db already exists (use --force to overwrite)\n"
        )
        place.command("people", "remove", "bob")
        place.command("people", "add", "eve")
        until(lambda: "no such user" in finger(place.finger, "bob").lower(), "bob to be gone", 1)
        ran = place.command("restore", "monday.db")
        kept = place.folder / "people.db.before-restore"
        assert ran.err == (
            f"{place.database}: restored 5 people.\nThe replaced database is {kept}; remove it when you no longer need it.\n"
        )
        until(lambda: "Bob Adams" in finger(place.finger, "bob"), "bob to be back", 1)
        assert "no such user" in finger(place.finger, "eve").lower()
        place.command("people", "set", "bob", "title", "Back again")
        until(lambda: "Back again" in finger(place.finger, "bob"), "an edit of what is there now", 1)
    damage(place.database)
    for words in (("run",), ("check",), ("people", "list"), ("backup", "tuesday.db")):
        refused = place.command(*words, code=2)
        assert refused.err.startswith(f"{place.database}: is damaged"), refused
        assert BY_HAND in refused.err
    assert not (place.folder / "tuesday.db").exists()
    place.command("restore", "monday.db")
    place.database.unlink()
    place.command("restore", kept)
    with serving(place):
        assert "no such user" in finger(place.finger, "bob").lower()
        assert "eve" in finger(place.finger, "eve")


def test_a_restore_that_is_refused_changes_nothing(place: Place) -> None:
    place.command("backup", "b.db")
    before = place.database.read_bytes()
    (place.folder / "half.db").write_bytes((place.folder / "b.db").read_bytes()[:20000])
    assert place.command("restore", "half.db", code=2).err == "half.db: is damaged\n"
    assert place.command("restore", "nothing.db", code=2).err.startswith("nothing.db: cannot be read: ")
    assert place.command("restore", place.database, code=2).err.startswith(f"{place.database}: is the database itself")
    assert place.database.read_bytes() == before
    names = {each.name for each in place.folder.iterdir()}
    assert names == {"gateway.toml", "people.db", "b.db", "half.db"}


def test_who_is_removed_leaves_nothing_behind(tmp_path: Path) -> None:
    """After a second nothing of a removed person is left in people, history, changes and caches."""
    canary = next(each for each in CANARIES if each.login == "qopen")
    document = {**canary.document(), "login": "qbefore", "former": []}
    words = [canary.word(name) for name in document if name not in ("login", "former", "visibility", "listed")]
    plans = ["zqearlierplan", "zqlaterplan"]
    with recorder() as irc:
        place = make_place(tmp_path, irc=irc.port, people=[document, {"login": "other"}])
        with serving(place):
            for plan in plans:
                place.command("plan", "qbefore", "-", stdin=plan)
            place.command("people", "rename", "qbefore", "qafter")
            until(lambda: plans[-1] in finger(place.finger, "/W qbefore"), "the new plan", 2)
            shown = finger(place.finger, "/W qafter"), web(place.web, "/users/qafter")[1], "".join(irc.ask("qafter"))
            assert all(canary.word("name") in each for each in shown)
            assert all(each in written(place) for each in (*words, *plans, "qbefore", "qafter"))

            place.command("people", "remove", "qafter")
            removed = time.monotonic()
            asked = ("qafter", "qbefore", canary.word("aliases"), canary.word("name"))

            def told() -> str:
                """What all say to all names, without the names themselves."""
                answers = []
                for name in asked:
                    pages = [web(place.web, path)[1] for path in (f"/users/{name}", f"/users?q={name}", "/users")]
                    answers += [
                        each.replace(name, "") for each in (finger(place.finger, f"/W {name}"), *pages, *irc.ask(name))
                    ]
                return "\n".join(answers)

            def gone() -> list[str]:
                return [each for each in (*words, *plans, "qbefore", "qafter") if each in written(place)]

            heard = told()
            assert not [each for each in (*words, *plans) if each in heard]
            until(lambda: not gone(), f"no trace; there were {gone()}", 1)
            assert time.monotonic() - removed < 1
        exported = place.command("people", "export").out
        assert not gone()
        assert not [each for each in (*words, *plans, "qbefore", "qafter") if each in exported]
        place.command("backup", "b.db")
        place.command("people", "add", "qbefore")


def written(place: Place) -> str:
    """All octets of the database and what stands beside it."""
    files = sorted(place.folder.glob("people.db*"))
    return b"".join(file.read_bytes() for file in files).decode("latin-1")
