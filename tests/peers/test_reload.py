"""Settings reloaded while the real gateway runs, under `run`, twist and twistd: no client is disconnected, and a
reload is applied completely or not at all."""

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
from tests.peers.gateway_process import (
    DEADLINE,
    WATCHED_COMMAND,
    GatewayProcess,
    Installation,
    make_installation,
    query_finger,
    run_fake_irc_server,
    run_gateway,
    start_process,
    wait_until,
)

TWIST = str(Path(sys.executable).with_name("twist"))
TWISTD = str(Path(sys.executable).with_name("twistd"))
STARTS = {
    "run": (*WATCHED_COMMAND, "run"),
    "twist": (TWIST, "finger-gateway"),
    "twistd": (TWISTD, "-n", "--pidfile=", "finger-gateway"),
}


def rewrite(installation: Installation, *changes: tuple[str, str]) -> None:
    text = installation.settings.read_text()
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    installation.settings.write_text(text)


def logged_text(gateway: GatewayProcess) -> str:
    """Return what the gateway has logged: twist and twistd log to standard output."""
    return gateway.log + gateway.stdout


def send_sighup(gateway: GatewayProcess) -> str:
    """Send SIGHUP. Return what is logged about the reload, once it is done."""
    before = len(logged_text(gateway))
    gateway.send(signal.SIGHUP)
    words = ("reloaded ", "not reloaded")
    wait_until(lambda: any(word in logged_text(gateway)[before:] for word in words), "the reload")
    return logged_text(gateway)[before:]


def listening_sockets(installation: Installation) -> set[str]:
    """Return the inodes of the sockets that listen on the ports of *installation*."""
    rows = (line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:])
    return {
        row[9]
        for row in rows
        if row[3] == "0A" and int(row[1].partition(":")[2], 16) in (installation.finger_port, installation.web_port)
    }


def read_rest(connection: socket.socket) -> str:
    return b"".join(iter(lambda: connection.recv(65536), b"")).decode()


def get_page(browser: http.client.HTTPConnection, path: str) -> str:
    browser.request("GET", path, headers={"Accept": "text/plain"})
    answer = browser.getresponse()
    return answer.read().decode()


@pytest.mark.parametrize("start", STARTS.values(), ids=STARTS)
def test_R036_SIGHUP_with_valid_and_invalid_settings_while_connections_wait(
    tmp_path: Path, start: tuple[str, ...]
) -> None:
    with run_fake_irc_server() as server:
        installation = make_installation(tmp_path, server.port)
        ports = [installation.finger_port, installation.web_port]
        with start_process(tmp_path, ports, "-c", installation.settings, start=start) as gateway:
            assert not server.bot.closed
            sockets = listening_sockets(installation)
            assert len(sockets) == 2
            browser = http.client.HTTPConnection("localhost", installation.web_port, timeout=DEADLINE)
            assert "Keeper of the kettle" in get_page(browser, "/users/alice")
            assert "The Tea Club" in get_page(browser, "/")
            installation.wait_for_access_log(2)
            (tmp_path / "access.jsonl").rename(tmp_path / "access.jsonl.1")
            with socket.create_connection(("127.0.0.1", installation.finger_port), DEADLINE) as idle:
                rewrite(
                    installation,
                    ("The Tea Club", "The Coffee Club"),
                    ('nick = "fingerbot"\n', 'nick = "fingerbot"\nprefix = "?"\n'),
                    ("[access_log]", '[privacy.default]\ntitle = "nobody"\n[access_log]\naddresses = "none"'),
                    (f'listen = ["tcp:{installation.finger_port}:', 'listen = ["tcp:1:'),
                )  # fmt: skip
                reply = send_sighup(gateway)
                for word in ("site.name", "privacy.default.title", "irc[test].prefix", "access_log.addresses"):
                    assert word in reply
                assert "needs a restart" in reply and "finger.listen" in reply
                idle.sendall(b"alice\r\n")
                answer = read_rest(idle)
            assert "Alice Adams" in answer and "Keeper of the kettle" not in answer
            assert "Keeper of the kettle" not in get_page(browser, "/users/alice")
            assert "The Coffee Club" in get_page(browser, "/")
            entries = installation.wait_for_access_log(3)
            assert [each.get("peer") for each in entries] == [None] * 3
            assert len((tmp_path / "access.jsonl.1").read_text().splitlines()) == 2
            for text, found in (
                ("[finger", "TOML"),
                (
                    installation.settings.read_text()
                    .replace("timeout", "x")
                    .replace("[limits]", "[limits]\ntimout = 1"),
                    "limits.timout",
                ),
                (
                    installation.settings.read_text().replace('name = "The', 'templates = "own"\nname = "A'),
                    "person.txt: line 1",
                ),
            ):
                good = installation.settings.read_text()
                own = tmp_path / "own" / "finger"
                own.mkdir(parents=True, exist_ok=True)
                (own / "person.txt").write_text("{% if %}")
                installation.settings.write_text(text)
                reply = send_sighup(gateway)
                assert "not reloaded, nothing has changed" in reply and found in reply
                assert "The Coffee Club" in get_page(browser, "/")
                assert "Keeper of the kettle" not in query_finger(installation.finger_port, "alice")
                installation.settings.write_text(good)
            browser.close()
            assert listening_sockets(installation) == sockets
            assert server.attempts == 1
            gateway.stop()
        assert not (tmp_path / "control.sock").exists()


