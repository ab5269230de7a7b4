"""The real finger-gateway as a child process, with what tests need around it: an installation on disk, free ports,
clients that wait for an event with a deadline, and a fake IRC server.

Every child inherits the environment, so that coverage measures it (see conftest.py). The functions that start a
gateway check its log at the end: a traceback, an unhandled error or a reactor iteration that took too long fails the
test.
"""

import itertools
import json
import os
import shlex
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from gateway.store import database
from tests.unit.fixtures import PEOPLE, make_create_edit, write_edits

T = TypeVar("T")
CHECKOUT = Path(__file__).parents[2]
COMMAND = (sys.executable, "-P", "-m", "gateway")
# For children that run the same lines many times: coverage would double their time.
ENV_WITHOUT_COVERAGE = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE")}
WATCHED_COMMAND = (sys.executable, "-P", str(Path(__file__).with_name("watchdog.py")))
# The bot's own limits are for people; a test that polls every few milliseconds exceeds them.
LIFT_BOT_LIMITS = """
import gateway.irc.command_handler as handler
handler.USER_LIMIT = handler.USER_IN_CHANNEL_LIMIT = handler.CHANNEL_LIMIT = (10_000_000, 1.0)
"""
WATCHDOG_CODE = f"import runpy\nrunpy.run_path({WATCHED_COMMAND[-1]!r}, run_name='__main__')"
_WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw7").removeprefix("gw")) % 8
_PORTS = itertools.cycle(range(10_000 + 2_500 * _WORKER, 12_500 + 2_500 * _WORKER))
DEADLINE = 20.0  # seconds; the limit of each wait
BAD_WORDS = ("Traceback", "Unhandled", "watchdog:", "ResourceWarning", "never awaited")


def wait_until(condition: Callable[[], T], what: str, seconds: float = DEADLINE) -> T:
    """Return the first true value of *condition*. Fail if there is none within *seconds*."""
    end = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < end, f"waited {seconds} s for {what}"
        time.sleep(0.005)
    return value


def free_port() -> int:
    """Return a port of 127.0.0.1 on which nobody listens. It is outside the ephemeral range, and each pytest worker
    has its own range."""
    for port in itertools.islice(_PORTS, 2_500):
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise AssertionError("no port is free")


def is_listening(port: int) -> bool:
    """Does a process listen on *port*? The check does not connect, because a connection would leave a log entry."""
    rows = (line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:])
    return any(row[3] == "0A" and int(row[1].partition(":")[2], 16) == port for row in rows)


def assert_clean_log(log: str) -> None:
    """Assert that *log* contains no sign of a fault."""
    for word in BAD_WORDS:
        assert word not in log, log


# the command


@dataclass(frozen=True)
class CommandResult:
    """How a command ended."""

    code: int
    out: str
    err: str


def run_command(
    *arguments: str | Path,
    folder: Path,
    code: int = 0,
    stdin: str | bytes = b"",
    env: Mapping[str, str] | None = None,
    start: Sequence[str] = COMMAND,
    **options: Any,
) -> CommandResult:
    """Run finger-gateway with *arguments* in *folder*. It must exit with *code* and without a traceback."""
    done = subprocess.run(
        [*start, *map(str, arguments)],
        cwd=folder,
        input=stdin.encode() if isinstance(stdin, str) else stdin,
        env=os.environ | (env or {}),
        capture_output=True,
        timeout=60,
        check=False,
        **options,
    )
    ran = CommandResult(done.returncode, done.stdout.decode(), done.stderr.decode())
    assert_clean_log(ran.err)
    assert ran.code == code, ran
    return ran


# an installation


