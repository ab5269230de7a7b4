"""The one module that touches twisted.words: a connection to an IRC server, from registration to the last word.

IRCClient decodes strictly, closes on a long line, lets missing parameters raise, and answers CTCP by itself. Here lines
are cut from the stream with a bound, only the commands named in _FEWEST are looked at, each with the parameters it needs,
and whoever owns the connection hears plain values.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.internet.protocol import connectionDone
from twisted.internet.task import LoopingCall
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.words.protocols import irc

from .commands import fold

MOST_BYTES = 16 * 1024  # of a line: 8191 of tags, 512 of message, and room for servers that are generous
REGISTRATION = 60.0  # seconds from the connection to the welcome
PING_EVERY = 120.0  # seconds; a link that was silent from one to the next is dead
MOST_NICKS = 12
REGAIN = 120.0  # seconds from one try to have the wanted nick to the next

# What the bot listens to, with the parameters that each must have.
_FEWEST = {
    "ERROR": 0, "KICK": 2, "NICK": 1, "PING": 1, "PRIVMSG": 2, "QUIT": 0, "RPL_WELCOME": 1,
    "ERR_ERRONEUSNICKNAME": 0, "ERR_NICKNAMEINUSE": 0, "ERR_NICKCOLLISION": 0, "ERR_UNAVAILRESOURCE": 2,
    "ERR_NOSUCHCHANNEL": 2, "ERR_TOOMANYCHANNELS": 2, "ERR_CHANNELISFULL": 2, "ERR_INVITEONLYCHAN": 2,
    "ERR_BANNEDFROMCHAN": 2, "ERR_BADCHANNELKEY": 2, "ERR_NEEDREGGEDNICK": 2,
}  # fmt: skip
_SYMBOLS: dict[str, str] = {**irc.numeric_to_symbolic, "437": "ERR_UNAVAILRESOURCE", "477": "ERR_NEEDREGGEDNICK"}


@dataclass(frozen=True, slots=True)
class Message:
    """Somebody said *text*: to us alone, or in *channel*. *userhost* is the asker's user@host."""

    nick: str
    userhost: str
    channel: str | None
    text: str


class Owner(Protocol):
    """Who is told what happens on a connection."""

    def connected(self, client: "Client") -> None: ...
    def signed_on(self) -> None: ...
    def heard(self, message: Message) -> None: ...
    def not_in(self, channel: str, why: str) -> None:
        """We were kicked from *channel*, or could not join it."""

    def disconnected(self, why: str) -> None: ...


