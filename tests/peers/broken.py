"""Finger servers that fail on purpose: for each check of the conformance suite one that breaks just what it looks at.

SERVERS has them by the id of the check. Each is plain_server.py's Server with a few lines of its own; where that one does
not do what a check needs, BASES has the one to compare with.
"""

import re
import socket
import struct
import unicodedata
from collections.abc import Callable
from contextlib import suppress

from tests.peers.plain_server import DENIED, PEOPLE, Server

SERVERS: dict[str, type[Server]] = {}
BASES: dict[str, type[Server]] = {}
NOBODY = "no such user"


def breaks(*names: str) -> Callable[[type[Server]], type[Server]]:
    """The class is what breaks the checks of *names*."""

    def keep(kind: type[Server]) -> type[Server]:
        SERVERS.update(dict.fromkeys(names, kind))
        return kind

    return keep


# Those that answer some lines otherwise, and all others well.


def _instead(test: Callable[[bytes], object], reply: Callable[[bytes], str | bytes]) -> type[Server]:
    class Instead(Server):
        def answer(self, line: bytes) -> bytes:
            if not test(line):
                return super().answer(line)
            said = reply(line)
            return said if isinstance(said, bytes) else self.put(said)

    return Instead


def _has(pattern: bytes) -> Callable[[bytes], object]:
    return lambda line: re.search(pattern, line)


def _one_of(*lines: bytes) -> Callable[[bytes], object]:
    return lambda line: line in lines


def _decomposed(line: bytes) -> bool:
    text = line.decode("utf-8", "replace")
    return unicodedata.normalize("NFC", text) != text


