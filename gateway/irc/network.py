"""One service a network: connects, comes back after a loss, hands questions to the desk and answers to the outbox, says
QUIT before it goes. What is said stands in commands.py, how it is sent in client.py, which networks there are in bots.py.
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from msgspec.structs import replace
from twisted.application.internet import ClientService
from twisted.internet.defer import CancelledError, Deferred, succeed
from twisted.internet.endpoints import clientFromString
from twisted.internet.interfaces import IAddress, IDelayedCall, IProtocolFactory, IReactorTime, IStreamClientEndpoint
from twisted.internet.protocol import Factory
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from ..dependencies import ProtocolDependencies
from . import messages
from .client import Client, Message
from .commands import CommandHandler, Question, Reply, fold, strip_address
from .lines import room
from .outbox import Outbox
from .settings import NetworkSettings

FIRST_DELAY, LONGEST_DELAY = 2.0, 300.0  # seconds before another try to connect
STABLE = 60.0  # seconds signed on, after which the next loss counts as the first again
REJOIN, LONGEST_REJOIN = 10.0, 600.0  # seconds before another try to get into a channel
FAREWELL = 2.0  # seconds for a server to close after our QUIT
LIVE = (
    "alternate_nicks",
    "channels",
    "prefix",
    "burst",
    "line_interval",
)  # settings that a connection can do without a new one


class Backoff:
    """How long to wait before the next try. A server that welcomes us only to throw us out is no success: the delay grows
    until we were signed on for a stable minute."""

    def __init__(self, clock: IReactorTime, jitter: Callable[[], float] = random.random) -> None:
        self._clock, self._jitter = clock, jitter
        self._failures = 0
        self._since: float | None = None

    def signed_on(self) -> None:
        self._since = self._clock.seconds()

    def delay(self, _attempt: int) -> float:
        """Seconds from now to the next try; half of it is chance, so that a whole network does not come back at once."""
        if self._since is not None and self._clock.seconds() - self._since >= STABLE:
            self._failures = 0
        self._since = None
        longest = min(FIRST_DELAY * 2.0 ** min(self._failures, 30), LONGEST_DELAY)
        self._failures += 1
        return longest * (0.5 + 0.5 * self._jitter())


@dataclass(frozen=True, slots=True)
class _Rejoin:
    """The last time that we were put out of a channel (or not let in), and the try to get back that followed."""

    at: float
    delay: float
    call: IDelayedCall


@implementer(IStreamClientEndpoint)
class _Telling:
    """An endpoint that tells why it could not connect; ClientService keeps that to itself."""

    def __init__(self, endpoint: IStreamClientEndpoint, tell: Callable[[Failure], None], name: str) -> None:
        self._endpoint, self._tell, self._name = endpoint, tell, name

    def __str__(self) -> str:
        return self._name  # stands in ClientService's log

    def connect(self, protocolFactory: IProtocolFactory) -> Any:  # noqa: N803
        def failed(failure: Failure) -> Failure:
            if not failure.check(CancelledError):
                self._tell(failure)
            return failure

        return self._endpoint.connect(protocolFactory).addErrback(failed)


class _Clients(Factory):
    """Makes a Client for each connection."""

    noisy = False

    def __init__(self, make: Callable[[], Client]) -> None:
        self._make = make

    def buildProtocol(self, addr: IAddress | None) -> Client:
        return self._make()


class NetworkService(ClientService):
    """The bot on one network."""

    def __init__(
        self, settings: NetworkSettings, deps: ProtocolDependencies, endpoint: IStreamClientEndpoint | None = None
    ) -> None:
        self.settings = settings
        self.setName(settings.network)
        self._clock: Any = deps.reactor
        self._deps = deps
        self._backoff = Backoff(self._clock)
        self._desk = CommandHandler(settings.network, settings.prefix, deps)
        self._outbox = Outbox(
            self._write, settings.burst, settings.line_interval.total_seconds(), self._clock, messages.lost
        )
        self._client: Client | None = None
        self._signed_on = False
        self._answering: set[Deferred[None]] = set()
        self._rejoins: dict[str, _Rejoin] = {}
        self._bot_log = Logger()
        endpoint = endpoint or clientFromString(deps.reactor, settings.server)
        super().__init__(
            _Telling(endpoint, self._unreachable, settings.server),
            _Clients(self._new_client),
            self._backoff.delay,
            self._clock,
        )

    @property
    def state(self) -> tuple[bool, bool, int]:
        """Connected? Signed on? How many lines wait to be said?"""
        return self._client is not None, self._signed_on, self._outbox.waiting

    def can_become(self, settings: NetworkSettings) -> bool:
        """Could *settings* be ours without a new connection?"""
        return replace(settings, **{name: getattr(self.settings, name) for name in LIVE}) == self.settings

    def reload(self, settings: NetworkSettings, deps: ProtocolDependencies) -> None:
        """Goes on with *settings*, which it can become."""
        before, self.settings, self._deps = self.settings, settings, deps
        self._desk.prefix, self._desk.deps = settings.prefix, deps
        self._outbox.change(settings.burst, settings.line_interval.total_seconds())
        left = _named(before.channels, without=settings.channels)
        for channel in left:
            rejoin = self._rejoins.pop(channel, None)
            if rejoin is not None and rejoin.call.active():
                rejoin.call.cancel()
        if self._client is not None and self._signed_on:
            self._client.depart(left)
            self._client.enter(_named(settings.channels, without=before.channels))

    def stopService(self) -> "Deferred[None]":
        """Says QUIT, lets the server close, then lets go: with a server that does not answer after FAREWELL seconds."""
        said = self._say_quit()
        return said.addCallback(lambda _: super(NetworkService, self).stopService())

    def _say_quit(self) -> "Deferred[None]":
        client = self._client
        if client is None:
            return succeed(None)
        self._client = None
        self._outbox.clear()
        self._cancel_answers()
        client.quit(messages.QUIT)
        timer = self._clock.callLater(FAREWELL, client.transport.abortConnection)
        gone: Deferred[None] = client.closed

        def closed(_: None) -> None:
            if timer.active():
                timer.cancel()

        return gone.addCallback(closed)

    # client.Owner

    def connected(self, client: Client) -> None:
        self._client = client

    def signed_on(self) -> None:
        self._backoff.signed_on()
        if self._client is None:
            return
        self._signed_on = True
        self._bot_log.info("{network}: signed on as {nick}", network=self.settings.network, nick=self._client.nickname)
        if self.settings.channels:
            self._client.enter(self.settings.channels)

    def heard(self, message: Message) -> None:
        if self._client is None:
            return
        me = self._client.nickname
        text = strip_address(message.text, me, self.settings.prefix, message.channel is None)
        if text is None:
            return
        target = message.channel or message.nick
        question = Question(message.nick, message.userhost, message.channel, text, me, room(me, target))
        answering = Deferred.fromCoroutine(self._answer(question, target))
        self._answering.add(answering)
        answering.addErrback(lambda failure: failure.trap(CancelledError))
        answering.addBoth(lambda _: self._answering.discard(answering))

    def not_in(self, channel: str, why: str) -> None:
        """Tries again after a while, each time after twice as long: whoever kicks us means it."""
        wanted = next((each for each in self.settings.channels if fold(each.partition(" ")[0]) == fold(channel)), None)
        if wanted is None or self._client is None:
            return
        now = self._clock.seconds()
        last = self._rejoins.get(wanted)
        if last is not None and last.call.active():
            return
        delay = REJOIN if last is None or now - last.at > 2 * LONGEST_REJOIN else min(2 * last.delay, LONGEST_REJOIN)
        self._bot_log.warn(
            "{network}: not in {channel} ({why}); trying again in {delay} seconds",
            network=self.settings.network, channel=channel, why=why, delay=delay,
        )  # fmt: skip
        self._rejoins[wanted] = _Rejoin(now, delay, self._clock.callLater(delay, self._client.enter, [wanted]))

    def disconnected(self, why: str) -> None:
        self._client, self._signed_on = None, False
        self._outbox.clear()
        self._cancel_answers()
        for each in self._rejoins.values():
            if each.call.active():
                each.call.cancel()
        self._rejoins.clear()
        self._bot_log.info("{network}: disconnected: {why}", network=self.settings.network, why=why)

    # the rest

    def _new_client(self) -> Client:
        nicks = [self.settings.nick, *self.settings.alternate_nicks]
        real_name = messages.REAL_NAME.format(site=self._deps.site.name, nick=self.settings.nick)
        return Client(self.settings.network, nicks, real_name, self, self._clock)

    async def _answer(self, question: Question, target: str) -> None:
        reply: Reply | None = await self._desk.answer(question)
        if reply is not None:
            self._outbox.put(target, reply.lines, reply.short)

    def _write(self, target: str, line: str) -> None:
        if self._client is not None:
            self._client.tell(target, line)

    def _cancel_answers(self) -> None:
        for each in tuple(self._answering):
            each.cancel()

    def _unreachable(self, failure: Failure) -> None:
        self._bot_log.warn(
            "{network}: cannot connect to {server}: {why}",
            network=self.settings.network, server=self.settings.server, why=failure.getErrorMessage(),
        )  # fmt: skip


def _named(channels: Sequence[str], without: Sequence[str]) -> list[str]:
    """Those of *channels* whose names are not among *without*, keys and all."""
    others = {fold(each.partition(" ")[0]) for each in without}
    return [each for each in channels if fold(each.partition(" ")[0]) not in others]
