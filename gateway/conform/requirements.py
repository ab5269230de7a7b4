"""Requirements that several checks share."""

from . import analysis, messages
from .session import CheckFailed, ConformanceRun, Passed
from .wire import ServerReply


def require_same(reply: ServerReply, other: ServerReply, line: bytes) -> Passed:
    """Raise CheckFailed unless *reply* and *other* are alike. *line* is the query that got *other*."""
    if not analysis.are_alike(
        reply.data, other.data, *analysis.echoable_parts(reply.sent), *analysis.echoable_parts(other.sent)
    ):
        raise CheckFailed(messages.differs_from_answer_to(messages.shorten(line) or messages.EMPTY_QUERY), reply)
    return Passed(reply)


def require_plain_answer(run: ConformanceRun, *lines: bytes) -> Passed:
    """Raise CheckFailed unless each of *lines* gets the same answer as the login."""
    plain = run.plain_answer()
    passed = [require_same(run.answer_to(line), plain, run.login) for line in lines]
    return passed[-1]


def require_unknown(run: ConformanceRun, *lines: bytes) -> Passed:
    """Raise CheckFailed unless each of *lines* is answered like an unknown name."""
    reply: ServerReply | None = None
    for line in lines:
        reply = run.answer_to(line)
        if not run.is_unknown(reply, line) and not analysis.says_refused(reply.data):
            raise CheckFailed(messages.NOT_LIKE_UNKNOWN, reply)
    return Passed(reply)
