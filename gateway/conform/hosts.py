"""Checks of {Q2}: names with hosts. A server may forward, or refuse to; it may not take a host for a part of a name."""

from . import judge, messages
from .session import OTHER, Fail, Passed, Run, is_address, same
from .wire import Reply


def f076(run: Run) -> Passed:
    return _forwarded(run, b"bob@" + OTHER)


def f077(run: Run) -> Passed:
    return _forwarded(run, b"@" + OTHER, b"/W bob@" + OTHER, b"bob@one.test@two.test")


def f082(run: Run) -> Passed:
    return _forwarded(run, b"bob@" + OTHER + b"@" + run.host())


def _forwarded(run: Run, *lines: bytes) -> Passed:
    """Each of *lines* is forwarded, or actively refused."""
    why = ""
    reply: Reply | None = None
    for line in lines:
        reply = run.ask(line)
        if judge.forwarded(reply.data):
            why = messages.AS_FORWARDER
        elif not judge.refused(reply.data):
            raise Fail(messages.UNKNOWN if run.unknown(reply, line) else messages.NOT_REFUSED, reply)
    return Passed(reply, why)


def f078(run: Run) -> Passed:
    plain = run.plain()
    return same(run.ask(run.login + b"@" + run.host()), plain, run.login)


def f079(run: Run) -> Passed:
    same(run.ask(b"@" + run.host()), run.ask(b""), b"")
    return same(run.ask(b"/W @" + run.host()), run.ask(b"/W"), b"/W")


def f080(run: Run) -> Passed:
    plain, login = run.plain(), run.login
    address = run.address.host
    places = [f"[{address}]" if ":" in address else address]
    if not is_address(run.host().decode()):
        places.append(run.host().decode().upper() + ".")
    for place in places:
        same(run.ask(login + b"@" + place.encode()), plain, login)
    return Passed(None, messages.ADDRESS_ALONE if len(places) < 2 else "")


def f081(run: Run) -> Passed:
    plain, host = run.plain(), run.host(1)
    return same(run.ask(run.login + b"@" + host), plain, run.login)


def f083(run: Run) -> Passed:
    plain = run.plain()
    same(run.ask(run.login + b"@"), plain, run.login)
    return same(run.ask(b"@"), run.ask(b""), b"")


def f084(run: Run) -> Passed:
    for line in (b"bob" + b"@h" * 200, b"@" * 500):
        reply = run.ask(line)
        if reply.seconds > 1.0:
            raise Fail(messages.too_slow(reply.seconds), reply)
    run.lives(messages.BOMBS)
    return Passed()


def f085(run: Run) -> Passed:
    plain = run.plain()
    passed = same(run.ask(b"@" + run.login + b"@" + run.host()), plain, run.login)
    _forwarded(run, b"@" + run.login + b"@" + OTHER)
    return passed


def f086(run: Run) -> Passed:
    plain = run.plain()
    for line in (run.host() + b"!" + run.login, run.login + b"%" + OTHER):
        reply = run.ask(line)
        if judge.forwarded(reply.data):
            raise Fail(messages.ROUTED, reply)
        if judge.alike(reply.data, plain.data):
            raise Fail(messages.FOUND, reply)
    return Passed()
