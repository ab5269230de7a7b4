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
control = socket.socket(fileno=0)
control.sendall(b"!")
while kind := control.recv(1):
    family = socket.AF_INET6 if kind == b"6" else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM if kind == b"u" else socket.SOCK_STREAM) as new:
        socket.send_fds(control, [b"."], [new.fileno()])
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
        new = socket.socket(fileno=number)
        new.settimeout(DEADLINE)
        return new

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
    lines = [f"{address} {name}\n" for name, addresses_of_name in names.items() for address in addresses_of_name]
    hosts.write_text("127.0.0.1 localhost\n::1 localhost\n" + "".join(lines))
    hosts.with_name("hosts.dns").write_text(f"nameserver {NAME_SERVER}\n")
    parent, child = socket.socketpair()
    map_root = [] if os.geteuid() == 0 else ["-r"]
    with child:
        holder = subprocess.Popen(
            [
                "unshare",
                *map_root,
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
            stdin=child.fileno(),
        )
    parent.settimeout(DEADLINE)
    with parent:
        assert parent.recv(1) == b"!", "no namespace"
        user = ["-U", "--preserve-credentials"] if map_root else []
        yield NetworkNamespace(["nsenter", "-t", str(holder.pid), *user, "-n", "-m"], parent)
    assert holder.wait(DEADLINE) == 0
