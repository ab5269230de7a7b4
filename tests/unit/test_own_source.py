"""Sources of the operator's own, named by class: found beside gateway.toml, or refused with what was found."""

import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from gateway.sources.custom import BadSource, load_source

GOOD = """
from datetime import timedelta

class {name}:
    restricts = True
    cache_ttl = timedelta(seconds=5)
    def __init__(self, shelf=1):
        self.shelf = shelf
    async def get(self, login): ...
    async def everyone(self): ...
"""


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    path, modules = list(sys.path), set(sys.modules)
    yield tmp_path
    sys.path[:] = path
    for name in set(sys.modules) - modules:
        del sys.modules[name]


def test_a_class_beside_the_settings_is_made_with_its_options(folder: Path) -> None:
    (folder / "own_good.py").write_text(GOOD.format(name="Vending"))
    source = load_source("vending", "own_good:Vending", {"shelf": 7}, None, folder)
    assert (source.name, source.cache_ttl, source.restricts) == ("vending", timedelta(seconds=5), True)
    assert source.shelf == 7  # type: ignore[attr-defined]


def test_the_settings_say_how_long_it_holds(folder: Path) -> None:
    (folder / "own_held.py").write_text(GOOD.format(name="Vending"))
    assert load_source("v", "own_held:Vending", {}, timedelta(seconds=9), folder).cache_ttl == timedelta(seconds=9)


@pytest.mark.parametrize(
    ("path", "options", "found", "allowed"),
    [
        ("just_a_name", {}, "'just_a_name'", "a module and a class, e.g. "),
        (":Class", {}, "':Class'", "a module and a class, e.g. "),
        (
            "own_none:C",
            {},
            "'own_none:C', which cannot be imported (ModuleNotFoundError: No",
            "in a module in ",
        ),
        (
            "own_broken:C",
            {},
            "'own_broken:C', which cannot be imported (ZeroDivisionError: ",
            "in a module in ",
        ),
        (
            "own_half:Nobody",
            {},
            "'own_half:Nobody', which cannot be imported (AttributeError: ",
            "in a module in ",
        ),
        ("own_half:Half", {"x": 1}, "'own_half:Half' (TypeError: Half() takes no arguments)", "a class that takes"),
        (
            "own_half:Half",
            {},
            "'own_half:Half', which has no everyone, restricts, cache",
            "a class with get, everyone, ",
        ),
    ],
)
def test_what_is_no_source_is_refused(
    folder: Path, path: str, options: dict[str, int], found: str, allowed: str
) -> None:
    (folder / "own_broken.py").write_text("1 / 0\n")
    (folder / "own_half.py").write_text("class Half:\n    def get(self, login): ...\n")
    with pytest.raises(BadSource) as refused:
        load_source("mine", path, options, None, folder)
    assert refused.value.found.startswith(found)
    assert refused.value.allowed.startswith(allowed)
