"""The lock files contain exactly the packages that the gateway needs, in the tested versions."""

import importlib.metadata
import re
import tomllib
from collections.abc import Iterable
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

CHECKOUT = Path(__file__).parents[2]
PROJECT = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())
LOCKS = CHECKOUT / "examples" / "container"
ENTRY = re.compile(
    r"^(?P<name>[a-z0-9-]+)==(?P<version>\S+)(?P<hashes>(?: \\\n    --hash=sha256:[0-9a-f]{64})+)$", re.M
)


def closure(wanted: Iterable[str]) -> set[str]:
    """Return all packages that *wanted* requires, by the metadata of the installed ones."""
    found: set[str] = set()
    todo = [Requirement(each) for each in wanted]
    seen: set[tuple[str, str]] = set()
    while todo:
        requirement = todo.pop()
        name = canonicalize_name(requirement.name)
        found.add(name)
        for extra in ("", *requirement.extras):
            if (name, extra) in seen:
                continue
            seen.add((name, extra))
            needs = map(Requirement, importlib.metadata.requires(name) or ())
            todo.extend(each for each in needs if each.marker is None or each.marker.evaluate({"extra": extra}))
    return found


def constraints() -> dict[str, str]:
    lines = (CHECKOUT / "tests" / "constraints.txt").read_text().splitlines()
    pairs = (line.split("==") for line in lines if "==" in line)
    return {canonicalize_name(name): version for name, version in pairs}


@pytest.mark.parametrize(
    ("file", "wanted"),
    [
        ("requirements.txt", PROJECT["project"]["dependencies"]),
        ("build.txt", PROJECT["build-system"]["requires"]),
    ],
)
def test_lock_files_have_the_needed_packages_in_tested_versions(file: str, wanted: list[str]) -> None:
    text = (LOCKS / file).read_text()
    locked = {found["name"]: found["version"] for found in ENTRY.finditer(text)}
    assert set(locked) == closure(wanted), "`tests/run --lock` rewrites the file"
    tested = constraints()
    assert locked == {name: tested[name] for name in locked}
    rest = ENTRY.sub("", text).split("\n", 1)
    assert rest[0].startswith("# ") and not rest[1].strip(), "lock files contain only packages, no index and no options"
