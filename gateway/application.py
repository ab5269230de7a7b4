"""The only wiring: settings in, one MultiService out, whose children are the protocols and what they share.

It knows every room and decides nothing about people. Order matters here: what can be wrong is found before anything
starts, ports are bound before anything else, and a stop goes by stages, so that what is being answered is answered.
A reload makes everything that can be wrong first, and puts it in place in one turn of the reactor.
"""

import gc
import signal
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from twisted.application.service import MultiService
from twisted.internet.defer import CancelledError, Deferred, DeferredList, TimeoutError, maybeDeferred
from twisted.internet.interfaces import IListeningPort
from twisted.internet.threads import deferToThreadPool
from twisted.logger import Logger

from .builders import make_directory, make_policy, make_renderer, make_site_info, make_source_indexers
from .config.loader import BadSettings, CannotStart
from .dependencies import ProtocolDependencies
from .directory.viewers import Viewers
from .irc.settings import NetworkSettings
from .net.admission import AdmissionControl
from .net.descriptors import room_for
from .net.endpoints import BoundPorts, Listener, client_endpoint
from .net.name_lookups import look_up_aside
from .net.proxy_protocol import ProxyProtocolGate
from .ops import control, systemd
from .ops.access_log import AccessLog
from .ops.control import ControlSocket
from .ops.health import Health
from .ops.rate_limit import RateLimit
from .ops.request_tracker import RequestTracker
from .outbound.fediverse_accounts import FediverseAccounts
from .outbound.public_hosts import OutboundConnections
from .reloading import OneAtATime, SettingsDifference, compare
from .rendering.render import Renderer
from .settings import Settings, access_log_file, control_socket, database_file, load_settings, login_poll_interval
from .sources import logins
from .store import database, sqlite_store

T = TypeVar("T")
DRAIN = 3.0  # seconds that questions in flight get at the end
STAGE = 2.5  # seconds that any other stage of a stop may take
HURRIED = 0.1  # seconds that each stage gets once somebody has asked twice


@dataclass(frozen=True)
class Part:
    """A protocol: *table* of the settings; *imported* gives what makes its service, of that table and the house. A service
    has `reload`, for another table and house; that of a table with `listen` has a `factory`."""

    table: str
    imported: Callable[[], Callable[[Any, ProtocolDependencies], Any]]


def _finger() -> Callable[[Any, ProtocolDependencies], Any]:
    from .finger.protocol import make

    return make


def _web() -> Callable[[Any, ProtocolDependencies], Any]:
    from .web.app import make

    return make


def _irc() -> Callable[[Any, ProtocolDependencies], Any]:
    from .irc.service import make

    return make


# Imported when the settings ask for them: a gateway without IRC never loads twisted.words.
PARTS = (Part("finger", _finger), Part("web", _web), Part("irc", _irc))


