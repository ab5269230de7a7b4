"""Measuring methods: processes pinned to a core, CPU time from /proc, medians of alternating rounds."""

import os
import shutil
import statistics
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.peers.gateway_process import (
    COMMAND,
    GatewayProcess,
    Installation,
    free_port,
    is_listening,
    run_gateway,
    wait_until,
)

HERE = Path(__file__).parent
TICK = os.sysconf("SC_CLK_TCK")
ROUNDS = 5
SERVER, CLIENT = ("taskset", "-c", "0"), ("taskset", "-c", str(min(1, (os.cpu_count() or 1) - 1)))


def cpu(*pids: int) -> float:
    """Return the user and system time of all *pids* so far, in seconds."""
    ticks = 0
    for pid in pids:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / TICK


def compile_program(folder: Path, name: str) -> Path:
    """Compile NAME.c and return the program."""
    program = folder / name
    if not program.exists():
        subprocess.run(["gcc", "-O2", "-o", program, HERE / f"{name}.c"], check=True)
    return program


def programs_available(*programs: str) -> bool:
    """Are all *programs* installed? Print those that are not."""
    missing = [each for each in programs if shutil.which(each) is None]
    if missing:
        print(f"left out: no {', '.join(missing)} here")
    return not missing


@contextmanager
def run_pinned_gateway(installation: Installation) -> Iterator[GatewayProcess]:
    """Run a gateway as in production, on a core of its own, with limits that the benchmark never reaches."""
    settings = installation.settings.read_text()
    installation.settings.write_text(settings.replace("queries_per_minute = 60000", "queries_per_minute = 1000000000"))
    with run_gateway(installation, start=(*SERVER, *COMMAND)) as running:
        yield running


@contextmanager
def run_reference_server(folder: Path, size: int) -> Iterator[tuple[int, int]]:
    """Run the minimal finger server with answers of *size* bytes. Yield its port and process id."""
    port = free_port()
    process = subprocess.Popen([*SERVER, compile_program(folder, "reference"), str(port), str(max(size, 3))])
    try:
        wait_until(lambda: is_listening(port), "the reference")
        yield port, process.pid
    finally:
        process.kill()
        process.wait()


def time_queries(folder: Path, port: int, at_once: int, total: int, queries: Sequence[str]) -> list[float]:
    """Return the microseconds of each of *total* queries, *at_once* in parallel, from the line to the server's close."""
    command = [*CLIENT, str(compile_program(folder, "load")), str(port), str(at_once), str(total)]
    done = subprocess.run(
        command, input="".join(f"{each}\n" for each in queries), capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(f"queries were lost: {done.stderr}")
    return [float(each) for each in done.stdout.split()]


def measure_alternating(
    sides: Mapping[str, Callable[[int], int]], pids: Mapping[str, Sequence[int]], rounds: int = ROUNDS
) -> dict[str, tuple[float, float]]:
    """Call each of *sides* in turn with the number of the round; each returns how many queries it sent. Return the
    median CPU microseconds per query of its *pids* and the median queries per second."""
    figures: dict[str, list[tuple[float, float]]] = {name: [] for name in sides}
    for number in range(-1, rounds):  # the first one warms up
        for name, side in sides.items():
            before, began = cpu(*pids[name]), time.monotonic()
            count = side(number + 1)
            took = time.monotonic() - began
            if number >= 0:
                figures[name].append(((cpu(*pids[name]) - before) / count * 1e6, count / took))
    return {
        name: (statistics.median(spent for spent, _ in rows), statistics.median(rate for _, rate in rows))
        for name, rows in figures.items()
    }


def percentile(values: Sequence[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def print_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print a table with aligned columns."""
    cells = [[f"{each:.1f}" if isinstance(each, float) else str(each) for each in row] for row in [columns, *rows]]
    widths = [max(len(row[number]) for row in cells) for number in range(len(columns))]
    print(f"\n{title}")
    for row in cells:
        print(
            "  " + "  ".join([row[0].ljust(widths[0]), *(c.rjust(w) for c, w in zip(row[1:], widths[1:], strict=True))])
        )
