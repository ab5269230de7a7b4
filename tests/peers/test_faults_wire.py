"""Misbehaving clients at the real gateway: slow, non-reading, endless and malformed. Others are still answered at
once, memory and disk use stay constant, and no reactor iteration takes long (the watchdog checks)."""

import os
import re
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.peers.gateway_process import GatewayProcess, Installation, run_gateway, wait_until
from tests.peers.limits import (
    connect,
    count_sockets,
    list_open_files,
    make_limited_installation,
    read_to_end,
    send_and_read,
)

HOST = b"Host: dir.test\r\n"
TIMEOUT = 1.0
PEERS = 5  # of each kind at once


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    return make_limited_installation(
        tmp_path_factory.mktemp("place"),
        f'queries_per_minute = 1000000\nconnections_per_address = 500\ntimeout = "{TIMEOUT:.0f}s"',
    )


@pytest.fixture(scope="module")
def spool(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The gateway's TMPDIR."""
    return tmp_path_factory.mktemp("spool")


@pytest.fixture(scope="module")
def gateway(installation: Installation, spool: Path) -> Iterator[GatewayProcess]:
    with run_gateway(installation, env=os.environ | {"TMPDIR": str(spool)}) as running:
        yield running


def assert_good_client_is_served(installation: Installation) -> None:
    """Assert that a well-behaved client is answered at once."""
    began = time.monotonic()
    assert b"Alice Adams" in send_and_read(installation.finger_port, b"alice\r\n")
    assert b"Alice Adams" in send_and_read(
        installation.web_port, b"GET /users/alice HTTP/1.1\r\n" + HOST + b"Connection: close\r\n\r\n"
    )
    assert time.monotonic() - began < 1


# slow clients


def test_R030_clients_that_never_read_are_disconnected(installation: Installation, gateway: GatewayProcess) -> None:
    """On both protocols; the data that is buffered for them is bounded."""
    before, memory = count_sockets(gateway.process.pid), gateway.memory_mib
    big = b"GET /users/frank HTTP/1.1\r\nAccept: text/plain\r\n" + HOST + b"\r\n"
    asks = ((installation.finger_port, b"frank\r\n"), (installation.web_port, big), (installation.web_port, big * 50))
    held = [(connect(port, receive_buffer=4096), ask) for port, ask in asks for _ in range(PEERS)]
    began = time.monotonic()
    for client, ask in held:
        client.sendall(ask)
    assert_good_client_is_served(installation)
    wait_until(lambda: count_sockets(gateway.process.pid) <= before, "the end of all connections")
    took = time.monotonic() - began
    assert TIMEOUT - 0.2 < took < 2 * TIMEOUT + 1
    assert gateway.memory_mib - memory < 8  # MiB; 25 are requested, more than the kernel buffers
    for client, ask in held:
        if ask == big * 50:  # more than the kernel buffers
            with pytest.raises(ConnectionResetError):
                read_to_end(client)
        client.close()


@pytest.mark.parametrize(
    ("port", "first", "last"),
    [
        ("finger", b"", b"Input timeout.\r\n"),
        ("web", b"GET / HTTP/1.1\r\nX: ", b"The request was not received in time.\n"),
        ("web", b"GET /", b"The request was not received in time.\n"),
        ("web", b"GET / HTTP/1.1\nHost: dir.test\nX: ", b"The request was not received in time.\n"),
        (
            "web",
            b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 9999\r\n\r\n",
            b"The request was not received in time.\n",
        ),
    ],
    ids=["query", "head", "line", "bare LF", "body"],
)
def test_R031_W100_single_bytes_do_not_extend_the_deadline(
    installation: Installation, gateway: GatewayProcess, port: str, first: bytes, last: bytes
) -> None:
    """F012, W006: one byte now and then, for ever."""
    with connect(getattr(installation, f"{port}_port")) as client:
        client.sendall(first)
        began = time.monotonic()
        client.settimeout(0.1)
        answer = b""
        while not answer:
            assert time.monotonic() - began < 3 * TIMEOUT
            with suppress(TimeoutError):
                client.sendall(b"a")
                answer = client.recv(65536)
        assert TIMEOUT - 0.1 < time.monotonic() - began < TIMEOUT + 1
        client.settimeout(10)
        with suppress(ConnectionResetError):  # a byte may arrive after its time-out
            answer += read_to_end(client)
    assert answer.endswith(last)
    if port == "web":
        assert answer.startswith(b"HTTP/1.1 408 ")


# long input


def post_head(path: bytes, size: int, kind: bytes = b"") -> bytes:
    return b"POST %s HTTP/1.1\r\n%sContent-Length: %d\r\n%s\r\n" % (path, HOST, size, kind)


FORM = b"Content-Type: application/x-www-form-urlencoded\r\n"
CHUNKED = b"POST /users/alice HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    "head",
    [
        post_head(b"/users/alice", 10 * 2**30),
        post_head(b"/users/alice", 10 * 2**30, b"Expect: 100-continue\r\n"),
        post_head(b"/users/alice", 20 * 10**6, FORM),
        post_head(b"/nowhere", 20 * 10**6, FORM),
    ],
    ids=["10 GB", "10 GB, with Expect", "20 MB form", "20 MB form to nowhere"],
)
def test_R032_W096_W098_a_body_too_long_is_refused_before_it_arrives(
    installation: Installation, gateway: GatewayProcess, spool: Path, head: bytes
) -> None:
    """The body that is sent anyway is kept neither in TMPDIR nor in memory."""
    memory = gateway.memory_mib
    with connect(installation.web_port) as client:
        client.sendall(head)
        answer = b""
        while not answer.endswith(b".\n"):  # the complete answer, before a byte of the body
            answer += client.recv(65536)
        with suppress(ConnectionResetError, BrokenPipeError):
            for _ in range(100):
                client.sendall(b"a=1&" * 16384)
        assert_nothing_kept(gateway, spool, memory)
        with suppress(ConnectionResetError):
            answer += read_to_end(client)
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b"Connection: close\r\n" in answer
    assert answer.count(b"HTTP/1.1") == 1
    assert_good_client_is_served(installation)


