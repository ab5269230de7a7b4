"""The composition root: settings in, one MultiService out, whose children are the protocols and what they share.

It knows every package and decides nothing about people. Order matters: what can be wrong is found before anything starts,
ports are bound before anything else, and a stop runs in stages, so that requests in flight are still answered. A reload
prepares everything that can fail, and then puts it in place in one turn of the reactor.
"""

import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from twisted.application.service import MultiService
from twisted.internet.defer import Deferred, DeferredList, maybeDeferred
from twisted.internet.interfaces import IListeningPort
from twisted.internet.threads import deferToThreadPool
from twisted.logger import Logger

from .builders import make_directory, make_policy, make_renderer, make_site_info, make_source_indexers
from .config.problems import BadSettings, CannotStart, Problem
from .dependencies import ProtocolDependencies
from .directory.viewers import Viewers
from .lifecycle import Stage, StagedStop
from .net.admission import AdmissionControl
from .net.descriptor_limits import fit_connections
from .net.endpoints import Listener
from .net.listeners import Listeners
from .net.twisted_patches import resolve_in_daemon_threads, tune_gc_after_startup
from .ops import control, systemd
from .ops.access_log import AccessLog
from .ops.control import ControlSocket
from .ops.health import Health
from .ops.rate_limit import RateLimit
from .ops.request_tracker import RequestTracker
from .outbound.fediverse_accounts import FediverseAccounts
from .outbound.public_hosts import OutboundConnections
from .protocol_registry import EnabledProtocol, ListeningService, ProtocolService, enabled_protocols
from .reloading import CoalescingRunner, PreparedReload, SettingsDifference, compare_settings, prepare_all
from .rendering.render import Renderer
from .settings import Settings, access_log_file, control_socket, database_file, load_settings, login_poll_interval
from .sources import logins
from .store import database, sqlite_store

T = TypeVar("T")
DRAIN_TIMEOUT = 3.0  # seconds that requests in flight get when the gateway stops
STAGE_TIMEOUT = 2.5  # seconds that any other stage of a stop may take


