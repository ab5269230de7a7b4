"""Bytes to and from a server on blocking sockets: exact about segments, about FIN and RST, and about time. It judges
nothing, and raises nothing once connected: however a connection ends is a value."""

import select
import socket
import struct
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

End = Literal["closed", "reset", "open", "unreachable"]
QUIET = 1.0  # seconds without a byte until a reply that has begun counts as all there is
SOME = 0.2  # seconds to take what has come already
CHUNK = 65536
MOST = 256 * 1024  # bytes of a reply that are kept, in whole lines where it has any
ENDLESS = 16 * 1024 * 1024  # bytes after which it counts as one without an end


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back for *sent*; *end*: how the server's side ended, "open" where it did not in time; *seconds*: from the
    last byte sent to that end, or to the last byte received."""

    sent: bytes
    data: bytes
    end: End
    seconds: float


@dataclass(frozen=True, slots=True)
class Address:
    """Where to connect to."""

    family: socket.AddressFamily
    place: tuple[str, int]

    @property
    def host(self) -> str:
        return self.place[0]


def addresses(host: str, port: int) -> list[Address]:
    """All addresses of *host*. Raises OSError where it has none."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [Address(family, (str(place[0]), int(place[1]))) for family, _, _, _, place in found]


class Connection:
    """One connection. Raises OSError where none can be made."""

    def __init__(self, address: Address, seconds: float, receive_buffer: int = 0) -> None:
        self._socket = socket.socket(address.family, socket.SOCK_STREAM)
        self._socket.settimeout(seconds)
        try:
            if receive_buffer:
                self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._socket.connect(address.place)
        except OSError:
            self._socket.close()
            raise
        self.end: End = "open"
        self.data = b""
        self.sent = b""
        self._came = 0

    def __enter__(self) -> "Connection":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def send(self, data: bytes) -> None:
        """One segment, where it fits into one."""
        if self.end == "reset":
            return
        try:
            self._socket.sendall(data)
            self.sent += data
        except TimeoutError:
            pass  # they do not read: what they say meanwhile is another matter
        except OSError:
            self._receive()
            self.end = "reset" if self.end == "open" else self.end

    def pour(self, data: bytes, seconds: float) -> int:
        """Sends much, reading meanwhile, until it is sent, the server ends, or *seconds* are over. Gives how much went."""
        deadline = time.monotonic() + seconds
        gone = 0
        self._socket.setblocking(False)
        while gone < len(data) and self.end == "open" and (left := deadline - time.monotonic()) > 0:
            readable, writable, _ = select.select([self._socket], [self._socket], [], left)
            if readable:
                self._receive()
            elif writable:
                try:
                    gone += self._socket.send(data[gone : gone + CHUNK])
                except OSError:
                    self._receive()
                    self.end = "reset" if self.end == "open" else self.end
        self._socket.setblocking(True)
        self.sent += data[:gone]
        return gone

    def shut(self) -> None:
        """FIN from our side."""
        try:
            self._socket.shutdown(socket.SHUT_WR)
        except OSError:
            self._receive()

    def read(self, seconds: float, quiet: float | None = None) -> Reply:
        """What comes until the server ends, for at most *seconds*, and not longer than *quiet* without a byte once there
        was one."""
        began = last = time.monotonic()
        while self.end == "open" and self._came < ENDLESS:
            now = time.monotonic()
            until = min(began + seconds, last + quiet) if quiet is not None and self.data else began + seconds
            if now > until + SOME or not select.select([self._socket], [], [], max(0.0, until - now))[0]:
                break
            self._receive()
            last = time.monotonic()
        return Reply(self.sent, self.data, self.end, last - began)

    def reset(self) -> None:
        """RST from our side."""
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._socket.close()

    def close(self) -> None:
        self._socket.close()

    def _receive(self) -> None:
        try:
            part = self._socket.recv(CHUNK)
        except (BlockingIOError, TimeoutError):
            return
        except OSError:
            self.end = "reset"
            return
        if self._came <= MOST:
            self.data = _whole_lines(self.data + part)
        self._came += len(part)
        if not part:
            self.end = "closed"


def _whole_lines(data: bytes) -> bytes:
    """*data*, or as much of it as is kept."""
    if len(data) <= MOST:
        return data
    return data[: data.rfind(b"\n", 0, MOST) + 1] or data[:MOST]


def exchange(
    address: Address, segments: Sequence[bytes], seconds: float, apart: float = 0.0, quiet: float = QUIET
) -> Reply:
    """The reply to *segments*, each sent by itself, *apart* seconds between them."""
    try:
        with Connection(address, seconds) as connection:
            for number, segment in enumerate(segments):
                if number and apart:
                    time.sleep(apart)
                connection.send(segment)
            return connection.read(seconds, quiet)
    except OSError:
        return Reply(b"".join(segments), b"", "unreachable", 0.0)


def half_closed(address: Address, data: bytes, seconds: float, quiet: float = QUIET) -> Reply:
    """The reply to *data* with FIN behind it."""
    try:
        with Connection(address, seconds) as connection:
            if data:
                connection.send(data)
            connection.shut()
            return connection.read(seconds, quiet)
    except OSError:
        return Reply(data, b"", "unreachable", 0.0)
