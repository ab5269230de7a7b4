"""Checks of {C} and {U1} (RFC 1288 section 2.3): queries without a host."""

import unicodedata

from . import judge, messages, wire
from .catalogue import check
from .session import CannotTest, CheckFailed, ConformanceRun, Passed, require_answer, require_same
from .wire import Connection, ServerReply

WILDCARDS = (b"a", b"*", b"%", b".", b"0")
FOREIGN_PROTOCOLS = (
    b"\x16\x03\x01\x00\x75\x01\x00\x00\x71\x03\x03" + bytes(range(32)),  # TLS
    b"\x00\x00\x00\x54\xffSMBr\x00\x00\x00\x00\x18\x01\x28",  # SMB
    b"\x03\x00\x00\x13\x0e\xe0\x00\x00\x00\x00\x00\x01\x00\x08\x00\x03\x00\x00\x00",  # RDP
    b"0\x0c\x02\x01\x01`\x07\x02\x01\x02\x04\x00\x80\x00",  # LDAP
    b"HELP\r\n",
    b"\r\n\r\n",
)
MAX_ECHOED_LETTERS = 64  # letters of a name


@check("F039", "MUST", "RFC 1288 2.5.1")
def empty_query(run: ConformanceRun) -> Passed:
    return _require_list(run, b"")


@check("F040", "SHOULD", "RFC 742")
def empty_query_with_lf_alone(run: ConformanceRun) -> Passed:
    whole = run.answer_to(b"")
    return require_same(require_answer(run.exchange(b"\n"), run.target.timeout), whole, b"")


@check("F041", "MUST", "RFC 1288 2.3")
def long_switch_alone(run: ConformanceRun) -> Passed:
    return _require_list(run, b"/W")


def _require_list(run: ConformanceRun, line: bytes) -> Passed:
    reply = run.answer_to(line)
    if judge.says_refused(reply.data) or judge.says_nobody_online(reply.data) or judge.list_rows(reply.data):
        return Passed(reply)
    if judge.says_unknown(reply.data) or judge.is_usage_text(reply.data) or run.is_unknown(reply, line):
        raise CheckFailed(messages.NOT_LISTED, reply)
    return Passed(reply)


@check("F042", "practice", "RFC 1288 2.3")
def long_switch_and_blank(run: ConformanceRun) -> Passed:
    _require_list(run, b"/W ")
    return require_same(run.answer_to(b"/W "), run.answer_to(b"/W"), b"/W")


@check("F043", "practice", "RFC 1288 2.3")
def blanks_alone(run: ConformanceRun) -> Passed:
    return require_same(run.answer_to(b"   "), run.answer_to(b""), b"")


@check("F044", "MUST", "RFC 1288 2.5.3", needs_login=True)
def login_name(run: ConformanceRun) -> Passed:
    login = run.login
    return _require_known(run, login, login)


@check("F045", "MUST", "RFC 1288 2.3", needs_login=True)
def long_switch_and_login(run: ConformanceRun) -> Passed:
    run.plain_answer()
    return _require_known(run, b"/W " + run.login, run.login)


def _require_known(run: ConformanceRun, line: bytes, login: bytes) -> Passed:
    reply = run.answer_to(line)
    if run.is_unknown(reply, line) or run.is_unknown(reply, login):
        raise CheckFailed(messages.UNKNOWN, reply)
    return Passed(reply)


@check("F046", "practice", "RFC 1288 2.3", needs_login=True)
def lower_case_long_switch(run: ConformanceRun) -> Passed:
    return _require_long_answer(run, b"/w " + run.login)


@check("F047", "MUST", "RFC 1288 2.3", needs_login=True)
def blanks_after_long_switch(run: ConformanceRun) -> Passed:
    return _require_long_answer(run, b"/W     " + run.login)


@check("F048", "practice", "RFC 1288 2.3", needs_login=True)
def tab_after_long_switch(run: ConformanceRun) -> Passed:
    return _require_long_answer(run, b"/W\t" + run.login)


@check("F051", "SHOULD", "RFC 1196 2.3", needs_login=True)
def long_switch_after_name(run: ConformanceRun) -> Passed:
    return _require_long_answer(run, run.login + b" /W")


def _require_long_answer(run: ConformanceRun, line: bytes) -> Passed:
    run.plain_answer()
    _require_known(run, line, run.login)
    return require_same(run.answer_to(line), run.long_answer(), b"/W " + run.login)


@check("F049", "practice", "RFC 1288 2.3", needs_login=True)
def blank_before_name(run: ConformanceRun) -> Passed:
    return _require_plain_answer(run, b" " + run.login)


@check("F050", "practice", "RFC 1288 2.3", needs_login=True)
def blanks_after_name(run: ConformanceRun) -> Passed:
    return _require_plain_answer(run, run.login + b"  ")


