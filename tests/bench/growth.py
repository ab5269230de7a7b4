"""What a hundred times as many people cost: a lookup, a list, a search, a start, memory."""

import json
import subprocess
import sys
import time
from pathlib import Path

from tests.bench import people
from tests.bench.measure import SERVER, ask, cpu, gateway, table
from tests.peers.gateway import make_place

SIZES = (100, 10_000, 1_000_000)
EACH, ROUNDS, AT_ONCE = 5_000, 3, 32


def lookups(folder: Path, port: int, pid: int, names: list[str]) -> float:
    """CPU microseconds of a question, the least of some rounds, each with other *names* as far as they go."""
    spent = []
    for number in range(ROUNDS):
        first = number * EACH % len(names)
        before = cpu(pid)
        ask(folder, port, AT_ONCE, EACH, names[first : first + EACH])
        spent.append((cpu(pid) - before) / EACH * 1e6)
    return min(spent)


def grown(folder: Path, size: int) -> dict[str, object]:
    """All figures of a place with *size* people."""
    place = make_place(folder, people=[])
    began = time.monotonic()
    people.fill(place.database, size)
    made = time.monotonic() - began
    with gateway(place) as running:
        pid = running.process.pid
        hot = lookups(folder, place.finger, pid, [people.login(size // 2)])
        # Far apart, and never asked for before where there are as many.
        step = max(1, size // (EACH * ROUNDS))
        cold = lookups(folder, place.finger, pid, [people.login(each) for each in range(0, size, step)])
        unknown = lookups(folder, place.finger, pid, [people.unknown(each) for each in range(EACH * ROUNDS)])
        figures: dict[str, object] = {
            "hot lookup, CPU us": hot,
            "cold lookup, CPU us": cold if size >= EACH * ROUNDS else f"({cold:.1f})",
            "unknown, CPU us": unknown,
            "start, ms": running.started * 1000,
            "memory, MiB": running.memory,
        }
    command = [*SERVER, sys.executable, "-m", "tests.bench.lists", str(place.database), str(size)]
    figures |= json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    figures["database, MiB"] = place.database.stat().st_size / 1024 / 1024
    figures["made in, s"] = made
    return figures


def main(folder: Path) -> None:
    columns = []
    for size in SIZES:
        part = folder / str(size)
        part.mkdir()
        columns.append(grown(part, size))
    rows = [(name, *(column[name] for column in columns)) for name in columns[0]]
    table("Growth", ("people", *map(str, SIZES)), rows)
    hot = [float(str(column["hot lookup, CPU us"])) for column in columns]
    unknown = [float(str(column["unknown, CPU us"])) for column in columns]
    print(
        f"ratio of {SIZES[-1]} to {SIZES[0]} people: hot {hot[-1] / hot[0]:.2f}, unknown {unknown[-1] / unknown[0]:.2f}"
    )
