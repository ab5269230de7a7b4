"""The conformance suite against hostile servers: they can exhaust neither its memory nor its time."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest

from gateway.conform import wire
from gateway.conform.session import MAX_RUN_BYTES, ConformanceRun, Target


@contextmanager
def run_endless_server(piece: bytes) -> Iterator[int]:
    """Run a server that sends *piece* for ever. Yield its port."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        threading.Thread(target=_serve, args=(listening, piece), daemon=True).start()
        try:
            yield listening.getsockname()[1]
        finally:
            listening.shutdown(socket.SHUT_RDWR)


def _serve(listening: socket.socket, piece: bytes) -> None:
    with suppress(OSError):
        while True:
            connection, _ = listening.accept()
            threading.Thread(target=_send_forever, args=(connection, piece), daemon=True).start()


def _send_forever(connection: socket.socket, piece: bytes) -> None:
    with connection, suppress(OSError):
        while True:
            connection.sendall(piece)


@pytest.mark.parametrize("piece", [b"a" * 65536, b"no such user\r\n" * 5000])
def test_F091_an_endless_answer_is_bounded_in_size_and_time(piece: bytes) -> None:
    with run_endless_server(piece) as port:
        run = ConformanceRun(Target("127.0.0.1", port, timeout=60.0))
        replies = [run.exchange(b"a\r\n") for _ in range(3)]
    for reply in replies:
        assert reply.end == "open" and reply.seconds < 20.0
        assert wire.MAX_KEPT_BYTES - 65536 <= len(reply.data) <= wire.MAX_KEPT_BYTES
        assert b"\n" not in piece or reply.data.endswith(b"\r\n")


def test_F091_all_replies_together_are_bounded() -> None:
    with run_endless_server(b"") as port:
        run = ConformanceRun(Target("127.0.0.1", port))
    large = wire.ServerReply(b"a\r\n", bytes(wire.MAX_KEPT_BYTES), "closed", 0.0)
    for _ in range(1000):
        run.record(large)
    assert sum(len(reply.data) for reply in run.replies) <= MAX_RUN_BYTES + wire.MAX_KEPT_BYTES
