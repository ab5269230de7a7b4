"""Checks of names: several in one query, full and last names, spellings and pasted addresses."""

import unicodedata

from . import analysis, messages
from .registry import check
from .requirements import require_plain_answer, require_same
from .session import CannotTest, CheckFailed, ConformanceRun, Passed

WILDCARDS = (b"a", b"*", b"%", b".", b"0")


@check(
    "F055",
    "SHOULD",
    "RFC 742",
    "Names separated by a comma",
    "Both are answered.",
    needs_login=True,
)
def names_with_comma(run: ConformanceRun) -> Passed:
    return _require_both_people(run, b",")


@check(
    "F056",
    "practice",
    "",
    "Names separated by a space",
    "Both are answered, unless they form somebody's full name.",
    needs_login=True,
)
def names_with_blank(run: ConformanceRun) -> Passed:
    return _require_both_people(run, b" ")


def _require_both_people(run: ConformanceRun, between: bytes) -> Passed:
    """Name two people who exist if two were given, else one who exists and one who does not."""
    first = run.plain_answer()
    other = run.target.logins[1].encode() if len(run.target.logins) > 1 else run.unknown_name()
    second = run.answer_to(other)
    reply = run.answer_to(run.login + between + other)
    missing = (
        analysis.significant_words(first.data) | analysis.significant_words(second.data)
    ) - analysis.significant_words(reply.data)
    if missing:
        raise CheckFailed(messages.missing(" ".join(sorted(missing)[:5])), reply)
    return Passed(reply)


@check(
    "F057",
    "SHOULD",
    "RFC 742",
    "Full name",
    "Finds the person.",
    needs_login=True,
)
def full_name(run: ConformanceRun) -> Passed:
    return require_plain_answer(run, run.full_name().encode())


@check(
    "F058",
    "MUST",
    "RFC 1288 2.5.3",
    "Login name in capitals",
    "Finds the person.",
    needs_login=True,
)
def login_in_capitals(run: ConformanceRun) -> Passed:
    return require_plain_answer(run, run.login.decode().upper().encode())


@check(
    "F059",
    "SHOULD",
    "RFC 1288 2.5.3",
    "Last name",
    "Finds the person, or is refused as ambiguous.",
    needs_login=True,
)
def last_name(run: ConformanceRun) -> Passed:
    _, blank, last = run.full_name().rpartition(" ")
    if not blank:
        raise CannotTest(messages.NO_LAST_NAME)
    reply = run.answer_to(last.encode())
    if run.is_unknown(reply, last.encode()) and not analysis.says_refused(reply.data):
        raise CheckFailed(messages.AS_UNKNOWN, reply)
    return Passed(reply)


@check(
    "F060",
    "SHOULD",
    "RFC 1288 3.2.6",
    "Wildcards list nobody",
    "a, *, %, . and 0 do not list people.",
)
def wildcards_list_nobody(run: ConformanceRun) -> Passed:
    for line in WILDCARDS:
        reply = run.answer_to(line)
        several = len(analysis.list_rows(reply.data)) > 1 or len(reply.data.split(b"\n")) > 3
        if not run.is_unknown(reply, line) and not analysis.says_refused(reply.data) and several:
            raise CheckFailed(messages.LISTED, reply)
    return Passed()


@check(
    "F061",
    "practice",
    "",
    "Composed and decomposed letters",
    "A login outside ASCII is found in NFC and in NFD.",
    needs_login=True,
)
def composed_and_decomposed_login(run: ConformanceRun) -> Passed:
    wide = next((login for login in run.target.logins if not login.isascii()), None)
    if wide is None:
        raise CannotTest(messages.NEEDS_NON_ASCII_LOGIN)
    composed, decomposed = (unicodedata.normalize(form, wide).encode() for form in ("NFC", "NFD"))
    first = run.answer_to(composed)
    if run.is_unknown(first, composed):
        raise CheckFailed(messages.AS_UNKNOWN, first)
    return require_same(run.answer_to(decomposed), first, composed)


@check(
    "F062",
    "practice",
    "",
    "Percent-encoded name",
    "Finds the person (offpunk sends this).",
    needs_login=True,
)
def percent_encoded_name(run: ConformanceRun) -> Passed:
    return require_plain_answer(run, b"%%%02X" % run.login[0] + run.login[1:])


@check(
    "F063",
    "practice",
    "",
    "~NAME",
    "Same answer as to NAME.",
    needs_login=True,
)
def tilde_name(run: ConformanceRun) -> Passed:
    return require_plain_answer(run, b"~" + run.login)


@check(
    "F064",
    "practice",
    "",
    "Pasted addresses",
    "acct:NAME@HOST, finger://HOST/NAME and mailto:NAME@HOST find NAME.",
    needs_login=True,
)
def pasted_addresses(run: ConformanceRun) -> Passed:
    login, host = run.login, run.own_host()
    at = login + b"@" + host
    return require_plain_answer(run, b"acct:" + at, b"finger://" + host + b"/" + login, b"mailto:" + at)


@check(
    "F065",
    "practice",
    "",
    "help and ?",
    "A help text.",
)
def help_text(run: ConformanceRun) -> Passed:
    for line in (b"help", b"?"):
        reply = run.answer_to(line)
        if run.is_unknown(reply, line) or analysis.says_refused(reply.data):
            raise CheckFailed(messages.NO_HELP, reply)
    return Passed()