@dataclass(frozen=True)
class Installation:
    """A folder with gateway.toml and people.db, and the ports in the settings."""

    folder: Path
    finger_port: int
    web_port: int
    irc_port: int | None = None

    @property
    def settings(self) -> Path:
        return self.folder / "gateway.toml"

    @property
    def database(self) -> Path:
        return self.folder / "people.db"

    def run(self, *arguments: str | Path, **options: Any) -> CommandResult:
        """Run finger-gateway with *arguments* and these settings. See run_command."""
        return run_command("-c", self.settings, *arguments, **{"folder": self.folder, **options})

    def read_access_log(self) -> list[dict[str, Any]]:
        file = self.folder / "access.jsonl"
        lines = file.read_text().splitlines(keepends=True) if file.exists() else []
        return [json.loads(line) for line in lines if line.endswith("\n")]

    def wait_for_access_log(self, count: int) -> list[dict[str, Any]]:
        """Return the access log's entries, once there are *count*."""
        return wait_until(
            lambda: found if len(found := self.read_access_log()) >= count else [], f"{count} log entries"
        )


SETTINGS = """
[site]
name = "The Tea Club"
hosts = ["dir.test", "localhost"]
url = "http://localhost:{web}"
{site}
[finger]
listen = ["tcp:{finger}:interface=127.0.0.1"]
[web]
listen = ["tcp:{web}:interface=127.0.0.1"]
{irc}
[access_log]
file = "access.jsonl"
[limits]
queries_per_minute = 60000
connections_per_address = 500
{more}
"""
IRC_SETTINGS = """
[[irc]]
network = "test"
server = "tcp:127.0.0.1:{irc}"
nick = "fingerbot"
channels = ["#tea"]
burst = 10000
line_interval = "1ms"
"""


def run_readme_commands(lines: Iterable[str], written_path: str, folder: Path) -> None:
    """Run a README's commands, from the checkout. *folder* replaces the path *written_path* in them."""
    here = CHECKOUT
    for line in lines:
        words = shlex.split(line.replace(written_path, str(folder)))
        if words[0] == "cd":
            here = Path(words[1])
        elif words[0] == "finger-gateway":
            run_command(*words[1:], folder=here)
        else:
            subprocess.run(words, cwd=here, check=True)


def make_installation(
    folder: Path,
    irc: int | None = None,
    people: Sequence[dict[str, Any]] = PEOPLE,
    site: str = "",
    more: str = "",
) -> Installation:
    """Create settings, and a database with *people*, in *folder*. *irc* is the port of an IRC server."""
    installation = Installation(folder, free_port(), free_port(), irc)
    text = SETTINGS.format(
        finger=installation.finger_port,
        web=installation.web_port,
        site=site,
        more=more,
        irc=IRC_SETTINGS.format(irc=irc) if irc is not None else "",
    )
    installation.settings.write_text(text)
    database.create(installation.database)
    write_edits(installation.database, [make_create_edit(fields) for fields in people])
    return installation


# the gateway


