"""Programs that people finger with: Debian's finger, nc, curl. Each sees what a bare socket sees."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.peers.finger_client import PATIENCE, Server, serve
from tests.unit.finger.test_answers import ALICE_PLAIN

FACTS = (
    "Alice Adams",
    "Keeper of the kettle",
    "https://alice.example/",
    "A better teapot",
    "First line",
    "Second line",
)


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serve(tmp_path_factory.mktemp("gateway")) as server:
        yield server


@pytest.fixture
def services(gateway: Server, tmp_path: Path) -> Path:
    """A services file in which finger is at the gateway's port."""
    file = tmp_path / "services"
    file.write_text(f"finger\t{gateway.port}/tcp\n")
    return file


def run(*command: str, said: bytes = b"", **environment: str) -> bytes:
    done = subprocess.run(
        command, input=said, capture_output=True, timeout=PATIENCE, env={**os.environ, **environment}, check=False
    )
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


def debian(services: Path, *words: str) -> bytes:
    """What Debian's finger prints; /etc/services is ours for it alone."""
    script = 'mount --bind "$SERVICES" /etc/services && exec finger "$@"'
    return run("unshare", "-m", "sh", "-c", script, "finger", *words, SERVICES=str(services))


def test_F044_debian_finger(gateway: Server, services: Path) -> None:
    before = gateway.settled()
    printed = debian(services, "alice@localhost")
    assert printed.endswith(ALICE_PLAIN.replace(b"\r\n", b"\n"))
    (record,) = gateway.records(before + 1)[before:]
    assert (record["query"], record["outcome"]) == ("alice", "found")


def test_F045_debian_finger_verbose(gateway: Server, services: Path) -> None:
    before = gateway.settled()
    printed = debian(services, "-l", "alice@localhost").decode()
    assert all(fact in printed for fact in (*FACTS, "Also:       ally"))
    assert gateway.records(before + 1)[before]["query"] == "/W alice"


@pytest.mark.parametrize(("words", "query"), [(["@localhost"], ""), (["-l", "@localhost"], "/W ")])
def test_F039_F042_debian_finger_without_a_name(gateway: Server, services: Path, words: list[str], query: str) -> None:
    before = gateway.settled()
    assert b"No one is logged on." in debian(services, *words)
    record = gateway.records(before + 1)[before]
    assert (record["query"], record["verb"]) == (query, "list")


def test_F102_debian_finger_and_somebody_hidden(services: Path) -> None:
    assert b"carol: no such user." in debian(services, "carol@localhost")


def test_F025_debian_finger_and_a_name_in_UTF_8(services: Path) -> None:
    """Debian's client takes bytes for Latin-1 and spells those from 80 to 9F out, as the second of Č; the rest is whole."""
    assert b"Name:       \xc5\xbdofie \xc4M-^Lern\xc3\xa1\n" in debian(services, "zofie@localhost")


def test_F008_nc(gateway: Server) -> None:
    assert run("nc", "-N", "127.0.0.1", str(gateway.port), said=b"alice\r\n") == ALICE_PLAIN


def test_F006_nc_with_a_bare_LF(gateway: Server) -> None:
    assert run("nc", "-N", "127.0.0.1", str(gateway.port), said=b"alice\n") == ALICE_PLAIN


def test_F044_curl_by_gopher(gateway: Server) -> None:
    assert run("curl", "-s", f"gopher://127.0.0.1:{gateway.port}/0alice") == ALICE_PLAIN


def test_F045_curl_by_gopher_verbose(gateway: Server) -> None:
    printed = run("curl", "-s", f"gopher://127.0.0.1:{gateway.port}/0/W%20alice").decode()
    assert all(fact in printed for fact in (*FACTS, "Also:       ally"))


def test_F002_curl_by_telnet(gateway: Server) -> None:
    assert run("curl", "-s", f"telnet://127.0.0.1:{gateway.port}", said=b"alice\r\n") == ALICE_PLAIN


def test_F073_curl_by_http_gets_text_and_an_end(gateway: Server) -> None:
    """Not yet the word that F073 asks for: one line, CRLF, no reset."""
    printed = run("curl", "-s", "--http0.9", f"http://127.0.0.1:{gateway.port}/users/alice")
    assert printed == b"GET /users/alice HTTP/1.1: no such user.\r\n"
