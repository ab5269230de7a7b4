"""What a protocol is given: the directory, the request tracker, the renderer and so on. application.py fills it in."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

from .directory.names import HostNames
from .directory.service import DirectoryService
from .directory.viewers import Viewers
from .net.admission import AdmissionControl
from .ops.access_log import LoggedAddress
from .ops.health import Health
from .ops.request_tracker import RequestTracker
from .outbound.fediverse_accounts import FediverseAccounts
from .outbound.public_hosts import OutboundConnections
from .rendering.render import Renderer


@dataclass(frozen=True)
class PageLook:
    """What an operator may change of the pages' look: the accent colour ("#rgb" or "#rrggbb"), a logo, a footer line."""

    accent: str | None = None
    logo: Path | None = None
    footer: str = ""


@dataclass(frozen=True)
class ProtocolInfo:
    """What pages and texts say of a protocol that runs.

    *name* is its table in gateway.toml, *title* what people read, *contact* the name under which people reach it (a bot's
    nick), None if there is none.
    """

    name: str
    title: str
    contact: str | None = None


@dataclass(frozen=True)
class SiteInfo:
    """What protocols and templates may say of this site.

    *hosts* are its host names, *url* the web side's public address without a slash at the end. *members*: do the settings
    name networks of members? *logged_addresses* and *log_retention* are the access log's, for the policy page.
    *fediverse* is the account of a person who names none, with {login} in it. *webfinger* is the server that WebFinger
    queries are redirected to. *security_contact* is for security.txt.
    """

    name: str
    hosts: HostNames
    url: str
    protocols: tuple[ProtocolInfo, ...] = (ProtocolInfo("finger", "finger"), ProtocolInfo("web", "the web"))
    members: bool = False
    logged_addresses: LoggedAddress = "truncated"
    log_retention: timedelta | None = None
    fediverse: str | None = None
    webfinger: str | None = None
    security_contact: tuple[str, ...] = ()
    look: PageLook = PageLook()

    @property
    def host(self) -> str:
        return self.hosts.main

    def runs(self, name: str) -> bool:
        """Return whether the protocol with the table *name* runs."""
        return any(each.name == name for each in self.protocols)

    def contact(self, name: str) -> str | None:
        """Return the name under which people reach the protocol *name*; None where it does not run or has none."""
        return next((each.contact for each in self.protocols if each.name == name), None)

    def person_url(self, login: str) -> str:
        return f"{self.url}/users/{quote(login)}"


@dataclass(frozen=True)
class ProtocolDependencies:
    """What every protocol is given.

    *timeout* is in seconds, for a query line or a request head. *now* returns the wall clock's time in UTC; the reactor's
    clock is monotonic.
    """

    reactor: Any
    site: SiteInfo
    directory: DirectoryService
    viewers: Viewers
    tracker: RequestTracker
    health: Health
    admission: AdmissionControl
    outbound: OutboundConnections
    fediverse_accounts: FediverseAccounts
    renderer: Renderer
    timeout: float
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
