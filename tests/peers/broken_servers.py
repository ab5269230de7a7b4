"""Finger servers that are broken on purpose: for each conformance check, one that fails just that check.

SERVERS holds them by check id. Each is plain_server.py's PlainServer with a few changes; if that one does not show
what a check needs, BASES holds the server to compare with.
"""

import re
import socket
import struct
import unicodedata
from collections.abc import Callable
from contextlib import suppress

from tests.peers.plain_server import DENIED, PEOPLE, PlainServer

SERVERS: dict[str, type[PlainServer]] = {}
BASES: dict[str, type[PlainServer]] = {}
NO_SUCH_USER = "no such user"


def fails_checks(*names: str) -> Callable[[type[PlainServer]], type[PlainServer]]:
    """Register the class as the server that fails the checks *names*."""

    def register(kind: type[PlainServer]) -> type[PlainServer]:
        SERVERS.update(dict.fromkeys(names, kind))
        return kind

    return register


# Servers that answer some lines wrongly and all others correctly.


def _answers_with(test: Callable[[bytes], object], reply: Callable[[bytes], str | bytes]) -> type[PlainServer]:
    class Instead(PlainServer):
        def answer(self, line: bytes) -> bytes:
            if not test(line):
                return super().answer(line)
            reply_text = reply(line)
            return reply_text if isinstance(reply_text, bytes) else self.encode(reply_text)

    return Instead


def _has(pattern: bytes) -> Callable[[bytes], object]:
    return lambda line: re.search(pattern, line)


def _one_of(*lines: bytes) -> Callable[[bytes], object]:
    return lambda line: line in lines


def _decomposed(line: bytes) -> bool:
    text = line.decode("utf-8", "replace")
    return unicodedata.normalize("NFC", text) != text


# Lines that are answered as if they named a missing person.
ANSWERED_AS_MISSING: dict[str, Callable[[bytes], object]] = {
    "F041": _one_of(b"/W"),
    "F042": _one_of(b"/W "),
    "F043": _has(rb"\A +\Z"),
    "F044": _one_of(b"alice"),
    "F045": _one_of(b"/W alice"),
    "F046": _has(rb"\A/w "),
    "F047": _has(rb"\A/W {2,}\S"),
    "F048": _has(rb"\t"),
    "F049": _has(rb"\A \S"),
    "F050": _has(rb"\S +\Z"),
    "F051": _has(rb" /W\Z"),
    "F053": _has(rb"\A/PULL"),
    "F055": _has(rb","),
    "F056": _has(rb"\A\w+ \w+\Z"),
    "F057": _one_of(b"Alice Adams"),
    "F058": _has(rb"\A[A-Z]+\Z"),
    "F059": _one_of(b"Adams"),
    "F061": _decomposed,
    "F062": _has(rb"\A%.."),
    "F063": _has(rb"\A~"),
    "F064": _has(rb"\Aacct:"),
    "F065": _one_of(b"help", b"?"),
    "F068": _has(rb"\A\xff"),
    "F076": _has(rb"\A\w+@other\.test\Z"),
    "F077": _has(rb"@\w+\.test@\w+\.test\Z"),
    "F078": _has(rb"alice@dir\.test\Z"),
    "F079": _one_of(b"@dir.test", b"/W @dir.test"),
    "F080": _has(rb"@DIR"),
    "F081": _has(rb"@club"),
    "F082": _has(rb"@other\.test@dir"),
    "F083": _has(rb"@\Z"),
    "F085": _has(rb"\A@alice@"),
}
SERVERS.update({name: _answers_with(test, lambda _: NO_SUCH_USER) for name, test in ANSWERED_AS_MISSING.items()})

# Lines that get a wrong answer.
ANSWERED_WRONGLY: dict[str, tuple[Callable[[bytes], object], Callable[[bytes], str | bytes]]] = {
    "F029": (_has(rb"\x1b"), lambda line: line + b": no such user\r\n"),
    "F031": (_has(rb"[\x07\x08\x7f\x0b]"), lambda line: re.sub(rb"\x1b", b"", line) + b": no such user\r\n"),
    "F038": (_one_of(b"/W"), lambda _: b""),
    "F039": (_one_of(b""), lambda _: b""),
    "F054": (_has(rb"\A-"), lambda _: "Usage: finger [-lmsp] [user ...]"),
    "F060": (_one_of(b"*"), lambda _: "\n".join(f"{login}  {name}" for login, name in PEOPLE.items())),
    "F066": (_has(rb"x{65}"), lambda line: line.decode() + ": no such user"),
    "F067": (_has(rb"\xff"), lambda _: b""),
    "F070": (lambda line: len(line) > 500, lambda _: "Query too long."),
    "F073": (_has(rb"\AGET "), lambda line: "\n".join(f"{word.decode()}: no such user" for word in line.split())),
    "F094": (_one_of(b""), lambda _: b"\r\n"),
    "F095": (_one_of(b""), lambda _: NO_SUCH_USER),
    "F100": (_has(rb"\A/W "), lambda _: "Login: alice  Name: Alice Adams"),
    "F103": (_one_of(b"root"), lambda _: "Login: root  Name: root"),
    "F108": (_has(rb"passwd"), lambda _: "root:x:0:0:root:/root:/bin/bash"),
    "F113": (_has(rb"id\b"), lambda _: "uid=65534(nobody) gid=65534(nogroup)"),
    "F116": (_has(rb"fake"), lambda line: line.replace(b"\x1b", b"") + b": no such user\r\n"),
    "F120": (_has(rb"[\x80-\xff]{3}"), lambda line: line + b": no such user\r\n"),
}  # fmt: skip
SERVERS.update({name: _answers_with(*each) for name, each in ANSWERED_WRONGLY.items()})


