"""List which tests cover which behaviour. The behaviours and their ids are the rows of tests/behaviours/*.md.

    python -m tests.ids                      all ids, each with its tests, then those without one
    python -m tests.ids --missing            only those without one
    python -m tests.ids --need F011-F018,W006    exits 1 if one of these has none

A test covers the ids in its name, in its docstring and in its parameters, a table of the module included.
A module's docstring does not count, nor does a sentence that says "not yet".
"""

import argparse
import ast
import re
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

TESTS = Path(__file__).parent
BEHAVIOURS = TESTS / "behaviours"
_ROW = re.compile(r"^\| ([FIRW][0-9]{3}) \| (.+) \| .+ \|$", re.MULTILINE)
_ID = re.compile(r"(?<![A-Za-z0-9])([FIRW])([0-9]{3})(?:(?:-|\N{EN DASH})(?:\1)?([0-9]{3}))?(?![0-9])")
_SENTENCE = re.compile(r"(?<=[.;])\s+|\n\s*\n")


def read_rows(page: Path) -> list[tuple[str, str]]:
    """Return each id of *page* with what must hold."""
    return _ROW.findall(page.read_text())


@cache
def read_behaviours() -> dict[str, str]:
    """Return what must hold, by id, in the order of the ids."""
    return dict(sorted(row for page in BEHAVIOURS.glob("*.md") for row in read_rows(page)))


def expand_ids(text: str) -> Iterator[str]:
    """Yield the ids in *text*. "F011-F013" is three ids; those of a range that no page has are left out. "F071-513" is
    one id, because there is no F513."""
    known = read_behaviours()
    for kind, first, last in _ID.findall(text):
        numbers = range(int(first), int(last if kind + last in known else first) + 1)
        yield from (f"{kind}{number:03}" for number in numbers if not last or f"{kind}{number:03}" in known)


def _find_strings(node: ast.AST) -> Iterator[str]:
    for each in ast.walk(node):
        if isinstance(each, ast.Constant) and isinstance(each.value, str):
            yield each.value


def _find_texts(test: ast.FunctionDef | ast.AsyncFunctionDef, tables: dict[str, ast.expr]) -> Iterator[str]:
    """Yield the texts in which *test* may name ids. *tables* are the module's assignments, by name."""
    yield test.name.replace("_", " ")
    for sentence in _SENTENCE.split(ast.get_docstring(test) or ""):
        if "not yet" not in sentence.lower():
            yield sentence
    for decorator in test.decorator_list:
        if "parametrize" in ast.unparse(decorator):
            yield from _find_strings(decorator)
            for each in ast.walk(decorator):
                if isinstance(each, ast.Name) and each.id in tables:
                    yield from _find_strings(tables[each.id])


def find_tests(folder: Path = TESTS) -> dict[str, list[str]]:
    """Return the tests of each id, in the form that pytest takes."""
    found: dict[str, list[str]] = {}
    for file in sorted(folder.rglob("test_*.py")):
        module = ast.parse(file.read_text())
        tables: dict[str, ast.expr] = {}
        for node in module.body:
            if isinstance(node, ast.Assign):
                tables |= {target.id: node.value for target in node.targets if isinstance(target, ast.Name)}
            elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value is not None:
                tables[node.target.id] = node.value
        for test in ast.walk(module):
            if isinstance(test, ast.FunctionDef | ast.AsyncFunctionDef) and test.name.startswith("test_"):
                name = f"{file.relative_to(folder.parent)}::{test.name}"
                for each in dict.fromkeys(each for text in _find_texts(test, tables) for each in expand_ids(text)):
                    found.setdefault(each, []).append(name)
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--missing", action="store_true", help="only the ids that no test covers")
    parser.add_argument("--need", metavar="IDS", help="exit 1 where one of these is not covered")
    options = parser.parse_args()
    about, tests = read_behaviours(), find_tests()
    wanted = list(expand_ids(options.need)) if options.need else list(about)
    if unknown := [each for each in wanted if each not in about]:
        parser.error(f"no such id: {', '.join(unknown)}")
    missing = [each for each in wanted if each not in tests]
    if not options.missing and not options.need:
        for each in wanted:
            print(f"{each} {about[each]}")
            for test in tests.get(each, ()):
                print(f"     {test}")
        print(f"\n{len(wanted) - len(missing)} of {len(wanted)} covered; no test covers:")
    for each in missing:
        print(f"{each} {about[each]}")
    return 1 if options.need and missing else 0


if __name__ == "__main__":
    sys.exit(main())
