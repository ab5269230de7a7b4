"""Finger on real sockets: segments, half-closed connections, resets, clients that do not read."""

import errno
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.peers.finger_client import TIMEOUT, FingerServer, close_with_reset, read_to_end, run_finger_server
from tests.unit.finger.test_answers import ALICE_PLAIN

SLOW = 0.2


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FingerServer]:
    with run_finger_server(tmp_path_factory.mktemp("gateway")) as server:
        yield server


@pytest.fixture(scope="module")
def slow_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FingerServer]:
    """Run a server whose lookups take 200 ms."""
    with run_finger_server(tmp_path_factory.mktemp("slow_server"), "--slow", str(SLOW)) as server:
        yield server


def assert_closed_within(server: FingerServer, sockets: int, seconds: float = TIMEOUT) -> None:
    deadline = time.monotonic() + seconds
    while server.count_sockets() > sockets:
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_F001_nothing_is_sent_before_the_line(gateway: FingerServer) -> None:
    with gateway.connect() as client:
        client.settimeout(0.3)
        with pytest.raises(TimeoutError):
            client.recv(1)


def test_F002_the_server_closes_with_FIN(gateway: FingerServer) -> None:
    assert gateway.ask(b"alice\r\n") == ALICE_PLAIN


def test_F003_two_lines_in_a_segment_get_one_answer_and_no_reset(slow_server: FingerServer) -> None:
    before = slow_server.count_settled_entries()
    assert slow_server.ask(b"alice\r\nbob\r\n") == ALICE_PLAIN
    assert slow_server.ask(b"alice\r\n", b"bob\r\n" * 1000, apart=0.05) == ALICE_PLAIN
    assert [entry["query"] for entry in slow_server.wait_for_access_log(before + 2)[before:]] == ["alice", "alice"]


def test_F004_a_line_in_three_segments(gateway: FingerServer) -> None:
    verbose = gateway.ask(b"/W alice\r\n")
    assert b"Aliases:    ally\r\n" in verbose
    assert gateway.ask(b"/W ", b"alice", b"\r\n", apart=0.02) == verbose


def test_F005_one_byte_per_segment(gateway: FingerServer) -> None:
    assert gateway.ask(*(bytes([each]) for each in b"alice\r\n"), apart=0.005) == ALICE_PLAIN


def test_F006_a_line_ended_by_LF(gateway: FingerServer) -> None:
    assert gateway.ask(b"alice\n") == ALICE_PLAIN


@pytest.mark.parametrize("line", [b"alice", b"alice\r", b"alice\r\n", b"alice\n"])
@pytest.mark.parametrize("server", ["gateway", "slow_server"])
def test_F007_F008_a_client_that_half_closes(line: bytes, server: str, request: pytest.FixtureRequest) -> None:
    assert request.getfixturevalue(server).ask(line, half_close=True) == ALICE_PLAIN


@pytest.mark.parametrize("server", ["gateway", "slow_server"])
def test_F008_a_long_answer_to_a_client_that_half_closes(server: str, request: pytest.FixtureRequest) -> None:
    reply = request.getfixturevalue(server).ask(b"frank\r\n", half_close=True)
    assert reply.endswith(b"000999 " + b"x" * 92 + b"\r\n")


def test_F009_a_probe_without_a_query(gateway: FingerServer) -> None:
    before = gateway.count_settled_entries()
    assert gateway.ask(half_close=True) == b""
    with gateway.connect() as client:
        close_with_reset(client)
    assert gateway.wait_for_access_log(before + 1)[before]["outcome"] == "empty"


def test_F010_a_reset_during_the_lookup(slow_server: FingerServer) -> None:
    before = slow_server.count_settled_entries()
    with slow_server.connect() as client:
        client.sendall(b"alice\r\n")
        time.sleep(SLOW / 4)
        close_with_reset(client)
    assert slow_server.wait_for_access_log(before + 1)[before]["outcome"] == "gone"
    with slow_server.connect() as client:  # after a FIN the reset is not noticed before the answer is written
        client.sendall(b"alice\r\n")
        client.shutdown(socket.SHUT_WR)
        time.sleep(SLOW / 4)
        close_with_reset(client)
    assert len(slow_server.wait_for_access_log(before + 2)) == before + 2
    assert slow_server.ask(b"alice\r\n") == ALICE_PLAIN


def test_F011_a_silent_client(tmp_path: Path) -> None:
    with run_finger_server(tmp_path, "--timeout", "0.4") as server, server.connect() as client:
        began = time.monotonic()
        assert read_to_end(client) == b"Input timeout.\r\n"
        assert 0.3 < time.monotonic() - began < 2


def test_F012_one_byte_now_and_then(tmp_path: Path) -> None:
    with run_finger_server(tmp_path, "--timeout", "0.5") as server, server.connect() as client:
        client.settimeout(0.1)
        received = b""
        for _ in range(50):
            try:
                client.sendall(b"a")
                received += client.recv(100)
            except TimeoutError:
                continue
            break
        assert received == b"Input timeout.\r\n"


