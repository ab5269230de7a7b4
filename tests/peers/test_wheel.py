"""The wheel in a fresh environment: no checkout, an empty HOME, an empty folder."""

import os
import re
import subprocess
import sys
from pathlib import Path

from tests.peers.gateway_process import (
    CHECKOUT,
    assert_clean_log,
    free_port,
    http_get,
    query_finger,
    start_process,
    wait_until,
)


def test_the_wheel_serves_in_a_clean_environment(tmp_path: Path) -> None:
    home, work, wheels, environment = (tmp_path / name for name in ("home", "work", "wheels", "environment"))
    home.mkdir()
    work.mkdir()
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(wheels)],
        cwd=CHECKOUT, check=True, capture_output=True,
    )  # fmt: skip
    (wheel,) = wheels.iterdir()
    subprocess.run([sys.executable, "-m", "venv", str(environment)], check=True, capture_output=True)
    bin_ = environment / "bin"
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "COVERAGE", "VIRTUAL_ENV"))
    }
    subprocess.run(
        [bin_ / "pip", "install", "-q", "-c", CHECKOUT / "tests/constraints.txt", wheel],
        env=kept,
        check=True,
        timeout=300,
        capture_output=True,
    )
    clear = kept | {"HOME": str(home), "PATH": f"{bin_}:/usr/bin:/bin", "PYTHONUNBUFFERED": "1"}

    def run_line(line: str) -> str:
        done = subprocess.run(
            ["sh", "-c", line], cwd=work, env=clear, capture_output=True, text=True, check=True, timeout=60
        )
        assert_clean_log(done.stderr)
        return done.stdout

    assert re.search(r"^\s+finger-gateway\s+One directory of people", run_line("twist --help"), re.MULTILINE)
    assert "gateway.toml" in run_line("twist finger-gateway --help")
    assert run_line("python -c 'import gateway; print(gateway.__file__)'").startswith(str(environment))

    ports = [free_port() for _ in range(3)]
    endpoints = [f"tcp:{port}:interface=127.0.0.1" for port in ports]
    words = ["demo", "--finger", endpoints[0], "--web", endpoints[1], "--irc", endpoints[2]]
    (tmp_path / "logs").mkdir()
    with start_process(tmp_path / "logs", ports, *words, start=(str(bin_ / "finger-gateway"),), env=clear) as running:
        reply = wait_until(
            lambda: out if "Ctrl-C ends the demo" in (out := running.stdout) else "", "the end of what it says"
        )
        assert reply.count("Alice Adams") >= 3
        assert "Alice Adams" in query_finger(ports[0], "alice")
        assert http_get(ports[1], "/users/alice")[0] == 200
        assert running.stop() == 0

    run_line("finger-gateway init club && cd club && finger-gateway people add alice --name 'Alice Adams'")
    port = free_port()
    settings = work / "club" / "gateway.toml"
    text = (
        settings.read_text()
        .replace('"tcp:79"', f'"tcp:{port}:interface=127.0.0.1"')
        .replace("tcp:8080:", f"tcp:{ports[1]}:")
    )
    settings.write_text(text)
    start = (str(bin_ / "twist"), "finger-gateway")
    with start_process(work / "club", [port, ports[1]], start=start, env=clear):
        assert "Alice Adams" in query_finger(port, "alice")
    assert list(home.iterdir()) == []
