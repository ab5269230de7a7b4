"""Checks of {C} and {U}: what a line without a host may look like."""

import unicodedata

from . import judge, messages, wire
from .session import Fail, Passed, Run, Untested, answered, same
from .wire import Connection, Reply

FISHING = (b"a", b"*", b"%", b".", b"0")
FOREIGN = (
    b"\x16\x03\x01\x00\x75\x01\x00\x00\x71\x03\x03" + bytes(range(32)),  # TLS
    b"\x00\x00\x00\x54\xffSMBr\x00\x00\x00\x00\x18\x01\x28",  # SMB
    b"\x03\x00\x00\x13\x0e\xe0\x00\x00\x00\x00\x00\x01\x00\x08\x00\x03\x00\x00\x00",  # RDP
    b"0\x0c\x02\x01\x01`\x07\x02\x01\x02\x04\x00\x80\x00",  # LDAP
    b"HELP\r\n",
    b"\r\n\r\n",
)
ECHOED = 64  # letters of a name


def f039(run: Run) -> Passed:
    return _listing(run, b"")


def f040(run: Run) -> Passed:
    whole = run.ask(b"")
    return same(answered(run.exchange(b"\n"), run.target.timeout), whole, b"")


def f041(run: Run) -> Passed:
    return _listing(run, b"/W")


def _listing(run: Run, line: bytes) -> Passed:
    reply = run.ask(line)
    if judge.refused(reply.data) or judge.nobody_on(reply.data) or judge.rows(reply.data):
        return Passed(reply)
    if judge.unknown(reply.data) or judge.usage(reply.data) or run.unknown(reply, line):
        raise Fail(messages.NOT_LISTED, reply)
    return Passed(reply)


def f042(run: Run) -> Passed:
    _listing(run, b"/W ")
    return same(run.ask(b"/W "), run.ask(b"/W"), b"/W")


def f043(run: Run) -> Passed:
    return same(run.ask(b"   "), run.ask(b""), b"")


def f044(run: Run) -> Passed:
    login = run.login
    return _known(run, login, login)


def f045(run: Run) -> Passed:
    run.plain()
    return _known(run, b"/W " + run.login, run.login)


def _known(run: Run, line: bytes, login: bytes) -> Passed:
    reply = run.ask(line)
    if run.unknown(reply, line) or run.unknown(reply, login):
        raise Fail(messages.UNKNOWN, reply)
    return Passed(reply)


def f046(run: Run) -> Passed:
    return _as_long(run, b"/w " + run.login)


def f047(run: Run) -> Passed:
    return _as_long(run, b"/W     " + run.login)


def f048(run: Run) -> Passed:
    return _as_long(run, b"/W\t" + run.login)


def f051(run: Run) -> Passed:
    return _as_long(run, run.login + b" /W")


def _as_long(run: Run, line: bytes) -> Passed:
    run.plain()
    _known(run, line, run.login)
    return same(run.ask(line), run.long(), b"/W " + run.login)


def f049(run: Run) -> Passed:
    return _as_plain(run, b" " + run.login)


def f050(run: Run) -> Passed:
    return _as_plain(run, run.login + b"  ")


def f053(run: Run) -> Passed:
    return _as_plain(run, b"/PULL " + run.login)


def _as_plain(run: Run, *lines: bytes) -> Passed:
    plain = run.plain()
    passed = [same(run.ask(line), plain, run.login) for line in lines]
    return passed[-1]


def f052(run: Run) -> Passed:
    name, _ = run.base()
    reply = run.ask(b"/W" + name)
    if judge.usage(reply.data):
        raise Fail(messages.USAGE, reply)
    if (
        name != run.nobody()
        and not run.unknown(run.long(), name)
        and judge.alike(reply.data, run.ask(b"/W " + name).data)
    ):
        raise Fail(messages.TAKEN_FOR_SWITCH, reply)
    return Passed(reply)


def f054(run: Run) -> Passed:
    for line in (b"-l", b"--help"):
        reply = run.ask(line)
        if judge.usage(reply.data):
            raise Fail(messages.USAGE, reply)
        if not run.unknown(reply, line) and not judge.refused(reply.data):
            raise Fail(messages.NOT_LIKE_UNKNOWN, reply)
    return Passed()


def f055(run: Run) -> Passed:
    return _both(run, b",")


def f056(run: Run) -> Passed:
    return _both(run, b" ")


def _both(run: Run, between: bytes) -> Passed:
    """Two people who exist, where two were named; else one who does and one who does not."""
    first = run.plain()
    other = run.target.logins[1].encode() if len(run.target.logins) > 1 else run.nobody()
    second = run.ask(other)
    reply = run.ask(run.login + between + other)
    missing = (judge.words(first.data) | judge.words(second.data)) - judge.words(reply.data)
    if missing:
        raise Fail(messages.lacks(" ".join(sorted(missing)[:5])), reply)
    return Passed(reply)


def f057(run: Run) -> Passed:
    return _as_plain(run, run.full_name().encode())


