"""Checks that need many connections, many queries or much data. They run only with --aggressive."""

import time
from contextlib import ExitStack

from . import analysis, messages, wire
from .registry import FINAL, check
from .session import CheckFailed, ConformanceRun, Passed, require_answer
from .wire import Connection, ServerReply

MAX_CONNECTIONS = 200  # opened at once
CLOSE_DELAY = 0.2  # seconds for the server to notice a closed connection
REFUSAL_TIMEOUT = 1.5  # seconds for the server to send refusals
MAX_QUERIES = 1500
QUERIES_TIMEOUT = 10.0  # seconds for all of them
LONG_LINE_BYTES = 10_000_000
LONG_LINE_TIMEOUT = 10.0  # seconds to send it
RANDOM_LINE_COUNT = 300
MAX_RANDOM_BYTES = 600  # of a line


@check(
    "F014",
    "practice",
    "",
    "Idle connections delay nobody",
    "With up to 200 of them open, a query is answered within 1 s.",
    aggressive=True,
)
def idle_connections_delay_nobody(run: ConformanceRun) -> Passed:
    name = run.unknown_name()
    before = run.answer_to(name)
    with ExitStack() as stack:
        accepted, refused = _open_connections(run, stack)
        if refused and accepted:  # there is a limit: close one, so that the next one is accepted
            accepted.pop().close()
            time.sleep(CLOSE_DELAY)
        reply = run.record(wire.exchange(run.address, [name + b"\r\n"], run.target.timeout))
    require_answer(reply, run.target.timeout)
    if reply.seconds > 1.0 or not analysis.are_alike(reply.data, before.data):
        raise CheckFailed(messages.idle_connections(len(accepted), reply.seconds), reply)
    return Passed(reply, messages.idle_connections(len(accepted), reply.seconds))


@check(
    "F015",
    "practice",
    "",
    "Limit on connections per address",
    "There is a limit; clients just above it get a line that says so.",
    aggressive=True,
)
def connections_per_address_are_limited(run: ConformanceRun) -> Passed:
    with ExitStack() as stack:
        accepted, refused = _open_connections(run, stack)
    if not refused:
        raise CheckFailed(messages.no_limit(MAX_CONNECTIONS, messages.CONNECTIONS))
    with_text = [reply for reply in refused if not analysis.is_blank(reply.data)]
    if not with_text:
        raise CheckFailed(messages.EXCESS_CLOSED_SILENTLY, refused[0])
    for reply in with_text:
        run.record(reply)
    return Passed(with_text[0], messages.connection_limit(len(accepted), len(with_text)))


def _open_connections(run: ConformanceRun, stack: ExitStack) -> tuple[list[Connection], list[ServerReply]]:
    """Open connections that send nothing; return those that the server keeps open, and the replies to the others."""
    opened: list[Connection] = []
    for _ in range(MAX_CONNECTIONS):
        try:
            opened.append(stack.enter_context(Connection(run.address, 1.0)))
        except OSError:
            break
    time.sleep(REFUSAL_TIMEOUT)
    replies = [(each, each.read(0.0)) for each in opened]
    for each, reply in replies:
        if reply.end != "open":
            each.close()
    accepted = [each for each, reply in replies if reply.end == "open"]
    return accepted, [reply for _, reply in replies if reply.end != "open"]


@check(
    "F016",
    "practice",
    "",
    "Limit on queries per address",
    "There is a limit; clients above it get a line that says so, not silence.",
    aggressive=True,
    phase=FINAL,
)
def queries_per_address_are_limited(run: ConformanceRun) -> Passed:
    name = run.unknown_name()
    first = run.answer_to(name)
    end = time.monotonic() + QUERIES_TIMEOUT
    for count in range(1, MAX_QUERIES + 1):
        reply = run.record(wire.exchange(run.address, [name + b"\r\n"], run.target.timeout))
        if not analysis.are_alike(reply.data, first.data):
            require_answer(reply, run.target.timeout)
            return Passed(reply, messages.limited_after(count))
        if time.monotonic() > end:
            break
    raise CheckFailed(messages.no_limit(count, messages.QUERIES))


@check(
    "F072",
    "practice",
    "",
    "Ten million letters without a line end",
    "Refused early, not read to the end; the next client is answered.",
    aggressive=True,
)
def endless_line(run: ConformanceRun) -> Passed:
    with Connection(run.address, run.target.timeout) as connection:
        connection.send(b"a" * 8192)
        connection.read(1.0, quiet=0.05)
        sent_bytes = connection.send_much(b"a" * LONG_LINE_BYTES, LONG_LINE_TIMEOUT) if not connection.data else 0
        reply = connection.read(run.target.timeout, quiet=0.2)
    reply = run.record(ServerReply(b"a" * 64, reply.data, reply.end, reply.seconds))
    run.require_alive(messages.AFTER_LONG_LINE)
    if analysis.is_blank(reply.data):
        why = messages.ALL_READ if sent_bytes == LONG_LINE_BYTES else messages.STOPPED_READING
        raise CheckFailed(why if reply.end == "open" else messages.CLOSED_SILENTLY, reply)
    if sent_bytes == LONG_LINE_BYTES:
        raise CheckFailed(messages.ALL_READ, reply)
    return Passed(reply, messages.bytes_read(sent_bytes + 8192))


@check(
    "F120",
    "SHOULD",
    "RFC 1288 3.1",
    "Random lines",
    "300 lines: each reply is clean CRLF text in UTF-8, and the next client is answered.",
    aggressive=True,
)
def random_lines(run: ConformanceRun) -> Passed:
    silent: list[ServerReply] = []
    for _ in range(RANDOM_LINE_COUNT):
        line = run.random.randbytes(run.random.randrange(MAX_RANDOM_BYTES)).replace(b"\n", b"")
        # A server may close silently on the first bytes of other protocols.
        line = line if line[:1] not in (b"\x00", b"\x03", b"\x16") else b"a" + line
        reply = run.record(wire.exchange(run.address, [line + b"\r\n"], run.target.timeout))
        _require_clean(reply)
        if analysis.is_blank(reply.data):
            silent.append(reply)
            if len(silent) > 2:
                break
    if silent:
        raise CheckFailed(messages.SOME_UNANSWERED, silent[0])
    run.require_alive(messages.AFTER_RANDOM_LINES)
    return Passed(None, messages.random_lines(RANDOM_LINE_COUNT, run.target.seed))


def _require_clean(reply: ServerReply) -> None:
    """Raise CheckFailed if *reply* is not in the format of RFC 1288 section 2.2 or holds terminal controls."""
    for find in (
        analysis.find_bare_line_end,
        analysis.find_invalid_utf8,
        analysis.find_escape,
        analysis.find_control,
    ):
        if (position := find(reply.data)) is not None:
            raise CheckFailed(messages.found_at(messages.NOT_CLEAN, position), reply)
