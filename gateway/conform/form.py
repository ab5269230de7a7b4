"""Checks of the form of replies: those that look at every reply of the run, and run last."""

from collections.abc import Callable
from contextlib import suppress

from . import judge, messages
from .session import OTHER, Fail, Passed, Run, Untested
from .wire import Reply

HOSTILE = {
    "F029": (b"zq\x1b[31mRED\x1b[0m", b"zq\x1b]0;T\x07x", b"/W zq\x1b[2J"),
    "F030": (b"zq\xc2\x9b31mx", b"zq\x9b31mx"),
    "F031": (b"zq\x07x", b"zq\x08x", b"zq\x7fx", b"zq\x0bx"),
    "F033": ("zq\u202ex".encode(), "zq\u2066x".encode(), "\ufeffzqx".encode()),
}  # fmt: skip


def _every(run: Run, look: Callable[[bytes], int | None], what: str) -> Passed:
    """No reply of the run, and of some that stand for all kinds, has what *look* looks for."""
    sample(run)
    for reply in run.replies:
        if (place := look(reply.data)) is not None:
            near = reply.data[max(0, place - 30) :]
            raise Fail(messages.at(what, place), Reply(reply.sent, near, reply.end, reply.seconds))
    return Passed(None, messages.among(len(run.replies)))


def sample(run: Run) -> None:
    """Asks one question of each kind, where it was not asked yet."""
    for line in (b"", b"/W", run.nobody(), b"zq@" + OTHER, b"@" + OTHER, b"a" * 1500, b"GET / HTTP/1.0"):
        run.line(line)
    with suppress(Untested):
        run.line(run.login)
        run.line(b"/W " + run.login)
    for login in run.target.logins[1:]:
        run.line(login.encode())


def f022(run: Run) -> Passed:
    return _every(run, judge.bare, messages.BARE)


def f025(run: Run) -> Passed:
    for line in (b"zq\xff\xfe", b"zq\xe9"):
        run.line(line)
    return _every(run, judge.not_utf8, messages.NOT_UTF8)


def f027(run: Run) -> Passed:
    """The full name that it was told to expect has to be there. Where that is in ASCII, what is between two letters of an
    echoed name tells what becomes of a third. A server that sends ASCII alone may say another letter for it."""
    if not run.target.name.isascii():
        answer = run.plain()
        if run.target.name not in judge.text(answer.data):
            raise Fail(messages.MANGLED, answer)
        return Passed(answer)
    reply = run.ask("zqw\u017eofie".encode())
    said = judge.text(reply.data).lower()
    _, found, rest = said.partition("zqw")
    between = rest.partition("ofie")[0] if "ofie" in rest else ""
    if not found or "ofie" not in rest:
        raise Untested(messages.NOT_ECHOED)
    if between not in ("\u017e", "z"):
        raise Fail(messages.MANGLED, reply)
    return Passed(reply)


def f029(run: Run) -> Passed:
    return _hostile(run, "F029", judge.escape, messages.ESCAPE)


def f030(run: Run) -> Passed:
    return _hostile(run, "F030", judge.eight_bit, messages.EIGHT_BIT)


def f031(run: Run) -> Passed:
    return _hostile(run, "F031", judge.control, messages.CONTROL)


def f033(run: Run) -> Passed:
    return _hostile(run, "F033", judge.bidi, messages.BIDI)


def _hostile(run: Run, check: str, look: Callable[[bytes], int | None], what: str) -> Passed:
    for line in HOSTILE[check]:
        run.line(line)
    return _every(run, look, what)


def f038(run: Run) -> Passed:
    sample(run)
    for line, reply in run.lines():
        if judge.blank(reply.data) and reply.end != "unreachable" and line[:1] not in (b"\x00", b"\x03", b"\x16"):
            raise Fail(messages.RESET if reply.end == "reset" else messages.NO_REPLY, reply)
        if reply.end == "reset":
            raise Fail(messages.CUT_OFF, reply)
    return Passed(None, messages.among(len(run.lines())))
