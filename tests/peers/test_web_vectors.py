"""Hostile bytes to the web side over real sockets, plain and TLS: request smuggling, slow, huge and endless input.
One gateway gets it all; other clients are answered meanwhile, and its memory does not grow."""

import re
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
import trustme

from tests.peers.gateway_process import (
    DEADLINE,
    GatewayProcess,
    Installation,
    free_port,
    is_listening,
    run_gateway,
    wait_until,
)
from tests.peers.limits import list_open_files, make_limited_installation

TIMEOUT = 2.0
LIMITS = f'''
connections = 3000
connections_per_address = 2500
queries_per_minute = 100000000
timeout = "{TIMEOUT:.0f}s"
'''
HOST = b"Host: dir.test\r\n"
POST = b"POST /users/alice HTTP/1.1\r\n" + HOST
GET = b"GET /users/alice HTTP/1.1\r\n" + HOST + b"\r\n"
CLOSE = GET[:-2] + b"Connection: close\r\n\r\n"
SMUGGLED = b"GET /smuggled HTTP/1.1\r\n" + HOST + b"\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n"
LAST = b"0\r\n\r\n" + SMUGGLED
Connect = Callable[[], socket.socket]


@dataclass(frozen=True)
class Listeners:
    """The plain and the TLS listener of one gateway."""

    running: GatewayProcess
    plain: Connect
    tls: Connect

    def by_name(self, name: str) -> Connect:
        return self.tls if name == "tls" else self.plain


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    folder = tmp_path_factory.mktemp("place")
    return make_limited_installation(folder, LIMITS)


@pytest.fixture(scope="module")
def listeners(installation: Installation) -> Iterator[Listeners]:
    authority, port = trustme.CA(), free_port()
    certificate = authority.issue_cert("dir.test")
    (installation.folder / "pair.pem").write_bytes(
        certificate.private_key_pem.bytes() + b"".join(each.bytes() for each in certificate.cert_chain_pems)
    )
    listens = f'listen = ["tcp:{installation.web_port}:interface=127.0.0.1"'
    more = f', "ssl:{port}:interface=127.0.0.1:privateKey=pair.pem:certKey=pair.pem"'
    text = installation.settings.read_text()
    assert text.count(listens) == 1
    installation.settings.write_text(text.replace(listens, listens + more))
    context = ssl.create_default_context()
    authority.configure_trust(context)

    def plain() -> socket.socket:
        return socket.create_connection(("127.0.0.1", installation.web_port), DEADLINE)

    def tls() -> socket.socket:
        return context.wrap_socket(socket.create_connection(("127.0.0.1", port), DEADLINE), server_hostname="dir.test")

    with run_gateway(installation) as running:
        wait_until(lambda: is_listening(port), "the TLS endpoint")
        yield Listeners(running, plain, tls)


def send_and_read(connect: Connect, *parts: bytes) -> bytes:
    """Return all that comes back for *parts* until the other side closes; a reset before that fails."""
    with connect() as client:
        for part in parts:
            client.sendall(part)
        return b"".join(iter(lambda: client.recv(65536), b""))


def send_and_read_all(connect: Connect, requests: Sequence[Sequence[bytes]]) -> list[bytes]:
    """Do the same for all of *requests* in parallel, because closing takes TLS a second."""
    with ExitStack() as held:
        clients = [held.enter_context(connect()) for _ in requests]
        for number in range(max(map(len, requests))):
            for client, parts in zip(clients, requests, strict=True):
                client.sendall(b"".join(parts[number : number + 1]))
        return [b"".join(iter(lambda client=client: client.recv(65536), b"")) for client in clients]  # type: ignore[misc]


def status_codes(answers: bytes) -> list[int]:
    return [int(code) for code in re.findall(rb"HTTP/1\.[01] (\d{3}) ", answers)]


