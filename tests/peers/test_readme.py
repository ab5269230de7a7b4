"""README as a new user follows it: the two commands in a fresh clone with a new HOME, and the commands below them."""

import os
import re
import signal
import subprocess
import sys
import threading
from pathlib import Path

from tests.peers.gateway_process import free_port

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
FENCES = re.findall(r"^```\n(.*?)^```$", README, re.DOTALL | re.MULTILINE)


def test_two_commands_are_on_the_first_screen() -> None:
    assert [fence.strip() for fence in FENCES] == ["examples/demo/run", "tests/run"]
    assert README.index(FENCES[1]) < README.index("\n## "), "before the first heading"
    assert os.access(ROOT / "tests" / "run", os.X_OK)
    for link in re.findall(r"\]\(([^)]+)\)", README):
        assert (ROOT / link).exists(), link


def test_F119_the_readme_lists_queries_that_trigger_detection_rules() -> None:
    (output,) = (each for each in README.split("\n\n") if "Snort" in each and "Suricata" in each)
    assert set(re.findall("`([^`]+)`", output)) >= {"@", ".", "0", "root", "search", ";", "|"}


def test_the_first_command_in_a_fresh_clone(tmp_path: Path) -> None:
    clone, home = tmp_path / "clone", tmp_path / "home"
    home.mkdir()
    subprocess.run(["git", "clone", "-q", str(ROOT), str(clone)], check=True)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("VIRTUAL_ENV", "PYTHON", "COV"))}
    ports = [f"--{name}=tcp:{free_port()}:interface=127.0.0.1" for name in ("finger", "web", "irc")]
    demo = subprocess.Popen(
        FENCES[0].split() + ports, cwd=clone, env=kept | {"HOME": str(home)}, stdout=subprocess.PIPE, text=True
    )
    assert demo.stdout is not None
    overdue = threading.Timer(240, demo.kill)
    overdue.start()
    try:
        output = ""
        while "Ctrl-C ends the demo" not in output:
            line = demo.stdout.readline()
            assert line, output
            output += line
        assert output.count("Alice Adams") >= 3, output
        assert "Try:" in output
        demo.send_signal(signal.SIGINT)
        assert demo.wait(15) == 0
    finally:
        overdue.cancel()
        demo.kill()
        demo.wait()
        demo.stdout.close()


def test_the_other_commands_work(tmp_path: Path) -> None:
    """Every indented command of README, in order, except the one that serves until it is stopped."""
    installation, plan = tmp_path / "finger", tmp_path / "plan"
    plan.write_text("Gone fishing.\n")
    folder, ran = tmp_path, 0
    lines = [line[4:].partition("  #")[0].strip() for line in README.splitlines() if line.startswith("    ")]
    python = f"{sys.executable} -m gateway"
    for line in lines:
        if line.startswith("cd "):
            folder = installation
        elif "finger-gateway " in line and not line.endswith(" run"):
            command = re.sub(r"^\S*finger-gateway", python, line)
            command = command.replace("/srv/finger", str(installation)).replace("~alice/.plan", str(plan))
            done = subprocess.run(command, shell=True, cwd=folder, capture_output=True, text=True, check=False)
            assert done.returncode == 0, f"{line}\n{done.stderr}"
            ran += 1
    assert ran >= 6
    shown = subprocess.run(
        f"{python} people show alice", shell=True, cwd=installation, capture_output=True, text=True, check=True
    )
    assert "Gone fishing." in shown.stdout
