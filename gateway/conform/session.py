"""The state of a run: the server, the replies so far, who exists there.

Every query goes through here, so that the checks of form see all replies, and so that the server's rate limit is
respected.
"""

import ipaddress
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from . import analysis, messages, wire
from .wire import Connection, ServerAddress, ServerReply

Verdict = Literal["pass", "fail", "not tested"]
MAX_TOTAL_WAIT = 180.0  # seconds that a run waits for the server's rate limit
MAX_RUN_BYTES = 64 * 1024 * 1024  # of replies that are kept for the checks of form
MIN_WAIT = 5.0  # seconds to wait at each rate limit, so that several queries fit in afterwards
RECONNECT_DELAY = 1.0  # seconds until a failed connection is tried again
SHORT_QUIET_TIMEOUT = 0.3  # seconds, once a server has left three connections open
FOREIGN_HOST = b"other.test"  # does not exist (RFC 2606)


@dataclass(frozen=True, slots=True)
class Target:
    """The server to check, and how.

    *logins* exist there; most checks use the first, whose full name is *name*. *host_names* are the server's own.
    *wait* is how many seconds slow checks wait, 0 to skip them; *timeout* is the limit for each answer in seconds.
    *seed* is for random names and lines.
    """

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
    """The result of one check. *sent* and *seen* are the bytes that decided, if any."""

    id: str
    verdict: Verdict
    why: str
    sent: bytes = b""
    seen: bytes = b""


@dataclass(frozen=True, slots=True)
class Passed:
    """A check passed because of *reply*."""

    reply: ServerReply | None = None
    why: str = ""


class CheckFailed(Exception):
    """A check failed: *why*, and the reply that decided."""

    def __init__(self, why: str, reply: ServerReply | None = None) -> None:
        super().__init__(why)
        self.why, self.reply = why, reply


