"""Compare hidden with missing people (F102, W022): bytes and latencies of both, in random order, hot and cold.

Wanted are equal bytes, medians less than 10 µs apart and an AUC within 0.5 ± 0.03."""

import random
import socket
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from tests.bench import people
from tests.bench.measure import ask, gateway, percentile, table
from tests.peers.gateway import finger, make_place

EACH = 10_000
APART, AROUND = 10.0, 0.03

Asking = Callable[[Sequence[str]], list[float]]


def auc(one: Sequence[float], other: Sequence[float]) -> float:
    """The chance that one of *one* is greater than one of *other* (Mann and Whitney), equals counted half."""
    ranked = sorted([(value, True) for value in one] + [(value, False) for value in other])
    ranks, position = 0.0, 0
    while position < len(ranked):
        end = position
        while end < len(ranked) and ranked[end][0] == ranked[position][0]:
            end += 1
        ranks += (position + 1 + end) / 2 * sum(mine for _, mine in ranked[position:end])
        position = end
    return (ranks - len(one) * (len(one) + 1) / 2) / (len(one) * len(other))


def over_web(port: int, names: Sequence[str]) -> list[float]:
    """Microseconds of one request for each of *names*, all on one connection."""
    took: list[float] = []
    with socket.create_connection(("127.0.0.1", port), 10) as asking:
        asking.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for number, name in enumerate(names):
            request = f"GET /users/{name}.json HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
            if number % 900 == 899:  # a connection ends after 1000
                return took + over_web(port, names[number:])
            began = time.perf_counter_ns()
            asking.sendall(request)
            head, _, body = asking.recv(65536).partition(b"\r\n\r\n")
            took.append((time.perf_counter_ns() - began) / 1000)
            length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
            assert len(body) == length, "an answer in pieces"
    return took


def same(port: int, web: int) -> bool:
    """Are both answered in the same bytes, but for the name and the date?"""
    answers = []
    for name in (people.hidden(0), people.unknown(0)):
        with socket.create_connection(("127.0.0.1", web), 10) as asking:
            asking.sendall(f"GET /users/{name}.json HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
            page = b"".join(iter(lambda asking=asking: asking.recv(65536), b"")).decode()  # type: ignore[misc]
        lines = [line for line in page.split("\r\n") if not line.startswith("Date:")]
        answers.append([each.replace(name, "NAME") for each in (finger(port, name), *lines)])
    return answers[0] == answers[1]


def compared(asking: Asking, names: Callable[[int], tuple[str, str]], warm: Sequence[str]) -> tuple[object, ...]:
    """Medians of hidden and unknown, how far apart, AUC, p99 of both."""
    order = [(side, names(number)[side]) for number in range(EACH) for side in (0, 1)]
    random.Random(1).shuffle(order)
    asking(warm)
    took = asking([name for _, name in order])
    sides = [[value for value, (side, _) in zip(took, order, strict=True) if side == each] for each in (0, 1)]
    medians = [statistics.median(side) for side in sides]
    apart, area = abs(medians[0] - medians[1]), auc(*sides)
    verdict = "equal" if apart < APART and abs(area - 0.5) <= AROUND else "TOLD APART"
    ends = [percentile(side, 0.99) for side in sides]
    return (*medians, f"{apart:.2f}", f"{area:.4f}", *ends, verdict)


def main(folder: Path) -> None:
    place = make_place(folder, people=[])
    people.fill(place.database, 1000, 3 * EACH)
    rows: list[tuple[object, ...]] = []
    with gateway(place):

        def over_finger(names: Sequence[str]) -> list[float]:
            return ask(folder, place.finger, 1, len(names), names)

        ways: dict[str, Asking] = {"finger": over_finger, "web": lambda names: over_web(place.web, names)}
        print("bytes are the same" if same(place.finger, place.web) else "BYTES DIFFER")
        for number, (way, asking) in enumerate(ways.items()):
            warm = [people.login(each) for each in range(1000)] * 2
            first = (number + 1) * EACH

            def cold(each: int, first: int = first) -> tuple[str, str]:
                return people.hidden(first + each), people.unknown(first + each)

            def hot(_: int) -> tuple[str, str]:
                return people.hidden(0), people.unknown(0)

            rows.append((f"{way}, cold", *compared(asking, cold, warm)))
            rows.append((f"{way}, hot", *compared(asking, hot, [*hot(0)] * 500)))
    columns = ("us", "hidden", "unknown", "apart", "AUC", "hidden p99", "unknown p99", "")
    table(f"Hidden against unknown, {EACH} questions each, one at a time", columns, rows)
