"""How finger and HTTP connections end, as the client sees it on a real socket: which bytes come, then FIN, RST or a TLS
close_notify. Each trace is compared with tests/golden/closing/NAME.txt.

Behind the server's FIN the client sends one byte more: a server that lingers takes it, one that has closed resets.
Everything that comes between two of the client's own acts is one event, so that neither the kernel's buffers nor the
machine's load show. When a change is meant, rewrite the files with `python -m tests.peers.test_closing_traces` and
review their diff.
"""

import difflib
import fcntl
import hashlib
import re
import select
import socket
import ssl
import sys
import tempfile
import termios
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Literal

import pytest
import trustme

from tests.peers.gateway_process import (
    CHECKOUT,
    DEADLINE,
    GatewayProcess,
    Installation,
    free_port,
    is_listening,
    run_gateway,
    wait_until,
)
from tests.peers.limits import FRANK, make_limited_installation
from tests.unit.fixtures import PEOPLE, PEOPLE_CHANGED_AT, make_create_edit, write_edits

GOLDEN = CHECKOUT / "tests" / "golden" / "closing"
RENEW = "python -m tests.peers.test_closing_traces"
PER_ADDRESS = 5  # connections; one more is refused with an answer, the next one is dropped
PER_MINUTE = 2  # queries of one address
LIMITS = f"connections_per_address = {PER_ADDRESS}\nqueries_per_minute = {PER_MINUTE}\n"
PATIENT, HASTY = 'timeout = "60s"', 'timeout = "2s"'
SHOWN = 24  # lines of an answer that a trace shows; of a longer one it shows the first line and a hash
# What changes from run to run; each replacement has the length of what it replaces, or the answer states no length.
MASKS = (
    (rb"Date: [^\r]+", b"Date: MASKED"),
    (rb"in \d\d seconds", b"in NN seconds"),
    (rb"Retry-After: \d\d\r", b"Retry-After: NN\r"),
)

Service = Literal["finger", "web"]
HOST = b"Host: dir.test\r\n"
CLOSE = b"Connection: close\r\n"
GET = b"GET /users/alice/plan HTTP/1.1\r\n" + HOST
LONG = b"GET /users/frank/plan HTTP/1.1\r\n" + HOST
STATIC = b"GET /static/style.css HTTP/1.1\r\n" + HOST + b"\r\n"  # no rate limit applies to it
POST = b"POST /users/alice HTTP/1.1\r\n" + HOST


# the client


@dataclass
class Client:
    """One connection and the events on it: ">" is an act of the client, "<" what it received."""

    plain: socket.socket
    tls: ssl.SSLSocket | None = None
    events: list[str] = field(default_factory=list)
    can_send: bool = True  # a byte behind the server's FIN

    def send(self, data: bytes) -> None:
        """Send *data*. A reset that arrives meanwhile shows when the client reads."""
        shown = repr(data)[1:] if len(data) < 100 else f"{data[:40]!r}..."[1:]
        self.events.append(f"> {len(data)} bytes {shown}")
        with suppress(ConnectionResetError, BrokenPipeError):
            (self.tls or self.plain).sendall(data)

    def shut(self) -> None:
        """Send a FIN and go on reading."""
        self.events.append("> FIN")
        self.plain.shutdown(socket.SHUT_WR)
        self.can_send = False

    def read(self, chunk: int = 65536) -> None:
        """Read to the end of the connection, at most *chunk* bytes at a time."""
        if self._read(chunk, lambda _: False) == "FIN" and self.can_send:
            self._send_behind_the_end()

    def read_answers(self, number: int) -> None:
        """Read *number* HTTP answers that have a Content-Length."""
        self._read(65536, lambda data: _count_answers(data) >= number)

    def read_until_reset(self) -> None:
        """Send a byte now and then, without reading, until the other side resets the connection."""
        self.events.append("> a byte now and then, nothing is read")
        poll = select.poll()
        poll.register(self.plain, 0)  # POLLERR and POLLHUP alone

        def gone() -> bool:
            with suppress(ConnectionResetError, BrokenPipeError, BlockingIOError):
                self.plain.send(b"x", socket.MSG_DONTWAIT)
            return bool(poll.poll(20))

        wait_until(gone, "a reset")
        self.events.append("< RST")

    def _read(self, chunk: int, enough: Callable[[bytes], bool]) -> str:
        """Read until *enough* or the end of the connection. Return how it ended, or "" if it did not."""
        data, end = b"", ""
        while not end and not enough(data):
            try:
                part = (self.tls or self.plain).recv(chunk)
                data += part
                end = "" if part else "FIN" if self.tls is None else "close_notify"
            except ConnectionResetError:
                end = "RST"
            except ssl.SSLEOFError:
                end = "FIN without close_notify"
        if data:
            self.events += _describe(data)
        if end:
            self.events.append(f"< {end}")
        if end == "close_notify":
            self._answer_close_notify()
        return end

    def _send_behind_the_end(self) -> None:
        """Send one byte, and wait until the kernel of the other side has taken it or reset the connection."""
        poll = select.poll()
        poll.register(self.plain, 0)  # POLLERR and POLLHUP alone
        with suppress(ConnectionResetError, BrokenPipeError):
            self.plain.send(b"x")

        def answer() -> str:
            if poll.poll(1):
                return "RST"
            left = fcntl.ioctl(self.plain, termios.TIOCOUTQ, bytes(4))
            return "" if int.from_bytes(left, sys.byteorder) else "taken"

        self.events += ["> 1 byte behind the FIN", f"< {wait_until(answer, 'an acknowledgement')}"]

    def _answer_close_notify(self) -> None:
        assert self.tls is not None
        self.events.append("> close_notify")
        try:
            self.plain = self.tls.unwrap()
            self.tls = None
            end = "FIN" if self.plain.recv(1) == b"" else "bytes behind close_notify"
        except ConnectionResetError:
            end = "RST"
        except OSError as error:
            end = f"{type(error).__name__}"
        self.events.append(f"< {end}")

    def close(self) -> None:
        (self.tls or self.plain).close()


