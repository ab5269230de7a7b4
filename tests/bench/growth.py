"""The cost of a hundred times as many people: a lookup, a list, a search, a start, memory."""

import json
import subprocess
import sys
import time
from pathlib import Path

from tests.bench import people
from tests.bench.measure import SERVER, cpu, print_table, run_pinned_gateway, time_queries
from tests.peers.gateway_process import make_installation

SIZES = (100, 10_000, 1_000_000)
QUERIES_PER_ROUND, ROUNDS, CONCURRENCY = 5_000, 3, 32


def cpu_per_lookup(folder: Path, port: int, pid: int, names: list[str]) -> float:
    """Return CPU microseconds per query, the minimum of some rounds, each with other *names* as far as they suffice."""
    spent = []
    for number in range(ROUNDS):
        first = number * QUERIES_PER_ROUND % len(names)
        before = cpu(pid)
        time_queries(folder, port, CONCURRENCY, QUERIES_PER_ROUND, names[first : first + QUERIES_PER_ROUND])
        spent.append((cpu(pid) - before) / QUERIES_PER_ROUND * 1e6)
    return min(spent)


def measure_size(folder: Path, size: int) -> dict[str, object]:
    """Return all figures for an installation with *size* people."""
    installation = make_installation(folder, people=[])
    began = time.monotonic()
    people.fill_database(installation.database, size)
    made = time.monotonic() - began
    with run_pinned_gateway(installation) as running:
        pid = running.process.pid
        hot = cpu_per_lookup(folder, installation.finger_port, pid, [people.login_of(size // 2)])
        # Far apart, and each looked up once if there are enough people.
        step = max(1, size // (QUERIES_PER_ROUND * ROUNDS))
        cold = cpu_per_lookup(
            folder, installation.finger_port, pid, [people.login_of(each) for each in range(0, size, step)]
        )
        unknown = cpu_per_lookup(
            folder,
            installation.finger_port,
            pid,
            [people.missing_login(each) for each in range(QUERIES_PER_ROUND * ROUNDS)],
        )
        figures: dict[str, object] = {
            "hot lookup, CPU us": hot,
            "cold lookup, CPU us": cold if size >= QUERIES_PER_ROUND * ROUNDS else f"({cold:.1f})",
            "unknown, CPU us": unknown,
            "start, ms": running.startup_seconds * 1000,
            "memory, MiB": running.memory_mib,
        }
    command = [*SERVER, sys.executable, "-m", "tests.bench.lists", str(installation.database), str(size)]
    figures |= json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    figures["database, MiB"] = installation.database.stat().st_size / 1024 / 1024
    figures["made in, s"] = made
    return figures


def main(folder: Path) -> None:
    columns = []
    for size in SIZES:
        part = folder / str(size)
        part.mkdir()
        columns.append(measure_size(part, size))
    rows = [(name, *(column[name] for column in columns)) for name in columns[0]]
    print_table("Growth", ("people", *map(str, SIZES)), rows)
    hot = [float(str(column["hot lookup, CPU us"])) for column in columns]
    unknown = [float(str(column["unknown, CPU us"])) for column in columns]
    print(
        f"ratio of {SIZES[-1]} to {SIZES[0]} people: hot {hot[-1] / hot[0]:.2f}, unknown {unknown[-1] / unknown[0]:.2f}"
    )
