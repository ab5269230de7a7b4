"""examples/behind_haproxy: its commands as they stand, with the real haproxy before finger and the web, by both versions of
the PROXY protocol; and raw headers past it, of a proxy and of strangers."""

import os
import re
import select
import shlex
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace

import pytest

from tests.peers.gateway import (
    CHECKOUT,
    DEADLINE,
    Place,
    Running,
    command,
    free_port,
    launched,
    listening,
    run_readme_commands,
    until,
    web,
)
from tests.peers.limits import FRANK, connect, read, said
from tests.unit.fixtures import make_create_edit, write_edits
from tests.unit.proxy import LOCAL, addresses, relayed, v1, v2

EXAMPLE = CHECKOUT / "examples" / "behind_haproxy"
README = (EXAMPLE / "README.md").read_text()
COMMANDS = [line.strip() for line in re.findall(r"^    (\S.*)", README, re.MULTILINE)]
HAPROXY = shutil.which("haproxy", path=f"{os.environ['PATH']}:/usr/sbin") or "haproxy"
TIMEOUT = 2.0
LIMITS = f"""
[limits]
connections_per_address = 5
queries_per_minute = 30
timeout = "{TIMEOUT:.0f}s"
[metrics]
listen = "tcp:%d:interface=127.0.0.1"
"""
CERTIFICATE = "openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=localhost -keyout tls.pem -out tls.crt -days 2"
SHY = {"login": "shy", "name": "Shy Sue", "email": "shy@dir.test", "visibility": {"email": "members"}}


@dataclass(frozen=True)
class Behind(Place):
    """A Place whose ports a proxy alone may ask."""

    metrics: int = 0
    tls: int = 0

    def counted(self, outcome: str) -> int:
        """Connections to finger that came to no header, or not further than to one."""
        told = web(self.metrics, "/metrics")[1]
        label = f'outcome="{outcome}",protocol="finger",verb="header"'
        found = re.search(rf"^finger_gateway_requests_total{{{label}}} (\d+)", told, re.MULTILINE)
        return int(found[1]) if found else 0

    def about(self, query: str) -> tuple[str, str, str]:
        """Protocol, peer and outcome of the first record of *query*."""
        (one, *_) = until(lambda: [each for each in self.records() if each["query"] == query], f"the record of {query}")
        return one["protocol"], one["peer"], one["outcome"]

    def unasked(self) -> list[dict[str, object]]:
        """Records of haproxy's own connections."""
        return [each for each in self.records() if each["peer"] == "127.0.0.1" and not each["query"]]


def someone() -> str:
    """A name that nobody has, and no other question."""
    return f"nobody{time.monotonic_ns()}"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Behind:
    """What the README's commands make, but for the ports, with limits that a test can reach."""
    folder = tmp_path_factory.mktemp("place") / "behind"
    *before, check, run = COMMANDS
    assert (check, run) == ("finger-gateway check", "finger-gateway run & haproxy -db -f haproxy.cfg")
    run_readme_commands(before, "/tmp/behind", folder)
    place = Behind(folder, free_port(), free_port(), metrics=free_port(), tls=free_port())
    text = place.settings.read_text().replace("1179", str(place.finger)).replace("8180", str(place.web))
    text = text.replace("[web]", "max_plan_bytes = 200000\n[web]", 1).replace(
        "[site]", '[site]\nmembers = ["192.0.2.0/24"]'
    )
    place.settings.write_text(text + LIMITS % place.metrics)
    first = place.settings.read_text().replace(
        ':interface=127.0.0.1"]',
        f':interface=127.0.0.1", "haproxy:ssl:{place.tls}:privateKey=tls.pem:interface=127.0.0.1"]',
        1,
    )
    place.settings.write_text(first)
    subprocess.run(shlex.split(CERTIFICATE), cwd=folder, check=True, capture_output=True)
    write_edits(place.database, [make_create_edit(FRANK), make_create_edit(SHY)])
    with (folder / "tls.pem").open("ab") as both:
        both.write((folder / "tls.crt").read_bytes())
    assert place.command("check").err == ""
    return place


@pytest.fixture(scope="module")
def gateway(place: Behind) -> Iterator[Running]:
    with launched(place.folder, [place.finger, place.web], "run", "-c", place.settings) as running:
        yield running
    for raw in ("\x1b", "evil", "PROXY TCP"):
        assert raw not in running.log