@contextmanager
def other_clients_are_served(listeners: Listeners, most: float = 0.1) -> Iterator[None]:
    """Send requests all the while, one after the other, and assert that few of them take longer than *most* seconds;
    other processes use this machine too."""
    took: list[float] = []
    over = threading.Event()

    def ask() -> None:
        while not over.is_set():
            began = time.monotonic()
            assert send_and_read(listeners.plain, CLOSE).startswith(b"HTTP/1.1 200 ")
            took.append(time.monotonic() - began)
            over.wait(0.005)

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        wait_until(lambda: len(took) > 5 or not thread.is_alive(), "the first answers")
        yield
        before = len(took)
        wait_until(lambda: len(took) > before + 5 or not thread.is_alive(), "the last answers")
    finally:
        over.set()
        thread.join()
    print(f"{len(took)} requests meanwhile, the slowest {max(took) * 1000:.0f} ms")
    assert sum(each > most for each in took) <= len(took) // 50, sorted(took)[-10:]


@contextmanager
def memory_stays_flat(listeners: Listeners, within: float) -> Iterator[None]:
    """Assert that memory grows by at most *within* MiB."""
    before = listeners.running.memory_mib
    yield
    after = listeners.running.memory_mib
    print(f"{before:.1f} MiB before, {after:.1f} MiB after")
    assert after - before < within


# request smuggling (RFC 9112 section 6)


SMUGGLING = {
    "length and coding": b"Content-Length: 5\r\n" + CHUNKED + b"\r\n" + LAST,
    "coding and length": CHUNKED + b"Content-Length: 5\r\n\r\n" + LAST,
    "a length twice": b"Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc" + SMUGGLED,
    "two lengths": b"Content-Length: 3\r\nContent-Length: 0\r\n\r\nabc" + SMUGGLED,
    "a list of lengths": b"Content-Length: 3, 3\r\n\r\nabc" + SMUGGLED,
    "a length with a sign": b"Content-Length: +3\r\n\r\nabc" + SMUGGLED,
    "a length below nothing": b"Content-Length: -3\r\n\r\nabc" + SMUGGLED,
    "a length in hex": b"Content-Length: 0x3\r\n\r\nabc" + SMUGGLED,
    "a length as Python writes it": b"Content-Length: 0_3\r\n\r\nabc" + SMUGGLED,
    "a length in other digits": "Content-Length: \uff13\r\n\r\nabc".encode() + SMUGGLED,
    "a length of no digit": b"Content-Length:\r\n\r\nabc" + SMUGGLED,
    "a length of 5000 digits": b"Content-Length: " + b"9" * 5000 + b"\r\n\r\nabc" + SMUGGLED,
    "a length with a space before the colon": b"Content-Length : 5\r\n\r\n" + LAST,
    "an unknown coding": b"Transfer-Encoding: xchunked\r\n\r\n" + LAST,
    "no coding": b"Transfer-Encoding: identity\r\n\r\n" + LAST,
    "an empty coding": b"Transfer-Encoding:\r\n\r\n" + LAST,
    "chunked, then nothing": b"Transfer-Encoding: chunked, identity\r\n\r\n" + LAST,
    "chunked behind another": b"Transfer-Encoding: gzip, chunked\r\n\r\n" + LAST,
    "chunked twice": CHUNKED + CHUNKED + b"\r\n" + LAST,
    "W093: chunked and another": CHUNKED + b"Transfer-Encoding: identity\r\n\r\n" + LAST,
    "chunked with a parameter": b"Transfer-Encoding: chunked;q=1\r\n\r\n" + LAST,
    "chunked in quotes": b'Transfer-Encoding: "chunked"\r\n\r\n' + LAST,
    "chunked behind a vertical tab": b"Transfer-Encoding: \x0bchunked\r\n\r\n" + LAST,
    "chunked with a NUL": b"Transfer-Encoding: chunked\x00\r\n\r\n" + LAST,
    "a coding with a space before the colon": b"Transfer-Encoding : chunked\r\n\r\n" + LAST,
    "W094: a coding on the next line": b"Transfer-Encoding:\r\n chunked\r\n\r\n" + LAST,
    "W094: a coding behind a fold": b"X: y\r\n\tTransfer-Encoding: chunked\r\n\r\n" + LAST,
    "a coding behind a CR": b"X: y\rTransfer-Encoding: chunked\r\n\r\n" + LAST,
    "a coding behind a LF": b"X: y\nTransfer-Encoding: chunked\r\n\r\n" + LAST,
    "a chunk with a sign": CHUNKED + b"\r\n+3\r\nabc\r\n" + LAST,
    "a chunk below nothing": CHUNKED + b"\r\n-1\r\nabc\r\n" + LAST,
    "a chunk with 0x": CHUNKED + b"\r\n0x3\r\nabc\r\n" + LAST,
    "a chunk as Python writes it": CHUNKED + b"\r\n0_3\r\nabc\r\n" + LAST,
    "a chunk of no digit": CHUNKED + b"\r\n\r\nabc\r\n" + LAST,
    "a chunk that goes on": CHUNKED + b"\r\n3\r\nabcd\r\n" + LAST,
    "chunks with LF": CHUNKED + b"\r\n3\nabc\n0\n\n" + SMUGGLED,
    "a chunk's extension with LF": CHUNKED + b"\r\n3;a\nb\r\nabc\r\n" + LAST,
    "a chunk's extension with CR": CHUNKED + b"\r\n3;a\rb\r\nabc\r\n" + LAST,
}


