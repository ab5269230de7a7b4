"""Random lines for a finger server, and what every reply must be. A line depends only on a seed and its number, so
that a failing one can be made again:

    python -m tests.fuzz SEED NUMBER

With FINGER_GATEWAY_SEED=SEED in the environment, all of them are sent again.
"""

import argparse
import itertools
import os
import random
import re
import secrets
from dataclasses import dataclass

LONG = "FINGER_GATEWAY_LONG" in os.environ
SEED = os.environ.get("FINGER_GATEWAY_SEED") or secrets.token_hex(4)

# fmt: off
NAMES: list[bytes | str] = [
    b"alice", b"ALICE", b"ally", b"bob", b"adams", b"Alice Adams", b"carol", b"dave", b"zofie", b"frank", b"", b"a",
    b"root", b"daemon", b"*", b"%", b".", b"..", b"0", b"-l", b"--help", b"help", b"?", b".help", b".all", b"-",
    b"--", b"~alice", b"~", b"~~alice", b"acct:alice@dir.test", b"acct:", b"mailto:alice@dir.test?subject=x",
    b"finger:alice", b"finger://dir.test/alice", b"finger://alice@dir.test:79/", b"finger://", b"finger:///",
    b"FINGER://[::1]/alice", b";id", b"$(id)", b"|/bin/id", b"`id`", b"../../etc/passwd", b"/etc/passwd",
    b"..\\..\\x", b"con", b"NUL", b"%C5%BEofie", b"%00", b"%ff", b"%", b"%2", b"%25%32%35", b"%0d%0aalice",
    b"%1b[31m", b"al%69ce", b"%E2%80%AE", b'"alice"', b"'alice'", b"'; drop table people; --", b"{{7*7}}",
    b"{% include 'x' %}", b"{reference}", b"%(x)s", b"{0}", b"<script>alert(1)</script>", b"http://dir.test/",
    b"dir.test!alice", b"alice%other.test", b"cn=alice", "žofie", "z\u030cofie", "Žofie Černá", "ŽOFIE", "ℤofie",
    "alıce", "ALİCE", "ａｌｉｃｅ", "ß", "ﬀ", "ǆ", "\u202ealice", "\u2066x\u2069", "\ufeffalice", "a\u200bl", "👩‍👩‍👧",
    "🇨🇿", "a" + "\u0301" * 90, "עברית", "\ue000", "\ufdd0", "\x85", "\x9b31m", "\u2028", "\u2029",
    "\u00a0alice\u00a0", "\u3000", "\U0010ffff", "\u00ad", "\u180e", "\u061c",
]
SWITCHES = [
    b"", b"", b"", b"/W ", b"/w ", b"/W\t", b" /W  ", b"/PULL ", b"/PULL /W ", b"/W/W ", b"/W,", b"/", b"/ ", b"-l ",
    b"/W", b"/Q ", b"//W ", b"\\W ", b"/W\x0b", b"/\xff\xf1W ", b"/\xc2\xa0W ", b"/W /W /W ",
]
HOSTS: list[bytes | str] = [
    b"", b"", b"", b"", b"@dir.test", b"@DIR.TEST.", b"@club.test", b"@", b"@@", b"@ @", b"@other.test",
    b"@localhost", b"@127.0.0.1", b"@203.0.113.9", b"@[::1]", b"@[", b"@]", b"@[]", b"@[::1%lo]", b"@::1",
    b"@256.1.1.1", b"@0x7f.1", b"@1", b"@0177.0.0.1", b"@[::ffff:127.0.0.1]", b"@dir.test:79", b"@dir.test:x", b"@.",
    b"@..", b"@-", b"@xn--", b"@*", b"@" + b"h" * 300, b"@a." * 60, b"@h" * 100, b"@" * 300, b"@xn--a-ecp.ru",
    b"@dir.test@dir.test", b"@dir.test,bob", "@dir。test", "@ﬀ", "@\u0130", "@dir\u00ad.test", "@ＤＩＲ.test", "@\ud7ff",
    "@١٢٧.0.0.1", "@\u202e",
]
SEPARATORS = [
    b",", b", ", b" ", b"\t", b"  ", b",,", b";", b"|", b"/", b"\x0b", b"\x0c", b"\xc2\xa0", b"@", b"%", b":", b"\\",
]
ENDS = [
    b"\r\n", b"\r\n", b"\r\n", b"\n", b"\n", b"\r\r\n", b"\n\r", b"\0\r\n", b"\r\n\r\n", b"\r\nbob\r\n", b"\r", b"",
]
HOSTILE_BYTES = [
    b"\xff\xfb\x18", b"\xff\xfd\x03", b"\xff\xff", b"\xff", b"\xff\xfa\x18\x00xterm\xff\xf0", b"\xff\xfa",
    b"\xff\xf4", b"\x1b[31m", b"\x1b]0;T\x07", b"\x1b", b"\x9b2J", b"\xc2\x9b2J", b"\x1bP", b"\x1b_x\x1b\\", b"\x07",
    b"\x08", b"\x7f", b"\0", b"\x01", b"\r", b"\t", b"\x0b", b"\x1a", b"\x04", b"\xc3", b"\xed\xa0\x80",
    b"\xf4\x90\x80\x80", b"\xc0\xaf", b"\xef\xbf\xbe", b"\xe2\x80\xae", b"\xef\xbb\xbf", b"\xf0\x9f\x92", b"@", b",",
    b"/W", b"%", b"~", b":", b"/", b"\\",
]
OTHER_PROTOCOLS = [
    b"GET /users/alice HTTP/1.1\r\nHost: dir.test\r\n\r\n", b"GET / HTTP/1.0\r\n\r\n", b"OPTIONS * HTTP/1.1\r\n\r\n",
    b"GET http://x/\x1b[31m HTTP/1.1\r\n\r\n", b"POST /" + b"a" * 400 + b" HTTP/1.1\r\n\r\n", b"GET \r\n",
    b"GET  HTTP/1.1\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(range(200)), b"\x16\x03",
    b"\x00\x00\x00\xa4\xff\x53\x4d\x42\x72\x00\x00\x00\x00\x08\x01\x40",
    b"\x03\x00\x00\x2a%\xe0\x00\x00\x00\x00\x00Cookie", b"SSH-2.0-OpenSSH_9.2\r\n", b"EHLO mail.test\r\n",
    b"HELP\r\n", b"USER anonymous\r\n", b"CLIENT libcurl 7.88.1\r\nQUIT\r\n", b"NICK x\r\nUSER x 0 * :x\r\n",
    b"*1\r\n$4\r\nPING\r\n", b"gemini://dir.test/alice\r\n", b"stats\r\n", b"\x01default\n",
    b"PROXY TCP4 192.0.2.1 192.0.2.2 1 79\r\nalice\r\n", b"PROXY UNKNOWN\r\nalice\r\n", b"RTSP/1.0\r\n",
    b"JRMI\x00\x02K", b"\r\n\r\n\x00\r\nQUIT\n\x21\x11\x00\x0c\x00\x00\x00\x02alice\r\n",
    b"OPTIONS sip:nm SIP/2.0\r\nVia: SIP/2.0/TCP nm\r\n\r\n", b"\x80\x00\x00\x28\x72\xfe\x1d\x13" + bytes(36),
    b"\x30\x84\x00\x00\x00\x2d\x02\x01\x07c\x84\x00\x00\x00\x24", b"l\x00\x0b\x00",
    b"\x30\x0c\x02\x01\x01\x60\x07\x02\x01\x02\x04\x00\x80\x00", b"DIST00000001ARGC00000005",
    b"TNMP\x04\x00\x00\x00TNME",
]
# fmt: on


