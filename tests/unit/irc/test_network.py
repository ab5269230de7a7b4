"""The bot on one network: reconnecting, quitting, settings; several networks."""

from pathlib import Path
from typing import Any

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.internet.testing import MemoryReactorClock

from gateway.config.loader import convert
from gateway.config.problems import BadSettings
from gateway.irc.network import Backoff
from gateway.irc.service import IrcService
from gateway.irc.settings import NetworkSettings
from tests.unit.fixtures import make_dependencies
from tests.unit.irc.server import BotHarness, ServerConnection, messages_to


def test_backoff_doubles_up_to_a_limit_and_half_of_it_is_random() -> None:
    """I007"""
    clock = Clock()
    longest = Backoff(clock, lambda: 1.0)
    assert [longest.delay(1) for _ in range(9)] == [2, 4, 8, 16, 32, 64, 128, 256, 300]
    shortest = Backoff(clock, lambda: 0.0)
    assert [shortest.delay(1) for _ in range(9)] == [1, 2, 4, 8, 16, 32, 64, 128, 150]


def test_backoff_starts_over_after_a_stable_minute() -> None:
    """I007"""
    clock = Clock()
    backoff = Backoff(clock, lambda: 1.0)
    for expected in (2, 4, 8):
        backoff.signed_on()
        clock.advance(59)
        assert backoff.delay(1) == expected
    backoff.signed_on()
    clock.advance(60)
    assert backoff.delay(1) == 2
    clock.advance(60)
    assert backoff.delay(1) == 4


def test_retries_a_refused_connection(tmp_path: Path) -> None:
    """I007"""
    harness = BotHarness(tmp_path)
    assert harness.attempts == 1
    harness.refuse()
    harness.advance(2)
    assert harness.attempts == 2
    assert messages_to(harness.sign_on().ask("bob")) == ["Bob Adams (bob)"]


@pytest.mark.parametrize(
    "last", ["ERROR :Closing Link: fingerbot (K-Lined)", ":irc.test 465 fingerbot :You are banned", "ERROR"]
)
@pytest.mark.parametrize("welcome", [True, False])
def test_backs_off_if_the_server_keeps_disconnecting(tmp_path: Path, last: str, welcome: bool) -> None:
    """I007"""
    harness = BotHarness(tmp_path)
    accepted: set[int] = set()
    for _ in range(600):
        if harness.attempts not in accepted:
            accepted.add(harness.attempts)
            irc = harness.accept()
            if welcome:
                irc.welcome()
            irc.send(last)
            irc.close()
        harness.advance(1)
    # with the shortest random delays, 1 + 2 + ... + 150 seconds
    assert 3 < harness.attempts <= 11


def test_reconnects_quickly_after_a_stable_minute(tmp_path: Path) -> None:
    """I007"""
    harness = BotHarness(tmp_path)
    for _ in range(6):
        harness.sign_on().close()
        harness.advance(300)
    irc = harness.sign_on()
    harness.advance(60)
    irc.close()
    before = harness.attempts
    harness.advance(2)
    assert harness.attempts == before + 1


def test_aborts_if_no_welcome_comes(tmp_path: Path) -> None:
    """I007"""
    harness = BotHarness(tmp_path)
    irc = harness.accept()
    irc.send("NOTICE * :wait", "PING :1")
    harness.advance(59)
    assert not irc.transport.disconnecting
    harness.advance(1)
    assert irc.transport.disconnecting


def test_joins_channels_again_after_a_reconnect(tmp_path: Path) -> None:
    """I007"""
    harness = BotHarness(tmp_path, channels=["#tea"])
    harness.sign_on().close()
    harness.advance(2)
    irc = harness.accept()
    irc.received()
    irc.welcome()
    assert irc.received() == ["JOIN #tea"]


