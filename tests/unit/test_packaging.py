"""The contents of the wheel and the sdist, built by hatchling as pip does."""

import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[2]


def build(target: str, folder: Path, checkout: Path = CHECKOUT) -> Path:
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", target, "-d", str(folder)],
        cwd=checkout,
        env={"SOURCE_DATE_EPOCH": "1767225600"},
        check=True,
        capture_output=True,
    )
    (archive,) = folder.iterdir()
    return archive


def files(folder: str) -> set[str]:
    """Return the files that git tracks in a folder of the checkout."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", folder], cwd=CHECKOUT, check=True, capture_output=True, text=True
    ).stdout
    return {name for name in listed.split("\0") if name}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build("wheel", tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def shipped(wheel: Path) -> set[str]:
    return set(zipfile.ZipFile(wheel).namelist())


def test_wheel_contains_every_module_and_template(shipped: set[str]) -> None:
    modules = files("gateway") - files("gateway/man") - {"gateway/twist_plugin.py"}
    templates = {f"gateway/{name}" for name in files("templates")}
    assert modules
    assert (modules | templates) - shipped == set()


def test_wheel_contains_the_twist_plugin(wheel: Path, shipped: set[str]) -> None:
    plugins = {name for name in shipped if name.startswith("twisted/")}
    assert plugins == {"twisted/plugins/finger_gateway.py"}
    source = zipfile.ZipFile(wheel).read("twisted/plugins/finger_gateway.py")
    assert source == (CHECKOUT / "gateway/twist_plugin.py").read_bytes()


def test_wheel_contains_the_licence_and_the_command(wheel: Path, shipped: set[str]) -> None:
    (licence,) = (name for name in shipped if name.endswith("/licenses/LICENSE"))
    assert b"MIT License" in zipfile.ZipFile(wheel).read(licence)
    (commands,) = (name for name in shipped if name.endswith("/entry_points.txt"))
    assert b"finger-gateway = gateway.cli:main" in zipfile.ZipFile(wheel).read(commands)


def test_the_wheel_installs_the_manual_pages(wheel: Path, shipped: set[str]) -> None:
    data = {name.partition(".data/data/")[2]: name for name in shipped if ".data/" in name}
    assert set(data) == {
        f"share/man/man{name[-1]}/{Path(name).name}" for name in files("gateway/man") if name[-1].isdigit()
    }
    assert "share/man/man1/finger-gateway.1" in data
    for page, name in data.items():
        assert zipfile.ZipFile(wheel).read(name) == (CHECKOUT / "gateway/man" / Path(page).name).read_bytes()
    assert not [name for name in shipped if name.startswith("gateway/man/")]


def test_wheel_contains_nothing_else(shipped: set[str]) -> None:
    tops = {name.split("/")[0] for name in shipped}
    assert {top for top in tops if not top.endswith((".dist-info", ".data"))} == {"gateway", "twisted"}
    assert not [name for name in shipped if "tests" in name.split("/") or name.endswith(".pyc")]


def test_the_wheel_is_reproducible(wheel: Path, tmp_path: Path) -> None:
    assert build("wheel", tmp_path).read_bytes() == wheel.read_bytes()


def test_the_wheel_is_reproducible_from_another_checkout(wheel: Path, tmp_path: Path) -> None:
    """In another folder, with other file times and permissions."""
    for name in files("."):
        copied = tmp_path / "checkout" / name
        copied.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(CHECKOUT / name, copied)
        copied.chmod(0o600)
        os.utime(copied, (1, 1))
    assert build("wheel", tmp_path / "wheel", tmp_path / "checkout").read_bytes() == wheel.read_bytes()


def test_sdist_contains_templates_tests_and_examples(tmp_path: Path) -> None:
    with tarfile.open(build("sdist", tmp_path)) as archive:
        names = {name.split("/", 1)[1] for name in archive.getnames()}
    wanted = files("gateway") | files("templates") | files("tests") | files("examples") | {"LICENSE", "pyproject.toml"}
    assert wanted - names == set()
