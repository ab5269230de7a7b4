"""A gateway in a network of its own, where ports 79 and 80 are free: many clients know no other. Besides 127.0.0.1 there is
the address OTHER; who asks by that comes from it too, so that records tell who it was."""

import os
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.peers.gateway import DEADLINE, WATCHED, Place, Running, launched, make_place, until
from tests.peers.limits import read
from tests.peers.namespace import Namespace, namespace
from tests.unit.fixtures import ALICE, PEOPLE_CHANGED_AT, make_create_edit, write_edits

OTHER = "192.0.2.79"
ZOFIE = {"login": "zofie", "name": "Žofie Černá", "plan": "Tea at five.\n    Bez mléka, díky.\n"}


@dataclass(frozen=True)
class Secluded:
    """The gateway, and its network to run others in."""

    network: Namespace
    place: Place
    running: Running

    def inside(self, *command: str) -> list[str]:
        """*command*, to be run in the gateway's network."""
        return [*self.network.enter, *command]

    def started(self, *command: str) -> "subprocess.Popen[bytes]":
        return subprocess.Popen(
            self.inside(*command), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )

    def printed(self, *command: str, said: bytes = b"") -> bytes:
        """What *command* prints, all of it. It has to end well."""
        done = subprocess.run(
            self.inside(*command), input=said, capture_output=True, timeout=DEADLINE, env=environment(), check=False
        )
        assert done.returncode == 0, done.stderr.decode() + done.stdout.decode()
        return done.stdout

    def asked(self, ask: Callable[[], Any]) -> list[str]:
        """The queries that *ask* leads to, as they stand in the records, line ends apart."""
        first, last = self._mark(), (ask(), self._mark())[1]
        until(lambda: last in self._queries(), "the record of a mark")
        queries = self._queries()
        return queries[queries.index(first) + 1 : queries.index(last)]

    def _mark(self) -> str:
        """Asks for nobody, by a name of its own: records come in order."""
        mark = f"mark{time.monotonic_ns()}"
        with self.network.connect("127.0.0.1") as client:
            client.sendall(mark.encode() + b"\n")
            read(client)
        return mark

    def _queries(self) -> list[str]:
        return [record["query"] for record in self.records("127.0.0.1")]

    def records(self, peer: str) -> list[dict[str, Any]]:
        return [record for record in self.place.records() if record["peer"] == peer]


@contextmanager
def secluded(folder: Path) -> Iterator[Secluded]:
    """Runs one, with alice and zofie."""
    place = make_place(folder, people=[])
    write_edits(place.database, [make_create_edit(fields) for fields in (ALICE, ZOFIE)], PEOPLE_CHANGED_AT)
    text = place.settings.read_text()
    for old, new in (
        (f"tcp:{place.finger}:interface=127.0.0.1", "tcp:79"),
        (f"tcp:{place.web}:interface=127.0.0.1", "tcp:80"),
        (f'"http://localhost:{place.web}"', '"https://dir.test"'),
        ('file = "access.jsonl"', 'file = "access.jsonl"\naddresses = "full"'),
    ):
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    place.settings.write_text(text)
    with (
        namespace(folder, [OTHER], {"dir.test": ["127.0.0.1"]}) as network,
        launched(folder, [], "run", "-c", place.settings, start=(*network.enter, *WATCHED)) as running,
    ):
        sockets = Path(f"/proc/{running.process.pid}/net/tcp")
        until(lambda: running.process.poll() is not None or ":004F 00000000:0000 0A" in sockets.read_text(), "port 79")
        assert running.process.poll() is None, running.log
        yield Secluded(network, place, running)


@dataclass(frozen=True)
class Screen:
    """A terminal of 80 by 24 in the gateway's network, looked at as somebody in front of it would."""

    place: Secluded
    socket: Path

    def shows(self, *texts: str) -> str:
        """The screen, once all of *texts* are on it."""
        end = time.monotonic() + DEADLINE
        while not all(text in (screen := self._tmux("capture-pane", "-p")) for text in texts):
            assert time.monotonic() < end, screen
            time.sleep(0.05)
        return screen

    def _tmux(self, *arguments: str) -> str:
        command = self.place.inside("tmux", "-S", str(self.socket), *arguments)
        return subprocess.run(command, env=environment(), capture_output=True, timeout=20, check=True).stdout.decode()


@contextmanager
def screen(place: Secluded, folder: Path, *command: str) -> Iterator[Screen]:
    """*command* in a terminal, at home in *folder*."""
    shown = Screen(place, folder / "tmux")
    shown._tmux("-f", "/dev/null", "new-session", "-d", "-x", "80", "-y", "24", "env", f"HOME={folder}", *command)
    try:
        yield shown
    finally:
        shown._tmux("kill-server")


def environment() -> dict[str, str]:
    return {**os.environ, "LC_ALL": "C.UTF-8", "TERM": "xterm-256color"}
