"""A small finger server on plain sockets, one thread per connection, that passes every check of the conformance
suite.

It shares no code with the gateway, so that neither validates itself. broken_servers.py overrides single methods to
break single checks.
"""

import contextlib
import re
import socket
import threading
import time
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from urllib.parse import unquote

from tests.peers.gateway_process import free_port

PEOPLE = {"alice": "Alice Adams", "bob": "Bob Adams", "\u017eofie": "\u017dofie \u010cern\u00e1"}
OWN_NAMES = {"dir.test", "club.test", "localhost", "127.0.0.1", "[::1]", ""}
HELP = "Ask for a login or a full name, alone or behind /W; for nobody to see who is on."
HTTP_REPLY = "This is a finger server."
DENIED = "Finger forwarding service denied"
TOO_LONG = "Query too long."
TIMEOUT = "Input timeout."
TOO_MANY = "Too many connections, try again later."
TOO_OFTEN = "Too many queries, try again in 60 s."
SILENT_PREFIXES = (b"\x16\x03", b"\x00", b"\x03\x00")  # how TLS, SMB and RDP begin
IAC = re.compile(rb"\xff(?:[\xfb-\xfe].|[\xf0-\xfa])")


class PlainServer:
    """A server that listens on 127.0.0.1 and ::1 from its construction until close()."""

    read_timeout = 0.8  # seconds within which a line must arrive
    max_line_bytes = 530  # bytes of a line
    max_connections = 150
    max_queries = 400

    def __init__(self) -> None:
        self.port = free_port()
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._query_count = 0
        self._listening = [socket.create_server(("127.0.0.1", self.port), backlog=300)]
        six = socket.socket(socket.AF_INET6)
        six.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        six.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        six.bind(("::1", self.port))
        six.listen(300)
        self._listening.append(six)
        self._threads = [threading.Thread(target=self._accept, args=(each,)) for each in self._listening]
        for each in self._threads:
            each.start()

    def close(self) -> None:
        self.stop()
        with self._lock:
            for connection in self._open:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
        for each in self._threads:
            each.join(10.0)
            assert not each.is_alive()

    def stop(self) -> None:
        """Stop accepting connections."""
        for each in self._listening:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()

    def _accept(self, listening: socket.socket) -> None:
        with suppress(OSError):
            while True:
                connection, _ = listening.accept()
                with self._lock:
                    self._open.add(connection)
                    count = len(self._open)
                self.handle_connection(connection, count > self.max_connections)

    def handle_connection(self, connection: socket.socket, over_limit: bool) -> None:
        """Handle a new connection; *over_limit*: there are too many of them."""
        thread = threading.Thread(target=self.serve_and_close, args=(connection, over_limit))
        self._threads = [each for each in self._threads if each.is_alive()] + [thread]
        thread.start()

    def serve_and_close(self, connection: socket.socket, over_limit: bool) -> None:
        try:
            with suppress(OSError):
                self.serve_or_reject(connection, over_limit)
        finally:
            with self._lock:
                self._open.discard(connection)
            connection.close()

    def serve_or_reject(self, connection: socket.socket, over_limit: bool) -> None:
        if over_limit:
            self.reject(connection)
        else:
            self.serve(connection)
        self.finish(connection)

    def reject(self, connection: socket.socket) -> None:
        with suppress(TimeoutError):
            self.read(connection, 0.2)
        connection.sendall(self.encode(TOO_MANY))

    def serve(self, connection: socket.socket) -> None:
        try:
            line = self.read(connection, self.read_timeout)
        except TimeoutError:
            connection.sendall(self.encode(TIMEOUT))
        else:
            if line is not None:
                connection.sendall(self.reply(line))

    def read(self, connection: socket.socket, seconds: float) -> bytes | None:
        """Return the line without its end, or None if there was no query. Raise TimeoutError after *seconds*."""
        data, end = b"", time.monotonic() + seconds
        while b"\n" not in data and len(data) <= self.max_line_bytes and not data.startswith(SILENT_PREFIXES):
            connection.settimeout(max(0.001, end - time.monotonic()))
            part = connection.recv(4096)
            if not part:
                break
            data += part
        line = data.split(b"\n")[0].removesuffix(b"\r")
        return line if data and not data.startswith(SILENT_PREFIXES) else None

    def finish(self, connection: socket.socket) -> None:
        """Send FIN and read what still arrives, because a reset could destroy the answer."""
        connection.shutdown(socket.SHUT_WR)
        end, bytes_left = time.monotonic() + 1.0, 65536
        while bytes_left > 0 and (left := end - time.monotonic()) > 0:
            connection.settimeout(left)
            part = connection.recv(min(bytes_left, 4096))
            if not part:
                return
            bytes_left -= len(part)

    # answers

    def reply(self, line: bytes) -> bytes:
        """Return all bytes of the reply to *line*."""
        with self._lock:
            self._query_count += 1
            often = self._query_count > self.max_queries
        if often:
            return self.encode(TOO_OFTEN)
        if len(line) > self.max_line_bytes:
            return self.too_long()
        return self.answer(line)

    def too_long(self) -> bytes:
        return self.encode(TOO_LONG)

    def answer(self, line: bytes) -> bytes:
        if re.match(rb"(GET|HEAD|POST) \S+ HTTP/", line):
            return self.encode(HTTP_REPLY)
        return self.encode(self.answer_query(IAC.sub(b"", line).decode("utf-8", "replace")))

    def encode(self, text: str) -> bytes:
        """Return *text* as it is sent."""
        return "".join(line + "\r\n" for line in text.split("\n")).encode()

    def answer_query(self, query: str) -> str:
        """Return the answer to a query in the forms of RFC 1288 section 2.3 and those that people use."""
        text = query.replace("\t", " ").strip(" ")
        long = False
        if match := re.fullmatch(r"(?i)/w(?: +(.*))?|(.*\S) +/w", text):
            long, text = True, match[1] or match[2] or ""
        elif match := re.fullmatch(r"/\S+ +(\S.*)", text):
            text = match[1]
        text = re.sub(r"^finger://([^/@]+)/(.+)$", r"\2@\1", re.sub(r"^(acct|mailto):", "", text)).removeprefix("~")
        handle = re.fullmatch(r"@([^@]+@[^@]+)", text)
        if handle:
            text = handle[1]
        while "@" in text:
            text, _, host = text.rpartition("@")
            if host.lower().removesuffix(".") not in OWN_NAMES:
                return DENIED
        return self.answer_names(text, long) if text else self.list_users()

    def list_users(self) -> str:
        rows = [f"{login:10}{name:20}{'0':>4}  10:00" for login, name in PEOPLE.items()]
        return "\n".join([f"{'Login':10}{'Name':20}Idle  When", *rows])

    def answer_names(self, text: str, long: bool) -> str:
        """Return the answers for a name, or for several."""
        for name in (text, unquote(text)):
            if found := self.find(name):
                return "\n\n".join(self.describe(login, long) for login in found)
        if text in ("help", "?"):
            return HELP
        names = re.split("[, ]+", text)[:4]
        if len(names) > 1 and any(self.find(name) for name in names):
            return "\n\n".join(self.answer_names(name, long) for name in names)
        return self.not_found(text)

    def find(self, name: str) -> list[str]:
        """Return the logins that *name* matches."""
        plain = unicodedata.normalize("NFC", name).lower()
        if plain in PEOPLE:
            return [plain]
        return [login for login, full in PEOPLE.items() if plain in (full.lower(), full.lower().split()[-1])]

    def describe(self, login: str, long: bool) -> str:
        lines = [
            f"Login: {login:24}Name: {PEOPLE[login]}",
            "On since Mon 10:00, idle 0 minutes",
            "Plan:",
            "Tea at four.",
        ]
        return "\n".join([*lines, "Project:", "Blend"] if long else lines)

    def not_found(self, name: str) -> str:
        return f"{self.sanitize_name(name)}: no such user"

    def sanitize_name(self, name: str) -> str:
        return "".join(letter for letter in name if letter.isprintable())[:64]


@contextmanager
def run_server(kind: type[PlainServer]) -> Iterator[PlainServer]:
    """Run a server of *kind*."""
    with contextlib.closing(kind()) as server:
        yield server
