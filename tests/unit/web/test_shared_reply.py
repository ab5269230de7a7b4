"""Replies that many share: what goes wrong while one is made."""

from typing import Any

import pytest
from twisted.internet.defer import Deferred

from tests.unit.web.conftest import Build
from tests.unit.web.plans import bare
from tests.unit.web.wire import Broken, Browser

GET = "GET {} HTTP/1.1\r\nHost: dir.test\r\n\r\n"
PATHS = ["/feed.atom", "/feed.json", "/sitemap.xml"]


@pytest.fixture
def broken(build: Build) -> Browser:
    """A mistake in a source of the operator's, which shows at once."""
    return build(sources=[Broken()])


@pytest.mark.parametrize("path", PATHS)
def test_W011_a_mistake_at_once_is_told(broken: Browser, failures: list[dict[str, Any]], path: str) -> None:
    """No asker waits for what has failed before they could."""
    answers = [broken.ask(path) for _ in range(2)]
    assert [(answer.code, b"secret" in answer.body) for answer in answers] == [(500, False)] * 2
    assert [event["reference"].encode() in answer.body for event, answer in zip(failures, answers, strict=True)] == [
        True,
        True,
    ]
    failures.clear()


@pytest.mark.parametrize("path", PATHS)
def test_a_mistake_that_nobody_waits_for_is_logged(
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
    assert bare(web.ask(path))[0] == 200
