"""Reloading: differences between settings, one reload at a time, and no change after an error."""

import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from gateway import builders
from gateway.application import Gateway
from gateway.config.problems import BadSettings, CannotStart
from gateway.directory.addresses import Address
from gateway.net.admission import Admission, AdmissionControl
from gateway.reloading import CoalescingRunner, PreparedReload, SettingsDifference, compare_settings
from gateway.settings import Settings, load_settings
from tests.unit import test_application
from tests.unit.test_application import Transport, make, until

BASE = """
[site]
name = "The Tea Club"
[finger]
listen = ["tcp:1079"]
[[irc]]
network = "a"
server = "tcp:a.test:1"
[[irc]]
network = "b"
server = "tcp:b.test:1"
[access_log]
file = "access.jsonl"
"""


def settings(folder: Path, text: str) -> Settings:
    file = folder / "gateway.toml"
    file.write_text(text)
    return load_settings(file)


@pytest.mark.parametrize(
    ("change", "changed", "restart"),
    [
        (("", ""), [], []),
        (("The Tea Club", "The Coffee Club"), ["site.name"], []),
        (("[finger]", '[privacy.default]\nemail = "nobody"\n[finger]'), ["privacy.default.email"], []),
        (("[finger]", '[privacy]\npreset = "C"\n[finger]'), ["privacy.preset"], []),
        (("[finger]", "[finger]\nlisting = false"), ["finger.listing"], []),
        (("tcp:1079", "tcp:2079"), [], ["finger.listen"]),
        (('listen = ["tcp:1079"]', "listing = false"), ["finger.listing"], ["finger.listen"]),
        (("[finger]", "[web]\n[finger]"), [], ["web"]),
        (("[finger]", "[metrics]\n[finger]"), [], ["metrics"]),
        (('[finger]\nlisten = ["tcp:1079"]', ""), [], ["finger"]),
        (("[finger]", '[store]\nurl = "sqlite:x.db"\n[finger]'), [], ["store.url"]),
        (("[finger]", '[sources.x]\nclass = "y:Z"\n[finger]'), [], ["sources.x"]),
        (("[finger]", '[control]\nsocket = "x"\n[finger]'), [], ["control.socket"]),
        (('network = "b"\nserver = "tcp:b.test:1"', 'network = "b"\nserver = "tcp:b.test:2"'), ["irc[b].server"], []),
        (('network = "b"\n', 'network = "c"\n'), ["irc[b]", "irc[c]"], []),
        (("access.jsonl", "other.jsonl"), ["access_log.file"], []),
        (("[finger]", '[limits]\ntimeout = "1s"\n[finger]'), ["limits.timeout"], []),
    ],
)
def test_R036_changed_settings_and_those_that_need_a_restart(
    tmp_path: Path, change: tuple[str, str], changed: list[str], restart: list[str]
) -> None:
    now = settings(tmp_path, BASE)
    new = settings(tmp_path, BASE.replace(*change) if change[0] else BASE)
    difference = compare_settings(now, new)
    assert (list(difference.changed), list(difference.restart)) == (changed, restart)
    assert (difference.settings == new) == (not restart)
    # The next reload reports it again, until there is a restart.
    assert compare_settings(difference.settings, new) == SettingsDifference((), tuple(restart), difference.settings)


def test_the_order_of_netjobs_is_no_difference(tmp_path: Path) -> None:
    base = settings(tmp_path, BASE)
    a, b = base.protocol("irc")
    one, other = (msgspec.structs.replace(base, irc=netjobs) for netjobs in ([a, b], [b, a]))
    assert compare_settings(one, other).changed == ()


class Jobs:
    """Jobs that end when the test ends them."""

    def __init__(self) -> None:
        self.started_jobs: list[Deferred[int]] = []

    async def __call__(self) -> int:
        self.started_jobs.append(Deferred())
        return await self.started_jobs[-1]


def test_R036_requests_during_a_reload_share_the_next_one() -> None:
    jobs, results = Jobs(), dict[str, Any]()
    one = CoalescingRunner(jobs)

    def ask(name: str) -> None:
        one.request_run().addBoth(lambda result: results.update({name: result}))

    for name in "abc":
        ask(name)
    assert len(jobs.started_jobs) == 1
    jobs.started_jobs[0].callback(1)
    assert results == {"a": 1}
    assert len(jobs.started_jobs) == 2
    ask("d")
    jobs.started_jobs[1].errback(CannotStart("no"))
    assert isinstance(results["b"], Failure) and isinstance(results["c"], Failure)
    jobs.started_jobs[2].callback(3)
    assert results["d"] == 3
    assert len(jobs.started_jobs) == 3


class Pool:
    """A thread pool whose work runs when the test says so."""

    def __init__(self) -> None:
        self.waiting: list[Callable[[], None]] = []

    def callInThreadWithCallback(self, done: Any, work: Any, *args: Any, **kwargs: Any) -> None:  # noqa: N802
        def run() -> None:
            try:
                result = work(*args, **kwargs)
            except Exception:
                done(False, Failure())
            else:
                done(True, result)

        self.waiting.append(run)

    def run(self) -> None:
        waiting, self.waiting = self.waiting, []
        for each in waiting:
            each()


