"""Clients that are gone by RST, whatever the connection is about at that moment: reading, answering, sending, lingering.
Nothing of it is logged, no descriptor and no timer is left. Deadlines are far away here: what they would clear up shows."""

import select
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.peers.finger_client import TIMEOUT, FingerServer, close_with_reset, read_to_end, run_finger_server
from tests.unit.finger.test_answers import ALICE_PLAIN, TOO_LONG

SLOW = 0.15  # seconds that a lookup takes
EACH = 4  # clients at once in one state
CROWDED = b"Too many connections, try again later.\r\n"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FingerServer]:
    with run_finger_server(
        tmp_path_factory.mktemp("server"), "--slow", str(SLOW), "--send-buffer", "4096", "--timeout", "60"
    ) as one:
        one.ask(b"alice\r\n")
        yield one


# each brings a client into a state


def silent(server: FingerServer) -> socket.socket:
    return server.connect()


def amid_the_line(server: FingerServer) -> socket.socket:
    client = server.connect()
    client.sendall(b"/W ali")
    return client


def looked_up(server: FingerServer) -> socket.socket:
    client = server.connect()
    client.sendall(b"alice\r\n")
    return client


def looked_up_with_more_behind(server: FingerServer) -> socket.socket:
    client = server.connect()
    client.sendall(b"alice\r\n" + b"x" * 1000)
    return client


def looked_up_behind_a_FIN(server: FingerServer) -> socket.socket:  # noqa: N802
    client = looked_up(server)
    client.shutdown(socket.SHUT_WR)
    return client


def amid_the_answer(server: FingerServer) -> socket.socket:
    client = server.connect(receive_buffer=2048)
    client.sendall(b"frank\r\n")
    assert client.recv(100)
    return client


def amid_the_answer_behind_a_FIN(server: FingerServer) -> socket.socket:  # noqa: N802
    client = amid_the_answer(server)
    client.shutdown(socket.SHUT_WR)
    return client


def unread(server: FingerServer) -> socket.socket:
    client = looked_up(server)
    select.select([client], [], [], TIMEOUT)
    return client


def lingering(server: FingerServer) -> socket.socket:
    client = looked_up(server)
    assert read_to_end(client) == ALICE_PLAIN
    return client


def lingering_and_still_talking(server: FingerServer) -> socket.socket:
    client = lingering(server)
    client.sendall(b"x" * 1000)
    return client


def refused(server: FingerServer) -> socket.socket:
    client = server.connect()
    client.sendall(b"a" * 600)
    assert read_to_end(client) == TOO_LONG
    return client


STATES: list[tuple[Callable[[FingerServer], socket.socket], str]] = [
    (silent, ""),
    (amid_the_line, ""),
    (looked_up, "gone"),
    (looked_up_with_more_behind, "gone"),
    (looked_up_behind_a_FIN, "found"),  # nobody sees the reset before the answer is written
    (amid_the_answer, "found"),
    (amid_the_answer_behind_a_FIN, "found"),
    (unread, "found"),
    (lingering, "found"),
    (lingering_and_still_talking, "found"),
    (refused, "invalid"),
]


@pytest.fixture(scope="module")
def at_rest(server: FingerServer) -> tuple[int, int]:
    """Sockets and timers of a server that has nothing to do."""
    server.count_settled_entries()
    return server.count_sockets(), server.count_timers()


@pytest.mark.parametrize(("state", "outcome"), STATES, ids=[state.__name__ for state, _ in STATES])
def test_F010_F013_a_reset_leaves_nothing(
    server: FingerServer, at_rest: tuple[int, int], state: Callable[[FingerServer], socket.socket], outcome: str
) -> None:
    before, log = server.count_settled_entries(), (server.folder / "log").read_text()
    clients = [state(server) for _ in range(EACH)]
    time.sleep(SLOW / 3)  # so that it was read before it is gone
    for client in clients:
        close_with_reset(client)
    emptied(server, at_rest[0])
    deadline = time.monotonic() + 3
    while server.count_timers() > at_rest[1]:
        assert time.monotonic() < deadline, f"there were {at_rest[1]} timers, now {server.count_timers()}"
        time.sleep(0.02)
    assert (server.folder / "log").read_text() == log
    records = server.wait_for_access_log(server.count_settled_entries())[before:-1]  # the last is a mark
    assert [record["outcome"] for record in records] == ([outcome] * EACH if outcome else [])


def emptied(server: FingerServer, sockets: int) -> None:
    """Waits until the server has no more than *sockets*."""
    deadline = time.monotonic() + 3
    while server.count_sockets() > sockets:
        assert time.monotonic() < deadline, f"there were {sockets} sockets, now {server.count_sockets()}"
        time.sleep(0.02)


def test_F015_a_reset_of_one_too_many(tmp_path: Path) -> None:
    """Before it could be told so."""
    with run_finger_server(tmp_path, "--per-address", "10") as server:
        sockets = server.count_sockets()
        held = [server.connect() for _ in range(10)]
        assert server.ask(b"alice\r\n") == CROWDED
        for _ in range(20):
            close_with_reset(server.connect())
        emptied(server, sockets + 10)
        deadline = time.monotonic() + TIMEOUT  # some of them may not have been accepted so far
        while not (said := server.ask(b"alice\r\n")) and time.monotonic() < deadline:
            pass
        assert said == CROWDED
        for client in held:
            close_with_reset(client)
        emptied(server, sockets)
        assert server.ask(b"alice\r\n") == ALICE_PLAIN


def test_R_a_stop_with_clients_in_every_state(tmp_path: Path) -> None:
    """It ends in time and without a word of failure (see serve), though half of them are gone by RST just then."""
    with run_finger_server(tmp_path, "--slow", str(SLOW), "--send-buffer", "4096", "--timeout", "60") as server:
        clients = [state(server) for state, _ in STATES for _ in range(2)]
        began = time.monotonic()
        server.terminate()
        for client in clients[::2]:
            close_with_reset(client)
        for client in clients[1::2]:
            try:
                reply = read_to_end(client)
            except ConnectionResetError:
                continue
            finally:
                client.close()
            assert reply.endswith(b"\r\n") or not reply
        assert time.monotonic() - began < 4
