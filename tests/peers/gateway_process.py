"""The real finger-gateway as a child process, and what tests need round it: a folder with settings and people, free
ports, clients that wait for an event with a deadline, an IRC server that remembers what it was told.

Every child inherits the environment, so that coverage sees it (conftest.py says whose). Whatever starts the gateway ends
by looking through its log: a traceback, an unhandled error or a turn of the reactor that took too long fails the test.
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
# For a child in which the same lines run again and again: coverage would take half of its time.
ENV_WITHOUT_COVERAGE = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE")}
WATCHED_COMMAND = (sys.executable, "-P", str(Path(__file__).with_name("watchdog.py")))
# The bot's own limits are for people; who looks every few milliseconds, or asks for everything, goes past them.
LIFT_BOT_LIMITS = """
import gateway.irc.command_handler as handler
handler.USER_LIMIT = handler.USER_IN_CHANNEL_LIMIT = handler.CHANNEL_LIMIT = (10_000_000, 1.0)
"""
WATCHDOG_CODE = f"import runpy\nrunpy.run_path({WATCHED_COMMAND[-1]!r}, run_name='__main__')"
_WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw7").removeprefix("gw")) % 8
_PORTS = itertools.cycle(range(10_000 + 2_500 * _WORKER, 12_500 + 2_500 * _WORKER))
DEADLINE = 20.0  # seconds for anything that is waited for
BAD_WORDS = ("Traceback", "Unhandled", "watchdog:", "ResourceWarning", "never awaited")


def wait_until(condition: Callable[[], T], what: str, seconds: float = DEADLINE) -> T:
    """The first true value of *look*. Fails when there was none within *seconds*."""
    end = time.monotonic() + seconds
    while not (seen := condition()):
        assert time.monotonic() < end, f"waited {seconds} s for {what}"
        time.sleep(0.005)
    return seen


def free_port() -> int:
    """A port of 127.0.0.1 on which nobody listens, nor will before we do: below those that connections take for themselves,
    and each of pytest's workers has its own."""
    for port in itertools.islice(_PORTS, 2_500):
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise AssertionError("no port is free")


def is_listening(port: int) -> bool:
    """Does somebody listen on *port*? To look does not connect: a connection would leave a record."""
    rows = (line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:])
    return any(row[3] == "0A" and int(row[1].partition(":")[2], 16) == port for row in rows)


def assert_clean_log(log: str) -> None:
    """Nothing of what must never stand in a log is in *log*."""
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
    """Runs finger-gateway with *arguments* in *folder*. It has to end with *code* and without a traceback."""
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


# a folder with settings and people


