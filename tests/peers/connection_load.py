"""A gateway under load: thousands of idle connections, clients that send a byte each half second, and a well-behaved
client among them. Prints the cost.

    python -m tests.peers.connection_load [--idle 10000] [--slow 800]

The idle and slow clients run in a process of their own, from several addresses of 127.0.0.0/8.
"""

import argparse
import resource
import selectors
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from tests.peers.gateway_process import (
    CHECKOUT,
    COMMAND,
    Installation,
    http_get,
    make_installation,
    query_finger,
    run_gateway,
    wait_until,
)

QUERIES = 600  # queries of the well-behaved client on each protocol
CONNECTIONS_PER_ADDRESS = 400  # connections from one address
BURST = 501  # connections per burst; odd, so that bursts go to both protocols in turn
LIMITS = """
[limits]
queries_per_minute = 1000000
connections = 15000
connections_per_address = 500
timeout = "10m"
"""


@dataclass(frozen=True)
class Latencies:
    """Seconds that the well-behaved client waited."""

    finger: Sequence[float]
    web: Sequence[float]

    def __str__(self) -> str:
        return ", ".join(
            f"{name} median {statistics.median(each) * 1000:.2f} ms, p99 {p99(each) * 1000:.2f} ms"
            for name, each in (("finger", self.finger), ("web", self.web))
        )


@dataclass(frozen=True)
class LoadFigures:
    """The measurements: *kib_per_connection* is resident memory, *connect_seconds* the time until all clients were
    connected, *stop_seconds* the time from SIGTERM to the end with all of them open."""

    unloaded: Latencies
    loaded: Latencies
    connections: int
    kib_per_connection: float
    connect_seconds: float
    stop_seconds: float

    def __str__(self) -> str:
        return (
            f"alone:    {self.unloaded}\n"
            f"crowded:  {self.loaded}\n"
            f"good client's p99, crowded over alone: {self.ratio:.2f}\n"
            f"{self.connections} connections: {self.kib_per_connection:.2f} KiB each; made in {self.connect_seconds:.1f} s\n"
            f"SIGTERM with all open: {self.stop_seconds:.2f} s"
        )

    @property
    def ratio(self) -> float:
        """Return the client's p99 under load divided by its p99 without; the worse of both protocols."""
        return max(
            p99(self.loaded.finger) / p99(self.unloaded.finger),
            p99(self.loaded.web) / p99(self.unloaded.web),
        )


def p99(delays: Sequence[float]) -> float:
    return statistics.quantiles(delays, n=100)[98]


