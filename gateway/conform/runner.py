"""All checks, and how they are run against a server."""

from collections.abc import Callable, Iterable

from . import answer_checks, floods, flow, grammar, hostile, hosts, messages, names, reply_format, untestable  # noqa: F401  # they register checks
from .registry import LEVELS, Check, RequirementLevel, all_checks
from .session import CannotTest, CheckFailed, ConformanceRun, Result, ServerUnreachable, Target
from .wire import ServerReply

__all__ = ["CHECKS", "LEVELS", "Check", "RequirementLevel", "Result", "ServerUnreachable", "Target", "run_checks"]

CHECKS = all_checks()


def run_checks(
    target: Target, chosen: Iterable[Check], progress: Callable[[Check], object] = lambda _: None
) -> list[Result]:
    """Run the *chosen* checks; return the results by id. Calls *progress* before each. Raises ServerUnreachable."""
    run = ConformanceRun(target)
    ordered = sorted(chosen, key=lambda each: (each.phase, each.id))
    results = []
    for each in ordered:
        progress(each)
        results.append(_run_check(each, run))
    return sorted(results, key=lambda result: result.id)


def _run_check(check: Check, run: ConformanceRun) -> Result:
    if why := _why_skipped(check, run.target):
        return Result(check.id, "not tested", why)
    assert check.body is not None, check.id
    try:
        passed = check.body(run)
    except CannotTest as error:
        return Result(check.id, "not tested", error.why)
    except CheckFailed as failure:
        return Result(check.id, "fail", failure.why, *_bytes(failure.reply))
    except OSError as error:  # a connection that could not be made
        return Result(check.id, "fail", messages.no_connection(error.strerror or str(error)))
    return Result(check.id, "pass", passed.why, *_bytes(passed.reply))


def _bytes(reply: ServerReply | None) -> tuple[bytes, bytes]:
    return (reply.sent, reply.data) if reply is not None else (b"", b"")


def _why_skipped(check: Check, target: Target) -> str:
    """Return why *check* is not run, "" if it is."""
    if check.untestable:
        return check.untestable
    if check.aggressive and not target.aggressive:
        return messages.NEEDS_AGGRESSIVE
    if check.slow and not target.wait:
        return messages.NEEDS_WAIT
    return ""