class Gateway(MultiService):
    """Everything that runs, as configured in *file*. The constructor opens nothing."""

    def __init__(self, settings: Settings, file: Path, reactor: Any) -> None:
        """Build everything. Raises BadSettings, CannotStart."""
        super().__init__()
        self._reactor, self._file, self._folder = reactor, file, file.parent
        self._log = Logger()
        self.settings = settings
        self.store = sqlite_store.SQLiteStore(database_file(settings, self._folder), reactor)
        self.directory = make_directory(settings, file, self.store, reactor)
        make_source_indexers(self.directory, reactor)
        if (interval := login_poll_interval(settings)) is not None:
            logins.LoginMonitor(self.directory.presence, interval, reactor, logins.logged_in_users).setServiceParent(
                self.directory
            )
        self._rate_limit = RateLimit(settings.limits.queries_per_minute, reactor.seconds)
        self.access_log = AccessLog(
            access_log_file(settings, self._folder),
            settings.access_log.addresses,
            reactor,
            settings.access_log.retention,
        )
        self._tracker = RequestTracker(self._rate_limit, self.access_log, reactor)
        self._admission = AdmissionControl(*_connection_limits(settings))
        self._health = Health(self.store, self.directory, reactor)
        self._outbound = OutboundConnections(reactor, self._hosts_listened_on, lambda: self.settings.site.hosts)
        self._fediverse_accounts = FediverseAccounts(reactor, self._outbound)
        self.protocols = MultiService()
        self._services: dict[str, ProtocolService] = {}
        self._listeners = Listeners(
            reactor, str(file), self._admission, lambda table, outcome: self._tracker.count(table, "header", outcome)
        )
        self.deps = self._dependencies(settings, make_renderer(settings, self._folder))
        for protocol in _startable_protocols(settings, self._file, self._reactor):
            self._add_protocol(protocol, protocol.plugin.make(protocol.settings, self.deps))
        if settings.metrics is not None:
            server = _metrics_server(self)
            server.setServiceParent(self)
            self._listeners.add_gated("metrics", "metrics.listen", settings.metrics.listen, server.factory)
        self._trust_proxies(settings)
        self._control = ControlSocket(control_socket(settings, self._folder), {"reload": self._reload_command}, reactor)
        self._reloads = CoalescingRunner(self._reload)
        self._staged_stop = StagedStop(reactor)
        self._stopping = False

    def _dependencies(self, settings: Settings, renderer: Renderer) -> ProtocolDependencies:
        return ProtocolDependencies(
            reactor=self._reactor,
            site=make_site_info(settings, self._folder),
            directory=self.directory,
            viewers=Viewers(settings.site.members, settings.site.administrators),
            tracker=self._tracker,
            health=self._health,
            admission=self._admission,
            outbound=self._outbound,
            fediverse_accounts=self._fediverse_accounts,
            renderer=renderer,
            timeout=settings.limits.timeout.total_seconds(),
        )

    def _add_protocol(self, protocol: EnabledProtocol, service: ProtocolService) -> None:
        self._services[protocol.name] = service
        service.setName(protocol.name)
        service.setServiceParent(self.protocols)
        for key, endpoint in protocol.endpoints:
            listening: ListeningService = service  # type: ignore[assignment]  # it has `listen`
            self._listeners.add_gated(protocol.name, key, endpoint, listening.factory)

    def _trust_proxies(self, settings: Settings) -> None:
        """Tell the listeners of each table which proxies the settings trust."""
        trusted = {each.name: each.trusted_proxies for each in enabled_protocols(settings, self._folder)}
        if settings.metrics is not None:
            trusted["metrics"] = settings.metrics.trusted_proxies
        self._listeners.set_trust(trusted, self.deps.timeout)

    @property
    def ports(self) -> Sequence[IListeningPort]:
        """List the open ports, in the order of the settings."""
        return self._listeners.ports

    def _hosts_listened_on(self) -> list[str | None]:
        return [getattr(port.getHost(), "host", None) for port in self.ports]

    def add(self, listener: Listener) -> None:
        """Add one more listener, before the start."""
        self._listeners.add(listener)

    def privilegedStartService(self) -> None:
        """Bind the ports, while the process may still have the right to. Raises CannotStart."""
        super().privilegedStartService()
        self._listeners.listen()

    def startService(self) -> None:
        """Open everything. Raises CannotStart, and then the ports are closed again."""
        try:
            database.inspect(self.store.path)
            self._listeners.listen()
            self._open_control_socket()
            self.access_log.startService()
            self.store.startService()
        except database.UnusableDatabase as error:
            self._close_ports()
            raise CannotStart(str(error)) from None
        except OSError as error:
            self._close_ports()
            raise _cannot_open_log(self._file, self.settings, error) from None
        resolve_in_daemon_threads(self._reactor)
        self.directory.startService()
        super().startService()
        self.protocols.startService()
        for listener in self._listeners:
            self._log.info("{key}: listening on {endpoint}", key=listener.key, endpoint=listener.endpoint)
        systemd.notify(systemd.READY)

    def _open_control_socket(self) -> None:
        """Open the control socket. The gateway runs without one if it cannot be opened, unless another gateway has it."""
        path = self.settings.control.socket
        try:
            self._control.startService()
        except control.SocketInUse:
            self._close_ports()
            raise CannotStart(
                f"{self._file}: control.socket: another gateway answers on {path!r}; stop it, or choose another path"
            ) from None
        except OSError as error:
            self._log.warn(
                "{file}: control.socket: cannot listen on {path!r}: {why}; running without it; use SIGHUP to reload",
                file=str(self._file), path=path, why=error.strerror,
            )  # fmt: skip

    def _close_ports(self) -> "Deferred[Any]":
        return DeferredList([maybeDeferred(each) for each in (self._control.stopService, self._listeners.close)])

    # reload

    def reload(self) -> "Deferred[SettingsDifference]":
        """Read the settings again, and apply what needs no restart.

        Fails with BadSettings or CannotStart, and then nothing has changed. Requests during a reload share the next one.
        """
        return self._reloads.request_run()

    async def _reload(self) -> SettingsDifference:
        systemd.notify(systemd.reloading())
        try:
            difference, renderer = await _in_thread(self._reactor, self._read_settings)
            if self._stopping:
                raise CannotStart("the gateway is stopping")
            for prepared in prepare_all(self._reload_steps(difference.settings, renderer)):
                prepared.commit()
        except (BadSettings, CannotStart) as error:
            self._log.error("not reloaded, nothing has changed: {why}", why=str(error))
            raise
        finally:
            systemd.notify(systemd.READY)
        self._log.info(
            "reloaded {file}; changed: {changed}; needs a restart: {restart}",
            file=str(self._file), changed=", ".join(difference.changed) or "nothing",
            restart=", ".join(difference.restart) or "nothing",
        )  # fmt: skip
        return difference

    def _read_settings(self) -> tuple[SettingsDifference, Renderer]:
        """Do what takes time, in a thread: read settings and templates, import the code of protocols."""
        difference = compare_settings(self.settings, load_settings(self._file))
        enabled_protocols(difference.settings, self._folder)
        return difference, make_renderer(difference.settings, self._folder)

    def _reload_steps(self, settings: Settings, renderer: Renderer) -> Iterator[Callable[[], PreparedReload]]:
        """Yield, for each resource, the function that prepares it for other *settings*."""
        deps = self._dependencies(settings, renderer)
        yield partial(self._prepare_access_log, settings)
        yield partial(self._prepare_policy, settings)
        for protocol in _startable_protocols(settings, self._file, self._reactor):
            yield partial(self._prepare_protocol, protocol, deps)
        for name in self._services.keys() - {each.name for each in enabled_protocols(settings, self._folder)}:
            yield partial(self._prepare_without_table, name, deps)
        yield partial(self._prepare_limits, settings, deps)

    def _prepare_access_log(self, settings: Settings) -> PreparedReload:
        log = settings.access_log
        try:
            file = access_log_file(settings, self._folder)
            return PreparedReload(*self.access_log.prepare_reload(file, log.addresses, log.retention))
        except OSError as error:
            raise _cannot_open_log(self._file, settings, error) from None

    def _prepare_policy(self, settings: Settings) -> PreparedReload:
        return PreparedReload(partial(self.directory.set_policy, make_policy(settings)))

    def _prepare_protocol(self, protocol: EnabledProtocol, deps: ProtocolDependencies) -> PreparedReload:
        service = self._services.get(protocol.name)
        if service is not None:
            return PreparedReload(service.prepare_reload(protocol.settings, deps))
        return PreparedReload(partial(self._add_protocol, protocol, protocol.plugin.make(protocol.settings, deps)))

    def _prepare_without_table(self, name: str, deps: ProtocolDependencies) -> PreparedReload:
        """Prepare a protocol without listeners for going on without a table."""
        return PreparedReload(self._services[name].prepare_reload([], deps))

    def _prepare_limits(self, settings: Settings, deps: ProtocolDependencies) -> PreparedReload:
        def commit() -> None:
            self._rate_limit.set_limit(settings.limits.queries_per_minute)
            self._admission.set_limits(*_connection_limits(settings))
            self.deps, self.settings = deps, settings
            self._trust_proxies(settings)

        return PreparedReload(commit)

    async def _reload_command(self) -> Mapping[str, Any]:
        """Answer the control socket's verb `reload`."""
        try:
            difference = await self.reload()
        except (BadSettings, CannotStart) as error:
            return {"errors": str(error).splitlines()}
        return {"changed": difference.changed, "restart": difference.restart}

    # stop

    def stopService(self) -> "Deferred[None]":
        """Stop listeners, requests in flight, protocols, access log, directory, store: each with a timeout."""
        return Deferred.fromCoroutine(self._stop())

    async def _stop(self) -> None:
        self._stopping = True
        systemd.notify(systemd.STOPPING)
        await self._staged_stop.run(
            [
                Stage("listeners", STAGE_TIMEOUT, self._close_ports),
                Stage("requests in flight", DRAIN_TIMEOUT, self._tracker.when_idle),
                Stage("protocols", STAGE_TIMEOUT, self.protocols.stopService),
                Stage("access log", STAGE_TIMEOUT, self.access_log.stopService),
                Stage("directory", STAGE_TIMEOUT, self.directory.stopService),
                Stage("store", STAGE_TIMEOUT, self.store.stopService),
            ]
        )
        await super().stopService()
        for (protocol, verb, outcome), count in sorted(self._tracker.counts.items()):
            self._log.info(
                "{protocol} {verb} {outcome}: {count}", protocol=protocol, verb=verb, outcome=outcome, count=count
            )

    def hurry(self) -> None:
        """End the stop that has begun without waiting for anything that takes time."""
        self._staged_stop.hurry()


