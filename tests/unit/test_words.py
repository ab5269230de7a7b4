"""Names and docstrings of gateway/ that no linter checks."""

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "gateway"
VAGUE_CONSTANTS = {"MOST", "LEAST", "PATIENCE", "AGAIN", "AT_ONCE", "ROOM", "LONG", "LINES", "OTHER", "SOME"}


def modules() -> list[tuple[str, ast.Module]]:
    files = sorted(PACKAGE.rglob("*.py"))
    return [(str(file.relative_to(PACKAGE.parent)), ast.parse(file.read_text(encoding="utf-8"))) for file in files]


MODULES = modules()


def public_types(tree: ast.Module) -> Iterator[str]:
    """Yield the public classes and type aliases that a module defines."""
    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            name = node.name
        elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            name = node.targets[0].id
            is_type = isinstance(node.value, ast.Subscript | ast.BinOp) and not name.isupper() and name[0].isupper()
            if not is_type:
                continue
        else:
            continue
        if not name.startswith("_"):
            yield name


def test_no_public_type_has_the_name_of_another() -> None:
    places: dict[str, list[str]] = defaultdict(list)
    for file, tree in MODULES:
        for name in public_types(tree):
            places[name].append(file)
    assert places["DirectoryService"] == ["gateway/directory/service.py"]
    assert {name: files for name, files in places.items() if len(files) > 1} == {}


@pytest.mark.parametrize(("file", "tree"), MODULES, ids=[file for file, _ in MODULES])
def test_a_constant_says_what_it_limits(file: str, tree: ast.Module) -> None:
    names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    assert names & VAGUE_CONSTANTS == set()


@pytest.mark.parametrize(("file", "tree"), MODULES, ids=[file for file, _ in MODULES])
def test_a_docstring_stands_alone(file: str, tree: ast.Module) -> None:
    kinds = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    texts = [ast.get_docstring(node) or "" for node in ast.walk(tree) if isinstance(node, kinds)]
    assert [text for text in texts if re.match(r"the same\b", text, re.IGNORECASE)] == []
