"""What a run knows: whom it asks, what was said so far, who exists there. Everything that is asked goes through here, so
that each reply counts for the checks that look at all of them, and so that a server which has enough of us is waited for."""

import ipaddress
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from . import judge, messages, wire
from .wire import Address, Connection, Reply

Verdict = Literal["pass", "fail", "not tested"]
MOST_WAITED = 180.0  # seconds in a run, because the server says that it was asked too often
MOST_KEPT = 64 * 1024 * 1024  # bytes of replies, for the checks that look at all of them
LEAST_WAITED = 5.0  # seconds, each time
ONCE_MORE = 1.0  # seconds until it is tried again to connect
HASTY = 0.3  # seconds that a server is listened to which leaves its connections open
OTHER = b"other.test"  # a host that is not there (RFC 2606)


@dataclass(frozen=True, slots=True)
class Target:
    """Whom to ask, and how. *logins*: people who exist there, the first one for most checks; *name*: the full name of the
    first; *host_names*: what the server calls itself; *wait*: seconds that the waiting checks wait, 0 for not at all;
    *timeout*: seconds for each answer; *seed*: of made-up names and random lines."""

    host: str
    port: int = 79
    logins: tuple[str, ...] = ()
    name: str = ""
    host_names: tuple[str, ...] = ()
    aggressive: bool = False
    wait: float = 15.0
    timeout: float = 5.0
    seed: int = 1288


@dataclass(frozen=True, slots=True)
class Result:
    """What came of one check. *sent* and *seen*: the bytes that decided, where there are any."""

    id: str
    verdict: Verdict
    why: str
    sent: bytes = b""
    seen: bytes = b""


@dataclass(frozen=True, slots=True)
class Passed:
    """A check passed; *reply* decided."""

    reply: Reply | None = None
    why: str = ""


class Fail(Exception):
    """A check failed: *why*, and the reply that decided."""

    def __init__(self, why: str, reply: Reply | None = None) -> None:
        super().__init__(why)
        self.why, self.reply = why, reply


