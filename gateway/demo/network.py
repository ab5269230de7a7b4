"""A small IRC network inside the process, for the demo: enough for irssi, ii and our bot, on loopback only.

twisted.words keeps users and channels, but its IRCUser wants a password, decodes each TCP segment on its own, knows few
commands, and logs client errors instead of answering them. What a real server answers is here.
"""

import re
import time
from collections.abc import Iterable
from typing import Any

from twisted.internet.interfaces import IAddress, IPushProducer
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure
from twisted.words import ewords, iwords, service
from twisted.words.protocols import irc
from zope.interface import implementer

SERVER_NAME = "irc.demo"
TOPIC = "Ask me: !finger alice"
_NICK = re.compile(r"[^\W\d][\w\[\]\\`^{|}-]{0,29}|[\[\]\\`_^{|}][\w\[\]\\`^{|}-]{0,29}")
_CHANNEL = re.compile(r"#[^\x00-\x20,:]{1,50}")
_MAX_LINE_BYTES = 8192 + 512

# Commands and the number of parameters that each must have; the first ones are allowed before registration.
_BEFORE_REGISTRATION = {"CAP": 1, "NICK": 1, "PASS": 0, "PING": 1, "PONG": 0, "QUIT": 0, "USER": 4}
_AFTER_REGISTRATION = {
    "JOIN": 1, "LIST": 0, "MODE": 1, "NAMES": 1, "NOTICE": 2, "PART": 1, "PRIVMSG": 2, "TOPIC": 1, "USERHOST": 0,
    "WHO": 0, "WHOIS": 1,
}  # fmt: skip


