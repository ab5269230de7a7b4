"""Checks of answers: what they contain, what they keep private, and how names that are attacks are handled."""

from contextlib import suppress

from . import analysis, messages
from .registry import check
from .requirements import require_unknown
from .session import CannotTest, CheckFailed, ConformanceRun, Passed

PATH_NAMES = (b"../../etc/passwd", b"/etc/passwd", b"..\\..\\x")
SHELL_COMMANDS = (b";id", b"$(id)", b"|/bin/id", b"`id`", b";sleep 4", b"$(sleep 4)", b"|sleep 4")
SLEEP_SECONDS = 3.5  # seconds
LOG_INJECTION = b"x\x1b[2J\x0bfake Accepted root"


def _read_list(run: ConformanceRun) -> list[analysis.ListRow]:
    """Return the rows of the list. Raises CannotTest if there are none that can be parsed."""
    reply = run.answer_to(b"")
    if rows := analysis.list_rows(reply.data):
        return rows
    raise CannotTest(messages.LIST_REFUSED if analysis.says_refused(reply.data) else messages.LIST_NOT_RECOGNISED)


@check(
    "F092",
    "MUST",
    "RFC 1288 2.5.1",
    "Full names in the list",
    "The list shows the full name of each person.",
)
def list_has_full_names(run: ConformanceRun) -> Passed:
    reply = run.answer_to(b"")
    for row in _read_list(run):
        if not row.name:
            raise CheckFailed(messages.NO_FULL_NAME, reply)
        answer = run.reply_to(row.login.encode())
        name = analysis.find_full_name(answer.data)
        if (
            name
            and analysis.significant_words(name.encode()) - analysis.significant_words(row.line.encode())
            and "..." not in row.line
        ):
            raise CheckFailed(messages.NO_FULL_NAME, reply)
    return Passed(reply)


@check(
    "F094",
    "practice",
    "RFC 1288 2.5.1",
    "Empty list",
    "A line of text even if nobody is online.",
)
def empty_list_is_text(run: ConformanceRun) -> Passed:
    return Passed(run.answer_to(b""))


@check(
    "F095",
    "MUST",
    "RFC 1288 3.2.2",
    "Disabled list",
    'Refused with a word such as "denied".',
)
def disabled_list_is_refused(run: ConformanceRun) -> Passed:
    reply = run.answer_to(b"")
    if analysis.says_refused(reply.data) and not analysis.list_rows(reply.data):
        return Passed(reply)
    if analysis.says_unknown(reply.data) or run.is_unknown(reply, b""):
        raise CheckFailed(messages.NOT_LISTED, reply)
    raise CannotTest(messages.LIST_ENABLED)


@check(
    "F096",
    "MUST",
    "RFC 1288 2.5.2",
    "Full name in the answer",
    "The answer about a person has at least the full name.",
    needs_login=True,
)
def answer_has_full_name(run: ConformanceRun) -> Passed:
    reply = run.plain_answer()
    name = run.full_name()
    if name.lower() not in analysis.decode(reply.data).lower():
        raise CheckFailed(messages.NO_FULL_NAME, reply)
    return Passed(reply)


@check(
    "F097",
    "MUST",
    "RFC 1288 2.5.2",
    "Answers have what the list has",
    "The answer about a person has everything that the list shows.",
    needs_login=True,
)
def answer_has_what_the_list_has(run: ConformanceRun) -> Passed:
    """Compare the list with answers. A column may be cut, so a word counts if it begins a word of the answer."""
    last = None
    for row in _read_list(run)[:5]:
        answer = run.answer_to(row.login.encode())
        if run.is_unknown(answer, row.login.encode()):
            raise CheckFailed(messages.AS_UNKNOWN, answer)
        text = analysis.decode(answer.data).lower()
        missing = {word for word in analysis.significant_words(row.line.encode()) if word not in text}
        if missing:
            raise CheckFailed(messages.missing(" ".join(sorted(missing)[:5])), answer)
        last = answer
    return Passed(last)


