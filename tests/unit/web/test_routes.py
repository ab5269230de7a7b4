"""Every route of the table, walked: methods, formats, errors, redirects, and what nobody may find out. What a page says
is tested elsewhere. A route that is added has a row in ASKED, and one that answers in a new format a row in KINDS."""

import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import product
from typing import Any

import pytest

from gateway.web.app import WebApp, WebService
from gateway.web.http.negotiation import Format
from gateway.web.routes import ROUTES
from gateway.web.routing import Route
from gateway.web.settings import WebSettings
from tests.unit.fixtures import PEOPLE, make_dependencies
from tests.unit.web.wire import MEMBER, STRANGER, Browser

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
KINDS = {
    Format.TEXT: "text/plain; charset=utf-8",
    Format.HTML: "text/html; charset=utf-8",
    Format.JSON: "application/json",
    Format.VCARD: "text/vcard; charset=utf-8",
    Format.ATOM: "application/atom+xml; charset=utf-8",
    Format.FEED: "application/feed+json",
    Format.JRD: "application/jrd+json",
    Format.XRD: "application/xrd+xml; charset=utf-8",
    Format.SVG: "image/svg+xml",
    Format.XML: "application/xml",
}
# What is asked where the path alone does not do.
ASKED = {
    "/static/<name>": "/static/style.css",
    "/.well-known/webfinger": "/.well-known/webfinger?resource=acct:<name>@dir.test",
}
NAMED = [route for route in ROUTES if "<name>" in ASKED.get(route.path, route.path)]
EACH = [(route, format) for route in ROUTES for format in route.formats]


def address(route: Route, name: str = "alice") -> str:
    return ASKED.get(route.path, route.path).replace("<name>", name)


def named(value: Any) -> str | None:
    """What pytest calls a case."""
    return value.path if isinstance(value, Route) else value.name if isinstance(value, Format) else None


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """All is configured that makes a page; carol's plan and bob's would have entries in feeds."""
    people: list[dict[str, Any]] = [*PEOPLE, {"login": "emil", "plan": "An hour ago.\n", "status": {"text": "Here"}}]
    built = make_dependencies(tmp_path_factory.mktemp("house"), people, queries_per_minute=10_000_000)
    web = Browser(built)
    told = replace(built.deps.site, security_contact=("mailto:safe@dir.test",))
    web.service = WebService(WebSettings(), replace(built.deps, site=told))
    yield web
    built.stop()


def whole(web: Browser, path: str, peer: str = STRANGER, method: str = "GET", **headers: str) -> bytes:
    """Every byte of the answer but the time of day."""
    lines = [f"{method} {path} HTTP/1.1", "Host: dir.test"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    answer = web.raw("\r\n".join([*lines, "", ""]).encode(), peer)
    return re.sub(rb"\r\nDate: [^\r]+", b"", answer, count=1)


def test_the_table_and_the_app_are_the_same() -> None:
    rules = {(rule.rule, frozenset(rule.methods or ())) for rule in WebApp.klein.url_map.iter_rules()}
    assert rules == {(path, frozenset({*route.methods, "HEAD"})) for route in ROUTES for path in route.paths}
    assert all(route.methods and route.summary for route in ROUTES)


@pytest.mark.parametrize(("route", "format"), EACH, ids=named)
def test_W001_W020_each_format_that_a_route_names(site: Browser, route: Route, format: Format) -> None:
    """By Accept, and by the ending where it has one; HEAD has all headers of GET and no byte more."""
    asked = [(address(route), format.types[0])]
    if route.suffixes and format.suffix:
        asked.append((address(route) + format.suffix, "image/png"))
    for path, accept in asked:
        for peer in (STRANGER, MEMBER):
            got = whole(site, path, peer, Accept=accept, Accept_Encoding="gzip")
            head, _, body = got.partition(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 200 OK\r\n"), head
            assert f"\r\nContent-Type: {KINDS[format]}\r\n".encode() in head + b"\r\n"
            assert f"\r\nContent-Length: {len(body)}\r\n".encode() in head + b"\r\n"
            assert whole(site, path, peer, "HEAD", Accept=accept, Accept_Encoding="gzip") == head + b"\r\n\r\n"


@pytest.mark.parametrize(("route", "format"), EACH, ids=named)
def test_W005_members_answers_are_kept_by_nobody(site: Browser, route: Route, format: Format) -> None:
    stranger, member = (
        site.ask(address(route), peer=peer, Accept=format.types[0]) for peer in (STRANGER, MEMBER)
    )  # fmt: skip
    if route.audience == "everyone":
        assert (member.body, member["cache-control"]) == (stranger.body, stranger["cache-control"])
    else:
        assert member["cache-control"] == "private, no-store"


@pytest.mark.parametrize("route", [route for route in ROUTES if len(route.formats) > 1], ids=named)
def test_W020_406_where_nothing_suits(site: Browser, route: Route) -> None:
    answer = site.ask(address(route), Accept="image/png")
    assert (answer.code, answer["content-type"]) == (406, "text/plain; charset=utf-8")
    assert answer["vary"].split(", ")[0] == "Accept"


@pytest.mark.parametrize("route", ROUTES, ids=named)
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "TRACE", "CONNECT", "FOO", "get"])
def test_W002_W091_other_methods(site: Browser, route: Route, method: str) -> None:
    allow = ", ".join(sorted({*route.methods, "HEAD", "OPTIONS"}))
    answer = site.ask(address(route), method)
    assert (answer.code, answer["allow"]) == (405, allow)
    options = site.ask(address(route), "OPTIONS")
    assert (options.code, options["allow"], options.body) == (204, allow, b"")
    assert "content-length" not in options


