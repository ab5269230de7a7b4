"""Settings read anew while the real gateway runs, under `run`, twist and twistd: nobody is cut off, nothing is half new."""

import http.client
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from gateway.ops import control
from tests.peers.gateway import (
    DEADLINE,
    WATCHED,
    Place,
    Running,
    finger,
    launched,
    make_place,
    recorder,
    serving,
    until,
)

TWIST = str(Path(sys.executable).with_name("twist"))
TWISTD = str(Path(sys.executable).with_name("twistd"))
STARTS = {
    "run": (*WATCHED, "run"),
    "twist": (TWIST, "finger-gateway"),
    "twistd": (TWISTD, "-n", "--pidfile=", "finger-gateway"),
}


def rewrite(place: Place, *changes: tuple[str, str]) -> None:
    text = place.settings.read_text()
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    place.settings.write_text(text)


def told(gateway: Running) -> str:
    """What the gateway has logged: twist and twistd do it on standard output."""
    return gateway.log + gateway.out


def hang_up(gateway: Running) -> str:
    """SIGHUP; what is logged of it, once it is done."""
    before = len(told(gateway))
    gateway.send(signal.SIGHUP)
    words = ("reloaded ", "not reloaded")
    until(lambda: any(word in told(gateway)[before:] for word in words), "the reload")
    return told(gateway)[before:]


def listening_sockets(place: Place) -> set[str]:
    """The inodes of the sockets that listen on the ports of *place*."""
    rows = (line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:])
    return {row[9] for row in rows if row[3] == "0A" and int(row[1].partition(":")[2], 16) in (place.finger, place.web)}


def rest_of(connection: socket.socket) -> str:
    return b"".join(iter(lambda: connection.recv(65536), b"")).decode()


def page(browser: http.client.HTTPConnection, path: str) -> str:
    browser.request("GET", path, headers={"Accept": "text/plain"})
    answer = browser.getresponse()
    return answer.read().decode()


@pytest.mark.parametrize("start", STARTS.values(), ids=STARTS)
def test_R036_SIGHUP_good_and_broken_while_connections_wait(tmp_path: Path, start: tuple[str, ...]) -> None:
    with recorder() as server:
        place = make_place(tmp_path, server.port)
        ports = [place.finger, place.web]
        with launched(tmp_path, ports, "-c", place.settings, start=start) as gateway:
            assert not server.bot.closed
            sockets = listening_sockets(place)
            assert len(sockets) == 2
            browser = http.client.HTTPConnection("localhost", place.web, timeout=DEADLINE)
            assert "Keeper of the kettle" in page(browser, "/users/alice")
            assert "The Tea Club" in page(browser, "/")
            place.recorded(2)
            (tmp_path / "access.jsonl").rename(tmp_path / "records.1")
            with socket.create_connection(("127.0.0.1", place.finger), DEADLINE) as idle:
                rewrite(
                    place,
                    ("The Tea Club", "The Coffee Club"),
                    ('nick = "fingerbot"\n', 'nick = "fingerbot"\nprefix = "?"\n'),
                    ("[access_log]", '[privacy.default]\ntitle = "nobody"\n[access_log]\naddresses = "none"'),
                    (f'listen = ["tcp:{place.finger}:', 'listen = ["tcp:1:'),
                )  # fmt: skip
                said = hang_up(gateway)
                for word in ("site.name", "privacy.default.title", "irc[test].prefix", "access_log.addresses"):
                    assert word in said
                assert "needs a restart" in said and "finger.listen" in said
                idle.sendall(b"alice\r\n")
                answer = rest_of(idle)
            assert "Alice Adams" in answer and "Keeper of the kettle" not in answer
            assert "Keeper of the kettle" not in page(browser, "/users/alice")
            assert "The Coffee Club" in page(browser, "/")
            records = place.recorded(3)
            assert [each.get("peer") for each in records] == [None] * 3
            assert len((tmp_path / "records.1").read_text().splitlines()) == 2
            for text, found in (
                ("[finger", "TOML"),
                (
                    place.settings.read_text().replace("timeout", "x").replace("[limits]", "[limits]\ntimout = 1"),
                    "limits.timout",
                ),
                (
                    place.settings.read_text().replace('name = "The', 'templates = "own"\nname = "A'),
                    "person.txt: line 1",
                ),
            ):
                good = place.settings.read_text()
                own = tmp_path / "own" / "finger"
                own.mkdir(parents=True, exist_ok=True)
                (own / "person.txt").write_text("{% if %}")
                place.settings.write_text(text)
                said = hang_up(gateway)
                assert "not reloaded, nothing has changed" in said and found in said
                assert "The Coffee Club" in page(browser, "/")
                assert "Keeper of the kettle" not in finger(place.finger, "alice")
                place.settings.write_text(good)
            browser.close()
            assert listening_sockets(place) == sockets
            assert server.attempts == 1
            gateway.stop()
        assert not (tmp_path / "control.sock").exists()


