"""The whole gateway on an in-memory reactor: nothing opens before the start, and the stop runs in stages."""

import errno
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from twisted.application.service import Service
from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred
from twisted.internet.error import CannotListenError
from twisted.internet.testing import MemoryReactorClock, StringTransport

from gateway.application import DRAIN_TIMEOUT, STAGE_TIMEOUT, Gateway
from gateway.builders import make_renderer
from gateway.config.problems import BadSettings, CannotStart
from gateway.lifecycle import HURRIED_STAGE_TIMEOUT
from gateway.net.endpoints import NotInheritedFromSystemd, server_endpoint
from gateway.net.twisted_patches import use_monotonic_clock
from gateway.ops.request_tracker import RequestInfo
from gateway.settings import load_settings
from gateway.store import database

SETTINGS = """
[finger]
listen = ["tcp:1079", "tcp:1080:interface=127.0.0.1"]
[access_log]
file = "access.jsonl"
"""


class MemoryReactor(MemoryReactorClock):
    """A MemoryReactor whose threads call back at once. Listening on ports in *taken* fails."""

    def __init__(self, taken: dict[int, int] | None = None) -> None:
        super().__init__()
        self.taken = taken or {}
        self.listening: list[int] = []

    def callFromThread(self, callable: Callable[..., Any], *args: Any, **kwargs: Any) -> None:  # noqa: N802
        callable(*args, **kwargs)

    def listenTCP(self, port: int, factory: Any, backlog: int = 50, interface: str = "") -> Any:  # noqa: N802
        if port in self.taken:
            raise CannotListenError(interface, port, OSError(self.taken[port], "No"))
        self.listening.append(port)
        port_object: Any = super().listenTCP(port, factory, backlog, interface)
        stop = port_object.stopListening

        def stopListening() -> Any:  # noqa: N802
            self.listening.remove(port)
            return stop()

        port_object.stopListening = stopListening
        return port_object


def make(folder: Path, text: str = SETTINGS, reactor: MemoryReactor | None = None) -> tuple[Gateway, MemoryReactor]:
    file = folder / "gateway.toml"
    file.write_text(text)
    if not (folder / "people.db").exists():
        database.create(folder / "people.db")
    reactor = reactor or MemoryReactor()
    return Gateway(load_settings(file), file, reactor), reactor


def started(folder: Path) -> tuple[Gateway, MemoryReactor]:
    gateway, reactor = make(folder)
    gateway.privilegedStartService()
    gateway.startService()
    return gateway, reactor


def until(reactor: MemoryReactor, done: Callable[[], object]) -> None:
    """Advance the clock until *done*; the writer's thread is a real one."""
    end = time.monotonic() + 10
    while not done():
        assert time.monotonic() < end
        reactor.advance(0.01)
        time.sleep(0.001)


def test_nothing_opens_before_the_start(tmp_path: Path) -> None:
    gateway, reactor = make(tmp_path)
    assert reactor.listening == [] and reactor.getDelayedCalls() == []
    assert sorted(each.name for each in tmp_path.iterdir()) == ["gateway.toml", "people.db"]
    assert list(gateway.ports) == []


def test_start_listens_and_stop_closes_the_ports_first(tmp_path: Path) -> None:
    gateway, reactor = started(tmp_path)
    assert reactor.listening == [1079, 1080]
    assert len(gateway.ports) == 2
    stopping = gateway.stopService()
    assert reactor.listening == []
    until(reactor, lambda: stopping.called)
    assert not gateway.running and reactor.getDelayedCalls() == []


def test_stop_waits_for_requests_before_it_stops_the_protocols(tmp_path: Path) -> None:
    gateway, reactor = started(tmp_path)
    tracked = gateway.deps.tracker.start(RequestInfo("finger", "lookup", "alice", key="x"))
    stopping = gateway.stopService()
    reactor.advance(DRAIN_TIMEOUT - 0.1)
    assert gateway.protocols.running and not stopping.called
    tracked.finish("found")
    assert not gateway.protocols.running
    until(reactor, lambda: stopping.called)
    assert '"outcome":"found"' in (tmp_path / "access.jsonl").read_text()


