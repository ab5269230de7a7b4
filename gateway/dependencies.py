"""House: the parts that a protocol is given. It wires nothing; application.py does."""

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
    """What of the pages' look is the operator's: a colour ("#rgb" or "#rrggbb"), a picture, a line below each page."""

    accent: str | None = None
    logo: Path | None = None
    footer: str = ""


@dataclass(frozen=True)
class SiteInfo:
    """What this place is called, and where it can be asked. *url* is the web side's public address, without a slash at
    the end; *finger*: does finger answer; *bot*: the nick that answers on IRC; *members*: are there networks whose askers
    are members; *addresses*: what records keep of one; *keep*: for how long, None where the operator sees to it;
    *fediverse*: the account of who names none, with {login} in it; *webfinger*: where accounts are asked for instead of
    here; *security_contact*: who is told of a weakness; *look*: of
    the pages."""

    name: str
    hosts: HostNames
    url: str
    finger: bool = True
    bot: str | None = None
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

    @property
    def protocols(self) -> tuple[str, ...]:
        """Where people can be asked for."""
        return (*["finger"] * self.finger, "web", *["irc"] * (self.bot is not None))

    def person_url(self, login: str) -> str:
        return f"{self.url}/users/{quote(login)}"


@dataclass(frozen=True)
class ProtocolDependencies:
    """*reactor* is Twisted's, or a test's. *timeout*: seconds for a query line or a request head; *now*: the wall clock,
    which the reactor's is not."""

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