# Lines that are taken for the name of somebody who is not there.
UNKNOWN: dict[str, Callable[[bytes], object]] = {
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
SERVERS.update({name: _instead(test, lambda _: NOBODY) for name, test in UNKNOWN.items()})

# Lines that are answered as they should not be.
WRONG: dict[str, tuple[Callable[[bytes], object], Callable[[bytes], str | bytes]]] = {
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
    "F095": (_one_of(b""), lambda _: NOBODY),
    "F100": (_has(rb"\A/W "), lambda _: "Login: alice  Name: Alice Adams"),
    "F103": (_one_of(b"root"), lambda _: "Login: root  Name: root"),
    "F108": (_has(rb"passwd"), lambda _: "root:x:0:0:root:/root:/bin/bash"),
    "F113": (_has(rb"id\b"), lambda _: "uid=65534(nobody) gid=65534(nogroup)"),
    "F116": (_has(rb"fake"), lambda line: line.replace(b"\x1b", b"") + b": no such user\r\n"),
    "F120": (_has(rb"[\x80-\xff]{3}"), lambda line: line + b": no such user\r\n"),
}  # fmt: skip
SERVERS.update({name: _instead(*each) for name, each in WRONG.items()})


# Those that treat a connection badly.


@breaks("F001")
class TalksFirst(Server):
    def serve(self, connection: socket.socket) -> None:
        connection.sendall(b"Welcome\r\n")
        super().serve(connection)


@breaks("F002")
class Resets(Server):
    def part(self, connection: socket.socket) -> None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


class ReadsWhatCame(Server):
    """Takes what comes at once for all there is."""

    def read(self, connection: socket.socket, seconds: float) -> bytes | None:
        connection.settimeout(seconds)
        return connection.recv(65536) or None


@breaks("F003")
class AnswersEachLine(ReadsWhatCame):
    def answer(self, line: bytes) -> bytes:
        lines = re.split(rb"\r?\n", line.removesuffix(b"\n").removesuffix(b"\r"))
        return b"".join(super(AnswersEachLine, self).answer(each) for each in lines)


@breaks("F004", "F005")
class AnswersSegments(ReadsWhatCame):
    def answer(self, line: bytes) -> bytes:
        return super().answer(line.split(b"\n")[0].removesuffix(b"\r"))


@breaks("F006")
class WaitsForCR(Server):
    def read(self, connection: socket.socket, seconds: float) -> bytes | None:
        connection.settimeout(seconds)
        data = b""
        while b"\r\n" not in data:
            part = connection.recv(4096)
            if not part:
                return data or None
            data += part
        return data.split(b"\r\n")[0]


@breaks("F040")
class LinesEndWithCR(Server):
    def read(self, connection: socket.socket, seconds: float) -> bytes | None:
        connection.settimeout(seconds)
        data = connection.recv(4096)
        return b"unended" if data == b"\n" else data.split(b"\n")[0].removesuffix(b"\r") if data else None


class SeesTheEnd(Server):
    """Finds out whether the client has shut its side; lines have to come in one segment."""

    def read(self, connection: socket.socket, seconds: float) -> bytes | None:
        connection.settimeout(seconds)
        data = connection.recv(4096)
        ended = not data
        with suppress(TimeoutError):
            connection.settimeout(0.5)
            ended = not connection.recv(4096)
        return self.ended(data) if ended else data.split(b"\n")[0].removesuffix(b"\r")

    def ended(self, data: bytes) -> bytes | None:
        raise NotImplementedError


@breaks("F007")
class WantsLineEnd(SeesTheEnd):
    def ended(self, data: bytes) -> bytes | None:
        return data.split(b"\n")[0].removesuffix(b"\r") if b"\n" in data else None


@breaks("F008")
class HangsUpToo(SeesTheEnd):
    def ended(self, data: bytes) -> bytes | None:
        return None


@breaks("F009")
class AnswersNothing(Server):
    def read(self, connection: socket.socket, seconds: float) -> bytes | None:
        return super().read(connection, seconds) or b""


class OneByOne(Server):
    """Serves one client at a time."""

    def meet(self, connection: socket.socket, surplus: bool) -> None:
        self.talk(connection, surplus)


@breaks("F010")
class DiesOfResets(OneByOne):
    def talk(self, connection: socket.socket, surplus: bool) -> None:
        try:
            self.converse(connection, surplus)
        except ConnectionError:
            self.stop()
        finally:
            connection.close()


@breaks("F011")
class WaitsForEver(Server):
    patience = 60.0


@breaks("F012")
class WaitsForBytes(Server):
    def read(self, connection: socket.socket, seconds: float) -> bytes | None:
        connection.settimeout(2.3)
        data = b""
        while b"\n" not in data:
            part = connection.recv(1)
            if not part:
                break
            data += part
        return data or None


class Patient(Server):
    patience = 10.0


BASES.update(F014=Patient, F015=Patient)


@breaks("F014")
class HeldUp(OneByOne):
    patience = 10.0


@breaks("F015", "F016")
class NoLimits(Patient):
    most_connections = most_queries = 1_000_000


@breaks("F017")
class OtherOverSix(Server):
    def serve(self, connection: socket.socket) -> None:
        if connection.family == socket.AF_INET:
            super().serve(connection)
        else:
            connection.sendall(b"Hello 0.0.0.0\r\n")


@breaks("F019")
class BelievesPROXY(ReadsWhatCame):
    def answer(self, line: bytes) -> bytes:
        return super().answer(re.sub(rb"\APROXY [^\n]*\n", b"", line).split(b"\n")[0].removesuffix(b"\r"))


@breaks("F071")
class CutsOffLongLines(Server):
    def too_long(self) -> bytes:
        return b""


@breaks("F072")
class ReadsEverything(Server):
    def read(self, connection: socket.socket, seconds: float) -> bytes | None:
        connection.settimeout(3.0)
        data = bytearray()
        while b"\n" not in data[-65536:]:
            part = connection.recv(65536)
            if not part:
                break
            data += part
        return bytes(data[:500].split(b"\n")[0].removesuffix(b"\r")) or None


class DiesOf(OneByOne):
    deadly = b""

    def read(self, connection: socket.socket, seconds: float) -> bytes | None:
        connection.settimeout(seconds)
        data = connection.recv(4096)
        if re.search(self.deadly, data):
            self.stop()
            raise OSError("dead")
        return data.split(b"\n")[0].removesuffix(b"\r") if data else None


@breaks("F074")
class DiesOfTLS(DiesOf):
    deadly = rb"\A\x16\x03"


@breaks("F084")
class DiesOfHosts(DiesOf):
    deadly = rb"(@h){100}"


@breaks("F075")
class AnswersLastName(ReadsWhatCame):
    def answer(self, line: bytes) -> bytes:
        return super().answer(line.split(b"\r\n")[-3] if line.count(b"\r\n") > 1 else line.removesuffix(b"\r\n"))


# Those whose words are wrong.


@breaks("F022")
class BareLF(Server):
    def put(self, text: str) -> bytes:
        return super().put(text).replace(b"\r\n", b"\n")


@breaks("F025")
class Latin1(Server):
    def answer(self, line: bytes) -> bytes:
        return super().answer(line).decode().encode("latin-1", "replace") if line else super().answer(line)

    def shown(self, name: str) -> str:
        return "\u00ab" + super().shown(name) + "\u00bb"


@breaks("F027")
class SevenBits(Server):
    def put(self, text: str) -> bytes:
        return super().put(text.encode("ascii", "replace").decode())


class Echoes(Server):
    passed = ""

    def shown(self, name: str) -> str:
        return "".join(letter for letter in name if letter.isprintable() or letter in self.passed)[:64]


@breaks("F030")
class EchoesC1(Echoes):
    passed = "\x9b"


@breaks("F033")
class EchoesBidi(Echoes):
    passed = "\u202e\u2066"


@breaks("F052")
class SwitchWithoutBlank(Server):
    def say(self, query: str) -> str:
        return super().say(re.sub(r"\A/W(?=\S)", "/W ", query))


@breaks("F069")
class EndsAtNUL(Server):
    def answer(self, line: bytes) -> bytes:
        return super().answer(line.split(b"\0")[0])


@breaks("F086")
class RelaysMail(Server):
    def say(self, query: str) -> str:
        return super().say(re.sub(r"\A.*!|%other.*", "", query))


@breaks("F092")
class LoginsAlone(Server):
    def listing(self) -> str:
        return "\n".join(["Login     Name", *PEOPLE])


class Refuses(Server):
    def listing(self) -> str:
        return DENIED.replace("forwarding service", "online user list")


BASES["F095"] = Refuses


@breaks("F096")
class NoNames(Server):
    def tell(self, login: str, long: bool) -> str:
        return super().tell(login, long).replace(PEOPLE[login], login)


@breaks("F097")
class ListTellsMore(Server):
    def listing(self) -> str:
        return super().listing().replace("10:00", "kitchen")


@breaks("F098")
class NoStatus(Server):
    def tell(self, login: str, long: bool) -> str:
        return super().tell(login, long).replace("On since", "Tea since")


@breaks("F102")
class NobodiesDiffer(Server):
    def nobody(self, name: str) -> str:
        return super().nobody(name) + "." * (sum(name.encode()) % 7)


@breaks("F104")
class TellsPaths(Server):
    def tell(self, login: str, long: bool) -> str:
        return f"Directory: /home/{login}  Shell: /bin/bash\n{super().tell(login, long)}"