def _count_answers(data: bytes) -> int:
    """Count the whole HTTP answers in *data*."""
    number = 0
    while (end := data.find(b"\r\n\r\n")) >= 0:
        length = re.search(rb"(?i)\r\ncontent-length: (\d+)", data[:end])
        assert length is not None, data[:end]
        data = data[end + 4 + int(length[1]) :]
        number += 1
    return number


def _describe(data: bytes) -> Iterator[str]:
    for pattern, mask in MASKS:
        data = re.sub(pattern, mask, data)
    lines = data.decode("utf-8", "backslashreplace").splitlines(keepends=True)
    yield f"< {len(data)} bytes"
    if len(lines) <= SHOWN and all(len(line) < 1000 for line in lines):
        yield from (f"  | {line!r}"[:-1].replace("| '", "| ", 1).replace('| "', "| ", 1) for line in lines)
    else:
        yield f"  | {lines[0].rstrip()[:100]}"
        yield f"  sha256 {hashlib.sha256(data).hexdigest()}"


# the gateways


@dataclass(frozen=True)
class Ports:
    """Where one gateway listens, with and without TLS."""

    plain: Mapping[Service, int]
    tls: Mapping[Service, int]
    context: ssl.SSLContext
    running: GatewayProcess
    addresses: "Iterator[int]" = field(default_factory=lambda: count(10))

    def connect(
        self, service: Service, tls: bool = False, source: str | None = None, receive_buffer: int = 0
    ) -> Client:
        """Connect from *source*, by default from an address of its own, so that no client uses up another's limits."""
        plain = socket.socket()
        plain.settimeout(DEADLINE * 3)
        if receive_buffer:
            plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        plain.bind((source or self.own_address(), 0))
        plain.connect(("127.0.0.1", (self.tls if tls else self.plain)[service]))
        if not tls:
            return Client(plain)
        wrapped = self.context.wrap_socket(plain, server_hostname="dir.test", suppress_ragged_eofs=False)
        return Client(plain, wrapped)

    def own_address(self) -> str:
        number = next(self.addresses)
        return f"127.0.{number // 250}.{number % 250 + 1}"


@contextmanager
def gateway(folder: Path, timeout: str) -> Iterator[Ports]:
    """Start a gateway whose [limits] have *timeout*. Its people were written at a fixed time."""
    folder.mkdir()
    installation = make_limited_installation(folder, LIMITS + timeout, people=[])
    write_edits(installation.database, [make_create_edit(fields) for fields in (*PEOPLE, FRANK)], PEOPLE_CHANGED_AT)
    authority = trustme.CA()
    certificate = authority.issue_cert("dir.test")
    certificate.private_key_and_cert_chain_pem.write_to_path(folder / "pair.pem")
    context = ssl.create_default_context()
    authority.configure_trust(context)
    plain: dict[Service, int] = {"finger": installation.finger_port, "web": installation.web_port}
    tls: dict[Service, int] = {service: free_port() for service in plain}
    _listen_with_tls(installation, plain, tls)
    with run_gateway(installation) as running:
        for port in tls.values():
            wait_until(lambda port=port: is_listening(port), "the TLS endpoint")  # type: ignore[misc]
        yield Ports(plain, tls, context, running)


