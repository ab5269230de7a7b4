"""Access logs are removed in spite of symbolic links and odd dates."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gateway.ops.daily_rotation import DailyRotation

NOW = datetime(2026, 11, 20, tzinfo=UTC)


def test_the_target_of_a_symbolic_link_is_removed_too(tmp_path: Path) -> None:
    """Rotating only the link would keep the real file for ever."""
    real, link = tmp_path / "var" / "access.jsonl", tmp_path / "access.jsonl"
    real.parent.mkdir()
    real.write_text("old\n")
    link.symlink_to(real)
    os.utime(real, (NOW.timestamp(), NOW.timestamp()))
    rotation = DailyRotation(link, timedelta(days=2))
    rotation.rotate(NOW)
    assert rotation.rotate(NOW + timedelta(days=1))
    assert [each.name for each in real.parent.iterdir()] == ["access.jsonl-2026-11-20"]
    assert link.is_symlink()
    rotation.rotate(NOW + timedelta(days=3))
    assert list(real.parent.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "retention_days"), [("2026-11-01", 99_999_999), ("9999-12-31", 2), ("0001-01-01", 9_999_999)]
)
def test_extreme_retention_times_and_dates_do_not_stop_the_rotation(
    tmp_path: Path, name: str, retention_days: int
) -> None:
    (tmp_path / f"records-{name}").write_text("x")
    assert not DailyRotation(tmp_path / "records", timedelta(days=retention_days)).rotate(NOW)
    assert (tmp_path / f"records-{name}").exists()