class MemoryReactor(test_application.MemoryReactor):
    def __init__(self) -> None:
        super().__init__()
        self.pool = Pool()

    def getThreadPool(self) -> Pool:  # noqa: N802
        return self.pool


TEXT = '[site]\nname = "The Tea Club"\n[finger]\nempty_query = "people"\n[access_log]\nfile = "r.jsonl"\n'


def started(folder: Path, text: str = TEXT) -> tuple[Gateway, MemoryReactor]:
    reactor = MemoryReactor()
    gateway, _ = make(folder, text, reactor)
    gateway.privilegedStartService()
    gateway.startService()
    return gateway, reactor


def reloaded(gateway: Gateway, reactor: MemoryReactor, text: str) -> Any:
    (Path(gateway._file)).write_text(text)
    results: list[Any] = []
    gateway.reload().addBoth(results.append)
    reactor.pool.run()
    return results[0]


def stop(gateway: Gateway, reactor: MemoryReactor) -> None:
    stopping = gateway.stopService()
    until(reactor, lambda: stopping.called)


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        ("[finger", BadSettings, "TOML"),
        (TEXT + "[nothing]\n", BadSettings, "nothing: unknown key"),
        (TEXT.replace("[finger]", 'templates = "own"\n[finger]'), CannotStart, "person.txt: line 1"),
        (TEXT + '[[irc]]\nnetwork = "a"\nserver = "tls:x:1:y=z"\n', CannotStart, "irc[0].server"),
        (TEXT.replace("r.jsonl", "own"), CannotStart, "access_log.file"),
    ],
    ids=["toml", "key", "template", "endpoint", "access log"],
)
def test_R036_a_file_with_errors_changes_nothing(
    tmp_path: Path, text: str, error: type[Exception], message: str
) -> None:
    gateway, reactor = started(tmp_path)
    (tmp_path / "own" / "finger").mkdir(parents=True)
    (tmp_path / "own" / "finger" / "person.txt").write_text("{% if %}")
    before = (gateway.settings, gateway.deps, gateway.directory.policy, gateway.access_log._file)
    # Besides the error the file has changes that could be applied.
    more = text.replace("The Tea Club", "X").replace("[finger]", '[privacy]\npreset = "C"\n[finger]')
    failure = reloaded(gateway, reactor, more)
    assert failure.check(error) and message in str(failure.value)
    assert (gateway.settings, gateway.deps, gateway.directory.policy, gateway.access_log._file) == before
    stop(gateway, reactor)


STEPS = ("access log", "policy", "finger", "irc", "limits")


@pytest.mark.parametrize("failing", range(len(STEPS)), ids=STEPS)
def test_R036_a_failed_step_changes_nothing(tmp_path: Path, failing: int) -> None:
    """The fault is injected into one preparation after the other."""
    text = TEXT + '[[irc]]\nnetwork = "a"\nserver = "tcp:192.0.2.1:1"\n'
    gateway, reactor = started(tmp_path, text)
    steps = gateway._reload_steps

    def with_fault(*args: Any) -> Iterator[Callable[[], PreparedReload]]:
        found = list(steps(*args))
        assert len(found) == len(STEPS)
        for number, step in enumerate(found):
            yield step if number != failing else broken

    def broken() -> PreparedReload:
        raise CannotStart("on purpose")

    gateway._reload_steps = with_fault  # type: ignore[method-assign, assignment]
    factory: Any = reactor.tcpServers[0][1]
    irc: Any = gateway._services["irc"]

    def state() -> list[Any]:
        log = gateway.access_log
        return [
            gateway.settings, gateway.deps, gateway.directory.policy, factory.handler.settings, factory.handler.deps, log._file,
            log._descriptor, gateway._rate_limit._interval, gateway._admission._max_per_address, irc.bots,
        ]  # fmt: skip

    before = state()
    new = text.replace("The Tea Club", "X").replace("r.jsonl", "s.jsonl").replace("[[irc]]", "[[irc]]\nprefix = '?'")
    new = '[privacy]\npreset = "C"\n[limits]\nqueries_per_minute = 7\nconnections_per_address = 3\n' + new
    failure = reloaded(gateway, reactor, new)
    assert failure.check(CannotStart) and "on purpose" in str(failure.value)
    assert state() == before
    opened = [each.readlink() for each in Path("/proc/self/fd").iterdir() if each.is_symlink()]
    assert tmp_path / "s.jsonl" not in opened
    gateway._reload_steps = steps  # type: ignore[method-assign]
    assert isinstance(reloaded(gateway, reactor, new), SettingsDifference)
    after = state()
    assert [one != other for one, other in zip(before, after, strict=True)] == [
        name not in ("finger settings", "bots")
        for name in ("settings", "deps", "policy", "finger settings", "finger deps", "log file", "log descriptor",
                     "rate", "admission", "bots")
    ]  # fmt: skip
    stop(gateway, reactor)


