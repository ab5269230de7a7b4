"""`finger-gateway run`, twist and twistd: what serves, how it starts and how it ends."""

import json
import signal
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.peers.gateway_process import (
    Installation,
    http_get,
    is_listening,
    join_irc,
    make_installation,
    query_finger,
    run_command,
    run_fake_irc_server,
    run_gateway,
    run_ngircd,
    start_process,
    wait_until,
)

SLOW = '''
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater


class Slow:
    """Delays some logins, and records each lookup of them."""

    restricts = True
    cache_ttl = timedelta(seconds=60)

    def __init__(self, file: str, seconds: float) -> None:
        self._file, self._seconds = Path(file), seconds

    async def get(self, login):
        if login in ("alice", "hung"):
            with self._file.open("a") as log:
                log.write(login + "\\n")
            await (Deferred() if login == "hung" else deferLater(reactor, self._seconds))
        return None

    async def everyone(self):
        return
        yield
'''


def make_slow_installation(folder: Path, seconds: float = 1.0, irc: int | None = None) -> Installation:
    """Create an installation with a custom source that takes *seconds* for alice and never answers for hung."""
    (folder / "slow_people.py").write_text(SLOW)
    source = '[sources.slow]\nclass = "slow_people:Slow"\n'
    options = f'options = {{ file = "{folder}/lookups", seconds = {seconds} }}\n'
    return make_installation(folder, irc, more=source + options)


def wait_for_lookups(installation: Installation, count: int = 1) -> list[str]:
    """Return the logins that were looked up in the slow source, once there are *count*."""
    file = installation.folder / "lookups"
    return wait_until(
        lambda: lines if file.exists() and len(lines := file.read_text().split()) >= count else [], "the slow source"
    )


@contextmanager
def open_query(port: int, query: str) -> Iterator[socket.socket]:
    """Open a connection and send *query*. It is closed by a reset, as when a client is killed, if data is left
    unread."""
    with socket.create_connection(("127.0.0.1", port), 20) as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        connection.sendall(query.encode() + b"\r\n")
        yield connection


def read_to_end(connection: socket.socket) -> str:
    return b"".join(iter(lambda: connection.recv(65536), b"")).decode()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_R037_on_a_signal_the_query_in_flight_is_answered_and_the_bot_sends_QUIT(
    tmp_path: Path, number: signal.Signals
) -> None:
    with run_fake_irc_server() as server:
        installation = make_slow_installation(tmp_path, irc=server.port)
        with run_gateway(installation) as gateway:
            bot = server.bot
            with open_query(installation.finger_port, "alice") as connection:
                wait_for_lookups(installation)
                began = time.monotonic()
                gateway.send(number)
                assert "Alice Adams" in read_to_end(connection)
            reply = bot.wait_for(lambda line: line.startswith("QUIT"), "QUIT")
            assert reply.startswith("QUIT :") and len(reply) > len("QUIT :")
            assert gateway.wait() == 0
            took = time.monotonic() - began
        assert took < 5
        print(f"{number.name}: ended {took:.2f} s after it, with a query of 1 s in flight")
        assert [(each["query"], each["outcome"]) for each in installation.read_access_log()] == [("alice", "found")]


def test_R037_on_ngircd_other_users_see_the_bot_quit(tmp_path: Path) -> None:
    with run_ngircd(tmp_path) as port, join_irc(port, "watcher", "#tea") as watcher:
        installation = make_slow_installation(tmp_path, irc=port)
        with run_gateway(installation) as gateway:
            watcher.wait_for(lambda line: line.startswith(":fingerbot!") and " JOIN " in line, "the bot")
            with open_query(installation.finger_port, "alice") as connection:
                wait_for_lookups(installation)
                gateway.send()
                assert "Alice Adams" in read_to_end(connection)
            quit_ = watcher.wait_for(lambda line: line.startswith(":fingerbot!") and " QUIT " in line, "QUIT")
            assert "finger gateway is going down" in quit_
            assert gateway.wait() == 0