@check("F053", "practice", "RFC 1288 2.3", needs_login=True)
def unknown_switch(run: ConformanceRun) -> Passed:
    return _require_plain_answer(run, b"/PULL " + run.login)


def _require_plain_answer(run: ConformanceRun, *lines: bytes) -> Passed:
    plain = run.plain_answer()
    passed = [require_same(run.answer_to(line), plain, run.login) for line in lines]
    return passed[-1]


@check("F052", "MUST", "RFC 1288 2.3")
def long_switch_without_blank(run: ConformanceRun) -> Passed:
    name, _ = run.any_query()
    reply = run.answer_to(b"/W" + name)
    if judge.is_usage_text(reply.data):
        raise CheckFailed(messages.USAGE, reply)
    if (
        name != run.unknown_name()
        and not run.is_unknown(run.long_answer(), name)
        and judge.are_alike(reply.data, run.answer_to(b"/W " + name).data)
    ):
        raise CheckFailed(messages.TAKEN_FOR_SWITCH, reply)
    return Passed(reply)


@check("F054", "practice", "RFC 1288 2.3")
def names_like_options(run: ConformanceRun) -> Passed:
    for line in (b"-l", b"--help"):
        reply = run.answer_to(line)
        if judge.is_usage_text(reply.data):
            raise CheckFailed(messages.USAGE, reply)
        if not run.is_unknown(reply, line) and not judge.says_refused(reply.data):
            raise CheckFailed(messages.NOT_LIKE_UNKNOWN, reply)
    return Passed()


@check("F055", "SHOULD", "RFC 742", needs_login=True)
def names_with_comma(run: ConformanceRun) -> Passed:
    return _require_both_people(run, b",")


@check("F056", "practice", "", needs_login=True)
def names_with_blank(run: ConformanceRun) -> Passed:
    return _require_both_people(run, b" ")


def _require_both_people(run: ConformanceRun, between: bytes) -> Passed:
    """Name two people who exist if two were given, else one who exists and one who does not."""
    first = run.plain_answer()
    other = run.target.logins[1].encode() if len(run.target.logins) > 1 else run.unknown_name()
    second = run.answer_to(other)
    reply = run.answer_to(run.login + between + other)
    missing = (judge.significant_words(first.data) | judge.significant_words(second.data)) - judge.significant_words(
        reply.data
    )
    if missing:
        raise CheckFailed(messages.lacks(" ".join(sorted(missing)[:5])), reply)
    return Passed(reply)


@check("F057", "SHOULD", "RFC 742", needs_login=True)
def full_name(run: ConformanceRun) -> Passed:
    return _require_plain_answer(run, run.full_name().encode())


@check("F058", "MUST", "RFC 1288 2.5.3", needs_login=True)
def login_in_capitals(run: ConformanceRun) -> Passed:
    return _require_plain_answer(run, run.login.decode().upper().encode())


@check("F059", "SHOULD", "RFC 1288 2.5.3", needs_login=True)
def last_name(run: ConformanceRun) -> Passed:
    _, blank, last = run.full_name().rpartition(" ")
    if not blank:
        raise CannotTest(messages.NO_LAST_NAME)
    reply = run.answer_to(last.encode())
    if run.is_unknown(reply, last.encode()) and not judge.says_refused(reply.data):
        raise CheckFailed(messages.UNKNOWN, reply)
    return Passed(reply)


@check("F060", "SHOULD", "RFC 1288 3.2.6")
def wildcards_list_nobody(run: ConformanceRun) -> Passed:
    for line in WILDCARDS:
        reply = run.answer_to(line)
        several = len(judge.list_rows(reply.data)) > 1 or len(reply.data.split(b"\n")) > 3
        if not run.is_unknown(reply, line) and not judge.says_refused(reply.data) and several:
            raise CheckFailed(messages.LISTED, reply)
    return Passed()


@check("F061", "practice", "", needs_login=True)
def composed_and_decomposed_login(run: ConformanceRun) -> Passed:
    wide = next((login for login in run.target.logins if not login.isascii()), None)
    if wide is None:
        raise CannotTest(messages.NO_WIDE_LOGIN)
    composed, decomposed = (unicodedata.normalize(form, wide).encode() for form in ("NFC", "NFD"))
    first = run.answer_to(composed)
    if run.is_unknown(first, composed):
        raise CheckFailed(messages.UNKNOWN, first)
    return require_same(run.answer_to(decomposed), first, composed)


@check("F062", "practice", "", needs_login=True)
def percent_encoded_name(run: ConformanceRun) -> Passed:
    return _require_plain_answer(run, b"%%%02X" % run.login[0] + run.login[1:])