@dataclass
class GatewayProcess:
    """A running gateway."""

    process: "subprocess.Popen[bytes]"
    log_file: Path
    stdout_file: Path
    startup_seconds: float  # seconds from the start of the process to the first connection
    exit_code: int | None = None

    @property
    def log(self) -> str:
        return self.log_file.read_text()

    @property
    def stdout(self) -> str:
        return self.stdout_file.read_text()

    @property
    def memory_mib(self) -> float:
        """Return the resident memory in MiB."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        (line,) = (line for line in status.splitlines() if line.startswith("VmRSS:"))
        return int(line.split()[1]) / 1024

    def send(self, number: int = signal.SIGTERM) -> None:
        self.process.send_signal(number)

    def wait(self, seconds: float = DEADLINE) -> int:
        """Return the exit code, once the process has ended by itself."""
        self.exit_code = self.process.wait(seconds)
        return self.exit_code

    def stop(self, number: int = signal.SIGTERM, seconds: float = DEADLINE) -> int:
        """Send the signal *number* and return the exit code."""
        if self.exit_code is None:
            self.send(number)
            self.wait(seconds)
        assert self.exit_code is not None
        return self.exit_code


@contextmanager
def start_process(
    folder: Path, ports: Sequence[int], *arguments: str | Path, start: Sequence[str] = WATCHED_COMMAND, **options: Any
) -> Iterator[GatewayProcess]:
    """Run *start* with *arguments* in a child process. Yield once it listens on all of *ports*; stop it with SIGTERM."""
    name = f"gateway-{time.monotonic_ns()}"
    log, out = folder / f"{name}.log", folder / f"{name}.out"
    began = time.monotonic()
    with log.open("wb") as err, out.open("wb") as reply:
        process = subprocess.Popen(
            [*start, *map(str, arguments)], cwd=folder, stdin=subprocess.DEVNULL, stdout=reply, stderr=err, **options
        )
    running = GatewayProcess(process, log, out, 0.0)
    try:
        for port in ports:
            wait_until(lambda port=port: process.poll() is not None or is_listening(port), f"port {port}")  # type: ignore[misc]
        assert process.poll() is None, running.log
        running.startup_seconds = time.monotonic() - began
        yield running
        running.stop()
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
    assert_clean_log(running.log)


@contextmanager
def run_gateway(
    installation: Installation, *arguments: str, start: Sequence[str] = WATCHED_COMMAND, **options: Any
) -> Iterator[GatewayProcess]:
    """Run `finger-gateway run` with the settings of *installation*."""
    ports = [installation.finger_port, installation.web_port]
    with start_process(
        installation.folder, ports, *(arguments or ("run", "-c", installation.settings)), start=start, **options
    ) as running:
        yield running


# clients


def query_finger(port: int, query: str, seconds: float = DEADLINE) -> str:
    """Return the complete answer of the finger server on *port*."""
    with socket.create_connection(("127.0.0.1", port), seconds) as client:
        client.sendall(query.encode() + b"\r\n")
        return b"".join(iter(lambda: client.recv(65536), b"")).decode()


def http_get(port: int, path: str, seconds: float = DEADLINE) -> tuple[int, str]:
    """Return the status and the body of *path* from the web server on *port*."""
    with socket.create_connection(("127.0.0.1", port), seconds) as client:
        client.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost:{port}\r\nConnection: close\r\n\r\n".encode())
        answer = b"".join(iter(lambda: client.recv(65536), b"")).decode()
    head, _, body = answer.partition("\r\n\r\n")
    assert "chunked" not in head.lower(), head
    return int(head.split()[1]), body


class IRCConnection:
    """One side of an IRC connection. It sends lines, and keeps received lines with their times."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._arrived = threading.Condition()
        self._lines: list[tuple[float, str]] = []
        self.closed = False
        self._read = 0
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def send(self, line: str) -> None:
        self._connection.sendall(line.encode() + b"\r\n")

    def wait_for(self, matches: Callable[[str], bool], what: str, seconds: float = DEADLINE) -> str:
        """Return the next received line that *matches* and was not waited for before."""
        return self.wait_for_timed(matches, what, seconds)[1]

    def wait_for_timed(self, matches: Callable[[str], bool], what: str, seconds: float = DEADLINE) -> tuple[float, str]:
        """Do the same, and return the time.monotonic() of its arrival as well."""
        end = time.monotonic() + seconds
        with self._arrived:
            while True:
                while self._read < len(self._lines):
                    self._read += 1
                    if matches(self._lines[self._read - 1][1]):
                        return self._lines[self._read - 1]
                left = end - time.monotonic()
                assert left > 0 and not self.closed, f"waited for {what}; came: {self.received}"
                self._arrived.wait(left)

    @property
    def received(self) -> list[str]:
        return [line for _, line in self._lines]

    def close(self) -> None:
        with suppress(OSError):
            self._connection.shutdown(socket.SHUT_RDWR)
        self._connection.close()
        self._thread.join(DEADLINE)

    def _listen(self) -> None:
        rest = b""
        with suppress(OSError):
            while data := self._connection.recv(65536):
                *whole, rest = (rest + data).split(b"\n")
                now = time.monotonic()
                for each in whole:
                    line = each.rstrip(b"\r").decode()
                    if line.startswith("PING"):
                        self.send("PONG" + line[4:])
                    with self._arrived:
                        self._lines.append((now, line))
                        self._arrived.notify_all()
        with self._arrived:
            self.closed = True
            self._arrived.notify_all()


