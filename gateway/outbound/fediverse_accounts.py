"""Which fediverse accounts their own hosts have confirmed.

Results are cached, confirmations longer than failures. A few accounts are checked at a time; a request that cannot wait
for a result goes on without one.
"""

from collections import OrderedDict
from typing import Any

from twisted.internet.defer import Deferred, TimeoutError
from twisted.logger import Logger

from .fediverse_address import Actor, parse_account
from .public_hosts import OutboundConnections

CONFIRMED_TTL, UNCONFIRMED_TTL = 24 * 3600.0, 3600.0  # seconds
MAX_VERDICTS = 4096  # the least recently used goes first
MAX_CONCURRENT_CHECKS = 4


class FediverseAccounts:
    """Checks accounts through *outbound* and remembers the verdicts."""

    def __init__(self, reactor: Any, outbound: OutboundConnections) -> None:
        self._reactor, self._outbound = reactor, outbound
        self._verdicts: OrderedDict[tuple[str, str], tuple[float, Actor | None]] = OrderedDict()
        self._waiting_for: dict[tuple[str, str], list[Deferred[None]]] = {}
        self._log = Logger(namespace="gateway.outbound")

    def confirmed_actor(self, text: str) -> Actor | None:
        """Return the actor of "@user@host" if the host has confirmed it. Start a check if nothing is known."""
        key = parse_account(text)
        if key is None:
            return None
        verdict = self._verdicts.get(key)
        if verdict is not None:
            self._verdicts.move_to_end(key)
        if (verdict is None or verdict[0] <= self._reactor.seconds()) and key not in self._waiting_for:
            self._check(key)
        return None if verdict is None else verdict[1]

    async def wait_for_actor(self, text: str, seconds: float) -> Actor | None:
        """Return the confirmed actor; wait up to *seconds* for the first verdict on the account."""
        found, key = self.confirmed_actor(text), parse_account(text)
        if key is None or key in self._verdicts or key not in self._waiting_for:
            return found
        waiting: Deferred[None] = Deferred()
        self._waiting_for[key].append(waiting)
        try:
            await waiting.addTimeout(seconds, self._reactor)
        except TimeoutError:
            return None
        return self.confirmed_actor(text)

    def _check(self, key: tuple[str, str]) -> None:
        if len(self._waiting_for) >= MAX_CONCURRENT_CHECKS:
            return
        from .webfinger_client import confirm_account  # slow to import

        self._waiting_for[key] = []
        asking = Deferred.fromCoroutine(confirm_account(self._reactor, self._outbound, *key))
        asking.addCallbacks(self._confirmed, self._not_confirmed, callbackArgs=(key,), errbackArgs=(key,))
        asking.addErrback(lambda failure: self._log.failure("checking an account failed", failure))

    def _confirmed(self, actor: Actor, key: tuple[str, str]) -> None:
        self._store_verdict(key, CONFIRMED_TTL, actor)

    def _not_confirmed(self, failure: Any, key: tuple[str, str]) -> None:
        why = f"{failure.type.__name__}, {failure.getErrorMessage()}"
        self._log.info("{account} is not confirmed by its host: {why}", account="@".join(key), why=why)
        self._store_verdict(key, UNCONFIRMED_TTL, None)

    def _store_verdict(self, key: tuple[str, str], seconds: float, actor: Actor | None) -> None:
        self._verdicts[key] = (self._reactor.seconds() + seconds, actor)
        self._verdicts.move_to_end(key)
        if len(self._verdicts) > MAX_VERDICTS:
            self._verdicts.popitem(last=False)
        for waiting in self._waiting_for.pop(key):
            if not waiting.called:
                waiting.callback(None)
