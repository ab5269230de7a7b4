"""The plan and the status as plain text of their own."""

import pytest

from tests.unit.web.conftest import Build

HOSTILE = "\x1b[31mRED\x1b[0m \x1b]0;title\x07\x9b2Jend\u202e"


@pytest.mark.parametrize("field", ["plan", "status"])
def test_W117_plain_fields_contain_no_control_characters(build: Build, field: str) -> None:
    """Terminals obey what curl prints: escape sequences, 8-bit controls and bidi overrides are removed."""
    browser = build(people=[{"login": "eve", "plan": HOSTILE, "status": {"text": HOSTILE}}])
    answer = browser.request(f"/users/eve/{field}")
    assert (answer.code, answer["content-type"]) == (200, "text/plain; charset=utf-8")
    assert answer.body == b"RED end\n"