def f058(run: Run) -> Passed:
    return _as_plain(run, run.login.decode().upper().encode())


def f059(run: Run) -> Passed:
    _, blank, last = run.full_name().rpartition(" ")
    if not blank:
        raise Untested(messages.NO_LAST_NAME)
    reply = run.ask(last.encode())
    if run.unknown(reply, last.encode()) and not judge.refused(reply.data):
        raise Fail(messages.UNKNOWN, reply)
    return Passed(reply)


def f060(run: Run) -> Passed:
    for line in FISHING:
        reply = run.ask(line)
        several = len(judge.rows(reply.data)) > 1 or len(reply.data.split(b"\n")) > 3
        if not run.unknown(reply, line) and not judge.refused(reply.data) and several:
            raise Fail(messages.LISTED, reply)
    return Passed()


def f061(run: Run) -> Passed:
    wide = next((login for login in run.target.logins if not login.isascii()), None)
    if wide is None:
        raise Untested(messages.NO_WIDE_LOGIN)
    composed, decomposed = (unicodedata.normalize(form, wide).encode() for form in ("NFC", "NFD"))
    first = run.ask(composed)
    if run.unknown(first, composed):
        raise Fail(messages.UNKNOWN, first)
    return same(run.ask(decomposed), first, composed)


def f062(run: Run) -> Passed:
    return _as_plain(run, b"%%%02X" % run.login[0] + run.login[1:])


def f063(run: Run) -> Passed:
    return _as_plain(run, b"~" + run.login)


def f064(run: Run) -> Passed:
    login, host = run.login, run.host()
    at = login + b"@" + host
    return _as_plain(run, b"acct:" + at, b"finger://" + host + b"/" + login, b"mailto:" + at)


def f065(run: Run) -> Passed:
    for line in (b"help", b"?"):
        reply = run.ask(line)
        if run.unknown(reply, line) or judge.refused(reply.data):
            raise Fail(messages.NOT_HELP, reply)
    return Passed()


def f066(run: Run) -> Passed:
    for line in (b"\x1b[31mx", b"x\x1b]0;T\x07"):
        reply = run.ask(line)
        for look in (judge.escape, judge.control, judge.not_utf8):
            if (place := look(reply.data)) is not None:
                raise Fail(messages.at(messages.NOT_CLEAN, place), reply)
    reply = run.ask(b"x" * 200)
    if b"x" * (ECHOED + 1) in reply.data:
        raise Fail(messages.LONG_ECHO, reply)
    return Passed(reply)


def f067(run: Run) -> Passed:
    return nobody_of(run, b"\xff\xfe")


def f068(run: Run) -> Passed:
    return _as_plain(run, b"\xff\xfb\x18\xff\xfd\x03" + run.login)


def f069(run: Run) -> Passed:
    login, plain = run.login, run.plain()
    for line in (login[:-1] + b"\0" + login[-1:], login + b"\0x"):
        reply = run.ask(line)
        if judge.alike(reply.data, plain.data):
            raise Fail(messages.FOUND, reply)
    return Passed()


def f070(run: Run) -> Passed:
    reply = run.ask(b"a" * 512)
    if not judge.unknown(reply.data) and not run.unknown(reply, b"a" * 512):
        raise Fail(messages.NOT_LIKE_UNKNOWN, reply)
    return Passed(reply)


def f071(run: Run) -> Passed:
    for line in (b"a" * 536, b"A" * 4096):
        reply = run.ask(line)
        if reply.end != "closed":
            raise Fail(messages.NOT_CLOSED, reply)
    return Passed()


def f073(run: Run) -> Passed:
    reply = run.exchange(b"GET /users/" + run.nobody() + b" HTTP/1.1\r\nHost: " + b"localhost\r\n\r\n")
    answered(reply, run.target.timeout)
    if sum(judge.unknown(line) for line in reply.data.splitlines()) > 1:
        raise Fail(messages.MANY_LINES, reply)
    return Passed(reply)


def f074(run: Run) -> Passed:
    for data in FOREIGN:
        with Connection(run.address, run.target.timeout) as connection:
            connection.send(data)
            run.note(connection.read(0.5, wire.QUIET))
    run.lives(messages.PROBES)
    return Passed()


def f075(run: Run) -> Passed:
    first = b"CLIENT libcurl 7.88.1"
    alone = run.ask(first)
    name, _ = run.base()
    reply = answered(run.exchange(first + b"\r\n" + name + b"\r\nQUIT\r\n"), run.target.timeout)
    if not judge.alike(reply.data, alone.data):
        raise Fail(messages.NOT_SWALLOWED, reply)
    return Passed(reply)


def nobody_of(run: Run, *lines: bytes) -> Passed:
    """Each of *lines* is answered as a name that nobody has."""
    reply: Reply | None = None
    for line in lines:
        reply = run.ask(line)
        if not run.unknown(reply, line) and not judge.refused(reply.data):
            raise Fail(messages.NOT_LIKE_UNKNOWN, reply)
    return Passed(reply)
