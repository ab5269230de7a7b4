"""A network namespace for a test, with public addresses on its loopback device, its own /etc/hosts, and a free
address for a name server. Works for root, and for other users if they may create namespaces.

A small process inside the namespace creates sockets and passes them out; the test process itself never enters.
"""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.peers.gateway_process import DEADLINE

# Arguments: the hosts file, then addresses. It becomes the process that returns a socket for each byte it receives.
SETUP_SCRIPT = """
set -e
mount --bind "$1" /etc/hosts
mount --bind "$1.dns" /etc/resolv.conf
ip link set lo up
echo 0 >/proc/sys/net/ipv4/ip_unprivileged_port_start
echo 0 >/proc/sys/net/ipv6/bindv6only
shift
python=$1 code=$2
shift 2
for address in "$@"; do
    case $address in
        *:*) ip address add "$address/128" dev lo nodad ;;
        *) ip address add "$address/32" dev lo ;;
    esac
done
exec "$python" -c "$code"
"""
SOCKET_HELPER = """
import socket
asked = socket.socket(fileno=0)
asked.sendall(b"!")
while kind := asked.recv(1):
    family = socket.AF_INET6 if kind == b"6" else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM if kind == b"u" else socket.SOCK_STREAM) as given:
        socket.send_fds(asked, [b"."], [given.fileno()])
"""


NAME_SERVER = "127.0.0.53"


@dataclass
class NetworkNamespace:
    """A network namespace; *enter* is the start of a command line that runs in it."""

    enter: Sequence[str]
    _helper: socket.socket

    def _socket(self, kind: bytes) -> socket.socket:
        self._helper.sendall(kind)
        _, (number,), *_ = socket.recv_fds(self._helper, 1, 1)
        given = socket.socket(fileno=number)
        given.settimeout(DEADLINE)
        return given

    def listen(self, host: str, port: int = 79) -> socket.socket:
        server = self._socket(b"6" if ":" in host else b"4")
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.bind((host, port))
        server.listen(64)
        return server

    def connect(self, host: str, port: int = 79) -> socket.socket:
        client = self._socket(b"6" if ":" in host else b"4")
        client.connect((host, port))
        return client

    def name_server(self) -> socket.socket:
        """Return a socket that receives the queries to the namespace's name server."""
        server = self._socket(b"u")
        server.bind((NAME_SERVER, 53))
        return server


@contextmanager
def make_network_namespace(
    folder: Path, addresses: Sequence[str], names: Mapping[str, Sequence[str]]
) -> Iterator[NetworkNamespace]:
    """Create a namespace with *addresses* on its loopback device. *names* maps host names to addresses."""
    hosts = folder / "hosts"
    lines = [f"{address} {name}\n" for name, its in names.items() for address in its]
    hosts.write_text("127.0.0.1 localhost\n::1 localhost\n" + "".join(lines))
    hosts.with_name("hosts.dns").write_text(f"nameserver {NAME_SERVER}\n")
    ours, theirs = socket.socketpair()
    mine = [] if os.geteuid() == 0 else ["-r"]
    with theirs:
        holder = subprocess.Popen(
            [
                "unshare",
                *mine,
                "-n",
                "-m",
                "sh",
                "-c",
                SETUP_SCRIPT,
                "sh",
                str(hosts),
                sys.executable,
                SOCKET_HELPER,
                *addresses,
            ],
            stdin=theirs.fileno(),
        )
    ours.settimeout(DEADLINE)
    with ours:
        assert ours.recv(1) == b"!", "no namespace"
        user = ["-U", "--preserve-credentials"] if mine else []
        yield NetworkNamespace(["nsenter", "-t", str(holder.pid), *user, "-n", "-m"], ours)
    assert holder.wait(DEADLINE) == 0
