"""Errors while a reply is made that several clients share."""

from typing import Any

import pytest
from twisted.internet.defer import Deferred

from tests.unit.web.browser import BrokenSource, Browser
from tests.unit.web.conftest import Build
from tests.unit.web.plans import without_date

GET = "GET {} HTTP/1.1\r\nHost: dir.test\r\n\r\n"
PATHS = ["/feed.atom", "/feed.json", "/sitemap.xml"]


@pytest.fixture
def broken(build: Build) -> Browser:
    """Return a site with a source that raises an exception at once."""
    return build(sources=[BrokenSource()])


@pytest.mark.parametrize("path", PATHS)
def test_W011_an_immediate_exception_is_reported_to_each_client(
    broken: Browser, failures: list[dict[str, Any]], path: str
) -> None:
    """No client waits for a reply that has already failed."""
    answers = [broken.request(path) for _ in range(2)]
    assert [(answer.code, b"secret" in answer.body) for answer in answers] == [(500, False)] * 2
    assert [event["reference"].encode() in answer.body for event, answer in zip(failures, answers, strict=True)] == [
        True,
        True,
    ]
    failures.clear()


@pytest.mark.parametrize("path", PATHS)
def test_an_exception_without_waiting_clients_is_logged(
    build: Build, failures: list[dict[str, Any]], path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    web = build()
    gate: Deferred[None] = Deferred()

    async def fails(*_: object) -> None:
        await gate
        raise RuntimeError("the secret reason")

    with monkeypatch.context() as patched:
        for name in ("newest_plans", "list_people"):
            patched.setattr(web.built.deps.directory, name, fails)
        connection = web.connect()
        connection.send(GET.format(path).encode())
        connection.close()
        gate.callback(None)
    (event,) = failures
    assert "no client waits" in event["log_format"]
    failures.clear()
    assert without_date(web.request(path))[0] == 200
