"""R002: a disk on which each read takes 50 ms. Requests for cached people are not delayed by requests that need the
disk."""

import os
import threading
import time
from pathlib import Path

from tests.peers.disk_faults import build_disk_faults
from tests.peers.gateway_process import make_installation, query_finger, run_gateway, wait_until

COUNT = 3000


def test_R002_a_slow_disk_delays_only_requests_that_read_it(tmp_path: Path) -> None:
    faults = build_disk_faults(tmp_path / "faults")
    people = [{"login": "alice", "name": "Alice Adams"}]
    people += [{"login": f"p{n:04}", "name": f"Person {n}", "plan": f"{n} " * 250} for n in range(COUNT)]
    installation = make_installation(tmp_path, people=people)
    # Far apart, so that hardly any two are on one page of the file.
    strangers = iter([f"p{n * 997 % COUNT:04}" for n in range(COUNT)])
    with run_gateway(installation, env=os.environ | faults.env) as running:
        assert "Alice Adams" in query_finger(installation.finger_port, "alice")
        faults.set_slow(True)

        def moved() -> bool:
            login = next(strangers)
            assert f"Person {int(login[1:])}" in query_finger(installation.finger_port, login)
            return "reading in threads from now on" in running.log

        wait_until(moved, "the reads to move to threads")

        ended, answered, lock = threading.Event(), list[float](), threading.Lock()

        def query_missing() -> None:
            while not ended.is_set():
                with lock:
                    login = next(strangers)
                began = time.monotonic()
                assert f"Person {int(login[1:])}" in query_finger(installation.finger_port, login)
                answered.append(time.monotonic() - began)

        clients = [threading.Thread(target=query_missing) for _ in range(4)]
        for each in clients:
            each.start()
        took: list[float] = []
        try:
            while len(answered) < 20:
                began = time.monotonic()
                assert "Alice Adams" in query_finger(installation.finger_port, "alice")
                took.append(time.monotonic() - began)
        finally:
            ended.set()
            for each in clients:
                each.join()
        assert sorted(answered)[len(answered) // 2] > 0.05  # they really waited for the disk
        took.sort()
        assert len(took) >= 50, took
        assert took[len(took) // 2] < 0.020, took
        assert took[len(took) * 95 // 100] < 0.050, took
        faults.set_slow(False)
