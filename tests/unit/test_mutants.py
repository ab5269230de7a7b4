"""The table of mutants matches the code, so that no rename disables a mutant unnoticed."""

import re
from pathlib import Path

import pytest

from tests.mutants import CHECKOUT, MUTANTS, Mutant, first_failure


@pytest.mark.parametrize("mutant", MUTANTS, ids=[mutant.name for mutant in MUTANTS])
def test_each_mutant_changes_one_place_and_has_tests(mutant: Mutant) -> None:
    text = (CHECKOUT / mutant.file).read_text()
    assert text.count(mutant.old) == 1
    changed = text.replace(mutant.old, mutant.new)
    assert changed != text
    compile(changed, mutant.file, "exec")  # a mutant that cannot be imported would fail every test
    assert mutant.targets
    for target in mutant.targets:
        file, *parts = target.split("::")
        content = (CHECKOUT / file).read_text()
        for part in parts:
            assert re.search(rf"^\s*(?:async )?(?:def|class) {re.escape(part.partition('[')[0])}\b", content, re.M)


def test_at_least_forty_mutants_with_unique_names() -> None:
    names = [mutant.name for mutant in MUTANTS]
    assert len(set(names)) == len(names) >= 40
    assert all(re.fullmatch("[a-z]+(?:-[a-z]+)+", name) for name in names)


def test_a_mutant_needs_exactly_one_occurrence(tmp_path: Path) -> None:
    file = tmp_path / "code.py"
    mutant = Mutant("a-b", "code.py", "limit = 1", "limit = 2", "tests")
    file.write_text("limit = 1\n")
    assert mutant.apply(tmp_path) == "limit = 1\n"
    assert file.read_text() == "limit = 2\n"
    with pytest.raises(ValueError, match=r"0 times in code\.py"):
        mutant.apply(tmp_path)
    file.write_text("limit = 1\nlimit = 1\n")
    with pytest.raises(ValueError, match=r"2 times in code\.py"):
        mutant.apply(tmp_path)


@pytest.mark.parametrize(
    ("output", "test"),
    [
        ("..F\nFAILED tests/a.py::test_b[x - y] - assert 1 == 2\n", "tests/a.py::test_b[x - y]"),
        ("ERROR tests/a.py::test_b - OSError\n", "tests/a.py::test_b"),
        ("ERROR tests/a.py - ImportError\n", ""),
        ("3 passed\n", ""),
    ],
    ids=["failure", "fixture", "import", "pass"],
)
def test_first_failure(output: str, test: str) -> None:
    assert first_failure(output) == test
