"""Protocol dependencies on a real SQLite file and a fake clock, shared by the unit tests of all packages."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from gateway.dependencies import ProtocolDependencies, ProtocolInfo, SiteInfo
from gateway.directory.interfaces import Create, Edit
from gateway.directory.names import HostNames
from gateway.directory.privacy import Policy
from gateway.directory.service import DirectoryService
from gateway.directory.viewers import Viewers
from gateway.formats import person_json
from gateway.net.admission import AdmissionControl
from gateway.ops.access_log import AccessLog
from gateway.ops.health import Health
from gateway.ops.rate_limit import RateLimit
from gateway.ops.request_tracker import RequestTracker
from gateway.outbound.fediverse_accounts import FediverseAccounts
from gateway.outbound.public_hosts import OutboundConnections
from gateway.rendering.render import Renderer
from gateway.rendering.templates import TemplateSet
from gateway.store import database, file_watcher, sqlite_store
from gateway.store.edit_transactions import EditTransactions

ALICE = {
    "login": "alice",
    "name": "Alice Adams",
    "aliases": ["ally"],
    "title": "Keeper of the kettle",
    "office": "B12",
    "office_phone": "+420 555 0100",
    "email": "alice@dir.test",
    "project": "A better teapot",
    "plan": "First line\nSecond line\n",
    "links": [{"label": "Blog", "url": "https://alice.example/", "me": True}],
}
BOB = {"login": "bob", "name": "Bob Adams"}
CAROL = {"login": "carol", "name": "Carol Hidden", "plan": "Nobody sees this.", "hidden": True}
DAVE = {"login": "dave", "name": "Dave", "plan": "\x1b[31mRED\x1b[0m \x1b]0;T\x07"}
ZOFIE = {"login": "zofie", "name": "Žofie Černá"}
PEOPLE = (ALICE, BOB, CAROL, DAVE, ZOFIE)
PEOPLE_CHANGED_AT = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)  # when the people of make_dependencies() last changed


class ReactorClock(Clock):
    """A Clock with the reactor methods that the store needs; callFromThread calls at once, in the calling thread."""

    def callFromThread(self, function: Any, *args: Any, **kwargs: Any) -> None:  # noqa: N802  # Twisted's name
        function(*args, **kwargs)


@dataclass
class GatewayHarness:
    """ProtocolDependencies with the clock, the store and the files behind them."""

    deps: ProtocolDependencies
    clock: ReactorClock
    store: sqlite_store.SQLiteStore
    database_path: Path
    access_log_path: Path

    def change(self, *edits: Edit) -> None:
        """Write edits to the database as another process would; the gateway sees them at its next poll."""
        write_edits(self.database_path, edits)

    def poll_store(self) -> None:
        """Advance the clock to the next poll for changes of other processes."""
        self.clock.advance(file_watcher.POLL_INTERVAL)

    @property
    def access_log_entries(self) -> list[dict[str, Any]]:
        """Return all access-log entries so far."""
        self.clock.advance(1)
        return [msgspec.json.decode(line) for line in self.access_log_path.read_bytes().splitlines()]

    def stop(self) -> None:
        self.deps.tracker._access_log.stopService()
        self.store.watcher._polling.stop()
        if self.store.reader.connection is not None:
            self.store.reader.connection.close()


def write_edits(path: Path, edits: Sequence[Edit], at: datetime | None = None) -> int:
    """Apply *edits* to the database at *path* in this thread; return the number of the last change."""
    tables = EditTransactions(lambda: database.connect(path, "rw", 5.0))
    try:
        return tables.save(edits, at or datetime.now(UTC))
    finally:
        tables.close()


def make_create_edit(fields: dict[str, Any]) -> Create:
    """Return the edit that creates the person of a JSON document."""
    return person_json.make_create(person_json.read_documents(msgspec.json.encode(fields))[0])


def make_dependencies(
    folder: Path,
    people: Sequence[dict[str, Any]] = PEOPLE,
    policy: Policy | None = None,
    sources: Sequence[Any] = (),
    members: Sequence[str] = ("192.0.2.0/24",),
    queries_per_minute: int = 1000,
    connections: int = 1000,
    per_address: int = 1000,
    timeout: float = 10.0,
    hosts: Sequence[str] = ("dir.test", "club.test"),
    clock: Any = None,
    own_templates: Path | None = None,
    listen_addresses: Sequence[str | None] = ("0.0.0.0",),
) -> GatewayHarness:
    """Create a database of *people* in *folder* and start a directory and its services on it."""
    path, access_log_path = folder / "people.db", folder / "access.jsonl"
    database.create(path)
    write_edits(path, [make_create_edit(fields) for fields in people], PEOPLE_CHANGED_AT)
    reactor = clock or ReactorClock()
    store = sqlite_store.SQLiteStore(path, reactor, readers=0)
    access_log = AccessLog(access_log_path, "full", reactor)
    access_log.startService()
    store.startService()
    directory = DirectoryService(store, sources, policy or Policy.preset(), reactor)
    directory.startService()
    site = SiteInfo("The Tea Club", HostNames(hosts), "https://dir.test", protocols(), bool(members))
    outbound = OutboundConnections(reactor, lambda: listen_addresses, lambda: hosts)
    deps = ProtocolDependencies(
        reactor=reactor,
        site=site,
        directory=directory,
        viewers=Viewers(members, ["alice"]),
        tracker=RequestTracker(RateLimit(queries_per_minute, reactor.seconds), access_log, reactor),
        health=Health(store, directory, reactor),
        admission=AdmissionControl(connections, per_address),
        outbound=outbound,
        fediverse_accounts=FediverseAccounts(reactor, outbound),
        renderer=Renderer(TemplateSet(own_templates), site),
        timeout=timeout,
    )
    return GatewayHarness(deps, reactor, store, path, access_log_path)


def protocols(finger: bool = True, bot: str | None = "fingerbot") -> tuple[ProtocolInfo, ...]:
    """List the protocols of a site that has the web, finger or not, and a bot of that nick or none."""
    infos = [ProtocolInfo("finger", "finger")] * finger + [ProtocolInfo("web", "the web")]
    return (*infos, *([ProtocolInfo("irc", "IRC", bot)] if bot else ()))


def result_of(coroutine: Any) -> Any:
    """Return the result of a coroutine, or raise its exception; fail if it does not finish at once."""
    results: list[Any] = []
    Deferred.fromCoroutine(coroutine).addBoth(results.append)
    assert results, "the coroutine has not finished"
    if isinstance(results[0], BaseException) or hasattr(results[0], "raiseException"):
        results[0].raiseException()
    return results[0]
