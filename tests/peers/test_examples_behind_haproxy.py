"""examples/behind_haproxy: its commands as written, with the real haproxy in front of finger and web, with both
versions of the PROXY protocol; and raw headers, from the proxy and from strangers."""

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

from tests.peers.gateway_process import (
    CHECKOUT,
    DEADLINE,
    GatewayProcess,
    Installation,
    free_port,
    http_get,
    is_listening,
    run_command,
    run_readme_commands,
    start_process,
    wait_until,
)
from tests.peers.limits import FRANK, connect, read_to_end, send_and_read
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
class ProxiedInstallation(Installation):
    """An installation whose ports only a proxy may connect to."""

    metrics: int = 0
    tls: int = 0

    def count_header_outcomes(self, outcome: str) -> int:
        """Return how many finger connections ended with *outcome* before or at the PROXY header."""
        output = http_get(self.metrics, "/metrics")[1]
        label = f'outcome="{outcome}",protocol="finger",verb="header"'
        found = re.search(rf"^finger_gateway_requests_total{{{label}}} (\d+)", output, re.MULTILINE)
        return int(found[1]) if found else 0

    def log_summary(self, query: str) -> tuple[str, str, str]:
        """Return the protocol, peer and outcome of the first log entry for *query*."""
        (one, *_) = wait_until(
            lambda: [each for each in self.read_access_log() if each["query"] == query], f"the log entry of {query}"
        )
        return one["protocol"], one["peer"], one["outcome"]

    def haproxy_entries(self) -> list[dict[str, object]]:
        """Return the log entries of haproxy's own connections."""
        return [each for each in self.read_access_log() if each["peer"] == "127.0.0.1" and not each["query"]]


def unique_name() -> str:
    """Return a name that nobody has and no other query uses."""
    return f"nobody{time.monotonic_ns()}"


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> ProxiedInstallation:
    """What the README's commands make, but for the ports, with limits that a test can reach."""
    folder = tmp_path_factory.mktemp("place") / "behind"
    *before, check, run = COMMANDS
    assert (check, run) == ("finger-gateway check", "finger-gateway run & haproxy -db -f haproxy.cfg")
    run_readme_commands(before, "/tmp/behind", folder)
    installation = ProxiedInstallation(folder, free_port(), free_port(), metrics=free_port(), tls=free_port())
    text = (
        installation.settings.read_text()
        .replace("1179", str(installation.finger_port))
        .replace("8180", str(installation.web_port))
    )
    text = text.replace("[web]", "max_plan_bytes = 200000\n[web]", 1).replace(
        "[site]", '[site]\nmembers = ["192.0.2.0/24"]'
    )
    installation.settings.write_text(text + LIMITS % installation.metrics)
    first = installation.settings.read_text().replace(
        ':interface=127.0.0.1"]',
        f':interface=127.0.0.1", "haproxy:ssl:{installation.tls}:privateKey=tls.pem:interface=127.0.0.1"]',
        1,
    )
    installation.settings.write_text(first)
    subprocess.run(shlex.split(CERTIFICATE), cwd=folder, check=True, capture_output=True)
    write_edits(installation.database, [make_create_edit(FRANK), make_create_edit(SHY)])
    with (folder / "tls.pem").open("ab") as both:
        both.write((folder / "tls.crt").read_bytes())
    assert installation.run("check").err == ""
    return installation


@pytest.fixture(scope="module")
def gateway(installation: ProxiedInstallation) -> Iterator[GatewayProcess]:
    with start_process(
        installation.folder, [installation.finger_port, installation.web_port], "run", "-c", installation.settings
    ) as running:
        yield running
    for raw in ("\x1b", "evil", "PROXY TCP"):
        assert raw not in running.log


@dataclass(frozen=True)
class ProxyPorts:
    """haproxy's ports."""

    finger_port: int
    web: int