def test_R036_the_command_reports_changes_deferred_changes_and_every_error(tmp_path: Path) -> None:
    installation = make_installation(tmp_path)
    command = f"{installation.settings}"
    none = installation.run("reload", code=69)
    assert none.err == f"No gateway with {command} is running: nothing answers on {tmp_path}/control.sock.\n"
    with run_gateway(installation) as gateway:
        assert installation.run("reload").out == f"Reloaded {command}.\nchanged: nothing\n"
        assert (tmp_path / "control.sock").stat().st_mode & 0o777 == 0o600
        good = installation.settings.read_text()
        rewrite(
            installation,
            ("queries_per_minute = 60000", "queries_per_minute = 1"),
            (f"tcp:{installation.web_port}:", "tcp:1:"),
        )
        installation.settings.write_text(installation.settings.read_text() + '[store]\nurl = "sqlite:other.db"\n')
        assert installation.run("reload").out == (
            f"Reloaded {command}.\nchanged: limits.queries_per_minute\nneeds a restart: store.url, web.listen\n"
        )
        # Earlier queries still count.
        assert "Bob" in query_finger(installation.finger_port, "bob")
        assert "Too many queries, try again in " in query_finger(installation.finger_port, "bob")
        installation.settings.write_text(good.replace("[finger]", "[fingr]").replace("60000", '"many"'))
        broken = installation.run("reload", code=2)
        assert broken.out == ""
        assert [line.partition(";")[0] for line in broken.err.splitlines()] == [
            f"{command}: fingr: unknown key",
            f"{command}: limits.queries_per_minute: found 'many'",
            "Not reloaded: the old settings stay in force.",
        ]
        installation.settings.write_text(good)
        assert installation.run("reload").out == f"Reloaded {command}.\nchanged: limits.queries_per_minute\n"
        assert "Bob" in wait_until(
            lambda: reply if "Bob" in (reply := query_finger(installation.finger_port, "bob")) else "", "the old limit"
        )
        second = installation.run("run", code=2)
        assert "finger.listen[0]" in second.err
        rewrite(
            installation, (f"tcp:{installation.finger_port}:", "tcp:0:"), (f"tcp:{installation.web_port}:", "tcp:0:")
        )
        second = installation.run("run", code=2)
        assert second.err.splitlines()[-1] == (
            f"{command}: control.socket: another gateway answers on 'control.sock'; stop it, or choose another path"
        )
        gateway.stop(signal.SIGKILL)
    assert (tmp_path / "control.sock").is_socket()
    installation.settings.write_text(good)
    with run_gateway(installation):
        assert installation.run("reload").out == f"Reloaded {command}.\nchanged: nothing\n"


def test_R036_a_changed_network_reconnects_and_an_added_one_connects(tmp_path: Path) -> None:
    with run_fake_irc_server() as server, run_fake_irc_server() as other:
        installation = make_installation(tmp_path, server.port)
        with run_gateway(installation) as gateway:
            first = server.bot
            installation.settings.write_text(
                installation.settings.read_text()
                + f'[[irc]]\nnetwork = "other"\nserver = "tcp:127.0.0.1:{other.port}"\nchannels = ["#tea"]\n'
            )
            send_sighup(gateway)
            assert "Alice Adams" in " ".join(other.ask("alice"))
            assert server.attempts == 1
            rewrite(installation, ('nick = "fingerbot"', 'nick = "askme"'))
            send_sighup(gateway)
            first.wait_for(lambda line: line.startswith("QUIT"), "QUIT")
            wait_until(lambda: len(server.connections) == 2, "the bot under its new nick")
            assert "NICK askme" in server.bot.received
            assert other.attempts == 1


def test_a_gateway_without_its_control_socket_runs_and_reports_it(tmp_path: Path) -> None:
    installation = make_installation(tmp_path, more=f'[control]\nsocket = "{"long" * 30}.sock"\n')
    with run_gateway(installation) as gateway:
        assert "Alice Adams" in query_finger(installation.finger_port, "alice")
        limit = "the path has {} bytes; a socket path may have at most 107".format(len(f"{tmp_path}/.sock") + 120)
        assert limit in gateway.log
        assert limit in installation.run("reload", code=69).err
        assert "reloaded" in send_sighup(gateway)


