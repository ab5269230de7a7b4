"""Properties of every route: methods, formats, errors, redirects, and the equal treatment of hidden and unknown people.

What pages contain is tested elsewhere. A new route may need a row in REQUEST_PATHS, a new format one in CONTENT_TYPES."""

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
from tests.unit.web.browser import MEMBER, STRANGER, Browser

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
CONTENT_TYPES = {
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
# What is requested where the path of the route is not enough.
REQUEST_PATHS = {
    "/static/<name>": "/static/style.css",
    "/.well-known/webfinger": "/.well-known/webfinger?resource=acct:<name>@dir.test",
}
PERSON_ROUTES = [route for route in ROUTES if "<name>" in REQUEST_PATHS.get(route.path, route.path)]
ROUTE_FORMATS = [(route, format) for route in ROUTES for format in route.formats]


def request_path(route: Route, name: str = "alice") -> str:
    return REQUEST_PATHS.get(route.path, route.path).replace("<name>", name)


def case_id(value: Any) -> str | None:
    """Return the id of a test case."""
    return value.path if isinstance(value, Route) else value.name if isinstance(value, Format) else None


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """Return a site with all settings that add pages; the plans of bob and carol would have entries in feeds."""
    people: list[dict[str, Any]] = [*PEOPLE, {"login": "emil", "plan": "An hour ago.\n", "status": {"text": "Here"}}]
    built = make_dependencies(tmp_path_factory.mktemp("gateway"), people, queries_per_minute=10_000_000)
    web = Browser(built)
    site_info = replace(built.deps.site, security_contact=("mailto:safe@dir.test",))
    web.service = WebService(WebSettings(), replace(built.deps, site=site_info))
    yield web
    built.stop()


def response_bytes(web: Browser, path: str, peer: str = STRANGER, method: str = "GET", **headers: str) -> bytes:
    """Return every byte of the response but its Date header."""
    lines = [f"{method} {path} HTTP/1.1", "Host: dir.test"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    answer = web.send_raw("\r\n".join([*lines, "", ""]).encode(), peer)
    return re.sub(rb"\r\nDate: [^\r]+", b"", answer, count=1)


def test_app_has_exactly_the_routes_of_the_table() -> None:
    rules = {(rule.rule, frozenset(rule.methods or ())) for rule in WebApp.klein.url_map.iter_rules()}
    assert rules == {(path, frozenset({*route.methods, "HEAD"})) for route in ROUTES for path in route.paths}
    assert all(route.methods and route.summary for route in ROUTES)


@pytest.mark.parametrize(("route", "format"), ROUTE_FORMATS, ids=case_id)
def test_W001_W020_every_format_of_a_route(site: Browser, route: Route, format: Format) -> None:
    """By Accept, and by suffix where there is one; HEAD sends all headers of GET and nothing else."""
    requests = [(request_path(route), format.types[0])]
    if route.suffixes and format.suffix:
        requests.append((request_path(route) + format.suffix, "image/png"))
    for path, accept in requests:
        for peer in (STRANGER, MEMBER):
            got = response_bytes(site, path, peer, Accept=accept, Accept_Encoding="gzip")
            head, _, body = got.partition(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 200 OK\r\n"), head
            assert f"\r\nContent-Type: {CONTENT_TYPES[format]}\r\n".encode() in head + b"\r\n"
            assert f"\r\nContent-Length: {len(body)}\r\n".encode() in head + b"\r\n"
            assert response_bytes(site, path, peer, "HEAD", Accept=accept, Accept_Encoding="gzip") == head + b"\r\n\r\n"


@pytest.mark.parametrize(("route", "format"), ROUTE_FORMATS, ids=case_id)
def test_W005_responses_to_members_are_not_cached(site: Browser, route: Route, format: Format) -> None:
    stranger, member = (
        site.request(request_path(route), peer=peer, Accept=format.types[0]) for peer in (STRANGER, MEMBER)
    )  # fmt: skip
    if route.audience == "everyone":
        assert (member.body, member["cache-control"]) == (stranger.body, stranger["cache-control"])
    else:
        assert member["cache-control"] == "private, no-store"


@pytest.mark.parametrize("route", [route for route in ROUTES if len(route.formats) > 1], ids=case_id)
def test_W020_406_for_unacceptable_formats(site: Browser, route: Route) -> None:
    answer = site.request(request_path(route), Accept="image/png")
    assert (answer.code, answer["content-type"]) == (406, "text/plain; charset=utf-8")
    assert answer["vary"].split(", ")[0] == "Accept"


@pytest.mark.parametrize("route", ROUTES, ids=case_id)
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "TRACE", "CONNECT", "FOO", "get"])
def test_W002_W091_other_methods(site: Browser, route: Route, method: str) -> None:
    allow = ", ".join(sorted({*route.methods, "HEAD", "OPTIONS"}))
    answer = site.request(request_path(route), method)
    assert (answer.code, answer["allow"]) == (405, allow)
    options = site.request(request_path(route), "OPTIONS")
    assert (options.code, options["allow"], options.body) == (204, allow, b"")
    assert "content-length" not in options


@pytest.mark.parametrize("route", PERSON_ROUTES, ids=case_id)
def test_W022_hidden_and_unknown_people_get_identical_bytes(site: Browser, route: Route) -> None:
    """For strangers and members, in each format."""
    accepts = [*(kind for format in Format for kind in format.types), BROWSER, "*/*", "image/png"]
    paths = [
        request_path(route, "{}"),
        *(request_path(route, "{}") + format.suffix for format in route.formats if route.suffixes),
    ]
    for path, accept, method, peer in product(paths, accepts, ("GET", "HEAD"), (STRANGER, MEMBER)):
        hidden, unknown = (
            response_bytes(site, path.format(login), peer, method, Accept=accept, Accept_Encoding="gzip")
            for login in ("carol", "peter")
        )
        assert hidden.replace(b"/users/carol", b"/users/peter") == unknown


@pytest.mark.parametrize("route", [route for route in PERSON_ROUTES if route.formats], ids=case_id)
def test_W003_W145_not_found_in_the_requested_format(site: Browser, route: Route) -> None:
    sentence = "No such person or page."
    page = site.request(request_path(route, "nobody"), Accept=BROWSER)
    if Format.JRD in route.formats:  # only programs read it, and its errors too (W106)
        assert (page.code, page["content-type"]) == (404, "application/problem+json")
        assert page["access-control-allow-origin"] == "*"
    elif Format.ATOM in route.formats:  # browsers accept application/xml
        assert page.code == 404
    else:
        assert (page.code, page["content-type"]) == (404, "text/html; charset=utf-8")
        assert b'<link rel="stylesheet"' in page.body
        assert sentence.encode() in page.body
        line = site.request(request_path(route, "nobody"), Accept="text/plain")
        assert (line.code, line["content-type"]) == (404, "text/plain; charset=utf-8")
        assert line.body == f"{sentence}\n".encode()


@pytest.mark.parametrize("route", ROUTES, ids=case_id)
@pytest.mark.parametrize("name", ["alice", "ALICE", "ally", "Alice%20Adams", "nobody", "evil.test"])
def test_W085_no_location_contains_the_host(site: Browser, route: Route, name: str) -> None:
    """Nor a scheme or a port, whatever surrounds the path and whatever the Host header contains."""
    path = request_path(route, name)
    for each in (path, f"{path}/", f"/{path}", f"{path}//", f"//evil.test{path}", f"{path}/..", f"{path}.json"):
        for target in (each, f"http://evil.test{each}", f"http://dir.test:81{each}"):
            for host in ("evil.test", "dir.test:8888", "dir.test"):
                request = f"GET {target} HTTP/1.1\r\nHost: {host}\r\nX-Forwarded-Host: evil.test\r\n\r\n"
                head = site.send_raw(request.encode()).partition(b"\r\n\r\n")[0].decode()
                found = re.findall(r"\r\nLocation: ([^\r]*)", head)
                assert (head[9:11] == "30") == bool(found)
                for location in found:
                    assert re.fullmatch(r"/[A-Za-z.-][A-Za-z0-9/.%_~-]*", location), location
                    assert "dir.test" not in location
                    assert "evil" not in location or "evil" in name


@pytest.mark.parametrize("route", ROUTES, ids=case_id)
def test_W007_W102_security_headers_and_no_version_in_every_response(site: Browser, route: Route) -> None:
    for method in ("GET", "HEAD", "POST", "OPTIONS", "FOO"):
        answer = site.request(request_path(route), method)
        assert answer["server"] == "finger-gateway"
        policy = answer["content-security-policy"]
        assert "unsafe" not in policy
        assert {"default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'"} <= set(policy.split("; "))
        assert answer["x-content-type-options"] == "nosniff"
        assert answer["referrer-policy"] == "same-origin"
        assert "camera=()" in answer["permissions-policy"]
        assert answer["strict-transport-security"].startswith("max-age=")
