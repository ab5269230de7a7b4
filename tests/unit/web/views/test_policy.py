"""The page "Who sees what": the site's privacy policy in HTML, JSON and text, without any person."""

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from html.parser import HTMLParser
from typing import Any

import msgspec
import pytest

from gateway.dependencies import SiteInfo
from gateway.directory.fields import FIELDS
from gateway.directory.names import HostNames
from gateway.directory.person import Visibility
from gateway.directory.privacy import Policy
from gateway.rendering.render import Renderer
from gateway.rendering.templates import TemplateSet
from gateway.web.views.policy import AccessLogDocument, document
from tests.unit.fixtures import protocols
from tests.unit.web.browser import MEMBER, Browser
from tests.unit.web.conftest import Build

E, M, N = "everyone", "members", "nobody"
HTML = "text/html"
STRICT = Policy.preset("B", {"office": Visibility.NOBODY}, {"home_phone": Visibility.NOBODY})


class Table(HTMLParser):
    """The cells of the page's table by row, each as (tag, scope, text)."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.rows: list[list[tuple[str, str | None, str]]] = []
        self._cell: tuple[str, str | None] | None = None
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "tr":
            self.rows.append([])
        if tag in ("th", "td"):
            self._cell = (tag, dict(attrs).get("scope"))

    def handle_endtag(self, tag: str) -> None:
        if tag in ("th", "td"):
            self._cell = None

    def handle_data(self, data: str) -> None:
        if self._cell is not None:
            self.rows[-1].append((*self._cell, data))


def fields(answer: Any) -> dict[str, tuple[str, str, list[str]]]:
    policy = msgspec.json.decode(answer.body)
    return {row["field"]: (row["default"], row["limit"], row["choices"]) for row in policy["fields"]}


def cells(answer: Any) -> Iterator[tuple[str, str, str]]:
    """Yield label, default and limit of each row; assert that the header cells have a scope."""
    head, *rows = Table(answer.body.decode()).rows
    assert [(tag, scope) for tag, scope, _ in head] == [("th", "col")] * 3
    for row in rows:
        assert [(tag, scope) for tag, scope, _ in row] == [("th", "row"), ("td", None), ("td", None)]
        yield row[0][2], row[1][2], row[2][2]


def test_JSON_has_every_field_with_its_default_and_limit(web: Browser) -> None:
    answer = web.request("/policy", Accept="application/json")
    assert (answer.code, answer["content-type"]) == (200, "application/json")
    policy = msgspec.json.decode(answer.body)
    rows = fields(answer)
    assert list(rows) == list(FIELDS)
    assert rows["plan"] == (E, E, [E, M, N])
    assert rows["email"] == (M, E, [E, M, N])
    assert rows["last_seen"] == (N, E, [E, M, N])
    del policy["fields"]
    assert policy == {
        "preset": "open",
        "members": {"by_address": True},
        "protocols": ["finger", "web", "irc"],
        "access_log": {"addresses": "truncated", "retention_days": None},
    }


def test_the_operators_levels_are_shown(build: Build) -> None:
    browser = build(policy=STRICT)
    rows = fields(browser.request("/policy.json"))
    assert rows["office"] == (N, E, [E, M, N])
    assert rows["office_phone"] == (E, E, [E, M, N])
    assert rows["home_phone"] == (N, N, [N])
    assert rows["plan"] == (M, M, [M, N])
    page = browser.request("/policy", Accept=HTML).body.decode()
    assert "The preset is B of RFC 1288: strangers see the name, the office and its phone." in page
    assert "This site has its own levels for office and home phone." in page


def test_page_has_a_table_of_every_field(web: Browser) -> None:
    answer = web.request("/policy", Accept=HTML)
    assert (answer.code, answer["content-type"]) == (200, "text/html; charset=utf-8")
    rows = list(cells(answer))
    assert len(rows) == len(FIELDS) == len({label for label, _, _ in rows})
    assert ("Plan", "everyone", "everyone") in rows
    assert ("Email", "members", "everyone") in rows
    assert ("Last seen", "nobody else", "everyone") in rows
    order = [default for _, default, _ in rows]
    assert order == sorted(order, key=("everyone", "members", "nobody else").index), "the widest first"
    page = answer.body.decode()
    assert "<title>Who sees what – The Tea Club</title>" in page
    assert "<h1>Who sees what</h1>" in page
    assert "Requests from the networks of this site." in page
    assert "On finger, the web and IRC alike." in page
    assert "IP addresses are shortened" in page
    assert "levels of its own" not in page
    for labelled in re.findall(r'aria-labelledby="([^"]+)"', page):
        assert page.count(f'id="{labelled}"') == 1
    assert "style=" not in page
    assert "<script" not in page


def test_curl_gets_the_table_as_text(web: Browser) -> None:
    answer = web.request("/policy")
    assert answer["content-type"] == "text/plain; charset=utf-8"
    text = answer.body.decode()
    assert text.startswith("Who sees what: The Tea Club\n\nEverybody here chooses")
    assert "Email                   members                   everyone\n" in text
    assert max(map(len, text.splitlines())) <= 80
    for label, default, limit in cells(web.request("/policy.html")):
        assert re.search(rf"^{label} +{default} +{limit}$", text, re.MULTILINE), label
    assert web.request("/policy.txt", Accept=HTML).body == answer.body


def test_every_field_is_in_the_table_by_its_label(web: Browser) -> None:
    text = web.request("/policy.txt").body.decode()
    assert [field.label for field in FIELDS.values() if f"\n{field.label} " not in text] == []


def test_the_policy_is_the_same_for_everyone_and_names_nobody(web: Browser) -> None:
    for accept in (HTML, "application/json", "*/*"):
        stranger, member = web.request("/policy", Accept=accept), web.request("/policy", Accept=accept, peer=MEMBER)
        assert stranger.body == member.body
        assert stranger["cache-control"] == "public, max-age=0, must-revalidate"
        assert stranger["vary"] == "Accept, Accept-Language, Accept-Encoding"
        assert b"alice" not in stranger.body.lower()
        again = web.request("/policy", Accept=accept, If_None_Match=stranger["etag"])
        assert (again.code, again.body) == (304, b"")
    assert web.request("/policy.json")["vary"] == "Accept-Encoding"


@pytest.mark.parametrize("path", ["/policy", "/policy.html", "/policy.json", "/policy.txt"])
def test_HEAD_is_GET_without_the_body(web: Browser, path: str) -> None:
    head, get = web.request(path, "HEAD"), web.request(path)
    assert (head.code, head.body) == (200, b"")
    assert int(head["content-length"]) == len(get.body)
    assert web.request(path, "POST").code == 405


def test_policy_requests_are_limited_and_logged(build: Build) -> None:
    browser = build(queries_per_minute=1)
    assert browser.request("/policy").code == 200
    assert browser.request("/policy").code == 429
    first, second = browser.built.access_log_entries
    assert (first["verb"], first["query"], first["outcome"]) == ("page", "", "served")
    assert second["outcome"] == "limited"


@pytest.mark.parametrize("path", ["/", "/users/alice", "/users/adams", "/nowhere"])
def test_every_page_links_to_the_policy(web: Browser, path: str) -> None:
    page = web.request(path, Accept=HTML).body.decode()
    assert page.count('<a href="/policy">Who sees what</a>') == 1


# settings of the site


def site(**settings: Any) -> SiteInfo:
    return SiteInfo("The Tea Club", HostNames(["dir.test"]), "https://dir.test", **settings)


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"logged_addresses": "full"}, "The full IP address."),
        ({"logged_addresses": "hash"}, "A hash of the IP address"),
        ({"logged_addresses": "none"}, "No IP address."),
        ({}, "How long the log is kept is up to the operator."),
        ({"log_retention": timedelta(days=30)}, "Kept for 30 days after the end of the day."),
        ({"log_retention": timedelta(days=1)}, "Kept for 1 day after the end of the day."),
        ({}, "This site has no member networks."),
        ({"protocols": protocols(finger=False, bot=None)}, "On the web, the only protocol of this site."),
        ({"protocols": protocols(finger=False)}, "On the web and IRC alike."),
    ],
)
def test_the_page_describes_the_settings(build: Build, settings: dict[str, Any], text: str) -> None:
    browser = build()
    here = site(**settings)
    deps = replace(browser.built.deps, site=here, renderer=Renderer(TemplateSet(), here))
    page = Browser(replace(browser.built, deps=deps)).request("/policy").body.decode()
    assert text in re.sub(r"\s+", " ", page)


def test_JSON_has_the_retention_in_days() -> None:
    policy = document(Policy.preset(), site(log_retention=timedelta(hours=36), logged_addresses="none"))
    assert policy.access_log == AccessLogDocument("none", 2)
    assert policy.protocols == ["finger", "web"]
