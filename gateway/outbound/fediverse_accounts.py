"""Which fediverse accounts their hosts have confirmed. A verdict is kept for a while, a good one longer than a bad one, and
a few are asked for at a time; whoever cannot wait for one goes without."""

from collections import OrderedDict
from typing import Any

from twisted.internet.defer import Deferred, TimeoutError
from twisted.logger import Logger

from .fediverse_address import Actor, parse_account
from .public_hosts import OutboundConnections

GOOD, BAD = 24 * 3600.0, 3600.0  # seconds that a verdict is kept
MOST = 4096  # verdicts; those that were asked for last
AT_ONCE = 4


class FediverseAccounts:
    """Asked for through *outgoing*."""

    def __init__(self, reactor: Any, outgoing: OutboundConnections) -> None:
        self._reactor, self._outgoing = reactor, outgoing
        self._verdicts: OrderedDict[tuple[str, str], tuple[float, Actor | None]] = OrderedDict()
        self._asked: dict[tuple[str, str], list[Deferred[None]]] = {}
        self._log = Logger(namespace="gateway.outbound")

    def known(self, text: str) -> Actor | None:
        """Who "@user@host" is, as far as that is known by now. What is not known is asked for."""
        key = parse_account(text)
        if key is None:
            return None
        verdict = self._verdicts.get(key)
        if verdict is not None:
            self._verdicts.move_to_end(key)
        if (verdict is None or verdict[0] <= self._reactor.seconds()) and key not in self._asked:
            self._ask(key)
        return None if verdict is None else verdict[1]

    async def settled(self, text: str, seconds: float) -> Actor | None:
        """The same, once the account's host has said so for the first time, which is waited for up to *seconds*."""
        found, key = self.known(text), parse_account(text)
        if key is None or key in self._verdicts or key not in self._asked:
            return found
        waiting: Deferred[None] = Deferred()
        self._asked[key].append(waiting)
        try:
            await waiting.addTimeout(seconds, self._reactor)
        except TimeoutError:
            return None
        return self.known(text)

    def _ask(self, key: tuple[str, str]) -> None:
        if len(self._asked) >= AT_ONCE:
            return
        from .webfinger_client import confirm_account  # Twisted's web client takes its time to load

        self._asked[key] = []
        asking = Deferred.fromCoroutine(confirm_account(self._reactor, self._outgoing, *key))
        asking.addCallbacks(self._good, self._bad, callbackArgs=(key,), errbackArgs=(key,))
        asking.addErrback(lambda failure: self._log.failure("a verdict was lost", failure))

    def _good(self, actor: Actor, key: tuple[str, str]) -> None:
        self._keep(key, GOOD, actor)

    def _bad(self, failure: Any, key: tuple[str, str]) -> None:
        why = f"{failure.type.__name__}, {failure.getErrorMessage()}"
        self._log.info("{account} is not confirmed by its host: {why}", account="@".join(key), why=why)
        self._keep(key, BAD, None)

    def _keep(self, key: tuple[str, str], seconds: float, actor: Actor | None) -> None:
        self._verdicts[key] = (self._reactor.seconds() + seconds, actor)
        self._verdicts.move_to_end(key)
        if len(self._verdicts) > MOST:
            self._verdicts.popitem(last=False)
        for waiting in self._asked.pop(key):
            if not waiting.called:
                waiting.callback(None)