def test_R037_a_hung_source_does_not_delay_the_stop(tmp_path: Path) -> None:
    installation = make_slow_installation(tmp_path)
    with run_gateway(installation) as gateway, open_query(installation.finger_port, "hung") as connection:
        wait_for_lookups(installation)
        began = time.monotonic()
        assert gateway.stop(seconds=8) == 0
        took = time.monotonic() - began
        assert took <= 5
        print(f"a hung source: ended after {took:.2f} s")
        assert read_to_end(connection) == "The directory is unavailable, try again later.\r\n"


def test_R037_a_second_signal_stops_at_once(tmp_path: Path) -> None:
    installation = make_slow_installation(tmp_path)
    with run_gateway(installation) as gateway, open_query(installation.finger_port, "hung"):
        wait_for_lookups(installation)
        gateway.send()
        wait_until(lambda: not is_listening(installation.finger_port), "the end of listening")
        began = time.monotonic()
        gateway.send()
        assert gateway.wait() == 0
        assert time.monotonic() - began < 1


def test_R037_no_connection_is_accepted_while_it_stops(tmp_path: Path) -> None:
    installation = make_slow_installation(tmp_path)
    with run_gateway(installation) as gateway, open_query(installation.finger_port, "alice") as connection:
        wait_for_lookups(installation)
        gateway.send()
        wait_until(
            lambda: not is_listening(installation.finger_port) and not is_listening(installation.web_port),
            "the end of listening",
        )
        with pytest.raises(ConnectionRefusedError):
            query_finger(installation.finger_port, "bob")
        assert "Alice Adams" in read_to_end(connection)


def test_R026_100_queries_for_one_slow_login_cause_one_source_lookup(tmp_path: Path) -> None:
    installation = make_slow_installation(tmp_path)
    with run_gateway(installation):
        connections = [socket.create_connection(("127.0.0.1", installation.finger_port), 20) for _ in range(100)]
        for connection in connections:
            connection.sendall(b"alice\r\n")
        answers = {read_to_end(connection) for connection in connections}
        for connection in connections:
            connection.close()
        assert len(answers) == 1
        assert "Alice Adams" in answers.pop()
        assert wait_for_lookups(installation) == ["alice"]
        assert [each["outcome"] for each in installation.wait_for_access_log(100)] == ["found"] * 100


def test_R026_a_slow_source_does_not_delay_other_people(tmp_path: Path) -> None:
    installation = make_slow_installation(tmp_path)
    with run_gateway(installation), open_query(installation.finger_port, "hung"):
        wait_for_lookups(installation)
        began = time.monotonic()
        assert "Bob Adams" in query_finger(installation.finger_port, "bob")
        assert time.monotonic() - began < 0.5


def test_a_client_that_disconnects_during_a_slow_lookup_causes_no_traceback(tmp_path: Path) -> None:
    installation = make_slow_installation(tmp_path)
    with run_gateway(installation):
        with open_query(installation.finger_port, "alice"):
            wait_for_lookups(installation)
        wait_until(
            lambda: [each for each in installation.read_access_log() if each["outcome"] == "gone"], "the log entry"
        )
        assert "Alice Adams" in query_finger(installation.finger_port, "alice")
        assert wait_for_lookups(installation) == ["alice"]


def test_start_time_and_memory(tmp_path: Path) -> None:
    with run_fake_irc_server() as server:
        installation = make_installation(tmp_path, server.port)
        began = time.monotonic()
        with run_gateway(installation, start=(sys.executable, "-P", "-m", "gateway")) as gateway:
            assert "Alice Adams" in query_finger(installation.finger_port, "alice")
            first = time.monotonic() - began
            assert not server.bot.closed
            print(f"start to the first answer: {first:.2f} s; resident: {gateway.memory_mib:.1f} MiB")


TWIST = Path(sys.executable).with_name("twist")
TWISTD = Path(sys.executable).with_name("twistd")