class Gateway(MultiService):
    """Everything that runs, by the *settings* of *file*. Constructed it has opened nothing; startService raises
    CannotStart."""

    def __init__(self, settings: Settings, file: Path, reactor: Any) -> None:
        super().__init__()
        folder = file.parent
        self._reactor = reactor
        self._path, self._file = file, str(file)
        self._log = Logger()
        self.settings = settings
        self.store = sqlite_store.SQLiteStore(database_file(settings, folder), reactor)
        self.directory = make_directory(settings, file, self.store, reactor)
        make_source_indexers(self.directory, reactor)
        if (every := login_poll_interval(settings)) is not None:
            logins.Logins(self.directory.presence, every, reactor, logins.of_this_machine).setServiceParent(
                self.directory
            )
        self._rate_limit = RateLimit(settings.limits.queries_per_minute, reactor.seconds)
        self.access_log = AccessLog(
            access_log_file(settings, folder), settings.access_log.addresses, reactor, settings.access_log.retention
        )
        self._tracker = RequestTracker(self._rate_limit, self.access_log, reactor)
        self._admission = AdmissionControl(*_connections(settings))
        self._health = Health(self.store, self.directory, reactor)
        self._outbound = OutboundConnections(reactor, self._hosts_listened_on, lambda: self.settings.site.hosts)
        self._accounts = FediverseAccounts(reactor, self._outbound)
        self.protocols = MultiService()
        self._services: dict[str, Any] = {}
        self._listeners: list[Listener] = []
        self._entrances: dict[str, ProxyProtocolGate] = {}
        self._dialled(settings.irc)
        self._furnish(settings, make_renderer(settings, folder))
        if settings.metrics is not None:
            scraped = make_metrics(self)
            scraped.setServiceParent(self)
            self._listen("metrics.listen", settings.metrics.listen, scraped.factory)
        self._believe(settings)
        self._control = ControlSocket(control_socket(settings, folder), {"reload": self._reload_told}, reactor)
        self._reloads = OneAtATime(self._reload)
        self._ports = BoundPorts(reactor, self._file)
        self._stage: Deferred[Any] | None = None
        self._stopping = self._hurried = False

    def _dialled(self, networks: Iterable[NetworkSettings]) -> None:
        """Raises CannotStart where one of *networks* has a server that is no endpoint."""
        for number, network in enumerate(networks):
            client_endpoint(self._reactor, self._file, f"irc[{number}].server", network.server)

    def _furnish(self, settings: Settings, renderer: Renderer) -> None:
        """A house by *settings*, and all protocols in it, at the start and at a reload."""
        self.deps = ProtocolDependencies(
            reactor=self._reactor,
            site=make_site_info(settings, Path(self._file).parent),
            directory=self.directory,
            viewers=Viewers(settings.site.members, settings.site.administrators),
            tracker=self._tracker,
            health=self._health,
            admission=self._admission,
            outbound=self._outbound,
            fediverse_accounts=self._accounts,
            renderer=renderer,
            timeout=settings.limits.timeout.total_seconds(),
        )
        for part in PARTS:
            table, service = getattr(settings, part.table), self._services.get(part.table)
            if service is not None:
                service.reload(table, self.deps)
            elif table:
                service = self._services[part.table] = part.imported()(table, self.deps)
                service.setName(part.table)
                service.setServiceParent(self.protocols)
                for number, endpoint in enumerate(getattr(table, "listen", ())):
                    self._listen(f"{part.table}.listen[{number}]", endpoint, service.factory)

    def _believe(self, settings: Settings) -> None:
        """The proxies of *settings*, where endpoints are behind one."""
        for name, entrance in self._entrances.items():
            entrance.change(getattr(settings, name).trusted_proxies, self.deps.timeout)

    def _listen(self, key: str, endpoint: str, factory: Any) -> None:
        """Once it starts. All endpoints of a table have one entrance."""
        table = key.partition(".")[0]
        if table not in self._entrances:
            count = partial(self._tracker.count, table, "header")
            self._entrances[table] = ProxyProtocolGate(table, self._reactor, self._admission, count)
        self._listeners.append(Listener(key, endpoint, factory, self._entrances[table]))

    @property
    def ports(self) -> Sequence[IListeningPort]:
        """What is listened on, in the order of the settings."""
        return self._ports.open

    def _hosts_listened_on(self) -> list[str | None]:
        return [getattr(port.getHost(), "host", None) for port in self.ports]

    def add(self, listener: Listener) -> None:
        """One more listener; before the start."""
        self._listeners.append(listener)

    def privilegedStartService(self) -> None:
        """Binds the ports, while there may be the right to. Raises CannotStart."""
        super().privilegedStartService()
        self._ports.listen(self._listeners)

    def startService(self) -> None:
        try:
            database.inspect(self.store.path)
            self._ports.listen(self._listeners)
            self._be_told()
            self.access_log.startService()
            self.store.startService()
        except database.UnusableDatabase as error:
            self._close_ports()
            raise CannotStart(str(error)) from None
        except OSError as error:
            self._close_ports()
            raise CannotStart(f"{self._file}: access_log.file: {error}") from None
        look_up_aside(self._reactor)
        self.directory.startService()
        super().startService()
        self.protocols.startService()
        for listener in self._listeners:
            self._log.info("{key}: listening on {endpoint}", key=listener.key, endpoint=listener.endpoint)
        systemd.notify(systemd.READY)

    def _be_told(self) -> None:
        """Opens the control socket. A gateway does without where it cannot be had, unless another one has it."""
        path = self.settings.control.socket
        try:
            self._control.startService()
        except control.SocketInUse:
            self._close_ports()
            raise CannotStart(
                f"{self._file}: control.socket: another gateway answers on {path!r}; end it, or name another one there"
            ) from None
        except OSError as error:
            self._log.warn(
                "{file}: control.socket: cannot listen on {path!r}: {why}; goes on without: SIGHUP reloads, too",
                file=self._file, path=path, why=error.strerror,
            )  # fmt: skip

    def _close_ports(self) -> "Deferred[Any]":
        return DeferredList([maybeDeferred(each) for each in (self._control.stopService, self._ports.close)])

    def reload(self) -> "Deferred[SettingsDifference]":
        """Reads the settings anew and goes by them, as far as that can be done without a restart. Fails with BadSettings or
        CannotStart, and then nothing has changed. One that is asked for during another one comes after it."""
        return self._reloads.ask()

    async def _reload(self) -> SettingsDifference:
        systemd.notify(systemd.reloading())
        try:
            difference = await self._renewed()
        except (BadSettings, CannotStart) as error:
            self._log.error("not reloaded, nothing has changed: {why}", why=str(error))
            raise
        finally:
            systemd.notify(systemd.READY)
        self._log.info(
            "reloaded {file}; changed: {changed}; needs a restart: {restart}",
            file=self._file, changed=", ".join(difference.changed) or "nothing",
            restart=", ".join(difference.restart) or "nothing",
        )  # fmt: skip
        return difference

    async def _renewed(self) -> SettingsDifference:
        difference, renderer = await in_thread(self._reactor, self._read)
        settings = difference.settings
        if self._stopping:
            raise CannotStart("the gateway is stopping")
        self._dialled(settings.irc)
        policy = make_policy(settings)
        try:
            kept = settings.access_log
            self.access_log.reload(access_log_file(settings, self._path.parent), kept.addresses, kept.retention)
        except OSError as error:
            raise CannotStart(f"{self._file}: access_log.file: {error}") from None
        self.directory.set_policy(policy)
        self._rate_limit.set_limit(settings.limits.queries_per_minute)
        self._admission.set_limits(*_connections(settings))
        self._furnish(settings, renderer)
        self._believe(settings)
        self.settings = settings
        return difference

    def _read(self) -> tuple[SettingsDifference, Renderer]:
        """What takes its time, in a thread of its own: all templates, and what a new protocol imports."""
        difference = compare(self.settings, load_settings(self._path))
        for part in PARTS:
            if getattr(difference.settings, part.table):
                part.imported()
        return difference, make_renderer(difference.settings, self._path.parent)

    async def _reload_told(self) -> Mapping[str, Any]:
        try:
            difference = await self.reload()
        except (BadSettings, CannotStart) as error:
            return {"mistakes": str(error).splitlines()}
        return {"changed": difference.changed, "restart": difference.restart}

    def reload_when_asked(self) -> None:
        """From now on SIGHUP means reload, once the reactor runs. In the main thread only."""

        def begin() -> None:
            reloading = self.reload()
            reloading.addErrback(lambda failure: failure.trap(BadSettings, CannotStart))  # told already
            reloading.addErrback(lambda failure: self._log.failure("reload", failure))

        signal.signal(signal.SIGHUP, lambda *_: self._reactor.callFromThread(begin))

    def stopService(self) -> "Deferred[None]":
        """Listeners, questions in flight, protocols, records, directory, store: each awaited, and none for ever."""
        return Deferred.fromCoroutine(self._stop())

    async def _stop(self) -> None:
        self._stopping = True
        systemd.notify(systemd.STOPPING)
        tracker = self.deps.tracker
        await self._bounded("listeners", STAGE, self._close_ports)
        await self._bounded("questions in flight", DRAIN, tracker.when_idle)
        await self._bounded("protocols", STAGE, self.protocols.stopService)
        for name, service in (("records", self.access_log), ("directory", self.directory), ("store", self.store)):
            await self._bounded(name, STAGE, service.stopService)
        await super().stopService()
        for (protocol, verb, outcome), count in sorted(tracker.counts.items()):
            self._log.info(
                "{protocol} {verb} {outcome}: {count}", protocol=protocol, verb=verb, outcome=outcome, count=count
            )

    async def _bounded(self, name: str, seconds: float, stop: Callable[[], Any]) -> None:
        """Awaits *stop*, for at most *seconds*. What takes longer is let be: to cancel it would stop it half-way."""
        patience: Deferred[None] = Deferred()
        self._stage = patience

        def ended(_: object) -> None:
            if not patience.called:
                patience.callback(None)

        stopping = maybeDeferred(stop)
        stopping.addErrback(lambda failure: self._log.failure("stopping {name}", failure, name=name))
        stopping.addBoth(ended)
        patience.addTimeout(HURRIED if self._hurried else seconds, self._reactor)
        try:
            await patience
        except (TimeoutError, CancelledError):
            self._log.warn("stopping {name}: not waited for any longer", name=name)

    def hurry(self) -> None:
        """Ends the stop that has begun without waiting for anything that takes its time."""
        self._hurried = True
        if self._stage is not None:
            self._stage.cancel()


