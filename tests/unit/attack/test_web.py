"""HTTP requests with bytes that no browser sends."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from twisted.logger import capturedLogs

from tests.unit.fixtures import make_dependencies
from tests.unit.web.browser import Browser, parse_responses


@pytest.fixture
def web(tmp_path: Path) -> Iterator[Browser]:
    built = make_dependencies(tmp_path)
    yield Browser(built)
    built.stop()


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (b"Accept: \xff\xfe", 200),
        (b"If-None-Match: \"\xff\"", 200),
        (b"If-Modified-Since: \xc3", 200),
        (b"Host: \xff", 400),
        (b"Transfer-Encoding: \xff", 400),
        (b"Content-Length: \xff", 400),
        (b"Accept: \xff\r\nContent-Length: 99999999", 413),
        (b"Expect: \xff\r\nConnection: \xff\r\nCookie: \xff\r\nAuthorization: \xff", 200),
    ],
)  # fmt: skip
@pytest.mark.parametrize("path", [b"/", b"/users/alice", b"/users/nobody", b"/nothing"])
def test_headers_that_are_not_utf_8_are_answered(web: Browser, line: bytes, code: int, path: bytes) -> None:
    """W007: the connection is not closed silently, and no request stays open that a shutdown would wait for."""
    host = b"" if line.startswith(b"Host") else b"Host: dir.test\r\n"
    with capturedLogs() as logged:
        (answer,) = parse_responses(web.send_raw(b"GET " + path + b" HTTP/1.1\r\n" + host + line + b"\r\n\r\n"))
    absent = path not in (b"/", b"/users/alice")
    assert answer.code == (404 if code == 200 and absent else code)
    assert not [event for event in logged if "log_failure" in event]
    assert web.built.deps.tracker.in_flight == 0


@pytest.mark.parametrize(
    "head", [b"\xff / HTTP/1.1", b"GET /\xff HTTP/1.1", b"GET / HTTP/1.\xff", b"\xff", b"GET / \xff/1.1"]
)
def test_request_lines_that_are_not_ascii_are_answered(web: Browser, head: bytes) -> None:
    with capturedLogs() as logged:
        (answer,) = parse_responses(web.send_raw(head + b"\r\nHost: dir.test\r\n\r\n"))
    assert answer.code in (400, 405)
    assert not [event for event in logged if "log_failure" in event]
