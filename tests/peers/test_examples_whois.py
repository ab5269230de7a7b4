"""examples/whois: an operator's own protocol, set up by its README's commands, over real sockets."""

import json
import re
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.peers.gateway_process import (
    CHECKOUT,
    GatewayProcess,
    Installation,
    free_port,
    run_command,
    run_gateway,
    run_readme_commands,
)

EXAMPLE = CHECKOUT / "examples" / "whois"
COMMANDS = re.findall(r"^    ((?:finger-gateway|cp|cd) .*)$", (EXAMPLE / "README.md").read_text(), re.MULTILINE)
ALICE = b"Login:      alice\r\nName:       Alice Adams\r\n"


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    """Run the README's commands, on other ports and with a log file."""
    folder = tmp_path_factory.mktemp("machine") / "whois"
    *before, run = COMMANDS
    assert run == "finger-gateway run"
    run_readme_commands(before, "/tmp/whois", folder)
    installation = Installation(folder, free_port(), free_port())
    text = (
        installation.settings.read_text()
        .replace("tcp:1043", f"tcp:{installation.web_port}")
        .replace("tcp:1079", f"tcp:{installation.finger_port}")
    )
    installation.settings.write_text(text + '[access_log]\nfile = "access.jsonl"\n[limits]\nqueries_per_minute = 6\n')
    return installation


@pytest.fixture(scope="module")
def gateway(installation: Installation) -> Iterator[GatewayProcess]:
    with run_gateway(installation) as running:
        yield running


def query_whois(installation: Installation, line: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", installation.web_port), 30) as connection:
        connection.settimeout(30)
        connection.sendall(line)
        return b"".join(iter(lambda: connection.recv(65536), b""))


def test_whois_answers_hides_limits_and_logs(installation: Installation, gateway: GatewayProcess) -> None:
    assert query_whois(installation, b"alice\r\n").startswith(ALICE)
    assert query_whois(installation, b"adams\r\n").startswith(ALICE)
    assert query_whois(installation, b"carol\r\n") == query_whois(installation, b"nobody\r\n") == b"No match.\r\n"
    assert query_whois(installation, b"x" * 2000) == b"Query too long.\r\n"
    answers = [query_whois(installation, b"alice\r\n") for _ in range(3)]
    assert answers[-1].startswith(b"Too many queries, try again in ")
    run_command("reload", "-c", installation.settings, folder=installation.folder)
    gateway.stop()
    log = [json.loads(line) for line in (installation.folder / "access.jsonl").read_text().splitlines()]
    assert {entry["protocol"] for entry in log} == {"whois"}
    outcomes = [entry["outcome"] for entry in log]
    assert outcomes[:5] == ["found", "found", "not_found", "not_found", "invalid"] and outcomes[-1] == "limited"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('listen = ["tcp:', 'listen = ["tpc:', "protocols.whois.listen[0]: found 'tpc:"),
        ("whois:Whois", "whois:Nobody", "protocols.whois.class: found 'whois:Nobody'"),
        ("listen = [", "lisden = [", "protocols.whois.lisden: unknown key; did you mean listen?"),
        ("[protocols.whois]", "[protocols.finger]", "protocols.finger: finger is a built-in protocol"),
    ],
)
def test_check_reports_invalid_settings(tmp_path: Path, old: str, new: str, message: str) -> None:
    shutil.copytree(EXAMPLE, tmp_path, dirs_exist_ok=True)
    run_command("init", tmp_path / "fresh", folder=tmp_path)
    (tmp_path / "fresh" / "people.db").rename(tmp_path / "people.db")
    settings = tmp_path / "gateway.toml"
    settings.write_text(settings.read_text().replace(old, new, 1))
    assert f"{settings}: {message}" in run_command("-c", settings, "check", folder=tmp_path, code=2).err