def _metrics_server(gateway: Gateway) -> Any:
    """Build the Prometheus server. Imported only where the settings ask for it."""
    from .ops.metrics import MetricsSources
    from .ops.metrics_server import MetricsServer

    deps, protocols = gateway.deps, gateway.protocols

    def open_connections() -> dict[str, int]:
        listening = [each for each in protocols if hasattr(each, "factory")]
        return {str(each.name): len(each.factory.connections) for each in listening}

    def bots() -> list[Any]:
        return [bot for each in protocols for bot in getattr(each, "bots", ())]

    sources = MetricsSources(
        tracker=deps.tracker,
        admission=deps.admission,
        access_log=gateway.access_log,
        directory=deps.directory,
        open_connections=open_connections,
        bots=bots,
        slow_reads=lambda: gateway.store.slow_reads,
    )
    return MetricsServer(sources, deps.health, deps.reactor)


def _startable_protocols(settings: Settings, file: Path, reactor: Any) -> list[EnabledProtocol]:
    """List the enabled protocols. Raises BadSettings, and CannotStart if a protocol's settings cannot work."""
    enabled = enabled_protocols(settings, file.parent)
    for protocol in enabled:
        for problem in protocol.plugin.check_settings(protocol.settings, reactor, str(file), protocol.key):
            raise CannotStart(problem)
    return enabled


