"""The time from start to the first answer, and the memory of a gateway and of an idle connection."""

import socket
import statistics
from pathlib import Path

from tests.bench.measure import print_table, run_pinned_gateway
from tests.peers.gateway_process import http_get, make_installation, query_finger, wait_until

STARTS, IDLE_CONNECTIONS = 5, 2000


def main(folder: Path) -> None:
    installation = make_installation(folder)
    settings = installation.settings.read_text()
    limits = "connections_per_address = 100000\nconnections = 100000"
    installation.settings.write_text(settings.replace("connections_per_address = 500", limits))
    started, idle_memory, used = [], [], []
    for _ in range(STARTS):
        with run_pinned_gateway(installation) as running:
            started.append(running.startup_seconds * 1000)
            idle_memory.append(running.memory_mib)
            assert (
                "Alice Adams" in query_finger(installation.finger_port, "alice")
                and http_get(installation.web_port, "/users/alice")[0] == 200
            )
            used.append(running.memory_mib)
    each = {}
    for name, port in (("finger", installation.finger_port), ("web", installation.web_port)):
        with run_pinned_gateway(installation) as running:
            query_finger(installation.finger_port, "alice")
            before = running.memory_mib
            idle = [socket.create_connection(("127.0.0.1", port), 10) for _ in range(IDLE_CONNECTIONS)]
            if name == "web":
                for one in idle:
                    one.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
                for one in idle:
                    assert one.recv(4096)
            else:
                assert wait_until(lambda: "Alice Adams" in query_finger(installation.finger_port, "alice"), "an answer")
            each[name] = (running.memory_mib - before) * 1024 / IDLE_CONNECTIONS
            for one in idle:
                one.close()
    rows: list[tuple[object, ...]] = [
        ("start to listening, ms", statistics.median(started)),
        ("memory when started, MiB", statistics.median(idle_memory)),
        ("memory after a request on finger and web, MiB", statistics.median(used)),
        ("an idle finger connection, KiB", each["finger"]),
        ("an idle web connection, KiB", each["web"]),
    ]
    print_table(
        f"Start and memory, medians of {STARTS} starts, {IDLE_CONNECTIONS} idle connections", ("", "median"), rows
    )
