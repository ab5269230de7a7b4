"""Clients that are gone by RST, whatever the connection is about at that moment: reading, answering, sending, lingering.
Nothing of it is logged, no descriptor and no timer is left. Deadlines are far away here: what they would clear up shows."""

import select
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.peers.finger_client import PATIENCE, Server, read, reset, serve
from tests.unit.finger.test_answers import ALICE_PLAIN, TOO_LONG

SLOW = 0.15  # seconds that a lookup takes
EACH = 4  # clients at once in one state
CROWDED = b"Too many connections, try again later.\r\n"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serve(
        tmp_path_factory.mktemp("server"), "--slow", str(SLOW), "--send-buffer", "4096", "--timeout", "60"
    ) as one:
        one.ask(b"alice\r\n")
        yield one


# each brings a client into a state


def silent(server: Server) -> socket.socket:
    return server.connect()


def amid_the_line(server: Server) -> socket.socket:
    client = server.connect()
    client.sendall(b"/W ali")
    return client


def looked_up(server: Server) -> socket.socket:
    client = server.connect()
    client.sendall(b"alice\r\n")
    return client


def looked_up_with_more_behind(server: Server) -> socket.socket:
    client = server.connect()
    client.sendall(b"alice\r\n" + b"x" * 1000)
    return client


def looked_up_behind_a_FIN(server: Server) -> socket.socket:  # noqa: N802
    client = looked_up(server)
    client.shutdown(socket.SHUT_WR)
    return client


def amid_the_answer(server: Server) -> socket.socket:
    client = server.connect(receive_buffer=2048)
    client.sendall(b"frank\r\n")
    assert client.recv(100)
    return client


def amid_the_answer_behind_a_FIN(server: Server) -> socket.socket:  # noqa: N802
    client = amid_the_answer(server)
    client.shutdown(socket.SHUT_WR)
    return client


def unread(server: Server) -> socket.socket:
    client = looked_up(server)
    select.select([client], [], [], PATIENCE)
    return client


def lingering(server: Server) -> socket.socket:
    client = looked_up(server)
    assert read(client) == ALICE_PLAIN
    return client


def lingering_and_still_talking(server: Server) -> socket.socket:
    client = lingering(server)
    client.sendall(b"x" * 1000)
    return client


def refused(server: Server) -> socket.socket:
    client = server.connect()
    client.sendall(b"a" * 600)
    assert read(client) == TOO_LONG
    return client


STATES: list[tuple[Callable[[Server], socket.socket], str]] = [
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
def at_rest(server: Server) -> tuple[int, int]:
    """Sockets and timers of a server that has nothing to do."""
    server.settled()
    return server.sockets(), server.timers()


@pytest.mark.parametrize(("state", "outcome"), STATES, ids=[state.__name__ for state, _ in STATES])
def test_F010_F013_a_reset_leaves_nothing(
    server: Server, at_rest: tuple[int, int], state: Callable[[Server], socket.socket], outcome: str
) -> None:
    before, log = server.settled(), (server.folder / "log").read_text()
    clients = [state(server) for _ in range(EACH)]
    time.sleep(SLOW / 3)  # so that it was read before it is gone
    for client in clients:
        reset(client)
    emptied(server, at_rest[0])
    deadline = time.monotonic() + 3
    while server.timers() > at_rest[1]:
        assert time.monotonic() < deadline, f"there were {at_rest[1]} timers, now {server.timers()}"
        time.sleep(0.02)
    assert (server.folder / "log").read_text() == log
    records = server.records(server.settled())[before:-1]  # the last is a mark
    assert [record["outcome"] for record in records] == ([outcome] * EACH if outcome else [])


def emptied(server: Server, sockets: int) -> None:
    """Waits until the server has no more than *sockets*."""
    deadline = time.monotonic() + 3
    while server.sockets() > sockets:
        assert time.monotonic() < deadline, f"there were {sockets} sockets, now {server.sockets()}"
        time.sleep(0.02)


def test_F015_a_reset_of_one_too_many(tmp_path: Path) -> None:
    """Before it could be told so."""
    with serve(tmp_path, "--per-address", "10") as server:
        sockets = server.sockets()
        held = [server.connect() for _ in range(10)]
        assert server.ask(b"alice\r\n") == CROWDED
        for _ in range(20):
            reset(server.connect())
        emptied(server, sockets + 10)
        deadline = time.monotonic() + PATIENCE  # some of them may not have been accepted so far
        while not (said := server.ask(b"alice\r\n")) and time.monotonic() < deadline:
            pass
        assert said == CROWDED
        for client in held:
            reset(client)
        emptied(server, sockets)
        assert server.ask(b"alice\r\n") == ALICE_PLAIN


def test_R_a_stop_with_clients_in_every_state(tmp_path: Path) -> None:
    """It ends in time and without a word of failure (see serve), though half of them are gone by RST just then."""
    with serve(tmp_path, "--slow", str(SLOW), "--send-buffer", "4096", "--timeout", "60") as server:
        clients = [state(server) for state, _ in STATES for _ in range(2)]
        began = time.monotonic()
        server.end()
        for client in clients[::2]:
            reset(client)
        for client in clients[1::2]:
            try:
                reply = read(client)
            except ConnectionResetError:
                continue
            finally:
                client.close()
            assert reply.endswith(b"\r\n") or not reply
        assert time.monotonic() - began < 4
