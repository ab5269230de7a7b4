"""Coverage doubles the run time of a child, so it is measured only where tests/unit does not reach: the commands, the
demo and the conformance suite. tests/run sets where the data goes."""

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
def measure_children(request: pytest.FixtureRequest) -> Iterator[None]:
    """Let the children of the modules in MEASURED measure coverage; they inherit the environment."""
    measures = "COVERAGE_FILE" in os.environ and request.module.__name__.rpartition(".")[2] in MEASURED
    if measures:
        os.environ["COVERAGE_PROCESS_START"] = str(CHECKOUT / "pyproject.toml")
    yield
    if measures:
        del os.environ["COVERAGE_PROCESS_START"]
