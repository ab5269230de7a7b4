"""Checks of answers: what they tell, what they keep to themselves, and what they do with names that are attacks."""

from contextlib import suppress

from . import judge, messages
from .grammar import nobody_of
from .session import Fail, Passed, Run, Untested

PATHS = (b"../../etc/passwd", b"/etc/passwd", b"..\\..\\x")
COMMANDS = (b";id", b"$(id)", b"|/bin/id", b"`id`", b";sleep 4", b"$(sleep 4)", b"|sleep 4")
SLEPT = 3.5  # seconds
FOR_THE_LOG = b"x\x1b[2J\x0bfake Accepted root"


def _read_list(run: Run) -> list[judge.Row]:
    """The rows of the list. Raises Untested where there are none to be read."""
    reply = run.ask(b"")
    if rows := judge.rows(reply.data):
        return rows
    raise Untested(messages.LIST_REFUSED if judge.refused(reply.data) else messages.LIST_UNREAD)


def f092(run: Run) -> Passed:
    reply = run.ask(b"")
    for row in _read_list(run):
        if not row.name:
            raise Fail(messages.NO_FULL_NAME, reply)
        answer = run.line(row.login.encode())
        name = judge.full_name(answer.data)
        if name and judge.words(name.encode()) - judge.words(row.line.encode()) and "..." not in row.line:
            raise Fail(messages.NO_FULL_NAME, reply)
    return Passed(reply)


def f094(run: Run) -> Passed:
    return Passed(run.ask(b""))


def f095(run: Run) -> Passed:
    reply = run.ask(b"")
    if judge.refused(reply.data) and not judge.rows(reply.data):
        return Passed(reply)
    if judge.unknown(reply.data) or run.unknown(reply, b""):
        raise Fail(messages.NOT_LISTED, reply)
    raise Untested(messages.LIST_ON)


def f096(run: Run) -> Passed:
    reply = run.plain()
    name = run.full_name()
    if name.lower() not in judge.text(reply.data).lower():
        raise Fail(messages.NO_FULL_NAME, reply)
    return Passed(reply)


def f097(run: Run) -> Passed:
    """A column of the list may be cut, so a word counts that begins a word of the answer."""
    looked = None
    for row in _read_list(run)[:5]:
        answer = run.ask(row.login.encode())
        if run.unknown(answer, row.login.encode()):
            raise Fail(messages.UNKNOWN, answer)
        said = judge.text(answer.data).lower()
        missing = {word for word in judge.words(row.line.encode()) if word not in said}
        if missing:
            raise Fail(messages.lacks(" ".join(sorted(missing)[:5])), answer)
        looked = answer
    return Passed(looked)


def f098(run: Run) -> Passed:
    reply = run.plain()
    if not judge.status(reply.data):
        raise Untested(messages.NO_STATUS)
    return Passed(reply)


def f100(run: Run) -> Passed:
    plain, long = run.plain(), run.long()
    if run.unknown(long, run.login) or run.unknown(long, b"/W " + run.login):
        raise Fail(messages.UNKNOWN, long)
    if missing := judge.words(plain.data) - judge.words(long.data):
        raise Fail(messages.lacks(" ".join(sorted(missing)[:5])), long)
    return Passed(long)


def f102(run: Run) -> Passed:
    one, other = run.nobody(1), run.nobody(2)
    first, second = run.ask(one), run.ask(other)
    if first.data.replace(one, b"") != second.data.replace(other, b""):
        raise Fail(messages.NOT_ALIKE, second)
    return Passed(second)


def f103(run: Run) -> Passed:
    return nobody_of(run, b"root", b"daemon")


def f104(run: Run) -> Passed:
    lines = [run.nobody(), b"bob@other.test", b"", b"-l"]
    with suppress(Untested):
        lines += [run.login, b"/W " + run.login]
    for line in lines:
        reply = run.line(line)
        if found := judge.private(reply.data):
            raise Fail(messages.tells(found), reply)
    return Passed()


def f108(run: Run) -> Passed:
    for line in PATHS:
        reply = run.ask(line)
        if b"root:" in reply.data or b":0:0:" in reply.data:
            raise Fail(messages.FOUND, reply)
    return nobody_of(run, *PATHS)


def f113(run: Run) -> Passed:
    for line in COMMANDS:
        reply = run.ask(line)
        if b"uid=" in reply.data:
            raise Fail(messages.EXECUTED, reply)
        if reply.seconds > SLEPT:
            raise Fail(messages.SLEPT, reply)
    return nobody_of(run, *COMMANDS)


def f116(run: Run) -> Passed:
    reply = run.ask(FOR_THE_LOG)
    for look in (judge.escape, judge.control):
        if (place := look(reply.data)) is not None:
            raise Fail(messages.at(messages.NOT_CLEAN, place), reply)
    nobody_of(run, FOR_THE_LOG)
    return Passed(reply, messages.LOG)