def query_nobody(reactor: MemoryReactor) -> str:
    factory: Any = reactor.tcpServers[0][1]
    protocol = factory.buildProtocol(IPv4Address("TCP", "192.0.2.1", 1))
    transport = Transport(peerAddress=IPv4Address("TCP", "192.0.2.1", 1))
    protocol.makeConnection(transport)
    protocol.dataReceived(b"nobody\r\n")
    received: bytes = transport.value()
    protocol.connectionLost(None)
    return received.decode()


def test_R036_all_changes_are_applied_in_one_reactor_turn(tmp_path: Path) -> None:
    gateway, reactor = started(tmp_path)
    listening, directory, tracker = list(reactor.listening), gateway.directory, gateway.deps.tracker
    assert query_nobody(reactor) == "nobody: no such user.\r\n"
    new = TEXT.replace("The Tea Club", "The Coffee Club").replace("r.jsonl", "s.jsonl") + (
        '[privacy]\npreset = "C"\n[limits]\nqueries_per_minute = 1\ntimeout = "3s"\n'
    )
    (Path(gateway._file)).write_text(new)
    results: list[Any] = []
    gateway.reload().addBoth(results.append)
    deps = gateway.deps
    assert query_nobody(reactor) == "nobody: no such user.\r\n"
    assert gateway.deps is deps and not results
    reactor.pool.run()
    assert isinstance(results[0], SettingsDifference)
    assert gateway.deps.site.name == "The Coffee Club" and gateway.deps.timeout == 3.0
    assert gateway.directory.policy == builders.make_policy(load_settings(Path(gateway._file)))
    assert gateway.directory is directory and gateway.deps.tracker is tracker
    assert reactor.listening == listening
    assert "Too many queries" in query_nobody(reactor)  # earlier requests count
    reactor.advance(1)
    assert [len((tmp_path / name).read_text().splitlines()) for name in ("r.jsonl", "s.jsonl")] == [2, 1]
    stop(gateway, reactor)


def test_reload_starts_and_stops_the_IRC_bots(tmp_path: Path) -> None:
    gateway, reactor = started(tmp_path)
    reloaded(gateway, reactor, TEXT + '[[irc]]\nnetwork = "a"\nserver = "tcp:192.0.2.1:1"\n')
    assert [client[:2] for client in reactor.tcpClients] == [("192.0.2.1", 1)]
    bots = [gateway.deps.site.contact("irc")]
    reloaded(gateway, reactor, TEXT)
    bots.append(gateway.deps.site.contact("irc"))
    assert bots == ["fingerbot", None]
    irc: Any = gateway._services["irc"]
    assert irc.bots == []
    stop(gateway, reactor)


def test_R037_a_stop_cancels_a_running_reload(tmp_path: Path) -> None:
    gateway, reactor = started(tmp_path)
    deps, results = gateway.deps, list[Any]()
    gateway.reload().addBoth(results.append)
    stop(gateway, reactor)
    reactor.pool.run()
    assert results[0].check(CannotStart) and gateway.deps is deps


def test_R036_reload_changes_trusted_proxies_and_header_timeout(tmp_path: Path) -> None:
    gateway, reactor = started(tmp_path, TEXT.replace("[finger]", '[finger]\nlisten = ["haproxy:tcp:1079"]'))
    factory: Any = reactor.tcpServers[0][1]
    here, there = (IPv4Address("TCP", host, 1) for host in ("127.0.0.1", "192.0.2.8"))
    assert factory.buildProtocol(here) is not None and factory.buildProtocol(there) is None
    text = Path(gateway._file).read_text().replace("[finger]", '[finger]\ntrusted_proxies = ["192.0.2.0/28"]')
    reloaded(gateway, reactor, text + '[limits]\ntimeout = "3s"\n')
    assert factory.buildProtocol(here) is None
    silent, transport = factory.buildProtocol(there), Transport(peerAddress=there)
    silent.makeConnection(transport)
    closed = []
    for seconds in (2.9, 0.2):
        reactor.advance(seconds)
        closed.append(transport.disconnecting)
    assert closed == [False, True]
    assert gateway.deps.tracker.counts[("finger", "header", "timeout")] == 1
    silent.connectionLost(None)
    stop(gateway, reactor)


def test_another_gateway_on_the_control_socket_prevents_the_start(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(tmp_path / "control.sock"))
        other.listen()
        gateway, reactor = make(tmp_path)
        with pytest.raises(CannotStart, match=r"control\.socket: another gateway answers on 'control\.sock'"):
            gateway.startService()
        assert reactor.listening == []
        assert (tmp_path / "control.sock").is_socket()


def test_open_connections_count_under_changed_limits() -> None:
    connections, address = AdmissionControl(10, 10), Address.parse("192.0.2.1")
    assert [connections.admit(address) for _ in range(3)] == [Admission.ACCEPT] * 3
    connections.set_limits(10, 3)
    assert connections.admit(address) is Admission.DROP
    connections.set_limits(10, 10)
    assert connections.admit(address) is Admission.ACCEPT
