"""Connections to hosts that a client names: to public addresses only, never back to this gateway, and a bounded number.

This gateway is the addresses that it listens on; not every address of the machine, because several gateways may share
one. If it listens on all addresses, or only on ones that nobody outside reaches (loopback or a UNIX socket: a proxy
such as HAProxy is in front), every address of the machine's interfaces counts. The addresses of its own host names
count, too: behind a router or a load balancer they are not on the machine at all.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from ipaddress import ip_address
from typing import Any

from twisted.internet.defer import Deferred, TimeoutError
from twisted.internet.interfaces import IStreamClientEndpoint

from .ip_addresses import IPAddress, is_public, parse_ip_literal, translate_nat64, unmap_ipv4
from .safe_dialer import HostResolver, IsThisServer, NoSuchHost, NotPublic, SafeDialer

MAX_CONNECTIONS = 32
MAX_CONNECTIONS_PER_HOST = 8  # so that one silent host does not use up all of them
OWN_NAMES_TIMEOUT = 2.0  # seconds


class TooManyConnections(Exception):
    """There are too many outbound connections already."""


class OutboundConnections:
    """Makes the connections and counts them.

    *listening_hosts* returns the hosts of the open ports, None for a UNIX socket; *our_names* the host names of this
    site. *finger_port* is fixed by RFC 1288 section 2.3; tests set another.
    """

    def __init__(
        self,
        reactor: Any,
        listening_hosts: Callable[[], Iterable[str | None]],
        our_names: Callable[[], Iterable[str]],
        finger_port: int = 79,
    ) -> None:
        self._reactor, self._listening_hosts, self._our_names = reactor, listening_hosts, our_names
        self._resolver = HostResolver(reactor)
        self._open: Counter[str] = Counter()
        self.finger_port = finger_port

    @contextmanager
    def reserve_slot(self, host: str) -> Iterator[None]:
        """Count one connection to *host* until the block ends. Raises TooManyConnections."""
        if self._open.total() >= MAX_CONNECTIONS or self._open[host] >= MAX_CONNECTIONS_PER_HOST:
            raise TooManyConnections
        self._open[host] += 1
        try:
            yield
        finally:
            self._open[host] -= 1
            self._open += Counter()  # drops entries that are zero

    def endpoint(self, host: str, port: int, seconds: float) -> IStreamClientEndpoint:
        """Return an endpoint that connects within *seconds* to a public address of *host* that is not this gateway's."""
        return SafeDialer(self._reactor, self._resolver, host, port, seconds, self._select_public)

    async def _select_public(self, host: str, addresses: Sequence[IPAddress]) -> Sequence[IPAddress]:
        public = [address for address in addresses if is_public(address)]
        if not public:
            raise NotPublic(host)
        ours = own_addresses(self._listening_hosts()) | await self._addresses_of_our_names()
        if any(translate_nat64(address) in ours for address in public):
            raise IsThisServer(host)
        return public

    async def _addresses_of_our_names(self) -> set[IPAddress]:
        looked_up = [Deferred.fromCoroutine(self._addresses_of(name)) for name in self._our_names()]
        ours = set[IPAddress]()
        for each in looked_up:
            ours.update(await each)
        return ours

    async def _addresses_of(self, name: str) -> Sequence[IPAddress]:
        """Return the addresses of *name*, one of our own; none if it cannot be resolved."""
        looking = Deferred.fromCoroutine(self._resolver.resolve(name))
        with suppress(NoSuchHost, TimeoutError):
            return await looking.addTimeout(OWN_NAMES_TIMEOUT, self._reactor)
        return ()


def own_addresses(listening_hosts: Iterable[str | None]) -> set[IPAddress]:
    """Return the addresses of this gateway, which listens on *listening_hosts* (None: a UNIX socket)."""
    addresses = {parse_ip_literal(host) for host in listening_hosts if host is not None}
    outside = {address for address in addresses if address is not None and not address.is_loopback}
    if not outside or any(address.is_unspecified for address in outside):
        return outside | interface_addresses()
    return outside


def interface_addresses() -> set[IPAddress]:
    """Return the addresses of this machine's network interfaces."""
    import psutil

    found = set[IPAddress]()
    for each in psutil.net_if_addrs().values():
        for address in each:
            with suppress(ValueError):  # a hardware address
                found.add(unmap_ipv4(ip_address(address.address.partition("%")[0])))
    return found