class CannotTest(Exception):
    """A check that could not be made, and *why*."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


class ServerUnreachable(Exception):
    """No server answers at the address."""


@dataclass
class ConformanceRun:
    """The state of a run against *target*. Raises ServerUnreachable."""

    target: Target
    replies: list[ServerReply] = field(default_factory=list)
    _cache: dict[bytes, ServerReply] = field(default_factory=dict)
    _quiet_timeout: float = wire.QUIET_TIMEOUT
    _left_open: int = 0
    _waited: float = 0.0
    _kept: int = 0

    def __post_init__(self) -> None:
        self.random = random.Random(self.target.seed)
        self._stem = "zq" + "".join(self.random.choices("bcdfghjklmnpqrstvwxz", k=6))
        why = ""
        try:
            self.addresses = wire.resolve(self.target.host, self.target.port)
        except OSError as error:
            raise ServerUnreachable(error.strerror or str(error)) from None
        for address in self.addresses:
            try:
                Connection(address, self.target.timeout).close()
            except OSError as error:
                why = why or error.strerror or str(error)
            else:
                self.address: ServerAddress = address
                return
        raise ServerUnreachable(why)

    @property
    def other_addresses(self) -> list[ServerAddress]:
        """The server's addresses of the other family: HOST's, and those given by --host-name."""
        named = [name for name in self.target.host_names if is_address(name)]
        found = [address for name in named for address in wire.resolve(name, self.target.port)]
        return [each for each in (*self.addresses, *found) if each.family != self.address.family]

    # asking

    def exchange(self, *segments: bytes, apart: float = 0.0) -> ServerReply:
        """Send *segments* one by one, and return the reply, however it ended."""
        return self._within_rate_limit(
            lambda: wire.exchange(self.address, segments, self.target.timeout, apart, self._quiet_timeout)
        )

    def half_closed(self, data: bytes) -> ServerReply:
        """Send *data* and FIN, and return the reply."""
        return self._within_rate_limit(
            lambda: wire.exchange_half_closed(self.address, data, self.target.timeout, self._quiet_timeout)
        )

    def reply_to(self, line: bytes) -> ServerReply:
        """Return the reply to *line*, however it ended. A line is sent only once in a run."""
        if line not in self._cache:
            self._cache[line] = self.exchange(line + b"\r\n")
        return self._cache[line]

    def answer_to(self, line: bytes) -> ServerReply:
        """Return the answer to *line*. Raises CheckFailed if there is none."""
        return require_answer(self.reply_to(line), self.target.timeout)

    def replies_by_line(self) -> list[tuple[bytes, ServerReply]]:
        """Return all lines that were sent, with their replies."""
        return list(self._cache.items())

    def require_alive(self, after: str) -> None:
        """Raise CheckFailed if the next client is not answered."""
        name = self.unknown_name()
        before, reply = self.reply_to(name), self.exchange(name + b"\r\n")
        if not analysis.is_blank(before.data) and not analysis.are_alike(before.data, reply.data):
            raise CheckFailed(messages.next_client_failed(after), reply)

    def record(self, reply: ServerReply) -> ServerReply:
        """Keep *reply* for the checks of form, if there is room."""
        if (reply.sent or reply.data) and self._kept <= MAX_RUN_BYTES:
            self.replies.append(reply)
            self._kept += len(reply.data)
        return reply

    def _within_rate_limit(self, ask: Callable[[], ServerReply]) -> ServerReply:
        """Repeat *ask* until the server accepts the query. Raises CannotTest if that takes too long."""
        reply = ask()
        if reply.end == "unreachable":
            time.sleep(RECONNECT_DELAY)
            reply = ask()
        while self.record(reply).end == "closed" and (seconds := analysis.retry_after(reply.data)) is not None:
            seconds = max(seconds, MIN_WAIT)
            if self._waited + seconds > MAX_TOTAL_WAIT:
                raise CannotTest(messages.RATE_LIMITED)
            self._waited += seconds
            time.sleep(seconds)
            reply = ask()
        if reply.end == "open":
            self._left_open += 1
            if self._left_open >= 3:
                self._quiet_timeout = SHORT_QUIET_TIMEOUT
        return reply

    # who exists

    def unknown_name(self, number: int = 0) -> bytes:
        """Return a name that nobody has, another one for each *number* from 0 to 9."""
        return f"{self._stem}{'abcdefghij'[number]}".encode()

    def is_unknown(self, reply: ServerReply, name: bytes) -> bool:
        """Return whether *reply* is what the server answers when nobody is called *name*."""
        if analysis.says_unknown(reply.data):
            return True
        other = self.unknown_name()
        if analysis.are_alike(reply.data, self.reply_to(other).data):  # where names are not repeated
            return True
        return analysis.normalize(reply.data, name) == analysis.normalize(self.reply_to(other).data, other)

    @property
    def login(self) -> bytes:
        """A login that exists. Raises CannotTest."""
        found = self.target.logins[0].encode() if self.target.logins else self._login_from_list()
        if not found:
            raise CannotTest(messages.NEEDS_LOGIN)
        return found

    def plain_answer(self) -> ServerReply:
        """Return the answer about the login.

        Raises CheckFailed if there is none, CannotTest if the login is unknown.
        """
        login = self.login
        reply = self.answer_to(login)
        if self.is_unknown(reply, login):
            raise CannotTest(messages.login_unknown(analysis.decode(login)))
        return reply

    def any_query(self) -> tuple[bytes, ServerReply]:
        """Return a query with a name, and its answer: about the login if there is one, else about an unknown name."""
        try:
            return self.login, self.plain_answer()
        except CannotTest:
            return self.unknown_name(), self.answer_to(self.unknown_name())

    def long_answer(self) -> ServerReply:
        """Return the answer to the login with /W."""
        return self.answer_to(b"/W " + self.login)

    def full_name(self) -> str:
        """Return the full name of the login. Raises CannotTest."""
        name = self.target.name or analysis.find_full_name(self.plain_answer().data)
        if not name:
            raise CannotTest(messages.NEEDS_NAME)
        return name

    def _login_from_list(self) -> bytes:
        """Return a login of the server's list that it also finds by name, b"" without one."""
        for row in analysis.list_rows(self.reply_to(b"").data)[:3]:
            login = row.login.encode()
            reply = self.reply_to(login)
            if not analysis.is_blank(reply.data) and not self.is_unknown(reply, login):
                return login
        return b""

    # the server's own names

    def own_host(self, number: int = 0) -> bytes:
        """Return a host name of the server. Raises CannotTest."""
        names = self.target.host_names or (self.target.host,)
        if number >= len(names):
            raise CannotTest(messages.NEEDS_SECOND_HOST_NAME)
        return names[number].encode("idna") if not names[number].isascii() else names[number].encode()


def is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def require_answer(reply: ServerReply, seconds: float) -> ServerReply:
    """Return *reply* if it is an answer. Raises CheckFailed."""
    if reply.end == "unreachable":
        raise CheckFailed(messages.UNREACHABLE, reply)
    if not reply.data:
        raise CheckFailed(
            {"reset": messages.RESET, "closed": messages.CLOSED_SILENTLY}.get(
                reply.end, messages.no_reply_within(seconds)
            ),
            reply,
        )
    if analysis.is_blank(reply.data):
        raise CheckFailed(messages.EMPTY_REPLY, reply)
    if reply.end == "reset":
        raise CheckFailed(messages.RESET_DURING_ANSWER, reply)
    return reply
