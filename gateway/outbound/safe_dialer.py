"""Connections to a host by name or address, where the address that was judged is the address that is connected to.

A name is resolved once, every address of it is judged, and of those that may be dialled one after the other is tried,
by its number: whoever answers the next question about the name differently (DNS rebinding) gains nothing. What an
address is judged by is given (public.py has the rule for hosts that strangers name); the port is the caller's.
"""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from ipaddress import ip_address
from typing import Any

from twisted.internet.defer import Deferred, DeferredSemaphore
from twisted.internet.error import ConnectError
from twisted.internet.interfaces import (
    IAddress,
    IDelayedCall,
    IHostResolution,
    IProtocol,
    IProtocolFactory,
    IResolutionReceiver,
    IStreamClientEndpoint,
)
from twisted.python.failure import Failure
from zope.interface import implementer

from .host_names import canonical_host
from .ip_addresses import IPAddress, parse_ip_literal, plain

LOOKUPS = 4  # names that are looked up at once: a thread that waits for a dead name server cannot be called back
MOST_ADDRESSES = 8  # of one name
STAGGER = 0.3  # seconds that an address has before the next one is tried beside it (RFC 8305 section 5: 250 ms)


class CannotDial(Exception):
    """There is no connection to *host*."""

    def __init__(self, host: str) -> None:
        super().__init__(host)
        self.host = host


class NoSuchHost(CannotDial):
    """The name has no address."""


class NotPublic(CannotDial):
    """All of its addresses are in somebody's own network."""


class IsThisServer(CannotDial):
    """It is this gateway."""


class Unreachable(CannotDial):
    """No address of it takes the connection; *why* is what the operating system says of the last one."""

    def __init__(self, host: str, why: str) -> None:
        super().__init__(host)
        self.why = why


Judge = Callable[[str, Sequence[IPAddress]], Awaitable[Sequence[IPAddress]]]


async def allow_any_address(host: str, addresses: Sequence[IPAddress]) -> Sequence[IPAddress]:
    """The judge for those who ask by themselves: wherever they like."""
    return addresses


@implementer(IResolutionReceiver)
class _Addresses:
    def __init__(self) -> None:
        self.all: list[IPAddress] = []
        self.complete: Deferred[None] = Deferred()

    def resolutionBegan(self, resolution: IHostResolution) -> None:  # noqa: N802  # Twisted's name
        pass

    def addressResolved(self, address: IAddress) -> None:  # noqa: N802
        with suppress(ValueError):
            self.all.append(plain(ip_address(getattr(address, "host", ""))))

    def resolutionComplete(self) -> None:  # noqa: N802
        self.complete.callback(None)


class Resolver:
    """The reactor's, with room for LOOKUPS."""

    def __init__(self, reactor: Any) -> None:
        self._reactor = reactor
        self._room = DeferredSemaphore(LOOKUPS)

    async def addresses(self, host: str) -> Sequence[IPAddress]:
        """Those of *host*, each once, as the resolver orders them. Raises NoSuchHost. May take as long as it likes; when
        it is cancelled the lookup goes on, and takes its room, until its end."""
        name = canonical_host(host)
        if name is None:
            raise NoSuchHost(host)
        if (address := parse_ip_literal(name)) is not None:
            return (address,)
        await self._room.acquire()
        found = _Addresses()
        found.complete.addCallback(lambda _: self._room.release())
        waiting: Deferred[None] = Deferred()
        found.complete.addCallback(lambda _: None if waiting.called else waiting.callback(None))
        self._reactor.nameResolver.resolveHostName(found, name)
        await waiting
        if not found.all:
            raise NoSuchHost(host)
        return tuple(dict.fromkeys(found.all))


@implementer(IStreamClientEndpoint)
class SafeDialer:
    """An endpoint of Twisted: *host* and *port*, at an address that *judge* has nothing against. All of it, resolving,
    judging and connecting, has *seconds*."""

    def __init__(self, reactor: Any, resolver: Resolver, host: str, port: int, seconds: float, judge: Judge) -> None:
        self._reactor, self._resolver, self._judge = reactor, resolver, judge
        self._host, self._port, self._seconds = host, port, seconds

    def connect(self, protocolFactory: IProtocolFactory) -> "Deferred[IProtocol]":  # noqa: N803  # Twisted's name
        """Fails with a CannotDial, or with defer.TimeoutError."""
        return Deferred.fromCoroutine(self._connected(protocolFactory)).addTimeout(self._seconds, self._reactor)

    async def _connected(self, factory: IProtocolFactory) -> IProtocol:
        addresses = await self._resolver.addresses(self._host)
        judged = await self._judge(self._host, addresses)
        endpoints = [self._endpoint(address) for address in judged[:MOST_ADDRESSES]]
        try:
            return await _Race(self._reactor, endpoints, factory).won
        except (ConnectError, OSError) as error:
            raise Unreachable(self._host, Failure(error).getErrorMessage()) from None

    def _endpoint(self, address: IPAddress) -> IStreamClientEndpoint:
        from twisted.internet.endpoints import TCP4ClientEndpoint, TCP6ClientEndpoint  # 20 ms that few commands need

        kind = TCP4ClientEndpoint if address.version == 4 else TCP6ClientEndpoint
        endpoint: IStreamClientEndpoint = kind(self._reactor, str(address), self._port, self._seconds)
        return endpoint


class _Race:
    """*endpoints* tried in their order, each STAGGER after the one before it or as soon as that has failed. *won* is the
    first connection; it fails as the last one did when all have failed."""

    def __init__(self, reactor: Any, endpoints: Sequence[IStreamClientEndpoint], factory: IProtocolFactory) -> None:
        self._reactor, self._factory = reactor, factory
        self._waiting = list(endpoints)
        self._running: list[Deferred[IProtocol]] = []
        self._next: IDelayedCall | None = None
        self._over = False
        self.won: Deferred[IProtocol] = Deferred(lambda _: self._stop())
        self._begin()

    def _begin(self) -> None:
        self._disarm()
        trying = self._waiting.pop(0).connect(self._factory)
        self._running.append(trying)
        if self._waiting:
            self._next = self._reactor.callLater(STAGGER, self._begin)
        trying.addCallbacks(self._connected, self._failed, callbackArgs=(trying,), errbackArgs=(trying,))

    def _connected(self, protocol: IProtocol, trying: "Deferred[IProtocol]") -> None:
        self._running.remove(trying)
        self._stop()
        self.won.callback(protocol)

    def _failed(self, failure: Failure, trying: "Deferred[IProtocol]") -> None:
        self._running.remove(trying)
        if self._over:
            return
        if self._waiting:
            self._begin()
        elif not self._running:
            self.won.errback(failure)

    def _stop(self) -> None:
        self._over = True
        self._disarm()
        for trying in list(self._running):
            trying.cancel()

    def _disarm(self) -> None:
        if self._next is not None and self._next.active():
            self._next.cancel()
