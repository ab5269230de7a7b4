"""Listening endpoints."""

from typing import Any

import pytest
from twisted.internet.protocol import Factory
from twisted.internet.testing import MemoryReactor

from gateway.net.endpoints import server_endpoint


@pytest.mark.parametrize(
    ("endpoint", "backlog"),
    [
        ("tcp:79", 1024),
        (r"tcp6:79:interface=\:\:1", 1024),
        ("unix:/run/finger", 1024),
        ("tcp:79:backlog=7", 7),
        ("tcp:79:127.0.0.1:9", 9),
    ],
)
def test_default_backlog_of_listeners(endpoint: str, backlog: int) -> None:
    created = server_endpoint(MemoryReactor(), "gateway.toml", "finger.listen[0]", endpoint)
    reactor: Any = created._reactor
    created.listen(Factory())
    found = [each[2] for each in reactor.tcpServers] or [each[2] for each in reactor.unixServers]
    assert found == [backlog]