@check("F063", "practice", "", needs_login=True)
def tilde_name(run: ConformanceRun) -> Passed:
    return _require_plain_answer(run, b"~" + run.login)


@check("F064", "practice", "", needs_login=True)
def pasted_addresses(run: ConformanceRun) -> Passed:
    login, host = run.login, run.own_host()
    at = login + b"@" + host
    return _require_plain_answer(run, b"acct:" + at, b"finger://" + host + b"/" + login, b"mailto:" + at)


@check("F065", "practice", "")
def help_text(run: ConformanceRun) -> Passed:
    for line in (b"help", b"?"):
        reply = run.answer_to(line)
        if run.is_unknown(reply, line) or judge.says_refused(reply.data):
            raise CheckFailed(messages.NOT_HELP, reply)
    return Passed()


@check("F066", "practice", "")
def hostile_name_in_answer(run: ConformanceRun) -> Passed:
    for line in (b"\x1b[31mx", b"x\x1b]0;T\x07"):
        reply = run.answer_to(line)
        for look in (judge.find_escape, judge.find_control, judge.find_invalid_utf8):
            if (place := look(reply.data)) is not None:
                raise CheckFailed(messages.found_at(messages.NOT_CLEAN, place), reply)
    reply = run.answer_to(b"x" * 200)
    if b"x" * (MAX_ECHOED_LETTERS + 1) in reply.data:
        raise CheckFailed(messages.LONG_ECHO, reply)
    return Passed(reply)


@check("F067", "practice", "")
def name_that_is_not_utf8(run: ConformanceRun) -> Passed:
    return require_unknown(run, b"\xff\xfe")


@check("F068", "practice", "RFC 742", needs_login=True)
def telnet_sequences(run: ConformanceRun) -> Passed:
    return _require_plain_answer(run, b"\xff\xfb\x18\xff\xfd\x03" + run.login)


@check("F069", "practice", "", needs_login=True)
def nul_in_name(run: ConformanceRun) -> Passed:
    login, plain = run.login, run.plain_answer()
    for line in (login[:-1] + b"\0" + login[-1:], login + b"\0x"):
        reply = run.answer_to(line)
        if judge.are_alike(reply.data, plain.data):
            raise CheckFailed(messages.FOUND, reply)
    return Passed()


@check("F070", "practice", "")
def name_of_512_letters(run: ConformanceRun) -> Passed:
    reply = run.answer_to(b"a" * 512)
    if not judge.says_unknown(reply.data) and not run.is_unknown(reply, b"a" * 512):
        raise CheckFailed(messages.NOT_LIKE_UNKNOWN, reply)
    return Passed(reply)


@check("F071", "practice", "")
def line_too_long(run: ConformanceRun) -> Passed:
    for line in (b"a" * 536, b"A" * 4096):
        reply = run.answer_to(line)
        if reply.end != "closed":
            raise CheckFailed(messages.NOT_CLOSED, reply)
    return Passed()


@check("F073", "practice", "")
def web_browser(run: ConformanceRun) -> Passed:
    reply = run.exchange(b"GET /users/" + run.unknown_name() + b" HTTP/1.1\r\nHost: " + b"localhost\r\n\r\n")
    require_answer(reply, run.target.timeout)
    if sum(judge.says_unknown(line) for line in reply.data.splitlines()) > 1:
        raise CheckFailed(messages.MANY_LINES, reply)
    return Passed(reply)


@check("F074", "practice", "")
def scanner_probes(run: ConformanceRun) -> Passed:
    for data in FOREIGN_PROTOCOLS:
        with Connection(run.address, run.target.timeout) as connection:
            connection.send(data)
            run.record(connection.read(0.5, wire.QUIET_TIMEOUT))
    run.require_alive(messages.PROBES)
    return Passed()


@check("F075", "practice", "")
def dictionary_client(run: ConformanceRun) -> Passed:
    first = b"CLIENT libcurl 7.88.1"
    alone = run.answer_to(first)
    name, _ = run.any_query()
    reply = require_answer(run.exchange(first + b"\r\n" + name + b"\r\nQUIT\r\n"), run.target.timeout)
    if not judge.are_alike(reply.data, alone.data):
        raise CheckFailed(messages.NOT_SWALLOWED, reply)
    return Passed(reply)


def require_unknown(run: ConformanceRun, *lines: bytes) -> Passed:
    """Raise CheckFailed unless each of *lines* is answered like an unknown name."""
    reply: ServerReply | None = None
    for line in lines:
        reply = run.answer_to(line)
        if not run.is_unknown(reply, line) and not judge.says_refused(reply.data):
            raise CheckFailed(messages.NOT_LIKE_UNKNOWN, reply)
    return Passed(reply)