def _bytes(words: list[bytes | str]) -> list[bytes]:
    return [word if isinstance(word, bytes) else word.encode() for word in words]


_NAMES, _HOSTS = _bytes(NAMES), _bytes(HOSTS)


@dataclass(frozen=True, slots=True)
class Case:
    """The data that a client sends: the segments in turn, then a FIN if *half_closes* is set."""

    seed: str
    number: int
    segments: tuple[bytes, ...]
    half_closes: bool

    @property
    def sent(self) -> bytes:
        return b"".join(self.segments)

    def __str__(self) -> str:
        return f"python -m tests.fuzz {self.seed} {self.number}  # {self.segments!r}, {'FIN' if self.half_closes else 'no FIN'}"


def make_case(seed: str, number: int) -> Case:
    """Return case *number* of *seed*."""
    dice = random.Random(f"{seed}/{number}")
    kind = dice.random()
    if kind < 0.12:
        data = dice.randbytes(dice.choice((1, 3, 10, 40, 200))) + dice.choice(ENDS)
    elif kind < 0.22:
        data = dice.choice(OTHER_PROTOCOLS)
    elif kind < 0.25:
        data = dice.choice(_NAMES) + dice.choice((b"a", b"@", b"\xcc\x81", b", ", b"\0", b"%25")) * dice.randint(
            400, 4000
        )
        data = (data[: dice.randint(505, 520)] if dice.random() < 0.7 else data) + dice.choice(ENDS)
    else:
        data = _line(dice) + dice.choice(ENDS)
    if dice.random() < 0.4:
        for _ in range(dice.randint(1, 4)):
            data = _mutate(data, dice)
    return Case(seed, number, _split(data, dice), b"\n" not in data or dice.random() < 0.3)


