"""Every module of `gateway` belongs to a layer; import-linter ignores modules that are in none."""

import re
import tomllib
from pathlib import Path

from gateway import protocol_registry
from gateway.protocol_registry import PROTOCOLS

CHECKOUT = Path(__file__).parents[2]
CONTRACTS = {
    contract["id"]: contract
    for contract in tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
}


def modules_below(package: Path) -> set[str]:
    """List the packages and modules directly below *package*."""
    return {
        each.stem for each in package.iterdir() if each.suffix == ".py" or (each / "__init__.py").is_file()
    } - {"__init__"}  # fmt: skip


def test_every_package_and_module_is_in_exactly_one_layer() -> None:
    layers = [
        name.strip().removeprefix("gateway.")
        for row in CONTRACTS["layers"]["layers"]
        for name in re.split(r"[|:]", row)
    ]
    assert sorted(layers) == sorted(modules_below(CHECKOUT / "gateway"))


def test_the_cycle_check_covers_the_package_itself() -> None:
    assert CONTRACTS["cycles"]["ancestors"] == ["gateway", "gateway.**"]


def test_every_protocol_package_has_a_plugin_that_fits_its_row() -> None:
    for row in PROTOCOLS:
        plugin = protocol_registry._built_in(row.plugin)
        assert plugin.settings_type is row.settings_type
        assert plugin.title and plugin.verbs
