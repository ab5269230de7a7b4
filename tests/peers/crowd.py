"""A gateway with a crowd at its doors: idle connections by the thousand, clients that send a byte each half second, and a
good client among them. Prints what that costs.

    python -m tests.peers.crowd [--idle 10000] [--slow 800]

The crowd holds its connections in a process of its own, from several addresses of 127.0.0.0/8.
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

from tests.peers.gateway import CHECKOUT, COMMAND, Place, finger, make_place, serving, until, web

ASKED = 600  # questions of each kind, by which the good client is judged
EACH = 400  # connections from one address
BURST = 501  # connections at once; odd, so that bursts go to both protocols in turn
LIMITS = """
[limits]
queries_per_minute = 1000000
connections = 15000
connections_per_address = 500
timeout = "10m"
"""


@dataclass(frozen=True)
class Delays:
    """Seconds that the good client waited."""

    finger: Sequence[float]
    web: Sequence[float]

    def __str__(self) -> str:
        return ", ".join(
            f"{name} median {statistics.median(each) * 1000:.2f} ms, p99 {p99(each) * 1000:.2f} ms"
            for name, each in (("finger", self.finger), ("web", self.web))
        )


@dataclass(frozen=True)
class Figures:
    """What was measured. *kib*: resident memory for each connection; *connecting*: seconds until all were there;
    *stopping*: seconds from SIGTERM to the end, with all of them open."""

    base: Delays
    crowded: Delays
    connections: int
    kib: float
    connecting: float
    stopping: float

    def __str__(self) -> str:
        return (
            f"alone:    {self.base}\n"
            f"crowded:  {self.crowded}\n"
            f"good client's p99, crowded over alone: {self.ratio:.2f}\n"
            f"{self.connections} connections: {self.kib:.2f} KiB each; made in {self.connecting:.1f} s\n"
            f"SIGTERM with all open: {self.stopping:.2f} s"
        )

    @property
    def ratio(self) -> float:
        """How many times longer the good client waits than alone, at its 99th percentile; the worse of both protocols."""
        return max(
            p99(self.crowded.finger) / p99(self.base.finger),
            p99(self.crowded.web) / p99(self.base.web),
        )


def p99(delays: Sequence[float]) -> float:
    return statistics.quantiles(delays, n=100)[98]


def descriptors() -> None:
    """As many as we may have; children inherit it."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


# the crowd, in a process of its own


def hold(ports: Sequence[int], idle: int, slow: int) -> None:
    """Connects, says so, drips until standard input ends."""
    descriptors()
    held = [_connect(ports[number % 2], number) for number in range(idle + slow)]
    dripping = held[idle:]
    print(len(held), flush=True)
    with selectors.DefaultSelector() as ended:
        ended.register(sys.stdin, selectors.EVENT_READ)
        turns = 50  # a few of them at a time, so that the crowd itself makes no bursts
        turn = 0
        while not ended.select(0.5 / turns):
            for client in dripping[turn % turns :: turns]:
                with suppress(OSError):
                    client.send(b"a")
            turn += 1


def _connect(port: int, number: int) -> socket.socket:
    client = socket.socket()
    client.bind((f"127.0.1.{1 + number // EACH}", 0))
    client.connect(("127.0.0.1", port))
    return client


@contextmanager
def crowd(place: Place, idle: int, slow: int) -> Iterator[float]:
    """A crowd that is connected; gives the seconds that it took."""
    began = time.monotonic()
    command = [sys.executable, "-m", "tests.peers.crowd", "--hold", str(place.finger), str(place.web)]
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


# the good client


def delays(place: Place, asked: int = ASKED) -> Delays:
    """Asks on both protocols in turn, each time on a connection of its own."""
    both: list[list[float]] = [[], []]
    for _ in range(asked):
        for each, ask in zip(both, (_by_finger, _by_web), strict=True):
            began = time.perf_counter()
            ask(place)
            each.append(time.perf_counter() - began)
    return Delays(*both)


def _by_finger(place: Place) -> None:
    assert "Alice Adams" in finger(place.finger, "alice")


def _by_web(place: Place) -> None:
    assert web(place.web, "/users/alice")[0] == 200


def measure(folder: Path, idle: int, slow: int, asked: int = ASKED, start: Sequence[str] = COMMAND) -> Figures:
    """Runs a gateway in *folder*, and the crowd."""
    descriptors()
    place = make_place(folder)
    place.settings.write_text(place.settings.read_text().partition("[limits]")[0] + LIMITS)
    with serving(place, start=start) as running:
        alone = connected(running.process.pid)
        delays(place, asked // 4)  # warm
        base = delays(place, asked)
        before = running.memory
        with crowd(place, idle, slow) as connecting:
            until(lambda: connected(running.process.pid) - alone >= idle + slow, "the crowd")
            kib = (running.memory - before) * 1024 / (idle + slow)
            assert web(place.web, "/healthz")[0] == 200
            crowded = delays(place, asked)
            assert connected(running.process.pid) - alone >= idle + slow
            began = time.monotonic()
            running.stop()
            stopping = time.monotonic() - began
    return Figures(base, crowded, idle + slow, kib, connecting, stopping)


def connected(process: int) -> int:
    """Descriptors that *process* has open."""
    return sum(1 for _ in Path(f"/proc/{process}/fd").iterdir())


# the limit of descriptors


@dataclass(frozen=True)
class Flooded:
    """What a gateway at its limit of descriptors logged: bytes a second; *tried* connections in all."""

    log: float
    tried: int

    def __str__(self) -> str:
        return f"at the limit of descriptors: {self.log:.0f} bytes of log a second; {self.tried} connections tried"


def flood(folder: Path, descriptors: int = 64, held: int = 80, seconds: float = 3.0) -> Flooded:
    """A gateway with so few descriptors, *held* connections that stay, and one burst of others after the other. It
    answers before and after."""
    place = make_place(folder)
    start = ("prlimit", f"--nofile={descriptors}:{descriptors}", *COMMAND)
    with serving(place, start=start) as running:
        _by_finger(place)
        before = len(running.log)
        began = time.monotonic()
        clients = [_connect(place.finger, 0) for _ in range(held)]
        tried = held
        while time.monotonic() < began + seconds:
            running.send(signal.SIGSTOP)  # or it would take them one by one
            burst = [_connect((place.finger, place.web)[tried % 2], 1) for _ in range(BURST)]
            running.send(signal.SIGCONT)
            with suppress(OSError):  # the last of them is closed, by FIN or by reset
                burst[-1].settimeout(5)
                burst[-1].recv(1)
            for client in burst:
                client.close()
            tried += BURST
        logged = (len(running.log) - before) / (time.monotonic() - began)
        for client in clients:
            client.close()
        until(lambda: _answers(_by_finger, place) and _answers(_by_web, place), "an answer after the flood")
    return Flooded(logged, tried)


def _answers(ask: Callable[[Place], None], place: Place) -> bool:
    try:
        ask(place)
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
        hold(options.hold, options.idle, options.slow)
        return
    with tempfile.TemporaryDirectory() as folder:
        print(measure(Path(folder), options.idle, options.slow))
    with tempfile.TemporaryDirectory() as folder:
        print(flood(Path(folder)))


if __name__ == "__main__":
    main()
