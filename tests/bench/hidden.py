"""Compare hidden with missing people (F102, W022): bytes and latencies of both, in random order, hot and cold.

Wanted are equal bytes, medians less than 10 µs difference and an AUC within 0.5 ± 0.03."""

import random
import socket
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from tests.bench import people
from tests.bench.measure import percentile, print_table, run_pinned_gateway, time_queries
from tests.peers.gateway_process import make_installation, query_finger

QUERIES = 10_000
MAX_MEDIAN_DIFFERENCE_US, MAX_AUC_DIFFERENCE = 10.0, 0.03

TimeQueries = Callable[[Sequence[str]], list[float]]


def auc(one: Sequence[float], other: Sequence[float]) -> float:
    """Return the probability that a value of *one* is greater than one of *other* (Mann-Whitney); equal ones count
    half."""
    ranked = sorted([(value, True) for value in one] + [(value, False) for value in other])
    ranks, position = 0.0, 0
    while position < len(ranked):
        end = position
        while end < len(ranked) and ranked[end][0] == ranked[position][0]:
            end += 1
        ranks += (position + 1 + end) / 2 * sum(mine for _, mine in ranked[position:end])
        position = end
    return (ranks - len(one) * (len(one) + 1) / 2) / (len(one) * len(other))


def time_web_requests(port: int, names: Sequence[str]) -> list[float]:
    """Return the microseconds of one request for each of *names*, all on one connection."""
    durations: list[float] = []
    with socket.create_connection(("127.0.0.1", port), 10) as client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for number, name in enumerate(names):
            request = f"GET /users/{name}.json HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
            if number % 900 == 899:  # a connection ends after 1000
                return durations + time_web_requests(port, names[number:])
            began = time.perf_counter_ns()
            client.sendall(request)
            head, _, body = client.recv(65536).partition(b"\r\n\r\n")
            durations.append((time.perf_counter_ns() - began) / 1000)
            length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
            assert len(body) == length, "an answer in pieces"
    return durations


def same_bytes(port: int, web: int) -> bool:
    """Are both answered with the same bytes, except for the name and the date?"""
    answers = []
    for name in (people.hidden_login(0), people.missing_login(0)):
        with socket.create_connection(("127.0.0.1", web), 10) as client:
            client.sendall(f"GET /users/{name}.json HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
            page = b"".join(iter(lambda client=client: client.recv(65536), b"")).decode()  # type: ignore[misc]
        lines = [line for line in page.split("\r\n") if not line.startswith("Date:")]
        answers.append([each.replace(name, "NAME") for each in (query_finger(port, name), *lines)])
    return answers[0] == answers[1]


def compare_latencies(
    client: TimeQueries, names: Callable[[int], tuple[str, str]], warm: Sequence[str]
) -> tuple[object, ...]:
    """Return the medians of hidden and missing people, their difference, the AUC, and both p99."""
    order = [(side, names(number)[side]) for number in range(QUERIES) for side in (0, 1)]
    random.Random(1).shuffle(order)
    client(warm)
    durations = client([name for _, name in order])
    sides = [[value for value, (side, _) in zip(durations, order, strict=True) if side == each] for each in (0, 1)]
    medians = [statistics.median(side) for side in sides]
    difference, area = abs(medians[0] - medians[1]), auc(*sides)
    verdict = (
        "equal"
        if difference < MAX_MEDIAN_DIFFERENCE_US and abs(area - 0.5) <= MAX_AUC_DIFFERENCE
        else "DISTINGUISHABLE"
    )
    ends = [percentile(side, 0.99) for side in sides]
    return (*medians, f"{difference:.2f}", f"{area:.4f}", *ends, verdict)


def main(folder: Path) -> None:
    installation = make_installation(folder, people=[])
    people.fill_database(installation.database, 1000, 3 * QUERIES)
    rows: list[tuple[object, ...]] = []
    with run_pinned_gateway(installation):

        def over_finger(names: Sequence[str]) -> list[float]:
            return time_queries(folder, installation.finger_port, 1, len(names), names)

        ways: dict[str, TimeQueries] = {
            "finger": over_finger,
            "web": lambda names: time_web_requests(installation.web_port, names),
        }
        print(
            "the bytes are equal" if same_bytes(installation.finger_port, installation.web_port) else "THE BYTES DIFFER"
        )
        for number, (way, client) in enumerate(ways.items()):
            warm = [people.login_of(each) for each in range(1000)] * 2
            first = (number + 1) * QUERIES

            def cold(each: int, first: int = first) -> tuple[str, str]:
                return people.hidden_login(first + each), people.missing_login(first + each)

            def hot(_: int) -> tuple[str, str]:
                return people.hidden_login(0), people.missing_login(0)

            rows.append((f"{way}, cold", *compare_latencies(client, cold, warm)))
            rows.append((f"{way}, hot", *compare_latencies(client, hot, [*hot(0)] * 500)))
    columns = ("us", "hidden", "unknown", "difference", "AUC", "hidden p99", "unknown p99", "")
    print_table(f"Hidden and missing people, {QUERIES} queries each, one at a time", columns, rows)
