"""The web side over real sockets: what StringTransport cannot show, and common clients."""

import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.peers.gateway_process import Installation, make_installation, run_gateway
from tests.unit.fixtures import PEOPLE

HOST = b"Host: dir.test\r\n"
LONG = {"login": "m" * 64, "name": "N" * 80, "plan": "x" * 80 + "\n", "project": "P" * 80, "title": "T" * 80}
WIDE = {"login": "yamada", "name": "山田 花子", "plan": "山田花子のけいかく" * 8 + "\n", "title": "技術者"}
RIGHT = {"login": "noa", "name": "נועה אבן", "plan": "שורה ארוכה מאוד מאוד שלא נכנסת למסך קטן של טלפון\n"}
EMPTY = {"login": "empty"}


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """Run a gateway."""
    installation = make_installation(tmp_path_factory.mktemp("place"), people=[*PEOPLE, LONG, WIDE, RIGHT, EMPTY])
    with run_gateway(installation):
        yield installation


def send_and_read(installation: Installation, *parts: bytes, shut: bool = False) -> bytes:
    """Return all that comes back for *parts* until the other side closes. A reset is an error."""
    with socket.create_connection(("127.0.0.1", installation.web_port), 15) as client:
        for part in parts:
            client.sendall(part)
        if shut:
            client.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: client.recv(65536), b""))


@pytest.mark.parametrize(
    ("parts", "code"),
    [
        ((b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 1000000000\r\n\r\n", *[b"x" * 65536] * 12), 413),
        ((b"GET / HTTP/1.1\r\n" + HOST + b"X: " + b"a" * 17_000, *[b"y" * 65536] * 12), 431),
        ((b"GET /" + b"a" * 500_000 + b" HTTP/1.1\r\n" + HOST + b"\r\n",), 414),
        ((b"rubbish\r\n\r\n" + b"z" * 500_000,), 400),
    ],
)
def test_an_error_answer_arrives_though_more_was_sent(
    installation: Installation, parts: tuple[bytes, ...], code: int
) -> None:
    """W095, W096: no reset overtakes the answer."""
    answer = send_and_read(installation, *parts)
    assert answer.startswith(b"HTTP/1.1 %d " % code)
    assert answer.count(b"HTTP/1.1") == 1
    assert answer.rpartition(b"\r\n\r\n")[2].endswith(b".\n")


def test_a_half_closed_client_is_answered(installation: Installation) -> None:
    answer = send_and_read(installation, b"GET /users/alice HTTP/1.1\r\n" + HOST + b"\r\n", shut=True)
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"Alice" in answer


def curl(installation: Installation, path: str, *options: str) -> str:
    url = f"http://localhost:{installation.web_port}{path}"
    return subprocess.run(["curl", "-sS", *options, url], capture_output=True, text=True, check=True, timeout=30).stdout


def test_curl(installation: Installation, tmp_path: Path) -> None:
    """W001, W004, W020, W083"""
    text = curl(installation, "/users/alice")
    assert text.startswith("Login:")
    assert curl(installation, "/users/alice", "--compressed") == text
    assert curl(installation, "/users/alice.json").startswith('{\n  "login": "alice"')
    assert curl(installation, "/~alice", "-L") == text
    twice = [
        f"http://localhost:{installation.web_port}/",
        "--next",
        "-sS",
        f"http://localhost:{installation.web_port}/users/alice",
    ]
    ask = ["curl", "-sS", "--head", "--compressed", *twice]
    both = subprocess.run(ask, capture_output=True, text=True, check=True, timeout=30).stdout
    assert both.endswith("\n\n" + text)
    tag = tmp_path / "etag"
    page = curl(installation, "/users/alice.html", "--etag-save", str(tag))
    assert page.startswith("<!doctype html>")
    assert curl(installation, "/users/alice.html", "--etag-compare", str(tag)) == ""


def test_chromium(installation: Installation) -> None:
    """W138, W139: no sideways scrolling from 320 px on, no other site contacted, no violation of the policy."""
    from playwright.sync_api import sync_playwright

    found = shutil.which("chromium")
    assert found is not None
    options = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
    paths = [
        "/",
        "/users/nobody",
        *(f"/users/{each['login']}" for each in ({"login": "alice"}, LONG, WIDE, RIGHT, EMPTY)),
    ]
    complaints: list[str] = []
    hosts: set[str] = set()
    with sync_playwright() as running:
        browser = running.chromium.launch(executable_path=found, args=[*options, "--disable-sync"])
        page = browser.new_page()
        page.on("console", lambda message: complaints.append(message.text))
        page.on("request", lambda request: hosts.add(request.url.split("/")[2]))
        for path in paths:
            for width in (320, 1200):
                page.set_viewport_size({"width": width, "height": 800})
                page.goto(f"http://localhost:{installation.web_port}{path}")
                assert page.evaluate("document.documentElement.scrollWidth") <= width, (path, width)
                assert page.evaluate("getComputedStyle(document.querySelector('main')).paddingTop") != "0px"
        browser.close()
    assert [each for each in complaints if "404" not in each] == []
    assert hosts == {f"localhost:{installation.web_port}"}
