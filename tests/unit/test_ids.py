"""tests/ids.py, and the pages of behaviours that it reads."""

import re
from pathlib import Path

import pytest

from tests import ids

PAGES = sorted(ids.BEHAVIOURS.glob("*.md"))

SAMPLE = '''
"""F001: a module's docstring does not count."""
import pytest
TABLE = {"F010 from a table": 1}
TYPED: dict[str, int] = {"F011": 1}

def test_F002_in_the_name(): ...
def test_in_the_docstring():
    """F003, W006-W008: and nothing else. Not yet F004."""
    assert "F005"
class TestMore:
    async def test_inside(self):
        """I020"""
@pytest.mark.parametrize("line", [pytest.param(b"x", id="F006"), pytest.param(b"y", id="F007-999-more")])
def test_parametrised(line): ...
@pytest.mark.parametrize("name", TABLE)
@pytest.mark.parametrize("typed", sorted(TYPED))
def test_of_a_table(name, typed): ...
def helper():
    """F008"""
'''


def test_ids_are_found_in_names_docstrings_and_parameters(tmp_path: Path) -> None:
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "test_sample.py").write_text(SAMPLE)
    found = ids.find_tests(tmp_path / "tests")
    wanted = ("F002", "F003", "F006", "F007", "F010", "F011", "I020", "W006", "W007", "W008")
    assert sorted(found) == list(wanted)
    assert found["F002"] == ["tests/test_sample.py::test_F002_in_the_name"]


def test_every_id_of_a_test_is_described() -> None:
    assert sorted(set(ids.find_tests()) - set(ids.read_behaviours())) == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_each_row_has_an_id_of_its_page(page: Path) -> None:
    rows = [line for line in page.read_text().splitlines() if line.startswith("|")]
    described = [line for line in rows if line not in ("| id | what must hold | source |", "|---|---|---|")]
    assert all(re.fullmatch(rf"\| {page.stem[0].upper()}[0-9]{{3}} \|( [^|]+ \|){{2}}", line) for line in described)
    assert len(ids.read_rows(page)) == len(described)


def test_each_id_is_described_once() -> None:
    described = [name for page in PAGES for name, _ in ids.read_rows(page)]
    assert {page.stem for page in PAGES} == {"finger", "irc", "reliability", "web"}
    assert sorted(described) == list(ids.read_behaviours())
