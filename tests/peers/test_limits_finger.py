"""Limits of the finger side of the real gateway: how many connections, how many questions, and of whom."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.peers.gateway import Place, Running, free_port, serving, until
from tests.peers.limits import connect, limited, read, said, sockets

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
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    folder = tmp_path_factory.mktemp("place")
    place = limited(
        folder,
        LIMITS,
        people=[{"login": "alice", "name": "Alice Adams"}, SHY],
        members=('url = "', 'members = ["127.0.0.0/8"]\nurl = "'),
        records=('file = "access.jsonl"', 'file = "access.jsonl"\naddresses = "full"'),
    )
    text = place.settings.read_text()
    both = f'listen = ["tcp:{place.finger}:interface=127.0.0.1", "tcp6:{free_port()}:interface=\\\\:\\\\:"]'
    place.settings.write_text(text.replace(f'listen = ["tcp:{place.finger}:interface=127.0.0.1"]', both))
    return place


def sixth(place: Place) -> int:
    """The port for both kinds of addresses."""
    return int(place.settings.read_text().partition("tcp6:")[2].partition(":")[0])


@pytest.fixture(scope="module")
def gateway(place: Place) -> Iterator[Running]:
    with serving(place) as running:
        yield running


def test_F014_F015_more_connections_than_an_address_may_have(place: Place, gateway: Running) -> None:
    """The surplus is told so behind its line or after a second, one far too many nothing; others do not notice."""
    listening = sockets(gateway.process.pid)
    held = [connect(place.finger) for _ in range(10)]
    silent, asking = connect(place.finger), connect(place.finger)
    began = time.monotonic()
    asking.sendall(b"alice\r\n")
    assert read(asking) == CROWDED
    assert time.monotonic() - began < 0.9
    asking.close()
    asking = connect(place.finger)
    hard = connect(place.finger)  # the 13th
    assert read(hard) == b""
    assert time.monotonic() - began < 0.9
    assert b"Alice Adams" in said(place.finger, b"alice\r\n", source=GOOD)
    assert read(silent) == CROWDED
    assert 0.9 < time.monotonic() - began < 2.5
    for client in (*held, silent, asking, hard):
        client.close()
    until(lambda: sockets(gateway.process.pid) <= listening, "the end of all connections")
    assert b"Alice Adams" in said(place.finger, b"alice\r\n", source=GOOD)


def test_F016_F017_F018_more_questions_than_an_address_may_ask(place: Place, gateway: Running) -> None:
    """By whichever address of ours it comes: ::ffff:127.0.0.9 is 127.0.0.9 to limits, members and records; ::1 is
    itself."""
    ports = (place.finger, sixth(place))
    for number in range(6):
        answer = said(ports[number % 2], b"shy\r\n", source="127.0.0.9")
        assert b"shy@dir.test" in answer  # a member's address
    for port in ports:
        refusal = said(port, b"shy\r\n", source="127.0.0.9")
        assert refusal in [f"Too many queries, try again in {n} seconds.\r\n".encode() for n in (9, 10)]
    answer = said(sixth(place), b"shy\r\n", host="::1")
    assert b"Shy Sue" in answer
    assert b"shy@dir.test" not in answer
    until(lambda: [each for each in place.records() if each["peer"] == "::1"], "the last record")
    records = place.records()[-9:]
    assert [record["peer"] for record in records] == ["127.0.0.9"] * 8 + ["::1"]
    assert [record["outcome"] for record in records] == ["found"] * 6 + ["limited"] * 2 + ["found"]


def test_F014_two_hundred_that_say_nothing(tmp_path: Path) -> None:
    place = limited(tmp_path, "connections_per_address = 500")
    with serving(place) as running:
        before = sockets(running.process.pid)
        held = [connect(place.finger) for _ in range(200)]
        until(lambda: sockets(running.process.pid) >= before + 200, "all of them")
        began = time.monotonic()
        assert b"Alice Adams" in said(place.finger, b"alice\r\n")
        assert time.monotonic() - began < 1
        for client in held:
            client.close()
