"""Which test covers which behaviour of the checklists. Ids and what they are about stand in ids.txt.

    python -m tests.ids                      all ids, each with its tests, then those without one
    python -m tests.ids --missing            only those without one
    python -m tests.ids --need F011-F018,W006    exits 1 if one of these has none

A test covers the ids in its name, in its docstring and in what it is parametrised with, a table of the module included.
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
_ID = re.compile(r"(?<![A-Za-z0-9])([FIRW])([0-9]{3})(?:(?:-|\N{EN DASH})(?:\1)?([0-9]{3}))?(?![0-9])")
_SENTENCE = re.compile(r"(?<=[.;])\s+|\n\s*\n")


@cache
def ids() -> dict[str, str]:
    """What every id is about."""
    lines = (line.partition(" ") for line in (TESTS / "ids.txt").read_text().splitlines())
    return {name: about for name, _, about in lines}


def named(text: str) -> Iterator[str]:
    """The ids in *text*: "F011-F013" are three, of which those that nobody wrote down are left out. "F071-513" is one:
    there is no F513."""
    for kind, first, last in _ID.findall(text):
        numbers = range(int(first), int(last if kind + last in ids() else first) + 1)
        yield from (f"{kind}{number:03}" for number in numbers if not last or f"{kind}{number:03}" in ids())


def _strings(node: ast.AST) -> Iterator[str]:
    for each in ast.walk(node):
        if isinstance(each, ast.Constant) and isinstance(each.value, str):
            yield each.value


def _tested(test: ast.FunctionDef | ast.AsyncFunctionDef, tables: dict[str, ast.expr]) -> Iterator[str]:
    """The texts in which *test* says what it covers; *tables* are the module's own, by name."""
    yield test.name.replace("_", " ")
    for sentence in _SENTENCE.split(ast.get_docstring(test) or ""):
        if "not yet" not in sentence.lower():
            yield sentence
    for decorator in test.decorator_list:
        if "parametrize" in ast.unparse(decorator):
            yield from _strings(decorator)
            for each in ast.walk(decorator):
                if isinstance(each, ast.Name) and each.id in tables:
                    yield from _strings(tables[each.id])


def covered(folder: Path = TESTS) -> dict[str, list[str]]:
    """The tests of each id, as pytest would be given them."""
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
                for each in dict.fromkeys(each for text in _tested(test, tables) for each in named(text)):
                    found.setdefault(each, []).append(name)
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--missing", action="store_true", help="only the ids that no test covers")
    parser.add_argument("--need", metavar="IDS", help="exit 1 where one of these is not covered")
    options = parser.parse_args()
    about, tests = ids(), covered()
    wanted = list(named(options.need)) if options.need else list(about)
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
