"""How long a start takes until the first question is answered, and what memory a gateway and an idle connection take."""

import socket
import statistics
from pathlib import Path

from tests.bench.measure import gateway, table
from tests.peers.gateway import finger, make_place, until, web

STARTS, IDLE = 5, 2000


def main(folder: Path) -> None:
    place = make_place(folder)
    settings = place.settings.read_text()
    roomy = "connections_per_address = 100000\nconnections = 100000"
    place.settings.write_text(settings.replace("connections_per_address = 500", roomy))
    started, fresh, asked = [], [], []
    for _ in range(STARTS):
        with gateway(place) as running:
            started.append(running.started * 1000)
            fresh.append(running.memory)
            assert "Alice Adams" in finger(place.finger, "alice") and web(place.web, "/users/alice")[0] == 200
            asked.append(running.memory)
    each = {}
    for name, port in (("finger", place.finger), ("web", place.web)):
        with gateway(place) as running:
            finger(place.finger, "alice")
            before = running.memory
            idle = [socket.create_connection(("127.0.0.1", port), 10) for _ in range(IDLE)]
            if name == "web":
                for one in idle:
                    one.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
                for one in idle:
                    assert one.recv(4096)
            else:
                assert until(lambda: "Alice Adams" in finger(place.finger, "alice"), "an answer")
            each[name] = (running.memory - before) * 1024 / IDLE
            for one in idle:
                one.close()
    rows: list[tuple[object, ...]] = [
        ("start to listening, ms", statistics.median(started)),
        ("memory when started, MiB", statistics.median(fresh)),
        ("memory after a question on finger and web, MiB", statistics.median(asked)),
        ("an idle finger connection, KiB", each["finger"]),
        ("an idle web connection, KiB", each["web"]),
    ]
    table(f"Start and memory, medians of {STARTS} starts, {IDLE} idle connections", ("", "median"), rows)
