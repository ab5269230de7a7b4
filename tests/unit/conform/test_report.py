"""The reports of the conformance suite: table, JSON, exit status, list of checks."""

import json

import pytest

from gateway.conform import report
from gateway.conform.runner import CHECKS
from gateway.conform.session import Result
from tests.ids import read_behaviours

MUST_PASSED = Result("F039", "pass", "", b"\r\n", b"No one is logged on.\r\n")
MUST_FAILED = Result(
    "F022", "fail", "a line end that is not CRLF at byte 5", b"alice\r\n", b"alice\n" + b'\xff"\x1b' * 40
)
SHOULD_FAILED = Result("F100", "fail", "missing: plan", b"/W alice\r\n", b"alice\r\n")
PRACTICE_FAILED = Result("F063", "fail", "answered as an unknown name", b"~alice\r\n", b"~alice: no such user.\r\n")
UNTESTED = Result("F044", "not tested", "needs --login NAME, the login of somebody who exists")


@pytest.mark.parametrize(
    ("results", "status"),
    [
        ([], 0),
        ([MUST_PASSED, UNTESTED], 0),
        ([MUST_PASSED, MUST_FAILED, SHOULD_FAILED, PRACTICE_FAILED], 1),
        ([MUST_PASSED, SHOULD_FAILED], 3),
        ([PRACTICE_FAILED, UNTESTED], 3),
    ],
)
def test_the_highest_level_that_failed_decides_the_exit_status(results: list[Result], status: int) -> None:
    assert report.exit_status(results) == status


def test_the_table_has_a_line_for_each_check_and_the_bytes_of_failures() -> None:
    lines = report.format_table([MUST_FAILED, MUST_PASSED, UNTESTED], "host.test:79").splitlines()
    assert max(map(len, lines)) <= 80
    assert all(line.isascii() and line.isprintable() for line in lines)
    assert lines[0] == "Finger conformance of host.test:79"
    assert lines[3] == "F022  MUST      2.2      FAIL      Every line of every reply ends with CRLF"
    assert lines[4] == "      expected: No bare LF, no bare CR, and CRLF at the end."
    assert lines[5] == "      failed: a line end that is not CRLF at byte 5"
    assert lines[6] == r"      sent  alice\r\n"
    assert lines[7].startswith(r'      got   alice\n\xff"\x1b\xff"\x1b')
    assert lines[7].endswith("...")
    assert lines[8] == "F039  MUST      2.5.1    pass      Empty query"
    assert lines[10] == "      needs --login NAME, the login of somebody who exists"
    assert lines[-1] == "MUST      1 passed, 1 failed, 1 not tested"


def test_json_has_all_bytes() -> None:
    document = json.loads(report.format_json([MUST_FAILED, MUST_PASSED], "host.test", 79))
    assert (document["host"], document["port"], document["status"]) == ("host.test", 79, 1)
    assert document["counts"] == {"MUST": {"pass": 1, "fail": 1, "not tested": 0}}
    failed, passed = document["checks"]
    assert failed == {
        "id": "F022",
        "level": "MUST",
        "section": "RFC 1288 2.2",
        "title": "Every line of every reply ends with CRLF",
        "expected": "No bare LF, no bare CR, and CRLF at the end.",
        "verdict": "fail",
        "why": "a line end that is not CRLF at byte 5",
        "sent": r"alice\r\n",
        "seen": r"alice\n" + r'\xff"\x1b' * 40,
    }
    assert passed["verdict"] == "pass"


def test_every_finger_id_is_a_check_with_a_function_or_a_reason() -> None:
    assert sorted(CHECKS) == [name for name in read_behaviours() if name.startswith("F")]
    for check in CHECKS.values():
        assert bool(check.untestable) != (check.body is not None), check.id
        assert len(check.title) <= 45, check.id
        assert check.expected.endswith("."), check.id


def test_the_list_of_checks_fits_a_terminal() -> None:
    lines = report.format_list(CHECKS.values()).splitlines()
    assert len(lines) >= 3 * len(CHECKS)
    assert max(map(len, lines)) <= 80