@dataclass(frozen=True)
class Installation:
    """A folder with gateway.toml and people.db, and the ports that the settings name."""

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
        """Runs finger-gateway with *arguments* and these settings. See command."""
        return run_command("-c", self.settings, *arguments, **{"folder": self.folder, **options})

    def read_access_log(self) -> list[dict[str, Any]]:
        file = self.folder / "access.jsonl"
        lines = file.read_text().splitlines(keepends=True) if file.exists() else []
        return [json.loads(line) for line in lines if line.endswith("\n")]

    def wait_for_access_log(self, count: int) -> list[dict[str, Any]]:
        """The records, once there are *count* of them."""
        return wait_until(lambda: found if len(found := self.read_access_log()) >= count else [], f"{count} records")


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
    """Run a README's commands, from the checkout. *folder* takes the place of the path that is *written* there."""
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
    """Settings, and a database with *people*, in *folder*. *irc* is the port of an IRC server."""
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
    """A gateway that serves."""

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
        """Resident MiB."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        (line,) = (line for line in status.splitlines() if line.startswith("VmRSS:"))
        return int(line.split()[1]) / 1024

    def send(self, number: int = signal.SIGTERM) -> None:
        self.process.send_signal(number)

    def wait(self, seconds: float = DEADLINE) -> int:
        """The exit code, once it has ended by itself."""
        self.exit_code = self.process.wait(seconds)
        return self.exit_code

    def stop(self, number: int = signal.SIGTERM, seconds: float = DEADLINE) -> int:
        """Sends the signal *number* and gives the exit code."""
        if self.exit_code is None:
            self.send(number)
            self.wait(seconds)
        assert self.exit_code is not None
        return self.exit_code


@contextmanager
def start_process(
    folder: Path, ports: Sequence[int], *arguments: str | Path, start: Sequence[str] = WATCHED_COMMAND, **options: Any
) -> Iterator[GatewayProcess]:
    """*start* with *arguments* in a child process, once it listens on all of *ports*. Ended at the end, by SIGTERM."""
    name = f"gateway-{time.monotonic_ns()}"
    log, out = folder / f"{name}.log", folder / f"{name}.out"
    began = time.monotonic()
    with log.open("wb") as err, out.open("wb") as said:
        process = subprocess.Popen(
            [*start, *map(str, arguments)], cwd=folder, stdin=subprocess.DEVNULL, stdout=said, stderr=err, **options
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
    """`finger-gateway run` with the settings of *installation*."""
    ports = [installation.finger_port, installation.web_port]
    with start_process(
        installation.folder, ports, *(arguments or ("run", "-c", installation.settings)), start=start, **options
    ) as running:
        yield running


# clients


def query_finger(port: int, query: str, seconds: float = DEADLINE) -> str:
    """What the finger server on *port* answers, all of it."""
    with socket.create_connection(("127.0.0.1", port), seconds) as asking:
        asking.sendall(query.encode() + b"\r\n")
        return b"".join(iter(lambda: asking.recv(65536), b"")).decode()


def http_get(port: int, path: str, seconds: float = DEADLINE) -> tuple[int, str]:
    """Status and body of *path* on the web server on *port*."""
    with socket.create_connection(("127.0.0.1", port), seconds) as asking:
        asking.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost:{port}\r\nConnection: close\r\n\r\n".encode())
        answer = b"".join(iter(lambda: asking.recv(65536), b"")).decode()
    head, _, body = answer.partition("\r\n\r\n")
    assert "chunked" not in head.lower(), head
    return int(head.split()[1]), body


class IRCConnection:
    """One side of an IRC connection: lines out, and lines in as they come, each with the time it came."""

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
        """The next line that *matches*, of those not waited for before."""
        return self.wait_for_timed(matches, what, seconds)[1]

    def wait_for_timed(self, matches: Callable[[str], bool], what: str, seconds: float = DEADLINE) -> tuple[float, str]:
        """The same, with the time.monotonic() at which it came."""
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
    """Somebody on an IRC server, signed on, and in *channel*."""
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
    """All that the bot answers to *text*. A second question, for somebody whom nobody knows, shows where that ends."""
    end = f"nobody{time.monotonic_ns()}"
    said: list[str] = []
    for each in (text, end):
        lines.send(f"{prefix}PRIVMSG fingerbot :{each}")
    while not said or end not in said[-1]:
        said.append(lines.wait_for(lambda line: "PRIVMSG " in line, f"the answer to {text}").partition(" :")[2])
    return said[:-1]


# IRC servers


@dataclass
class FakeIRCServer:
    """An IRC server for one bot: welcomes it, lets it join, remembers what it says. test_run.py holds it against ngircd."""

    port: int
    connections: list[IRCConnection] = field(default_factory=list)
    attempts: int = 0

    @property
    def bot(self) -> IRCConnection:
        """The bot's connection, once it has joined #tea."""
        return wait_until(lambda: self.connections[-1:], "the bot")[0]

    def ask(self, text: str) -> list[str]:
        """What the bot says in private to somebody who asks *text*."""
        return ask_bot(self.bot, ":asker!asker@host.test ", text)


@contextmanager
def run_fake_irc_server() -> Iterator[FakeIRCServer]:
    """A Recorder that listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        record = FakeIRCServer(server.getsockname()[1])
        thread = threading.Thread(target=_serve_bots, args=(server, record), daemon=True)
        thread.start()
        try:
            yield record
        finally:
            server.shutdown(socket.SHUT_RDWR)
            thread.join(DEADLINE)
            for each in record.connections:
                each.close()


def _serve_bots(server: socket.socket, record: FakeIRCServer) -> None:
    with suppress(OSError, AssertionError):
        while True:
            connection, _ = server.accept()
            record.attempts += 1
            lines = IRCConnection(connection)
            lines.wait_for(lambda line: line.startswith("USER "), "USER")
            for line in (":irc.test 001 fingerbot :Welcome", ":irc.test 376 fingerbot :End of MOTD"):
                lines.send(line)
            lines.wait_for(lambda line: line.startswith("JOIN #tea"), "JOIN")
            lines.send(":fingerbot!finger@127.0.0.1 JOIN #tea")
            record.connections.append(lines)
            threading.Thread(target=_close_after_quit, args=(lines,), daemon=True).start()


def _close_after_quit(lines: IRCConnection) -> None:
    """As a server does: whoever says QUIT is gone."""
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
    """ngircd in a child process; gives its port."""
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
