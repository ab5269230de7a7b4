"""What a connection and a request need of the site that they belong to (web/site.py)."""

from collections.abc import Sequence
from typing import Any, Protocol

from twisted.python.failure import Failure

from ...dependencies import ProtocolDependencies
from ...directory.addresses import Networks
from ...net.connections import ConnectionRegistry
from ...net.cooperative_queue import CooperativeQueue
from .negotiation import Format
from .reply import Conditions, Reply, Response


class ErrorReplies(Protocol):
    """Makes the replies to requests that have no handler."""

    def error(self, code: int, format: Format, headers: tuple[tuple[str, str], ...] = ()) -> Reply: ...
    def internal_error(self, format: Format, reference: str) -> Reply: ...
    def too_many_connections(self, format: Format) -> Reply: ...


class HttpSite(Protocol):
    """The site, as its connections and requests see it. A reload may change everything while they are open."""

    requestFactory: Any  # Twisted's name
    resource: Any
    connections: ConnectionRegistry[Any]
    work_queue: CooperativeQueue
    trusted_proxies: Networks

    @property
    def deps(self) -> ProtocolDependencies: ...
    @property
    def replies(self) -> ErrorReplies: ...
    def allowed_methods(self, path: str) -> Sequence[str]: ...
    def respond(self, reply: Reply, conditions: Conditions) -> Response: ...
    def is_secure(self, connection_is_secure: bool) -> bool: ...
    def is_ours(self, host: str) -> bool: ...
    def log_failure(self, failure: Failure) -> str: ...
