"""One connection to an IRC server, on top of twisted.words.

twisted.words' IRCClient decodes strictly, closes on a long line, lets missing parameters raise, and answers CTCP by
itself. Here lines are cut from the stream with a limit, only the commands in _MIN_PARAMETERS are handled, each with the
parameters that it needs, and the owner of the connection gets plain values.
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

from .protocol import fold_nick, is_channel

MAX_RECEIVED_LINE_BYTES = 16 * 1024  # 8191 bytes of tags, 512 of message, and some more for servers that exceed that
REGISTRATION_TIMEOUT = 60.0  # seconds from the connection to the welcome
PING_INTERVAL = 120.0  # seconds; a connection that was silent in between is dead
MAX_NICKS = 12
REGAIN_INTERVAL = 120.0  # seconds between two attempts to get the wanted nick

# The commands that the bot handles, with the number of parameters that each must have.
_MIN_PARAMETERS = {
    "ERROR": 0, "KICK": 2, "NICK": 1, "PING": 1, "PRIVMSG": 2, "QUIT": 0, "RPL_WELCOME": 1,
    "ERR_ERRONEUSNICKNAME": 0, "ERR_NICKNAMEINUSE": 0, "ERR_NICKCOLLISION": 0, "ERR_UNAVAILRESOURCE": 2,
    "ERR_NOSUCHCHANNEL": 2, "ERR_TOOMANYCHANNELS": 2, "ERR_CHANNELISFULL": 2, "ERR_INVITEONLYCHAN": 2,
    "ERR_BANNEDFROMCHAN": 2, "ERR_BADCHANNELKEY": 2, "ERR_NEEDREGGEDNICK": 2,
}  # fmt: skip
_SYMBOLS: dict[str, str] = {**irc.numeric_to_symbolic, "437": "ERR_UNAVAILRESOURCE", "477": "ERR_NEEDREGGEDNICK"}


@dataclass(frozen=True, slots=True)
class IrcMessage:
    """A PRIVMSG from a person: to the bot alone, or in *channel*. *userhost* is the sender's user@host."""

    nick: str
    userhost: str
    channel: str | None
    text: str


class ConnectionOwner(Protocol):
    """Who is called when something happens on a connection."""

    def connected(self, connection: "IrcConnection") -> None: ...
    def signed_on(self) -> None: ...
    def message_received(self, message: IrcMessage) -> None: ...
    def channel_lost(self, channel: str, why: str) -> None:
        """React to a kick from *channel*, or to a join that failed."""

    def disconnected(self, why: str) -> None: ...


