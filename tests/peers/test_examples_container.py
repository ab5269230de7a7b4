"""examples/container: the Dockerfile is parsed, and its commands are run in a folder that stands for the image.

Docker is not needed. Every COPY is done; every RUN goes through sh with the image's paths moved below the folder.
What only an image can do (another user) is replaced by a stub that records how it was called.
"""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.peers.gateway_process import CHECKOUT, free_port, http_get, query_finger, start_process

CONTAINER = CHECKOUT / "examples" / "container"
TOPS = re.compile(r"(?<![\w./-])/(opt|src|dist|data)\b")  # folders of the image


def parse_dockerfile() -> list[tuple[str, str]]:
    text = (CONTAINER / "Dockerfile").read_text().replace("\\\n", " ")
    lines = (line for line in text.splitlines() if line and not line.startswith("#"))
    return [(word, " ".join(rest.split())) for word, _, rest in (line.partition(" ") for line in lines)]


STEPS = parse_dockerfile()


class FakeImage:
    """The image, built below *root*, and the environment of its commands."""

    def __init__(self, root: Path) -> None:
        self.root, self.work = root, root
        bin_ = root / "bin"
        bin_.mkdir(parents=True)
        for name in ("useradd", "chown"):
            (bin_ / name).write_text(f'#!/bin/sh\necho "{name} $*" >>"{root}/called"\n')
            (bin_ / name).chmod(0o755)
        (bin_ / "install").write_text('#!/bin/sh\nfor last; do :; done\nmkdir -p "$last"\n')
        (bin_ / "install").chmod(0o755)
        (bin_ / "python").symlink_to(sys.executable)
        kept = {name: os.environ[name] for name in os.environ if not name.startswith(("PYTHON", "COV", "VIRTUAL_ENV"))}
        self.environment = kept | {"PATH": f"{bin_}:/usr/bin:/bin"}

    def rebase_path(self, text: str) -> str:
        return TOPS.sub(rf"{self.root}/\1", text)

    def run(self, line: str) -> None:
        ran = subprocess.run(
            ["sh", "-c", self.rebase_path(line)],
            cwd=self.work,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert ran.returncode == 0, f"{line}\n{ran.stdout}{ran.stderr}"

    def copy(self, words: list[str]) -> None:
        *sources, target = (word for word in words if not word.startswith("--"))
        if any(word.startswith("--from=") for word in words):
            assert all(Path(self.rebase_path(source)).exists() for source in sources)
            return
        to = self.work / self.rebase_path(target)
        for source in sources:
            if (CHECKOUT / source).is_dir():
                shutil.copytree(CHECKOUT / source, to, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(CHECKOUT / source, to)

    def build(self) -> None:
        for word, rest in STEPS:
            if word == "WORKDIR":
                self.work = Path(self.rebase_path(rest))
                self.work.mkdir(parents=True, exist_ok=True)
            elif word == "COPY":
                self.copy(shlex.split(rest))
            elif word == "RUN":
                self.run(rest)
            elif word in ("ENV", "ARG"):
                pairs = (pair.split("=", 1) for pair in shlex.split(rest))
                self.environment |= {
                    name: self.rebase_path(value).replace("$PATH", self.environment["PATH"]) for name, value in pairs
                }


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FakeImage]:
    made = FakeImage(tmp_path_factory.mktemp("image"))
    made.build()
    yield made


def test_the_image_is_built_in_two_stages_and_run_without_root() -> None:
    bases = [rest for word, rest in STEPS if word == "FROM"]
    assert bases == ["python:3.11-slim AS build", "python:3.11-slim"]
    last = STEPS[max(number for number, (word, _) in enumerate(STEPS) if word == "FROM") :]
    reply = dict(last)
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", reply["USER"])
    uid = reply["USER"].split(":")[0]
    assert any(word == "RUN" and f"useradd --system --uid {uid} " in rest for word, rest in last)
    assert (reply["VOLUME"], reply["WORKDIR"], reply["EXPOSE"]) == ("/data", "/data", "1079 8080")
    assert [json.loads(reply[word]) for word in ("ENTRYPOINT", "CMD")] == [["finger-gateway"], ["run"]]
    assert not [rest for word, rest in STEPS if word == "ADD" or "curl" in rest or "--trusted-host" in rest]


def test_every_copied_file_exists_and_is_not_ignored() -> None:
    ignored = (CONTAINER / "Dockerfile.dockerignore").read_text().splitlines()
    assert "*" in ignored
    for word, rest in STEPS:
        if word == "COPY" and "--from=" not in rest:
            *sources, _ = (each for each in shlex.split(rest) if not each.startswith("--"))
            for source in sources:
                assert (CHECKOUT / source).exists(), source
                assert any(line[0] == "!" and f"{source}/".startswith(f"{line[1:]}/") for line in ignored), source


@pytest.mark.long
def test_the_image_built_from_the_lock_files_serves_and_is_healthy(image: FakeImage, tmp_path: Path) -> None:
    ports = {"1079": free_port(), "8080": free_port()}
    settings = image.root / "data" / "gateway.toml"
    text = settings.read_text()
    for inside, outside in ports.items():
        text = text.replace(f'"tcp:{inside}"', f'"tcp:{outside}:interface=127.0.0.1"')
    settings.write_text(text)
    ask = ["sh", "-c", 'finger-gateway people add alice --name "Alice Adams"']
    assert ask[2] in (CONTAINER / "README.md").read_text()
    subprocess.run(ask, cwd=image.work, env=image.environment, check=True, capture_output=True)
    command = str(image.root / "opt/finger-gateway/bin/finger-gateway")
    health = json.loads(dict(STEPS)["HEALTHCHECK"].partition("CMD ")[2])
    health = [word.replace(":8080/", f":{ports['8080']}/") for word in health]

    def is_healthy() -> bool:
        ran = subprocess.run(health, cwd=image.work, env=image.environment, capture_output=True, check=False)
        return ran.returncode == 0

    assert not is_healthy()
    with start_process(image.work, list(ports.values()), "run", start=(command,), env=image.environment) as running:
        assert "Alice Adams" in query_finger(ports["1079"], "alice")
        assert http_get(ports["8080"], "/users/alice")[0] == 200
        assert is_healthy()
        subprocess.run([command, "reload"], cwd=image.work, env=image.environment, check=True, capture_output=True)
        assert running.stop() == 0
    called = (image.root / "called").read_text().splitlines()
    assert [line.split()[0] for line in called] == ["useradd", "chown"]
    (wheel,) = (image.root / "dist").iterdir()
    assert wheel.name.endswith("-py3-none-any.whl")
    assert not (image.root / "opt/finger-gateway/bin/pip").exists()


def test_the_readme_uses_valid_docker_commands() -> None:
    readme = (CONTAINER / "README.md").read_text()
    lines = re.findall(r"^    (docker .*)$", readme, re.MULTILINE)
    assert [line.split()[1] for line in lines] == ["build", "run", "exec", "exec", "stop"]
    assert "-f examples/container/Dockerfile ." in lines[0]
    published = re.findall(r"-p \d+:(\d+)", lines[1])
    assert published == dict(STEPS)["EXPOSE"].split()
