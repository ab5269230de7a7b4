"""The conformance suite against our own gateway, run by its command: no check fails, and each untested one is
untestable."""

import json
import os
import pty
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.peers.gateway_process import (
    WATCHED_COMMAND,
    Installation,
    free_port,
    make_installation,
    run_command,
    run_gateway,
    wait_until,
)
from tests.peers.gateway_process import query_finger as ask
from tests.peers.test_logins import utmp_entry
from tests.unit.fixtures import ALICE, BOB, CAROL, DAVE, ZOFIE

EVERYBODY: list[dict[str, Any]] = [
    {**ALICE, "visibility": {"presence": "everyone", "last_seen": "everyone", "terminal": "everyone"}},
    BOB,
    CAROL,
    DAVE,
    ZOFIE,
    {"login": "\u017eofie", "name": "\u017dofie Jin\u00e1"},
    {"login": "erin", "name": "Erin", "plan": "caf\u00e9\n"},
]
# The suite reports a reason for each: settings, files, plans, logs, other hosts and clients are not visible from outside.
UNTESTED = """
    F013 F018 F020 F021 F023 F024 F026 F028 F032 F034 F035 F036 F037 F087 F088 F089 F090 F091 F093 F095 F099 F101 F105
    F106 F107 F109 F110 F111 F112 F114 F115 F117 F118 F119 F121 F122
"""


def run_conform(installation: Installation, *options: str, code: int = 0) -> dict[str, Any]:
    """Return the JSON report of the command for the gateway of *installation*."""
    ran = run_command(
        "conform", f"127.0.0.1:{installation.finger_port}", "--json", *options, folder=installation.folder, code=code
    )
    output: dict[str, Any] = json.loads(ran.out)
    return output


def ids_with_verdict(output: dict[str, Any], verdict: str) -> dict[str, str]:
    return {each["id"]: each["why"] for each in output["checks"] if each["verdict"] == verdict}


@contextmanager
def run_conforming_gateway(folder: Path) -> Iterator[Installation]:
    """Run our gateway with all people of the tests; alice is logged in."""
    (folder / "run").mkdir()
    utmp, master = folder / "run" / "utmp", pty.openpty()
    utmp.write_bytes(b"")
    installation = make_installation(folder, people=EVERYBODY, more='[sources.logins]\nevery = "100ms"\n')
    changed = {
        "queries_per_minute = 60000": "queries_per_minute = 900",
        "connections_per_address = 500": 'connections_per_address = 100\ntimeout = "1s"',
        f'"tcp:{installation.finger_port}:interface=127.0.0.1"': f'"tcp:{installation.finger_port}:interface=127.0.0.1",'
        f' "tcp:{installation.finger_port}:interface=\\\\:\\\\:1"',
    }
    settings = installation.settings.read_text()
    for old, new in changed.items():
        assert settings.count(old) == 1, old
        settings = settings.replace(old, new)
    installation.settings.write_text(settings)
    own_run = ("unshare", "-m", "sh", "-c", f'mount --bind "{utmp.parent}" /run && exec "$@"', "sh", *WATCHED_COMMAND)
    someone = subprocess.Popen(["sleep", "1000"])
    try:
        with run_gateway(installation, start=own_run):
            utmp.write_bytes(utmp_entry("alice", os.ttyname(master[1]).removeprefix("/dev/"), someone.pid))
            wait_until(lambda: "Alice Adams" in ask(installation.finger_port, ""), "alice to be on")
            yield installation
    finally:
        someone.kill()
        someone.wait()


def test_no_check_fails_and_no_testable_check_is_left_out(tmp_path: Path) -> None:
    with run_conforming_gateway(tmp_path) as installation:
        output = run_conform(
            installation,
            *("--login", "alice", "--login", "bob", "--login", "\u017eofie"),
            *("--host-name", "dir.test", "--host-name", "localhost", "--host-name", "::1"),
            *("--aggressive", "--wait", "5"),
        )
    assert ids_with_verdict(output, "fail") == {}
    assert sorted(ids_with_verdict(output, "not tested")) == UNTESTED.split()
    assert output["status"] == 0
    assert "F016" in ids_with_verdict(output, "pass")


def test_a_server_without_a_list_and_without_the_given_people(tmp_path: Path) -> None:
    installation = make_installation(tmp_path)
    settings = installation.settings.read_text()
    installation.settings.write_text(settings.replace("[finger]\n", "[finger]\nlisting = false\n"))
    with run_gateway(installation):
        output = run_conform(installation, "--only", "F015,F039,F044,F046,F092,F095")
        assert set(ids_with_verdict(output, "pass")) == {"F039", "F095"}
        left_out = ids_with_verdict(output, "not tested")
        assert left_out["F015"] == "needs --aggressive"
        assert left_out["F044"] == left_out["F046"] == "needs --login NAME, the login of somebody who exists"
        assert left_out["F092"] == "the list is refused"
        output = run_conform(installation, "--only", "F044,F046,F058", "--login", "nobody", code=1)
        assert ids_with_verdict(output, "fail") == {"F044": "answered as an unknown name"}
        assert set(ids_with_verdict(output, "not tested").values()) == {"nobody was not found (see F044)"}


def test_a_refused_connection(tmp_path: Path) -> None:
    port = free_port()
    ran = run_command("conform", f"127.0.0.1:{port}", folder=tmp_path, code=69)
    assert ran.out == ""
    assert ran.err == f"127.0.0.1 port {port}: Connection refused\n"
