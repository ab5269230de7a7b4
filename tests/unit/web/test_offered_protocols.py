"""Pages mention only the protocols that the site serves, and the IRC bot by its configured nick."""

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


def get_page(folder: Path, path: str, finger: bool, bot: str | None, accept: str = "text/html") -> str:
    built = make_dependencies(folder)
    site = SiteInfo("The Tea Club", built.deps.site.hosts, "https://dir.test", protocols(finger, bot))
    deps = replace(built.deps, site=site, renderer=Renderer(TemplateSet(), site))
    transport = StringTransport(peerAddress=IPv4Address("TCP", "198.51.100.7", 4079))
    protocol = WebService(WebSettings(), deps).factory.buildProtocol(transport.getPeer())
    protocol.makeConnection(transport)
    protocol.dataReceived(f"GET {path} HTTP/1.1\r\nHost: dir.test\r\nAccept: {accept}\r\n\r\n".encode())
    built.stop()
    received: str = transport.value().decode()
    return received


@pytest.mark.parametrize("path", ["/", "/users/alice", "/users/nobody"])
def test_web_only_site_mentions_no_other_protocol(path: str, tmp_path: Path) -> None:
    text = get_page(tmp_path, path, finger=False, bot=None)
    assert not [word for word in ("finger ", "on finger", "/msg", "IRC") if word in text.partition("<body>")[2]]


@pytest.mark.parametrize("accept", ["text/html", "text/plain"])
def test_irc_bot_is_named_by_its_nick(accept: str, tmp_path: Path) -> None:
    text = get_page(tmp_path, "/", finger=True, bot="askme", accept=accept)
    assert "/msg askme alice" in text
    assert "finger alice@dir.test" in text
    assert "fingerbot" not in text


def test_a_person_page_mentions_irc(tmp_path: Path) -> None:
    assert "and on IRC" in get_page(tmp_path, "/users/alice", finger=True, bot="askme")
