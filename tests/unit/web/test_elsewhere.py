"""A page names only the protocols that run here, and the bot by its own nick."""

from dataclasses import replace
from pathlib import Path

import pytest
from twisted.internet.address import IPv4Address
from twisted.internet.testing import StringTransport

from gateway.dependencies import SiteInfo
from gateway.rendering.render import Renderer
from gateway.rendering.templates import TemplateSet
from gateway.web.app import WebService
from gateway.web.settings import WebSettings
from tests.unit.fixtures import make_dependencies, protocols


def page(folder: Path, path: str, finger: bool, bot: str | None, accept: str = "text/html") -> str:
    built = make_dependencies(folder)
    site = SiteInfo("The Tea Club", built.deps.site.hosts, "https://dir.test", protocols(finger, bot))
    deps = replace(built.deps, site=site, renderer=Renderer(TemplateSet(), site))
    transport = StringTransport(peerAddress=IPv4Address("TCP", "198.51.100.7", 4079))
    protocol = WebService(WebSettings(), deps).factory.buildProtocol(transport.getPeer())
    protocol.makeConnection(transport)
    protocol.dataReceived(f"GET {path} HTTP/1.1\r\nHost: dir.test\r\nAccept: {accept}\r\n\r\n".encode())
    built.stop()
    told: str = transport.value().decode()
    return told


@pytest.mark.parametrize("path", ["/", "/users/alice", "/users/nobody"])
def test_the_web_alone_names_no_other(path: str, tmp_path: Path) -> None:
    told = page(tmp_path, path, finger=False, bot=None)
    assert not [word for word in ("finger ", "on finger", "/msg", "IRC") if word in told.partition("<body>")[2]]


@pytest.mark.parametrize("accept", ["text/html", "text/plain"])
def test_the_bot_by_its_nick(accept: str, tmp_path: Path) -> None:
    told = page(tmp_path, "/", finger=True, bot="askme", accept=accept)
    assert "/msg askme alice" in told
    assert "finger alice@dir.test" in told
    assert "fingerbot" not in told


def test_where_else_the_same_is_told(tmp_path: Path) -> None:
    assert "and by IRC" in page(tmp_path, "/users/alice", finger=True, bot="askme")