class Client(irc.IRCClient):
    """One connection. *nicks* are tried in turn."""

    transport: Any  # an ITCPTransport, or TLS over one
    heartbeatInterval: Any = PING_EVERY  # noqa: N815
    username: Any = "finger"
    realname: Any

    def __init__(self, network: str, nicks: Sequence[str], realname: str, owner: Owner, clock: IReactorTime) -> None:
        self.network, self.realname = network, realname
        self._wanted = nicks[0]
        self._nicks = _all_nicks(nicks)
        self.nickname = next(self._nicks)
        self._owner, self._clock = owner, clock
        self._pending = bytearray()
        self._skipping = False
        self._told: set[str] = set()
        self._alive = True
        self._deadline: IDelayedCall | None = None
        self._regaining: IDelayedCall | None = None
        self._farewell = ""
        self.closed: Deferred[None] = Deferred()
        self._log = Logger()

    # the stream

    def connectionMade(self) -> None:
        self._deadline = self._clock.callLater(REGISTRATION, self._too_late)
        super().connectionMade()
        self._owner.connected(self)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        if self._deadline is not None and self._deadline.active():
            self._deadline.cancel()
        self._wait_for_nick(False)
        super().connectionLost(reason)
        self._owner.disconnected(self._farewell or reason.getErrorMessage())
        self.closed.callback(None)

    def _too_late(self) -> None:
        self._farewell = "no welcome from the server"
        self.transport.abortConnection()

    def dataReceived(self, data: bytes) -> None:
        """Cuts *data* into lines. What is longer than MOST_BYTES is passed over up to its end."""
        self._alive = True
        *lines, rest = data.split(b"\n")
        for line in lines:
            whole, self._pending = bytes(self._pending + line), bytearray()
            if self._skipping or len(whole) > MOST_BYTES:
                self._skipping = False
                self._odd("a line that is too long")
            else:
                self.lineReceived(whole)
        self._pending += rest
        if len(self._pending) > MOST_BYTES:
            self._pending.clear()
            self._skipping = True

    def lineReceived(self, line: bytes) -> None:
        text = _decoded(line.rstrip(b"\r"))
        if text.startswith("@"):
            text = text.partition(" ")[2].lstrip(" ")
        if not text.strip(" "):
            return
        try:
            prefix, command, params = irc.parsemsg(text)
        except (irc.IRCBadMessage, ValueError, IndexError):
            self._odd("a line that is no IRC message")
            return
        self.handleCommand(_SYMBOLS.get(command, command.upper()), prefix, params)

    def handleCommand(self, command: str, prefix: str, params: list[str]) -> None:
        fewest = _FEWEST.get(command)
        if fewest is None:
            return
        if len(params) < fewest:
            self._odd(f"{command} without its parameters")
        else:
            super().handleCommand(command, prefix, params)

    def sendLine(self, line: str) -> None:
        """The one way out: whatever *line* holds, it stays one line."""
        self.transport.write(line.encode("utf-8", "replace").translate(None, b"\r\n\0") + b"\r\n")

    def _odd(self, what: str) -> None:
        """Told once a connection and kind, lest a server fills our log."""
        if what not in self._told:
            self._told.add(what)
            self._log.warn("{network}: the server sent {what}; passed over", network=self.network, what=what)

    # what the bot does

    def tell(self, target: str, text: str) -> None:
        self.sendLine(f"PRIVMSG {target} :{text}")

    def enter(self, channels: Sequence[str]) -> None:
        """Joins *channels*, those with a key behind a blank, ten a line."""
        parted = sorted((each.partition(" ") for each in channels), key=lambda each: not each[2])
        for start in range(0, len(parted), 10):
            batch = parted[start : start + 10]
            names, keys = ",".join(name for name, _, _ in batch), ",".join(key for _, _, key in batch if key)
            self.sendLine(f"JOIN {names} {keys}".rstrip())

    def depart(self, channels: Sequence[str]) -> None:
        """Leaves *channels*, without a word."""
        for each in channels:
            self.sendLine(f"PART {each.partition(' ')[0]}")

    # what the server says

    def irc_RPL_WELCOME(self, prefix: str, params: list[str]) -> None:
        self._attemptedNick = params[0]
        if self._deadline is not None and self._deadline.active():
            self._deadline.cancel()
        super().irc_RPL_WELCOME(prefix, params)
        self._wait_for_nick(not self._is_me(self._wanted))
        self._owner.signed_on()

    def irc_ERR_NICKNAMEINUSE(self, prefix: str, params: list[str]) -> None:
        if self._registered:
            return
        nick = next(self._nicks, None)
        if nick is None:
            self._farewell = "every nick is in use or refused"
            self.transport.loseConnection()
        else:
            self.setNick(nick)

    irc_ERR_NICKCOLLISION = irc_ERR_NICKNAMEINUSE

    def irc_ERR_ERRONEUSNICKNAME(self, prefix: str, params: list[str]) -> None:
        self._wait_for_nick(False)  # never to be had here
        self.irc_ERR_NICKNAMEINUSE(prefix, params)

    def irc_ERR_UNAVAILRESOURCE(self, prefix: str, params: list[str]) -> None:
        if params[1][:1] in "#&+!":
            self._no_way_in(prefix, params)
        else:
            self.irc_ERR_NICKNAMEINUSE(prefix, params)

    def irc_NICK(self, prefix: str, params: list[str]) -> None:
        if self._is_me(prefix):
            self.nickname = params[0]
            self._wait_for_nick(not self._is_me(self._wanted))
        else:
            self.irc_QUIT(prefix, params)

    def irc_QUIT(self, prefix: str, params: list[str]) -> None:
        """Somebody leaves, or leaves their nick: it may be the one that we want."""
        if self._regaining is not None and fold(prefix.partition("!")[0]) == fold(self._wanted):
            self.sendLine(f"NICK {self._wanted}")

    def _wait_for_nick(self, wanting: bool) -> None:
        """Asks for the wanted nick now and then, for we do not see everybody leave."""
        if self._regaining is not None:
            self._regaining.cancel()
        self._regaining = self._clock.callLater(REGAIN, self._ask_for_nick) if wanting else None

    def _ask_for_nick(self) -> None:
        self._regaining = self._clock.callLater(REGAIN, self._ask_for_nick)
        self.sendLine(f"NICK {self._wanted}")

    def irc_KICK(self, prefix: str, params: list[str]) -> None:
        if fold(params[1]) == fold(self.nickname):
            self._owner.not_in(params[0], f"kicked by {prefix.partition('!')[0]}: {params[-1]}")

    def _no_way_in(self, prefix: str, params: list[str]) -> None:
        self._owner.not_in(params[1], params[-1])

    irc_ERR_NOSUCHCHANNEL = irc_ERR_TOOMANYCHANNELS = irc_ERR_CHANNELISFULL = _no_way_in
    irc_ERR_INVITEONLYCHAN = irc_ERR_BANNEDFROMCHAN = irc_ERR_BADCHANNELKEY = _no_way_in
    irc_ERR_NEEDREGGEDNICK = _no_way_in

    def irc_ERROR(self, prefix: str, params: list[str]) -> None:
        self._farewell = params[-1] if params else "ERROR"
        self.transport.loseConnection()

    def irc_PRIVMSG(self, prefix: str, params: list[str]) -> None:
        """Only what a person says to us or in a channel: no echo of ours, no server, no CTCP. NOTICEs are not even read."""
        nick, _, userhost = prefix.partition("!")
        target, text = params[0], params[-1]
        if not userhost or self._is_me(prefix) or text.startswith("\x01"):
            return
        if fold(target) == fold(self.nickname):
            self._owner.heard(Message(nick, userhost, None, text))
        elif target[:1] in "#&+!":
            self._owner.heard(Message(nick, userhost, target, text))

    def _is_me(self, prefix: str) -> bool:
        return fold(prefix.partition("!")[0]) == fold(self.nickname)

    # life

    def _createHeartbeat(self) -> Any:  # noqa: N802
        heart = LoopingCall(self._sendHeartbeat)
        heart.clock = self._clock
        return heart

    def _sendHeartbeat(self) -> None:  # noqa: N802
        if not self._alive:
            self._farewell = "the server fell silent"
            self.transport.abortConnection()
            return
        self._alive = False
        self.sendLine("PING :finger-gateway")


def _all_nicks(wanted: Sequence[str]) -> Iterator[str]:
    """The wanted nick, its alternates, then others like it, short enough for nine characters."""
    yield from wanted
    yield wanted[0] + "_"
    for number in range(1, MOST_NICKS):
        yield f"{wanted[0][:7]}{number}"


def _decoded(line: bytes) -> str:
    try:
        return line.decode()
    except UnicodeDecodeError:
        return line.decode("latin-1")
