"""Limits of the finger side of the real gateway: connections and queries, per address and in total."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.peers.gateway_process import GatewayProcess, Installation, free_port, run_gateway, wait_until
from tests.peers.limits import connect, count_sockets, make_limited_installation, read_to_end, send_and_read

CROWDED = b"Too many connections, try again later.\r\n"
LIMITS = """
connections = 1000
connections_per_address = 10
queries_per_minute = 6
timeout = "3s"
"""
SHY = {"login": "shy", "name": "Shy Sue", "email": "shy@dir.test", "visibility": {"email": "members"}}
GOOD = "127.0.0.77"


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    folder = tmp_path_factory.mktemp("place")
    installation = make_limited_installation(
        folder,
        LIMITS,
        people=[{"login": "alice", "name": "Alice Adams"}, SHY],
        members=('url = "', 'members = ["127.0.0.0/8"]\nurl = "'),
        access_log=('file = "access.jsonl"', 'file = "access.jsonl"\naddresses = "full"'),
    )
    text = installation.settings.read_text()
    both = f'listen = ["tcp:{installation.finger_port}:interface=127.0.0.1", "tcp6:{free_port()}:interface=\\\\:\\\\:"]'
    installation.settings.write_text(
        text.replace(f'listen = ["tcp:{installation.finger_port}:interface=127.0.0.1"]', both)
    )
    return installation


def shared_port(installation: Installation) -> int:
    """Return a port that listens on IPv4 and IPv6."""
    return int(installation.settings.read_text().partition("tcp6:")[2].partition(":")[0])


@pytest.fixture(scope="module")
def gateway(installation: Installation) -> Iterator[GatewayProcess]:
    with run_gateway(installation) as running:
        yield running


def test_F014_F015_connections_over_the_limit_of_an_address(
    installation: Installation, gateway: GatewayProcess
) -> None:
    """Connections over the limit get an error after their line or after a second, those far over it nothing; other
    clients do not notice."""
    listening = count_sockets(gateway.process.pid)
    held = [connect(installation.finger_port) for _ in range(10)]
    silent, connection = connect(installation.finger_port), connect(installation.finger_port)
    began = time.monotonic()
    connection.sendall(b"alice\r\n")
    assert read_to_end(connection) == CROWDED
    assert time.monotonic() - began < 0.9
    connection.close()
    connection = connect(installation.finger_port)
    hard = connect(installation.finger_port)  # the 13th
    assert read_to_end(hard) == b""
    assert time.monotonic() - began < 0.9
    assert b"Alice Adams" in send_and_read(installation.finger_port, b"alice\r\n", source=GOOD)
    assert read_to_end(silent) == CROWDED
    assert 0.9 < time.monotonic() - began < 2.5
    for client in (*held, silent, connection, hard):
        client.close()
    wait_until(lambda: count_sockets(gateway.process.pid) <= listening, "the end of all connections")
    assert b"Alice Adams" in send_and_read(installation.finger_port, b"alice\r\n", source=GOOD)


def test_F016_F017_F018_queries_over_the_limit_of_an_address(
    installation: Installation, gateway: GatewayProcess
) -> None:
    """On each of our addresses: ::ffff:127.0.0.9 counts as 127.0.0.9 for limits, members and the access log; ::1 as
    itself."""
    ports = (installation.finger_port, shared_port(installation))
    for number in range(6):
        answer = send_and_read(ports[number % 2], b"shy\r\n", source="127.0.0.9")
        assert b"shy@dir.test" in answer  # a member's address
    for port in ports:
        refusal = send_and_read(port, b"shy\r\n", source="127.0.0.9")
        assert refusal in [f"Too many queries, try again in {n} seconds.\r\n".encode() for n in (9, 10)]
    answer = send_and_read(shared_port(installation), b"shy\r\n", host="::1")
    assert b"Shy Sue" in answer
    assert b"shy@dir.test" not in answer
    wait_until(lambda: [each for each in installation.read_access_log() if each["peer"] == "::1"], "the last log entry")
    entries = installation.read_access_log()[-9:]
    assert [entry["peer"] for entry in entries] == ["127.0.0.9"] * 8 + ["::1"]
    assert [entry["outcome"] for entry in entries] == ["found"] * 6 + ["limited"] * 2 + ["found"]


def test_F014_two_hundred_silent_clients(tmp_path: Path) -> None:
    installation = make_limited_installation(tmp_path, "connections_per_address = 500")
    with run_gateway(installation) as running:
        before = count_sockets(running.process.pid)
        held = [connect(installation.finger_port) for _ in range(200)]
        wait_until(lambda: count_sockets(running.process.pid) >= before + 200, "all of them")
        began = time.monotonic()
        assert b"Alice Adams" in send_and_read(installation.finger_port, b"alice\r\n")
        assert time.monotonic() - began < 1
        for client in held:
            client.close()