def raise_descriptor_limit() -> None:
    """Raise the soft limit of descriptors to the hard limit; children inherit it."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


# the idle and slow clients, in a process of their own


def hold_connections(ports: Sequence[int], idle: int, slow: int) -> None:
    """Connect, print the number of connections, and send slow bytes until standard input ends."""
    raise_descriptor_limit()
    held = [_connect(ports[number % 2], number) for number in range(idle + slow)]
    dripping = held[idle:]
    print(len(held), flush=True)
    with selectors.DefaultSelector() as ended:
        ended.register(sys.stdin, selectors.EVENT_READ)
        turns = 50  # a few clients at a time, so that they make no bursts
        turn = 0
        while not ended.select(0.5 / turns):
            for client in dripping[turn % turns :: turns]:
                with suppress(OSError):
                    client.send(b"a")
            turn += 1


def _connect(port: int, number: int) -> socket.socket:
    client = socket.socket()
    client.bind((f"127.0.1.{1 + number // CONNECTIONS_PER_ADDRESS}", 0))
    client.connect(("127.0.0.1", port))
    return client


@contextmanager
def run_idle_clients(installation: Installation, idle: int, slow: int) -> Iterator[float]:
    """Run the idle and slow clients. Yield the seconds that they took to connect."""
    began = time.monotonic()
    command = [
        sys.executable,
        "-m",
        "tests.peers.connection_load",
        "--hold",
        str(installation.finger_port),
        str(installation.web_port),
    ]
    holding = subprocess.Popen(
        [*command, "--idle", str(idle), "--slow", str(slow)],
        cwd=CHECKOUT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert holding.stdin is not None
    assert holding.stdout is not None
    try:
        assert holding.stdout.readline() == b"%d\n" % (idle + slow)
        yield time.monotonic() - began
    finally:
        holding.stdin.close()
        holding.wait(60)
        holding.stdout.close()


# the well-behaved client


def measure_latencies(installation: Installation, queries: int = QUERIES) -> Latencies:
    """Query both protocols in turn, each time on a new connection."""
    both: list[list[float]] = [[], []]
    for _ in range(queries):
        for each, ask in zip(both, (_query_finger, _query_web), strict=True):
            began = time.perf_counter()
            ask(installation)
            each.append(time.perf_counter() - began)
    return Latencies(*both)


def _query_finger(installation: Installation) -> None:
    assert "Alice Adams" in query_finger(installation.finger_port, "alice")


def _query_web(installation: Installation) -> None:
    assert http_get(installation.web_port, "/users/alice")[0] == 200


def measure_load(
    folder: Path, idle: int, slow: int, queries: int = QUERIES, start: Sequence[str] = COMMAND
) -> LoadFigures:
    """Run a gateway in *folder* and the clients, and measure."""
    raise_descriptor_limit()
    installation = make_installation(folder)
    installation.settings.write_text(installation.settings.read_text().partition("[limits]")[0] + LIMITS)
    with run_gateway(installation, start=start) as running:
        alone = count_descriptors(running.process.pid)
        measure_latencies(installation, queries // 4)  # warm
        base = measure_latencies(installation, queries)
        before = running.memory_mib
        with run_idle_clients(installation, idle, slow) as connecting:
            wait_until(lambda: count_descriptors(running.process.pid) - alone >= idle + slow, "the clients")
            kib = (running.memory_mib - before) * 1024 / (idle + slow)
            assert http_get(installation.web_port, "/healthz")[0] == 200
            crowded = measure_latencies(installation, queries)
            assert count_descriptors(running.process.pid) - alone >= idle + slow
            began = time.monotonic()
            running.stop()
            stopping = time.monotonic() - began
    return LoadFigures(base, crowded, idle + slow, kib, connecting, stopping)


def count_descriptors(process: int) -> int:
    """Return how many descriptors *process* has open."""
    return sum(1 for _ in Path(f"/proc/{process}/fd").iterdir())


# the descriptor limit


@dataclass(frozen=True)
class FloodFigures:
    """The log output of a gateway at its descriptor limit, and how many connections were attempted in all."""

    log_bytes_per_second: float
    attempts: int

    def __str__(self) -> str:
        return (
            f"at the descriptor limit: {self.log_bytes_per_second:.0f} bytes of log per second; "
            f"{self.attempts} connections attempted"
        )


def flood_without_descriptors(
    folder: Path, descriptors: int = 64, open_connections: int = 80, seconds: float = 3.0
) -> FloodFigures:
    """Run a gateway with few descriptors, with *open_connections* that stay and one burst of others after the other.
    It must answer before and after."""
    installation = make_installation(folder)
    start = ("prlimit", f"--nofile={descriptors}:{descriptors}", *COMMAND)
    with run_gateway(installation, start=start) as running:
        _query_finger(installation)
        before = len(running.log)
        began = time.monotonic()
        clients = [_connect(installation.finger_port, 0) for _ in range(open_connections)]
        tried = open_connections
        while time.monotonic() < began + seconds:
            running.send(signal.SIGSTOP)  # otherwise it would accept them one by one
            burst = [_connect((installation.finger_port, installation.web_port)[tried % 2], 1) for _ in range(BURST)]
            running.send(signal.SIGCONT)
            with suppress(OSError):  # the last one is closed, by FIN or by reset
                burst[-1].settimeout(5)
                burst[-1].recv(1)
            for client in burst:
                client.close()
            tried += BURST
        logged = (len(running.log) - before) / (time.monotonic() - began)
        for client in clients:
            client.close()
        wait_until(
            lambda: _is_answered(_query_finger, installation) and _is_answered(_query_web, installation),
            "an answer after the flood",
        )
    return FloodFigures(logged, tried)


def _is_answered(ask: Callable[[Installation], None], installation: Installation) -> bool:
    try:
        ask(installation)
    except (OSError, AssertionError, IndexError):
        return False
    return True


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--idle", type=int, default=10_000)
    parser.add_argument("--slow", type=int, default=800)
    parser.add_argument("--hold", type=int, nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.hold:
        hold_connections(options.hold, options.idle, options.slow)
        return
    with tempfile.TemporaryDirectory() as folder:
        print(measure_load(Path(folder), options.idle, options.slow))
    with tempfile.TemporaryDirectory() as folder:
        print(flood_without_descriptors(Path(folder)))


if __name__ == "__main__":
    main()
