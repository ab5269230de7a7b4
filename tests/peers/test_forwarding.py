"""Queries forwarded between real gateways, in a network namespace where every address has a free port 79: three
gateways in a chain, and servers that misbehave."""

import re
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from gateway.store import database
from tests.peers.finger_client import read_to_end
from tests.peers.gateway_process import (
    COMMAND,
    DEADLINE,
    WATCHED_COMMAND,
    GatewayProcess,
    Installation,
    run_command,
    start_process,
    wait_until,
)
from tests.peers.limits import count_sockets
from tests.peers.network_namespace import NetworkNamespace, make_network_namespace
from tests.unit.fixtures import make_create_edit, write_edits

TIMEOUT = 1.5  # seconds: limits.timeout
SETTINGS = """
[site]
hosts = ["{name}.test", "localhost"]
[finger]
listen = ["tcp:79:interface={address}"]
forward_to = [{allowed}]
max_hops = {hops}
[limits]
timeout = "{timeout}s"
[access_log]
file = "access.jsonl"
addresses = "full"
"""
ADDRESSES = {"one": "9.9.9.1", "two": "9.9.9.2", "three": "2620:fe::3"}
PEER, PEER_6 = "9.9.9.9", "2620:fe::9"
NAMES = {
    **{f"{name}.test": [address] for name, address in ADDRESSES.items()},
    "alias.test": [ADDRESSES["one"]],
    "peer.test": [PEER],
    "both.test": [PEER_6, PEER],  # no server listens on the first
    "mixed.test": ["10.0.0.1", "127.0.0.1", PEER],
    "nobody.test": ["9.9.9.7"],
    "private.test": ["10.0.0.1"],
    "loopback.test": ["127.0.0.1", "::1"],
    "link.test": ["169.254.169.254"],
    "mapped.test": ["::ffff:127.0.0.1"],
}
REFUSED = ("private.test", "loopback.test", "link.test", "mapped.test")


@dataclass
class GatewayChain:
    """Three gateways: one forwards to two, two to three; one may also forward to the hosts in NAMES."""

    network: NetworkNamespace
    installations: dict[str, Installation]
    running: dict[str, GatewayProcess]

    def connect(self, name: str = "one") -> socket.socket:
        return self.network.connect(ADDRESSES[name])

    def ask(self, line: bytes, name: str = "one") -> bytes:
        """Return the complete answer of the gateway *name*."""
        with self.connect(name) as client:
            client.sendall(line)
            return read_to_end(client)

    def wait_for_entry(self, name: str, query: str) -> dict[str, object]:
        """Return the last log entry for *query*."""
        return wait_until(
            lambda: [entry for entry in self.installations[name].read_access_log() if entry["query"] == query],
            f"log entry of {query}",
        )[-1]


@pytest.fixture(scope="module")
def chain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayChain]:
    folder = tmp_path_factory.mktemp("row")
    addresses = [*ADDRESSES.values(), PEER, PEER_6, "10.0.0.1", "169.254.169.254", "9.9.9.7"]
    with make_network_namespace(folder, addresses, NAMES) as network, ExitStack() as stack:
        allowed = {
            "one": [*NAMES, "*.below.test", "10.0.0.1"],
            "two": ["three.test", "one.test"],
            "three": ["one.test"],
        }
        chain = GatewayChain(network, {}, {})
        for name, address in ADDRESSES.items():
            (folder / name).mkdir()
            installation = chain.installations[name] = Installation(folder / name, 79, 0)
            installation.settings.write_text(
                SETTINGS.format(
                    name=name,
                    address=address.replace(":", r"\\:"),
                    allowed=", ".join(f'"{host}"' for host in allowed[name]),
                    hops=3,
                    timeout=TIMEOUT,
                )
            )
            database.create(installation.database)
            people = [{"login": "bob", "name": f"Bob of {name}", "plan": "\x1b[31mred\x1b[0m caf\u00e9\n"}]
            write_edits(installation.database, [make_create_edit(each) for each in people])
            chain.running[name] = stack.enter_context(
                start_process(
                    installation.folder,
                    [],
                    "run",
                    "-c",
                    installation.settings,
                    start=(*network.enter, *WATCHED_COMMAND),
                )
            )
        for name in ADDRESSES:
            wait_until(lambda name=name: _answers(chain, name), f"gateway {name}")  # type: ignore[misc]
        yield chain


def _answers(chain: GatewayChain, name: str) -> bool:
    assert chain.running[name].process.poll() is None, chain.running[name].log
    try:
        chain.connect(name).close()
    except OSError:
        return False
    return True


