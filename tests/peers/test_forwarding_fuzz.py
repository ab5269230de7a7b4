"""Random answers of a target, forwarded by the real gateway. Each is made from a printed seed and its number."""

import random
import socket
import struct
from pathlib import Path

from gateway.store import database
from tests.fuzz import HOSTILE_BYTES, LONG, SEED, find_fault
from tests.peers.finger_client import read_to_end
from tests.peers.gateway_process import WATCHED_COMMAND, Installation, start_process, wait_until
from tests.peers.limits import count_sockets
from tests.peers.network_namespace import NetworkNamespace, make_network_namespace
from tests.peers.test_forwarding import ADDRESSES, PEER, SETTINGS, run_target

COUNT = 5_000 if LONG else 500
OURS = ADDRESSES["one"]
PARTS = [
    *HOSTILE_BYTES,
    *(b"hello ", b"\r\n", b"\n", b"\r", b"\x1b[31mred", b"a" * 3000, b"x\x08_", b"\xe2\x80\xaert", b"\xc5\xbdofie\n"),
]


def make_answer(number: int) -> bytes:
    """Return the target's answer of this *number*."""
    dice = random.Random(f"{SEED}/{number}")
    size = dice.choice((0, 1, 5, 60))
    return b"".join(dice.choice([*PARTS, dice.randbytes(20)]) for _ in range(size))


def send_answer(connection: socket.socket, line: bytes) -> None:
    """Answer *line* in pieces; one in eight ends with a reset."""
    number = int(line.removeprefix(b"n"))
    dice, rest = random.Random(number), make_answer(number)
    while rest:
        size = dice.choice((1, 2, 7, 1000, 100_000))
        connection.sendall(rest[:size])
        rest = rest[size:]
    if number % 8 == 0:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def ask(network: NetworkNamespace, number: int) -> bytes:
    with network.connect(OURS) as client:
        client.sendall(b"n%d@peer.test\r\n" % number)
        if number % 3 == 0:
            client.shutdown(socket.SHUT_WR)
        return read_to_end(client)


def test_F088_F120_random_answers(tmp_path: Path) -> None:
    """Each reply is in the data format and complete, and nothing is logged as an error."""
    print(f"seed {SEED}")
    installation = Installation(tmp_path, 79, 0)
    text = SETTINGS.format(name="one", address=OURS, allowed='"peer.test"', hops=1, timeout=10)
    installation.settings.write_text(text.replace("[limits]\n", "[limits]\nqueries_per_minute = 1000000\n"))
    database.create(installation.database)
    with (
        make_network_namespace(tmp_path, [OURS, PEER], {"peer.test": [PEER]}) as network,
        start_process(
            tmp_path, [], "run", "-c", installation.settings, start=(*network.enter, *WATCHED_COMMAND)
        ) as running,
        run_target(network, lambda connection: send_answer(connection, lines[-1])) as lines,
    ):
        wait_until(lambda: "listening on" in running.log or running.process.poll() is not None, "the gateway")
        log, listening = running.log, count_sockets(running.process.pid)
        for number in range(COUNT):
            reply = ask(network, number)
            wrong = find_fault(b"x", reply)
            assert not wrong, f"{wrong}: {reply[:300]!r}\nseed {SEED}, number {number}: {make_answer(number)[:300]!r}"
        assert lines == [b"n%d\r\n" % number for number in range(COUNT)]
        assert running.log == log
        wait_until(lambda: count_sockets(running.process.pid) <= listening, "the end of all connections")
    assert {entry["outcome"] for entry in installation.read_access_log()} <= {"served", "unavailable"}
