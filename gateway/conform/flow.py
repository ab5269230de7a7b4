"""Checks of connections: who talks first, who closes, how a line may arrive, how long a server waits."""

import time

from . import judge, messages, wire
from .session import Fail, Passed, Run, Untested, answered, same
from .wire import Connection, Reply

BANNER = 0.3  # seconds
APART = 0.02  # seconds between segments
DRIP = 1.0  # seconds between bytes


def f001(run: Run) -> Passed:
    with Connection(run.address, run.target.timeout) as connection:
        reply = run.note(connection.read(BANNER))
    if reply.data:
        raise Fail(messages.TALKED_FIRST, reply)
    if reply.end != "open":
        raise Fail(messages.closed_after(reply.seconds), reply)
    return Passed(reply)


def f002(run: Run) -> Passed:
    name, _ = run.base()
    seconds = run.target.timeout
    reply = answered(run.note(wire.exchange(run.address, [name + b"\r\n"], seconds, quiet=seconds)), seconds)
    if reply.end != "closed":
        raise Fail(messages.NOT_CLOSED, reply)
    return Passed(reply)


def f003(run: Run) -> Passed:
    name, alone = run.base()
    reply = answered(run.exchange(name + b"\r\n" + run.nobody(1) + b"\r\n"), run.target.timeout)
    if not judge.alike(reply.data, alone.data):
        raise Fail(messages.FIRST_LINE_TWICE, reply)
    return Passed(reply)


def f004(run: Run) -> Passed:
    name, _ = run.base()
    whole = run.ask(b"/W " + name)
    reply = answered(run.exchange(b"/W ", name, b"\r\n", apart=APART), run.target.timeout)
    return same(reply, whole, b"/W " + name)


def f005(run: Run) -> Passed:
    name, whole = run.base()
    single = [bytes([byte]) for byte in name + b"\r\n"]
    return same(answered(run.exchange(*single, apart=0.005), run.target.timeout), whole, name)


def f006(run: Run) -> Passed:
    name, whole = run.base()
    reply = answered(run.exchange(name + b"\n"), run.target.timeout)
    if (place := judge.bare(reply.data)) is not None and judge.bare(whole.data) is None:
        raise Fail(messages.at(messages.BARE, place), reply)
    return same(reply, whole, name)


def f007(run: Run) -> Passed:
    name, whole = run.base()
    return same(answered(run.half_closed(name), run.target.timeout), whole, name)


def f008(run: Run) -> Passed:
    name, whole = run.base()
    return same(answered(run.half_closed(name + b"\r\n"), run.target.timeout), whole, name)


def f009(run: Run) -> Passed:
    reply = run.half_closed(b"")
    if reply.data:
        raise Fail(messages.ANSWERED_NOTHING, reply)
    if reply.end == "open":
        raise Fail(messages.STAYED_OPEN, reply)
    return Passed(reply)


def f010(run: Run) -> Passed:
    name, _ = run.base()
    for data in (name + b"\r\n", name, b"\r\n"):
        connection = Connection(run.address, run.target.timeout)
        connection.send(data)
        connection.reset()
    run.lives(messages.RESETS)
    return Passed()


def f011(run: Run) -> Passed:
    with Connection(run.address, run.target.timeout) as connection:
        reply = run.note(connection.read(run.target.wait))
    return _timed_out(run, reply)


def f012(run: Run) -> Passed:
    began = time.monotonic()
    with Connection(run.address, run.target.timeout) as connection:
        while (left := began + run.target.wait - time.monotonic()) > 0 and connection.end == "open":
            connection.send(b"a")
            connection.read(min(DRIP, left))
        reply = connection.read(0.0)
    run.note(reply)
    return _timed_out(run, Reply(reply.sent, reply.data, reply.end, time.monotonic() - began))


def _timed_out(run: Run, reply: Reply) -> Passed:
    if reply.end == "open":
        raise Fail(messages.still_open(run.target.wait), reply)
    if judge.blank(reply.data):
        raise Fail(messages.RESET if reply.end == "reset" else messages.NO_WORD, reply)
    return Passed(reply, messages.closed_after(reply.seconds))


def f017(run: Run) -> Passed:
    others = run.other_addresses
    if not others:
        raise Untested(messages.NO_IPV6)
    name, whole = run.base()
    reply = run.note(wire.exchange(others[0], [name + b"\r\n"], run.target.timeout))
    return same(answered(reply, run.target.timeout), whole, name)


def f019(run: Run) -> Passed:
    plain = run.plain()
    reply = run.exchange(b"PROXY TCP4 192.0.2.1 192.0.2.2 50000 79\r\n" + run.login + b"\r\n")
    if not judge.blank(reply.data) and judge.alike(reply.data, plain.data):
        raise Fail(messages.PROXY_BELIEVED, reply)
    return Passed(reply)
