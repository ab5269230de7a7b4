"""The bots of all networks in the settings, and what a reload does to each. What one bot does is in network.py."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from twisted.application.service import MultiService
from twisted.internet.defer import Deferred, DeferredList, maybeDeferred
from twisted.logger import Logger

from ..dependencies import ProtocolDependencies
from .network import NetworkService
from .settings import NetworkSettings


class IrcService(MultiService):
    """A service for each network; none depends on another."""

    def __init__(self, settings: Sequence[NetworkSettings], deps: ProtocolDependencies) -> None:
        super().__init__()
        self._leaving: dict[str, Deferred[None]] = {}
        self._log = Logger()
        self._apply(settings, deps)

    def prepare_reload(self, settings: Sequence[NetworkSettings], deps: ProtocolDependencies) -> Callable[[], None]:
        """Return a function that puts other *settings* in place.

        A network stays connected if its connection settings are the same. Otherwise the old bot sends QUIT first, so that
        its nick is free.
        """
        return partial(self._apply, settings, deps)

    def _apply(self, settings: Sequence[NetworkSettings], deps: ProtocolDependencies) -> None:
        self._wanted, self._deps = {network.network: network for network in settings}, deps
        bots: list[Any] = list(self)
        for bot in bots:
            wanted = self._wanted.get(bot.name)
            if wanted is not None and bot.can_become(wanted):
                bot.reload(wanted, deps)
            else:
                self._stop_bot(bot)
        for name in self._wanted:
            self._start_bot(name)

    @property
    def bots(self) -> list[Any]:
        """List the bots, one for each network, for the metrics."""
        return list(self)

    def stopService(self) -> "Deferred[Any]":
        self._wanted = {}
        return DeferredList([maybeDeferred(super().stopService), *self._leaving.values()])

    def _stop_bot(self, bot: NetworkService) -> None:
        name = str(bot.name)
        leaving: Deferred[None] = maybeDeferred(bot.disownServiceParent)
        self._leaving[name] = leaving
        leaving.addErrback(lambda failure: self._log.failure("cannot leave {network} cleanly", failure, network=name))
        leaving.addBoth(self._bot_stopped, name)

    def _bot_stopped(self, _: object, name: str) -> None:
        del self._leaving[name]
        self._start_bot(name)

    def _start_bot(self, name: str) -> None:
        if name in self._wanted and name not in self._leaving and name not in self.namedServices:
            NetworkService(self._wanted[name], self._deps).setServiceParent(self)
