"""Port 79 without root, in a network namespace where the resolver and port 113 exist and never answer."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from gateway.finger.settings import FingerSettings
from tests.peers.gateway_process import (
    WATCHED_COMMAND,
    GatewayProcess,
    Installation,
    make_installation,
    start_process,
    wait_until,
)

DEAD = "192.0.2.79"  # the address of the client and the resolver; it has no name, and the resolver never answers
ENTER = (
    f"ip link set lo up && ip address add {DEAD} dev lo && "
    'mount --bind resolv.conf /etc/resolv.conf && mount --bind hosts /etc/hosts && exec "$@"'
)
ONE_RIGHT = "-all,+net_bind_service"
NOBODY = (
    "setpriv",
    "--reuid=1",
    "--regid=1",
    "--clear-groups",
    f"--inh-caps={ONE_RIGHT}",
    f"--ambient-caps={ONE_RIGHT}",
)
SILENT = """
import select, socket
resolver, ident = socket.socket(type=socket.SOCK_DGRAM), socket.create_server(("", 113))
resolver.bind(("", 53))
print("ready", flush=True)
ready = select.select([resolver, ident], [], [])[0]
print("ident" if ident in ready else resolver.recv(512), flush=True)
"""
RESOLVE = "import socket; socket.getaddrinfo('canary.test', 79)"
ASK = """
import json, socket, sys, time
host, port, source = sys.argv[1:]
began = time.monotonic()
with socket.create_connection((host, int(port)), 20, (source, 0)) as client:
    client.sendall(b"alice\\r\\n")
    answer = b"".join(iter(lambda: client.recv(4096), b""))
print(json.dumps([time.monotonic() - began, answer.decode()]))
"""


def test_F020_the_default_port_is_79() -> None:
    assert FingerSettings().listen == ["tcp:79"]


@dataclass(frozen=True)
class NamespacedGateway:
    """The gateway in its network namespace."""

    installation: Installation
    running: GatewayProcess

    def python_command(self, script: str, *arguments: str) -> list[str]:
        """Return the command that runs *script* in the namespace."""
        namespaced_gateway = ["nsenter", "-t", str(self.running.process.pid), "-n", "-m"]
        return [*namespaced_gateway, sys.executable, "-c", script, *arguments]

    def query(self, host: str, port: int, source: str) -> tuple[float, str]:
        """Return the seconds until the complete answer had arrived, and the answer."""
        done = subprocess.run(
            self.python_command(ASK, host, str(port), source), capture_output=True, timeout=30, check=True
        )
        seconds, answer = json.loads(done.stdout)
        return seconds, answer


if os.geteuid() == 0:

    @pytest.fixture(scope="module")
    def namespaced_gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NamespacedGateway]:
        folder = tmp_path_factory.mktemp("port79")
        installation = make_installation(folder)
        own = f'"tcp:{installation.finger_port}:interface=127.0.0.1"'
        text = installation.settings.read_text()
        assert own in text
        several = f'"tcp:79", {own}, "tcp6:{installation.finger_port}:interface=\\\\:\\\\:1"'
        installation.settings.write_text(text.replace(own, several))
        (folder / "resolv.conf").write_text(f"nameserver {DEAD}\n")
        (folder / "hosts").write_text("127.0.0.1 localhost\n")
        for each in (folder, *list(folder.parents)[:-2]):
            each.chmod(each.stat().st_mode | 0o011)  # only root may enter pytest's folders
        for each in (folder, *folder.iterdir()):
            os.chown(each, 1, 1)
        kept: dict[str, Any] = {name: value for name, value in os.environ.items() if not name.startswith("COV")}
        start = ("unshare", "-n", "-m", "sh", "-c", ENTER, "sh", *NOBODY, *WATCHED_COMMAND)
        with start_process(folder, [], "run", "-c", installation.settings, start=start, env=kept) as running:
            sockets = Path(f"/proc/{running.process.pid}/net/tcp")
            wait_until(
                lambda: running.process.poll() is not None or ":004F 00000000:0000 0A" in sockets.read_text(), "port 79"
            )
            assert running.process.poll() is None, running.log
            yield NamespacedGateway(installation, running)

    def test_F020_every_address_answers_and_the_process_is_not_root(namespaced_gateway: NamespacedGateway) -> None:
        """Of root's capabilities one is left: CAP_NET_BIND_SERVICE, which is number 10."""
        for host, port in (
            ("127.0.0.1", 79),
            (DEAD, 79),
            ("127.0.0.1", namespaced_gateway.installation.finger_port),
            ("::1", namespaced_gateway.installation.finger_port),
        ):
            source = host
            assert "Alice Adams" in namespaced_gateway.query(host, port, source)[1]
        status = Path(f"/proc/{namespaced_gateway.running.process.pid}/status").read_text()
        fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
        assert fields["Uid"].split() == fields["Gid"].split() == ["1"] * 4
        assert int(fields["CapEff"], 16) == int(fields["CapPrm"], 16) == 1 << 10

    def test_F021_neither_the_resolver_nor_port_113_is_contacted(namespaced_gateway: NamespacedGateway) -> None:
        words = namespaced_gateway.python_command(SILENT)
        with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as silent:
            assert silent.stdout is not None and silent.stdout.readline() == "ready\n"
            took, answers = zip(*(namespaced_gateway.query(DEAD, 79, DEAD) for _ in range(3)), strict=True)
            with subprocess.Popen(namespaced_gateway.python_command(RESOLVE)) as canary:
                line = silent.stdout.readline()
                canary.kill()
        assert all("Alice Adams" in answer for answer in answers)
        assert min(took) < 0.1
        assert "canary" in line  # the first query of all was the test's
        print(f"answered in {min(took) * 1000:.1f} ms")
