"""Limits of the web side of the real gateway: connections, requests, pipelined requests, forms with very many parts."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests.peers.gateway_process import GatewayProcess, Installation, run_gateway, wait_until
from tests.peers.limits import connect, count_sockets, make_limited_installation, read_to_end, send_and_read

GET = b"GET /users/alice HTTP/1.1\r\nHost: dir.test\r\n\r\n"
CLOSE = GET[:-2] + b"Connection: close\r\n\r\n"
GOOD = "127.0.0.77"
LIMITS = """
connections_per_address = 10
queries_per_minute = 6
timeout = "3s"
"""


def test_W006_connections_and_requests_over_the_limit_of_an_address(tmp_path: Path) -> None:
    installation = make_limited_installation(
        tmp_path, LIMITS, nobody_is_a_proxy=("[web]\n", "[web]\ntrusted_proxies = []\n")
    )
    with run_gateway(installation) as running:
        listening = count_sockets(running.process.pid)
        held = [connect(installation.web_port) for _ in range(10)]
        full = send_and_read(installation.web_port, GET)
        assert full.startswith(b"HTTP/1.1 503 ")
        assert b"Retry-After: 5\r\n" in full
        assert full.endswith(b"Too many connections. Try again in a moment.\n")
        silent = [connect(installation.web_port) for _ in range(2)]
        assert send_and_read(installation.web_port, b"") == b""  # the 13th
        assert send_and_read(installation.web_port, CLOSE, source=GOOD).startswith(b"HTTP/1.1 200 ")
        assert [read_to_end(each) for each in silent] == [b"", b""]  # after a second
        for each in (*held, *silent):
            each.close()
        wait_until(lambda: count_sockets(running.process.pid) <= listening, "the end of all connections")
        answers = [send_and_read(installation.web_port, CLOSE) for _ in range(7)]
        assert [answer[9:12] for answer in answers] == [b"200"] * 6 + [b"429"]
        assert b"Retry-After: 10\r\n" in answers[-1]
        assert send_and_read(installation.web_port, CLOSE, source="127.0.0.78").startswith(b"HTTP/1.1 200 ")


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    return make_limited_installation(
        tmp_path_factory.mktemp("place"), "queries_per_minute = 1000000\nconnections_per_address = 500"
    )


@pytest.fixture(scope="module")
def gateway(installation: Installation) -> Iterator[GatewayProcess]:
    with run_gateway(installation) as running:
        yield running


def test_a_connection_answers_a_thousand_pipelined_requests(
    installation: Installation, gateway: GatewayProcess
) -> None:
    """W006: it ends with a FIN, though more was sent; no reset overtakes the answers."""
    answer = send_and_read(installation.web_port, GET * 3000)
    assert answer.count(b"HTTP/1.1 200 OK\r\n") == 1000
    assert answer.count(b"Connection: close\r\n") == 1
    assert b"Connection: close\r\n" in answer[-1000:]


@contextmanager
def time_other_requests(installation: Installation) -> Iterator[list[float]]:
    """Send one web request after the other. Yield the list of seconds that each took."""
    took: list[float] = []
    over = threading.Event()

    def ask() -> None:
        while not over.is_set():
            began = time.monotonic()
            assert send_and_read(installation.web_port, CLOSE).startswith(b"HTTP/1.1 200 ")
            took.append(time.monotonic() - began)

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        wait_until(lambda: len(took) > 5, "the first answers")
        yield took
        before = len(took)
        wait_until(lambda: len(took) > before + 5 or not thread.is_alive(), "the last answers")
    finally:
        over.set()
        thread.join()


@pytest.mark.alone
def test_twenty_thousand_pipelined_requests_delay_no_other_client(
    installation: Installation, gateway: GatewayProcess
) -> None:
    """Twenty clients pipeline a thousand requests each; other requests are not delayed."""
    with time_other_requests(installation) as took:
        clients = [connect(installation.web_port) for _ in range(20)]
        for client in clients:
            client.sendall(GET * 1000)
        for client in clients:
            with client:
                assert read_to_end(client).count(b"HTTP/1.1 200 OK\r\n") == 1000
    print(f"{len(took)} requests meanwhile, the slowest {max(took) * 1000:.0f} ms")
    assert max(took) < 0.2


@pytest.mark.alone
@pytest.mark.parametrize("path", [b"/users/alice", b"/nowhere"])
def test_W099_a_form_of_a_hundred_thousand_parts_delays_no_other_request(
    installation: Installation, gateway: GatewayProcess, path: bytes
) -> None:
    """It is refused by its Content-Length; in chunks it is refused while it arrives; a small one is never parsed."""
    part = b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n'
    kind = b"Content-Type: multipart/form-data; boundary=x\r\n"
    head = b"POST " + path + b" HTTP/1.1\r\nHost: dir.test\r\n" + kind
    form = part * 100_000 + b"--x--\r\n"
    small = part * 1000 + b"--x--\r\n"
    assert len(small) < 65536
    with time_other_requests(installation) as took:
        for _ in range(3):
            assert post_until_closed(installation, head + b"Content-Length: %d\r\n\r\n" % len(form), form).startswith(
                b"HTTP/1.1 413 "
            )
            chunks = b"%x\r\n%s\r\n0\r\n\r\n" % (len(form), form)
            assert post_until_closed(installation, head + b"Transfer-Encoding: chunked\r\n\r\n", chunks).startswith(
                b"HTTP/1.1 413 "
            )
            whole = post_until_closed(
                installation, head + b"Connection: close\r\nContent-Length: %d\r\n\r\n" % len(small), small
            )
            assert whole[9:12] in (b"405", b"404")
    print(f"{len(took)} requests meanwhile, the slowest {max(took) * 1000:.0f} ms")
    assert max(took) < 0.1


def post_until_closed(installation: Installation, head: bytes, body: bytes) -> bytes:
    """Send as much as the server accepts, and return the answer."""
    with connect(installation.web_port) as client:
        with suppress(ConnectionResetError, BrokenPipeError):
            client.sendall(head + body)
            client.shutdown(socket.SHUT_WR)
        return read_to_end(client)
