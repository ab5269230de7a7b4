"""A template folder while somebody edits files in it."""

from collections.abc import Callable
from pathlib import Path

import pytest

from gateway.rendering.templates import BrokenTemplate, TemplateSet


def write_deeply_nested(folder: Path) -> None:
    (folder / "person.txt").write_text("{{ " + "(" * 3000 + ")" * 3000 + " }}")


def write_dangling_link(folder: Path) -> None:
    (folder / "person.txt").unlink(missing_ok=True)
    (folder / "mine.txt").symlink_to("gone.txt")


@pytest.mark.parametrize(
    ("prepare", "message"),
    [(write_deeply_nested, "person.txt: is nested too deep"), (write_dangling_link, "mine.txt: cannot be read")],
)
def test_an_unreadable_template_is_reported(tmp_path: Path, prepare: Callable[[Path], None], message: str) -> None:
    (tmp_path / "finger").mkdir()
    prepare(tmp_path / "finger")
    with pytest.raises(BrokenTemplate, match=f"^finger/{message}$"):
        TemplateSet(tmp_path).check()


def test_temporary_files_of_editors_are_ignored(tmp_path: Path) -> None:
    (tmp_path / "finger").mkdir()
    (tmp_path / "finger" / ".#person.txt").symlink_to("me@host.test:4711")
    (tmp_path / "finger" / ".person.txt.swp").write_bytes(b"b0VIM\xff")
    (tmp_path / ".hidden.txt").write_text("{% if")
    TemplateSet(tmp_path).check()