class Untested(Exception):
    """A check could not be made."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


class Unreachable(Exception):
    """There is no server to be asked."""


@dataclass
class Run:
    """The state of a run against *target*. Raises Unreachable where nobody listens there."""

    target: Target
    replies: list[Reply] = field(default_factory=list)
    _cache: dict[bytes, Reply] = field(default_factory=dict)
    _quiet: float = wire.QUIET
    _left_open: int = 0
    _waited: float = 0.0
    _kept: int = 0

    def __post_init__(self) -> None:
        self.random = random.Random(self.target.seed)
        self._stem = "zq" + "".join(self.random.choices("bcdfghjklmnpqrstvwxz", k=6))
        why = ""
        try:
            self.addresses = wire.addresses(self.target.host, self.target.port)
        except OSError as error:
            raise Unreachable(error.strerror or str(error)) from None
        for address in self.addresses:
            try:
                Connection(address, self.target.timeout).close()
            except OSError as error:
                why = why or error.strerror or str(error)
            else:
                self.address: Address = address
                return
        raise Unreachable(why)

    @property
    def other_addresses(self) -> list[Address]:
        """Addresses of the server of the other family: HOST's, and those that it was said to have."""
        named = [name for name in self.target.host_names if is_address(name)]
        found = [address for name in named for address in wire.addresses(name, self.target.port)]
        return [each for each in (*self.addresses, *found) if each.family != self.address.family]

    # asking

    def exchange(self, *segments: bytes, apart: float = 0.0) -> Reply:
        """The reply to *segments*, each sent by itself, however it ended."""
        return self._patient(lambda: wire.exchange(self.address, segments, self.target.timeout, apart, self._quiet))

    def half_closed(self, data: bytes) -> Reply:
        """The reply to *data* with FIN behind it."""
        return self._patient(lambda: wire.half_closed(self.address, data, self.target.timeout, self._quiet))

    def line(self, line: bytes) -> Reply:
        """The reply to *line*, however it ended. What was asked already is not asked again."""
        if line not in self._cache:
            self._cache[line] = self.exchange(line + b"\r\n")
        return self._cache[line]

    def ask(self, line: bytes) -> Reply:
        """An answer to *line*. Raises Fail where there is none."""
        return answered(self.line(line), self.target.timeout)

    def lines(self) -> list[tuple[bytes, Reply]]:
        """All lines that were asked, with what came."""
        return list(self._cache.items())

    def lives(self, after: str) -> None:
        """Raises Fail where the next client is not answered."""
        name = self.nobody()
        before, reply = self.line(name), self.exchange(name + b"\r\n")
        if not judge.blank(before.data) and not judge.alike(before.data, reply.data):
            raise Fail(messages.gone(after), reply)

    def note(self, reply: Reply) -> Reply:
        """Remembers *reply*, which was come by otherwise, if there is room."""
        if (reply.sent or reply.data) and self._kept <= MOST_KEPT:
            self.replies.append(reply)
            self._kept += len(reply.data)
        return reply

    def _patient(self, ask: Callable[[], Reply]) -> Reply:
        """What *ask* gives, once the server has not had enough of us. Raises Untested where that takes too long."""
        reply = ask()
        if reply.end == "unreachable":
            time.sleep(ONCE_MORE)
            reply = ask()
        while self.note(reply).end == "closed" and (seconds := judge.limited(reply.data)) is not None:
            seconds = max(seconds, LEAST_WAITED)  # so that several questions can be asked after it
            if self._waited + seconds > MOST_WAITED:
                raise Untested(messages.LIMITED)
            self._waited += seconds
            time.sleep(seconds)
            reply = ask()
        if reply.end == "open":
            self._left_open += 1
            if self._left_open >= 3:
                self._quiet = HASTY
        return reply

    # who exists

    def nobody(self, number: int = 0) -> bytes:
        """A name that nobody has; each *number* another one."""
        return f"{self._stem}{'abcdefghij'[number]}".encode()

    def unknown(self, reply: Reply, name: bytes) -> bool:
        """Is it what is said of *name* when nobody has it?"""
        if judge.unknown(reply.data):
            return True
        other = self.nobody()
        if judge.alike(reply.data, self.line(other).data):  # where names are not repeated
            return True
        return judge.skeleton(reply.data, name) == judge.skeleton(self.line(other).data, other)

    @property
    def login(self) -> bytes:
        """Somebody who exists. Raises Untested."""
        found = self.target.logins[0].encode() if self.target.logins else self._listed()
        if not found:
            raise Untested(messages.NO_LOGIN)
        return found

    def plain(self) -> Reply:
        """The answer about the login. Raises Fail where there is none, Untested where nobody is found."""
        login = self.login
        reply = self.ask(login)
        if self.unknown(reply, login):
            raise Untested(messages.login_unknown(judge.text(login)))
        return reply

    def base(self) -> tuple[bytes, Reply]:
        """A line with a name, and its answer: about the login where there is one, else about nobody."""
        try:
            return self.login, self.plain()
        except Untested:
            return self.nobody(), self.ask(self.nobody())

    def long(self) -> Reply:
        """The same with /W."""
        return self.ask(b"/W " + self.login)

    def full_name(self) -> str:
        """The full name of the login. Raises Untested."""
        name = self.target.name or judge.full_name(self.plain().data)
        if not name:
            raise Untested(messages.NO_NAME)
        return name

    def _listed(self) -> bytes:
        """Somebody in the list who is found when asked for."""
        for row in judge.rows(self.line(b"").data)[:3]:
            login = row.login.encode()
            reply = self.line(login)
            if not judge.blank(reply.data) and not self.unknown(reply, login):
                return login
        return b""

    # the server's own names

    def host(self, number: int = 0) -> bytes:
        """A name that the server calls its own. Raises Untested."""
        names = self.target.host_names or (self.target.host,)
        if number >= len(names):
            raise Untested(messages.NO_SECOND_HOST_NAME)
        return names[number].encode("idna") if not names[number].isascii() else names[number].encode()


def is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def answered(reply: Reply, seconds: float) -> Reply:
    """*reply*, where it is one. Raises Fail."""
    if reply.end == "unreachable":
        raise Fail(messages.UNREACHABLE, reply)
    if not reply.data:
        raise Fail(
            {"reset": messages.RESET, "closed": messages.NO_WORD}.get(reply.end, messages.silent(seconds)), reply
        )
    if judge.blank(reply.data):
        raise Fail(messages.BLANK, reply)
    if reply.end == "reset":
        raise Fail(messages.CUT_OFF, reply)
    return reply


def same(reply: Reply, as_this: Reply, line: bytes) -> Passed:
    """Passed, where the answers are alike; *line* is what the other was asked. Raises Fail."""
    if not judge.alike(reply.data, as_this.data, *judge.named(reply.sent), *judge.named(as_this.sent)):
        raise Fail(messages.differs(messages.shown(line) or messages.EMPTY_QUERY), reply)
    return Passed(reply)
