"""Checks of the form of replies. They look at every reply of the run, so they run after the other checks."""

from collections.abc import Callable, Iterable
from contextlib import suppress

from . import analysis, messages
from .registry import AFTER_OTHERS, check
from .session import FOREIGN_HOST, CannotTest, CheckFailed, ConformanceRun, Passed
from .wire import ServerReply

ESCAPE_NAMES = (b"zq\x1b[31mRED\x1b[0m", b"zq\x1b]0;T\x07x", b"/W zq\x1b[2J")
C1_NAMES = (b"zq\xc2\x9b31mx", b"zq\x9b31mx")
CONTROL_NAMES = (b"zq\x07x", b"zq\x08x", b"zq\x7fx", b"zq\x0bx")
BIDI_NAMES = ("zq\u202ex".encode(), "zq\u2066x".encode(), "\ufeffzqx".encode())


def _require_in_no_reply(run: ConformanceRun, find: Callable[[bytes], int | None], what: str) -> Passed:
    """Raise CheckFailed if *find* finds something in a reply of the run or in those of ask_samples."""
    ask_samples(run)
    for reply in run.replies:
        if (position := find(reply.data)) is not None:
            near = reply.data[max(0, position - 30) :]
            raise CheckFailed(
                messages.found_at(what, position), ServerReply(reply.sent, near, reply.end, reply.seconds)
            )
    return Passed(None, messages.none_among(len(run.replies)))


def ask_samples(run: ConformanceRun) -> None:
    """Send one query of each kind, unless it was sent already."""
    for line in (
        b"",
        b"/W",
        run.unknown_name(),
        b"zq@" + FOREIGN_HOST,
        b"@" + FOREIGN_HOST,
        b"a" * 1500,
        b"GET / HTTP/1.0",
    ):
        run.reply_to(line)
    with suppress(CannotTest):
        run.reply_to(run.login)
        run.reply_to(b"/W " + run.login)
    for login in run.target.logins[1:]:
        run.reply_to(login.encode())


@check(
    "F022",
    "MUST",
    "RFC 1288 2.2",
    "Every line of every reply ends with CRLF",
    "No bare LF, no bare CR, and CRLF at the end.",
    phase=AFTER_OTHERS,
)
def every_line_ends_with_crlf(run: ConformanceRun) -> Passed:
    return _require_in_no_reply(run, analysis.find_bare_line_end, messages.BARE_LINE_END)


@check(
    "F025",
    "MUST",
    "RFC 1288 2.2",
    "Every reply is valid UTF-8",
    "Text outside 7-bit ASCII is sent as UTF-8.",
    phase=AFTER_OTHERS,
)
def every_reply_is_utf8(run: ConformanceRun) -> Passed:
    for line in (b"zq\xff\xfe", b"zq\xe9"):
        run.reply_to(line)
    return _require_in_no_reply(run, analysis.find_invalid_utf8, messages.INVALID_UTF8)


@check(
    "F027",
    "practice",
    "RFC 1288 2.2",
    "Letters outside ASCII arrive intact",
    "Neither escaped, dropped nor replaced.",
)
def letters_outside_ascii_arrive(run: ConformanceRun) -> Passed:
    """Check letters outside ASCII, in the full name given by --name or in an echoed name.

    In an echoed name, what stands between two known letters shows what became of the third. A server that sends only
    ASCII may transliterate it.
    """
    if not run.target.name.isascii():
        answer = run.plain_answer()
        if run.target.name not in analysis.decode(answer.data):
            raise CheckFailed(messages.LETTER_NOT_INTACT, answer)
        return Passed(answer)
    reply = run.answer_to("zqw\u017eofie".encode())
    text = analysis.decode(reply.data).lower()
    _, found, rest = text.partition("zqw")
    between = rest.partition("ofie")[0] if "ofie" in rest else ""
    if not found or "ofie" not in rest:
        raise CannotTest(messages.NOT_ECHOED)
    if between not in ("\u017e", "z"):
        raise CheckFailed(messages.LETTER_NOT_INTACT, reply)
    return Passed(reply)


@check(
    "F029",
    "practice",
    "RFC 1288 3.3",
    "No escape sequences or parts of them",
    "No ESC in any reply; a name that contains one is not echoed unchanged.",
    phase=AFTER_OTHERS,
)
def no_escape_sequences(run: ConformanceRun) -> Passed:
    return _require_not_echoed(run, ESCAPE_NAMES, analysis.find_escape, messages.ESCAPE)


@check(
    "F030",
    "practice",
    "RFC 1288 3.3",
    "No 8-bit control sequences",
    "No C1 control in any reply, as a byte or as UTF-8.",
    phase=AFTER_OTHERS,
)
def no_c1_controls(run: ConformanceRun) -> Passed:
    return _require_not_echoed(run, C1_NAMES, analysis.find_c1_control, messages.C1_CONTROL)


@check(
    "F031",
    "practice",
    "RFC 1288 3.3",
    "No control characters",
    "No BEL, BS, NUL, DEL or other control except TAB, CR and LF in any reply.",
    phase=AFTER_OTHERS,
)
def no_control_characters(run: ConformanceRun) -> Passed:
    return _require_not_echoed(run, CONTROL_NAMES, analysis.find_control, messages.CONTROL)


@check(
    "F033",
    "practice",
    "RFC 1288 3.3",
    "No open bidi controls",
    "Bidi controls are removed, or closed at the end of the line; no leading BOM.",
    phase=AFTER_OTHERS,
)
def no_open_bidi_controls(run: ConformanceRun) -> Passed:
    return _require_not_echoed(run, BIDI_NAMES, analysis.find_open_bidi, messages.OPEN_BIDI)


def _require_not_echoed(
    run: ConformanceRun, lines: Iterable[bytes], find: Callable[[bytes], int | None], what: str
) -> Passed:
    """Send *lines*; raise CheckFailed if *find* finds something in a reply."""
    for line in lines:
        run.reply_to(line)
    return _require_in_no_reply(run, find, what)


@check(
    "F038",
    "practice",
    "",
    "Refusals and errors are text",
    "No query of the run ends in silence or with a reset.",
    phase=AFTER_OTHERS,
)
def refusals_are_text(run: ConformanceRun) -> Passed:
    ask_samples(run)
    for line, reply in run.replies_by_line():
        if analysis.is_blank(reply.data) and reply.end != "unreachable" and line[:1] not in (b"\x00", b"\x03", b"\x16"):
            raise CheckFailed(messages.RESET if reply.end == "reset" else messages.NO_REPLY, reply)
        if reply.end == "reset":
            raise CheckFailed(messages.RESET_DURING_ANSWER, reply)
    return Passed(None, messages.none_among(len(run.replies_by_line())))