def test_R032_W097_endless_chunks(installation: Installation, gateway: GatewayProcess, spool: Path) -> None:
    memory = gateway.memory_mib
    with connect(installation.web_port) as client:
        client.sendall(CHUNKED)
        sent = 0
        with suppress(ConnectionResetError, BrokenPipeError):
            while sent < 200:
                client.sendall(b"10000\r\n" + b"x" * 65536 + b"\r\n")
                sent += 1
        assert_nothing_kept(gateway, spool, memory)
        answer = b""
        with suppress(ConnectionResetError):
            answer = read_to_end(client)
    assert sent < 200
    assert not answer or answer.startswith(b"HTTP/1.1 413 ")
    chunk = b"400\r\n" + b"x" * 1024 + b"\r\n"
    assert send_and_read(installation.web_port, CHUNKED + chunk * 100).startswith(b"HTTP/1.1 413 ")
    assert_good_client_is_served(installation)


@pytest.mark.parametrize("path", [b"/nowhere", b"/users/alice"])
def test_W098_an_unwanted_body_is_not_kept(
    installation: Installation, gateway: GatewayProcess, spool: Path, path: bytes
) -> None:
    """A body of the maximum size, while it arrives and after the answer."""
    memory = gateway.memory_mib
    body = b"x" * 65536
    with connect(installation.web_port) as client:
        client.sendall(post_head(path, 65536, b"Connection: close\r\n") + body[:60_000])
        assert_good_client_is_served(installation)
        assert_nothing_kept(gateway, spool, memory)
        client.sendall(body[60_000:])
        answer = read_to_end(client)
    assert answer[9:12] == (b"404" if path == b"/nowhere" else b"405")
    assert_nothing_kept(gateway, spool, memory)


def assert_nothing_kept(gateway: GatewayProcess, spool: Path, memory: float) -> None:
    """Assert that there is no file, no unlinked open file and no memory growth."""
    assert list(spool.iterdir()) == []
    assert [
        each for each in list_open_files(gateway.process.pid) if str(spool) in each or each.startswith("/tmp/#")
    ] == []
    assert gateway.memory_mib - memory < 16


# malformed input


@pytest.mark.parametrize(
    ("head", "code"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n" + HOST + HOST + b"\r\n", 400),
        (b"GET / HTTP/1.1\r\n" + HOST + b"Host: evil.test\r\n\r\n", 400),
        (b"GET /" + b"a" * 20_000 + b" HTTP/1.1\r\n" + HOST + b"\r\n", 414),
        (b"GET / HTTP/1.1\r\n" + HOST + b"X: " + b"a" * 20_000 + b"\r\n\r\n", 431),
        (b"GET / HTTP/1.1\r\n" + HOST + b"X: a\r\n" * 500 + b"\r\n", 431),
    ],
    ids=["no host", "host twice", "two hosts", "long line", "long header", "500 headers"],
)
def test_R033_W095_malformed_heads(installation: Installation, gateway: GatewayProcess, head: bytes, code: int) -> None:
    """Each gets an error text, and the connection is closed."""
    close = head.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n") if code == 400 else head
    answer = send_and_read(installation.web_port, close)
    assert answer.startswith(b"HTTP/1.1 %d " % code)
    length = re.search(rb"Content-Length: (\d+)\r\n", answer)
    assert length is not None
    body = answer.partition(b"\r\n\r\n")[2]
    assert len(body) == int(length[1]) > 10
    assert body.endswith(b".\n")


def test_R033_an_endless_query_line(installation: Installation, gateway: GatewayProcess) -> None:
    """F071"""
    assert send_and_read(installation.finger_port, b"a" * 20_000 + b"\r\n") == b"Query too long.\r\n"


# floods


FLOODS: list[Callable[[Installation], bytes]] = [
    lambda installation: b"alice\r\n" * 20_000,
    lambda installation: b"\0" * 100_000,
    lambda installation: bytes(range(256)) * 400,
]


@pytest.mark.parametrize("flood", FLOODS)
@pytest.mark.parametrize("port", ["finger", "web"])
def test_random_bytes_get_an_answer_or_a_close(
    installation: Installation, gateway: GatewayProcess, port: str, flood: Callable[[Installation], bytes]
) -> None:
    with connect(getattr(installation, f"{port}_port")) as client:
        with suppress(ConnectionResetError, BrokenPipeError):
            client.sendall(flood(installation))
        with suppress(ConnectionResetError, OSError):
            client.shutdown(socket.SHUT_WR)
        with suppress(ConnectionResetError):
            read_to_end(client)
    assert_good_client_is_served(installation)
