"""Clients that reset the connection in each of its states: reading, answering, sending, lingering. No error is logged
and no descriptor or timer leaks. Time-outs are long here, so that they cannot hide a leak."""

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


# each function brings a client into a state


def connected(server: FingerServer) -> socket.socket:
    return server.connect()


def partial_line(server: FingerServer) -> socket.socket:
    client = server.connect()
    client.sendall(b"/W ali")
    return client


def lookup_running(server: FingerServer) -> socket.socket:
    client = server.connect()
    client.sendall(b"alice\r\n")
    return client


def lookup_running_with_extra_bytes(server: FingerServer) -> socket.socket:
    client = server.connect()
    client.sendall(b"alice\r\n" + b"x" * 1000)
    return client


def lookup_running_after_FIN(server: FingerServer) -> socket.socket:  # noqa: N802
    client = lookup_running(server)
    client.shutdown(socket.SHUT_WR)
    return client


def answer_partly_read(server: FingerServer) -> socket.socket:
    client = server.connect(receive_buffer=2048)
    client.sendall(b"frank\r\n")
    assert client.recv(100)
    return client


def answer_partly_read_after_FIN(server: FingerServer) -> socket.socket:  # noqa: N802
    client = answer_partly_read(server)
    client.shutdown(socket.SHUT_WR)
    return client


def answer_unread(server: FingerServer) -> socket.socket:
    client = lookup_running(server)
    select.select([client], [], [], TIMEOUT)
    return client


def lingering(server: FingerServer) -> socket.socket:
    client = lookup_running(server)
    assert read_to_end(client) == ALICE_PLAIN
    return client


def lingering_and_still_sending(server: FingerServer) -> socket.socket:
    client = lingering(server)
    client.sendall(b"x" * 1000)
    return client


def query_refused(server: FingerServer) -> socket.socket:
    client = server.connect()
    client.sendall(b"a" * 600)
    assert read_to_end(client) == TOO_LONG
    return client


STATES: list[tuple[Callable[[FingerServer], socket.socket], str]] = [
    (connected, ""),
    (partial_line, ""),
    (lookup_running, "gone"),
    (lookup_running_with_extra_bytes, "gone"),
    (lookup_running_after_FIN, "found"),  # the reset is not noticed before the answer is written
    (answer_partly_read, "found"),
    (answer_partly_read_after_FIN, "found"),
    (answer_unread, "found"),
    (lingering, "found"),
    (lingering_and_still_sending, "found"),
    (query_refused, "invalid"),
]


@pytest.fixture(scope="module")
def idle_counts(server: FingerServer) -> tuple[int, int]:
    """Return how many sockets and timers the idle server has."""
    server.count_settled_entries()
    return server.count_sockets(), server.count_timers()


@pytest.mark.parametrize(("state", "outcome"), STATES, ids=[state.__name__ for state, _ in STATES])
def test_F010_F013_a_reset_leaves_no_socket_timer_or_log_line(
    server: FingerServer, idle_counts: tuple[int, int], state: Callable[[FingerServer], socket.socket], outcome: str
) -> None:
    before, log = server.count_settled_entries(), (server.folder / "log").read_text()
    clients = [state(server) for _ in range(EACH)]
    time.sleep(SLOW / 3)  # so that the line is read before the reset
    for client in clients:
        close_with_reset(client)
    wait_for_sockets_closed(server, idle_counts[0])
    deadline = time.monotonic() + 3
    while server.count_timers() > idle_counts[1]:
        assert time.monotonic() < deadline, f"there were {idle_counts[1]} timers, now {server.count_timers()}"
        time.sleep(0.02)
    assert (server.folder / "log").read_text() == log
    entries = server.wait_for_access_log(server.count_settled_entries())[before:-1]  # the last is the marker
    assert [entry["outcome"] for entry in entries] == ([outcome] * EACH if outcome else [])


def wait_for_sockets_closed(server: FingerServer, sockets: int) -> None:
    """Wait until the server has no more than *sockets*."""
    deadline = time.monotonic() + 3
    while server.count_sockets() > sockets:
        assert time.monotonic() < deadline, f"there were {sockets} sockets, now {server.count_sockets()}"
        time.sleep(0.02)


def test_F015_resets_of_connections_over_the_limit(tmp_path: Path) -> None:
    """They are reset before they can be told so."""
    with run_finger_server(tmp_path, "--per-address", "10") as server:
        sockets = server.count_sockets()
        held = [server.connect() for _ in range(10)]
        assert server.ask(b"alice\r\n") == CROWDED
        for _ in range(20):
            close_with_reset(server.connect())
        wait_for_sockets_closed(server, sockets + 10)
        deadline = time.monotonic() + TIMEOUT  # some of them may not be accepted yet
        while not (reply_text := server.ask(b"alice\r\n")) and time.monotonic() < deadline:
            pass
        assert reply_text == CROWDED
        for client in held:
            close_with_reset(client)
        wait_for_sockets_closed(server, sockets)
        assert server.ask(b"alice\r\n") == ALICE_PLAIN


def test_R_stop_with_clients_in_every_state(tmp_path: Path) -> None:
    """The server stops in time and logs no error (run_finger_server checks), though half of the clients reset their
    connections at that moment."""
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