def test_R036_the_command_tells_what_changed_what_waits_and_every_mistake(tmp_path: Path) -> None:
    place = make_place(tmp_path)
    command = f"{place.settings}"
    none = place.command("reload", code=69)
    assert none.err == f"No gateway with {command} is running: nothing answers on {tmp_path}/control.sock.\n"
    with serving(place) as gateway:
        assert place.command("reload").out == f"Reloaded {command}.\nchanged: nothing\n"
        assert (tmp_path / "control.sock").stat().st_mode & 0o777 == 0o600
        good = place.settings.read_text()
        rewrite(place, ("queries_per_minute = 60000", "queries_per_minute = 1"), (f"tcp:{place.web}:", "tcp:1:"))
        place.settings.write_text(place.settings.read_text() + '[store]\nurl = "sqlite:other.db"\n')
        assert place.command("reload").out == (
            f"Reloaded {command}.\nchanged: limits.queries_per_minute\nneeds a restart: store.url, web.listen\n"
        )
        # What was asked before still counts.
        assert "Bob" in finger(place.finger, "bob")
        assert "Too many queries, try again in " in finger(place.finger, "bob")
        place.settings.write_text(good.replace("[finger]", "[fingr]").replace("60000", '"many"'))
        broken = place.command("reload", code=2)
        assert broken.out == ""
        assert [line.partition(";")[0] for line in broken.err.splitlines()] == [
            f"{command}: fingr: unknown key",
            f"{command}: limits.queries_per_minute: found 'many'",
            "Not reloaded: the old settings stay in force.",
        ]
        place.settings.write_text(good)
        assert place.command("reload").out == f"Reloaded {command}.\nchanged: limits.queries_per_minute\n"
        assert "Bob" in until(lambda: said if "Bob" in (said := finger(place.finger, "bob")) else "", "the old limit")
        second = place.command("run", code=2)
        assert "finger.listen[0]" in second.err
        rewrite(place, (f"tcp:{place.finger}:", "tcp:0:"), (f"tcp:{place.web}:", "tcp:0:"))
        second = place.command("run", code=2)
        assert second.err.splitlines()[-1] == (
            f"{command}: control.socket: another gateway answers on 'control.sock'; stop it, or choose another path"
        )
        gateway.stop(signal.SIGKILL)
    assert (tmp_path / "control.sock").is_socket()
    place.settings.write_text(good)
    with serving(place):
        assert place.command("reload").out == f"Reloaded {command}.\nchanged: nothing\n"


def test_R036_a_network_that_changed_comes_anew_and_one_that_was_added_comes(tmp_path: Path) -> None:
    with recorder() as server, recorder() as other:
        place = make_place(tmp_path, server.port)
        with serving(place) as gateway:
            first = server.bot
            place.settings.write_text(
                place.settings.read_text()
                + f'[[irc]]\nnetwork = "other"\nserver = "tcp:127.0.0.1:{other.port}"\nchannels = ["#tea"]\n'
            )
            hang_up(gateway)
            assert "Alice Adams" in " ".join(other.ask("alice"))
            assert server.attempts == 1
            rewrite(place, ('nick = "fingerbot"', 'nick = "askme"'))
            hang_up(gateway)
            first.wait(lambda line: line.startswith("QUIT"), "QUIT")
            until(lambda: len(server.connections) == 2, "the bot under its new nick")
            assert "NICK askme" in server.bot.all
            assert other.attempts == 1


def test_a_gateway_whose_control_socket_cannot_be_had_runs_and_says_so(tmp_path: Path) -> None:
    place = make_place(tmp_path, more=f'[control]\nsocket = "{"long" * 30}.sock"\n')
    with serving(place) as gateway:
        assert "Alice Adams" in finger(place.finger, "alice")
        limit = "the path has {} bytes; a socket's may have at most 107".format(len(f"{tmp_path}/.sock") + 120)
        assert limit in gateway.log
        assert limit in place.command("reload", code=69).err
        assert "reloaded" in hang_up(gateway)