class IrcConnection(irc.IRCClient):
    """One connection. *nicks* are tried in turn."""

    transport: Any  # an ITCPTransport, or TLS over one
    heartbeatInterval: Any = PING_INTERVAL  # noqa: N815
    username: Any = "finger"
    realname: Any

    def __init__(
        self, network: str, nicks: Sequence[str], realname: str, owner: ConnectionOwner, clock: IReactorTime
    ) -> None:
        self.network, self.realname = network, realname
        self._wanted_nick = nicks[0]
        self._nicks = _nicks_to_try(nicks)
        self.nickname = next(self._nicks)
        self._owner, self._clock = owner, clock
        self._pending = bytearray()
        self._skipping_line = False
        self._warned: set[str] = set()
        self._heard_since_ping = True
        self._deadline: IDelayedCall | None = None
        self._regaining: IDelayedCall | None = None
        self._close_reason = ""
        self.closed: Deferred[None] = Deferred()
        self._log = Logger()

    # lines

    def connectionMade(self) -> None:
        self._deadline = self._clock.callLater(REGISTRATION_TIMEOUT, self._registration_timed_out)
        super().connectionMade()
        self._owner.connected(self)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        if self._deadline is not None and self._deadline.active():
            self._deadline.cancel()
        self._set_regaining(False)
        super().connectionLost(reason)
        self._owner.disconnected(self._close_reason or reason.getErrorMessage())
        self.closed.callback(None)

    def _registration_timed_out(self) -> None:
        self._close_reason = "no welcome from the server"
        self.transport.abortConnection()

    def dataReceived(self, data: bytes) -> None:
        """Cut *data* into lines. A line longer than MAX_RECEIVED_LINE is skipped."""
        self._heard_since_ping = True
        *lines, rest = data.split(b"\n")
        for line in lines:
            whole, self._pending = bytes(self._pending + line), bytearray()
            if self._skipping_line or len(whole) > MAX_RECEIVED_LINE_BYTES:
                self._skipping_line = False
                self._warn_once("a line that is too long")
            else:
                self.lineReceived(whole)
        self._pending += rest
        if len(self._pending) > MAX_RECEIVED_LINE_BYTES:
            self._pending.clear()
            self._skipping_line = True

    def lineReceived(self, line: bytes) -> None:
        text = _decode(line.rstrip(b"\r"))
        if text.startswith("@"):
            text = text.partition(" ")[2].lstrip(" ")
        if not text.strip(" "):
            return
        try:
            prefix, command, params = irc.parsemsg(text)
        except (irc.IRCBadMessage, ValueError, IndexError):
            self._warn_once("a line that is not an IRC message")
            return
        self.handleCommand(_SYMBOLS.get(command, command.upper()), prefix, params)

    def handleCommand(self, command: str, prefix: str, params: list[str]) -> None:
        min_parameters = _MIN_PARAMETERS.get(command)
        if min_parameters is None:
            return
        if len(params) < min_parameters:
            self._warn_once(f"{command} without its parameters")
        else:
            super().handleCommand(command, prefix, params)

    def sendLine(self, line: str) -> None:
        """Write one line. Line ends inside *line* are removed, so that no text can begin a command."""
        self.transport.write(line.encode("utf-8", "replace").translate(None, b"\r\n\0") + b"\r\n")

    def _warn_once(self, what: str) -> None:
        """Log what the server did wrong, once for each connection and kind."""
        if what not in self._warned:
            self._warned.add(what)
            self._log.warn("{network}: the server sent {what}; ignored", network=self.network, what=what)

    # sending

    def send_message(self, target: str, text: str) -> None:
        self.sendLine(f"PRIVMSG {target} :{text}")

    def join_channels(self, channels: Sequence[str]) -> None:
        """Join *channels*, ten in a line. A channel may have its key after a space."""
        keyed_first = sorted((each.partition(" ") for each in channels), key=lambda each: not each[2])
        for start in range(0, len(keyed_first), 10):
            batch = keyed_first[start : start + 10]
            names, keys = ",".join(name for name, _, _ in batch), ",".join(key for _, _, key in batch if key)
            self.sendLine(f"JOIN {names} {keys}".rstrip())

    def part_channels(self, channels: Sequence[str]) -> None:
        """Leave *channels* without a message."""
        for each in channels:
            self.sendLine(f"PART {each.partition(' ')[0]}")

    # messages from the server

    def irc_RPL_WELCOME(self, prefix: str, params: list[str]) -> None:
        self._attemptedNick = params[0]
        if self._deadline is not None and self._deadline.active():
            self._deadline.cancel()
        super().irc_RPL_WELCOME(prefix, params)
        self._set_regaining(not self._is_me(self._wanted_nick))
        self._owner.signed_on()

    def irc_ERR_NICKNAMEINUSE(self, prefix: str, params: list[str]) -> None:
        if self._registered:
            return
        nick = next(self._nicks, None)
        if nick is None:
            self._close_reason = "every nick is in use or refused"
            self.transport.loseConnection()
        else:
            self.setNick(nick)

    irc_ERR_NICKCOLLISION = irc_ERR_NICKNAMEINUSE

    def irc_ERR_ERRONEUSNICKNAME(self, prefix: str, params: list[str]) -> None:
        self._set_regaining(False)  # this server will never accept it
        self.irc_ERR_NICKNAMEINUSE(prefix, params)

    def irc_ERR_UNAVAILRESOURCE(self, prefix: str, params: list[str]) -> None:
        if is_channel(params[1]):
            self._cannot_join(prefix, params)
        else:
            self.irc_ERR_NICKNAMEINUSE(prefix, params)

    def irc_NICK(self, prefix: str, params: list[str]) -> None:
        if self._is_me(prefix):
            self.nickname = params[0]
            self._set_regaining(not self._is_me(self._wanted_nick))
        else:
            self.irc_QUIT(prefix, params)

    def irc_QUIT(self, prefix: str, params: list[str]) -> None:
        """Take the wanted nick if the person who leaves had it."""
        if self._regaining is not None and fold_nick(prefix.partition("!")[0]) == fold_nick(self._wanted_nick):
            self.sendLine(f"NICK {self._wanted_nick}")

    def _set_regaining(self, enabled: bool) -> None:
        """Start or stop asking for the wanted nick periodically: the bot does not see everybody leave."""
        if self._regaining is not None:
            self._regaining.cancel()
        self._regaining = self._clock.callLater(REGAIN_INTERVAL, self._regain_nick) if enabled else None

    def _regain_nick(self) -> None:
        self._regaining = self._clock.callLater(REGAIN_INTERVAL, self._regain_nick)
        self.sendLine(f"NICK {self._wanted_nick}")

    def irc_KICK(self, prefix: str, params: list[str]) -> None:
        if fold_nick(params[1]) == fold_nick(self.nickname):
            self._owner.channel_lost(params[0], f"kicked by {prefix.partition('!')[0]}: {params[-1]}")

    def _cannot_join(self, prefix: str, params: list[str]) -> None:
        self._owner.channel_lost(params[1], params[-1])

    irc_ERR_NOSUCHCHANNEL = irc_ERR_TOOMANYCHANNELS = irc_ERR_CHANNELISFULL = _cannot_join
    irc_ERR_INVITEONLYCHAN = irc_ERR_BANNEDFROMCHAN = irc_ERR_BADCHANNELKEY = _cannot_join
    irc_ERR_NEEDREGGEDNICK = _cannot_join

    def irc_ERROR(self, prefix: str, params: list[str]) -> None:
        self._close_reason = params[-1] if params else "ERROR"
        self.transport.loseConnection()

    def irc_PRIVMSG(self, prefix: str, params: list[str]) -> None:
        """Pass on what a person says to the bot or in a channel; no echo of its own, no server, no CTCP.

        NOTICEs are ignored.
        """
        nick, _, userhost = prefix.partition("!")
        target, text = params[0], params[-1]
        if not userhost or self._is_me(prefix) or text.startswith("\x01"):
            return
        if fold_nick(target) == fold_nick(self.nickname):
            self._owner.message_received(IrcMessage(nick, userhost, None, text))
        elif is_channel(target):
            self._owner.message_received(IrcMessage(nick, userhost, target, text))

    def _is_me(self, prefix: str) -> bool:
        return fold_nick(prefix.partition("!")[0]) == fold_nick(self.nickname)

    # keepalive

    def _createHeartbeat(self) -> Any:  # noqa: N802
        heartbeat = LoopingCall(self._sendHeartbeat)
        heartbeat.clock = self._clock
        return heartbeat

    def _sendHeartbeat(self) -> None:  # noqa: N802
        if not self._heard_since_ping:
            self._close_reason = "the server fell silent"
            self.transport.abortConnection()
            return
        self._heard_since_ping = False
        self.sendLine("PING :finger-gateway")


def _nicks_to_try(wanted: Sequence[str]) -> Iterator[str]:
    """Yield the wanted nicks, then similar ones of at most nine characters."""
    yield from wanted
    yield wanted[0] + "_"
    for number in range(1, MAX_NICKS):
        yield f"{wanted[0][:7]}{number}"


def _decode(line: bytes) -> str:
    try:
        return line.decode()
    except UnicodeDecodeError:
        return line.decode("latin-1")