@contextmanager
def run_target(
    network: NetworkNamespace, answer: Callable[[socket.socket], object], address: str = PEER
) -> Iterator[list[bytes]]:
    """Run a finger server that reads a line and passes the connection to *answer*. Yield the list of the lines
    received."""
    lines: list[bytes] = []
    server = network.listen(address)

    def serve() -> None:
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            with connection:
                connection.settimeout(DEADLINE)
                line = b""
                while not line.endswith(b"\n") and (data := connection.recv(4096)):
                    line += data
                lines.append(line)
                with suppress(OSError):
                    answer(connection)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield lines
    finally:
        server.shutdown(socket.SHUT_RDWR)
        server.close()
        thread.join(DEADLINE)


def wait_for_close(connection: socket.socket) -> None:
    """Wait until the other side has closed."""
    assert connection.recv(1) == b""


# a chain of gateways


def test_F087_each_of_three_gateways_removes_the_right_most_host(chain: GatewayChain) -> None:
    answer = chain.ask(b"/W bob@three.test@two.test\r\n")
    assert b"Bob of three\r\n" in answer and b"red caf\xc3\xa9\r\n" in answer
    assert not re.search(rb"(?<!\r)\n|\r(?!\n)|\x1b", answer)
    assert answer == chain.ask(b"/W bob\r\n", "three")
    assert chain.wait_for_entry("one", "/W bob@three.test@two.test")["outcome"] == "served"
    entry = chain.wait_for_entry("two", "/W bob@three.test")
    assert (entry["outcome"], entry["peer"]) == (
        "served",
        ADDRESSES["two"],
    )  # on lo the source address is the target address
    assert chain.wait_for_entry("three", "/W bob")["outcome"] == "found"
    assert b"Bob of two\r\n" in chain.ask(b"bob@two.test\r\n")
    assert chain.wait_for_entry("two", "bob")["outcome"] == "found"


@pytest.mark.parametrize(
    ("query", "sent"),
    [
        (b"/W bob@a.test@peer.test\r\n", b"/W bob@a.test\r\n"),
        (b"bob@peer.test\n", b"bob\r\n"),
        (b"/w  bob@PEER.test.@one.test\r\n", b"/W bob\r\n"),
        (b"@peer.test\r\n", b"\r\n"),
        (b"bob@mixed.test\r\n", b"bob\r\n"),
        (b"bob@both.test\r\n", b"bob\r\n"),
    ],
)
def test_F087_the_forwarded_bytes(chain: GatewayChain, query: bytes, sent: bytes) -> None:
    with run_target(chain.network, lambda connection: connection.sendall(b"It is me.\n")) as lines:
        assert chain.ask(query) == b"It is me.\r\n"
    assert lines == [sent]


def test_F088_two_gateways_stream_the_answer(chain: GatewayChain) -> None:
    """The first part arrives before the second is sent; the connection closes only when the target has closed."""
    steps = [threading.Event() for _ in range(3)]

    def answer(connection: socket.socket) -> None:
        for step, piece in zip(steps, (b"one\r\ntw", b"o\x1b[3", b"1m\r\nthree\xc5"), strict=True):
            connection.sendall(piece)
            assert step.wait(DEADLINE)
        connection.sendall(b"\xbe\r\n")

    with run_target(chain.network, answer), chain.connect() as client:
        client.sendall(b"bob@peer.test\r\n")
        client.shutdown(socket.SHUT_WR)  # as nc -N does
        assert client.recv(100) == b"one\r\n"
        steps[0].set()
        steps[1].set()
        assert client.recv(100) == b"two\r\n"
        client.setblocking(False)
        with pytest.raises(BlockingIOError):
            client.recv(100)
        client.settimeout(DEADLINE)
        steps[2].set()
        assert read_to_end(client) == "threež\r\n".encode()


# refused queries


@pytest.mark.parametrize("host", [*REFUSED, "10.0.0.1"])
def test_F089_private_targets_are_refused_after_resolution(chain: GatewayChain, host: str) -> None:
    """A server listens on each of them and receives nothing."""
    with ExitStack() as stack:
        answers_received = [
            stack.enter_context(run_target(chain.network, lambda _: None, address))
            for address in ("10.0.0.1", "127.0.0.1", "169.254.169.254")
        ]
        expected = f"Finger forwarding service denied: {host} has no public address.\r\n"
        assert chain.ask(f"bob@{host}\r\n".encode()) == expected.encode()
        assert answers_received == [[], [], []]
    assert chain.wait_for_entry("one", f"bob@{host}")["outcome"] == "refused"


def test_F090_a_loop_is_refused(chain: GatewayChain) -> None:
    """A loop to itself by another name, and one by way of other gateways."""
    refused = b"Finger forwarding service denied: alias.test is this server.\r\n"
    assert chain.ask(b"bob@alias.test\r\n") == refused
    assert chain.ask(b"bob@one.test@two.test\r\n") == b"Finger forwarding service denied: two.test is this server.\r\n"
    assert chain.ask(b"bob@alias.test@two.test\r\n") == b"Finger forwarding service denied\r\n"  # says two
    assert chain.ask(b"bob@x@x@x@peer.test\r\n") == b"Finger forwarding service denied: a query may name 3 hosts.\r\n"


