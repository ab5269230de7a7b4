"""Programs that people use as finger clients. Each shows the requested person completely and with all letters; their
queries are checked too (the rows with source "client" in behaviours/finger.md). All of them use one gateway on port
79 of a network namespace."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.peers.isolated_gateway import (
    OTHER_ADDRESS,
    IsolatedGateway,
    TerminalScreen,
    open_terminal,
    run_isolated_gateway,
)
from tests.unit.finger.test_answers import ALICE_PLAIN

FACTS = ("Alice Adams", "Keeper of the kettle", "https://alice.example/", "A better teapot", "First line", "ally")
NAME = "Žofie Černá"
PLAN = ("Tea at five.", "Bez mléka, díky.")
NO_ONE = "No one is logged on."
MAPILLI = str(Path(sys.executable).with_name("mapilli"))
LINKS = ("links2", "-html-assume-codepage", "utf-8")
ELINKS = ("elinks", "-no-home", "-eval", 'set mime.default_type = "text/plain"')
PROBING = ("nmap", "-sV", "-Pn", "-n", "-p", "79")
EMACS = """
(progn
  (require 'net-utils)
  (finger "zofie" "dir.test")
  (while (process-live-p (get-buffer-process "*Finger [zofie@dir.test]*"))
    (accept-process-output nil 0.1))
  (princ (with-current-buffer "*Finger [zofie@dir.test]*" (buffer-string))))
"""


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[IsolatedGateway]:
    with run_isolated_gateway(tmp_path_factory.mktemp("gateway")) as installation:
        yield installation


@pytest.fixture(scope="module", autouse=True)
def nmap_process(gateway: IsolatedGateway) -> Iterator["subprocess.Popen[bytes]"]:
    """Start nmap with its finger probes before the other tests, because it waits for most of its time."""
    with gateway.start(*PROBING, "--version-light", OTHER_ADDRESS) as nmap:
        yield nmap


def run_client(gateway: IsolatedGateway, command: tuple[str, ...], reply: bytes, query: str) -> str:
    """Return the output of *command*. It must send *query*."""
    printed: list[bytes] = []
    assert gateway.collect_queries(lambda: printed.append(gateway.run(*command, stdin=reply))) == [query]
    return printed[0].decode()


PERSON = [
    pytest.param(("lynx", "-dump", "finger://localhost/zofie"), b"", "zofie", id="F044 lynx"),
    pytest.param((*ELINKS, "-dump", "finger://zofie@localhost/"), b"", " zofie", id="F049 elinks"),
    pytest.param(("w3m", "-dump", "gopher://localhost:79/0zofie"), b"", "zofie", id="F006 w3m"),
    pytest.param(("curl", "-s", "gopher://localhost:79/0zofie"), b"", "zofie", id="F044 curl gopher"),
    pytest.param(("curl", "-s", "telnet://localhost:79"), b"zofie\r\n", "zofie", id="F002 curl telnet"),
    pytest.param(("nc", "-N", "localhost", "79"), b"zofie\r\n", "zofie", id="F008 nc -N"),
    pytest.param(("nc", "-N", "localhost", "79"), b"zofie", "zofie", id="F007 nc -N without an end"),
    pytest.param(("ncat", "localhost", "79"), b"zofie\n", "zofie", id="F006 F008 ncat"),
    pytest.param(("socat", "-", "TCP:localhost:79"), b"zofie\n", "zofie", id="F006 F008 socat"),
    pytest.param(("emacs", "-Q", "--batch", "--eval", EMACS), b"", "zofie@dir.test", id="F078 emacs"),
]


@pytest.mark.parametrize(("command", "reply", "query"), PERSON)
def test_a_person(gateway: IsolatedGateway, command: tuple[str, ...], reply: bytes, query: str) -> None:
    """F025, F027: the name arrives complete. elinks reflows the answer as a paragraph."""
    printed = " ".join(run_client(gateway, command, reply, query).split())
    assert all(text in printed for text in (NAME, *PLAN)), printed


def test_F044_F027_debian_finger(gateway: IsolatedGateway) -> None:
    """It treats bytes as Latin-1 and escapes 80 to 9F, such as the second byte of Č; the rest is complete."""
    printed: list[bytes] = []
    assert gateway.collect_queries(lambda: printed.append(gateway.run("finger", "zofie@localhost"))) == ["zofie"]
    assert b"Name:       \xc5\xbdofie \xc4M-^Lern\xc3\xa1\n" in printed[0]
    assert b"Tea at five.\n    Bez ml\xc3\xa9ka, d\xc3\xadky.\n" in printed[0]


def test_F044_debian_finger_shows_exactly_what_was_sent(gateway: IsolatedGateway) -> None:
    assert gateway.run("finger", "alice@localhost").endswith(ALICE_PLAIN.replace(b"\r\n", b"\n"))


def test_F002_F008_clients_that_pass_bytes_on_show_exactly_what_was_sent(gateway: IsolatedGateway) -> None:
    assert gateway.run("nc", "-N", "localhost", "79", stdin=b"alice\r\n") == ALICE_PLAIN
    assert gateway.run("ncat", "localhost", "79", stdin=b"alice\r\n") == ALICE_PLAIN
    assert gateway.run("socat", "-", "TCP:localhost:79", stdin=b"alice\r\n") == ALICE_PLAIN
    assert gateway.run("curl", "-s", "gopher://localhost:79/0alice") == ALICE_PLAIN


VERBOSE = [
    pytest.param(("finger", "-l", "alice@localhost"), "/W alice", id="F045 finger -l"),
    pytest.param(("lynx", "-dump", "finger://localhost/alice/w"), "/w alice", id="F046 lynx"),
    pytest.param((*LINKS, "-dump", "finger://alice@localhost/"), "/W alice", id="F045 links2"),
    pytest.param((MAPILLI, "-W", "alice@localhost"), "/W alice", id="F045 mapilli"),
    pytest.param(("curl", "-s", "gopher://localhost:79/0/W%20alice"), "/W alice", id="F045 curl"),
]


@pytest.mark.parametrize(("command", "query"), VERBOSE)
def test_a_person_in_long_format(gateway: IsolatedGateway, command: tuple[str, ...], query: str) -> None:
    """links2 reflows the answer as a paragraph."""
    printed = " ".join(run_client(gateway, command, b"", query).split())
    assert all(text in printed for text in FACTS), printed


LISTS = [
    pytest.param(("finger", "@localhost"), "", id="F039 finger"),
    pytest.param(("finger", "-l", "@localhost"), "/W ", id="F042 finger -l"),
    pytest.param(("lynx", "-dump", "finger://localhost/"), "", id="F039 lynx"),
    pytest.param((*ELINKS, "-dump", "finger://localhost/"), "", id="F039 elinks"),
    pytest.param((*LINKS, "-dump", "finger://localhost/"), "/W ", id="F042 links2"),
    pytest.param((MAPILLI, "@dir.test"), "@dir.test", id="F079 mapilli"),
    pytest.param((MAPILLI, "-W", "@dir.test"), "/W @dir.test", id="F079 mapilli -W"),
    pytest.param((MAPILLI, "-h", "localhost"), "", id="F039 mapilli with a host apart"),
    pytest.param(("curl", "-s", "gopher://localhost:79/0"), "", id="F039 curl"),
]


@pytest.mark.parametrize(("command", "query"), LISTS)
def test_the_empty_query(gateway: IsolatedGateway, command: tuple[str, ...], query: str) -> None:
    assert NO_ONE in run_client(gateway, command, b"", query)


def test_F044_mapilli_shows_all_ASCII_text(gateway: IsolatedGateway) -> None:
    """It decodes nothing else: charset = "ascii" exists for such clients."""
    printed = run_client(gateway, (MAPILLI, "zofie@localhost"), b"", "zofie")
    assert "ofie" in printed
    assert PLAN[0] in printed


def test_F073_curl_by_http_learns_that_this_is_finger(gateway: IsolatedGateway) -> None:
    printed = gateway.run("curl", "-s", "--http0.9", "http://localhost:79/users/alice")
    assert printed == b"This is a finger server; web: https://dir.test/users/alice\r\n"


def test_F075_curl_by_dict_gets_an_answer(gateway: IsolatedGateway) -> None:
    """It sends a CLIENT line first; only that line is answered."""
    query = run_client(gateway, ("curl", "-s", "dict://localhost:79/d:alice"), b"", "CLIENT libcurl " + run_libcurl())
    assert "no such user" in query


def run_libcurl() -> str:
    found = re.search(r"libcurl/(\S+)", subprocess.run(["curl", "-V"], capture_output=True, check=True).stdout.decode())
    assert found
    return found[1]


# in a terminal


SHOWN = [
    pytest.param(("lynx", "finger://localhost/zofie"), id="F044 lynx"),
    pytest.param((*ELINKS, "finger://zofie@localhost/"), id="F049 elinks"),
    pytest.param((*LINKS, "finger://zofie@localhost/"), id="F045 links2"),
    pytest.param(("w3m", "gopher://localhost:79/0zofie"), id="F006 w3m"),
    pytest.param(("bombadillo", "finger://zofie@localhost"), id="F044 bombadillo"),
]


@pytest.mark.parametrize("command", SHOWN)
def test_F027_a_person_on_a_terminal_screen(gateway: IsolatedGateway, tmp_path: Path, command: tuple[str, ...]) -> None:
    """80 columns suffice: no line is wrapped, and what is aligned with spaces stays aligned."""
    (tmp_path / ".links2").mkdir()
    (tmp_path / ".links2" / "links.cfg").write_text("save_url_history 0\n")  # otherwise it shows a welcome page first
    with open_terminal(gateway, tmp_path, *command) as terminal:
        lines = [line.rstrip() for line in terminal.wait_for(NAME, *PLAN).splitlines()]
    assert f"Name:       {NAME}" in lines
    assert lines[lines.index(PLAN[0]) + 1] == "    " + PLAN[1]


def test_F044_a_person_on_the_screen_of_a_shell(gateway: IsolatedGateway, tmp_path: Path) -> None:
    with open_terminal(gateway, tmp_path, "sh", "-c", "finger alice@localhost; exec cat") as terminal:
        assert shows_lines(terminal, ALICE_PLAIN.decode().splitlines())


def shows_lines(terminal: TerminalScreen, lines: list[str]) -> bool:
    """Are *lines* on the screen, one below the other?"""
    screen = [line.rstrip() for line in terminal.wait_for(*lines).splitlines()]
    first = screen.index(lines[0])
    return screen[first : first + len(lines)] == lines


# scanners


def test_F074_nmap_identifies_finger(gateway: IsolatedGateway, nmap_process: "subprocess.Popen[bytes]") -> None:
    assert nmap_process.stdout is not None
    reply = nmap_process.stdout.read().decode()
    assert re.search(r"^79/tcp open +finger", reply, re.MULTILINE), reply
    assert {entry["outcome"] for entry in gateway.read_access_log(OTHER_ADDRESS)} <= {
        "listed",
        "served",
        "not_found",
        "refused",
        "empty",
        "invalid",
    }
    assert "GET / HTTP/1.0" in [entry["query"] for entry in gateway.read_access_log(OTHER_ADDRESS)]
    assert_quiet(gateway)


@pytest.mark.long
def test_F074_nmap_with_all_its_probes(gateway: IsolatedGateway) -> None:
    reply = subprocess.run(
        gateway.inside_network(*PROBING, "--version-all", OTHER_ADDRESS), capture_output=True, timeout=300, check=True
    )
    assert re.search(rb"^79/tcp open +finger", reply.stdout, re.MULTILINE), reply
    assert_quiet(gateway)


def assert_quiet(gateway: IsolatedGateway) -> None:
    """Assert that the log holds only the start-up lines: strange bytes log nothing."""
    *_, last = gateway.process.log.splitlines()
    assert "listening on" in last