# Servers that handle connections wrongly.


@fails_checks("F001")
class TalksFirst(PlainServer):
    def serve(self, connection: socket.socket) -> None:
        connection.sendall(b"Welcome\r\n")
        super().serve(connection)


@fails_checks("F002")
class ClosesWithReset(PlainServer):
    def finish(self, connection: socket.socket) -> None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


class ReadsOneSegment(PlainServer):
    """Treat the first segment as the complete input."""

    def read(self, connection: socket.socket, seconds: float) -> bytes | None:
        connection.settimeout(seconds)
        return connection.recv(65536) or None


@fails_checks("F003")
class AnswersEachLine(ReadsOneSegment):
    def answer(self, line: bytes) -> bytes:
        lines = re.split(rb"\r?\n", line.removesuffix(b"\n").removesuffix(b"\r"))
        return b"".join(super(AnswersEachLine, self).answer(each) for each in lines)


@fails_checks("F004", "F005")
class AnswersSegments(ReadsOneSegment):
    def answer(self, line: bytes) -> bytes:
        return super().answer(line.split(b"\n")[0].removesuffix(b"\r"))


@fails_checks("F006")
class WaitsForCR(PlainServer):
    def read(self, connection: socket.socket, seconds: float) -> bytes | None:
        connection.settimeout(seconds)
        data = b""
        while b"\r\n" not in data:
            part = connection.recv(4096)
            if not part:
                return data or None
            data += part
        return data.split(b"\r\n")[0]


@fails_checks("F040")
class LinesEndWithCR(PlainServer):
    def read(self, connection: socket.socket, seconds: float) -> bytes | None:
        connection.settimeout(seconds)
        data = connection.recv(4096)
        return b"unended" if data == b"\n" else data.split(b"\n")[0].removesuffix(b"\r") if data else None


class DetectsHalfClose(PlainServer):
    """Detect whether the client has shut its side; lines must arrive in one segment."""

    def read(self, connection: socket.socket, seconds: float) -> bytes | None:
        connection.settimeout(seconds)
        data = connection.recv(4096)
        ended = not data
        with suppress(TimeoutError):
            connection.settimeout(0.5)
            ended = not connection.recv(4096)
        return self.line_at_eof(data) if ended else data.split(b"\n")[0].removesuffix(b"\r")

    def line_at_eof(self, data: bytes) -> bytes | None:
        raise NotImplementedError


@fails_checks("F007")
class RequiresLineEnd(DetectsHalfClose):
    def line_at_eof(self, data: bytes) -> bytes | None:
        return data.split(b"\n")[0].removesuffix(b"\r") if b"\n" in data else None


@fails_checks("F008")
class ClosesOnHalfClose(DetectsHalfClose):
    def line_at_eof(self, data: bytes) -> bytes | None:
        return None


@fails_checks("F009")
class AnswersNothing(PlainServer):
    def read(self, connection: socket.socket, seconds: float) -> bytes | None:
        return super().read(connection, seconds) or b""


class ServesOneAtATime(PlainServer):
    """Serve one client at a time."""

    def handle_connection(self, connection: socket.socket, over_limit: bool) -> None:
        self.serve_and_close(connection, over_limit)


@fails_checks("F010")
class StopsOnReset(ServesOneAtATime):
    def serve_and_close(self, connection: socket.socket, over_limit: bool) -> None:
        try:
            self.serve_or_reject(connection, over_limit)
        except ConnectionError:
            self.stop()
        finally:
            connection.close()


@fails_checks("F011")
class HasNoTimeout(PlainServer):
    read_timeout = 60.0


@fails_checks("F012")
class RestartsTimeoutPerByte(PlainServer):
    def read(self, connection: socket.socket, seconds: float) -> bytes | None:
        connection.settimeout(2.3)
        data = b""
        while b"\n" not in data:
            part = connection.recv(1)
            if not part:
                break
            data += part
        return data or None


class HasLongTimeout(PlainServer):
    read_timeout = 10.0


BASES.update(F014=HasLongTimeout, F015=HasLongTimeout)


@fails_checks("F014")
class BlocksOnIdleClient(ServesOneAtATime):
    read_timeout = 10.0


