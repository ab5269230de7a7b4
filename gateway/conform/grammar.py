"""Checks of queries without a host: {C} and {U} of RFC 1288 section 2.3, and the /W switch."""

from . import analysis, messages
from .registry import check
from .requirements import require_plain_answer, require_same
from .session import CheckFailed, ConformanceRun, Passed, require_answer


@check(
    "F039",
    "MUST",
    "RFC 1288 2.5.1",
    "Empty query",
    "A list or an explicit refusal, never an empty reply.",
)
def empty_query(run: ConformanceRun) -> Passed:
    return _require_list(run, b"")


@check(
    "F040",
    "SHOULD",
    "RFC 742",
    "Empty query ending with LF only",
    "Same answer as with CRLF.",
)
def empty_query_with_lf_alone(run: ConformanceRun) -> Passed:
    whole = run.answer_to(b"")
    return require_same(require_answer(run.exchange(b"\n"), run.target.timeout), whole, b"")


@check(
    "F041",
    "MUST",
    "RFC 1288 2.3",
    "/W alone",
    "A list or an explicit refusal; not treated as a person called /W.",
)
def long_switch_alone(run: ConformanceRun) -> Passed:
    return _require_list(run, b"/W")


def _require_list(run: ConformanceRun, line: bytes) -> Passed:
    reply = run.answer_to(line)
    if analysis.says_refused(reply.data) or analysis.says_nobody_online(reply.data) or analysis.list_rows(reply.data):
        return Passed(reply)
    if analysis.says_unknown(reply.data) or analysis.is_usage_text(reply.data) or run.is_unknown(reply, line):
        raise CheckFailed(messages.NOT_LISTED, reply)
    return Passed(reply)


@check(
    "F042",
    "practice",
    "RFC 1288 2.3",
    "/W and a space",
    "Same answer as to /W (finger -l @host sends this).",
)
def long_switch_and_blank(run: ConformanceRun) -> Passed:
    _require_list(run, b"/W ")
    return require_same(run.answer_to(b"/W "), run.answer_to(b"/W"), b"/W")


@check(
    "F043",
    "practice",
    "RFC 1288 2.3",
    "Spaces only",
    "Same answer as to the empty query.",
)
def blanks_alone(run: ConformanceRun) -> Passed:
    return require_same(run.answer_to(b"   "), run.answer_to(b""), b"")


@check(
    "F044",
    "MUST",
    "RFC 1288 2.5.3",
    "Login name",
    "Finds the person.",
    needs_login=True,
)
def login_name(run: ConformanceRun) -> Passed:
    login = run.login
    return _require_known(run, login, login)


@check(
    "F045",
    "MUST",
    "RFC 1288 2.3",
    "/W and a name",
    "Finds the person, with the long answer.",
    needs_login=True,
)
def long_switch_and_login(run: ConformanceRun) -> Passed:
    run.plain_answer()
    return _require_known(run, b"/W " + run.login, run.login)


def _require_known(run: ConformanceRun, line: bytes, login: bytes) -> Passed:
    reply = run.answer_to(line)
    if run.is_unknown(reply, line) or run.is_unknown(reply, login):
        raise CheckFailed(messages.AS_UNKNOWN, reply)
    return Passed(reply)


@check(
    "F046",
    "practice",
    "RFC 1288 2.3",
    "Lower-case /w",
    "Same answer as with /W (lynx sends this).",
    needs_login=True,
)
def lower_case_long_switch(run: ConformanceRun) -> Passed:
    return _require_long_answer(run, b"/w " + run.login)


@check(
    "F047",
    "MUST",
    "RFC 1288 2.3",
    "Several spaces after /W",
    "Same answer as with one space.",
    needs_login=True,
)
def blanks_after_long_switch(run: ConformanceRun) -> Passed:
    return _require_long_answer(run, b"/W     " + run.login)


@check(
    "F048",
    "practice",
    "RFC 1288 2.3",
    "TAB after /W",
    "Same answer as with a space.",
    needs_login=True,
)
def tab_after_long_switch(run: ConformanceRun) -> Passed:
    return _require_long_answer(run, b"/W\t" + run.login)


@check(
    "F051",
    "SHOULD",
    "RFC 1196 2.3",
    "/W after the name",
    "Same answer as before the name (RFCs 1194 and 1196 put it there).",
    needs_login=True,
)
def long_switch_after_name(run: ConformanceRun) -> Passed:
    return _require_long_answer(run, run.login + b" /W")


def _require_long_answer(run: ConformanceRun, line: bytes) -> Passed:
    run.plain_answer()
    _require_known(run, line, run.login)
    return require_same(run.answer_to(line), run.long_answer(), b"/W " + run.login)


@check(
    "F049",
    "practice",
    "RFC 1288 2.3",
    "Space before the name",
    "Same answer as without (elinks sends this).",
    needs_login=True,
)
def blank_before_name(run: ConformanceRun) -> Passed:
    return require_plain_answer(run, b" " + run.login)


@check(
    "F050",
    "practice",
    "RFC 1288 2.3",
    "Spaces after the name",
    "Same answer as without.",
    needs_login=True,
)
def blanks_after_name(run: ConformanceRun) -> Passed:
    return require_plain_answer(run, run.login + b"  ")


@check(
    "F053",
    "practice",
    "RFC 1288 2.3",
    "Unknown switch",
    "/PULL NAME gets the same answer as NAME.",
    needs_login=True,
)
def unknown_switch(run: ConformanceRun) -> Passed:
    return require_plain_answer(run, b"/PULL " + run.login)


@check(
    "F052",
    "MUST",
    "RFC 1288 2.3",
    "/W and a name without a space",
    "Not treated as the switch; never a program's usage text.",
)
def long_switch_without_blank(run: ConformanceRun) -> Passed:
    name, _ = run.any_query()
    reply = run.answer_to(b"/W" + name)
    if analysis.is_usage_text(reply.data):
        raise CheckFailed(messages.USAGE_TEXT, reply)
    if (
        name != run.unknown_name()
        and not run.is_unknown(run.long_answer(), name)
        and analysis.are_alike(reply.data, run.answer_to(b"/W " + name).data)
    ):
        raise CheckFailed(messages.LIKE_SWITCH, reply)
    return Passed(reply)


@check(
    "F054",
    "practice",
    "RFC 1288 2.3",
    "Names that look like options",
    "-l and --help are unknown names, not options of a program.",
)
def names_like_options(run: ConformanceRun) -> Passed:
    for line in (b"-l", b"--help"):
        reply = run.answer_to(line)
        if analysis.is_usage_text(reply.data):
            raise CheckFailed(messages.USAGE_TEXT, reply)
        if not run.is_unknown(reply, line) and not analysis.says_refused(reply.data):
            raise CheckFailed(messages.NOT_LIKE_UNKNOWN, reply)
    return Passed()