@contextmanager
def run_haproxy(installation: ProxiedInstallation, how: str) -> Iterator[ProxyPorts]:
    """Run haproxy with the example's configuration on other ports; *how* is the option that sends the PROXY header."""
    proxy_ports = ProxyPorts(free_port(), free_port())
    file = installation.folder / f"{how.replace(' ', '-')}.cfg"
    text = (installation.folder / "haproxy.cfg").read_text()
    for port, own in (
        (1079, proxy_ports.finger_port),
        (8080, proxy_ports.web),
        (1179, installation.finger_port),
        (8180, installation.web_port),
    ):
        assert f":{port} " in text
        text = text.replace(f":{port} ", f":{own} ")
    finger_port, web = text.split("\nbackend web")
    finger_port = finger_port.replace("send-proxy-v2 check inter 2s", f"{how} check inter 50ms")
    web = web.replace("send-proxy-v2 check inter 2s", f"{how.removeprefix('ssl verify none ')} check inter 50ms")
    file.write_text(f"{finger_port}\nbackend web{web}")
    with (installation.folder / f"{how}.log").open("wb") as log:
        process = subprocess.Popen([HAPROXY, "-db", "-f", file], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        wait_until(lambda: is_listening(proxy_ports.finger_port) and is_listening(proxy_ports.web), "haproxy")
        yield proxy_ports
        assert process.poll() is None
    finally:
        process.terminate()
        process.wait(DEADLINE)


@pytest.fixture(scope="module", params=["send-proxy-v2", "send-proxy"])
def proxy_ports(
    installation: ProxiedInstallation, gateway: GatewayProcess, request: pytest.FixtureRequest
) -> Iterator[ProxyPorts]:
    with run_haproxy(installation, request.param) as made:
        yield made


def get(port: int, path: str, source: str) -> bytes:
    return send_and_read(
        port, f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode(), source=source
    )


# through haproxy


def test_F019_log_entries_have_the_clients_own_address(
    installation: ProxiedInstallation, proxy_ports: ProxyPorts
) -> None:
    one, other = unique_name(), unique_name()
    assert (
        send_and_read(proxy_ports.finger_port, one.encode() + b"\r\n", source="127.0.0.5")
        == f"{one}: no such user.\r\n".encode()
    )
    assert get(proxy_ports.web, f"/users/{other}.txt", "127.0.0.6").startswith(b"HTTP/1.1 404 ")
    assert installation.log_summary(one) == ("finger", "127.0.0.5", "not_found")
    assert installation.log_summary(other) == ("web", "127.0.0.6", "not_found")


def test_F008_a_half_close_passes_haproxy_and_the_answer_comes_back(proxy_ports: ProxyPorts) -> None:
    done = subprocess.run(
        ["nc", "-N", "127.0.0.1", str(proxy_ports.finger_port)],
        input=b"alice",
        capture_output=True,
        timeout=DEADLINE,
        check=True,
    )
    assert b"Alice Adams" in done.stdout and done.stdout.endswith(b"\r\n")


def test_F019_limits_apply_to_each_client(proxy_ports: ProxyPorts, request: pytest.FixtureRequest) -> None:
    one, other, busy = (f"127.0.{'send-proxy-v2' in request.node.name:d}.{last}" for last in (11, 12, 13))
    answers = [send_and_read(proxy_ports.finger_port, b"nobody\r\n", source=one) for _ in range(31)]
    assert [answer.startswith(b"Too many queries") for answer in answers] == [False] * 30 + [True]
    assert send_and_read(proxy_ports.finger_port, b"nobody\r\n", source=other) == b"nobody: no such user.\r\n"
    held = [connect(proxy_ports.finger_port, source=busy) for _ in range(6)]
    output, _, _ = select.select(held, [], [], DEADLINE)
    assert len(output) == 1 and read_to_end(output[0]) == b"Too many connections, try again later.\r\n"
    assert send_and_read(proxy_ports.finger_port, b"nobody\r\n", source=other) == b"nobody: no such user.\r\n"
    for each in held:
        each.close()


def test_a_long_answer_to_a_slow_reader_arrives_whole(proxy_ports: ProxyPorts) -> None:
    with connect(proxy_ports.finger_port, source="127.0.0.14", receive_buffer=2048) as slow:
        slow.sendall(b"frank\r\n")
        answer = b""
        while piece := slow.recv(1500):
            answer += piece
    lines = answer.decode().split("\r\n")
    assert [line for line in lines if line.endswith("x" * 92)][-1].startswith("000999")
    assert len(answer) > 100_000


def test_health_checks_leave_no_noise(installation: ProxiedInstallation, gateway: GatewayProcess) -> None:
    """For finger the check is a header without addresses, then nothing; for web it is /readyz. The server stays up
    all the time."""
    log = gateway.log
    with run_haproxy(installation, "send-proxy-v2") as proxy_ports:
        before = installation.count_header_outcomes("empty")
        wait_until(lambda: installation.count_header_outcomes("empty") >= before + 10, "ten checks")
        query = unique_name()
        send_and_read(proxy_ports.finger_port, query.encode() + b"\r\n", source="127.0.0.15")
        assert installation.log_summary(query) == ("finger", "127.0.0.15", "not_found")
    assert installation.haproxy_entries() == []
    assert gateway.log == log
    assert "DOWN" not in (installation.folder / "send-proxy-v2.log").read_text()


def test_a_header_before_tls_is_what_haproxy_sends(installation: ProxiedInstallation, gateway: GatewayProcess) -> None:
    with run_haproxy(
        replace(installation, finger_port=installation.tls), "ssl verify none send-proxy-v2"
    ) as proxy_ports:
        query = unique_name()
        answer = send_and_read(proxy_ports.finger_port, query.encode() + b"\r\n", source="127.0.0.16")
        assert answer == f"{query}: no such user.\r\n".encode()
        assert installation.log_summary(query) == ("finger", "127.0.0.16", "not_found")


# without haproxy


def is_refused(installation: ProxiedInstallation, *parts: bytes, source: str | None = None) -> bool:
    """Is a connection that sends *parts* closed without an answer?"""
    try:
        return send_and_read(installation.finger_port, *parts, source=source) == b""
    except (ConnectionResetError, BrokenPipeError):
        return True


def test_R034_headers_from_strangers_hostile_and_split_headers(
    installation: ProxiedInstallation, gateway: GatewayProcess
) -> None:
    assert is_refused(installation, v1() + b"alice\r\n", source="127.0.0.2")
    assert is_refused(installation, b"PROXY TCP4 evil\x1b[31m 203.0.113.9 1 79\r\nalice\r\n")
    assert is_refused(installation, b"PROXY TCP4 198.51.100.7 203.0.113.9 1 99999\r\nalice\r\n")
    assert is_refused(installation, b"alice\r\n")
    assert is_refused(installation, v2(0x21, 0x41, addresses()) + b"alice\r\n")
    here = "127.0.0.1"
    for header, peer in (
        (b"PROXY UNKNOWN\r\n", here),
        (b"PROXY UNKNOWN \x1b[31mevil\r\n", here),
        (v2(LOCAL, 0, b""), here),
        (v1(), "198.51.100.7"),
        (relayed(), "198.51.100.7"),
    ):
        query = unique_name()
        with connect(installation.finger_port) as client:
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for byte in header + query.encode() + b"\r\n":
                client.sendall(bytes([byte]))
            assert read_to_end(client) == f"{query}: no such user.\r\n".encode()
        assert installation.log_summary(query) == ("finger", peer, "not_found")
    (output,) = [line for line in gateway.log.splitlines() if "no PROXY header" in line]
    assert "127.0.0.2" in output and "finger.trusted_proxies" in output


def test_F019_membership_and_limits_use_the_header(installation: ProxiedInstallation, gateway: GatewayProcess) -> None:
    for source, sees in (("192.0.2.1", True), ("198.51.100.8", False), ("2001:db8::8", False)):
        here = "2001:db8::9" if ":" in source else "203.0.113.9"
        for header in (v1(source, here), relayed(source, here)):
            assert (b"shy@dir.test" in send_and_read(installation.finger_port, header + b"shy\r\n")) is sees


def test_R031_a_trickling_header_is_cut_at_its_deadline(
    installation: ProxiedInstallation, gateway: GatewayProcess
) -> None:
    with connect(installation.finger_port) as client, connect(installation.finger_port) as silent:
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


def test_F019_check_warns_of_an_endpoint_that_anyone_can_reach(installation: ProxiedInstallation) -> None:
    text = installation.settings.read_text().replace(
        f"{installation.finger_port}:interface=127.0.0.1", str(installation.finger_port), 1
    )
    file = installation.folder / "open.toml"
    file.write_text(text)
    output = run_command("-c", file, "check", folder=installation.folder)
    assert output.err == (
        f"warning: finger.listen[0]: 'haproxy:tcp:{installation.finger_port}' listens on every address: make sure "
        "that only the proxy "
        "can reach it (interface=...)\n"
    )
    file.write_text(text.replace('trusted_proxies = ["127.0.0.1"]', 'trusted_proxies = ["localhost"]', 1))
    output = run_command("-c", file, "check", folder=installation.folder, code=2)
    assert "finger.trusted_proxies[0]: found 'localhost'" in output.err
