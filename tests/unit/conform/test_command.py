"""finger-gateway conform without a server: usage errors, and the choice of checks."""

import pytest
from click.testing import CliRunner

from gateway.cli import cli


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "no server given; write HOST or HOST:PORT"),
        (("host.test:x",), "found port 'x'"),
        (("alice@host.test",), "found 'alice@host.test'; must be HOST or HOST:PORT"),
        (("host.test", "--only", "F001,F0999"), "unknown check F0999; use ids"),
        (("host.test", "--level", "may"), "'may' is not one of"),
    ],
)
def test_usage_errors(arguments: tuple[str, ...], message: str) -> None:
    result = CliRunner().invoke(cli, ["conform", *arguments])
    assert result.exit_code == 2
    assert message in result.output


@pytest.mark.parametrize(
    ("arguments", "names"),
    [
        (("--only", "f054, F022"), ["F054", "F022"]),
        (("--only", "F022,F054,F100", "--level", "should"), ["F022", "F100"]),
        (("--only", "F022,F054,F100", "--level", "must"), ["F022"]),
    ],
)
def test_only_and_level_choose_checks(arguments: tuple[str, ...], names: list[str]) -> None:
    result = CliRunner().invoke(cli, ["conform", "--list", *arguments])
    assert result.exit_code == 0
    assert [line[:4] for line in result.output.splitlines() if line[:1] == "F"] == names
