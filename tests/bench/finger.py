"""CPU of a finger question against the least possible server in C, alternating: a hit in the cache, and a miss that reads
the database."""

from pathlib import Path

from tests.bench import people
from tests.bench.measure import alternating, ask, gateway, percentile, reference, table
from tests.peers.gateway import finger, make_place

AT_ONCE, EACH = 32, 10_000


def main(folder: Path) -> None:
    place = make_place(folder)
    people.fill(place.database, 100_000)
    size = 0
    rows: list[tuple[object, ...]] = []
    took: dict[str, list[float]] = {"reference": [], "hit": [], "miss": []}
    with gateway(place) as running:
        size = len(finger(place.finger, "alice").encode())
        with reference(folder, size) as (port, pid):

            def against(port: int, name: str, cold: bool = False) -> "object":
                def side(number: int) -> int:
                    first = number * EACH
                    asked = [people.login(first + each) for each in range(EACH)] if cold else ["alice"]
                    took[name] += ask(folder, port, AT_ONCE, EACH, asked)
                    return EACH

                return side

            sides = {
                "reference": against(port, "reference"),
                "hit": against(place.finger, "hit"),
                "miss": against(place.finger, "miss", cold=True),
            }
            pids = {"reference": [pid], "hit": [running.process.pid], "miss": [running.process.pid]}
            figures = alternating(sides, pids)  # type: ignore[arg-type]
    least = figures["reference"][0]
    for name, (spent, rate) in figures.items():
        ends = (percentile(took[name], 0.5), percentile(took[name], 0.99))
        rows.append((name, spent, rate, *ends, f"{spent / least:.2f}"))
    columns = ("finger", "CPU us", "a second", "p50 us", "p99 us", "ratio")
    table(f"Finger, an answer of {size} bytes, {AT_ONCE} at a time", columns, rows)