@pytest.mark.parametrize("abstract", [False, True], ids=["path", "abstract"])
def test_R036_systemd_is_told_of_start_reload_and_stop(tmp_path: Path, abstract: bool) -> None:
    place = make_place(tmp_path)
    name = f"@finger-gateway-{os.getpid()}" if abstract else str(tmp_path / "notify.sock")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(name.replace("@", "\0", 1) if abstract else name)
        systemd.settimeout(DEADLINE)
        with serving(place, env=os.environ | {"NOTIFY_SOCKET": name}) as gateway:
            assert systemd.recv(4096) == b"READY=1"
            before = time.monotonic_ns() // 1000
            gateway.send(signal.SIGHUP)
            reloading, at = systemd.recv(4096).decode().split("\n")
            assert reloading == "RELOADING=1"
            assert before <= int(at.removeprefix("MONOTONIC_USEC=")) <= time.monotonic_ns() // 1000
            assert systemd.recv(4096) == b"READY=1"
            gateway.stop()
            assert systemd.recv(4096) == b"STOPPING=1"


class Asking:
    """Asks over and over, in a thread; *failed* holds every answer that was none."""

    def __init__(self, ask: Callable[[], str]) -> None:
        self._ask, self._enough = ask, threading.Event()
        self.asked, self.failed = 0, list[str]()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self._enough.is_set():
            try:
                said = self._ask()
            except (OSError, http.client.HTTPException) as error:
                said = repr(error)
            self.asked += 1
            if "Alice Adams" not in said:
                self.failed.append(said)

    def stop(self) -> None:
        self._enough.set()
        self._thread.join(DEADLINE)


@contextmanager
def askers(place: Place) -> Iterator[list[Asking]]:
    """Two on finger, one on the web with a connection of its own for each question, one that keeps its connection."""
    kept = http.client.HTTPConnection("localhost", place.web, timeout=DEADLINE)

    def on_kept() -> str:
        if all_asking[-1].asked % 500 == 499:
            kept.close()  # no connection takes a thousand
        return page(kept, "/users/alice")

    def on_new() -> str:
        browser = http.client.HTTPConnection("localhost", place.web, timeout=DEADLINE)
        try:
            return page(browser, "/users/alice")
        finally:
            browser.close()

    def on_finger() -> str:
        return finger(place.finger, "alice")

    all_asking: list[Asking] = []
    try:
        for ask in (on_finger, on_finger, on_new, on_kept):
            all_asking.append(Asking(ask))
        yield all_asking
    finally:
        for each in all_asking:
            each.stop()
        kept.close()


def test_R036_100_reloads_under_load_good_and_broken_in_turn_fail_no_question(tmp_path: Path) -> None:
    place = make_place(tmp_path)
    rewrite(place, ("60000", "6000000"))
    good = place.settings.read_text()
    with serving(place) as gateway, askers(place) as asking:
        sockets = listening_sockets(place)
        began = time.monotonic()
        outcomes = []
        for number in range(100):
            if number % 2:
                place.settings.write_text(good + "[nothing]\n")
            else:
                place.settings.write_text(good.replace("The Tea Club", f"Club {number}"))
            answer = control.send_verb(tmp_path / "control.sock", "reload", DEADLINE)
            outcomes.append("mistakes" if "mistakes" in answer else answer["changed"])
        took = time.monotonic() - began
        assert outcomes == [["site.name"], "mistakes"] * 50
        for each in asking:
            each.stop()
        assert listening_sockets(place) == sockets
        assert gateway.process.poll() is None
    assert [each.failed for each in asking] == [[]] * 4
    assert all(each.asked > 50 for each in asking), [each.asked for each in asking]
    print(f"100 reloads in {took:.1f} s, {sum(each.asked for each in asking)} questions meanwhile, none failed")


def test_R036_reloads_that_come_during_a_reload_are_done_after_it(tmp_path: Path) -> None:
    place = make_place(tmp_path)
    with serving(place) as gateway:
        answers: list[object] = []

        def ask() -> None:
            answers.append(control.send_verb(tmp_path / "control.sock", "reload", DEADLINE))

        threads = [threading.Thread(target=ask) for _ in range(20)]
        rewrite(place, ("The Tea Club", "The Coffee Club"))
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(DEADLINE)
        assert len(answers) == 20
        assert answers.count({"changed": ["site.name"], "restart": []}) >= 1
        assert gateway.log.count("reloaded") < 20