def test_F076_F077_hosts_that_are_not_on_the_list_get_no_query(chain: GatewayChain) -> None:
    with run_target(chain.network, lambda _: None) as lines:
        for line in (b"bob@peer.test\r\n", b"@peer.test\r\n", b"/W bob@9.9.9.9\r\n", b"bob@three.test@peer.test\r\n"):
            assert chain.ask(line, "two") == b"Finger forwarding service denied\r\n"
        assert chain.ask(b"-l@peer.test\r\n") == b"Finger forwarding service denied\r\n"
    assert lines == []


# misbehaving targets


def test_F091_endless_silent_broken_and_unreachable_targets(chain: GatewayChain) -> None:
    def send_forever(connection: socket.socket) -> None:
        while True:
            connection.sendall(b"x" * 78 + b"\r\n")

    with run_target(chain.network, send_forever):
        answer = chain.ask(b"bob@peer.test\r\n")
        assert 250 * 1024 < len(answer) < 260 * 1024
        assert answer.endswith(b"x\r\n[cut off here: peer.test sent too much]\r\n")
    began = time.monotonic()
    with run_target(chain.network, wait_for_close):
        assert chain.ask(b"bob@peer.test\r\n") == b"peer.test: no answer in time.\r\n"
    assert TIMEOUT - 0.1 < time.monotonic() - began < TIMEOUT + 2

    def send_slowly(connection: socket.socket) -> None:
        while True:
            connection.sendall(b".")
            time.sleep(0.1)

    began = time.monotonic()
    with run_target(chain.network, send_slowly):
        assert chain.ask(b"bob@peer.test\r\n").endswith(b".\r\n[incomplete: peer.test closed the connection]\r\n")
    assert TIMEOUT - 0.1 < time.monotonic() - began < TIMEOUT + 2

    def send_half_and_reset(connection: socket.socket) -> None:
        connection.sendall(b"half\r\n")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    with run_target(chain.network, send_half_and_reset):
        broken = b"[incomplete: peer.test closed the connection]\r\n"
        assert chain.ask(b"bob@peer.test\r\n") in (broken, b"half\r\n" + broken)  # a reset may overtake
    assert chain.ask(b"bob@nobody.test\r\n") == b"nobody.test: cannot be reached.\r\n"
    assert chain.ask(b"bob@x.below.test\r\n") == b"x.below.test: no such host.\r\n"


def test_F021_F091_a_dead_name_server_delays_no_other_query(chain: GatewayChain, tmp_path: Path) -> None:
    """Neither other queries nor the process: a lookup in flight does not keep it from stopping."""
    with chain.network.name_server() as dead, chain.connect() as client:
        client.sendall(b"bob@dead.below.test\r\n")
        assert b"dead" in dead.recv(512)
        began = time.monotonic()
        assert b"Bob of one" in chain.ask(b"bob\r\n")
        assert time.monotonic() - began < TIMEOUT / 2
        assert read_to_end(client) == b"dead.below.test: no answer in time.\r\n"
        began = time.monotonic()
        words = ("ask", "--timeout", "0.2", "bob@dead.below.test")
        ran = run_command(*words, folder=tmp_path, code=69, start=(*chain.network.enter, *COMMAND))
        assert ran.err == "dead.below.test:79: no answer in time\n"
        assert time.monotonic() - began < 5  # the resolver takes 10


def test_a_client_that_disconnects_closes_the_forwarded_connection(chain: GatewayChain) -> None:
    """At once, not at the deadline; no socket stays open."""
    left = threading.Event()

    def answer(connection: socket.socket) -> None:
        connection.sendall(b"one\r\n")
        with pytest.raises(ConnectionResetError):
            wait_for_close(connection)
        left.set()

    pid = chain.running["one"].process.pid
    before = wait_until(lambda: count_sockets(pid), "sockets")
    with run_target(chain.network, answer), chain.connect() as client:
        client.sendall(b"bob@peer.test\r\n")
        assert client.recv(100) == b"one\r\n"
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.close()
        assert left.wait(TIMEOUT)
    wait_until(lambda: count_sockets(pid) <= before, "the sockets to be closed")


def test_F091_a_flood_of_slow_queries_leaves_slots_for_others(chain: GatewayChain) -> None:
    with run_target(chain.network, wait_for_close), ExitStack() as stack:
        clients = [stack.enter_context(chain.connect()) for _ in range(12)]
        for client in clients:
            client.sendall(b"bob@peer.test\r\n")
        assert b"Bob of two" in chain.ask(b"bob@two.test\r\n")
        answers = [read_to_end(client) for client in clients]
    assert answers.count(b"Too many queries are being passed on, try again later.\r\n") == 4
