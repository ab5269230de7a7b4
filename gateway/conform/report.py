"""What came of a run, for people and for machines."""

import json
from collections.abc import Iterable, Sequence

from . import messages
from .catalogue import CHECKS, Check
from .session import Result

WIDTH = 80
ALL_PASSED, MUST_FAILED, LESS_FAILED = 0, 1, 3


def status(results: Iterable[Result]) -> int:
    """The exit status."""
    levels = {CHECKS[result.id].level for result in results if result.verdict == "fail"}
    return MUST_FAILED if "MUST" in levels else LESS_FAILED if levels else ALL_PASSED


def table(results: Sequence[Result], where: str) -> str:
    """A line for each check; below those that failed why, what was sent and what was seen."""
    lines = [messages.asked(where), "", messages.HEADING]
    for result in results:
        lines += _row(CHECKS[result.id], result)
    return "\n".join([*lines, "", *_sums(results), ""])


def machine(results: Sequence[Result], host: str, port: int) -> str:
    """The same as JSON; bytes as text with \\x escapes, whole."""
    checks = [_document(CHECKS[result.id], result) for result in results]
    document = {"host": host, "port": port, "counts": _counts(results), "status": status(results), "checks": checks}
    return json.dumps(document, indent=2) + "\n"


def listing(checks: Iterable[Check]) -> str:
    """Which checks there are, and what each expects."""
    lines = []
    for check in checks:
        lines.append(f"{check.id}  {check.level:8}  {check.title}")
        lines += _folded("      ", check.expected)
        lines += _folded("      ", "; ".join(_needs(check)))
    return "\n".join(lines) + "\n"


def _needs(check: Check) -> list[str]:
    needs = [check.section or messages.NO_RFC]
    if check.login:
        needs.append(messages.NO_LOGIN)
    if check.aggressive:
        needs.append(messages.NO_AGGRESSIVE)
    if check.waiting:
        needs.append(messages.NO_WAIT)
    if check.unseen:
        needs.append(messages.never(check.unseen))
    return needs


def _row(check: Check, result: Result) -> list[str]:
    section = check.section.removeprefix("RFC 1288 ")
    head = f"{check.id}  {check.level:8}  {section:7}  {messages.VERDICTS[result.verdict]:8}  "
    if result.verdict == "pass":
        return [head + check.title]
    if result.verdict == "not tested":
        return [head + check.title, *_folded("      ", result.why)]
    lines = [head + check.title, *_folded("      ", messages.expected(check.expected))]
    lines += _folded("      ", messages.because(result.why))
    for label, data in ((messages.SENT, result.sent), (messages.SEEN, result.seen)):
        start = f"      {label:6}"
        lines.append(start + messages.shown(data, WIDTH - len(start)))
    return lines


def _folded(indent: str, text: str) -> list[str]:
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


def _sums(results: Sequence[Result]) -> list[str]:
    return [
        messages.sums(level, found["pass"], found["fail"], found["not tested"])
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
        "sent": messages.escaped(result.sent),
        "seen": messages.escaped(result.seen),
    }
