"""Connect to a host by name or address; the address that was checked is the one that is dialled.

A name is resolved once, its addresses are filtered, and those that are allowed are dialled by number. A name server
that answers the next query differently (DNS rebinding) gains nothing. The filter is given by the caller:
public_hosts.py has the one for hosts that clients name.
"""

import os
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
from .ip_addresses import IPAddress, parse_ip_literal, unmap_ipv4

MAX_CONCURRENT_LOOKUPS = 4  # a thread that waits for a dead name server cannot be interrupted
MAX_ADDRESSES = 8  # tried for one name
CONNECTION_ATTEMPT_DELAY = 0.3  # seconds; RFC 8305 section 5 recommends 250 ms


class CannotDial(Exception):
    """No connection to *host*."""

    def __init__(self, host: str) -> None:
        super().__init__(host)
        self.host = host


class NoSuchHost(CannotDial):
    """The name has no address."""


class NotPublic(CannotDial):
    """All of its addresses are private."""


class IsThisServer(CannotDial):
    """The address is this gateway's own."""


class Unreachable(CannotDial):
    """No address accepted the connection; *why* is the operating system's message for the last one."""

    def __init__(self, host: str, why: str) -> None:
        super().__init__(host)
        self.why = why


AddressFilter = Callable[[str, Sequence[IPAddress]], Awaitable[Sequence[IPAddress]]]


async def allow_any_address(host: str, addresses: Sequence[IPAddress]) -> Sequence[IPAddress]:
    """Allow every address: the filter for commands that a person types."""
    return addresses


@implementer(IResolutionReceiver)
class _ResolutionReceiver:
    def __init__(self) -> None:
        self.addresses: list[IPAddress] = []
        self.complete: Deferred[None] = Deferred()

    def resolutionBegan(self, resolution: IHostResolution) -> None:  # noqa: N802  # Twisted's name
        pass

    def addressResolved(self, address: IAddress) -> None:  # noqa: N802
        with suppress(ValueError):
            self.addresses.append(unmap_ipv4(ip_address(getattr(address, "host", ""))))

    def resolutionComplete(self) -> None:  # noqa: N802
        self.complete.callback(None)


class HostResolver:
    """The reactor's resolver, with a limit on concurrent lookups."""

    def __init__(self, reactor: Any) -> None:
        self._reactor = reactor
        self._slots = DeferredSemaphore(MAX_CONCURRENT_LOOKUPS)

    async def resolve(self, host: str) -> Sequence[IPAddress]:
        """Return the addresses of *host* in the resolver's order, without duplicates. Raises NoSuchHost.

        A lookup has no time limit of its own. If it is cancelled, its thread goes on and keeps its slot until it ends.
        """
        name = canonical_host(host)
        if name is None:
            raise NoSuchHost(host)
        if (address := parse_ip_literal(name)) is not None:
            return (address,)
        await self._slots.acquire()
        found = _ResolutionReceiver()
        found.complete.addCallback(lambda _: self._slots.release())
        waiting: Deferred[None] = Deferred()
        found.complete.addCallback(lambda _: None if waiting.called else waiting.callback(None))
        self._reactor.nameResolver.resolveHostName(found, name)
        await waiting
        if not found.addresses:
            raise NoSuchHost(host)
        return tuple(dict.fromkeys(found.addresses))


@implementer(IStreamClientEndpoint)
class SafeDialer:
    """A Twisted endpoint for *host* and *port* that dials only addresses that *allowed* returns.

    Resolving, filtering and connecting have *seconds* together.
    """

    def __init__(
        self, reactor: Any, resolver: HostResolver, host: str, port: int, seconds: float, allowed: AddressFilter
    ) -> None:
        self._reactor, self._resolver, self._allowed = reactor, resolver, allowed
        self._host, self._port, self._seconds = host, port, seconds

    def connect(self, protocolFactory: IProtocolFactory) -> "Deferred[IProtocol]":  # noqa: N803  # Twisted's name
        """Connect. Fails with a CannotDial or with defer.TimeoutError."""
        return Deferred.fromCoroutine(self._connect(protocolFactory)).addTimeout(self._seconds, self._reactor)

    async def _connect(self, factory: IProtocolFactory) -> IProtocol:
        addresses = await self._resolver.resolve(self._host)
        judged = await self._allowed(self._host, addresses)
        endpoints = [self._endpoint(address) for address in judged[:MAX_ADDRESSES]]
        try:
            return await _HappyEyeballs(self._reactor, endpoints, factory).connected
        except (ConnectError, OSError) as error:
            number = error.osError if isinstance(error, ConnectError) else error.errno
            why = os.strerror(number) if number else Failure(error).getErrorMessage()
            raise Unreachable(self._host, why) from None

    def _endpoint(self, address: IPAddress) -> IStreamClientEndpoint:
        from twisted.internet.endpoints import (  # takes 20 ms, and few commands need it
            TCP4ClientEndpoint,
            TCP6ClientEndpoint,
        )

        kind = TCP4ClientEndpoint if address.version == 4 else TCP6ClientEndpoint
        endpoint: IStreamClientEndpoint = kind(self._reactor, str(address), self._port, self._seconds)
        return endpoint


class _HappyEyeballs:
    """Tries *endpoints* in order, each a short delay after the one before it (RFC 8305).

    The next one starts at once if the one before it failed. *connected* fires with the first connection, or fails like
    the last endpoint if all have failed.
    """

    def __init__(self, reactor: Any, endpoints: Sequence[IStreamClientEndpoint], factory: IProtocolFactory) -> None:
        self._reactor, self._factory = reactor, factory
        self._untried = list(endpoints)
        self._running: list[Deferred[IProtocol]] = []
        self._next_attempt: IDelayedCall | None = None
        self._over = False
        self.connected: Deferred[IProtocol] = Deferred(lambda _: self._stop())
        self._try_next()

    def _try_next(self) -> None:
        self._disarm()
        trying = self._untried.pop(0).connect(self._factory)
        self._running.append(trying)
        if self._untried:
            self._next_attempt = self._reactor.callLater(CONNECTION_ATTEMPT_DELAY, self._try_next)
        trying.addCallbacks(self._succeeded, self._failed, callbackArgs=(trying,), errbackArgs=(trying,))

    def _succeeded(self, protocol: IProtocol, trying: "Deferred[IProtocol]") -> None:
        self._running.remove(trying)
        self._stop()
        self.connected.callback(protocol)

    def _failed(self, failure: Failure, trying: "Deferred[IProtocol]") -> None:
        self._running.remove(trying)
        if self._over:
            return
        if self._untried:
            self._try_next()
        elif not self._running:
            self.connected.errback(failure)

    def _stop(self) -> None:
        self._over = True
        self._disarm()
        for trying in list(self._running):
            trying.cancel()

    def _disarm(self) -> None:
        if self._next_attempt is not None and self._next_attempt.active():
            self._next_attempt.cancel()
