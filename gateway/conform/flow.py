"""Checks of connections: who sends first, who closes, how a line may arrive, how long a server waits."""

import time

from . import analysis, messages, wire
from .registry import check
from .requirements import require_same
from .session import CannotTest, CheckFailed, ConformanceRun, Passed, require_answer
from .wire import Connection, ServerReply

BANNER_TIMEOUT = 0.3  # seconds
SEGMENT_DELAY = 0.02  # seconds between segments
DRIP_INTERVAL = 1.0  # seconds between bytes


@check(
    "F001",
    "practice",
    "RFC 1288 2.1",
    "The server waits for the client",
    "Sends nothing before the client has sent a byte (300 ms).",
)
def server_waits_for_client(run: ConformanceRun) -> Passed:
    with Connection(run.address, run.target.timeout) as connection:
        reply = run.record(connection.read(BANNER_TIMEOUT))
    if reply.data:
        raise CheckFailed(messages.SENT_BEFORE_QUERY, reply)
    if reply.end != "open":
        raise CheckFailed(messages.closed_after(reply.seconds), reply)
    return Passed(reply)


@check(
    "F002",
    "practice",
    "RFC 1288 2.1",
    "The server closes after the answer",
    "The server ends the connection itself, with FIN and not with RST.",
)
def server_closes_after_answer(run: ConformanceRun) -> Passed:
    name, _ = run.any_query()
    seconds = run.target.timeout
    reply = require_answer(run.record(wire.exchange(run.address, [name + b"\r\n"], seconds, quiet=seconds)), seconds)
    if reply.end != "closed":
        raise CheckFailed(messages.NOT_CLOSED, reply)
    return Passed(reply)


@check(
    "F003",
    "practice",
    "RFC 1288 2.1",
    "One answer per connection",
    "Of two lines in one segment, only the first is answered.",
)
def only_first_line_is_answered(run: ConformanceRun) -> Passed:
    name, alone = run.any_query()
    reply = require_answer(run.exchange(name + b"\r\n" + run.unknown_name(1) + b"\r\n"), run.target.timeout)
    if not analysis.are_alike(reply.data, alone.data):
        raise CheckFailed(messages.MORE_THAN_FIRST_LINE, reply)
    return Passed(reply)


@check(
    "F004",
    "practice",
    "RFC 1288 2.1",
    "Query in three segments",
    "Same answer as to a single segment.",
)
def query_in_three_segments(run: ConformanceRun) -> Passed:
    name, _ = run.any_query()
    whole = run.answer_to(b"/W " + name)
    reply = require_answer(run.exchange(b"/W ", name, b"\r\n", apart=SEGMENT_DELAY), run.target.timeout)
    return require_same(reply, whole, b"/W " + name)


@check(
    "F005",
    "practice",
    "RFC 1288 2.1",
    "Query byte by byte",
    "Same answer as to a single segment.",
)
def query_byte_by_byte(run: ConformanceRun) -> Passed:
    name, whole = run.any_query()
    single = [bytes([byte]) for byte in name + b"\r\n"]
    return require_same(require_answer(run.exchange(*single, apart=0.005), run.target.timeout), whole, name)


@check(
    "F006",
    "practice",
    "RFC 1288 2.1",
    "Query ending with LF only",
    "Same answer as with CRLF; the reply still uses CRLF.",
)
def query_with_lf_alone(run: ConformanceRun) -> Passed:
    name, whole = run.any_query()
    reply = require_answer(run.exchange(name + b"\n"), run.target.timeout)
    if (position := analysis.find_bare_line_end(reply.data)) is not None and analysis.find_bare_line_end(
        whole.data
    ) is None:
        raise CheckFailed(messages.found_at(messages.BARE_LINE_END, position), reply)
    return require_same(reply, whole, name)


@check(
    "F007",
    "practice",
    "RFC 1288 2.1",
    "Query ended by FIN",
    "A name and FIN without a line end get the same answer.",
)
def query_ended_by_fin(run: ConformanceRun) -> Passed:
    name, whole = run.any_query()
    return require_same(require_answer(run.half_closed(name), run.target.timeout), whole, name)


