"""`finger-gateway demo` as a new user runs it: its output, the commands that it suggests, and how it ends."""

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.peers.gateway_process import (
    GatewayProcess,
    free_port,
    http_get,
    is_listening,
    join_irc,
    query_finger,
    run_command,
    start_process,
    wait_until,
)

BIN = Path(sys.executable).parent


@dataclass
class Demo:
    """A running demo and its ports."""

    running: GatewayProcess
    finger: int
    web: int
    irc: int
    folder: Path

    @property
    def startup_output(self) -> str:
        """Return what it prints before it waits."""
        return wait_until(
            lambda: reply if "Ctrl-C ends the demo" in (reply := self.running.stdout) else "", "the end of what it says"
        )

    @property
    def folder_of_people(self) -> Path:
        match = re.search(r"^The access log is (.+)/access\.jsonl\.", self.startup_output, re.MULTILINE)
        assert match is not None
        return Path(match[1])

    def run_suggestion(self, line: str) -> str:
        """Return the output of a suggested command, run in a shell as it is printed."""
        environment = os.environ | {"PATH": f"{BIN}:{os.environ['PATH']}"}
        done = subprocess.run(
            ["bash", "-c", line],
            cwd=self.folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        return done.stdout


@contextmanager
def run_demo(folder: Path, *arguments: str) -> Iterator[Demo]:
    """Run a demo on free ports, with finger-gateway on the PATH."""
    ports = [free_port() for _ in range(3)]
    endpoints = (
        word
        for option, port in zip(("--finger", "--web", "--irc"), ports, strict=True)
        for word in (option, f"tcp:{port}:interface=127.0.0.1")
    )
    environment = os.environ | {"PATH": f"{BIN}:{os.environ['PATH']}", "PYTHONUNBUFFERED": "1"}
    with start_process(folder, ports, "demo", *arguments, *endpoints, env=environment) as running:
        yield Demo(running, ports[0], ports[1], ports[2], folder)


def test_the_demo_shows_alice_on_all_protocols_and_its_suggestions_work(tmp_path: Path) -> None:
    with run_demo(tmp_path) as shown:
        reply = shown.startup_output
        answers = reply.partition("Try:")[0]
        client, fetching = (
            f"finger-gateway ask alice@localhost:{shown.finger}",
            f"curl http://localhost:{shown.web}/users/alice",
        )
        for heading in (f"$ {client}", f"$ {fetching}", "/msg fingerbot alice"):
            _, _, output = answers.partition(heading + "\n")
            output = re.split(r"\n(?:\$ |/msg )", output)[0]
            for fact in ("Alice Adams", "Keeper of the kettle", "at the kettle, come by", "A better teapot"):
                assert fact in output, heading
            for private in ("+420", "Prague", "Carol", "\x1b"):
                assert private not in output, heading
        memory = shown.running.memory_mib
        print(f"the demo: serves after {shown.running.startup_seconds:.2f} s; resident: {memory:.1f} MiB")

        tried = [line.strip() for line in reply.partition("Try:\n")[2].splitlines() if line.startswith("  ")]
        assert shown.run_suggestion(client) in answers
        assert shown.run_suggestion(fetching.replace("curl", "curl -sS")) in answers
        ask, nc, mei, alice, browser, irssi, plan = tried
        assert "Alice Adams" in shown.run_suggestion(ask)
        adams = shown.run_suggestion(nc)
        assert "Alice Adams" in adams and "Bob Adams" in adams
        assert "林美" in shown.run_suggestion(mei.replace("curl", "curl -sS"))
        assert '"name": "Alice Adams"' in shown.run_suggestion(alice.replace("curl", "curl -sS"))
        match = re.fullmatch(r"a browser at (http://localhost:\d+/)", browser)
        assert match is not None
        page = shown.run_suggestion(f"curl -sSf -H 'Accept: text/html' {match[1]}")
        assert "Alice Adams" in page and "Carol" not in page
        match = re.fullmatch(r"irssi -c localhost -p (\d+) -n you +then /msg (fingerbot) alice, or /join (#tea)", irssi)
        assert match is not None
        with join_irc(int(match[1]), "you", match[3]) as you:
            you.send(f"PRIVMSG {match[3]} :!finger bob")
            you.wait_for(lambda line: line.startswith(":fingerbot!") and "Bob Adams" in line, "the bot in the channel")

            assert shown.run_suggestion(plan) == ""
            wait_until(lambda: "Gone to buy milk." in query_finger(shown.finger, "alice"), "the new plan", 1)
            assert "Gone to buy milk." in http_get(shown.web, "/users/alice.json")[1]
            you.send(f"PRIVMSG {match[2]} :alice")
            you.wait_for(lambda line: line.startswith(":fingerbot!") and "Alice Adams" in line, "the bot in private")
            you.wait_for(lambda line: line.startswith(":fingerbot!") and "Gone to buy milk." in line, "the new plan")
        entries = (shown.folder_of_people / "access.jsonl").read_text().splitlines()
        assert len(entries) >= 3
        assert "carol" not in reply.lower()

        home = shown.folder_of_people
        assert home.is_dir()
        assert shown.running.stop(signal.SIGINT) == 0
        assert not home.exists()
        assert not any(map(is_listening, (shown.finger, shown.web, shown.irc)))


def test_a_port_in_use_is_reported_with_how_to_choose_another(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = f"tcp:{other.getsockname()[1]}:interface=127.0.0.1"
        free = [f"tcp:{free_port()}:interface=127.0.0.1" for _ in range(2)]
        for option, arguments in (
            ("finger.listen[0]", ("--finger", taken, "--web", free[0], "--irc", free[1])),
            ("--irc", ("--finger", free[0], "--web", free[1], "--irc", taken)),
        ):
            ran = run_command("demo", *arguments, folder=tmp_path, code=2, env={"TMPDIR": str(tmp_path)})
            first, *then = ran.err.splitlines()
            assert f"{option}: cannot listen on '{taken}': Address already in use" in first
            assert then == [
                "Choose other ports with --finger, --web and --irc,",
                "for example: finger-gateway demo --finger tcp:2079:interface=127.0.0.1",
            ]
            assert ran.out == ""
            assert list(tmp_path.iterdir()) == [], "its folder is gone"


def test_invalid_endpoints(tmp_path: Path) -> None:
    for endpoint in ("1079", "tcp:0"):
        ran = run_command("demo", "--web", endpoint, folder=tmp_path, code=2, env={"TMPDIR": str(tmp_path)})
        assert ran.err.startswith(f'cannot listen on \'{endpoint}\'; write "tcp:PORT" or "tcp:PORT:interface=ADDRESS"')
        assert list(tmp_path.iterdir()) == []


def test_a_given_folder_is_kept_with_its_people(tmp_path: Path) -> None:
    home = tmp_path / "club" / "demo"
    with run_demo(tmp_path, "--dir", str(home)) as first:
        assert first.folder_of_people == home
        assert first.startup_output
        run_command("-c", home / "gateway.toml", "plan", "alice", "-", stdin="Kept for tomorrow\n", folder=tmp_path)
        assert first.running.stop() == 0
    kept = {each.name for each in home.iterdir()}
    assert kept - {"people.db-wal", "people.db-shm"} == {"gateway.toml", "people.db", "access.jsonl"}
    with run_demo(tmp_path, "--dir", str(home)) as second:
        assert "Kept for tomorrow" in second.startup_output.partition("Try:")[0]
    (home / "gateway.toml").write_text("[finger]\n")
    ran = run_command("demo", "--dir", home, folder=tmp_path, code=2)
    assert ran.err.startswith(f"{home}/gateway.toml: not written by the demo; give --dir ")
    assert (home / "gateway.toml").read_text() == "[finger]\n"
    (tmp_path / "file").write_text("")
    ran = run_command("demo", "--dir", "file/demo", folder=tmp_path, code=2)
    assert ran.err == "file/demo: Not a directory\n"


def test_ctrl_c_during_startup_is_no_error(tmp_path: Path) -> None:
    with run_demo(tmp_path) as shown:
        assert shown.running.stop(signal.SIGINT) == 0