def test_F013_a_client_that_never_reads_is_disconnected(tmp_path: Path) -> None:
    with run_finger_server(tmp_path, "--timeout", "0.5", "--send-buffer", "4096") as server:
        listening = server.count_sockets()
        held = [server.connect(receive_buffer=2048) for _ in range(100)]
        for client in held:
            client.sendall(b"frank\r\n")
        server.wait_for_access_log(100)
        before = server.resident_bytes()
        assert_closed_within(server, listening)
        assert server.resident_bytes() - before < 16 * 2**20
        for client in held:
            with pytest.raises(ConnectionResetError):
                read_to_end(client)
            client.close()


@pytest.mark.parametrize("half_close", [False, True])
def test_F013_a_slow_reader_gets_the_complete_answer(tmp_path: Path, half_close: bool) -> None:
    """Reading takes longer than the second of the lingering close, which starts only when all is sent."""
    with run_finger_server(tmp_path, "--send-buffer", "4096") as server, server.connect(receive_buffer=2048) as client:
        client.sendall(b"frank\r\n")
        began = time.monotonic()
        parts = [client.recv(4096)]
        if half_close:  # while the answer is being sent
            client.shutdown(socket.SHUT_WR)
        while part := client.recv(4096):
            parts.append(part)
            if time.monotonic() - began < 1.2:
                time.sleep(0.1)
        reply = b"".join(parts)
        assert reply.endswith(b"000999 " + b"x" * 92 + b"\r\n")
        assert len(reply) > 100_000


def test_F013_a_late_reader_gets_what_the_kernel_has_buffered(gateway: FingerServer) -> None:
    """The server has sent everything and closed after its second; the answer is still complete."""
    listening = gateway.count_sockets()
    with gateway.connect() as client:
        client.sendall(b"frank\r\n")
        time.sleep(0.1)
        assert_closed_within(gateway, listening, 3)
        assert read_to_end(client).endswith(b"000999 " + b"x" * 92 + b"\r\n")


def test_a_connection_closed_by_the_client_is_released_at_once(gateway: FingerServer) -> None:
    listening = gateway.count_sockets()
    for _ in range(20):
        gateway.ask(b"alice\r\n")
    assert_closed_within(gateway, listening, 0.8)  # less than the second of the lingering close


def test_F014_two_hundred_silent_clients(gateway: FingerServer) -> None:
    held = [gateway.connect() for _ in range(200)]
    began = time.monotonic()
    assert gateway.ask(b"alice\r\n") == ALICE_PLAIN
    assert time.monotonic() - began < 1
    for client in held:
        client.close()


def test_F015_one_connection_over_the_limit(tmp_path: Path) -> None:
    with run_finger_server(tmp_path, "--per-address", "10") as server:
        listening = server.count_sockets()
        held = [server.connect() for _ in range(10)]
        assert server.ask(b"alice\r\n") == b"Too many connections, try again later.\r\n"
        for client in held:
            client.close()
        assert_closed_within(server, listening)
        assert server.ask(b"alice\r\n") == ALICE_PLAIN


def test_F017_a_client_over_IPv6(tmp_path: Path) -> None:
    with run_finger_server(tmp_path, host="::1") as server:
        assert server.ask(b"alice\r\n") == ALICE_PLAIN
        assert server.wait_for_access_log(1)[0]["peer"] == "::1"


@pytest.mark.parametrize("size", [513, 536, 4096])
def test_F071_a_line_too_long_gets_an_error_and_FIN(gateway: FingerServer, size: int) -> None:
    assert gateway.ask(b"A" * size + b"\r\n") == b"Query too long.\r\n"
    assert gateway.ask(b"A" * size + b"\r\n" + b"more\r\n" * 100) == b"Query too long.\r\n"


def test_F070_a_query_of_512_bytes_is_accepted(gateway: FingerServer) -> None:
    assert gateway.ask(b"a" * 512 + b"\r\n").endswith(b": no such user.\r\n")


def test_F072_ten_megabytes_without_a_line_end(gateway: FingerServer) -> None:
    before = gateway.resident_bytes()
    with gateway.connect() as client:
        received = b""
        try:
            client.sendall(b"a" * 10_000_000)
        except OSError as error:
            assert error.errno in (errno.EPIPE, errno.ECONNRESET)
        try:
            while part := client.recv(100):
                received += part
        except ConnectionResetError:
            pass
    assert received == b"Query too long.\r\n"
    assert gateway.resident_bytes() - before < 2 * 2**20
    assert gateway.ask(b"alice\r\n") == ALICE_PLAIN


def test_F068_telnet_commands_split_over_segments(gateway: FingerServer) -> None:
    assert gateway.ask(b"\xff", b"\xfb", b"\x18\xff\xfd", b"\x03alice\r\n", apart=0.01) == ALICE_PLAIN


@pytest.mark.parametrize("query_sent", [True, False])
def test_R_stop_answers_pending_queries(tmp_path: Path, query_sent: bool) -> None:
    """SIGTERM while the answer is written, or before the query: a message and a FIN, then the process ends
    (run_finger_server checks)."""
    with (
        run_finger_server(tmp_path, "--send-buffer", "16384") as server,
        server.connect(receive_buffer=16384) as client,
    ):
        if query_sent:
            client.sendall(b"frank\r\n")
            server.wait_for_access_log(1)
        else:
            assert server.ask(b"bob\r\n")  # the connection before is accepted by now
        server.terminate()
        reply = read_to_end(client)
        assert reply.endswith(b"x" * 92 + b"\r\n" if query_sent else b"The server is stopping, try again later.\r\n")
