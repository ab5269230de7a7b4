"""Checks of hostile and foreign input: control bytes, long lines, other protocols."""

from . import analysis, messages, wire
from .registry import check
from .requirements import require_plain_answer, require_unknown
from .session import CheckFailed, ConformanceRun, Passed, require_answer
from .wire import Connection

FOREIGN_PROTOCOLS = (
    b"\x16\x03\x01\x00\x75\x01\x00\x00\x71\x03\x03" + bytes(range(32)),  # TLS
    b"\x00\x00\x00\x54\xffSMBr\x00\x00\x00\x00\x18\x01\x28",  # SMB
    b"\x03\x00\x00\x13\x0e\xe0\x00\x00\x00\x00\x00\x01\x00\x08\x00\x03\x00\x00\x00",  # RDP
    b"0\x0c\x02\x01\x01`\x07\x02\x01\x02\x04\x00\x80\x00",  # LDAP
    b"HELP\r\n",
    b"\r\n\r\n",
)
MAX_ECHOED_LETTERS = 64


@check(
    "F066",
    "practice",
    "",
    "Hostile name in the answer",
    "Echoed escaped or not at all, and at most 64 letters of it.",
)
def hostile_name_in_answer(run: ConformanceRun) -> Passed:
    for line in (b"\x1b[31mx", b"x\x1b]0;T\x07"):
        reply = run.answer_to(line)
        for find in (analysis.find_escape, analysis.find_control, analysis.find_invalid_utf8):
            if (position := find(reply.data)) is not None:
                raise CheckFailed(messages.found_at(messages.NOT_CLEAN, position), reply)
    reply = run.answer_to(b"x" * 200)
    if b"x" * (MAX_ECHOED_LETTERS + 1) in reply.data:
        raise CheckFailed(messages.LONG_ECHO, reply)
    return Passed(reply)


@check(
    "F067",
    "practice",
    "",
    "Name that is not UTF-8",
    "Answered like any unknown name.",
)
def name_that_is_not_utf8(run: ConformanceRun) -> Passed:
    return require_unknown(run, b"\xff\xfe")


@check(
    "F068",
    "practice",
    "RFC 742",
    "Telnet IAC sequences",
    "Ignored.",
    needs_login=True,
)
def telnet_sequences(run: ConformanceRun) -> Passed:
    return require_plain_answer(run, b"\xff\xfb\x18\xff\xfd\x03" + run.login)


@check(
    "F069",
    "practice",
    "",
    "NUL in a name",
    "An unknown name: the name does not end at the NUL.",
    needs_login=True,
)
def nul_in_name(run: ConformanceRun) -> Passed:
    login, plain = run.login, run.plain_answer()
    for line in (login[:-1] + b"\0" + login[-1:], login + b"\0x"):
        reply = run.answer_to(line)
        if analysis.are_alike(reply.data, plain.data):
            raise CheckFailed(messages.LIKE_EXISTING_PERSON, reply)
    return Passed()


@check(
    "F070",
    "practice",
    "",
    "Name of 512 letters",
    "Answered like any unknown name.",
)
def name_of_512_letters(run: ConformanceRun) -> Passed:
    reply = run.answer_to(b"a" * 512)
    if not analysis.says_unknown(reply.data) and not run.is_unknown(reply, b"a" * 512):
        raise CheckFailed(messages.NOT_LIKE_UNKNOWN, reply)
    return Passed(reply)


@check(
    "F071",
    "practice",
    "",
    "Line that is too long",
    "536 and 4096 letters: a line of text, then FIN.",
)
def line_too_long(run: ConformanceRun) -> Passed:
    for line in (b"a" * 536, b"A" * 4096):
        reply = run.answer_to(line)
        if reply.end != "closed":
            raise CheckFailed(messages.NOT_CLOSED, reply)
    return Passed()


@check(
    "F073",
    "practice",
    "",
    "Web browser",
    "GET /users/NAME HTTP/1.1 gets one line of text, not one for each word.",
)
def web_browser(run: ConformanceRun) -> Passed:
    reply = run.exchange(b"GET /users/" + run.unknown_name() + b" HTTP/1.1\r\nHost: " + b"localhost\r\n\r\n")
    require_answer(reply, run.target.timeout)
    if sum(analysis.says_unknown(line) for line in reply.data.splitlines()) > 1:
        raise CheckFailed(messages.MANY_LINES, reply)
    return Passed(reply)


@check(
    "F074",
    "practice",
    "",
    "Scanner probes",
    "TLS, SMB, RDP, LDAP, HELP: closed or answered with text; the next client is answered.",
)
def scanner_probes(run: ConformanceRun) -> Passed:
    for data in FOREIGN_PROTOCOLS:
        with Connection(run.address, run.target.timeout) as connection:
            connection.send(data)
            run.record(connection.read(0.5, wire.QUIET_TIMEOUT))
    run.require_alive(messages.AFTER_PROBES)
    return Passed()


@check(
    "F075",
    "practice",
    "",
    "Dictionary client",
    "Only the first of curl's lines is answered.",
)
def dictionary_client(run: ConformanceRun) -> Passed:
    first = b"CLIENT libcurl 7.88.1"
    alone = run.answer_to(first)
    name, _ = run.any_query()
    reply = require_answer(run.exchange(first + b"\r\n" + name + b"\r\nQUIT\r\n"), run.target.timeout)
    if not analysis.are_alike(reply.data, alone.data):
        raise CheckFailed(messages.LATER_LINE_ANSWERED, reply)
    return Passed(reply)