def test_stop_does_not_wait_for_endless_requests(tmp_path: Path) -> None:
    gateway, reactor = started(tmp_path)
    gateway.deps.tracker.start(RequestInfo("finger", "lookup", "alice", key="x"))
    stopping = gateway.stopService()
    reactor.advance(DRAIN_TIMEOUT + 0.01)
    assert not gateway.protocols.running
    until(reactor, lambda: stopping.called)


class Stubborn(Service):
    """A protocol whose stop ends when the test says so."""

    def __init__(self, ends: "Deferred[None]") -> None:
        self.ends = ends

    def stopService(self) -> "Deferred[None]":
        super().stopService()
        return self.ends


def test_a_protocol_that_does_not_stop_is_not_cancelled(tmp_path: Path) -> None:
    gateway, reactor = started(tmp_path)
    cancelled: list[object] = []
    Stubborn(Deferred(cancelled.append)).setServiceParent(gateway.protocols)
    stopping = gateway.stopService()
    reactor.advance(STAGE_TIMEOUT - 0.1)
    assert gateway.access_log.running
    reactor.advance(0.2)
    assert not gateway.access_log.running
    until(reactor, lambda: stopping.called)
    assert cancelled == []


def test_a_hurried_stop_does_not_wait(tmp_path: Path) -> None:
    gateway, reactor = started(tmp_path)
    gateway.hurry()
    gateway.deps.tracker.start(RequestInfo("finger", "lookup", "alice", key="x"))
    Stubborn(Deferred()).setServiceParent(gateway.protocols)
    stopping = gateway.stopService()
    reactor.advance(HURRIED_STAGE_TIMEOUT)
    reactor.advance(HURRIED_STAGE_TIMEOUT)
    assert not gateway.access_log.running
    until(reactor, lambda: stopping.called)


def test_a_running_stop_can_be_hurried(tmp_path: Path) -> None:
    gateway, reactor = started(tmp_path)
    gateway.deps.tracker.start(RequestInfo("finger", "lookup", "alice", key="x"))
    stopping = gateway.stopService()
    assert gateway.protocols.running
    gateway.hurry()
    assert not gateway.protocols.running
    until(reactor, lambda: stopping.called)


def test_a_failed_stage_does_not_end_the_stop(tmp_path: Path) -> None:
    gateway, reactor = started(tmp_path)
    ends: Deferred[None] = Deferred()
    Stubborn(ends).setServiceParent(gateway.protocols)
    gateway.protocols.stopService = lambda: ends  # type: ignore[method-assign]
    stopping = gateway.stopService()
    ends.errback(RuntimeError("on purpose"))
    until(reactor, lambda: stopping.called)
    assert not gateway.access_log.running


@pytest.mark.parametrize(
    ("number", "advice"),
    [
        (errno.EADDRINUSE, "choose another port, or stop the program that uses this one"),
        (errno.EACCES, "ports below 1024 need root or CAP_NET_BIND_SERVICE"),
        (errno.EADDRNOTAVAIL, "choose another endpoint"),
    ],
)
def test_an_unavailable_port_prevents_the_start(tmp_path: Path, number: int, advice: str) -> None:
    gateway, reactor = make(tmp_path, reactor=MemoryReactor({1080: number}))
    with pytest.raises(CannotStart) as error:
        gateway.privilegedStartService()
    assert str(error.value) == (
        f"{tmp_path}/gateway.toml: finger.listen[1]: cannot listen on 'tcp:1080:interface=127.0.0.1': No; {advice}"
    )
    assert reactor.listening == []
    assert not (tmp_path / "access.jsonl").exists()


@pytest.mark.parametrize(
    "endpoint", ["", "tcp", "tcp:", "tcp:finger", "nothing:79", "unix", "ssl:443:privateKey=/nonexistent", "79",
                 "systemd:domain=NONE:index=x", "tcp:79:colour=red"],
)  # fmt: skip
def test_invalid_endpoints_are_reported_with_an_example(endpoint: str) -> None:
    with pytest.raises(CannotStart) as error:
        server_endpoint(MemoryReactor(), "gateway.toml", "finger.listen[0]", endpoint)
    assert str(error.value).startswith(f"gateway.toml: finger.listen[0]: found {endpoint!r} (")
    assert str(error.value).endswith('must be a Twisted endpoint, e.g. "tcp:79" or "tcp:8080:interface=127.0.0.1"')


