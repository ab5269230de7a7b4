"""Checks that need many connections, many queries or much data. They run only with --aggressive."""

import time
from contextlib import ExitStack

from . import judge, messages, wire
from .catalogue import check
from .session import CheckFailed, ConformanceRun, Passed, require_answer
from .wire import Connection, ServerReply

CROWD_SIZE = 200  # connections at once
CLOSE_DELAY = 0.2  # seconds that a server has to see that somebody went
REFUSAL_TIMEOUT = 1.5  # seconds that a server has to tell those whom it does not let in
MAX_QUERIES = 1500  # queries
QUERIES_TIMEOUT = 10.0  # seconds for them
LONG_LINE_BYTES = 10_000_000  # letters
LONG_LINE_TIMEOUT = 10.0  # seconds for them
RANDOM_LINES = 300  # random ones
MAX_RANDOM_BYTES = 600  # bytes of a random line


@check("F014", "practice", "", aggressive=True)
def idle_connections_delay_nobody(run: ConformanceRun) -> Passed:
    name = run.unknown_name()
    before = run.answer_to(name)
    with ExitStack() as crowd:
        kept, sent_away = _open_crowd(run, crowd)
        if sent_away and kept:  # there is a limit: close one, so that the next one is accepted
            kept.pop().close()
            time.sleep(CLOSE_DELAY)
        reply = run.record(wire.exchange(run.address, [name + b"\r\n"], run.target.timeout))
    require_answer(reply, run.target.timeout)
    if reply.seconds > 1.0 or not judge.are_alike(reply.data, before.data):
        raise CheckFailed(messages.idle_connections(len(kept), reply.seconds), reply)
    return Passed(reply, messages.idle_connections(len(kept), reply.seconds))


@check("F015", "practice", "", aggressive=True)
def connections_per_address_are_limited(run: ConformanceRun) -> Passed:
    with ExitStack() as crowd:
        kept, sent_away = _open_crowd(run, crowd)
    if not sent_away:
        raise CheckFailed(messages.no_limit(CROWD_SIZE, messages.CONNECTIONS))
    told = [reply for reply in sent_away if not judge.is_blank(reply.data)]
    if not told:
        raise CheckFailed(messages.SURPLUS_SILENT, sent_away[0])
    for reply in told:
        run.record(reply)
    return Passed(told[0], messages.connection_limit(len(kept), len(told)))


def _open_crowd(run: ConformanceRun, crowd: ExitStack) -> tuple[list[Connection], list[ServerReply]]:
    """Open silent connections; return those that the server keeps, and what the others were sent."""
    opened: list[Connection] = []
    for _ in range(CROWD_SIZE):
        try:
            opened.append(crowd.enter_context(Connection(run.address, 1.0)))
        except OSError:
            break
    time.sleep(REFUSAL_TIMEOUT)
    replies = [(each, each.read(0.0)) for each in opened]
    for each, reply in replies:
        if reply.end != "open":
            each.close()
    kept = [each for each, reply in replies if reply.end == "open"]
    return kept, [reply for _, reply in replies if reply.end != "open"]


@check("F016", "practice", "", aggressive=True)
def queries_per_address_are_limited(run: ConformanceRun) -> Passed:
    name = run.unknown_name()
    first = run.answer_to(name)
    end = time.monotonic() + QUERIES_TIMEOUT
    for count in range(1, MAX_QUERIES + 1):
        reply = run.record(wire.exchange(run.address, [name + b"\r\n"], run.target.timeout))
        if not judge.are_alike(reply.data, first.data):
            require_answer(reply, run.target.timeout)
            return Passed(reply, messages.limited_after(count))
        if time.monotonic() > end:
            break
    raise CheckFailed(messages.no_limit(count, messages.QUERIES))


@check("F072", "practice", "", aggressive=True)
def endless_line(run: ConformanceRun) -> Passed:
    with Connection(run.address, run.target.timeout) as connection:
        connection.send(b"a" * 8192)
        connection.read(1.0, quiet=0.05)
        gone = connection.send_much(b"a" * LONG_LINE_BYTES, LONG_LINE_TIMEOUT) if not connection.data else 0
        reply = connection.read(run.target.timeout, quiet=0.2)
    reply = run.record(ServerReply(b"a" * 64, reply.data, reply.end, reply.seconds))
    run.require_alive(messages.LONG_LINE)
    if judge.is_blank(reply.data):
        nothing = messages.ALL_READ if gone == LONG_LINE_BYTES else messages.STOPPED_READING
        raise CheckFailed(nothing if reply.end == "open" else messages.NO_WORD, reply)
    if gone == LONG_LINE_BYTES:
        raise CheckFailed(messages.ALL_READ, reply)
    return Passed(reply, messages.bytes_read(gone + 8192))


@check("F120", "SHOULD", "RFC 1288 3.1", aggressive=True)
def random_lines(run: ConformanceRun) -> Passed:
    silent: list[ServerReply] = []
    for _ in range(RANDOM_LINES):
        line = run.random.randbytes(run.random.randrange(MAX_RANDOM_BYTES)).replace(b"\n", b"")
        # A server may close silently on the first bytes of other protocols.
        line = line if line[:1] not in (b"\x00", b"\x03", b"\x16") else b"a" + line
        reply = run.record(wire.exchange(run.address, [line + b"\r\n"], run.target.timeout))
        _require_clean(reply)
        if judge.is_blank(reply.data):
            silent.append(reply)
            if len(silent) > 2:
                break
    if silent:
        raise CheckFailed(messages.DROPPED_SOME, silent[0])
    run.require_alive(messages.RANDOM)
    return Passed(None, messages.random_lines(RANDOM_LINES, run.target.seed))


def _require_clean(reply: ServerReply) -> None:
    """Raise CheckFailed if *reply* is not in the format of RFC 1288 section 2.2 or holds terminal controls."""
    for look in (judge.find_bare_line_end, judge.find_invalid_utf8, judge.find_escape, judge.find_control):
        if (place := look(reply.data)) is not None:
            raise CheckFailed(messages.found_at(messages.NOT_CLEAN, place), reply)
