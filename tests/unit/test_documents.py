"""Documents for contributors: the paths and modules in them exist, and the layer diagram matches the enforced contract."""

import importlib
import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCUMENTS = (
    "gateway/README.md",
    "tests/README.md",
    ".github/CONTRIBUTING.md",
    ".github/SECURITY.md",
    "gateway/CHANGELOG.md",
)
_NAMED = re.compile(r"`([^`\n]+)`")
_PATH = re.compile(r"(?:gateway|tests|templates|examples|\.github)/[\w./-]*")
_MODULE = re.compile(r"(?:python -m )?((?:gateway|tests)(?:\.\w+)+)")
_LINK = re.compile(r"\]\(([^)#]+)")


@pytest.mark.parametrize("document", DOCUMENTS)
def test_paths_and_links_exist(document: str) -> None:
    text = (ROOT / document).read_text()
    paths = [ROOT / path.split()[0].partition("::")[0] for path in _NAMED.findall(text) if _PATH.match(path)]
    links = [(ROOT / document).parent / link for link in _LINK.findall(text) if "://" not in link]
    assert not [path for path in paths + links if not path.exists()]


@pytest.mark.parametrize("document", DOCUMENTS)
def test_modules_exist(document: str) -> None:
    text = (ROOT / document).read_text()
    for name in [each[1] for named in _NAMED.findall(text) if (each := _MODULE.match(named))]:
        importlib.import_module(name)


def test_the_layer_diagram_matches_the_contract() -> None:
    drawing = (ROOT / "gateway/README.md").read_text().split("```mermaid\n")[1].split("```")[0]
    boxes = re.findall(r'L(\d+)\["([^"]+)"\]', drawing)
    assert [int(number) for number, _ in boxes] == list(range(1, len(boxes) + 1))
    assert re.findall(r"L(\d+)(?:\[[^\]]*\])? --> L(\d+)", drawing) == [
        (str(number), str(number + 1)) for number in range(1, len(boxes))
    ]
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    (layers,) = (each["layers"] for each in contracts if each["id"] == "layers")
    assert [box for _, box in boxes] == [layer.replace("gateway.", "") for layer in layers]
