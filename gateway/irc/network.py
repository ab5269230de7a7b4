"""The bot on one network: connects and reconnects, passes requests to the command handler and answers to the outbox.

Commands are in commands.py, the connection is in connection.py, the bots of all networks are in service.py.
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
from .command_handler import BotReply, CommandHandler, strip_address
from .command_registry import BotRequest
from .connection import IrcConnection, IrcMessage
from .lines import max_text_bytes
from .outbox import Outbox
from .protocol import fold_nick
from .settings import NetworkSettings

MIN_RECONNECT_DELAY, MAX_RECONNECT_DELAY = 2.0, 300.0  # seconds before another try to connect
STABLE_AFTER = 60.0  # seconds signed on, after which the next loss counts as the first again
MIN_REJOIN_DELAY, MAX_REJOIN_DELAY = 10.0, 600.0  # seconds before another try to get into a channel
QUIT_TIMEOUT = 2.0  # seconds for a server to close after our QUIT
# Settings that can change without a new connection.
RELOADABLE = ("alternate_nicks", "channels", "prefix", "burst", "line_interval")


class Backoff:
    """The delay before the next attempt to connect.

    It grows until the bot was signed on for STABLE_AFTER seconds: a server that welcomes a client only to disconnect it
    counts as a failure.
    """

    def __init__(self, clock: IReactorTime, jitter: Callable[[], float] = random.random) -> None:
        self._clock, self._jitter = clock, jitter
        self._failures = 0
        self._since: float | None = None

    def signed_on(self) -> None:
        self._since = self._clock.seconds()

    def delay(self, _attempt: int) -> float:
        """Return the seconds until the next attempt; half of it is random, so that clients do not all return at once."""
        if self._since is not None and self._clock.seconds() - self._since >= STABLE_AFTER:
            self._failures = 0
        self._since = None
        longest = min(MIN_RECONNECT_DELAY * 2.0 ** min(self._failures, 30), MAX_RECONNECT_DELAY)
        self._failures += 1
        return longest * (0.5 + 0.5 * self._jitter())


@dataclass(frozen=True, slots=True)
class _Rejoin:
    """When the bot last lost a channel (or could not join it), and the next attempt to join."""

    at: float
    delay: float
    call: IDelayedCall


@implementer(IStreamClientEndpoint)
class _LoggingEndpoint:
    """An endpoint that reports why it could not connect, which ClientService does not."""

    def __init__(self, endpoint: IStreamClientEndpoint, report: Callable[[Failure], None], name: str) -> None:
        self._endpoint, self._report, self._name = endpoint, report, name

    def __str__(self) -> str:
        return self._name  # for ClientService's log

    def connect(self, protocolFactory: IProtocolFactory) -> Any:  # noqa: N803
        def failed(failure: Failure) -> Failure:
            if not failure.check(CancelledError):
                self._report(failure)
            return failure

        return self._endpoint.connect(protocolFactory).addErrback(failed)


class _ConnectionFactory(Factory):
    """Makes an IrcConnection for each connection."""

    noisy = False

    def __init__(self, make: Callable[[], IrcConnection]) -> None:
        self._make = make

    def buildProtocol(self, addr: IAddress | None) -> IrcConnection:
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
        self._commands = CommandHandler(settings.network, settings.prefix, deps)
        self._outbox = Outbox(
            self._write, settings.burst, settings.line_interval.total_seconds(), self._clock, messages.answers_dropped
        )
        self._connection: IrcConnection | None = None
        self._signed_on = False
        self._answering: set[Deferred[None]] = set()
        self._rejoins: dict[str, _Rejoin] = {}
        self._bot_log = Logger()
        endpoint = endpoint or clientFromString(deps.reactor, settings.server)
        super().__init__(
            _LoggingEndpoint(endpoint, self._connect_failed, settings.server),
            _ConnectionFactory(self._make_connection),
            self._backoff.delay,
            self._clock,
        )

    @property
    def state(self) -> tuple[bool, bool, int]:
        """Whether the bot is connected, whether it is signed on, and how many lines wait to be sent."""
        return self._connection is not None, self._signed_on, self._outbox.waiting

    def can_become(self, settings: NetworkSettings) -> bool:
        """Return whether *settings* can be applied without a new connection."""
        return replace(settings, **{name: getattr(self.settings, name) for name in RELOADABLE}) == self.settings

    def reload(self, settings: NetworkSettings, deps: ProtocolDependencies) -> None:
        """Apply *settings*, for which can_become is true."""
        before, self.settings, self._deps = self.settings, settings, deps
        self._commands.prefix, self._commands.deps = settings.prefix, deps
        self._outbox.set_rate(settings.burst, settings.line_interval.total_seconds())
        left = _channels_without(before.channels, without=settings.channels)
        for channel in left:
            rejoin = self._rejoins.pop(channel, None)
            if rejoin is not None and rejoin.call.active():
                rejoin.call.cancel()
        if self._connection is not None and self._signed_on:
            self._connection.part_channels(left)
            self._connection.join_channels(_channels_without(settings.channels, without=before.channels))

    def stopService(self) -> "Deferred[None]":
        """Send QUIT and let the server close; disconnect after QUIT_TIMEOUT seconds."""
        quitting = self._quit()
        return quitting.addCallback(lambda _: super(NetworkService, self).stopService())

    def _quit(self) -> "Deferred[None]":
        connection = self._connection
        if connection is None:
            return succeed(None)
        self._connection = None
        self._outbox.clear()
        self._cancel_answers()
        connection.quit(messages.QUIT)
        timer = self._clock.callLater(QUIT_TIMEOUT, connection.transport.abortConnection)
        closed: Deferred[None] = connection.closed

        def cancel_timer(_: None) -> None:
            if timer.active():
                timer.cancel()

        return closed.addCallback(cancel_timer)

    # ConnectionOwner

    def connected(self, connection: IrcConnection) -> None:
        self._connection = connection

    def signed_on(self) -> None:
        self._backoff.signed_on()
        if self._connection is None:
            return
        self._signed_on = True
        self._bot_log.info(
            "{network}: signed on as {nick}", network=self.settings.network, nick=self._connection.nickname
        )
        if self.settings.channels:
            self._connection.join_channels(self.settings.channels)

    def message_received(self, message: IrcMessage) -> None:
        if self._connection is None:
            return
        nick = self._connection.nickname
        text = strip_address(message.text, nick, self.settings.prefix, message.channel is None)
        if text is None:
            return
        target = message.channel or message.nick
        request = BotRequest(message.nick, message.userhost, message.channel, text, nick, max_text_bytes(nick, target))
        answering = Deferred.fromCoroutine(self._answer(request, target))
        self._answering.add(answering)
        answering.addErrback(lambda failure: failure.trap(CancelledError))
        answering.addBoth(lambda _: self._answering.discard(answering))

    def channel_lost(self, channel: str, why: str) -> None:
        """Rejoin later, with a delay that doubles each time: back off after a kick."""
        wanted = next(
            (each for each in self.settings.channels if fold_nick(each.partition(" ")[0]) == fold_nick(channel)), None
        )
        if wanted is None or self._connection is None:
            return
        now = self._clock.seconds()
        last = self._rejoins.get(wanted)
        if last is not None and last.call.active():
            return
        delay = (
            MIN_REJOIN_DELAY
            if last is None or now - last.at > 2 * MAX_REJOIN_DELAY
            else min(2 * last.delay, MAX_REJOIN_DELAY)
        )
        self._bot_log.warn(
            "{network}: not in {channel} ({why}); trying again in {delay} seconds",
            network=self.settings.network, channel=channel, why=why, delay=delay,
        )  # fmt: skip
        self._rejoins[wanted] = _Rejoin(
            now, delay, self._clock.callLater(delay, self._connection.join_channels, [wanted])
        )

    def disconnected(self, why: str) -> None:
        self._connection, self._signed_on = None, False
        self._outbox.clear()
        self._cancel_answers()
        for each in self._rejoins.values():
            if each.call.active():
                each.call.cancel()
        self._rejoins.clear()
        self._bot_log.info("{network}: disconnected: {why}", network=self.settings.network, why=why)

    # internals

    def _make_connection(self) -> IrcConnection:
        nicks = [self.settings.nick, *self.settings.alternate_nicks]
        real_name = messages.REAL_NAME.format(site=self._deps.site.name, nick=self.settings.nick)
        return IrcConnection(self.settings.network, nicks, real_name, self, self._clock)

    async def _answer(self, request: BotRequest, target: str) -> None:
        reply: BotReply | None = await self._commands.answer(request)
        if reply is not None:
            self._outbox.put(target, reply.lines, reply.short_line)

    def _write(self, target: str, line: str) -> None:
        if self._connection is not None:
            self._connection.send_message(target, line)

    def _cancel_answers(self) -> None:
        for each in tuple(self._answering):
            each.cancel()

    def _connect_failed(self, failure: Failure) -> None:
        self._bot_log.warn(
            "{network}: cannot connect to {server}: {why}",
            network=self.settings.network, server=self.settings.server, why=failure.getErrorMessage(),
        )  # fmt: skip


def _channels_without(channels: Sequence[str], without: Sequence[str]) -> list[str]:
    """Return those of *channels*, with their keys, whose names are not among *without*."""
    others = {_folded_name(each) for each in without}
    return [each for each in channels if _folded_name(each) not in others]


def _folded_name(channel: str) -> str:
    """Return the folded name of a channel of the settings, which may have a key after a space."""
    return fold_nick(channel.partition(" ")[0])
