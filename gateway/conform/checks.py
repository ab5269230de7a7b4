"""The checks, and how they are run against a server."""

import re
from collections.abc import Callable, Iterable
from types import ModuleType

from . import floods, flow, form, grammar, hosts, messages, people
from .catalogue import CHECKS, LEVELS, Check, Level
from .session import Fail, Passed, Result, Run, Target, Unreachable, Untested
from .wire import Reply

__all__ = ["CHECKS", "LEVELS", "Check", "Level", "Result", "Target", "Unreachable", "run"]

Body = Callable[[Run], Passed]
# These look at the replies to the others; the flood comes last, since it leaves us unwelcome.
LAST = ("F022", "F025", "F029", "F030", "F031", "F033", "F038", "F016")


def _bodies(*modules: ModuleType) -> dict[str, Body]:
    return {
        name.upper(): body
        for module in modules
        for name, body in vars(module).items()
        if re.fullmatch("f[0-9]{3}", name)
    }


BODIES = _bodies(flow, floods, form, grammar, hosts, people)


def run(target: Target, chosen: Iterable[Check], progress: Callable[[Check], object] = lambda _: None) -> list[Result]:
    """What came of each of *chosen*, by id. Raises Unreachable where nobody listens. *progress* is told of each check as
    it begins."""
    state = Run(target)
    wanted = sorted(
        chosen, key=lambda check: (check.id in LAST, LAST.index(check.id) if check.id in LAST else check.id)
    )
    results = []
    for check in wanted:
        progress(check)
        results.append(_result(check, state))
    return sorted(results, key=lambda result: result.id)


def _result(check: Check, state: Run) -> Result:
    if why := _left_out(check, state.target):
        return Result(check.id, "not tested", why)
    try:
        passed = BODIES[check.id](state)
    except Untested as untested:
        return Result(check.id, "not tested", untested.why)
    except Fail as fail:
        return Result(check.id, "fail", fail.why, *_bytes(fail.reply))
    except OSError as error:  # a connection that could not be made
        return Result(check.id, "fail", messages.no_connection(error.strerror or str(error)))
    return Result(check.id, "pass", passed.why, *_bytes(passed.reply))


def _bytes(reply: Reply | None) -> tuple[bytes, bytes]:
    return (reply.sent, reply.data) if reply is not None else (b"", b"")


def _left_out(check: Check, target: Target) -> str:
    """Why *check* is not made, or nothing."""
    if check.unseen:
        return check.unseen
    if check.aggressive and not target.aggressive:
        return messages.NO_AGGRESSIVE
    if check.waiting and not target.wait:
        return messages.NO_WAIT
    return ""
