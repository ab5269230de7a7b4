"""Checks that take a crowd, a flood or much data. They run with --aggressive alone."""

import time
from contextlib import ExitStack

from . import judge, messages, wire
from .session import Fail, Passed, Run, answered
from .wire import Connection, Reply

CROWD = 200  # connections at once
GONE = 0.2  # seconds that a server has to see that somebody went
TOLD = 1.5  # seconds that a server has to tell those whom it does not let in
OFTEN = 1500  # queries
HURRY = 10.0  # seconds for them
MUCH = 10_000_000  # letters
POURED = 10.0  # seconds for them
LINES = 300  # random ones
LONGEST = 600  # bytes of a random line


def f014(run: Run) -> Passed:
    name = run.nobody()
    before = run.ask(name)
    with ExitStack() as crowd:
        kept, sent_away = _crowd(run, crowd)
        if sent_away and kept:  # there is a limit: one goes, so that the next one is let in
            kept.pop().close()
            time.sleep(GONE)
        reply = run.note(wire.exchange(run.address, [name + b"\r\n"], run.target.timeout))
    answered(reply, run.target.timeout)
    if reply.seconds > 1.0 or not judge.alike(reply.data, before.data):
        raise Fail(messages.held(len(kept), reply.seconds), reply)
    return Passed(reply, messages.held(len(kept), reply.seconds))


def f015(run: Run) -> Passed:
    with ExitStack() as crowd:
        kept, sent_away = _crowd(run, crowd)
    if not sent_away:
        raise Fail(messages.no_limit(CROWD, messages.CONNECTIONS))
    told = [reply for reply in sent_away if not judge.blank(reply.data)]
    if not told:
        raise Fail(messages.SURPLUS_SILENT, sent_away[0])
    for reply in told:
        run.note(reply)
    return Passed(told[0], messages.limit_of(len(kept), len(told)))


def _crowd(run: Run, crowd: ExitStack) -> tuple[list[Connection], list[Reply]]:
    """Connections that say nothing: those that the server keeps, and what the others were told."""
    opened: list[Connection] = []
    for _ in range(CROWD):
        try:
            opened.append(crowd.enter_context(Connection(run.address, 1.0)))
        except OSError:
            break
    time.sleep(TOLD)
    replies = [(each, each.read(0.0)) for each in opened]
    for each, reply in replies:
        if reply.end != "open":
            each.close()
    kept = [each for each, reply in replies if reply.end == "open"]
    return kept, [reply for _, reply in replies if reply.end != "open"]


def f016(run: Run) -> Passed:
    name = run.nobody()
    first = run.ask(name)
    end = time.monotonic() + HURRY
    for count in range(1, OFTEN + 1):
        reply = run.note(wire.exchange(run.address, [name + b"\r\n"], run.target.timeout))
        if not judge.alike(reply.data, first.data):
            answered(reply, run.target.timeout)
            return Passed(reply, messages.limited_after(count))
        if time.monotonic() > end:
            break
    raise Fail(messages.no_limit(count, messages.QUERIES))


def f072(run: Run) -> Passed:
    with Connection(run.address, run.target.timeout) as connection:
        connection.send(b"a" * 8192)
        connection.read(1.0, quiet=0.05)
        gone = connection.pour(b"a" * MUCH, POURED) if not connection.data else 0
        reply = connection.read(run.target.timeout, quiet=0.2)
    reply = run.note(Reply(b"a" * 64, reply.data, reply.end, reply.seconds))
    run.lives(messages.LONG_LINE)
    if judge.blank(reply.data):
        nothing = messages.ALL_READ if gone == MUCH else messages.STOPPED_READING
        raise Fail(nothing if reply.end == "open" else messages.NO_WORD, reply)
    if gone == MUCH:
        raise Fail(messages.ALL_READ, reply)
    return Passed(reply, messages.taken(gone + 8192))


def f120(run: Run) -> Passed:
    silent: list[Reply] = []
    for _ in range(LINES):
        line = run.random.randbytes(run.random.randrange(LONGEST)).replace(b"\n", b"")
        # The first bytes of other protocols may be met with silence.
        line = line if line[:1] not in (b"\x00", b"\x03", b"\x16") else b"a" + line
        reply = run.note(wire.exchange(run.address, [line + b"\r\n"], run.target.timeout))
        _sound(reply)
        if judge.blank(reply.data):
            silent.append(reply)
            if len(silent) > 2:
                break
    if silent:
        raise Fail(messages.DROPPED_SOME, silent[0])
    run.lives(messages.RANDOM)
    return Passed(None, messages.random_lines(LINES, run.target.seed))


def _sound(reply: Reply) -> None:
    """Raises Fail where *reply* is not in the format of RFC 1288 section 2.2, or carries what a terminal would obey."""
    for look in (judge.bare, judge.not_utf8, judge.escape, judge.control):
        if (place := look(reply.data)) is not None:
            raise Fail(messages.at(messages.NOT_CLEAN, place), reply)
