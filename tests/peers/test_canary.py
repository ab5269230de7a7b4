"""Nothing private leaks on any protocol, and everything public is told: the canary, over the wire."""

import json
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from gateway.irc.commands import REGISTRY
from gateway.web.app import App

from .canary import CANARIES, EVERYONE, MEMBERS, NOBODY, Heard, asked_names

STRANGER, MEMBER = "127.0.0.1", "127.0.0.2"
ACCEPT = ("text/html", "application/json", "text/plain", "text/vcard", "application/xml", "*/*")
NETWORK = """
import sys
from twisted.internet import reactor
from gateway.demo.network import make_network
port = reactor.listenTCP(int(sys.argv[1]), make_network(), interface="127.0.0.1")
print("ready", flush=True)
reactor.run()
"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def talk(port: int, said: bytes, source: str) -> bytes:
    """Everything that comes back to *said*."""
    with socket.create_connection(("127.0.0.1", port), 5, (source, 0)) as asked:
        asked.sendall(said)
        return b"".join(iter(lambda: asked.recv(65536), b""))


class Place:
    """A gateway with the canaries, run by the real command. *broken* is code that runs before it."""

    def __init__(self, folder: Path, broken: str = "") -> None:
        self.folder = folder
        self.finger, self.web, self.irc = free_port(), free_port(), free_port()
        self.settings = folder / "gateway.toml"
        self.settings.write_text(f"""
            [site]
            hosts = ["dir.test"]
            url = "https://dir.test"
            members = ["{MEMBER}/32"]
            [finger]
            listen = ["tcp:{self.finger}:interface=127.0.0.1"]
            empty = "people"
            [web]
            listen = ["tcp:{self.web}:interface=127.0.0.1"]
            [[irc]]
            network = "demo"
            server = "tcp:127.0.0.1:{self.irc}"
            channels = ["#tea"]
            burst = 10000
            [limits]
            queries_per_minute = 100000
            [records]
            file = "records.jsonl"
        """)
        self.network = subprocess.Popen([sys.executable, "-c", NETWORK, str(self.irc)], stdout=subprocess.PIPE)
        assert self.network.stdout is not None
        self.network.stdout.readline()
        self.log = folder / "log"
        code = f"{broken}\nfrom gateway.cli import main\nmain()"
        with self.log.open("wb") as log:
            self.gateway = subprocess.Popen(
                [sys.executable, "-c", code, "run", "-c", str(self.settings)], stderr=log, stdout=log
            )
        self._await_port(self.finger)
        self._await_port(self.web)

    def _await_port(self, port: int) -> None:
        deadline = time.monotonic() + 15
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                return
            except OSError:
                assert self.gateway.poll() is None, self.log.read_text()
                assert time.monotonic() < deadline, "no port"

    def stop(self) -> None:
        for process in (self.gateway, self.network):
            process.terminate()
            process.wait(15)
        assert self.network.stdout is not None
        self.network.stdout.close()
        assert "Traceback" not in self.log.read_text()


def command(folder: Path, *words: str, said: str = "", code: int = 0) -> str:
    """Standard output of `finger-gateway`."""
    done = subprocess.run(
        [sys.executable, "-m", "gateway", *words, "-c", str(folder / "gateway.toml")],
        input=said,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == code, done.stderr
    return done.stdout


@contextmanager
def place(folder: Path, broken: str = "") -> Iterator[Place]:
    """A running gateway whose database holds the canaries."""
    from gateway.store import sqlite

    sqlite.create(folder / "people.db")
    (folder / "gateway.toml").write_text("[finger]\nlisten = []\n")
    command(folder, "people", "import", "-", said=json.dumps([each.document() for each in CANARIES]))
    running = Place(folder, broken)
    try:
        yield running
    finally:
        running.stop()


def over_finger(running: Place, source: str, heard: Heard) -> None:
    for name in ("", *asked_names()):
        for switch in ("", "/W "):
            answer = talk(running.finger, f"{switch}{name}\r\n".encode(), source)
            heard.add("finger", name, answer.decode())


# Routes with something to fill in: whose name goes there. Any other fails.
NAMED = ("/users/<name>", "/~<name>")
ASSETS = ("/static/<name>",)


def paths() -> Iterator[tuple[str, str]]:
    """Every route of the app, filled with every login and alias: the name asked for, and the path."""
    logins = [name for each in CANARIES for name in (each.login, each.word("aliases"))]
    for rule in App.app.url_map.iter_rules():
        if not rule.arguments:
            yield "", rule.rule
        elif rule.rule in ASSETS:
            yield "", rule.rule.replace("<name>", "style.css")
        else:
            assert rule.rule in NAMED, f"a route that the canary does not know how to fill: {rule}"
            for name in logins:
                for ending in ("", ".html", ".json", ".vcf", ".txt", ".atom"):
                    yield name, rule.rule.replace("<name>", name) + ending


def over_web(running: Place, source: str, heard: Heard) -> None:
    wanted = sorted(set(paths()))
    with socket.create_connection(("127.0.0.1", running.web), 5, (source, 0)) as asked:
        reader = asked.makefile("rb")
        for name, path in wanted:
            for accept in ACCEPT:
                asked.sendall(f"GET {path} HTTP/1.1\r\nHost: dir.test\r\nAccept: {accept}\r\n\r\n".encode())
                head = b""
                while not head.endswith(b"\r\n\r\n"):
                    line = reader.readline()
                    assert line, f"the server hung up after {path}"
                    head += line
                length = re.search(rb"(?i)content-length: (\d+)", head)
                body = reader.read(int(length[1])) if length and b" 304 " not in head.splitlines()[0] else b""
                heard.add("web", name, (head + body).decode())


def over_irc(running: Place, heard: Heard) -> None:
    with socket.create_connection(("127.0.0.1", running.irc), 10) as asked:
        reader = asked.makefile("rb")

        def send(line: str) -> None:
            asked.sendall(line.encode() + b"\r\n")

        def until(mark: str) -> str:
            told = ""
            while mark not in told:
                line = reader.readline().decode()
                assert line, "the network hung up"
                if line.startswith("PING"):
                    send(f"PONG {line[5:].strip()}")
                told += line
            return told

        send("NICK canary")
        send("USER canary 0 * :canary")
        until(" 001 ")
        send("JOIN #tea")
        deadline = time.monotonic() + 10
        while True:
            send("NAMES #tea")
            if "fingerbot" in until(" 366 "):
                break
            assert time.monotonic() < deadline, "the bot does not come"
        for number, name in enumerate(asked_names()):
            for text in (name, *(f"{each} {name}" for each in REGISTRY)):
                for target, said in (("fingerbot", text), ("#tea", f"!{text}"), ("#tea", f"fingerbot: {text}")):
                    send(f"PRIVMSG {target} :{said}")
            mark = f"zzend{number}zz"
            send(f"PRIVMSG fingerbot :{mark}")
            heard.add("irc", name, until(mark).replace(mark, ""))


def as_seen(running: Place, who: str, heard: Heard) -> None:
    for each in CANARIES:
        done = subprocess.run(
            [sys.executable, "-m", "gateway", "people", "show", each.login, "--as", who, "-c", str(running.settings)],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        heard.add("show", each.login, done.stdout)


def everything(running: Place) -> tuple[Heard, Heard, list[str]]:
    """What a stranger and a member are told, and every leak in it."""
    stranger, member = Heard("stranger"), Heard("member")
    for source, heard in ((STRANGER, stranger), (MEMBER, member)):
        over_finger(running, source, heard)
        over_web(running, source, heard)
    over_irc(running, stranger)
    return stranger, member, [*stranger.leaks(), *member.leaks()]


def test_nothing_leaks_and_everything_public_is_told(tmp_path: Path) -> None:
    with place(tmp_path) as running:
        stranger, member, leaks = everything(running)
        assert not leaks, "\n".join(leaks)
        for source in ("finger", "web", "irc"):
            mine = Heard("stranger", [each for each in stranger.texts if each[0] == source])
            assert "zqname0x" in "".join(text for _, _, text in mine.texts), f"{source} told nothing"
        assert not (missing := [*stranger.missing(EVERYONE), *member.missing(MEMBERS)]), "\n".join(missing)
        for who in ("self", "administrator"):
            heard = Heard(who)
            as_seen(running, who, heard)
            assert not (missing := list(heard.missing(NOBODY))), "\n".join(missing)
        for who, rank in (("everyone", "stranger"), ("members", "member")):
            heard = Heard(rank)
            as_seen(running, who, heard)
            assert not (leaks := list(heard.leaks())), "\n".join(leaks)
    records = [json.loads(line) for line in (tmp_path / "records.jsonl").read_text().splitlines()]
    assert records
    kept = Heard("stranger")
    for record in records:
        query = record.pop("query")
        kept.add("records", query, json.dumps(record))
    assert not list(kept.leaks())
    assert not [each for each in CANARIES if each.word("plan") in running.log.read_text()]


BROKEN = {
    "every field is shown": "import gateway.directory.privacy as p; p.shows = lambda person, field, audience, policy: True",
    "everybody exists": "import gateway.directory.privacy as p; p.exists = lambda person, audience, policy: True",
    "members rank as oneself": "import gateway.directory.privacy as p; p._RANKS[p.Audience.MEMBER] = 2",
    "a person's own choice is forgotten": "import gateway.directory.privacy as p; "
    "p.Policy.level = lambda self, person, field: self.default[field]",
    "who is not listed is listed": "import gateway.directory.chain as s; "
    "import msgspec; old = s.merged; "
    "s.merged = lambda partials: old([msgspec.structs.replace(each, listed=True) for each in partials])",
}


@pytest.mark.parametrize("broken", BROKEN)
def test_the_canary_sees_a_broken_rule(broken: str, tmp_path: Path) -> None:
    with place(tmp_path, BROKEN[broken]) as running:
        heard = Heard("stranger"), Heard("member")
        over_finger(running, STRANGER, heard[0])
        over_finger(running, MEMBER, heard[1])
        assert [*heard[0].leaks(), *heard[1].leaks()], broken