def _listen_with_tls(installation: Installation, plain: Mapping[Service, int], tls: Mapping[Service, int]) -> None:
    text = installation.settings.read_text().replace(f"http://localhost:{installation.web_port}", "http://dir.test")
    for service, port in plain.items():
        listens = f'listen = ["tcp:{port}:interface=127.0.0.1"'
        assert text.count(listens) == 1
        more = f', "ssl:{tls[service]}:interface=127.0.0.1:privateKey=pair.pem:certKey=pair.pem"'
        text = text.replace(listens, listens + more)
    installation.settings.write_text(text)


# the clients

Trace = Callable[[Ports], list[str]]
TRACES: dict[str, tuple[str, Trace]] = {}  # by name: the time-out of the gateway, and the actions of the client


def trace(name: str, timeout: str = PATIENT) -> Callable[[Trace], Trace]:
    """Register a client as *name*."""

    def register(client: Trace) -> Trace:
        TRACES[name] = timeout, client
        return client

    return register


def simple_client(
    name: str, service: Service, *sent: bytes, fin: bool = False, tls: bool = False, timeout: str = PATIENT
) -> None:
    """Register a client that sends *sent*, then a FIN if *fin* is set, and reads to the end."""

    @trace(name, timeout)
    def run(ports: Ports) -> list[str]:
        client = ports.connect(service, tls)
        for data in sent:
            client.send(data)
        if fin:
            client.shut()
        client.read()
        client.close()
        return client.events


BEHIND = b"x" * 1000
HELLO = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"  # the first bytes of a TLS client
simple_client("finger_query", "finger", b"alice\r\n")
simple_client("finger_half_closed", "finger", b"alice\r\n", fin=True)
simple_client("finger_half_closed_without_newline", "finger", b"alice", fin=True)
simple_client("finger_half_closed_without_query", "finger", fin=True)
simple_client("finger_empty_query", "finger", b"\r\n")
simple_client("finger_unknown", "finger", b"nobody\r\n")
simple_client("finger_line_too_long", "finger", b"a" * 2000 + b"\r\n")
simple_client("finger_line_without_end", "finger", b"a" * 2000)
simple_client("finger_http_request", "finger", b"GET / HTTP/1.0\r\n\r\n")
simple_client("finger_tls_to_plain_port", "finger", HELLO)
simple_client("finger_bytes_behind_the_line", "finger", b"alice\r\n" + BEHIND)
simple_client("finger_timeout_silent", "finger", timeout=HASTY)
simple_client("finger_timeout_in_the_line", "finger", b"ali", timeout=HASTY)
simple_client("finger_tls_query", "finger", b"alice\r\n", tls=True)
# Only the first 64 KiB come: Twisted keeps a small write back for a turn (BufferingTLSTransport), and the connection is
# shut as soon as the last part has been written.
simple_client("finger_tls_long_answer", "finger", b"/W frank\r\n", tls=True)
simple_client("finger_tls_bytes_behind_the_line", "finger", b"alice\r\n" + BEHIND, tls=True)
simple_client("finger_tls_line_too_long", "finger", b"a" * 2000 + b"\r\n", tls=True)
simple_client("finger_tls_timeout_silent", "finger", tls=True, timeout=HASTY)

