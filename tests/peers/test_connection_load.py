"""Many connections at once, and a gateway without free descriptors (R028, R029). `python -m
tests.peers.connection_load` prints the figures that are checked here."""

from pathlib import Path

import pytest

from tests.peers import connection_load


@pytest.mark.alone
@pytest.mark.parametrize(
    ("idle", "slow"), [(2000, 160), pytest.param(10_000, 800, marks=pytest.mark.long)], ids=["thousands", "10 thousand"]
)
def test_R029_thousands_of_idle_connections_slow_down_no_one(tmp_path: Path, idle: int, slow: int) -> None:
    """R031 too: some of them send a byte each half second."""
    figures = connection_load.measure_load(tmp_path, idle, slow, queries=400)
    print(figures)
    least = 0.001  # seconds: below that the machine's own delays dominate
    for base, crowded in (
        (figures.unloaded.finger, figures.loaded.finger),
        (figures.unloaded.web, figures.loaded.web),
    ):
        assert connection_load.p99(crowded) <= 3 * max(connection_load.p99(base), least)
    assert figures.kib_per_connection < 20
    assert figures.stop_seconds < 5


@pytest.mark.alone
def test_R028_without_free_descriptors(tmp_path: Path) -> None:
    """80 connections to a gateway limited to 64 descriptors, and thousands more: the log stays short, and requests
    are answered afterwards."""
    flooded = connection_load.flood_without_descriptors(tmp_path)
    print(flooded)
    assert flooded.attempts > 500
    assert flooded.log_bytes_per_second < 10_000