@pytest.mark.parametrize("abstract", [False, True], ids=["path", "abstract"])
def test_R036_systemd_is_notified_of_start_reload_and_stop(tmp_path: Path, abstract: bool) -> None:
    installation = make_installation(tmp_path)
    name = f"@finger-gateway-{os.getpid()}" if abstract else str(tmp_path / "notify.sock")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(name.replace("@", "\0", 1) if abstract else name)
        systemd.settimeout(DEADLINE)
        with run_gateway(installation, env=os.environ | {"NOTIFY_SOCKET": name}) as gateway:
            assert systemd.recv(4096) == b"READY=1"
            before = time.monotonic_ns() // 1000
            gateway.send(signal.SIGHUP)
            reloading, at = systemd.recv(4096).decode().split("\n")
            assert reloading == "RELOADING=1"
            assert before <= int(at.removeprefix("MONOTONIC_USEC=")) <= time.monotonic_ns() // 1000
            assert systemd.recv(4096) == b"READY=1"
            gateway.stop()
            assert systemd.recv(4096) == b"STOPPING=1"


class LoadClient:
    """Send requests over and over in a thread; *failed* holds every wrong answer."""

    def __init__(self, ask: Callable[[], str]) -> None:
        self._ask, self._enough = ask, threading.Event()
        self.count, self.failed = 0, list[str]()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self._enough.is_set():
            try:
                reply = self._ask()
            except (OSError, http.client.HTTPException) as error:
                reply = repr(error)
            self.count += 1
            if "Alice Adams" not in reply:
                self.failed.append(reply)

    def stop(self) -> None:
        self._enough.set()
        self._thread.join(DEADLINE)


@contextmanager
def run_load_clients(installation: Installation) -> Iterator[list[LoadClient]]:
    """Run two clients on finger, one on the web with a new connection per request, and one that reuses its
    connection."""
    kept = http.client.HTTPConnection("localhost", installation.web_port, timeout=DEADLINE)

    def over_reused_connection() -> str:
        if clients[-1].count % 500 == 499:
            kept.close()  # a connection ends after 1000 requests
        return get_page(kept, "/users/alice")

    def over_new_connection() -> str:
        browser = http.client.HTTPConnection("localhost", installation.web_port, timeout=DEADLINE)
        try:
            return get_page(browser, "/users/alice")
        finally:
            browser.close()

    def over_finger() -> str:
        return query_finger(installation.finger_port, "alice")

    clients: list[LoadClient] = []
    try:
        for ask in (over_finger, over_finger, over_new_connection, over_reused_connection):
            clients.append(LoadClient(ask))
        yield clients
    finally:
        for each in clients:
            each.stop()
        kept.close()


def test_R036_100_reloads_under_load_valid_and_invalid_in_turn_fail_no_request(tmp_path: Path) -> None:
    installation = make_installation(tmp_path)
    rewrite(installation, ("60000", "6000000"))
    good = installation.settings.read_text()
    with run_gateway(installation) as gateway, run_load_clients(installation) as clients:
        sockets = listening_sockets(installation)
        began = time.monotonic()
        outcomes = []
        for number in range(100):
            if number % 2:
                installation.settings.write_text(good + "[nothing]\n")
            else:
                installation.settings.write_text(good.replace("The Tea Club", f"Club {number}"))
            answer = control.send_verb(tmp_path / "control.sock", "reload", DEADLINE)
            outcomes.append("errors" if "errors" in answer else answer["changed"])
        took = time.monotonic() - began
        assert outcomes == [["site.name"], "errors"] * 50
        for each in clients:
            each.stop()
        assert listening_sockets(installation) == sockets
        assert gateway.process.poll() is None
    assert [each.failed for each in clients] == [[]] * 4
    assert all(each.count > 50 for each in clients), [each.count for each in clients]
    print(f"100 reloads in {took:.1f} s, {sum(each.count for each in clients)} requests meanwhile, none failed")


def test_R036_reloads_requested_during_a_reload_run_after_it(tmp_path: Path) -> None:
    installation = make_installation(tmp_path)
    with run_gateway(installation) as gateway:
        answers: list[object] = []

        def ask() -> None:
            answers.append(control.send_verb(tmp_path / "control.sock", "reload", DEADLINE))

        threads = [threading.Thread(target=ask) for _ in range(20)]
        rewrite(installation, ("The Tea Club", "The Coffee Club"))
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(DEADLINE)
        assert len(answers) == 20
        assert answers.count({"changed": ["site.name"], "restart": []}) >= 1
        assert gateway.log.count("reloaded") < 20