@pytest.mark.parametrize("door", ["plain", "tls"])
@pytest.mark.parametrize("pieces", [1, 2])
def test_W092_one_answer_400_and_a_close(listeners: Listeners, door: str, pieces: int) -> None:
    """Sent in one piece, with the body after the head."""
    cut = [(POST + each).partition(b"\r\n\r\n") for each in SMUGGLING.values()]
    parts = [[b"".join(each)] if pieces == 1 else [each[0] + each[1], each[2]] for each in cut]
    for vector, answer in zip(SMUGGLING, send_and_read_all(listeners.by_name(door), parts), strict=True):
        assert status_codes(answer) == [400], vector
        assert b"\r\nConnection: close\r\n" in answer
        assert answer.endswith(b"\r\n\r\nThis request cannot be understood.\n")


@pytest.mark.parametrize("door", ["plain", "tls"])
def test_W092_chunks_in_http_1_0_end_the_connection(listeners: Listeners, door: str) -> None:
    """RFC 9112 section 6.1: a transfer coding in HTTP/1.0 makes the framing ambiguous."""
    old = b"POST / HTTP/1.0\r\nConnection: keep-alive\r\n" + CHUNKED + b"\r\n" + LAST
    answer = send_and_read(listeners.by_name(door), old)
    assert status_codes(answer) == [405]
    assert b"/smuggled" not in answer


def test_W092_valid_chunks_are_accepted(listeners: Listeners) -> None:
    right = POST + CHUNKED + b'\r\n3;a="b"\r\nabc\r\n00\r\nX: y\r\n\r\n' + CLOSE
    for door in (listeners.plain, listeners.tls):
        assert status_codes(send_and_read(door, right)) == [405, 200]


# limits


