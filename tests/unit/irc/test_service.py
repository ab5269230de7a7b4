"""The bots when the settings change: who stays connected, who comes anew, who goes."""

from pathlib import Path
from typing import Any

import pytest
from twisted.internet.testing import MemoryReactorClock

from gateway.config.types import Duration
from gateway.irc.service import IrcService
from gateway.irc.settings import NetworkSettings
from tests.unit.fixtures import make_dependencies
from tests.unit.irc.server import Connection, texts

TEA = NetworkSettings(network="tea", server="tcp:192.0.2.1:1", channels=["#tea", "#club key"])


class Hall:
    """Bots, and the servers that they connect to."""

    def __init__(self, folder: Path, *networks: NetworkSettings) -> None:
        self.clock = MemoryReactorClock()
        self.built = make_dependencies(folder, clock=self.clock)
        self.bots = IrcService(networks, self.built.deps)
        self.bots.startService()

    def reload(self, *networks: NetworkSettings) -> None:
        self.bots.prepare_reload(networks, self.built.deps)()

    @property
    def tries(self) -> list[int]:
        """The ports of all connections that were begun."""
        return [client[1] for client in self.clock.tcpClients]

    def accept(self, number: int = -1) -> Connection:
        connection = Connection(self.clock.tcpClients[number][2])
        connection.got()
        connection.welcome()
        return connection


def test_R036_networks_that_are_as_they_were_stay_connected(tmp_path: Path) -> None:
    hall = Hall(tmp_path, TEA)
    irc = hall.accept()
    assert sorted(irc.got()) == ["JOIN #club,#tea key"]
    hall.reload(TEA, NetworkSettings(network="club", server="tcp:192.0.2.2:2"))
    assert hall.tries == [1, 2]
    assert irc.got() == []
    assert texts(irc.says("bob")) == ["Bob Adams (bob)"]


def test_R036_channels_prefix_and_pace_change_on_the_connection_that_there_is(tmp_path: Path) -> None:
    hall = Hall(tmp_path, TEA)
    irc = hall.accept()
    irc.got()
    hall.reload(
        NetworkSettings(
            network="tea",
            server=TEA.server,
            channels=["#TEA", "#new"],
            prefix="?",
            burst=1,
            line_interval=Duration(seconds=9),
        )
    )
    assert irc.got() == ["PART #club", "JOIN #new"]
    assert hall.tries == [1]
    assert irc.says("!finger bob", to="#tea") == []
    assert irc.says("?finger bob", to="#tea") == ["PRIVMSG #tea :bob: Bob Adams (bob)"]
    assert irc.says("?finger bob", to="#tea") == []
    hall.clock.advance(8.9)
    assert irc.got() == []
    hall.clock.advance(0.2)
    assert irc.got() == ["PRIVMSG #tea :https://dir.test/users/bob"]


def test_R036_channels_that_change_before_the_welcome_are_joined_after_it(tmp_path: Path) -> None:
    hall = Hall(tmp_path, TEA)
    irc = Connection(hall.clock.tcpClients[0][2])
    irc.got()
    hall.reload(NetworkSettings(network="tea", server=TEA.server, channels=["#new"]))
    assert irc.got() == []
    irc.welcome()
    assert irc.got() == ["JOIN #new"]


def test_R036_nobody_goes_back_to_a_channel_that_was_taken_out(tmp_path: Path) -> None:
    hall = Hall(tmp_path, TEA)
    irc = hall.accept()
    irc.got()
    irc.send(":op!o@h KICK #tea fingerbot :out")
    hall.reload(NetworkSettings(network="tea", server=TEA.server))
    irc.got()
    hall.clock.pump([10] * 60)
    assert [line for line in irc.got() if "JOIN" in line] == []


@pytest.mark.parametrize("change", [{"server": "tcp:192.0.2.1:7"}, {"nick": "askme"}], ids=["server", "nick"])
def test_R036_another_server_or_nick_is_another_connection_once_the_old_one_is_gone(
    tmp_path: Path, change: dict[str, Any]
) -> None:
    hall = Hall(tmp_path, TEA)
    irc = hall.accept()
    irc.got()
    table: dict[str, Any] = {"network": "tea", "server": TEA.server} | change
    hall.reload(NetworkSettings(**table))
    assert irc.got() == ["QUIT :finger gateway is going down"]
    assert hall.tries == [1]
    irc.close()
    assert hall.tries == [1, 7 if "server" in change else 1]
    assert f"NICK {table.get('nick', 'fingerbot')}" in Connection(hall.clock.tcpClients[-1][2]).got()


def test_R036_of_two_changes_while_the_old_one_goes_the_last_counts(tmp_path: Path) -> None:
    hall = Hall(tmp_path, TEA)
    irc = hall.accept()
    for port in (7, 8):
        hall.reload(NetworkSettings(network="tea", server=f"tcp:192.0.2.1:{port}"))
    irc.close()
    assert hall.tries == [1, 8]
    hall.clock.advance(600)
    assert hall.tries == [1, 8]


def test_R036_a_network_that_was_taken_out_is_left_and_not_tried_again(tmp_path: Path) -> None:
    hall = Hall(tmp_path, TEA)
    irc = hall.accept()
    irc.got()
    hall.reload()
    assert irc.got() == ["QUIT :finger gateway is going down"]
    irc.close()
    hall.clock.advance(600)
    assert hall.tries == [1]
    assert list(hall.bots) == []


def test_R037_a_stop_waits_for_who_is_leaving(tmp_path: Path) -> None:
    hall = Hall(tmp_path, TEA)
    irc = hall.accept()
    hall.reload(NetworkSettings(network="tea", server="tcp:192.0.2.1:7"))
    stopping = hall.bots.stopService()
    ended: list[object] = []
    stopping.addCallback(ended.append)
    assert ended == []
    irc.close()
    assert len(ended) == 1
    hall.clock.advance(600)
    assert hall.tries == [1]
