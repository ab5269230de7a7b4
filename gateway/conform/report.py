"""The results of a run, for people and for programs."""

import json
from collections.abc import Iterable, Sequence

from . import messages
from .registry import Check
from .runner import CHECKS
from .session import Result

WIDTH = 80
ALL_PASSED, MUST_FAILED, OTHERS_FAILED = 0, 1, 3


def exit_status(results: Iterable[Result]) -> int:
    """Return the exit status of the command."""
    levels = {CHECKS[result.id].level for result in results if result.verdict == "fail"}
    return MUST_FAILED if "MUST" in levels else OTHERS_FAILED if levels else ALL_PASSED


def format_table(results: Sequence[Result], where: str) -> str:
    """Return a line for each check, and for each failure why, what was sent and what came."""
    lines = [messages.title(where), "", messages.HEADING]
    for result in results:
        lines += _format_result(CHECKS[result.id], result)
    return "\n".join([*lines, "", *_totals(results), ""])


def format_json(results: Sequence[Result], host: str, port: int) -> str:
    """Return the results as JSON. Bytes are text with \\x escapes, uncut."""
    checks = [_document(CHECKS[result.id], result) for result in results]
    document = {
        "host": host,
        "port": port,
        "counts": _counts(results),
        "status": exit_status(results),
        "checks": checks,
    }
    return json.dumps(document, indent=2) + "\n"


def format_list(checks: Iterable[Check]) -> str:
    """Return all checks and what each expects."""
    lines = []
    for check in checks:
        lines.append(f"{check.id}  {check.level:8}  {check.title}")
        lines += _wrap("      ", check.expected)
        lines += _wrap("      ", "; ".join(_requirements(check)))
    return "\n".join(lines) + "\n"


def _requirements(check: Check) -> list[str]:
    needs = [check.section or messages.NO_RFC]
    if check.needs_login:
        needs.append(messages.NEEDS_LOGIN)
    if check.aggressive:
        needs.append(messages.NEEDS_AGGRESSIVE)
    if check.slow:
        needs.append(messages.NEEDS_WAIT)
    if check.untestable:
        needs.append(messages.never_testable(check.untestable))
    return needs


def _format_result(check: Check, result: Result) -> list[str]:
    section = check.section.removeprefix("RFC 1288 ")
    head = f"{check.id}  {check.level:8}  {section:7}  {messages.VERDICTS[result.verdict]:8}  "
    if result.verdict == "pass":
        return [head + check.title]
    if result.verdict == "not tested":
        return [head + check.title, *_wrap("      ", result.why)]
    lines = [head + check.title, *_wrap("      ", messages.expected(check.expected))]
    lines += _wrap("      ", messages.failed_because(result.why))
    for label, data in ((messages.SENT, result.sent), (messages.GOT, result.seen)):
        start = f"      {label:6}"
        lines.append(start + messages.shorten(data, WIDTH - len(start)))
    return lines


def _wrap(indent: str, text: str) -> list[str]:
    lines, line = [], indent
    for word in text.split():
        if len(line) + len(word) + 1 > WIDTH and line.strip():
            lines.append(line)
            line = indent
        line += word if line == indent else f" {word}"
    return [*lines, line]


def _counts(results: Sequence[Result]) -> dict[str, dict[str, int]]:
    counts: dict[str, dict[str, int]] = {}
    for result in results:
        of_level = counts.setdefault(CHECKS[result.id].level, {"pass": 0, "fail": 0, "not tested": 0})
        of_level[result.verdict] += 1
    return counts


def _totals(results: Sequence[Result]) -> list[str]:
    return [
        messages.totals(level, found["pass"], found["fail"], found["not tested"])
        for level, found in sorted(_counts(results).items())
    ]


def _document(check: Check, result: Result) -> dict[str, str]:
    return {
        "id": check.id,
        "level": check.level,
        "section": check.section,
        "title": check.title,
        "expected": check.expected,
        "verdict": result.verdict,
        "why": result.why,
        "sent": messages.escape_bytes(result.sent),
        "seen": messages.escape_bytes(result.seen),
    }
