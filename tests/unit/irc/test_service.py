"""The bots after a reload: which stay connected, reconnect, or quit."""

from pathlib import Path
from typing import Any

import pytest
from twisted.internet.testing import MemoryReactorClock

from gateway.config.types import Duration
from gateway.irc.service import IrcService
from gateway.irc.settings import NetworkSettings
from tests.unit.fixtures import make_dependencies
from tests.unit.irc.server import ServerConnection, messages_to

TEA = NetworkSettings(network="tea", server="tcp:192.0.2.1:1", channels=["#tea", "#club key"])


class ServiceHarness:
    """An IrcService; the test plays the servers."""

    def __init__(self, folder: Path, *networks: NetworkSettings) -> None:
        self.clock = MemoryReactorClock()
        self.built = make_dependencies(folder, clock=self.clock)
        self.bots = IrcService(networks, self.built.deps)
        self.bots.startService()

    def reload(self, *networks: NetworkSettings) -> None:
        self.bots.prepare_reload(networks, self.built.deps)()

    @property
    def attempts(self) -> list[int]:
        """Return the ports of all connection attempts."""
        return [client[1] for client in self.clock.tcpClients]

    def accept(self, number: int = -1) -> ServerConnection:
        connection = ServerConnection(self.clock.tcpClients[number][2])
        connection.received()
        connection.welcome()
        return connection


def test_R036_unchanged_networks_stay_connected(tmp_path: Path) -> None:
    harness = ServiceHarness(tmp_path, TEA)
    irc = harness.accept()
    assert sorted(irc.received()) == ["JOIN #club,#tea key"]
    harness.reload(TEA, NetworkSettings(network="club", server="tcp:192.0.2.2:2"))
    assert harness.attempts == [1, 2]
    assert irc.received() == []
    assert messages_to(irc.ask("bob")) == ["Bob Adams (bob)"]


def test_R036_changes_channels_prefix_and_rate_without_reconnecting(tmp_path: Path) -> None:
    harness = ServiceHarness(tmp_path, TEA)
    irc = harness.accept()
    irc.received()
    harness.reload(
        NetworkSettings(
            network="tea",
            server=TEA.server,
            channels=["#TEA", "#new"],
            prefix="?",
            burst=1,
            line_interval=Duration(seconds=9),
        )
    )
    assert irc.received() == ["PART #club", "JOIN #new"]
    assert harness.attempts == [1]
    assert irc.ask("!finger bob", to="#tea") == []
    assert irc.ask("?finger bob", to="#tea") == ["PRIVMSG #tea :bob: Bob Adams (bob)"]
    assert irc.ask("?finger bob", to="#tea") == []
    harness.clock.advance(8.9)
    assert irc.received() == []
    harness.clock.advance(0.2)
    assert irc.received() == ["PRIVMSG #tea :https://dir.test/users/bob"]


def test_R036_joins_channels_changed_before_the_welcome(tmp_path: Path) -> None:
    harness = ServiceHarness(tmp_path, TEA)
    irc = ServerConnection(harness.clock.tcpClients[0][2])
    irc.received()
    harness.reload(NetworkSettings(network="tea", server=TEA.server, channels=["#new"]))
    assert irc.received() == []
    irc.welcome()
    assert irc.received() == ["JOIN #new"]


def test_R036_does_not_rejoin_a_removed_channel(tmp_path: Path) -> None:
    harness = ServiceHarness(tmp_path, TEA)
    irc = harness.accept()
    irc.received()
    irc.send(":op!o@h KICK #tea fingerbot :out")
    harness.reload(NetworkSettings(network="tea", server=TEA.server))
    irc.received()
    harness.clock.pump([10] * 60)
    assert [line for line in irc.received() if "JOIN" in line] == []


@pytest.mark.parametrize("change", [{"server": "tcp:192.0.2.1:7"}, {"nick": "askme"}], ids=["server", "nick"])
def test_R036_reconnects_for_another_server_or_nick_after_the_old_connection_closed(
    tmp_path: Path, change: dict[str, Any]
) -> None:
    harness = ServiceHarness(tmp_path, TEA)
    irc = harness.accept()
    irc.received()
    table: dict[str, Any] = {"network": "tea", "server": TEA.server} | change
    harness.reload(NetworkSettings(**table))
    assert irc.received() == ["QUIT :finger gateway is going down"]
    assert harness.attempts == [1]
    irc.close()
    assert harness.attempts == [1, 7 if "server" in change else 1]
    assert f"NICK {table.get('nick', 'fingerbot')}" in ServerConnection(harness.clock.tcpClients[-1][2]).received()


def test_R036_applies_the_last_of_two_changes_while_quitting(tmp_path: Path) -> None:
    harness = ServiceHarness(tmp_path, TEA)
    irc = harness.accept()
    for port in (7, 8):
        harness.reload(NetworkSettings(network="tea", server=f"tcp:192.0.2.1:{port}"))
    irc.close()
    assert harness.attempts == [1, 8]
    harness.clock.advance(600)
    assert harness.attempts == [1, 8]


def test_R036_leaves_a_removed_network(tmp_path: Path) -> None:
    harness = ServiceHarness(tmp_path, TEA)
    irc = harness.accept()
    irc.received()
    harness.reload()
    assert irc.received() == ["QUIT :finger gateway is going down"]
    irc.close()
    harness.clock.advance(600)
    assert harness.attempts == [1]
    assert list(harness.bots) == []


def test_R037_stop_waits_for_bots_that_are_quitting(tmp_path: Path) -> None:
    harness = ServiceHarness(tmp_path, TEA)
    irc = harness.accept()
    harness.reload(NetworkSettings(network="tea", server="tcp:192.0.2.1:7"))
    stopping = harness.bots.stopService()
    results: list[object] = []
    stopping.addCallback(results.append)
    assert results == []
    irc.close()
    assert len(results) == 1
    harness.clock.advance(600)
    assert harness.attempts == [1]
