"""A folder of templates as it is while somebody edits in it."""

from collections.abc import Callable
from pathlib import Path

import pytest

from gateway.rendering.templates import BrokenTemplate, TemplateSet


def deep(folder: Path) -> None:
    (folder / "person.txt").write_text("{{ " + "(" * 3000 + ")" * 3000 + " }}")


def nowhere(folder: Path) -> None:
    (folder / "person.txt").unlink(missing_ok=True)
    (folder / "mine.txt").symlink_to("gone.txt")


@pytest.mark.parametrize(
    ("make", "said"), [(deep, "person.txt: is nested too deep"), (nowhere, "mine.txt: cannot be read")]
)
def test_a_template_that_cannot_be_read_is_told_in_words(
    tmp_path: Path, make: Callable[[Path], None], said: str
) -> None:
    (tmp_path / "finger").mkdir()
    make(tmp_path / "finger")
    with pytest.raises(BrokenTemplate, match=f"^finger/{said}$"):
        TemplateSet(tmp_path).check()


def test_what_an_editor_leaves_beside_a_template_is_none(tmp_path: Path) -> None:
    (tmp_path / "finger").mkdir()
    (tmp_path / "finger" / ".#person.txt").symlink_to("me@host.test:4711")
    (tmp_path / "finger" / ".person.txt.swp").write_bytes(b"b0VIM\xff")
    (tmp_path / ".hidden.txt").write_text("{% if")
    TemplateSet(tmp_path).check()