@fails_checks("F015", "F016")
class HasNoLimits(HasLongTimeout):
    max_connections = max_queries = 1_000_000


@fails_checks("F017")
class DiffersOnIPv6(PlainServer):
    def serve(self, connection: socket.socket) -> None:
        if connection.family == socket.AF_INET:
            super().serve(connection)
        else:
            connection.sendall(b"Hello 0.0.0.0\r\n")


@fails_checks("F019")
class TrustsProxyHeader(ReadsOneSegment):
    def answer(self, line: bytes) -> bytes:
        return super().answer(re.sub(rb"\APROXY [^\n]*\n", b"", line).split(b"\n")[0].removesuffix(b"\r"))


@fails_checks("F071")
class ClosesOnLongLine(PlainServer):
    def too_long(self) -> bytes:
        return b""


@fails_checks("F072")
class ReadsEverything(PlainServer):
    def read(self, connection: socket.socket, seconds: float) -> bytes | None:
        connection.settimeout(3.0)
        data = bytearray()
        while b"\n" not in data[-65536:]:
            part = connection.recv(65536)
            if not part:
                break
            data += part
        return bytes(data[:500].split(b"\n")[0].removesuffix(b"\r")) or None


class StopsOn(ServesOneAtATime):
    pattern = b""

    def read(self, connection: socket.socket, seconds: float) -> bytes | None:
        connection.settimeout(seconds)
        data = connection.recv(4096)
        if re.search(self.pattern, data):
            self.stop()
            raise OSError("dead")
        return data.split(b"\n")[0].removesuffix(b"\r") if data else None


@fails_checks("F074")
class StopsOnTLS(StopsOn):
    pattern = rb"\A\x16\x03"


@fails_checks("F084")
class StopsOnManyHosts(StopsOn):
    pattern = rb"(@h){100}"


@fails_checks("F075")
class AnswersLastName(ReadsOneSegment):
    def answer(self, line: bytes) -> bytes:
        return super().answer(line.split(b"\r\n")[-3] if line.count(b"\r\n") > 1 else line.removesuffix(b"\r\n"))


# Servers whose texts are wrong.


@fails_checks("F022")
class SendsBareLF(PlainServer):
    def encode(self, text: str) -> bytes:
        return super().encode(text).replace(b"\r\n", b"\n")


@fails_checks("F025")
class SendsLatin1(PlainServer):
    def answer(self, line: bytes) -> bytes:
        return super().answer(line).decode().encode("latin-1", "replace") if line else super().answer(line)

    def sanitize_name(self, name: str) -> str:
        return "\u00ab" + super().sanitize_name(name) + "\u00bb"


@fails_checks("F027")
class SendsOnlyASCII(PlainServer):
    def encode(self, text: str) -> bytes:
        return super().encode(text.encode("ascii", "replace").decode())


class Echoes(PlainServer):
    allowed = ""

    def sanitize_name(self, name: str) -> str:
        return "".join(letter for letter in name if letter.isprintable() or letter in self.allowed)[:64]


@fails_checks("F030")
class EchoesC1(Echoes):
    allowed = "\x9b"


@fails_checks("F033")
class EchoesBidi(Echoes):
    allowed = "\u202e\u2066"


@fails_checks("F052")
class AcceptsSwitchWithoutBlank(PlainServer):
    def answer_query(self, query: str) -> str:
        return super().answer_query(re.sub(r"\A/W(?=\S)", "/W ", query))


@fails_checks("F069")
class EndsAtNUL(PlainServer):
    def answer(self, line: bytes) -> bytes:
        return super().answer(line.split(b"\0")[0])


@fails_checks("F086")
class RelaysMail(PlainServer):
    def answer_query(self, query: str) -> str:
        return super().answer_query(re.sub(r"\A.*!|%other.*", "", query))


@fails_checks("F092")
class ListsOnlyLogins(PlainServer):
    def list_users(self) -> str:
        return "\n".join(["Login     Name", *PEOPLE])


class RefusesList(PlainServer):
    def list_users(self) -> str:
        return DENIED.replace("forwarding service", "online user list")


BASES["F095"] = RefusesList


@fails_checks("F096")
class OmitsNames(PlainServer):
    def describe(self, login: str, long: bool) -> str:
        return super().describe(login, long).replace(PEOPLE[login], login)


@fails_checks("F097")
class ListShowsMore(PlainServer):
    def list_users(self) -> str:
        return super().list_users().replace("10:00", "kitchen")


@fails_checks("F098")
class OmitsStatus(PlainServer):
    def describe(self, login: str, long: bool) -> str:
        return super().describe(login, long).replace("On since", "Tea since")


@fails_checks("F102")
class NotFoundTextsDiffer(PlainServer):
    def not_found(self, name: str) -> str:
        return super().not_found(name) + "." * (sum(name.encode()) % 7)


@fails_checks("F104")
class ShowsPaths(PlainServer):
    def describe(self, login: str, long: bool) -> str:
        return f"Directory: /home/{login}  Shell: /bin/bash\n{super().describe(login, long)}"
