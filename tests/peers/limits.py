"""Helpers for tests of limits: an installation with given limits, raw bytes to a port and all that comes back, and
the descriptors that the gateway has open."""

import socket
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from tests.peers.gateway_process import DEADLINE, Installation, make_installation
from tests.unit.fixtures import PEOPLE

FRANK = {"login": "frank", "name": "Frank", "plan": "".join(f"{n:06} {'x' * 92}\n" for n in range(1000))}


def make_limited_installation(
    folder: Path, limits: str, people: Sequence[dict[str, Any]] = (*PEOPLE, FRANK), **replacements: tuple[str, str]
) -> Installation:
    """Create an installation with the [limits] *limits*. Each of *replacements* is (old, new) in its other settings."""
    installation = make_installation(folder, people=people)
    text = installation.settings.read_text().partition("[limits]")[0] + f"[limits]\n{limits}\n"
    for old, new in replacements.values():
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    installation.settings.write_text(text)
    return installation


def send_and_read(port: int, *parts: bytes, host: str = "127.0.0.1", source: str | None = None) -> bytes:
    """Send *parts* and return all that comes back until the other side's FIN. A reset raises ConnectionResetError."""
    with connect(port, host, source) as client:
        for part in parts:
            client.sendall(part)
        return read_to_end(client)


def connect(port: int, host: str = "127.0.0.1", source: str | None = None, receive_buffer: int = 0) -> socket.socket:
    client = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    client.settimeout(DEADLINE)
    if receive_buffer:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    if source is not None:
        client.bind((source, 0))
    client.connect((host, port))
    return client


def read_to_end(client: socket.socket) -> bytes:
    """Return all data until the other side's FIN."""
    return b"".join(iter(lambda: client.recv(65536), b""))


def list_open_files(process: int) -> list[str]:
    """Return the targets of the descriptors of *process*."""
    found: list[str] = []
    for each in Path(f"/proc/{process}/fd").iterdir():
        with suppress(FileNotFoundError):
            found.append(str(each.readlink()))
    return found


def count_sockets(process: int) -> int:
    """Return how many sockets *process* has open."""
    return sum(each.startswith("socket:") for each in list_open_files(process))
