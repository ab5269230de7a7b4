"""Bytes to and from a server on blocking sockets: exact about segments, FIN, RST and time.

It interprets nothing, and raises nothing once connected: how a connection ends is a value.
"""

import select
import socket
import struct
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

End = Literal["closed", "reset", "open", "unreachable"]
QUIET_TIMEOUT = 1.0  # seconds without a byte after which a reply counts as complete
DRAIN_TIMEOUT = 0.2  # extra seconds for bytes that have arrived already
CHUNK_BYTES = 65536
MAX_KEPT_BYTES = 256 * 1024  # of a reply; cut at the end of a line, if it has any
MAX_REPLY_BYTES = 16 * 1024 * 1024  # after which reading stops


@dataclass(frozen=True, slots=True)
class ServerReply:
    """What came back for *sent*.

    *end* is how the server ended the connection, "open" if it did not in time. *seconds* is the time from the last byte
    sent to that end, or to the last byte received.
    """

    sent: bytes
    data: bytes
    end: End
    seconds: float


@dataclass(frozen=True, slots=True)
class ServerAddress:
    """Where to connect to."""

    family: socket.AddressFamily
    sockaddr: tuple[str, int]

    @property
    def host(self) -> str:
        return self.sockaddr[0]


def resolve(host: str, port: int) -> list[ServerAddress]:
    """Return all addresses of *host*. Raises OSError if it has none."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [ServerAddress(family, (str(sockaddr[0]), int(sockaddr[1]))) for family, _, _, _, sockaddr in found]


class Connection:
    """One connection. Raises OSError if it cannot be made."""

    def __init__(self, address: ServerAddress, seconds: float) -> None:
        self._socket = socket.socket(address.family, socket.SOCK_STREAM)
        self._socket.settimeout(seconds)
        try:
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._socket.connect(address.sockaddr)
        except OSError:
            self._socket.close()
            raise
        self.end: End = "open"
        self.data = b""
        self.sent = b""
        self._received = 0

    def __enter__(self) -> "Connection":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def send(self, data: bytes) -> None:
        """Send one segment, if *data* fits into one."""
        if self.end == "reset":
            return
        try:
            self._socket.sendall(data)
            self.sent += data
        except TimeoutError:
            pass  # the server does not read; it may still send something
        except OSError:
            self._receive()
            self.end = "reset" if self.end == "open" else self.end

    def send_much(self, data: bytes, seconds: float) -> int:
        """Send much data, reading meanwhile, for at most *seconds*; return how many bytes were sent."""
        deadline = time.monotonic() + seconds
        sent_bytes = 0
        self._socket.setblocking(False)
        while sent_bytes < len(data) and self.end == "open" and (left := deadline - time.monotonic()) > 0:
            readable, writable, _ = select.select([self._socket], [self._socket], [], left)
            if readable:
                self._receive()
            elif writable:
                try:
                    sent_bytes += self._socket.send(data[sent_bytes : sent_bytes + CHUNK_BYTES])
                except OSError:
                    self._receive()
                    self.end = "reset" if self.end == "open" else self.end
        self._socket.setblocking(True)
        self.sent += data[:sent_bytes]
        return sent_bytes

    def shut_down(self) -> None:
        """Send FIN."""
        try:
            self._socket.shutdown(socket.SHUT_WR)
        except OSError:
            self._receive()

    def read(self, seconds: float, quiet: float | None = None) -> ServerReply:
        """Read until the server ends, at most *seconds*, and at most *quiet* seconds without a byte after the first one."""
        began = last = time.monotonic()
        while self.end == "open" and self._received < MAX_REPLY_BYTES:
            now = time.monotonic()
            until = min(began + seconds, last + quiet) if quiet is not None and self.data else began + seconds
            if now > until + DRAIN_TIMEOUT or not select.select([self._socket], [], [], max(0.0, until - now))[0]:
                break
            self._receive()
            last = time.monotonic()
        return ServerReply(self.sent, self.data, self.end, last - began)

    def reset(self) -> None:
        """Close with RST."""
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._socket.close()

    def close(self) -> None:
        self._socket.close()

    def _receive(self) -> None:
        try:
            part = self._socket.recv(CHUNK_BYTES)
        except (BlockingIOError, TimeoutError):
            return
        except OSError:
            self.end = "reset"
            return
        if self._received <= MAX_KEPT_BYTES:
            self.data = _whole_lines(self.data + part)
        self._received += len(part)
        if not part:
            self.end = "closed"


def _whole_lines(data: bytes) -> bytes:
    """Return as much of *data* as is kept."""
    if len(data) <= MAX_KEPT_BYTES:
        return data
    return data[: data.rfind(b"\n", 0, MAX_KEPT_BYTES) + 1] or data[:MAX_KEPT_BYTES]


def exchange(
    address: ServerAddress, segments: Sequence[bytes], seconds: float, apart: float = 0.0, quiet: float = QUIET_TIMEOUT
) -> ServerReply:
    """Send *segments* one by one, *apart* seconds between them, and return the reply."""
    try:
        with Connection(address, seconds) as connection:
            for number, segment in enumerate(segments):
                if number and apart:
                    time.sleep(apart)
                connection.send(segment)
            return connection.read(seconds, quiet)
    except OSError:
        return ServerReply(b"".join(segments), b"", "unreachable", 0.0)


def exchange_half_closed(
    address: ServerAddress, data: bytes, seconds: float, quiet: float = QUIET_TIMEOUT
) -> ServerReply:
    """Send *data* and FIN, and return the reply."""
    try:
        with Connection(address, seconds) as connection:
            if data:
                connection.send(data)
            connection.shut_down()
            return connection.read(seconds, quiet)
    except OSError:
        return ServerReply(data, b"", "unreachable", 0.0)
