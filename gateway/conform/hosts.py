"""Checks of {Q2}: names with hosts. A server may forward or refuse; it may not take a host for a part of a name."""

from . import analysis, messages
from .registry import check
from .requirements import require_same
from .session import FOREIGN_HOST, CheckFailed, ConformanceRun, Passed, is_address
from .wire import ServerReply


@check(
    "F076",
    "MUST",
    "RFC 1288 3.2.1",
    "Forwarding to another host",
    'Forwarded or explicitly refused (such as "denied"), not "unknown user".',
)
def forwarding_is_refused_or_done(run: ConformanceRun) -> Passed:
    return _require_forwarded_or_refused(run, b"bob@" + FOREIGN_HOST)


@check(
    "F077",
    "MUST",
    "RFC 1288 3.2.1",
    "Other forms of forwarding",
    "@host, /W name@host and name@host@host: forwarded or explicitly refused.",
)
def other_forms_of_forwarding(run: ConformanceRun) -> Passed:
    return _require_forwarded_or_refused(run, b"@" + FOREIGN_HOST, b"/W bob@" + FOREIGN_HOST, b"bob@one.test@two.test")


@check(
    "F082",
    "MUST",
    "RFC 1288 2.4",
    "name@other@HOST",
    "The server's own name is removed; the rest is forwarded or refused.",
)
def two_hosts(run: ConformanceRun) -> Passed:
    return _require_forwarded_or_refused(run, b"bob@" + FOREIGN_HOST + b"@" + run.own_host())


def _require_forwarded_or_refused(run: ConformanceRun, *lines: bytes) -> Passed:
    """Raise CheckFailed unless each of *lines* is forwarded or actively refused."""
    why = ""
    reply: ServerReply | None = None
    for line in lines:
        reply = run.answer_to(line)
        if analysis.says_forwarded(reply.data):
            why = messages.FORWARDS
        elif not analysis.says_refused(reply.data):
            raise CheckFailed(messages.AS_UNKNOWN if run.is_unknown(reply, line) else messages.NOT_REFUSED, reply)
    return Passed(reply, why)


@check(
    "F078",
    "practice",
    "",
    "NAME@HOST with the server's own name",
    "Same answer as to NAME (Emacs sends this).",
    needs_login=True,
)
def name_at_own_host(run: ConformanceRun) -> Passed:
    plain = run.plain_answer()
    return require_same(run.answer_to(run.login + b"@" + run.own_host()), plain, run.login)


@check(
    "F079",
    "practice",
    "",
    "@HOST with the server's own name",
    "Same answer as to the empty query; with /W, as to /W.",
)
def own_host_alone(run: ConformanceRun) -> Passed:
    require_same(run.answer_to(b"@" + run.own_host()), run.answer_to(b""), b"")
    return require_same(run.answer_to(b"/W @" + run.own_host()), run.answer_to(b"/W"), b"/W")


@check(
    "F080",
    "practice",
    "",
    "Own host name in capitals, own address",
    "NAME@HOST. and NAME@[address] get the same answer as NAME.",
    needs_login=True,
)
def own_host_in_capitals_and_address(run: ConformanceRun) -> Passed:
    plain, login = run.plain_answer(), run.login
    address = run.address.host
    hosts = [f"[{address}]" if ":" in address else address]
    if not is_address(run.own_host().decode()):
        hosts.append(run.own_host().decode().upper() + ".")
    for host in hosts:
        require_same(run.answer_to(login + b"@" + host.encode()), plain, login)
    return Passed(None, messages.ONLY_ADDRESS_TESTED if len(hosts) < 2 else "")


@check(
    "F081",
    "practice",
    "",
    "Second host name of the server",
    "Same answer as with the first.",
    needs_login=True,
)
def second_own_host(run: ConformanceRun) -> Passed:
    plain, host = run.plain_answer(), run.own_host(1)
    return require_same(run.answer_to(run.login + b"@" + host), plain, run.login)


@check(
    "F083",
    "practice",
    "",
    "NAME@ and @",
    "An empty host means the server itself.",
    needs_login=True,
)
def empty_host(run: ConformanceRun) -> Passed:
    plain = run.plain_answer()
    require_same(run.answer_to(run.login + b"@"), plain, run.login)
    return require_same(run.answer_to(b"@"), run.answer_to(b""), b"")


@check(
    "F084",
    "practice",
    "",
    "Hundreds of hosts",
    "A line of text within 1 s; the next client is answered.",
)
def hundreds_of_hosts(run: ConformanceRun) -> Passed:
    for line in (b"bob" + b"@h" * 200, b"@" * 500):
        reply = run.answer_to(line)
        if reply.seconds > 1.0:
            raise CheckFailed(messages.too_slow(reply.seconds), reply)
    run.require_alive(messages.AFTER_MANY_HOSTS)
    return Passed()


@check(
    "F085",
    "practice",
    "",
    "@NAME@HOST, a fediverse handle",
    "Same answer as to NAME; with another host, forwarded or refused.",
    needs_login=True,
)
def fediverse_handle(run: ConformanceRun) -> Passed:
    plain = run.plain_answer()
    passed = require_same(run.answer_to(b"@" + run.login + b"@" + run.own_host()), plain, run.login)
    _require_forwarded_or_refused(run, b"@" + run.login + b"@" + FOREIGN_HOST)
    return passed


@check(
    "F086",
    "practice",
    "",
    "Mail relay tricks",
    "HOST!NAME and NAME%host are unknown names.",
    needs_login=True,
)
def mail_relay_tricks(run: ConformanceRun) -> Passed:
    plain = run.plain_answer()
    for line in (run.own_host() + b"!" + run.login, run.login + b"%" + FOREIGN_HOST):
        reply = run.answer_to(line)
        if analysis.says_forwarded(reply.data):
            raise CheckFailed(messages.WAS_FORWARDED, reply)
        if analysis.are_alike(reply.data, plain.data):
            raise CheckFailed(messages.LIKE_EXISTING_PERSON, reply)
    return Passed()
