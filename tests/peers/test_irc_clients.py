"""The bot as people use it: with ii and irssi, on ngircd and on the demo's own network."""

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests.peers.gateway_process import (
    DEADLINE,
    free_port,
    is_listening,
    join_irc,
    make_installation,
    run_gateway,
    run_ngircd,
    start_process,
    wait_until,
)

FULL = [
    "Alice Adams (alice), aliases ally",
    "Keeper of the kettle",
    "Project: A better teapot",
    "First line",
    "Second line",
]


class IiClient:
    """The ii client: a folder of FIFOs and logs."""

    def __init__(self, folder: Path, port: int, nick: str) -> None:
        self.folder = folder / "127.0.0.1"
        self.process = subprocess.Popen(
            ["ii", "-s", "127.0.0.1", "-p", str(port), "-n", nick, "-i", str(folder)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        wait_until(lambda: "Welcome" in self.log(""), "ii's welcome")

    def log(self, target: str) -> str:
        file = self.folder / target / "out"
        return file.read_text() if file.exists() else ""

    def send(self, target: str, text: str) -> None:
        fifo = self.folder / target / "in"
        wait_until(fifo.exists, f"ii's {target}")
        fifo.write_text(text + "\n")

    def wait_for(self, target: str, text: str) -> str:
        return wait_until(lambda: log if text in (log := self.log(target)) else "", f"{text} in ii's {target}")


@contextmanager
def run_ii(folder: Path, port: int, nick: str = "walter") -> Iterator[IiClient]:
    folder.mkdir()
    client = IiClient(folder, port, nick)
    try:
        yield client
    finally:
        client.process.terminate()
        client.process.wait(DEADLINE)


# Show answers in the current window, and send commands without irssi's own delay of two seconds.
IRSSI = """settings = {
  "fe-common/core" = { autocreate_own_query = "no"; autocreate_query_level = ""; };
  "irc/core" = { cmd_queue_speed = "10msec"; cmds_max_at_once = "100"; };
};
"""


class IrssiClient:
    """irssi in a tmux terminal, read from its screen."""

    def __init__(self, folder: Path, port: int, nick: str) -> None:
        (folder / "config").write_text(IRSSI)
        self._socket = folder / "tmux"
        irssi = f"irssi --home={folder} -c 127.0.0.1 -p {port} -n {nick}"
        self._tmux("-f", "/dev/null", "new-session", "-d", "-x", "160", "-y", "50", irssi)
        self.wait_for("Welcome")

    def _tmux(self, *arguments: str) -> str:
        env = {**os.environ, "TERM": "xterm-256color", "LC_ALL": "C.UTF-8"}
        done = subprocess.run(
            ["tmux", "-S", self._socket, *arguments], env=env, capture_output=True, timeout=20, check=True
        )
        return done.stdout.decode()

    def type_line(self, text: str) -> None:
        self._tmux("send-keys", "-l", text)
        self._tmux("send-keys", "Enter")

    def screen(self) -> str:
        return self._tmux("capture-pane", "-p")

    def wait_for(self, text: str) -> str:
        return wait_until(lambda: screen if text in (screen := self.screen()) else "", f"{text} on irssi's screen")

    def close(self) -> None:
        """Ends the terminal, unless irssi has ended already."""
        with suppress(subprocess.CalledProcessError):
            self._tmux("kill-server")


@contextmanager
def run_irssi(folder: Path, port: int, nick: str = "ingrid") -> Iterator[IrssiClient]:
    folder.mkdir()
    client = IrssiClient(folder, port, nick)
    try:
        yield client
    finally:
        client.close()


@contextmanager
def run_bot_on_ngircd(folder: Path) -> Iterator[int]:
    with (
        run_ngircd(folder) as port,
        join_irc(port, "watcher", "#tea") as watcher,
        run_gateway(make_installation(folder, irc=port)),
    ):
        watcher.wait_for(lambda line: line.startswith(":fingerbot!") and " JOIN " in line, "the bot")
        yield port


@contextmanager
def run_bot_on_demo(folder: Path) -> Iterator[int]:
    finger, web, port = free_port(), free_port(), free_port()
    endpoints = [f"tcp:{each}:interface=127.0.0.1" for each in (finger, web, port)]
    home = folder / "home"
    arguments = ["demo", "--dir", str(home), "--finger", endpoints[0], "--web", endpoints[1], "--irc", endpoints[2]]
    with start_process(folder, [port], *arguments) as running:
        wait_until(lambda: "Try:" in running.stdout, "the demo's invitation")
        yield port


@pytest.fixture(scope="module")
def ngircd_port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    with run_bot_on_ngircd(tmp_path_factory.mktemp("ngircd")) as port:
        yield port


def test_ii_on_ngircd(tmp_path: Path, ngircd_port: int) -> None:
    """I020, I021, I022"""
    with run_ii(tmp_path / "ii", ngircd_port) as client:
        client.send("", "/j fingerbot alice")
        log = client.wait_for("fingerbot", "Second line")
        for line in FULL:
            assert f"<fingerbot> {line}\n" in log
        client.send("fingerbot", "help")
        client.wait_for("fingerbot", "<fingerbot>   finger NAME - look up NAME, a login or a full name")
        client.send("", "/j #tea")
        client.send("#tea", "!finger alice")
        client.wait_for("#tea", "<fingerbot> walter: Alice Adams (alice), Keeper of the kettle\n")
        client.send("#tea", "fingerbot, zofie")
        client.wait_for("#tea", "<fingerbot> walter: Žofie Černá (zofie)\n")
        client.send("fingerbot", "carol")
        client.wait_for("fingerbot", "<fingerbot> no such user: carol\n")


def test_irssi_on_ngircd(tmp_path: Path, ngircd_port: int) -> None:
    """I020, I022"""
    with run_irssi(tmp_path / "irssi", ngircd_port) as client:
        client.type_line("/msg fingerbot alice")
        screen = client.wait_for("Second line")
        for line in FULL:
            assert line in screen
        client.type_line("/join #tea")
        client.wait_for("[#tea]")
        client.type_line("fingerbot: alice")
        client.wait_for("ingrid: Alice Adams (alice), Keeper of the kettle")


def test_ii_and_irssi_on_the_demo(tmp_path: Path) -> None:
    """I020, I022"""
    with (
        run_bot_on_demo(tmp_path) as port,
        run_ii(tmp_path / "ii", port) as fifo,
        run_irssi(tmp_path / "irssi", port) as screen,
    ):
        fifo.send("", "/j fingerbot alice")
        fifo.wait_for("fingerbot", "(alice)")
        screen.type_line("/msg fingerbot help")
        screen.wait_for("look up NAME")
        screen.type_line("/join #tea")
        screen.wait_for("Ask me: !finger alice")
        fifo.send("", "/j #tea")
        fifo.send("#tea", "!finger alice")
        fifo.wait_for("#tea", "<fingerbot> walter: ")
        screen.wait_for("walter: ")
        screen.type_line("Žofie says 漢字")
        fifo.wait_for("#tea", "<ingrid> Žofie says 漢字")
        screen.type_line("/quit bye")
        fifo.wait_for("#tea", "ingrid")
        wait_until(lambda: "bye" in fifo.log("") + fifo.log("#tea"), "irssi's good-bye", 5)


def test_non_utf_8_bytes_on_ngircd(ngircd_port: int) -> None:
    """I009"""
    with join_irc(ngircd_port, "latin") as client:
        client._connection.sendall(b"PRIVMSG fingerbot :\xe9l\xe8ve\r\n")
        assert client.wait_for(lambda line: "PRIVMSG" in line, "an answer").endswith(" :no such user: élève")


def test_long_text_arrives_complete_on_ngircd(tmp_path: Path) -> None:
    """I025: the server, which adds the prefix and truncates at 512 bytes, has nothing to truncate."""
    words = " ".join(f"ž{number:03}漢👩‍👩‍👧" for number in range(400))
    people = [
        {
            "login": "long",
            "name": "Long",
            "plan": "\n".join(words[start : start + 350] for start in range(0, 700, 350)),
        }
    ]
    with run_ngircd(tmp_path) as port, join_irc(port, "reader", "#tea") as reader:
        with run_gateway(make_installation(tmp_path, irc=port, people=people)):
            reader.wait_for(lambda line: line.startswith(":fingerbot!") and " JOIN " in line, "the bot")
            reader.send("PRIVMSG fingerbot :long")
            reader.send("PRIVMSG fingerbot :nobody")
            reader.wait_for(lambda line: "no such user" in line, "the end of the answer")
        lines = [line for line in reader.received if line.startswith(":fingerbot!") and " PRIVMSG " in line]
        reply = [line.partition(" :")[2] for line in lines]
        assert max(len(line.encode()) for line in lines) <= 510
        assert len(reply) > 6
        plan = reply[reply.index("Plan:") + 1 : -1]
        assert "".join(plan).replace(" ", "") == words[:700].replace(" ", "")


def test_the_bot_reconnects_when_its_server_returns(tmp_path: Path) -> None:
    """I007, I011"""
    with run_ngircd(tmp_path) as port:
        target = make_installation(tmp_path, irc=port)
        with join_irc(port, "watcher", "#tea") as watcher:
            running = run_gateway(target)
            bot = running.__enter__()
            watcher.wait_for(lambda line: line.startswith(":fingerbot!") and " JOIN " in line, "the bot")
    try:
        wait_until(lambda: "disconnected" in bot.log, "the loss in the log")
        began = time.monotonic()
        with restart_ngircd(tmp_path, port), join_irc(port, "watcher", "#tea") as watcher:
            wait_until(
                lambda: any("fingerbot" in line and (" JOIN " in line or " 353 " in line) for line in watcher.received),
                "the bot",
            )
            assert time.monotonic() - began < 15
            watcher.send("PRIVMSG #tea :!finger bob")
            watcher.wait_for(lambda line: line.endswith(" PRIVMSG #tea :watcher: Bob Adams (bob)"), "an answer")
            bot.send()
            quitting = watcher.wait_for(
                lambda line: line.startswith(":fingerbot!") and " QUIT " in line, "the good-bye"
            )
            assert "finger gateway is going down" in quitting
            assert bot.wait() == 0
    finally:
        running.__exit__(None, None, None)


@contextmanager
def restart_ngircd(folder: Path, port: int) -> Iterator[None]:
    """Start the server of this folder again, on its old port."""
    with (folder / "ngircd-again.log").open("wb") as log:
        server = subprocess.Popen(
            ["/usr/sbin/ngircd", "--nodaemon", "--config", str(folder / "ngircd.conf")],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
    try:
        wait_until(lambda: is_listening(port), "ngircd")
        yield
    finally:
        server.terminate()
        server.wait(DEADLINE)


DEFAULT_PACE = """
[[irc]]
network = "test"
server = "tcp:127.0.0.1:{port}"
channels = ["#tea"]
"""


def test_two_hundred_requests_at_once_do_not_get_the_bot_disconnected(tmp_path: Path) -> None:
    """I026: with the default line_interval, against ngircd's own limits."""
    with run_ngircd(tmp_path) as port, join_irc(port, "watcher", "#tea") as watcher:
        target = make_installation(tmp_path, more=DEFAULT_PACE.format(port=port))
        with run_gateway(target):
            watcher.wait_for(lambda line: line.startswith(":fingerbot!") and " JOIN " in line, "the bot")
            contexts = [join_irc(port, f"client{number}") for number in range(40)]
            clients = [each.__enter__() for each in contexts]
            began = time.monotonic()
            for client in clients:
                client._connection.sendall(b"PRIVMSG fingerbot :alice\r\n" * 5)
            target.wait_for_access_log(200)
            wait_until(lambda: time.monotonic() > began + 6, "six seconds of the pace")
            took = time.monotonic() - began
            answers = sum(" PRIVMSG " in line for client in clients for line in client.received)
            assert 5 + 2 <= answers <= 5 + took / 2 + 1
            watcher.send("WHOIS fingerbot")
            watcher.wait_for(lambda line: " 311 watcher fingerbot " in line, "the bot in WHOIS")
            assert not any(" QUIT " in line for line in watcher.received if line.startswith(":fingerbot!"))
            for each in contexts:
                each.__exit__(None, None, None)
    assert [entry["outcome"] for entry in target.read_access_log()] == ["found"] * 200
