"""A finger client on blocking sockets, and the server of finger_server.py as a child process."""

import os
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import msgspec

from tests.peers.gateway_process import assert_clean_log
from tests.peers.limits import count_sockets

ROOT = Path(__file__).parents[2]
TIMEOUT = 10.0  # seconds that any wait of a test may take


@dataclass
class FingerServer:
    """A running finger server: its port, process and folder."""

    port: int
    pid: int
    folder: Path
    host: str = "127.0.0.1"
    terminated: bool = False
    marks: int = 0

    def terminate(self) -> None:
        """Send SIGTERM, once."""
        if not self.terminated:
            self.terminated = True
            os.kill(self.pid, signal.SIGTERM)

    def connect(self, receive_buffer: int = 0) -> socket.socket:
        client = socket.socket(socket.AF_INET6 if ":" in self.host else socket.AF_INET)
        client.settimeout(TIMEOUT)
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if receive_buffer:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        client.connect((self.host, self.port))
        return client

    def ask(self, *segments: bytes, apart: float = 0.0, half_close: bool = False) -> bytes:
        """Return the complete answer to *segments*, each sent by itself. Raise ConnectionResetError if it does not
        end with FIN."""
        with self.connect() as client:
            for segment in segments:
                client.sendall(segment)
                time.sleep(apart)
            if half_close:
                client.shutdown(socket.SHUT_WR)
            return read_to_end(client)

    def wait_for_access_log(self, count: int) -> list[dict[str, object]]:
        """Return all entries of the access log, once there are at least *count*."""
        deadline = time.monotonic() + TIMEOUT
        while True:
            lines = (self.folder / "access.jsonl").read_bytes().splitlines()
            if len(lines) >= count:
                return [msgspec.json.decode(line) for line in lines]
            assert time.monotonic() < deadline, f"{len(lines)} log entries, not {count}"
            time.sleep(0.02)

    def count_settled_entries(self) -> int:
        """Return the number of log entries once all requests so far are logged: a marker query is logged after them."""
        self.marks += 1
        mark = f"mark{self.marks}"
        self.ask(mark.encode() + b"\r\n")
        count = 1
        while (entries := self.wait_for_access_log(count))[-1]["query"] != mark:
            count = len(entries) + 1
        return len(entries)

    def resident_bytes(self) -> int:
        """Return the resident memory of the server in bytes."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        return 1024 * int(status.partition("VmRSS:")[2].split()[0])

    def count_sockets(self) -> int:
        """Return how many sockets the server has open."""
        return count_sockets(self.pid)

    def count_timers(self) -> int:
        """Return how many delayed calls are pending in the server's reactor."""
        output = self.folder / "timers"
        output.unlink(missing_ok=True)
        os.kill(self.pid, signal.SIGUSR1)
        deadline = time.monotonic() + TIMEOUT
        while not output.exists():
            assert time.monotonic() < deadline
            time.sleep(0.005)
        return int(output.read_text())


def read_to_end(client: socket.socket) -> bytes:
    """Return all data until the other side's FIN."""
    parts = []
    while part := client.recv(65536):
        parts.append(part)
    return b"".join(parts)


def close_with_reset(client: socket.socket) -> None:
    """Close with RST."""
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()


@contextmanager
def run_finger_server(folder: Path, *options: str, host: str = "127.0.0.1") -> Iterator[FingerServer]:
    """Run finger_server.py with *options*. Stop it with SIGTERM and assert that its log shows no failure."""
    log = folder / "log"
    with log.open("wb") as errors:
        child = subprocess.Popen(
            [sys.executable, "-m", "tests.peers.finger_server", str(folder), "--interface", host, *options],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=errors,
        )
    assert child.stdout is not None
    try:
        line = child.stdout.readline()
        assert line, log.read_text()
        server = FingerServer(int(line), child.pid, folder, host)
        try:
            yield server
        finally:
            server.terminate()
    finally:
        try:
            status = child.wait(TIMEOUT)
        except subprocess.TimeoutExpired:
            child.kill()
            raise
        finally:
            child.stdout.close()
    reply = log.read_text()
    assert status == 0, reply
    assert_clean_log(reply)