@pytest.mark.parametrize("endpoint", ["systemd:domain=INET:name=finger", "systemd:domain=INET:index=0"])
def test_a_missing_systemd_socket_is_reported_with_those_passed_on(
    endpoint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = f"gateway.toml: finger.listen[0]: found {endpoint!r}, which systemd did not pass on; must be "
    for environment, allowed in (
        ({}, "a socket that it passed on, but there is none: start the socket units, which start the gateway"),
        ({"LISTEN_FDNAMES": "web:gopher"}, "one of the sockets that it passed on: name=web, name=gopher"),
        (
            {"LISTEN_FDNAMES": "web", "LISTEN_PID": "1"},
            "a socket that it passed on, but there is none: start the socket units, which start the gateway",
        ),
    ):
        for name in ("LISTEN_FDNAMES", "LISTEN_PID"):
            monkeypatch.delenv(name, raising=False)
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        with pytest.raises(NotInheritedFromSystemd) as caught:
            server_endpoint(MemoryReactor(), "gateway.toml", "finger.listen[0]", endpoint)
        assert str(caught.value) == found + allowed


def test_an_error_at_the_start_closes_the_ports(tmp_path: Path) -> None:
    gateway, reactor = make(tmp_path)
    gateway.privilegedStartService()
    (tmp_path / "people.db").write_bytes(b"no database" * 100)
    with pytest.raises(CannotStart, match=r"people\.db: is not a SQLite database"):
        gateway.startService()
    assert reactor.listening == []
    (tmp_path / "people.db").unlink()
    gateway, reactor = make(tmp_path)
    (tmp_path / "access.jsonl").mkdir()
    with pytest.raises(CannotStart, match=r"access_log\.file: .*Is a directory"):
        gateway.startService()
    assert reactor.listening == []


def test_an_unusable_source_is_an_error_in_the_settings(tmp_path: Path) -> None:
    with pytest.raises(BadSettings, match=r"sources\.mine\.class: found 'nowhere:Source'"):
        make(tmp_path, SETTINGS + '[sources.mine]\nclass = "nowhere:Source"\n')


def test_a_broken_template_is_named_by_file_and_line(tmp_path: Path) -> None:
    (tmp_path / "own" / "finger").mkdir(parents=True)
    (tmp_path / "own" / "finger" / "person.txt").write_text("{% if %}")
    (tmp_path / "gateway.toml").write_text('[site]\ntemplates = "own"\n[finger]\n')
    with pytest.raises(CannotStart, match=r"own/finger/person\.txt: line 1: "):
        make_renderer(load_settings(tmp_path / "gateway.toml"), tmp_path)


def test_each_configured_protocol_runs(tmp_path: Path) -> None:
    gateway, reactor = make(
        tmp_path, '[finger]\n[web]\n[[irc]]\nnetwork = "a"\nserver = "tcp:irc.test:6667"\n[access_log]\nfile = "r"\n'
    )
    gateway.privilegedStartService()
    assert reactor.listening == [79, 8080]
    assert len(list(gateway.protocols)) == 3


def test_timers_use_the_monotonic_clock() -> None:
    class Reactor:
        seconds = staticmethod(time.time)

    reactor = Reactor()
    use_monotonic_clock(reactor)
    assert reactor.seconds is time.monotonic


class Transport(StringTransport):
    """A StringTransport that supports half-close."""

    def loseWriteConnection(self) -> None:
        self.disconnecting = True


def test_a_request_is_answered(tmp_path: Path) -> None:
    gateway, reactor = started(tmp_path)
    factory: Any = reactor.tcpServers[0][1]
    protocol = factory.buildProtocol(IPv4Address("TCP", "192.0.2.1", 1))
    transport = Transport(peerAddress=IPv4Address("TCP", "192.0.2.1", 1))
    protocol.makeConnection(transport)
    protocol.dataReceived(b"nobody\r\n")
    assert transport.value() == b"nobody: no such user.\r\n"
    protocol.connectionLost(None)
    stopping = gateway.stopService()
    until(reactor, lambda: stopping.called)
