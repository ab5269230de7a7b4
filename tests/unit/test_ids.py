"""tests/ids.py: what it finds, and that no test names an id that nobody wrote down."""

from pathlib import Path

from tests import ids

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


def test_ids_stand_in_names_docstrings_and_parameters(tmp_path: Path) -> None:
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "test_sample.py").write_text(SAMPLE)
    found = ids.covered(tmp_path / "tests")
    wanted = ("F002", "F003", "F006", "F007", "F010", "F011", "I020", "W006", "W007", "W008")
    assert sorted(found) == list(wanted)
    assert found["F002"] == ["tests/test_sample.py::test_F002_in_the_name"]


def test_every_id_that_a_test_names_is_written_down() -> None:
    assert sorted(set(ids.covered()) - set(ids.ids())) == []


def test_ids_are_in_order_and_say_what_they_are_about() -> None:
    assert list(ids.ids()) == sorted(ids.ids())
    assert all(about for about in ids.ids().values())
