"""Custom sources: classes beside gateway.toml, named in the settings, and the errors about unusable ones."""

import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from gateway.sources import custom
from gateway.sources.custom import BadSource
from tests.unit.directory.doubles import STRANGER, InMemoryStore, make_directory
from tests.unit.fixtures import result_of

SOURCE = """
from gateway.directory.person import PartialPerson
from gateway.directory.interfaces import SourceDown

class VendingMachine:
    restricts = False
    cache_ttl = None

    def __init__(self, slot="B2"):
        self.slot = slot

    async def get(self, login):
        return PartialPerson(login=login, office=self.slot, visibility={}, title="from a slot") if login == "mate" else None

    async def everyone(self):
        yield PartialPerson(login="mate")

class NoSource:
    restricts = False

class Breaks:
    def __init__(self):
        raise ValueError("no coins")
"""


RESTRICTING_SOURCE = """
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
    (tmp_path / "vending_for_test.py").write_text(SOURCE)
    path, modules = list(sys.path), set(sys.modules)
    yield tmp_path
    sys.path[:] = path
    for name in set(sys.modules) - modules:
        del sys.modules[name]


def test_class_in_the_folder_of_the_settings(folder: Path) -> None:
    source = custom.load_source(
        "vending", "vending_for_test:VendingMachine", {"slot": "C3"}, timedelta(seconds=1), folder
    )
    assert (source.name, source.restricts, source.cache_ttl) == ("vending", False, timedelta(seconds=1))
    answer = result_of(make_directory(InMemoryStore(), source).lookup("mate", STRANGER))
    assert answer.profile.title == "from a slot"


def test_the_classs_own_cache_ttl_is_the_default(folder: Path) -> None:
    assert custom.load_source("vending", "vending_for_test:VendingMachine", {}, None, folder).cache_ttl is None


@pytest.mark.parametrize(
    ("path", "found", "allowed"),
    [
        ("vending_for_test", "'vending_for_test'", 'a module and a class, e.g. "my_sources:VendingMachine"'),
        (":VendingMachine", "':VendingMachine'", 'a module and a class, e.g. "my_sources:VendingMachine"'),
        ("vending_for_test:", "'vending_for_test:'", 'a module and a class, e.g. "my_sources:VendingMachine"'),
        ("not_there:X", "ModuleNotFoundError", "on Python's path"),
        ("vending_for_test:Other", "AttributeError", "on Python's path"),
        ("vending_for_test:Breaks", "ValueError: no coins", "takes the keys of `options`"),
        (
            "vending_for_test:NoSource",
            "which has no get, everyone, cache",
            "a class with get, everyone, restricts, cache",
        ),
    ],
)
def test_a_class_that_is_not_a_source(folder: Path, path: str, found: str, allowed: str) -> None:
    with pytest.raises(BadSource) as bad:
        custom.load_source("x", path, {}, None, folder)
    assert found in bad.value.found
    assert allowed in bad.value.allowed
    assert str(bad.value) == f"found {bad.value.found}; must be {bad.value.allowed}"


def test_unknown_options(folder: Path) -> None:
    with pytest.raises(BadSource, match="unexpected keyword argument 'colour'"):
        custom.load_source("x", "vending_for_test:VendingMachine", {"colour": "red"}, None, folder)


def test_a_class_gets_its_options(folder: Path) -> None:
    (folder / "own_good.py").write_text(RESTRICTING_SOURCE.format(name="Vending"))
    source = custom.load_source("vending", "own_good:Vending", {"shelf": 7}, None, folder)
    assert (source.name, source.cache_ttl, source.restricts) == ("vending", timedelta(seconds=5), True)
    assert source.shelf == 7  # type: ignore[attr-defined]


def test_cache_ttl_of_the_settings(folder: Path) -> None:
    (folder / "own_held.py").write_text(RESTRICTING_SOURCE.format(name="Vending"))
    assert custom.load_source("v", "own_held:Vending", {}, timedelta(seconds=9), folder).cache_ttl == timedelta(
        seconds=9
    )


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
def test_errors_about_unusable_classes(
    folder: Path, path: str, options: dict[str, int], found: str, allowed: str
) -> None:
    (folder / "own_broken.py").write_text("1 / 0\n")
    (folder / "own_half.py").write_text("class Half:\n    def get(self, login): ...\n")
    with pytest.raises(BadSource) as refused:
        custom.load_source("mine", path, options, None, folder)
    assert refused.value.found.startswith(found)
    assert refused.value.allowed.startswith(allowed)
