"""The cost of 1 MiB of the worst text: sanitized, sanitized with colours kept, and transliterated to ASCII."""

import time
from collections.abc import Callable
from pathlib import Path

from gateway.text.sanitize import sanitize, sanitize_keeping_colour, to_ascii
from tests.bench.measure import print_table
from tests.unit.text.worst import MIB, WORST

ROUNDS = 5


def min_cpu_ms(work: Callable[[], object]) -> float:
    """Return the CPU time of this process for *work* in ms, the minimum of some rounds."""
    spent = []
    for _ in range(ROUNDS):
        began = time.process_time()
        work()
        spent.append(time.process_time() - began)
    return min(spent) * 1000


def measure_row(name: str) -> tuple[str, float, float, float]:
    value = WORST[name](MIB)
    text = sanitize(value)
    return (
        name,
        min_cpu_ms(lambda: sanitize(value)),
        min_cpu_ms(lambda: sanitize_keeping_colour(value)),
        min_cpu_ms(lambda: to_ascii(text)),
    )


def main(_: Path) -> None:
    rows = sorted(map(measure_row, WORST), key=lambda each: -each[1])
    columns = ("1 MiB of", "sanitized, ms", "with colours, ms", "then to_ascii, ms")
    print_table("The worst texts for sanitize, CPU, the slowest first", columns, rows)