simple_client("web_get_close", "web", GET + CLOSE + b"\r\n")
simple_client("web_http_1_0", "web", b"GET /users/alice/plan HTTP/1.0\r\n" + HOST + b"\r\n")
simple_client("web_half_closed_without_request", "web", fin=True)
simple_client("web_bad_request", "web", b"NONSENSE\r\n\r\n")
simple_client("web_bad_header", "web", GET + b"no colon\r\n\r\n")
simple_client("web_two_hosts", "web", GET + HOST + CLOSE + b"\r\n")
simple_client("web_foreign_host", "web", b"GET / HTTP/1.1\r\nHost: far.test\r\n" + CLOSE + b"\r\n")
simple_client("web_target_too_long", "web", b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\n" + HOST + b"\r\n")
simple_client("web_head_too_long", "web", GET + b"X: " + b"a" * 20000 + b"\r\n\r\n")
simple_client("web_line_without_end", "web", b"GET /" + b"a" * 40000)
simple_client("web_too_many_headers", "web", GET + b"X: y\r\n" * 200 + b"\r\n")
simple_client("web_pipelined_close", "web", GET + b"\r\n" + GET + CLOSE + b"\r\n")
simple_client("web_request_behind_close", "web", GET + CLOSE + b"\r\n" + GET + b"\r\n")
simple_client("web_post_not_allowed", "web", POST + CLOSE + b"Content-Length: 2\r\n\r\nhi")
simple_client("web_post_body_too_large", "web", POST + b"Content-Length: 200000\r\n\r\n", b"x" * 200_000)
simple_client("web_post_chunks_too_large", "web", POST + b"Transfer-Encoding: chunked\r\n\r\n", b"4000\r\n" + b"x" * 0x4000, *(
    b"\r\n4000\r\n" + b"x" * 0x4000 for _ in range(5)))  # fmt: skip
simple_client("web_post_bad_chunk", "web", POST + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n")
simple_client("web_post_expect", "web", POST + CLOSE + b"Content-Length: 200000\r\nExpect: 100-continue\r\n\r\n")
simple_client("web_timeout_silent", "web", timeout=HASTY)
simple_client("web_timeout_in_the_head", "web", GET, timeout=HASTY)
simple_client("web_timeout_in_the_body", "web", POST + b"Content-Length: 10\r\n\r\nhalf", timeout=HASTY)
simple_client("web_tls_get_close", "web", GET + CLOSE + b"\r\n", tls=True)
simple_client("web_tls_long_answer", "web", LONG + CLOSE + b"\r\n", tls=True)
simple_client("web_tls_bad_request", "web", b"NONSENSE\r\n\r\n", tls=True)
simple_client("web_tls_post_body_too_large", "web", POST + b"Content-Length: 200000\r\n\r\n", tls=True)
simple_client("web_tls_timeout_silent", "web", tls=True, timeout=HASTY)
simple_client("web_tls_timeout_in_the_head", "web", GET, tls=True, timeout=HASTY)


@trace("finger_flood_behind_the_answer")
def finger_flood(ports: Ports) -> list[str]:
    client = ports.connect("finger")
    client.send(b"alice\r\n")
    client.read()
    client.read_until_reset()
    client.close()
    return client.events


@trace("web_half_closed_behind_the_answer")
def web_half_closed(ports: Ports) -> list[str]:
    client = ports.connect("web")
    client.send(GET + b"\r\n")
    client.read_answers(1)
    client.shut()
    client.read()
    client.close()
    return client.events


def idle(name: str, tls: bool) -> None:
    @trace(name, HASTY)
    def run(ports: Ports) -> list[str]:
        client = ports.connect("web", tls)
        client.send(GET + b"\r\n")
        client.read_answers(1)
        client.read()
        client.close()
        return client.events


idle("web_timeout_after_an_answer", tls=False)
idle("web_tls_timeout_after_an_answer", tls=True)


def slow(name: str, service: Service, request: bytes) -> None:
    @trace(name)
    def run(ports: Ports) -> list[str]:
        client = ports.connect(service, receive_buffer=2048)
        client.send(request)
        client.read(1024)
        client.close()
        return client.events


slow("finger_long_answer_read_slowly", "finger", b"/W frank\r\n")
slow("web_long_answer_read_slowly", "web", LONG + CLOSE + b"\r\n")


def never_reads(name: str, service: Service, request: bytes) -> None:
    @trace(name, HASTY)
    def run(ports: Ports) -> list[str]:
        client = ports.connect(service, receive_buffer=2048)
        client.send(request)
        client.read_until_reset()
        client.close()
        return client.events


never_reads("finger_client_that_never_reads", "finger", b"/W frank\r\n")
never_reads("web_client_that_never_reads", "web", STATIC * 900)


def over_the_rate_limit(name: str, service: Service, request: bytes, tls: bool = False) -> None:
    """Register a client that sends one request over the rate limit; the trace shows the last connection."""

    @trace(name)
    def run(ports: Ports) -> list[str]:
        source = ports.own_address()
        for number in range(PER_MINUTE + 1):
            client = ports.connect(service, tls, source)
            client.send(request)
            client.read()
            client.close()
            if number == PER_MINUTE:
                return client.events
        raise AssertionError


over_the_rate_limit("finger_rate_limited", "finger", b"alice\r\n")
over_the_rate_limit("finger_tls_rate_limited", "finger", b"alice\r\n", tls=True)
over_the_rate_limit("web_rate_limited", "web", GET + CLOSE + b"\r\n")
over_the_rate_limit("web_tls_rate_limited", "web", GET + CLOSE + b"\r\n", tls=True)


def over_the_connection_limit(name: str, service: Service, request: bytes, surplus: int, tls: bool = False) -> None:
    """Register a client with *surplus* connections over the limit; the trace shows the last one. All of them go to
    one port, where they are accepted in order."""

    @trace(name)
    def run(ports: Ports) -> list[str]:
        source = ports.own_address()
        held = [ports.connect(service, tls, source) for _ in range(PER_ADDRESS + surplus - 1)]
        client = ports.connect(service, tls, source)
        if request:
            client.send(request)
        client.read()
        for each in (client, *held):
            each.close()
        return client.events


over_the_connection_limit("finger_crowded", "finger", b"alice\r\n", 1)
over_the_connection_limit("finger_crowded_silent", "finger", b"", 1)
over_the_connection_limit("finger_crowded_tls", "finger", b"alice\r\n", 1, tls=True)
over_the_connection_limit("finger_dropped", "finger", b"", 2)
over_the_connection_limit("web_crowded", "web", GET + b"\r\n", 1)
over_the_connection_limit("web_crowded_silent", "web", b"", 1)
over_the_connection_limit("web_crowded_tls", "web", GET + b"\r\n", 1, tls=True)
over_the_connection_limit("web_dropped", "web", b"", 2)


def collect_stop_traces(folder: Path) -> dict[str, list[str]]:
    """Return the traces of clients that are connected while the gateway stops."""
    with gateway(folder, PATIENT) as ports:
        clients = {
            "stop_finger_silent": ports.connect("finger"),
            "stop_finger_tls_silent": ports.connect("finger", tls=True),
            "stop_web_silent": ports.connect("web"),
            "stop_web_after_an_answer": ports.connect("web"),
            "stop_web_tls_after_an_answer": ports.connect("web", tls=True),
        }
        for name, client in clients.items():
            if name.endswith("answer"):
                client.send(GET + b"\r\n")
                client.read_answers(1)
        ports.running.send()
        for client in clients.values():
            client.events.append("> SIGTERM to the gateway")
            client.can_send = False  # the process may have ended by then
        with ThreadPoolExecutor(len(clients)) as pool:
            for each in [pool.submit(client.read) for client in clients.values()]:
                each.result()
        for client in clients.values():
            client.close()
        ports.running.wait()
    return {name: client.events for name, client in clients.items()}


STOPPED = (
    "stop_finger_silent",
    "stop_finger_tls_silent",
    "stop_web_silent",
    "stop_web_after_an_answer",
    "stop_web_tls_after_an_answer",
)


# all traces


@contextmanager
def collect_traces(folder: Path) -> Iterator[Mapping[str, Callable[[], list[str]]]]:
    """Run all clients at once, eight at a time. Return a function for each trace that waits for it."""
    with ExitStack() as stack, ThreadPoolExecutor(8) as pool:
        stopping = pool.submit(collect_stop_traces, folder / "stopped")
        gateways = {
            timeout: stack.enter_context(gateway(folder / name, timeout))
            for name, timeout in (("patient", PATIENT), ("hasty", HASTY))
        }
        running: dict[str, Future[list[str]]] = {
            name: pool.submit(client, gateways[timeout]) for name, (timeout, client) in TRACES.items()
        }
        yield {
            **{name: future.result for name, future in running.items()},
            **{name: lambda name=name: stopping.result()[name] for name in STOPPED},  # type: ignore[misc]
        }
        stopping.exception()  # all clients end before their gateways do
        for future in running.values():
            future.exception()


@pytest.fixture(scope="module")
def traces(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, Callable[[], list[str]]]]:
    with collect_traces(tmp_path_factory.mktemp("closing")) as running:
        yield running


def text(events: list[str]) -> str:
    return "".join(f"{event}\n" for event in events)


@pytest.mark.parametrize("name", [*TRACES, *STOPPED])
def test_how_a_connection_ends(name: str, traces: Mapping[str, Callable[[], list[str]]]) -> None:
    expected, found = (GOLDEN / f"{name}.txt").read_text(encoding="utf-8"), text(traces[name]())
    diff = difflib.unified_diff(expected.splitlines(), found.splitlines(), f"{name}.txt", "now", lineterm="")
    if expected != found:
        pytest.fail("\n".join([*diff, "", f"If the change is meant, run: {RENEW}"]), pytrace=False)


def test_each_golden_trace_is_compared() -> None:
    assert {file.stem for file in GOLDEN.iterdir()} == {*TRACES, *STOPPED}


if __name__ == "__main__":
    GOLDEN.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as temporary, collect_traces(Path(temporary)) as found:
        for each, wait in found.items():
            (GOLDEN / f"{each}.txt").write_text(text(wait()), encoding="utf-8")