def test_networks_are_independent(tmp_path: Path) -> None:
    """I010"""
    clock = MemoryReactorClock()
    deps = make_dependencies(tmp_path, clock=clock).deps
    settings = [NetworkSettings(network=name, server=f"tcp:192.0.2.1:{port}") for name, port in (("a", 1), ("b", 2))]
    bots = IrcService(settings, deps)
    assert clock.tcpClients == []
    bots.startService()
    assert [client[1] for client in clock.tcpClients] == [1, 2]
    a, b = (ServerConnection(client[2]) for client in clock.tcpClients)
    a.send("ERROR :gone")
    a.close()
    b.welcome()
    b.received()
    assert messages_to(b.ask("bob")) == ["Bob Adams (bob)"]


def begin_stop(harness: BotHarness) -> list[Any]:
    results: list[Any] = []
    stopping: Deferred[None] = harness.bot.stopService()
    stopping.addBoth(results.append)
    return results


def test_sends_quit_ahead_of_waiting_lines(tmp_path: Path) -> None:
    """I012"""
    harness = BotHarness(tmp_path, burst=1)
    irc = harness.sign_on()
    irc.ask("alice")
    results = begin_stop(harness)
    assert irc.received() == ["QUIT :finger gateway is going down"]
    assert results == []
    assert not irc.transport.disconnecting
    assert irc.ask("bob") == []
    irc.send("ERROR :Closing Link: fingerbot (Quit)")
    irc.close()
    assert results == [None]
    harness.advance(600, 10)
    assert harness.attempts == 1
    assert irc.received() == []


def test_disconnects_two_seconds_after_quit(tmp_path: Path) -> None:
    """I012"""
    harness = BotHarness(tmp_path)
    irc = harness.sign_on()
    results = begin_stop(harness)
    harness.advance(1.75)
    assert results == []
    harness.advance(0.25)
    assert irc.transport.disconnecting
    irc.close()
    assert results == [None]


def test_ignores_a_welcome_after_quit(tmp_path: Path) -> None:
    """I012"""
    harness = BotHarness(tmp_path, channels=["#tea"])
    irc = harness.accept()
    irc.received()
    results = begin_stop(harness)
    irc.welcome()
    irc.send(":op!o@h KICK #tea fingerbot :out")
    assert irc.received() == ["QUIT :finger gateway is going down"]
    irc.close()
    assert results == [None]


@pytest.mark.parametrize("state", ["connecting", "waiting"])
def test_stops_at_once_without_a_connection(tmp_path: Path, state: str) -> None:
    """I012"""
    harness = BotHarness(tmp_path)
    if state == "waiting":
        harness.refuse()
    results = begin_stop(harness)
    if state == "connecting":
        harness.clock.connectors[0].stopConnecting()
    assert results == [None]
    harness.advance(600, 10)
    assert harness.attempts == 1


def test_reads_settings() -> None:
    """I022"""
    table = {
        "network": "libera",
        "server": "tls:irc.libera.chat:6697",
        "channels": ["#tea", "#club key"],
        "line_interval": "0.5s",
    }
    settings = convert("gateway.toml", table, NetworkSettings)
    assert (settings.nick, settings.prefix, settings.burst, settings.line_interval.total_seconds()) == (
        "fingerbot",
        "!",
        5,
        0.5,
    )
    assert NetworkSettings(network="x", server="tcp:h:1").line_interval.total_seconds() == 2


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("server", "irc.libera.chat"),
        ("server", "udp:x:1"),
        ("nick", "two words"),
        ("nick", "a\r\nQUIT"),
        ("channels", ["tea"]),
        ("burst", 0),
        ("channels", ["#a\nQUIT"]),
        ("line_interval", 2),
        ("prefix", ""),
        ("prefix", "a b"),
        ("network", "a/b"),
        ("sasl", {}),
    ],
)
def test_rejects_invalid_settings(key: str, value: object) -> None:
    """I024"""
    with pytest.raises(BadSettings) as error:
        convert("gateway.toml", {"network": "x", "server": "tcp:h:1"} | {key: value}, NetworkSettings)
    assert key in str(error.value)