@pytest.mark.parametrize("route", NAMED, ids=named)
def test_W022_hidden_is_unknown_to_the_byte(site: Browser, route: Route) -> None:
    """For everybody, in each format."""
    accepts = [*(kind for format in Format for kind in format.types), BROWSER, "*/*", "image/png"]
    paths = [
        address(route, "{}"),
        *(address(route, "{}") + format.suffix for format in route.formats if route.suffixes),
    ]
    for path, accept, method, peer in product(paths, accepts, ("GET", "HEAD"), (STRANGER, MEMBER)):
        hidden, unknown = (
            whole(site, path.format(login), peer, method, Accept=accept, Accept_Encoding="gzip")
            for login in ("carol", "peter")
        )
        assert hidden.replace(b"/users/carol", b"/users/peter") == unknown


@pytest.mark.parametrize("route", [route for route in NAMED if route.formats], ids=named)
def test_W003_W145_who_is_not_there_in_the_format_asked_for(site: Browser, route: Route) -> None:
    sentence = "No such person or page."
    page = site.ask(address(route, "nobody"), Accept=BROWSER)
    if Format.JRD in route.formats:  # it is read by programs alone, which read its errors too (W106)
        assert (page.code, page["content-type"]) == (404, "application/problem+json")
        assert page["access-control-allow-origin"] == "*"
    elif Format.ATOM in route.formats:  # which browsers accept
        assert page.code == 404
    else:
        assert (page.code, page["content-type"]) == (404, "text/html; charset=utf-8")
        assert b'<link rel="stylesheet"' in page.body
        assert sentence.encode() in page.body
        line = site.ask(address(route, "nobody"), Accept="text/plain")
        assert (line.code, line["content-type"]) == (404, "text/plain; charset=utf-8")
        assert line.body == f"{sentence}\n".encode()


@pytest.mark.parametrize("route", ROUTES, ids=named)
@pytest.mark.parametrize("name", ["alice", "ALICE", "ally", "Alice%20Adams", "nobody", "evil.test"])
def test_W085_no_location_holds_the_host(site: Browser, route: Route, name: str) -> None:
    """Nor a scheme, nor a port: whatever is put before or behind the path, by whatever Host that is taken or not."""
    path = address(route, name)
    for each in (path, f"{path}/", f"/{path}", f"{path}//", f"//evil.test{path}", f"{path}/..", f"{path}.json"):
        for target in (each, f"http://evil.test{each}", f"http://dir.test:81{each}"):
            for host in ("evil.test", "dir.test:8888", "dir.test"):
                request = f"GET {target} HTTP/1.1\r\nHost: {host}\r\nX-Forwarded-Host: evil.test\r\n\r\n"
                head = site.raw(request.encode()).partition(b"\r\n\r\n")[0].decode()
                found = re.findall(r"\r\nLocation: ([^\r]*)", head)
                assert (head[9:11] == "30") == bool(found)
                for location in found:
                    assert re.fullmatch(r"/[A-Za-z.-][A-Za-z0-9/.%_~-]*", location), location
                    assert "dir.test" not in location
                    assert "evil" not in location or "evil" in name


@pytest.mark.parametrize("route", ROUTES, ids=named)
def test_W007_W102_every_answer_is_guarded_and_tells_no_version(site: Browser, route: Route) -> None:
    for method in ("GET", "HEAD", "POST", "OPTIONS", "FOO"):
        answer = site.ask(address(route), method)
        assert answer["server"] == "finger-gateway"
        policy = answer["content-security-policy"]
        assert "unsafe" not in policy
        assert {"default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'"} <= set(policy.split("; "))
        assert answer["x-content-type-options"] == "nosniff"
        assert answer["referrer-policy"] == "same-origin"
        assert "camera=()" in answer["permissions-policy"]
        assert answer["strict-transport-security"].startswith("max-age=")
