"""Fixtures for clients of fediverse hosts."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from .social import AUTHORITY


@pytest.fixture
def trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Make the test's certificate authority trusted."""
    AUTHORITY.cert_pem.write_to_path(tmp_path / "ca.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    yield
