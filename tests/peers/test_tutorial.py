"""The tutorial: each step works as its README describes, over a socket."""

import os
import re
import signal
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.peers.gateway_process import (
    CHECKOUT,
    GatewayProcess,
    ask_bot,
    free_port,
    http_get,
    join_irc,
    query_finger,
    start_process,
    wait_until,
)

TUTORIAL = CHECKOUT / "examples" / "tutorial"
STEPS = sorted(each for each in TUTORIAL.iterdir() if each.suffix in (".py", ".tac"))
TWISTD = str(Path(sys.executable).with_name("twistd"))


@contextmanager
def run_step(number: int, folder: Path, port: int, more: int = 0) -> Iterator[GatewayProcess]:
    """Run step *number* on *port*, started as its README says; step 9 takes *more* ports after it."""
    file = str(STEPS[number - 1])
    start = (TWISTD, "--pidfile=", "-ny", file) if file.endswith(".tac") else (sys.executable, file, str(port))
    ports = range(port, port + more + 1)
    environment = os.environ | {"PORT": str(port)}
    with start_process(folder, ports, start=start, env=environment) as running:
        yield running
        running.send(signal.SIGINT)
        assert running.wait() in (0, -signal.SIGINT)


def send_and_read(port: int, reply: bytes, seconds: float = 20.0) -> bytes:
    """Return all that arrives until the other side closes. Raise TimeoutError if it does not."""
    with socket.create_connection(("127.0.0.1", port), seconds) as caller:
        caller.sendall(reply)
        return b"".join(iter(lambda: caller.recv(4096), b""))


def test_each_step_is_one_short_file_whose_docstring_says_what_is_new() -> None:
    assert [each.name[:2] for each in STEPS] == [f"{number:02}" for number in range(1, 10)]
    readme = (TUTORIAL / "README.md").read_text()
    commands = re.findall(r"^    (?:python|twistd -ny) (\S+)$", readme, re.MULTILINE)
    assert commands == [each.name for each in STEPS]
    for each in STEPS:
        lines = each.read_text().splitlines()
        assert 15 <= len(lines) <= 40, each.name
        assert lines[0].startswith(f'"""Step {int(each.name[:2])}: ')
        assert "New here: " in each.read_text(), each.name


def test_step_1_accepts_and_sends_nothing(tmp_path: Path) -> None:
    port = free_port()
    with run_step(1, tmp_path, port), pytest.raises(TimeoutError):
        send_and_read(port, b"moshez\r\n", 0.5)


def test_step_2_closes_every_connection(tmp_path: Path) -> None:
    port = free_port()
    with run_step(2, tmp_path, port):
        assert send_and_read(port, b"") == b""


def test_step_3_reads_one_line_first(tmp_path: Path) -> None:
    port = free_port()
    with run_step(3, tmp_path, port):
        with pytest.raises(TimeoutError):
            send_and_read(port, b"mosh", 0.5)
        assert send_and_read(port, b"moshez\r\n") == b""


@pytest.mark.parametrize("number", [4, 5])
def test_steps_4_and_5_have_no_users(tmp_path: Path, number: int) -> None:
    port = free_port()
    with run_step(number, tmp_path, port):
        assert send_and_read(port, b"moshez\r\n") == b"No such user\r\n"


@pytest.mark.parametrize("number", [6, 7, 8])
def test_steps_6_to_8_know_moshez(tmp_path: Path, number: int) -> None:
    port = free_port()
    with run_step(number, tmp_path, port):
        assert send_and_read(port, b"moshez\r\n") == b"Happy and well\r\n"
        assert send_and_read(port, b"alice\r\n") == b"No such user\r\n"


def test_step_7_a_slow_lookup_delays_no_one_and_a_failed_one_reveals_nothing(tmp_path: Path) -> None:
    port = free_port()
    with run_step(7, tmp_path, port), socket.create_connection(("127.0.0.1", port), 20) as slow:
        began = time.monotonic()
        slow.sendall(b"slow\r\n")
        assert send_and_read(port, b"moshez\r\n") == b"Happy and well\r\n"
        assert send_and_read(port, b"broken\r\n") == b"Internal error in server\r\n"
        assert time.monotonic() - began < 2
        assert b"".join(iter(lambda: slow.recv(4096), b"")) == b"No such user\r\n"
        assert time.monotonic() - began > 2.5


def find_free_ports(count: int) -> int:
    """Return the first of *count* consecutive free ports."""
    while True:
        first = free_port()
        try:
            for port in range(first, first + count):
                socket.create_server(("127.0.0.1", port)).close()
        except (OSError, OverflowError):
            continue
        return first


def test_step_9_is_the_gateway_on_finger_web_and_irc(tmp_path: Path) -> None:
    port = find_free_ports(3)
    with run_step(9, tmp_path, port, 2):
        wait_until(lambda: "Happy and well" in query_finger(port, "moshez"), "moshez")
        status, page = http_get(port + 1, "/users/moshez")
        assert status == 200 and "Happy and well" in page
        with join_irc(port + 2, "you", "#tea") as you:
            wait_until(lambda: any("fingerbot" in line for line in you.received), "the bot")
            assert "Happy and well" in "\n".join(ask_bot(you, "", "moshez"))