@contextmanager
def join_irc(port: int, nick: str, channel: str | None = None) -> Iterator[IRCConnection]:
    """Connect to an IRC server as *nick*, register, and join *channel* if it is given."""
    lines = IRCConnection(socket.create_connection(("127.0.0.1", port), DEADLINE))
    try:
        lines.send(f"NICK {nick}")
        lines.send(f"USER {nick} 0 * :{nick}")
        lines.wait_for(lambda line: " 001 " in line, "the welcome")
        if channel is not None:
            lines.send(f"JOIN {channel}")
            lines.wait_for(lambda line: " 366 " in line, "the names")
        yield lines
    finally:
        lines.close()


def ask_bot(lines: IRCConnection, prefix: str, text: str) -> list[str]:
    """Return all lines of the bot's answer to *text*. A second request, for an unknown name, marks the end."""
    end = f"nobody{time.monotonic_ns()}"
    reply: list[str] = []
    for each in (text, end):
        lines.send(f"{prefix}PRIVMSG fingerbot :{each}")
    while not reply or end not in reply[-1]:
        reply.append(lines.wait_for(lambda line: "PRIVMSG " in line, f"the answer to {text}").partition(" :")[2])
    return reply[:-1]


# IRC servers


@dataclass
class FakeIRCServer:
    """An IRC server for one bot: it welcomes the bot, lets it join, and keeps its messages. test_run.py compares it
    with ngircd."""

    port: int
    connections: list[IRCConnection] = field(default_factory=list)
    attempts: int = 0

    @property
    def bot(self) -> IRCConnection:
        """Return the bot's connection, once it has joined #tea."""
        return wait_until(lambda: self.connections[-1:], "the bot")[0]

    def ask(self, text: str) -> list[str]:
        """Return the bot's private answer to *text*."""
        return ask_bot(self.bot, ":client!client@host.test ", text)


@contextmanager
def run_fake_irc_server() -> Iterator[FakeIRCServer]:
    """Run a FakeIRCServer."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        entry = FakeIRCServer(server.getsockname()[1])
        thread = threading.Thread(target=_serve_bots, args=(server, entry), daemon=True)
        thread.start()
        try:
            yield entry
        finally:
            server.shutdown(socket.SHUT_RDWR)
            thread.join(DEADLINE)
            for each in entry.connections:
                each.close()


def _serve_bots(server: socket.socket, entry: FakeIRCServer) -> None:
    with suppress(OSError, AssertionError):
        while True:
            connection, _ = server.accept()
            entry.attempts += 1
            lines = IRCConnection(connection)
            lines.wait_for(lambda line: line.startswith("USER "), "USER")
            for line in (":irc.test 001 fingerbot :Welcome", ":irc.test 376 fingerbot :End of MOTD"):
                lines.send(line)
            lines.wait_for(lambda line: line.startswith("JOIN #tea"), "JOIN")
            lines.send(":fingerbot!finger@127.0.0.1 JOIN #tea")
            entry.connections.append(lines)
            threading.Thread(target=_close_after_quit, args=(lines,), daemon=True).start()


def _close_after_quit(lines: IRCConnection) -> None:
    """Close the connection after QUIT, as a server does."""
    wait_until(lambda: lines.closed or any(line.startswith("QUIT") for line in lines.received), "QUIT", 600)
    lines.close()


NGIRCD = """
[Global]
Name = irc.test
Info = test
Listen = 127.0.0.1
Ports = {port}
ServerUID = {user}
ServerGID = {user}
[Limits]
MaxConnectionsIP = 0
MaxNickLength = 30
[Options]
DNS = no
Ident = no
PAM = no
"""


@contextmanager
def run_ngircd(folder: Path) -> Iterator[int]:
    """Run ngircd in a child process. Yield its port."""
    port = free_port()
    file = folder / "ngircd.conf"
    file.write_text(NGIRCD.format(port=port, user="nobody" if os.geteuid() == 0 else os.geteuid()))
    with (folder / "ngircd.log").open("wb") as log:
        server = subprocess.Popen(
            ["/usr/sbin/ngircd", "--nodaemon", "--config", str(file)], stdin=subprocess.DEVNULL, stdout=log, stderr=log
        )
    try:
        wait_until(lambda: is_listening(port), "ngircd")
        yield port
    finally:
        server.terminate()
        server.wait(DEADLINE)