REFUSED = [
    (b"GET / HTTP/1.1\r\nHost: evil.test\r\nConnection: close\r\n\r\n", 421),
    (b"GET http://evil.test/ HTTP/1.1\r\n" + HOST + b"Connection: close\r\n\r\n", 421),
    (b"GET / HTTP/1.1\r\n" + HOST + HOST + b"Connection: close\r\n\r\n", 400),
    (b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n", 400),
    (b"GET /" + b"a" * 17_000 + b" HTTP/1.1\r\n" + HOST + b"\r\n", 414),
    (b"GET / HTTP/1.1\r\n" + HOST + b"X: " + b"a" * 20_000 + b"\r\n\r\n", 431),
    (b"GET / HTTP/1.1\r\n" + HOST + b"X: a\r\n" * 500 + b"\r\n", 431),
    (b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 1000000000\r\nExpect: 100-continue\r\n\r\n", 413),
    (b"POST / HTTP/1.1\r\n" + HOST + CHUNKED + b"\r\n11000\r\n" + b"x" * 0x11000 + b"\r\n0\r\n\r\n", 413),
    (b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00\r\n", 400),
    (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
]


@pytest.mark.parametrize("door", ["plain", "tls"])
def test_W086_W087_W088_W095_W096_W097_an_error_with_a_body_and_a_close(listeners: Listeners, door: str) -> None:
    answers = send_and_read_all(listeners.by_name(door), [[head] for head, _ in REFUSED])
    for (head, code), answer in zip(REFUSED, answers, strict=True):
        assert status_codes(answer) == [code], head[:60]
        assert b"100 Continue" not in answer
        assert b"\r\nConnection: close\r\n" in answer
        assert answer.endswith(b".\n")


def test_W098_unwanted_bodies_are_stored_in_no_file(listeners: Listeners) -> None:
    """1 GB in chunks to an unknown path: read up to the limit, and dropped."""
    head = b"POST /nowhere HTTP/1.1\r\n" + HOST + CHUNKED + b"\r\n40000000\r\n"
    with memory_stays_flat(listeners, 15), other_clients_are_served(listeners), ExitStack() as held:
        clients = [held.enter_context(listeners.plain()) for _ in range(20)]
        for client in clients:
            client.sendall(head + b"x" * 60_000)
        assert not [each for each in list_open_files(listeners.running.process.pid) if "/tmp" in each and ".log" not in each
                    and "people.db" not in each and str(Path(each).parent) == "/tmp"]  # fmt: skip
        for client in clients:
            with suppress(ConnectionResetError, BrokenPipeError):
                for _ in range(100):
                    client.sendall(b"x" * 65536)
            assert status_codes(client.recv(65536)) == [413]


# slow clients


@pytest.mark.alone
def test_W100_W006_slow_clients_are_disconnected_in_time(listeners: Listeners) -> None:
    """Trickling heads and bodies, plain and TLS, and requests with bare LF: 408 at the deadline, whatever they still
    send."""
    starts = [
        (listeners.plain, b"GET / HTTP/1.1\r\n" + HOST + b"X: "),
        (listeners.tls, b"GET / HTTP/1.1\r\n" + HOST + b"X: "),
        (listeners.plain, POST + b"Content-Length: 60000\r\n\r\n"),
        (listeners.tls, POST + b"Content-Length: 60000\r\n\r\n"),
        (listeners.plain, POST + CHUNKED + b"\r\nffff\r\n"),
        (listeners.plain, b"GET / HTTP/1.1\nHost: dir.test\n\n"),
    ]
    with other_clients_are_served(listeners), ExitStack() as held:
        began = time.monotonic()
        clients = [held.enter_context(connect()) for connect, _ in starts for _ in range(20)]
        for client, (_, start) in zip(clients, (each for each in starts for _ in range(20)), strict=True):
            client.sendall(start)
        while time.monotonic() - began < TIMEOUT - 0.3:
            for client in clients:
                client.sendall(b"x")
            time.sleep(0.1)
        for client in clients:
            answer = b"".join(iter(lambda client=client: client.recv(65536), b""))  # type: ignore[misc]
            assert status_codes(answer) == [408]
        assert time.monotonic() - began < TIMEOUT + 2


@pytest.mark.alone
def test_W006_a_thousand_idle_connections_delay_no_one(listeners: Listeners) -> None:
    with memory_stays_flat(listeners, 40), other_clients_are_served(listeners), ExitStack() as held:
        clients = []
        for _ in range(1000):
            client = held.enter_context(listeners.plain())
            client.sendall(GET)
            assert client.recv(65536).startswith(b"HTTP/1.1 200 OK\r\n")
            clients.append(client)
        full = listeners.running.memory_mib
        print(f"{full:.1f} MiB with a thousand connections")
        assert all(client.recv(1) == b"" for client in clients)  # closed at the time-out without an answer


# memory


def mixed_requests() -> Sequence[bytes]:
    """Return twenty requests of all kinds, none of which ends the connection."""
    heads = {
        b"GET": [b"/", b"/users", b"/users?q=ada", b"/users/alice", b"/users/alice.html", b"/users/alice.json",
                 b"/users/alice.vcf", b"/users/alice/plan", b"/users/nobody", b"/users/ALICE", b"/policy", b"/online",
                 b"/nowhere", b"/static/style.css", b"/.well-known/webfinger?resource=acct:alice@dir.test"],
        b"HEAD": [b"/users/alice.html"],
        b"POST": [b"/users/alice"],
        b"FOO": [b"/"],
        b"OPTIONS": [b"*"],
    }  # fmt: skip
    made = [
        method + b" " + path + b" HTTP/1.1\r\n" + HOST + b"Accept-Encoding: gzip\r\n\r\n"
        for method, paths in heads.items()
        for path in paths
    ]
    return [*made, POST + b"Content-Length: 3\r\n\r\nabc"]


@pytest.mark.alone
def test_W149_memory_is_flat_after_twenty_thousand_mixed_requests(listeners: Listeners) -> None:
    """Pipelined, 1,000 per connection; each is answered. Names of missing people are new each time."""

    def ask(count: int) -> int:
        answered = 0
        for start in range(0, count, 960):
            requests = [
                each.replace(b"/users/nobody", b"/users/n%d" % (start + number))
                for number in range(48)
                for each in mixed_requests()
            ]
            answered += len(status_codes(send_and_read(listeners.plain, b"".join(requests[:-1]), CLOSE)))
        return answered

    assert ask(1920) == 1920
    with other_clients_are_served(listeners), memory_stays_flat(listeners, 4):
        assert ask(20_160) == 20_160


# TLS


def test_W101_only_tls_1_2_and_1_3_with_aead_and_http_1_1(installation: Installation, listeners: Listeners) -> None:
    def negotiate(offer: Callable[[ssl.SSLContext], None]) -> tuple[str | None, str, str | None]:
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        context.set_alpn_protocols(["h2", "http/1.1"])
        offer(context)
        with listeners.tls() as known:
            address = known.getpeername()
        with context.wrap_socket(socket.create_connection(address, DEADLINE)) as client:
            cipher = client.cipher()
            assert cipher is not None
            return client.version(), cipher[0], client.selected_alpn_protocol()

    def client_context(
        version: ssl.TLSVersion, ciphers: str = "DEFAULT:@SECLEVEL=0"
    ) -> Callable[[ssl.SSLContext], None]:
        def offer(context: ssl.SSLContext) -> None:
            context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
            context.maximum_version = version
            context.set_ciphers(ciphers)

        return offer

    assert negotiate(client_context(ssl.TLSVersion.TLSv1_3))[::2] == ("TLSv1.3", "http/1.1")
    version, cipher, alpn = negotiate(client_context(ssl.TLSVersion.TLSv1_2))
    assert (version, alpn) == ("TLSv1.2", "http/1.1")
    assert "GCM" in cipher or "CHACHA20" in cipher
    for refused in (
        client_context(ssl.TLSVersion.TLSv1_1),
        client_context(ssl.TLSVersion.TLSv1_2, "ECDHE-RSA-AES256-SHA384:ECDHE-RSA-AES128-SHA:ECDHE-ECDSA-AES128-SHA"),
        client_context(ssl.TLSVersion.TLSv1_2, "AES128-GCM-SHA256:AES128-SHA:ECDHE-ECDSA-AES128-CCM"),
    ):
        with pytest.raises(ssl.SSLError):
            negotiate(refused)


def test_W008_only_a_trusted_proxy_is_believed(installation: Installation, listeners: Listeners) -> None:
    """127.0.0.1 is a trusted proxy by default, 127.0.0.99 is not."""
    ask = (
        b"GET /users/bob HTTP/1.1\r\n"
        + HOST
        + b"X-Forwarded-For: 203.0.113.1, 203.0.113.77\r\nConnection: close\r\n\r\n"
    )
    for source in ("127.0.0.1", "127.0.0.99"):
        with socket.create_connection(("127.0.0.1", installation.web_port), DEADLINE, (source, 0)) as client:
            client.sendall(ask)
            assert status_codes(b"".join(iter(lambda client=client: client.recv(65536), b""))) == [200]  # type: ignore[misc]

    def logged_peers() -> list[str]:
        return [each["peer"] for each in installation.read_access_log() if each["query"] == "bob"]

    wait_until(lambda: len(logged_peers()) == 2, "the log entries")
    assert logged_peers() == ["203.0.113.0", "127.0.0.0"]