@check(
    "F008",
    "practice",
    "RFC 1288 2.1",
    "Client that half-closes after the query",
    "Gets the whole answer (nc -N, ncat and socat half-close).",
)
def half_closed_client_gets_answer(run: ConformanceRun) -> Passed:
    name, whole = run.any_query()
    return require_same(require_answer(run.half_closed(name + b"\r\n"), run.target.timeout), whole, name)


@check(
    "F009",
    "practice",
    "RFC 1288 2.1",
    "Client that sends nothing and closes",
    "The server closes without a reply.",
)
def client_that_sends_nothing(run: ConformanceRun) -> Passed:
    reply = run.half_closed(b"")
    if reply.data:
        raise CheckFailed(messages.REPLY_TO_NOTHING, reply)
    if reply.end == "open":
        raise CheckFailed(messages.STAYED_OPEN, reply)
    return Passed(reply)


@check(
    "F010",
    "practice",
    "RFC 1288 2.1",
    "Client that resets the connection",
    "The next client is answered as usual.",
)
def resets_in_a_query(run: ConformanceRun) -> Passed:
    name, _ = run.any_query()
    for data in (name + b"\r\n", name, b"\r\n"):
        connection = Connection(run.address, run.target.timeout)
        connection.send(data)
        connection.reset()
    run.require_alive(messages.AFTER_RESETS)
    return Passed()


@check(
    "F011",
    "practice",
    "RFC 1288 2.1",
    "Client that connects and sends nothing",
    "Closed in time (--wait), with a line that says why.",
    slow=True,
)
def silent_client_times_out(run: ConformanceRun) -> Passed:
    with Connection(run.address, run.target.timeout) as connection:
        reply = run.record(connection.read(run.target.wait))
    return _require_timeout(run, reply)


@check(
    "F012",
    "practice",
    "RFC 1288 2.1",
    "Client that sends a byte now and then",
    "Closed by a deadline (--wait) that further bytes do not extend.",
    slow=True,
)
def slow_client_times_out(run: ConformanceRun) -> Passed:
    began = time.monotonic()
    with Connection(run.address, run.target.timeout) as connection:
        while (left := began + run.target.wait - time.monotonic()) > 0 and connection.end == "open":
            connection.send(b"a")
            connection.read(min(DRIP_INTERVAL, left))
        reply = connection.read(0.0)
    run.record(reply)
    return _require_timeout(run, ServerReply(reply.sent, reply.data, reply.end, time.monotonic() - began))


def _require_timeout(run: ConformanceRun, reply: ServerReply) -> Passed:
    if reply.end == "open":
        raise CheckFailed(messages.still_open(run.target.wait), reply)
    if analysis.is_blank(reply.data):
        raise CheckFailed(messages.RESET if reply.end == "reset" else messages.CLOSED_SILENTLY, reply)
    return Passed(reply, messages.closed_after(reply.seconds))


@check(
    "F017",
    "practice",
    "",
    "IPv6",
    "Same answer over IPv6 as over IPv4.",
)
def ipv6_gets_same_answer(run: ConformanceRun) -> Passed:
    others = run.other_addresses
    if not others:
        raise CannotTest(messages.NEEDS_OTHER_IP_VERSION)
    name, whole = run.any_query()
    reply = run.record(wire.exchange(others[0], [name + b"\r\n"], run.target.timeout))
    return require_same(require_answer(reply, run.target.timeout), whole, name)


@check(
    "F019",
    "practice",
    "",
    "PROXY header from an untrusted client",
    "Not trusted: treated as a query or refused.",
    needs_login=True,
)
def proxy_header_is_not_believed(run: ConformanceRun) -> Passed:
    plain = run.plain_answer()
    reply = run.exchange(b"PROXY TCP4 192.0.2.1 192.0.2.2 50000 79\r\n" + run.login + b"\r\n")
    if not analysis.is_blank(reply.data) and analysis.are_alike(reply.data, plain.data):
        raise CheckFailed(messages.PROXY_HEADER_ACCEPTED, reply)
    return Passed(reply)
