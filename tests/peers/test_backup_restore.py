"""Backup and restore by the command while a gateway runs; a removal that leaves no data behind."""

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


def damage_pages(path: Path) -> None:
    """Overwrite 4 KiB of the pages that hold people."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        root, size = connection.execute(
            "SELECT rootpage, (SELECT page_size FROM pragma_page_size) FROM sqlite_master WHERE name = 'people'"
        ).fetchone()
    with path.open("r+b") as file:
        file.seek((root - 1) * size)
        file.write(b"\xa5" * 4096)


def test_R008_backup_then_a_corrupt_page_then_restore(installation: Installation) -> None:
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
    damage_pages(installation.database)
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


def test_a_refused_restore_changes_nothing(installation: Installation) -> None:
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


def test_a_removed_person_leaves_nothing_behind(tmp_path: Path) -> None:
    """After a second no data of a removed person is left in people, history, changes and caches."""
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
            assert all(each in database_bytes(installation) for each in (*words, *plans, "qbefore", "qafter"))

            installation.run("people", "remove", "qafter")
            removed = time.monotonic()
            names_requested = ("qafter", "qbefore", canary.word("aliases"), canary.word("name"))

            def collect_answers() -> str:
                """Return all answers about all names, without the names themselves."""
                answers = []
                for name in names_requested:
                    pages = [
                        http_get(installation.web_port, path)[1]
                        for path in (f"/users/{name}", f"/users?q={name}", "/users")
                    ]
                    answers += [
                        each.replace(name, "")
                        for each in (query_finger(installation.finger_port, f"/W {name}"), *pages, *irc.ask(name))
                    ]
                return "\n".join(answers)

            def is_gone() -> list[str]:
                return [each for each in (*words, *plans, "qbefore", "qafter") if each in database_bytes(installation)]

            answers_received = collect_answers()
            assert not [each for each in (*words, *plans) if each in answers_received]
            wait_until(lambda: not is_gone(), f"no trace; there were {is_gone()}", 1)
            assert time.monotonic() - removed < 1
        exported = installation.run("people", "export").out
        assert not is_gone()
        assert not [each for each in (*words, *plans, "qbefore", "qafter") if each in exported]
        installation.run("backup", "b.db")
        installation.run("people", "add", "qbefore")


def database_bytes(installation: Installation) -> str:
    """Return all bytes of the database and its companion files."""
    files = sorted(installation.folder.glob("people.db*"))
    return b"".join(file.read_bytes() for file in files).decode("latin-1")