def make_metrics(gateway: Gateway) -> Any:
    """What Prometheus is told of *gateway*. Imported only where the settings ask for it."""
    from .ops.metrics import MetricsSources
    from .ops.metrics_server import MetricsServer

    deps, protocols = gateway.deps, gateway.protocols

    def opened() -> dict[str, int]:
        listening = [each for each in protocols if hasattr(each, "factory")]
        return {str(each.name): len(each.factory.connections) for each in listening}

    def bots() -> list[Any]:
        return [bot for each in protocols if each.name == "irc" for bot in each]

    watched = MetricsSources(
        tracker=deps.tracker,
        connections=deps.admission,
        records=gateway.access_log,
        directory=deps.directory,
        open=opened,
        bots=bots,
        slow_reads=lambda: gateway.store.slow_reads,
    )
    return MetricsServer(watched, deps.health, deps.reactor)


def _connections(settings: Settings) -> tuple[int, int]:
    """How many may be connected, in all and from one address."""
    return room_for(settings.limits.connections), settings.limits.connections_per_address


def serve(gateway: Gateway, reactor: Any, started: Callable[[], object]) -> None:
    """Starts *gateway*, calls *started*, and runs until a signal; ends when all has stopped. Raises CannotStart."""
    for number in (signal.SIGTERM, signal.SIGINT):  # one that comes before the reactor runs counts when it does
        signal.signal(number, lambda *_: reactor.callFromThread(reactor.stop))
    gateway.reload_when_asked()  # before anybody is told that it is ready, and asks
    gateway.privilegedStartService()
    gateway.startService()
    settle()
    started()
    reactor.addSystemEventTrigger("before", "shutdown", stop_at_once_when_asked_twice, gateway, reactor)
    reactor.addSystemEventTrigger("before", "shutdown", gateway.stopService)
    reactor.run()


def settle() -> None:
    """All that a start has made stays: the garbage collector need not look through it again, nor come as often as it does
    for programs of a moment. For a process that serves and does nothing else. (50,000 objects at once took 70 ms of a
    turn.)"""
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 100)


def stop_at_once_when_asked_twice(gateway: Gateway, reactor: Any) -> None:
    """For a stop that has begun: another SIGTERM or Ctrl-C means now. (Twisted would log a traceback and go on.)"""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: reactor.callFromThread(gateway.hurry))


def in_thread(reactor: Any, work: Callable[[], T]) -> "Deferred[T]":
    """What *work* gives, done in one of the reactor's threads."""
    return deferToThreadPool(reactor, reactor.getThreadPool(), work)
