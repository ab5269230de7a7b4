"""Many connections at once, and a gateway without free descriptors (R028, R029). `python -m tests.peers.crowd` prints the
figures that are checked here."""

from pathlib import Path

import pytest

from tests.peers import crowd


@pytest.mark.alone
@pytest.mark.parametrize(
    ("idle", "slow"), [(2000, 160), pytest.param(10_000, 800, marks=pytest.mark.long)], ids=["thousands", "10 thousand"]
)
def test_R029_a_crowd_harms_nobody(tmp_path: Path, idle: int, slow: int) -> None:
    """R031 too: some of them send a byte each half second."""
    figures = crowd.measure(tmp_path, idle, slow, asked=400)
    print(figures)
    least = 0.001  # seconds: below that the machine's own hiccups count for more than ours
    for base, crowded in (
        (figures.base.finger, figures.crowded.finger),
        (figures.base.web, figures.crowded.web),
    ):
        assert crowd.p99(crowded) <= 3 * max(crowd.p99(base), least)
    assert figures.kib < 20
    assert figures.stopping < 5


@pytest.mark.alone
def test_R028_without_free_descriptors(tmp_path: Path) -> None:
    """80 connections to a gateway that has 64 descriptors, and thousands more: the log stays short, and who asks when
    they are gone is answered."""
    flooded = crowd.flood(tmp_path)
    print(flooded)
    assert flooded.tried > 500
    assert flooded.log < 10_000
