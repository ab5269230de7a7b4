"""A gateway in a network namespace where ports 79 and 80 are free, because many clients support no other port.
Besides 127.0.0.1 there is OTHER_ADDRESS; connections to it also come from it, so that access-log entries tell clients
apart."""

import os
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.peers.gateway_process import (
    DEADLINE,
    WATCHED_COMMAND,
    GatewayProcess,
    Installation,
    make_installation,
    start_process,
    wait_until,
)
from tests.peers.limits import read_to_end
from tests.peers.network_namespace import NetworkNamespace, make_network_namespace
from tests.unit.fixtures import ALICE, PEOPLE_CHANGED_AT, make_create_edit, write_edits

OTHER_ADDRESS = "192.0.2.79"
ZOFIE = {"login": "zofie", "name": "Žofie Černá", "plan": "Tea at five.\n    Bez mléka, díky.\n"}


@dataclass(frozen=True)
class IsolatedGateway:
    """The gateway, and its network namespace to run clients in."""

    network: NetworkNamespace
    installation: Installation
    process: GatewayProcess

    def inside_network(self, *command: str) -> list[str]:
        """Return the command line that runs *command* in the gateway's network namespace."""
        return [*self.network.enter, *command]

    def start(self, *command: str) -> "subprocess.Popen[bytes]":
        return subprocess.Popen(
            self.inside_network(*command), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )

    def run(self, *command: str, stdin: bytes = b"") -> bytes:
        """Return all output of *command*, which must succeed."""
        done = subprocess.run(
            self.inside_network(*command),
            input=stdin,
            capture_output=True,
            timeout=DEADLINE,
            env=terminal_environment(),
            check=False,
        )
        assert done.returncode == 0, done.stderr.decode() + done.stdout.decode()
        return done.stdout

    def collect_queries(self, ask: Callable[[], Any]) -> list[str]:
        """Call *ask* and return the queries that it causes, from the access log, without line ends."""
        first, last = self._mark(), (ask(), self._mark())[1]
        wait_until(lambda: last in self._queries(), "the log entry of a marker")
        queries = self._queries()
        return queries[queries.index(first) + 1 : queries.index(last)]

    def _mark(self) -> str:
        """Query a unique unknown name and return it: log entries are in order, so it marks a position."""
        mark = f"mark{time.monotonic_ns()}"
        with self.network.connect("127.0.0.1") as client:
            client.sendall(mark.encode() + b"\n")
            read_to_end(client)
        return mark

    def _queries(self) -> list[str]:
        return [entry["query"] for entry in self.read_access_log("127.0.0.1")]

    def read_access_log(self, peer: str) -> list[dict[str, Any]]:
        return [entry for entry in self.installation.read_access_log() if entry["peer"] == peer]


@contextmanager
def run_isolated_gateway(folder: Path) -> Iterator[IsolatedGateway]:
    """Run a gateway with alice and zofie in a network namespace."""
    installation = make_installation(folder, people=[])
    write_edits(installation.database, [make_create_edit(fields) for fields in (ALICE, ZOFIE)], PEOPLE_CHANGED_AT)
    text = installation.settings.read_text()
    for old, new in (
        (f"tcp:{installation.finger_port}:interface=127.0.0.1", "tcp:79"),
        (f"tcp:{installation.web_port}:interface=127.0.0.1", "tcp:80"),
        (f'"http://localhost:{installation.web_port}"', '"https://dir.test"'),
        ('file = "access.jsonl"', 'file = "access.jsonl"\naddresses = "full"'),
    ):
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    installation.settings.write_text(text)
    with (
        make_network_namespace(folder, [OTHER_ADDRESS], {"dir.test": ["127.0.0.1"]}) as network,
        start_process(
            folder, [], "run", "-c", installation.settings, start=(*network.enter, *WATCHED_COMMAND)
        ) as running,
    ):
        sockets = Path(f"/proc/{running.process.pid}/net/tcp")
        wait_until(
            lambda: running.process.poll() is not None or ":004F 00000000:0000 0A" in sockets.read_text(), "port 79"
        )
        assert running.process.poll() is None, running.log
        yield IsolatedGateway(network, installation, running)


@dataclass(frozen=True)
class TerminalScreen:
    """A terminal of 80 by 24 in the gateway's network namespace, read from its screen."""

    gateway: IsolatedGateway
    socket: Path

    def wait_for(self, *texts: str) -> str:
        """Return the screen, once all of *texts* are on it."""
        end = time.monotonic() + DEADLINE
        while not all(text in (screen := self._tmux("capture-pane", "-p")) for text in texts):
            assert time.monotonic() < end, screen
            time.sleep(0.05)
        return screen

    def _tmux(self, *arguments: str) -> str:
        command = self.gateway.inside_network("tmux", "-S", str(self.socket), *arguments)
        return subprocess.run(
            command, env=terminal_environment(), capture_output=True, timeout=20, check=True
        ).stdout.decode()


@contextmanager
def open_terminal(gateway: IsolatedGateway, folder: Path, *command: str) -> Iterator[TerminalScreen]:
    """Run *command* in a terminal, with *folder* as HOME."""
    shown = TerminalScreen(gateway, folder / "tmux")
    shown._tmux("-f", "/dev/null", "new-session", "-d", "-x", "80", "-y", "24", "env", f"HOME={folder}", *command)
    try:
        yield shown
    finally:
        shown._tmux("kill-server")


def terminal_environment() -> dict[str, str]:
    return {**os.environ, "LC_ALL": "C.UTF-8", "TERM": "xterm-256color"}