def _line(dice: random.Random) -> bytes:
    words = [dice.choice(_NAMES) + dice.choice(_HOSTS) for _ in range(dice.choice((1, 1, 1, 1, 2, 3, 7)))]
    line = dice.choice(SWITCHES) + dice.choice(SEPARATORS).join(words)
    return line + dice.choice((b"", b"", b"", b" ", b" /W", b",", b"\t", b"/w"))


def _mutate(data: bytes, dice: random.Random) -> bytes:
    first = dice.randint(0, len(data))
    last = min(len(data), first + dice.randint(0, 8))
    match dice.randrange(5):
        case 0:
            return data[:first] + data[last:]
        case 1:
            return data[:last] + data[first:last] * dice.choice((1, 2, 50)) + data[last:]
        case 2:
            return data[:first] + dice.choice(HOSTILE_BYTES) + data[first:]
        case 3 if first < len(data):
            return data[:first] + bytes([data[first] ^ (1 << dice.randrange(8))]) + data[first + 1 :]
        case _:
            return data[:first] + dice.randbytes(dice.randint(1, 3)) + data[first:]


def _split(data: bytes, dice: random.Random) -> tuple[bytes, ...]:
    if dice.random() < 0.6 or len(data) < 2:
        return (data,)
    marks = [0, *sorted(dice.randrange(1, len(data)) for _ in range(dice.choice((1, 2, 5)))), len(data)]
    return tuple(data[one:two] for one, two in itertools.pairwise(marks) if one < two)


# replies

_BARE = re.compile("\r(?!\n)|(?<!\r)\n")
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ufeff]")
_FOREIGN = (b"\x16\x03", b"\0", b"\x03\0")
SECRET = b"Nobody sees"  # in the plan of a hidden person


def find_fault(sent: bytes, reply: bytes) -> str:
    """Say how *reply* to *sent* breaks "Bytes of a reply" in behaviours/finger.md, or return an empty text."""
    if not reply:
        return "" if not sent or sent.startswith(_FOREIGN) else "silence"
    try:
        text = reply.decode()
    except UnicodeDecodeError as error:
        return str(error)
    if not text.endswith("\r\n"):
        return "its last line has no end"
    if _BARE.search(text):
        return "a bare CR or LF"
    if found := _CONTROL.search(text):
        return f"{found[0]!r} in it"
    if "Internal error" in text:
        return "an error"
    return "a secret" if SECRET in reply else ""


def resident_kib(process: int | str = "self") -> int:
    """Return the resident memory of *process* in KiB."""
    with open(f"/proc/{process}/status") as status:  # noqa: PTH123  # ten times as fast as Path
        return int(status.read().partition("VmRSS:")[2].split()[0])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("seed")
    parser.add_argument("number", type=int)
    options = parser.parse_args()
    print(make_case(options.seed, options.number))


if __name__ == "__main__":
    main()