@dataclass(frozen=True)
class Front:
    """haproxy's ports."""

    finger: int
    web: int


@contextmanager
def haproxy(place: Behind, how: str) -> Iterator[Front]:
    """haproxy with the example's configuration, but for the ports, telling of clients by *how*."""
    front = Front(free_port(), free_port())
    file = place.folder / f"{how.replace(' ', '-')}.cfg"
    text = (place.folder / "haproxy.cfg").read_text()
    for port, own in ((1079, front.finger), (8080, front.web), (1179, place.finger), (8180, place.web)):
        assert f":{port} " in text
        text = text.replace(f":{port} ", f":{own} ")
    finger, web = text.split("\nbackend web")
    finger = finger.replace("send-proxy-v2 check inter 2s", f"{how} check inter 50ms")
    web = web.replace("send-proxy-v2 check inter 2s", f"{how.removeprefix('ssl verify none ')} check inter 50ms")
    file.write_text(f"{finger}\nbackend web{web}")
    with (place.folder / f"{how}.log").open("wb") as log:
        process = subprocess.Popen([HAPROXY, "-db", "-f", file], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        until(lambda: listening(front.finger) and listening(front.web), "haproxy")
        yield front
        assert process.poll() is None
    finally:
        process.terminate()
        process.wait(DEADLINE)


@pytest.fixture(scope="module", params=["send-proxy-v2", "send-proxy"])
def front(place: Behind, gateway: Running, request: pytest.FixtureRequest) -> Iterator[Front]:
    with haproxy(place, request.param) as made:
        yield made


def get(port: int, path: str, source: str) -> bytes:
    return said(port, f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode(), source=source)


# through haproxy


def test_F019_records_have_the_client_s_own_address(place: Behind, front: Front) -> None:
    one, other = someone(), someone()
    assert said(front.finger, one.encode() + b"\r\n", source="127.0.0.5") == f"{one}: no such user.\r\n".encode()
    assert get(front.web, f"/users/{other}.txt", "127.0.0.6").startswith(b"HTTP/1.1 404 ")
    assert place.about(one) == ("finger", "127.0.0.5", "not_found")
    assert place.about(other) == ("web", "127.0.0.6", "not_found")


def test_F008_half_a_close_goes_through_haproxy_and_the_answer_comes_back(front: Front) -> None:
    done = subprocess.run(
        ["nc", "-N", "127.0.0.1", str(front.finger)], input=b"alice", capture_output=True, timeout=DEADLINE, check=True
    )
    assert b"Alice Adams" in done.stdout and done.stdout.endswith(b"\r\n")


def test_F019_limits_are_each_client_s(front: Front, request: pytest.FixtureRequest) -> None:
    one, other, crowd = (f"127.0.{'send-proxy-v2' in request.node.name:d}.{last}" for last in (11, 12, 13))
    answers = [said(front.finger, b"nobody\r\n", source=one) for _ in range(31)]
    assert [answer.startswith(b"Too many queries") for answer in answers] == [False] * 30 + [True]
    assert said(front.finger, b"nobody\r\n", source=other) == b"nobody: no such user.\r\n"
    held = [connect(front.finger, source=crowd) for _ in range(6)]
    told, _, _ = select.select(held, [], [], DEADLINE)
    assert len(told) == 1 and read(told[0]) == b"Too many connections, try again later.\r\n"
    assert said(front.finger, b"nobody\r\n", source=other) == b"nobody: no such user.\r\n"
    for each in held:
        each.close()


def test_a_long_answer_to_a_slow_reader_arrives_whole(front: Front) -> None:
    with connect(front.finger, source="127.0.0.14", receive_buffer=2048) as slow:
        slow.sendall(b"frank\r\n")
        answer = b""
        while piece := slow.recv(1500):
            answer += piece
    lines = answer.decode().split("\r\n")
    assert [line for line in lines if line.endswith("x" * 92)][-1].startswith("000999")
    assert len(answer) > 100_000


def test_health_checks_leave_no_noise(place: Behind, gateway: Running) -> None:
    """Of finger: a header that names nobody, then nothing. Of the web: /readyz. The server is up all the time."""
    log = gateway.log
    with haproxy(place, "send-proxy-v2") as front:
        before = place.counted("empty")
        until(lambda: place.counted("empty") >= before + 10, "ten checks")
        asked = someone()
        said(front.finger, asked.encode() + b"\r\n", source="127.0.0.15")
        assert place.about(asked) == ("finger", "127.0.0.15", "not_found")
    assert place.unasked() == []
    assert gateway.log == log
    assert "DOWN" not in (place.folder / "send-proxy-v2.log").read_text()


def test_a_header_before_tls_is_what_haproxy_sends(place: Behind, gateway: Running) -> None:
    with haproxy(replace(place, finger=place.tls), "ssl verify none send-proxy-v2") as front:
        asked = someone()
        answer = said(front.finger, asked.encode() + b"\r\n", source="127.0.0.16")
        assert answer == f"{asked}: no such user.\r\n".encode()
        assert place.about(asked) == ("finger", "127.0.0.16", "not_found")


# past haproxy


def refused(place: Behind, *parts: bytes, source: str | None = None) -> bool:
    """Is a connection that says *parts* closed before it is answered?"""
    try:
        return said(place.finger, *parts, source=source) == b""
    except (ConnectionResetError, BrokenPipeError):
        return True


def test_R034_headers_of_strangers_hostile_ones_and_split_ones(place: Behind, gateway: Running) -> None:
    assert refused(place, v1() + b"alice\r\n", source="127.0.0.2")
    assert refused(place, b"PROXY TCP4 evil\x1b[31m 203.0.113.9 1 79\r\nalice\r\n")
    assert refused(place, b"PROXY TCP4 198.51.100.7 203.0.113.9 1 99999\r\nalice\r\n")
    assert refused(place, b"alice\r\n")
    assert refused(place, v2(0x21, 0x41, addresses()) + b"alice\r\n")
    here = "127.0.0.1"
    for header, peer in (
        (b"PROXY UNKNOWN\r\n", here),
        (b"PROXY UNKNOWN \x1b[31mevil\r\n", here),
        (v2(LOCAL, 0, b""), here),
        (v1(), "198.51.100.7"),
        (relayed(), "198.51.100.7"),
    ):
        asked = someone()
        with connect(place.finger) as client:
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for byte in header + asked.encode() + b"\r\n":
                client.sendall(bytes([byte]))
            assert read(client) == f"{asked}: no such user.\r\n".encode()
        assert place.about(asked) == ("finger", peer, "not_found")
    (told,) = [line for line in gateway.log.splitlines() if "no PROXY header" in line]
    assert "127.0.0.2" in told and "finger.trusted_proxies" in told


def test_F019_members_and_limits_go_by_the_header(place: Behind, gateway: Running) -> None:
    for source, sees in (("192.0.2.1", True), ("198.51.100.8", False), ("2001:db8::8", False)):
        here = "2001:db8::9" if ":" in source else "203.0.113.9"
        for header in (v1(source, here), relayed(source, here)):
            assert (b"shy@dir.test" in said(place.finger, header + b"shy\r\n")) is sees


def test_R031_a_header_that_trickles_is_cut_at_its_deadline(place: Behind, gateway: Running) -> None:
    with connect(place.finger) as client, connect(place.finger) as silent:
        began = time.monotonic()
        client.settimeout(0.5)
        with suppress(ConnectionResetError, BrokenPipeError):
            for byte in v1():
                client.sendall(bytes([byte]))
                with suppress(TimeoutError):
                    assert client.recv(1) == b""
                    break
        assert TIMEOUT - 0.1 < time.monotonic() - began < TIMEOUT + 1.5
        with suppress(ConnectionResetError):
            assert silent.recv(1) == b""
        assert time.monotonic() - began < TIMEOUT + 1.5


# check


def test_F019_check_warns_of_an_endpoint_that_anybody_can_reach(place: Behind) -> None:
    text = place.settings.read_text().replace(f"{place.finger}:interface=127.0.0.1", str(place.finger), 1)
    file = place.folder / "open.toml"
    file.write_text(text)
    told = command("-c", file, "check", folder=place.folder)
    assert told.err == (
        f"warning: finger.listen[0]: 'haproxy:tcp:{place.finger}' listens on every address: make sure that only the proxy "
        "can reach it (interface=...)\n"
    )
    file.write_text(text.replace('trusted_proxies = ["127.0.0.1"]', 'trusted_proxies = ["localhost"]', 1))
    told = command("-c", file, "check", folder=place.folder, code=2)
    assert "finger.trusted_proxies[0]: found 'localhost'" in told.err