def _cannot_open_log(file: Path, settings: Settings, error: OSError) -> CannotStart:
    found = f"{settings.access_log.file!r} ({error.strerror or error})"
    return CannotStart(str(Problem(str(file), "access_log.file", found, 'a file that can be written, or "-"')))


def _connection_limits(settings: Settings) -> tuple[int, int]:
    """Return how many connections may be open, in all and from one address."""
    return fit_connections(settings.limits.connections), settings.limits.connections_per_address


def serve(gateway: Gateway, reactor: Any, started: Callable[[], object]) -> None:
    """Start *gateway*, call *started*, and run until a signal; return when all has stopped. Raises CannotStart."""
    for number in (
        signal.SIGTERM,
        signal.SIGINT,
    ):  # a signal received before the reactor runs takes effect once it does
        signal.signal(number, lambda *_: reactor.callFromThread(reactor.stop))
    reload_on_sighup(gateway, reactor)  # before READY is announced: a SIGHUP without a handler would end the process
    gateway.privilegedStartService()
    gateway.startService()
    tune_gc_after_startup()
    started()
    reactor.addSystemEventTrigger("before", "shutdown", hurry_on_second_signal, gateway, reactor)
    reactor.addSystemEventTrigger("before", "shutdown", gateway.stopService)
    reactor.run()


def reload_on_sighup(gateway: Gateway, reactor: Any) -> None:
    """Install the handler of SIGHUP. In the main thread only."""
    log = Logger()

    def begin() -> None:
        reloading = gateway.reload()
        reloading.addErrback(lambda failure: failure.trap(BadSettings, CannotStart))  # already logged
        reloading.addErrback(lambda failure: log.failure("reload failed", failure))

    signal.signal(signal.SIGHUP, lambda *_: reactor.callFromThread(begin))


def hurry_on_second_signal(gateway: Gateway, reactor: Any) -> None:
    """Make a second SIGTERM or Ctrl-C hurry the stop; Twisted would log a traceback and go on."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: reactor.callFromThread(gateway.hurry))


def _in_thread(reactor: Any, work: Callable[[], T]) -> "Deferred[T]":
    """Run *work* in one of the reactor's threads."""
    return deferToThreadPool(reactor, reactor.getThreadPool(), work)
