"""Coverage doubles what a child costs, so it is measured where the tests of tests/unit do not come: the commands, the demo,
the conformance suite. tests/run says where the figures go."""

import os
from collections.abc import Iterator

import pytest

from .gateway_process import CHECKOUT

MEASURED = {
    "test_ask",
    "test_command",
    "test_conform_broken",
    "test_conform_ours",
    "test_demo",
    "test_explain",
    "test_backup_restore",
    "test_run",
}


@pytest.fixture(scope="module", autouse=True)
def measured(request: pytest.FixtureRequest) -> Iterator[None]:
    """What is started inherits the environment."""
    measures = "COVERAGE_FILE" in os.environ and request.module.__name__.rpartition(".")[2] in MEASURED
    if measures:
        os.environ["COVERAGE_PROCESS_START"] = str(CHECKOUT / "pyproject.toml")
    yield
    if measures:
        del os.environ["COVERAGE_PROCESS_START"]
