"""A backup whose damage only a complete integrity check finds."""

from contextlib import closing
from pathlib import Path

import pytest

from gateway.store import backups, database
from gateway.store.database import UnusableDatabase
from tests.unit.fixtures import ALICE, BOB, make_create_edit, write_edits


@pytest.mark.parametrize("index", ["people_listed", "names_login", "history_login"])
def test_R008_a_backup_with_a_damaged_index_is_not_restored(tmp_path: Path, index: str) -> None:
    """Every person in it can still be read, but searches in the restored database would fail or miss people."""
    people, backup = tmp_path / "people.db", tmp_path / "backup.db"
    database.create(people)
    write_edits(people, [make_create_edit(ALICE), make_create_edit(BOB)])
    backups.backup(people, backup)
    with closing(database.connect(backup, "ro", 1.0)) as connection:
        page = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = ?", (index,)).fetchone()[0]
        size = connection.execute("PRAGMA page_size").fetchone()[0]
    with backup.open("r+b") as file:
        file.seek((page - 1) * size)
        file.write(b"\0" * size)
    before = people.read_bytes(), sorted(tmp_path.iterdir())
    with backups.open_backup(backup) as opened, pytest.raises(UnusableDatabase, match="is damaged"):
        backups.restore(opened, backup, people)
    assert (people.read_bytes(), sorted(tmp_path.iterdir())) == before
