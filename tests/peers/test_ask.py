"""finger-gateway ask as people use it: what reaches a terminal, when, and how it ends."""

import os
import signal
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests.peers.gateway_process import COMMAND, DEADLINE, assert_clean_log, run_command

EVIL = b"Login: alice\x1b[2J\x07\r\n\x1b]0;owned\x1b\\caf\xc3\xa9\t\r\nna\xefve\r\n\x9b31mred"


@contextmanager
def serving(answer: Callable[[socket.socket], object], count: int = 1) -> Iterator[int]:
    """Takes *count* connections one after the other, reads a line of each, lets *answer* have it, closes. Gives the port."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            for _ in range(count):
                connection, _ = server.accept()
                with connection, suppress(OSError):
                    connection.settimeout(DEADLINE)
                    assert connection.recv(4096).endswith(b"\r\n")
                    answer(connection)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield server.getsockname()[1]
        thread.join(DEADLINE)
        assert not thread.is_alive()


def asking(*arguments: str) -> "subprocess.Popen[bytes]":
    return subprocess.Popen([*COMMAND, "ask", *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def ended(process: "subprocess.Popen[bytes]") -> tuple[int, str]:
    """Exit code and what it said on standard error."""
    _, said = process.communicate(timeout=DEADLINE)
    assert_clean_log(said.decode())
    return process.returncode, said.decode()


@pytest.mark.parametrize(
    ("options", "environment", "expected"),
    [
        ((), {"LC_ALL": "C.UTF-8"}, "Login: alice\ncafé\t\nnaïve\nred".encode()),
        ((), {"LC_ALL": "C"}, b"Login: alice\ncafe\t\nnaive\nred"),
        (("--control", "--eight-bit"), {}, EVIL),
        ((), {"FINGER_GATEWAY_ASK": "control, eight-bit"}, EVIL),
        (("--no-control",), {"FINGER_GATEWAY_ASK": "control eight-bit"},
         b"Login: alice\ncaf\xc3\xa9\t\nna\xefve\n\x9b31mred"),
    ],
)  # fmt: skip
def test_F121_F122_what_reaches_the_terminal(
    tmp_path: Path, options: tuple[str, ...], environment: dict[str, str], expected: bytes
) -> None:
    with serving(lambda connection: connection.sendall(EVIL)) as port:
        words = [*COMMAND, "ask", *options, f"finger://127.0.0.1:{port}/alice"]
        ran = subprocess.run(
            words, cwd=tmp_path, env=os.environ | environment, capture_output=True, timeout=DEADLINE, check=True
        )
    assert (ran.stdout, ran.stderr) == (expected, b"")


def test_F121_it_shows_what_comes_as_it_comes_and_ctrl_c_ends_it_quietly() -> None:
    shown = threading.Event()

    def answer(connection: socket.socket) -> None:
        connection.sendall(b"one\r\ntw")
        assert shown.wait(DEADLINE)
        connection.sendall(b"o\r\n")
        connection.recv(1)  # until it goes

    with serving(answer) as port:
        process = asking(f"alice@127.0.0.1:{port}")
        assert process.stdout is not None
        assert process.stdout.readline() == b"one\n"
        shown.set()
        assert process.stdout.readline() == b"two\n"
        process.send_signal(signal.SIGINT)
        assert ended(process) == (1, "")


def test_F121_a_pipe_that_nobody_reads_any_more_ends_it_quietly() -> None:
    def answer(connection: socket.socket) -> None:
        while True:
            connection.sendall(b"x" * 78 + b"\r\n")

    with serving(answer) as port:
        process = asking(f"alice@127.0.0.1:{port}")
        assert process.stdout is not None
        process.stdout.readline()
        process.stdout.close()
        process.stdout = None
        assert ended(process) == (1, "")


def test_F121_an_answer_that_is_not_all_is_told(tmp_path: Path) -> None:
    def silent(connection: socket.socket) -> None:
        connection.sendall(b"half")
        connection.recv(1)

    def endless(connection: socket.socket) -> None:
        while True:
            connection.sendall(b"x" * 78 + b"\r\n")

    with serving(silent) as port:
        ran = run_command("ask", "--timeout", "0.5", f"alice@127.0.0.1:{port}", folder=tmp_path, code=69)
        assert (ran.out, ran.err) == ("half", f"127.0.0.1:{port}: the connection broke; the answer is incomplete\n")
    with serving(endless) as port:
        ran = run_command("ask", f"alice@127.0.0.1:{port}", folder=tmp_path, code=69)
        assert "longer than 1024 KiB" in ran.err and 1_000_000 < len(ran.out) < 1_050_000


def test_F121_a_mistake_is_told_with_what_is_allowed(tmp_path: Path) -> None:
    for bad, expected in (
        ("finger://127.0.0.1/alice%0d%0abob", "the name has several lines; it must be a single line"),
        ("finger://bob@127.0.0.1/alice", "the address has two names; write finger://host/name or finger://name@host"),
    ):
        assert expected in run_command("ask", bad, folder=tmp_path, code=2).err
    told = run_command("ask", "alice", folder=tmp_path, code=2, env={"FINGER_GATEWAY_ASK": "colour"}).err
    assert "$FINGER_GATEWAY_ASK: unknown option 'colour'; known: control, eight-bit" in told
    assert "nobody.invalid:79: no such host" in run_command(
        "ask", "alice@nobody.invalid", folder=tmp_path, code=69
    ).err  # fmt: skip
