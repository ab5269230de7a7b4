"""Checks of the form of replies. They look at every reply of the run, and run last."""

from collections.abc import Callable
from contextlib import suppress

from . import judge, messages
from .catalogue import check
from .session import FOREIGN_HOST, CannotTest, CheckFailed, ConformanceRun, Passed
from .wire import ServerReply

HOSTILE = {
    "F029": (b"zq\x1b[31mRED\x1b[0m", b"zq\x1b]0;T\x07x", b"/W zq\x1b[2J"),
    "F030": (b"zq\xc2\x9b31mx", b"zq\x9b31mx"),
    "F031": (b"zq\x07x", b"zq\x08x", b"zq\x7fx", b"zq\x0bx"),
    "F033": ("zq\u202ex".encode(), "zq\u2066x".encode(), "\ufeffzqx".encode()),
}  # fmt: skip


def _require_in_no_reply(run: ConformanceRun, look: Callable[[bytes], int | None], what: str) -> Passed:
    """Raise CheckFailed if *look* finds something in a reply of the run or in those of ask_samples."""
    ask_samples(run)
    for reply in run.replies:
        if (place := look(reply.data)) is not None:
            near = reply.data[max(0, place - 30) :]
            raise CheckFailed(messages.found_at(what, place), ServerReply(reply.sent, near, reply.end, reply.seconds))
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


@check("F022", "MUST", "RFC 1288 2.2")
def every_line_ends_with_crlf(run: ConformanceRun) -> Passed:
    return _require_in_no_reply(run, judge.find_bare_line_end, messages.BARE)


@check("F025", "MUST", "RFC 1288 2.2")
def every_reply_is_utf8(run: ConformanceRun) -> Passed:
    for line in (b"zq\xff\xfe", b"zq\xe9"):
        run.reply_to(line)
    return _require_in_no_reply(run, judge.find_invalid_utf8, messages.NOT_UTF8)


@check("F027", "practice", "RFC 1288 2.2")
def letters_outside_ascii_arrive(run: ConformanceRun) -> Passed:
    """Check letters outside ASCII, in the full name given by --name or in an echoed name.

    In an echoed name, what stands between two known letters shows what became of the third. A server that sends only
    ASCII may transliterate it.
    """
    if not run.target.name.isascii():
        answer = run.plain_answer()
        if run.target.name not in judge.decode(answer.data):
            raise CheckFailed(messages.MANGLED, answer)
        return Passed(answer)
    reply = run.answer_to("zqw\u017eofie".encode())
    said = judge.decode(reply.data).lower()
    _, found, rest = said.partition("zqw")
    between = rest.partition("ofie")[0] if "ofie" in rest else ""
    if not found or "ofie" not in rest:
        raise CannotTest(messages.NOT_ECHOED)
    if between not in ("\u017e", "z"):
        raise CheckFailed(messages.MANGLED, reply)
    return Passed(reply)


@check("F029", "practice", "RFC 1288 3.3")
def no_escape_sequences(run: ConformanceRun) -> Passed:
    return _require_not_echoed(run, "F029", judge.find_escape, messages.ESCAPE)


@check("F030", "practice", "RFC 1288 3.3")
def no_c1_controls(run: ConformanceRun) -> Passed:
    return _require_not_echoed(run, "F030", judge.find_c1_control, messages.EIGHT_BIT)


@check("F031", "practice", "RFC 1288 3.3")
def no_control_characters(run: ConformanceRun) -> Passed:
    return _require_not_echoed(run, "F031", judge.find_control, messages.CONTROL)


@check("F033", "practice", "RFC 1288 3.3")
def no_open_bidi_controls(run: ConformanceRun) -> Passed:
    return _require_not_echoed(run, "F033", judge.find_open_bidi, messages.BIDI)


def _require_not_echoed(run: ConformanceRun, check: str, look: Callable[[bytes], int | None], what: str) -> Passed:
    for line in HOSTILE[check]:
        run.reply_to(line)
    return _require_in_no_reply(run, look, what)


@check("F038", "practice", "")
def refusals_are_text(run: ConformanceRun) -> Passed:
    ask_samples(run)
    for line, reply in run.replies_by_line():
        if judge.is_blank(reply.data) and reply.end != "unreachable" and line[:1] not in (b"\x00", b"\x03", b"\x16"):
            raise CheckFailed(messages.RESET if reply.end == "reset" else messages.NO_REPLY, reply)
        if reply.end == "reset":
            raise CheckFailed(messages.CUT_OFF, reply)
    return Passed(None, messages.none_among(len(run.replies_by_line())))
