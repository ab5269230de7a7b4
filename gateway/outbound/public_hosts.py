"""Connections to hosts that a stranger names: to public addresses only, never back to this gateway, and not too many.

What is this gateway? Not every address of the machine: several gateways may live on one, each with an address of its own.
It is the addresses that it listens on. Where it listens on all of them (a wildcard), or on none that could be reached from
elsewhere (loopback or a UNIX socket: something else on this machine stands before it, such as HAProxy), it is all addresses
of the machine's interfaces. And it is the addresses that its own names have, which are not on the machine at all where a
router or a balancer stands before it.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from ipaddress import ip_address
from typing import Any

from twisted.internet.defer import Deferred, TimeoutError
from twisted.internet.interfaces import IStreamClientEndpoint

from .ip_addresses import IPAddress, is_public, meant, parse_ip_literal, plain
from .safe_dialer import IsThisServer, NoSuchHost, NotPublic, Resolver, SafeDialer

MOST = 32  # connections at once
MOST_TO_ONE = 8  # of these, to one host: a silent one does not take the room of all others
OWN_NAMES = 2.0  # seconds that the lookup of our own names may take


class TooManyConnections(Exception):
    """There is no room for one more connection."""


class OutboundConnections:
    """*listened*: the hosts of what is listened on, as getHost() tells them; *names*: our own; *finger*: the port on which
    others are asked, which is no setting: RFC 1288 section 2.3 names it."""

    def __init__(
        self,
        reactor: Any,
        listened: Callable[[], Iterable[str | None]],
        names: Callable[[], Iterable[str]],
        finger: int = 79,
    ) -> None:
        self._reactor, self._listened, self._names = reactor, listened, names
        self._resolver = Resolver(reactor)
        self._open: Counter[str] = Counter()
        self.finger = finger

    @contextmanager
    def reserve_slot(self, host: str) -> Iterator[None]:
        """Holds the place of one connection to *host*. Raises Full."""
        if self._open.total() >= MOST or self._open[host] >= MOST_TO_ONE:
            raise TooManyConnections
        self._open[host] += 1
        try:
            yield
        finally:
            self._open[host] -= 1
            self._open += Counter()  # forgets those at nought

    def endpoint(self, host: str, port: int, seconds: float) -> IStreamClientEndpoint:
        """Connects to *host* at a public address that is not ours, within *seconds*. See Dial."""
        return SafeDialer(self._reactor, self._resolver, host, port, seconds, self._judged)

    async def _judged(self, host: str, addresses: Sequence[IPAddress]) -> Sequence[IPAddress]:
        public = [address for address in addresses if is_public(address)]
        if not public:
            raise NotPublic(host)
        ours = own_addresses(self._listened()) | await self._of_our_names()
        if any(meant(address) in ours for address in public):
            raise IsThisServer(host)
        return public

    async def _of_our_names(self) -> set[IPAddress]:
        looked_up = [Deferred.fromCoroutine(self._of(name)) for name in self._names()]
        ours = set[IPAddress]()
        for each in looked_up:
            ours.update(await each)
        return ours

    async def _of(self, name: str) -> Sequence[IPAddress]:
        """Those of *name*, one of ours; none where nobody knows."""
        looking = Deferred.fromCoroutine(self._resolver.addresses(name))
        with suppress(NoSuchHost, TimeoutError):
            return await looking.addTimeout(OWN_NAMES, self._reactor)
        return ()


def own_addresses(listened: Iterable[str | None]) -> set[IPAddress]:
    """The addresses that this gateway is at, which listens on *listened* (None: a UNIX socket)."""
    addresses = {parse_ip_literal(host) for host in listened if host is not None}
    outside = {address for address in addresses if address is not None and not address.is_loopback}
    if not outside or any(address.is_unspecified for address in outside):
        return outside | of_this_machine()
    return outside


def of_this_machine() -> set[IPAddress]:
    """The addresses of its interfaces."""
    import psutil

    found = set[IPAddress]()
    for each in psutil.net_if_addrs().values():
        for address in each:
            with suppress(ValueError):  # one of the link, not of the network
                found.add(plain(ip_address(address.address.partition("%")[0])))
    return found
