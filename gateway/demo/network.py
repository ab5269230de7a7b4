"""A small IRC network in this process, for the demo: enough for irssi, ii and our own bot, on loopback only.

twisted.words keeps the users and channels; its IRCUser wants a password, decodes TCP segments one by one, knows few
commands and leaves every error of a client to the log. What a real server answers instead stands here.
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

NAME = "irc.demo"
TOPIC = "Ask me: !finger alice"
_NICK = re.compile(r"[^\W\d][\w\[\]\\`^{|}-]{0,29}|[\[\]\\`_^{|}][\w\[\]\\`^{|}-]{0,29}")
_CHANNEL = re.compile(r"#[^\x00-\x20,:]{1,50}")
_MOST_BYTES = 8192 + 512

# Commands and the parameters that each must have; the first ones are heard before a client has signed in.
_EARLY = {"CAP": 1, "NICK": 1, "PASS": 0, "PING": 1, "PONG": 0, "QUIT": 0, "USER": 4}
_LATER = {
    "JOIN": 1, "LIST": 0, "MODE": 1, "NAMES": 1, "NOTICE": 2, "PART": 1, "PRIVMSG": 2, "TOPIC": 1, "USERHOST": 0,
    "WHO": 0, "WHOIS": 1,
}  # fmt: skip


@implementer(IPushProducer)
class _User(service.IRCUser):
    """One client's connection."""

    transport: Any
    factory: Any
    name: Any = "*"
    groups: Any = None
    realm: Any = None
    avatar: Any = None
    _asked_for: str | None = None
    _pending = b""
    _user = False
    _full = False
    _farewell = "connection closed"

    # the stream

    def dataReceived(self, data: bytes) -> None:
        """Cuts bytes into lines first, so that a character which is parted over two segments stays whole."""
        *lines, self._pending = (self._pending + data).split(b"\n")
        for line in lines:
            if self.transport.disconnecting:
                return
            self._heard(line)
        if len(self._pending) > _MOST_BYTES:
            self._close("Your line is too long")

    def _heard(self, line: bytes) -> None:
        text = line.rstrip(b"\r")[:_MOST_BYTES].decode("utf-8", "replace").replace("\0", "")
        try:
            prefix, command, params = irc.parsemsg(text)
        except (irc.IRCBadMessage, ValueError, IndexError):
            return
        self.handleCommand(command.upper(), prefix, params)

    def handleCommand(self, command: str, prefix: str, params: list[str]) -> None:
        fewest = _EARLY.get(command, _LATER.get(command))
        if command not in _EARLY and self.avatar is None:
            self.sendMessage(irc.ERR_NOTREGISTERED, ":You have not registered")
        elif fewest is None:
            self.sendMessage(irc.ERR_UNKNOWNCOMMAND, command[:32], ":Unknown command")
        elif len([each for each in params if each]) < fewest:
            self.sendMessage(irc.ERR_NEEDMOREPARAMS, command, ":Not enough parameters")
        else:
            super().handleCommand(command, prefix, params)

    def sendLine(self, line: str) -> None:
        """Nothing more is kept for a client that does not read."""
        if not self._full:
            self.transport.write(line.encode("utf-8", "replace").translate(None, b"\r\n\0") + b"\r\n")

    def pauseProducing(self) -> None:
        self._full = True

    def resumeProducing(self) -> None:
        self._full = False

    def stopProducing(self) -> None:
        """The connection is lost; connectionLost sees to it."""

    def _close(self, why: str) -> None:
        self._farewell = why
        self.sendLine(f"ERROR :Closing Link: {why}")
        self.transport.loseConnection()

    # signing in and out

    def connectionMade(self) -> None:
        self.realm = self.factory.realm
        self.hostname = self.realm.name
        self.transport.registerProducer(self, True)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Tells everybody in our channels once, as a QUIT."""
        if self.avatar is not None:
            for neighbour in self._neighbours():
                neighbour.sendLine(f":{self._prefix} QUIT :{self._farewell}")
            for group in tuple(self.avatar.itergroups()):
                group.users.pop(self.name, None)
        super().connectionLost(reason)

    def irc_CAP(self, prefix: str, params: list[str]) -> None:
        """We have no capabilities to offer, and do not wait for the end of the talk about them."""
        answers = {"LS": "LS :", "LIST": "LIST :", "REQ": f"NAK :{params[-1]}"}
        if params[0].upper() in answers:
            self.sendLine(f":{self.hostname} CAP {self.name} {answers[params[0].upper()]}")

    def irc_PASS(self, prefix: str, params: list[str]) -> None:
        """Nobody needs one here."""

    def irc_NICK(self, prefix: str, params: list[str]) -> None:
        nick = params[0]
        if not _NICK.fullmatch(nick):
            self.sendMessage(irc.ERR_ERRONEUSNICKNAME, nick[:64], ":Not a nick")
        elif self.avatar is not None:
            self._rename(nick)
        else:
            self._asked_for = nick
            self._sign_in()

    def irc_USER(self, prefix: str, params: list[str]) -> None:
        self._user = True
        self._sign_in()

    def _sign_in(self) -> None:
        if self._asked_for is not None and self._user and self.avatar is None:
            signed: Any = self.realm.requestAvatar(self._asked_for, self, iwords.IUser)
            signed.addCallbacks(self._signed_in, self._taken)

    def _signed_in(self, result: tuple[Any, Any, Any]) -> None:
        _, self.avatar, self.logout = result
        self.sendMessage(irc.RPL_WELCOME, f":Welcome to the demo network, {self.name}")
        self.sendMessage(irc.RPL_YOURHOST, f":Your host is {self.hostname}")
        self.sendMessage(irc.RPL_CREATED, ":This server was made for you just now")
        self.sendMessage(irc.RPL_MYINFO, self.hostname, "finger-gateway", "o", "n")
        self.sendMessage(irc.RPL_ISUPPORT, "CASEMAPPING=ascii", "CHANTYPES=#", "NICKLEN=30", ":are supported here")
        self.sendMessage(irc.RPL_MOTDSTART, f":- {self.hostname} -")
        self.sendMessage(irc.RPL_MOTD, ":- Try: /msg fingerbot help")
        self.sendMessage(irc.RPL_ENDOFMOTD, ":End of /MOTD command.")

    def _taken(self, failure: Failure) -> None:
        failure.trap(ewords.AlreadyLoggedIn)
        self.sendMessage(irc.ERR_NICKNAMEINUSE, self._asked_for, ":Nickname is already in use")
        self._asked_for = None

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
        for each in (self, *self._neighbours()):
            each.sendLine(line)

    def irc_QUIT(self, prefix: str, params: list[str]) -> None:
        self._close(f"Quit: {params[0]}" if params else "Quit")

    def irc_PING(self, prefix: str, params: list[str]) -> None:
        self.sendLine(f":{self.hostname} PONG {self.hostname} :{params[-1]}")

    def irc_PONG(self, prefix: str, params: list[str]) -> None:
        """We never ask."""

    # talking

    def irc_PRIVMSG(self, prefix: str, params: list[str]) -> None:
        self._speak("PRIVMSG", params[0], params[-1])

    def irc_NOTICE(self, prefix: str, params: list[str]) -> None:
        self._speak("NOTICE", params[0], params[-1])

    def _speak(self, command: str, target: str, text: str) -> None:
        for each in target.split(",")[:4]:
            found = self.realm.groups.get(each[1:].lower()) if each.startswith("#") else self._client(each)
            if found is not None:
                self.avatar.send(found, {"command": command, "text": text})
            elif command != "NOTICE":
                self.sendMessage(irc.ERR_NOSUCHNICK, each, ":No such nick/channel")

    def receive(self, sender: Any, recipient: Any, message: dict[str, str]) -> None:
        target = f"#{recipient.name}" if iwords.IGroup.providedBy(recipient) else recipient.name
        self.sendLine(f":{sender._prefix} {message['command']} {target} :{message['text']}")

    def _client(self, nick: str) -> Any:
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
        """Server information, the seventh value, is a joke in twisted.words."""
        told: tuple[Any, ...] = (*values[:6], "the demo of finger-gateway", *values[7:])
        super().whois(*told)

    def _channels(self) -> set[str]:
        return {group.name for group in self.avatar.itergroups()}

    @property
    def _prefix(self) -> str:
        return f"{self.name}!{self.name}@{self.hostname}"

    def _neighbours(self) -> Iterable["_User"]:
        """Everybody who shares a channel with us, once."""
        return {
            id(user): user for group in self.avatar.itergroups() for user in group.iterusers() if user is not self
        }.values()


class _Realm(service.InMemoryWordsRealm):
    """Users and channels come to be when they are named."""

    createGroupOnRequest = True  # noqa: N815

    def groupFactory(self, name: str) -> Any:  # noqa: N802
        group: Any = service.Group(name)
        group.meta = {"topic": TOPIC, "topic_author": NAME, "topic_date": int(time.time())}
        return group


class _Network(service.IRCFactory):
    protocol: Any = _User
    noisy = False

    def buildProtocol(self, addr: IAddress | None) -> Any:
        """None, which closes the connection, for whoever does not come from this machine."""
        host = getattr(addr, "host", "127.0.0.1")
        if not host.startswith(("127.", "::1", "::ffff:127.")):
            return None
        return super().buildProtocol(addr)


def make_network() -> _Network:
    """The network, to be listened with on a loopback address."""
    return _Network(_Realm(NAME), None)
