"""Custom sources: classes named in the settings."""

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


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    (tmp_path / "vending_for_test.py").write_text(SOURCE)
    path = list(sys.path)
    yield tmp_path
    sys.path[:] = path
    sys.modules.pop("vending_for_test", None)


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
