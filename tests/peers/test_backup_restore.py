"""Backups and restores by the command, with a gateway that runs; a removal that leaves nothing behind."""

import sqlite3
import stat
import time
from contextlib import closing
from pathlib import Path

import pytest

from tests.peers.canary import CANARIES
from tests.peers.gateway_process import (
    Installation,
    http_get,
    make_installation,
    query_finger,
    run_fake_irc_server,
    run_gateway,
    wait_until,
)

BY_HAND = "`finger-gateway restore FILE` puts a backup in its place"


@pytest.fixture
def installation(tmp_path: Path) -> Installation:
    return make_installation(tmp_path)


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


def test_R008_from_backup_over_a_corrupt_page_to_restore(installation: Installation) -> None:
    with run_gateway(installation):
        ran = installation.run("backup", "monday.db")
        assert ran.err == "monday.db: saved 5 people, with their history.\n"
        assert stat.S_IMODE((installation.folder / "monday.db").stat().st_mode) == 0o600
        assert (
            installation.run("backup", "monday.db", code=2).err
            == "monday.db already exists (use --force to overwrite)\n"
        )
        installation.run("people", "remove", "bob")
        installation.run("people", "add", "eve")
        wait_until(lambda: "no such user" in query_finger(installation.finger_port, "bob").lower(), "bob to be gone", 1)
        ran = installation.run("restore", "monday.db")
        kept = installation.folder / "people.db.before-restore"
        assert ran.err == (
            f"{installation.database}: restored 5 people.\n"
            f"The replaced database is {kept}; remove it when you no longer need it.\n"
        )
        wait_until(lambda: "Bob Adams" in query_finger(installation.finger_port, "bob"), "bob to be back", 1)
        assert "no such user" in query_finger(installation.finger_port, "eve").lower()
        installation.run("people", "set", "bob", "title", "Back again")
        wait_until(
            lambda: "Back again" in query_finger(installation.finger_port, "bob"), "an edit of what is there now", 1
        )
    damage(installation.database)
    for words in (("run",), ("check",), ("people", "list"), ("backup", "tuesday.db")):
        refused = installation.run(*words, code=2)
        assert refused.err.startswith(f"{installation.database}: is damaged"), refused
        assert BY_HAND in refused.err
    assert not (installation.folder / "tuesday.db").exists()
    installation.run("restore", "monday.db")
    installation.database.unlink()
    installation.run("restore", kept)
    with run_gateway(installation):
        assert "no such user" in query_finger(installation.finger_port, "bob").lower()
        assert "eve" in query_finger(installation.finger_port, "eve")


def test_a_restore_that_is_refused_changes_nothing(installation: Installation) -> None:
    installation.run("backup", "b.db")
    before = installation.database.read_bytes()
    (installation.folder / "half.db").write_bytes((installation.folder / "b.db").read_bytes()[:20000])
    assert installation.run("restore", "half.db", code=2).err == "half.db: is damaged\n"
    assert installation.run("restore", "nothing.db", code=2).err.startswith("nothing.db: cannot be read: ")
    assert installation.run("restore", installation.database, code=2).err.startswith(
        f"{installation.database}: is the database itself"
    )
    assert installation.database.read_bytes() == before
    names = {each.name for each in installation.folder.iterdir()}
    assert names == {"gateway.toml", "people.db", "b.db", "half.db"}


def test_who_is_removed_leaves_nothing_behind(tmp_path: Path) -> None:
    """After a second nothing of a removed person is left in people, history, changes and caches."""
    canary = next(each for each in CANARIES if each.login == "qopen")
    document = {**canary.document(), "login": "qbefore", "former": []}
    words = [canary.word(name) for name in document if name not in ("login", "former", "visibility", "listed")]
    plans = ["zqearlierplan", "zqlaterplan"]
    with run_fake_irc_server() as irc:
        installation = make_installation(tmp_path, irc=irc.port, people=[document, {"login": "other"}])
        with run_gateway(installation):
            for plan in plans:
                installation.run("plan", "qbefore", "-", stdin=plan)
            installation.run("people", "rename", "qbefore", "qafter")
            wait_until(lambda: plans[-1] in query_finger(installation.finger_port, "/W qbefore"), "the new plan", 2)
            shown = (
                query_finger(installation.finger_port, "/W qafter"),
                http_get(installation.web_port, "/users/qafter")[1],
                "".join(irc.ask("qafter")),
            )
            assert all(canary.word("name") in each for each in shown)
            assert all(each in written(installation) for each in (*words, *plans, "qbefore", "qafter"))

            installation.run("people", "remove", "qafter")
            removed = time.monotonic()
            asked = ("qafter", "qbefore", canary.word("aliases"), canary.word("name"))

            def told() -> str:
                """What all say to all names, without the names themselves."""
                answers = []
                for name in asked:
                    pages = [
                        http_get(installation.web_port, path)[1]
                        for path in (f"/users/{name}", f"/users?q={name}", "/users")
                    ]
                    answers += [
                        each.replace(name, "")
                        for each in (query_finger(installation.finger_port, f"/W {name}"), *pages, *irc.ask(name))
                    ]
                return "\n".join(answers)

            def gone() -> list[str]:
                return [each for each in (*words, *plans, "qbefore", "qafter") if each in written(installation)]

            heard = told()
            assert not [each for each in (*words, *plans) if each in heard]
            wait_until(lambda: not gone(), f"no trace; there were {gone()}", 1)
            assert time.monotonic() - removed < 1
        exported = installation.run("people", "export").out
        assert not gone()
        assert not [each for each in (*words, *plans, "qbefore", "qafter") if each in exported]
        installation.run("backup", "b.db")
        installation.run("people", "add", "qbefore")


def written(installation: Installation) -> str:
    """All octets of the database and what stands beside it."""
    files = sorted(installation.folder.glob("people.db*"))
    return b"".join(file.read_bytes() for file in files).decode("latin-1")