@check(
    "F098",
    "SHOULD",
    "RFC 1288 2.5.2",
    "Login status",
    "A line says since when, or when last, the person was online.",
    needs_login=True,
)
def answer_has_login_status(run: ConformanceRun) -> Passed:
    reply = run.plain_answer()
    if not analysis.has_login_status(reply.data):
        raise CannotTest(messages.NO_STATUS)
    return Passed(reply)


@check(
    "F100",
    "SHOULD",
    "RFC 1288 2.5.4",
    "/W shows at least as much",
    "Everything that the answer without /W has, and never an error.",
    needs_login=True,
)
def long_answer_has_at_least_the_plain_one(run: ConformanceRun) -> Passed:
    plain, long = run.plain_answer(), run.long_answer()
    if run.is_unknown(long, run.login) or run.is_unknown(long, b"/W " + run.login):
        raise CheckFailed(messages.AS_UNKNOWN, long)
    if missing := analysis.significant_words(plain.data) - analysis.significant_words(long.data):
        raise CheckFailed(messages.missing(" ".join(sorted(missing)[:5])), long)
    return Passed(long)


@check(
    "F102",
    "practice",
    "",
    "Unknown names get the same answer",
    "Byte for byte, except for the name.",
)
def unknown_names_are_answered_alike(run: ConformanceRun) -> Passed:
    one, other = run.unknown_name(1), run.unknown_name(2)
    first, second = run.answer_to(one), run.answer_to(other)
    if first.data.replace(one, b"") != second.data.replace(other, b""):
        raise CheckFailed(messages.UNKNOWN_NAMES_DIFFER, second)
    return Passed(second)


@check(
    "F103",
    "practice",
    "",
    "System accounts",
    "root and daemon get the same answer as unknown names.",
)
def system_accounts_are_unknown(run: ConformanceRun) -> Passed:
    return require_unknown(run, b"root", b"daemon")


@check(
    "F104",
    "practice",
    "",
    "No paths, shells or mail in answers",
    "Neither in answers nor in errors.",
)
def nothing_private_in_answers(run: ConformanceRun) -> Passed:
    lines = [run.unknown_name(), b"bob@other.test", b"", b"-l"]
    with suppress(CannotTest):
        lines += [run.login, b"/W " + run.login]
    for line in lines:
        reply = run.reply_to(line)
        if found := analysis.find_private(reply.data):
            raise CheckFailed(messages.reveals(found), reply)
    return Passed()


@check(
    "F108",
    "practice",
    "",
    "Paths as names",
    "../../etc/passwd and the like are unknown names.",
)
def paths_as_names(run: ConformanceRun) -> Passed:
    for line in PATH_NAMES:
        reply = run.answer_to(line)
        if b"root:" in reply.data or b":0:0:" in reply.data:
            raise CheckFailed(messages.LIKE_EXISTING_PERSON, reply)
    return require_unknown(run, *PATH_NAMES)


@check(
    "F113",
    "MUST",
    "RFC 1288 3.2.5",
    "Shell metacharacters",
    "Answered like any unknown name; no query starts a process.",
)
def shell_metacharacters(run: ConformanceRun) -> Passed:
    for line in SHELL_COMMANDS:
        reply = run.answer_to(line)
        if b"uid=" in reply.data:
            raise CheckFailed(messages.EXECUTED, reply)
        if reply.seconds > SLEEP_SECONDS:
            raise CheckFailed(messages.SLEEP_EXECUTED, reply)
    return require_unknown(run, *SHELL_COMMANDS)


@check(
    "F116",
    "practice",
    "",
    "Control characters meant for the log",
    "Answered like any unknown name; escaped in the log.",
)
def control_characters_for_the_log(run: ConformanceRun) -> Passed:
    reply = run.answer_to(LOG_INJECTION)
    for find in (analysis.find_escape, analysis.find_control):
        if (position := find(reply.data)) is not None:
            raise CheckFailed(messages.found_at(messages.NOT_CLEAN, position), reply)
    require_unknown(run, LOG_INJECTION)
    return Passed(reply, messages.IN_LOG)
