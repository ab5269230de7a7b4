"""CPU of a finger query compared with a minimal server in C, alternating: a cache hit, and a miss that reads the
database."""

from pathlib import Path

from tests.bench import people
from tests.bench.measure import (
    measure_alternating,
    percentile,
    print_table,
    run_pinned_gateway,
    run_reference_server,
    time_queries,
)
from tests.peers.gateway_process import make_installation, query_finger

CONCURRENCY, QUERIES_PER_ROUND = 32, 10_000


def main(folder: Path) -> None:
    installation = make_installation(folder)
    people.fill_database(installation.database, 100_000)
    size = 0
    rows: list[tuple[object, ...]] = []
    took: dict[str, list[float]] = {"reference": [], "hit": [], "miss": []}
    with run_pinned_gateway(installation) as running:
        size = len(query_finger(installation.finger_port, "alice").encode())
        with run_reference_server(folder, size) as (port, pid):

            def against(port: int, name: str, cold: bool = False) -> "object":
                def side(number: int) -> int:
                    first = number * QUERIES_PER_ROUND
                    queries = (
                        [people.login_of(first + each) for each in range(QUERIES_PER_ROUND)] if cold else ["alice"]
                    )
                    took[name] += time_queries(folder, port, CONCURRENCY, QUERIES_PER_ROUND, queries)
                    return QUERIES_PER_ROUND

                return side

            sides = {
                "reference": against(port, "reference"),
                "hit": against(installation.finger_port, "hit"),
                "miss": against(installation.finger_port, "miss", cold=True),
            }
            pids = {"reference": [pid], "hit": [running.process.pid], "miss": [running.process.pid]}
            figures = measure_alternating(sides, pids)  # type: ignore[arg-type]
    least = figures["reference"][0]
    for name, (spent, rate) in figures.items():
        ends = (percentile(took[name], 0.5), percentile(took[name], 0.99))
        rows.append((name, spent, rate, *ends, f"{spent / least:.2f}"))
    columns = ("finger", "CPU us", "a second", "p50 us", "p99 us", "ratio")
    print_table(f"Finger, an answer of {size} bytes, {CONCURRENCY} at a time", columns, rows)