@implementer(IPushProducer)
class _Client(service.IRCUser):
    """The connection of one client."""

    transport: Any
    factory: Any
    name: Any = "*"
    groups: Any = None
    realm: Any = None
    avatar: Any = None
    _wanted_nick: str | None = None
    _pending = b""
    _sent_user = False
    _paused = False
    _quit_reason = "connection closed"

    # lines

    def dataReceived(self, data: bytes) -> None:
        """Cut bytes into lines before decoding, so that a character that is split over two segments stays whole."""
        *lines, self._pending = (self._pending + data).split(b"\n")
        for line in lines:
            if self.transport.disconnecting:
                return
            self._line_received(line)
        if len(self._pending) > _MAX_LINE_BYTES:
            self._close("Your line is too long")

    def _line_received(self, line: bytes) -> None:
        text = line.rstrip(b"\r")[:_MAX_LINE_BYTES].decode("utf-8", "replace").replace("\0", "")
        try:
            prefix, command, params = irc.parsemsg(text)
        except (irc.IRCBadMessage, ValueError, IndexError):
            return
        self.handleCommand(command.upper(), prefix, params)

    def handleCommand(self, command: str, prefix: str, params: list[str]) -> None:
        min_parameters = _BEFORE_REGISTRATION.get(command, _AFTER_REGISTRATION.get(command))
        if command not in _BEFORE_REGISTRATION and self.avatar is None:
            self.sendMessage(irc.ERR_NOTREGISTERED, ":You have not registered")
        elif min_parameters is None:
            self.sendMessage(irc.ERR_UNKNOWNCOMMAND, command[:32], ":Unknown command")
        elif len([each for each in params if each]) < min_parameters:
            self.sendMessage(irc.ERR_NEEDMOREPARAMS, command, ":Not enough parameters")
        else:
            super().handleCommand(command, prefix, params)

    def sendLine(self, line: str) -> None:
        """Send a line, unless the client does not read."""
        if not self._paused:
            self.transport.write(line.encode("utf-8", "replace").translate(None, b"\r\n\0") + b"\r\n")

    def pauseProducing(self) -> None:
        self._paused = True

    def resumeProducing(self) -> None:
        self._paused = False

    def stopProducing(self) -> None:
        """Do nothing: connectionLost follows."""

    def _close(self, why: str) -> None:
        self._quit_reason = why
        self.sendLine(f"ERROR :Closing Link: {why}")
        self.transport.loseConnection()

    # registration and quitting

    def connectionMade(self) -> None:
        self.realm = self.factory.realm
        self.hostname = self.realm.name
        self.transport.registerProducer(self, True)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Send QUIT to everybody in the client's channels, once."""
        if self.avatar is not None:
            for member in self._channel_members():
                member.sendLine(f":{self._prefix} QUIT :{self._quit_reason}")
            for group in tuple(self.avatar.itergroups()):
                group.users.pop(self.name, None)
        super().connectionLost(reason)

    def irc_CAP(self, prefix: str, params: list[str]) -> None:
        """Answer that there are no capabilities. The end of the negotiation is not waited for."""
        answers = {"LS": "LS :", "LIST": "LIST :", "REQ": f"NAK :{params[-1]}"}
        if params[0].upper() in answers:
            self.sendLine(f":{self.hostname} CAP {self.name} {answers[params[0].upper()]}")

    def irc_PASS(self, prefix: str, params: list[str]) -> None:
        """Accept any password."""

    def irc_NICK(self, prefix: str, params: list[str]) -> None:
        nick = params[0]
        if not _NICK.fullmatch(nick):
            self.sendMessage(irc.ERR_ERRONEUSNICKNAME, nick[:64], ":Not a nick")
        elif self.avatar is not None:
            self._rename(nick)
        else:
            self._wanted_nick = nick
            self._register()

    def irc_USER(self, prefix: str, params: list[str]) -> None:
        self._sent_user = True
        self._register()

    def _register(self) -> None:
        if self._wanted_nick is not None and self._sent_user and self.avatar is None:
            signed: Any = self.realm.requestAvatar(self._wanted_nick, self, iwords.IUser)
            signed.addCallbacks(self._registered, self._nick_in_use)

    def _registered(self, result: tuple[Any, Any, Any]) -> None:
        _, self.avatar, self.logout = result
        self.sendMessage(irc.RPL_WELCOME, f":Welcome to the demo network, {self.name}")
        self.sendMessage(irc.RPL_YOURHOST, f":Your host is {self.hostname}")
        self.sendMessage(irc.RPL_CREATED, ":This server was made for you just now")
        self.sendMessage(irc.RPL_MYINFO, self.hostname, "finger-gateway", "o", "n")
        self.sendMessage(irc.RPL_ISUPPORT, "CASEMAPPING=ascii", "CHANTYPES=#", "NICKLEN=30", ":are supported here")
        self.sendMessage(irc.RPL_MOTDSTART, f":- {self.hostname} -")
        self.sendMessage(irc.RPL_MOTD, ":- Try: /msg fingerbot help")
        self.sendMessage(irc.RPL_ENDOFMOTD, ":End of /MOTD command.")

    def _nick_in_use(self, failure: Failure) -> None:
        failure.trap(ewords.AlreadyLoggedIn)
        self.sendMessage(irc.ERR_NICKNAMEINUSE, self._wanted_nick, ":Nickname is already in use")
        self._wanted_nick = None

    def _rename(self, nick: str) -> None:
        users, old = self.realm.users, self.name
        other = users.get(nick.lower())
        if other is not None and other is not self.avatar and other.realm is not None:
            self.sendMessage(irc.ERR_NICKNAMEINUSE, nick, ":Nickname is already in use")
            return
        line = f":{self._prefix} NICK :{nick}"
        del users[self.avatar.name]
        users[nick.lower()] = self.avatar
        self.avatar.name, self.name = nick.lower(), nick
        for group in self.avatar.itergroups():
            group.users[nick] = group.users.pop(old)
        for each in (self, *self._channel_members()):
            each.sendLine(line)

    def irc_QUIT(self, prefix: str, params: list[str]) -> None:
        self._close(f"Quit: {params[0]}" if params else "Quit")

    def irc_PING(self, prefix: str, params: list[str]) -> None:
        self.sendLine(f":{self.hostname} PONG {self.hostname} :{params[-1]}")

    def irc_PONG(self, prefix: str, params: list[str]) -> None:
        """Ignore it: this server never sends PING."""

    # messages

    def irc_PRIVMSG(self, prefix: str, params: list[str]) -> None:
        self._deliver("PRIVMSG", params[0], params[-1])

    def irc_NOTICE(self, prefix: str, params: list[str]) -> None:
        self._deliver("NOTICE", params[0], params[-1])

    def _deliver(self, command: str, target: str, text: str) -> None:
        for each in target.split(",")[:4]:
            found = self.realm.groups.get(each[1:].lower()) if each.startswith("#") else self._find_client(each)
            if found is not None:
                self.avatar.send(found, {"command": command, "text": text})
            elif command != "NOTICE":
                self.sendMessage(irc.ERR_NOSUCHNICK, each, ":No such nick/channel")

    def receive(self, sender: Any, recipient: Any, message: dict[str, str]) -> None:
        target = f"#{recipient.name}" if iwords.IGroup.providedBy(recipient) else recipient.name
        self.sendLine(f":{sender._prefix} {message['command']} {target} :{message['text']}")

    def _find_client(self, nick: str) -> Any:
        user = self.realm.users.get(nick.lower())
        return None if user is None else user.mind

    # channels

    def irc_JOIN(self, prefix: str, params: list[str]) -> None:
        for channel in params[0].split(","):
            if not _CHANNEL.fullmatch(channel):
                self.sendMessage(irc.ERR_NOSUCHCHANNEL, channel[:64], ":No such channel")
            elif channel[1:].lower() not in self._channels():
                super().irc_JOIN(prefix, [channel])

    def irc_PART(self, prefix: str, params: list[str]) -> None:
        for channel in params[0].split(","):
            if channel[1:].lower() in self._channels():
                super().irc_PART(prefix, [channel, *params[1:]])
            else:
                self.sendMessage(irc.ERR_NOTONCHANNEL, channel[:64], ":You are not on that channel")

    def irc_TOPIC(self, prefix: str, params: list[str]) -> None:
        if params[0][1:].lower() in self._channels():
            super().irc_TOPIC(prefix, params)
        else:
            self.sendMessage(irc.ERR_NOTONCHANNEL, params[0][:64], ":You are not on that channel")

    def whois(self, *values: Any) -> None:
        """Replace the server information, the seventh value, which is a joke in twisted.words."""
        shown: tuple[Any, ...] = (*values[:6], "the demo of finger-gateway", *values[7:])
        super().whois(*shown)

    def _channels(self) -> set[str]:
        return {group.name for group in self.avatar.itergroups()}

    @property
    def _prefix(self) -> str:
        return f"{self.name}!{self.name}@{self.hostname}"

    def _channel_members(self) -> Iterable["_Client"]:
        """Return everybody who shares a channel with this client, once."""
        return {
            id(user): user for group in self.avatar.itergroups() for user in group.iterusers() if user is not self
        }.values()


class _Realm(service.InMemoryWordsRealm):
    """Creates users and channels when they are named."""

    createGroupOnRequest = True  # noqa: N815

    def groupFactory(self, name: str) -> Any:  # noqa: N802
        group: Any = service.Group(name)
        group.meta = {"topic": TOPIC, "topic_author": SERVER_NAME, "topic_date": int(time.time())}
        return group


class _Network(service.IRCFactory):
    protocol: Any = _Client
    noisy = False

    def buildProtocol(self, addr: IAddress | None) -> Any:
        """Return None, which closes the connection, for clients of other machines."""
        host = getattr(addr, "host", "127.0.0.1")
        if not host.startswith(("127.", "::1", "::ffff:127.")):
            return None
        return super().buildProtocol(addr)


def make_network() -> _Network:
    """Return the network's factory, to listen with on a loopback address."""
    return _Network(_Realm(SERVER_NAME), None)
