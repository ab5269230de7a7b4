"""Records that were to be gone, and are."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gateway.ops.daily_rotation import DailyRotation

NOW = datetime(2026, 11, 20, tzinfo=UTC)


def test_records_behind_a_link_are_removed_too(tmp_path: Path) -> None:
    """The link was put aside and removed, and what it pointed to stayed for ever."""
    real, link = tmp_path / "var" / "access.jsonl", tmp_path / "access.jsonl"
    real.parent.mkdir()
    real.write_text("old\n")
    link.symlink_to(real)
    os.utime(real, (NOW.timestamp(), NOW.timestamp()))
    days = DailyRotation(link, timedelta(days=2))
    days.rotate(NOW)
    assert days.rotate(NOW + timedelta(days=1))
    assert [each.name for each in real.parent.iterdir()] == ["access.jsonl-2026-11-20"]
    assert link.is_symlink()
    days.rotate(NOW + timedelta(days=3))
    assert list(real.parent.iterdir()) == []


@pytest.mark.parametrize(("name", "keep"), [("2026-11-01", 99_999_999), ("9999-12-31", 2), ("0001-01-01", 9_999_999)])
def test_no_length_of_time_and_no_name_ends_the_looking(tmp_path: Path, name: str, keep: int) -> None:
    (tmp_path / f"records-{name}").write_text("x")
    assert not DailyRotation(tmp_path / "records", timedelta(days=keep)).rotate(NOW)
    assert (tmp_path / f"records-{name}").exists()
