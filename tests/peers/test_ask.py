"""`finger-gateway ask` as people use it: what reaches a terminal, when, and how it ends."""

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
def run_server(answer: Callable[[socket.socket], object], count: int = 1) -> Iterator[int]:
    """Accept *count* connections in turn, read a line of each, pass it to *answer* and close it. Yield the port."""
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


def start_ask(*arguments: str) -> "subprocess.Popen[bytes]":
    return subprocess.Popen([*COMMAND, "ask", *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def wait_for_end(process: "subprocess.Popen[bytes]") -> tuple[int, str]:
    """Return the exit code and the standard error."""
    _, reply = process.communicate(timeout=DEADLINE)
    assert_clean_log(reply.decode())
    return process.returncode, reply.decode()


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
    with run_server(lambda connection: connection.sendall(EVIL)) as port:
        words = [*COMMAND, "ask", *options, f"finger://127.0.0.1:{port}/alice"]
        ran = subprocess.run(
            words, cwd=tmp_path, env=os.environ | environment, capture_output=True, timeout=DEADLINE, check=True
        )
    assert (ran.stdout, ran.stderr) == (expected, b"")


def test_F121_output_is_streamed_and_ctrl_c_ends_quietly() -> None:
    shown = threading.Event()

    def answer(connection: socket.socket) -> None:
        connection.sendall(b"one\r\ntw")
        assert shown.wait(DEADLINE)
        connection.sendall(b"o\r\n")
        connection.recv(1)  # until it goes

    with run_server(answer) as port:
        process = start_ask(f"alice@127.0.0.1:{port}")
        assert process.stdout is not None
        assert process.stdout.readline() == b"one\n"
        shown.set()
        assert process.stdout.readline() == b"two\n"
        process.send_signal(signal.SIGINT)
        assert wait_for_end(process) == (1, "")


def test_F121_a_closed_output_pipe_ends_quietly() -> None:
    def answer(connection: socket.socket) -> None:
        while True:
            connection.sendall(b"x" * 78 + b"\r\n")

    with run_server(answer) as port:
        process = start_ask(f"alice@127.0.0.1:{port}")
        assert process.stdout is not None
        process.stdout.readline()
        process.stdout.close()
        process.stdout = None
        assert wait_for_end(process) == (1, "")


def test_F121_an_incomplete_answer_is_reported(tmp_path: Path) -> None:
    def send_half(connection: socket.socket) -> None:
        connection.sendall(b"half")
        connection.recv(1)

    def send_forever(connection: socket.socket) -> None:
        while True:
            connection.sendall(b"x" * 78 + b"\r\n")

    with run_server(send_half) as port:
        ran = run_command("ask", "--timeout", "0.5", f"alice@127.0.0.1:{port}", folder=tmp_path, code=69)
        assert (ran.out, ran.err) == ("half", f"127.0.0.1:{port}: the connection broke; the answer is incomplete\n")
    with run_server(send_forever) as port:
        ran = run_command("ask", f"alice@127.0.0.1:{port}", folder=tmp_path, code=69)
        assert "longer than 1024 KiB" in ran.err and 1_000_000 < len(ran.out) < 1_050_000


def test_F121_an_invalid_argument_is_reported_with_the_valid_ones(tmp_path: Path) -> None:
    for bad, expected in (
        ("finger://127.0.0.1/alice%0d%0abob", "the name has several lines; it must be a single line"),
        ("finger://bob@127.0.0.1/alice", "the address has two names; write finger://host/name or finger://name@host"),
    ):
        assert expected in run_command("ask", bad, folder=tmp_path, code=2).err
    output = run_command("ask", "alice", folder=tmp_path, code=2, env={"FINGER_GATEWAY_ASK": "colour"}).err
    assert "$FINGER_GATEWAY_ASK: unknown option 'colour'; known: control, eight-bit" in output
    assert "nobody.invalid:79: no such host" in run_command(
        "ask", "alice@nobody.invalid", folder=tmp_path, code=69
    ).err  # fmt: skip