@pytest.mark.parametrize(
    "start",
    [(str(TWIST), "finger-gateway"), (str(TWISTD), "-n", "--pidfile=", "finger-gateway")],
    ids=["twist", "twistd"],
)
def test_the_twisted_plugin_serves_and_reports_a_port_in_use(tmp_path: Path, start: tuple[str, ...]) -> None:
    with run_fake_irc_server() as server:
        installation = make_installation(tmp_path, server.port)
        with start_process(
            tmp_path, [installation.finger_port, installation.web_port], "-c", installation.settings, start=start
        ) as gateway:
            assert "Alice Adams" in query_finger(installation.finger_port, "alice")
            assert not server.bot.closed
            taken = run_command("-c", installation.settings, folder=tmp_path, start=start, code=2)
            output = (taken.err + taken.out).splitlines()
            (line,) = (line for line in output if "finger.listen[0]" in line)
            assert f"tcp:{installation.finger_port}:interface=127.0.0.1" in line and "Address already in use" in line
            assert server.attempts == 1
            gateway.send()
            # Both raise the signal again after they have stopped.
            assert gateway.wait() in (0, -signal.SIGTERM)


@pytest.mark.parametrize("start", [(str(TWIST), "finger-gateway"), (str(TWISTD), "-n", "--pidfile=", "finger-gateway")])
def test_the_twisted_plugin_reports_errors_in_the_settings(tmp_path: Path, start: tuple[str, ...]) -> None:
    (tmp_path / "gateway.toml").write_text("[finger]\nlisteen = []\n")
    output = run_command(folder=tmp_path, start=start, code=2)
    assert output.out == ""
    (line,) = output.err.splitlines()
    assert line.startswith(
        f"{tmp_path}/gateway.toml: finger.listeen: unknown key; did you mean listen? (known: listen, "
    )
    assert line.endswith("trusted_proxies)")


def test_a_port_in_use_is_found_before_anything_else_starts(tmp_path: Path) -> None:
    with run_fake_irc_server() as server, socket.create_server(("127.0.0.1", 0)) as other:
        installation = make_installation(tmp_path, server.port)
        port = other.getsockname()[1]
        text = installation.settings.read_text().replace(f"tcp:{installation.web_port}:", f"tcp:{port}:")
        installation.settings.write_text(text)
        ran = installation.run("run", code=2)
        (line,) = ran.err.splitlines()
        assert line.startswith(
            f"{installation.settings}: web.listen[0]: cannot listen on 'tcp:{port}:interface=127.0.0.1'"
        )
        assert "Address already in use" in line
        assert server.attempts == 0
        assert not is_listening(installation.finger_port)
        assert sorted(each.name for each in tmp_path.iterdir()) == ["gateway.toml", "people.db"]


def test_all_ports_in_use_are_reported_at_once(tmp_path: Path) -> None:
    installation = make_installation(tmp_path)
    with (
        socket.create_server(("127.0.0.1", installation.finger_port)),
        socket.create_server(("127.0.0.1", installation.web_port)),
    ):
        ran = installation.run("run", code=2)
    assert [line.split(": ")[1] for line in ran.err.splitlines()] == ["finger.listen[0]", "web.listen[0]"]


def test_all_protocols_give_the_same_facts_and_log_one_entry_each(tmp_path: Path) -> None:
    with run_fake_irc_server() as server:
        installation = make_installation(tmp_path, server.port)
        with run_gateway(installation):
            reply = "\n".join(server.ask("alice"))
            text = query_finger(installation.finger_port, "alice")
            status, body = http_get(installation.web_port, "/users/alice.json")
            assert status == 200
            document = json.loads(body)
            for fact in ("Alice Adams", "Keeper of the kettle", "A better teapot", "First line", "Second line"):
                assert fact in text
                assert fact in reply
                assert fact in " ".join(map(str, document.values()))
            assert (document["name"], document["plan"]) == ("Alice Adams", "First line\nSecond line\n")
            for private in ("B12", "+420 555 0100", "Prague"):
                assert private not in text + reply + body
            entries = [each for each in installation.wait_for_access_log(4) if not each["query"].startswith("nobody")]
        assert [(each["protocol"], each["verb"], each["outcome"]) for each in entries] == [
            ("irc", "lookup", "found"), ("finger", "lookup", "found"), ("web", "lookup", "found"),
        ]  # fmt: skip
        assert [each["bytes"] > 0 and each["ms"] >= 0 and "reference" not in each for each in entries] == [True] * 3
        assert [each["peer"] for each in entries] == ["test/client", "127.0.0.0", "127.0.0.0"]
