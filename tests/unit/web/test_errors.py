"""Every error status as an HTML page, as a problem document (RFC 9457) and as a line of text."""

from typing import Any

import msgspec
import pytest

from gateway.web.http.negotiation import Format
from gateway.web.http.reply import Conditions, make_response
from gateway.web.messages import sentence, title
from tests.unit.web.browser import Browser, Response, parse_responses
from tests.unit.web.conftest import Build

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
CODES = [400, 403, 404, 405, 406, 408, 412, 413, 414, 415, 421, 422, 428, 429, 431, 500, 503]
CONTENT_TYPES = {
    BROWSER: "text/html; charset=utf-8",
    "application/json": "application/problem+json",
    "application/problem+json": "application/problem+json",
    "text/plain": "text/plain; charset=utf-8",
    "*/*": "text/plain; charset=utf-8",
}
HEAD = "Host: dir.test\r\nAccept: {accept}\r\n"


def assert_error(answer: Response, code: int, accept: str) -> None:
    """Assert that *answer* is the error *code* in the format that *accept* asks for."""
    assert (answer.code, answer["content-type"]) == (code, CONTENT_TYPES[accept])
    assert answer["cache-control"] == "private, no-store"
    assert "etag" not in answer
    if "json" in accept:
        problem = msgspec.json.decode(answer.body)
        assert (problem["status"], problem["title"], problem.get("type")) == (code, title(code), None)
        assert problem["detail"].startswith(sentence(code))
        assert answer["access-control-allow-origin"] == "*"
    elif accept == BROWSER:
        page = answer.body.decode()
        assert page.startswith("<!doctype html>")
        assert f"<title>{title(code)} " in page
        assert sentence(code) in page
        assert 'rel="stylesheet"' in page
        assert 'href="/"' in page
    else:
        assert answer.body.decode().startswith(sentence(code))
        assert answer.body.count(b"\n") == 1


@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize("accept", [BROWSER, "application/json", "*/*"])
def test_W003_W145_each_error_in_each_format(web: Browser, code: int, accept: str) -> None:
    format = {BROWSER: Format.HTML, "application/json": Format.JSON, "*/*": Format.TEXT}[accept]
    reply = web.service.app.state.replies.error(code, format)
    sent = make_response(reply, Conditions())
    assert_error(Response(sent.code, {name.lower(): value for name, value in sent.headers}, sent.body), code, accept)


def test_W003_each_error_has_its_own_title_and_sentence() -> None:
    assert len({sentence(code) for code in CODES}) == len({title(code) for code in CODES}) == len(CODES)


# Requests that cause each status. 403, 412, 415, 422 and 428 need requests that write, which do not exist yet.


REQUESTS = [
    (400, "GET /users/%00 HTTP/1.1\r\n" + HEAD + "\r\n"),
    (400, "GET / HTTP/1.1\r\n" + HEAD + "Content-Length: x\r\n\r\n"),
    (404, "GET /nowhere HTTP/1.1\r\n" + HEAD + "\r\n"),
    (404, "GET /users/nobody HTTP/1.1\r\n" + HEAD + "\r\n"),
    (404, "GET /users/nobody/plan HTTP/1.1\r\n" + HEAD + "\r\n"),
    (404, "GET /users/nobody/qr.svg HTTP/1.1\r\n" + HEAD + "\r\n"),
    (404, "GET /static/nothing.css HTTP/1.1\r\n" + HEAD + "\r\n"),
    (405, "POST /users/alice HTTP/1.1\r\n" + HEAD + "\r\n"),
    (405, "FOO / HTTP/1.1\r\n" + HEAD + "\r\n"),
    (413, "POST / HTTP/1.1\r\n" + HEAD + "Content-Length: 1000000000\r\n\r\n"),
    (421, "GET http://evil.test/ HTTP/1.1\r\n" + HEAD + "\r\n"),
    (431, "GET / HTTP/1.1\r\n" + HEAD + "X: " + "x" * 20_000 + "\r\n\r\n"),
]


@pytest.mark.parametrize(("code", "request_"), REQUESTS)
@pytest.mark.parametrize("accept", CONTENT_TYPES)
def test_W003_over_the_wire(web: Browser, code: int, request_: str, accept: str) -> None:
    (answer,) = parse_responses(web.send_raw(request_.format(accept=accept).encode()))
    assert_error(answer, code, accept)


@pytest.mark.parametrize("accept", CONTENT_TYPES)
def test_W003_late_request(build: Build, accept: str) -> None:
    web = build()
    connection = web.connect()
    connection.send(f"GET / HTTP/1.1\r\n{HEAD.format(accept=accept)}".encode())
    web.built.clock.advance(10)
    (answer,) = parse_responses(connection.received)
    assert_error(answer, 408, accept)
    connection.close()


@pytest.mark.parametrize("accept", CONTENT_TYPES)
def test_W003_rate_limited_request(build: Build, accept: str) -> None:
    web = build(queries_per_minute=1)
    assert web.request("/").code == 200
    answer = web.request("/", Accept=accept)
    assert_error(answer, 429, accept)
    assert answer["retry-after"] == "60"


@pytest.mark.parametrize("accept", CONTENT_TYPES)
@pytest.mark.parametrize("path", ["/users/alice", "/users/alice/plan", "/users/alice/qr.svg"])
def test_W011_internal_error(
    build: Build, failures: list[dict[str, Any]], accept: str, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    web = build()

    def fail(*_: object) -> None:
        raise RuntimeError("the secret reason")

    monkeypatch.setattr(web.built.deps.directory, "lookup", fail)
    answer = web.request(path, Accept=accept)
    assert_error(answer, 500, accept)
    (event,) = failures
    assert event["reference"].encode() in answer.body
    assert b"secret" not in answer.body
    assert [entry["reference"] for entry in web.built.access_log_entries] == [event["reference"]]
    failures.clear()
