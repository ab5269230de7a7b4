"""Which page each path serves, and to whom."""

from typing import Any

import msgspec
import pytest
from twisted.internet.defer import Deferred

from gateway.directory.interfaces import Modify
from tests.unit.fixtures import ALICE, CAROL
from tests.unit.web.browser import MEMBER, BrokenSource, Browser, SlowSource, parse_responses
from tests.unit.web.conftest import Build
from tests.unit.web.plans import N, set_visibility, write_plan

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
PAGES = [
    "/",
    "/users/alice",
    "/users/alice.html",
    "/users/alice.json",
    "/users/alice.txt",
    "/users/adams",
    "/users/nobody",
]


def json(answer: Any) -> Any:
    return msgspec.json.decode(answer.body)


# representations


def test_curl_gets_the_finger_text(web: Browser) -> None:
    """W020: the same text that finger sends, with LF."""
    answer = web.request("/users/alice", Accept="*/*", User_Agent="curl/8")
    assert answer.code == 200
    assert answer["content-type"] == "text/plain; charset=utf-8"
    text = answer.body.decode()
    assert "\r" not in text
    assert text.startswith("Login:")
    assert "Alice Adams" in text
    assert text.endswith("Plan:\nFirst line\nSecond line\n")
    assert web.request("/users/alice").body == answer.body


def test_a_browser_gets_a_page(web: Browser) -> None:
    """W020, W026, W082"""
    answer = web.request("/users/alice", Accept=BROWSER)
    assert answer["content-type"] == "text/html; charset=utf-8"
    page = answer.body.decode()
    assert page.startswith('<!doctype html>\n<html lang="en">')
    assert "<title>Alice Adams (alice) – The Tea Club</title>" in page
    assert '<h1 class="p-name" dir="auto">Alice Adams</h1>' in page
    assert '<pre class="p-note">First line\nSecond line\n</pre>' in page
    assert '<a class="u-url" href="https://alice.example/" rel="me nofollow ugc">alice.example</a>' in page
    assert "style=" not in page
    assert "<script" not in page


def test_accept_json_gets_json(web: Browser) -> None:
    """W020"""
    answer = web.request("/users/alice", Accept="application/json")
    assert answer["content-type"] == "application/json"
    document = json(answer)
    updated = document.pop("updated")
    assert updated.endswith("Z")
    assert document == {
        "login": "alice",
        "name": "Alice Adams",
        "aliases": ["ally"],
        "title": "Keeper of the kettle",
        "links": [{"label": "Blog", "url": "https://alice.example/", "me": True}],
        "project": "A better teapot",
        "plan": "First line\nSecond line\n",
        "url": "https://dir.test/users/alice",
        "acct": "acct:alice@dir.test",
        "finger": "finger://dir.test/alice",
    }


@pytest.mark.parametrize(
    ("ending", "kind"),
    [(".html", "text/html; charset=utf-8"), (".json", "application/json"), (".txt", "text/plain; charset=utf-8")],
)
def test_a_suffix_forces_the_format(web: Browser, ending: str, kind: str) -> None:
    """W020"""
    answer = web.request(f"/users/alice{ending}", Accept="image/png")
    assert answer["content-type"] == kind
    assert answer["vary"].removesuffix(", Accept-Encoding") == "Cookie, Authorization"
    assert (
        web.request("/users/alice")["vary"].removesuffix(", Accept-Encoding")
        == "Accept, Accept-Language, Cookie, Authorization"
    )


def test_W020_unacceptable_formats_get_406(web: Browser) -> None:
    answer = web.request("/users/alice", Accept="image/png")
    assert (answer.code, answer["content-type"]) == (406, "text/plain; charset=utf-8")
    assert '</users/alice.json>; rel="alternate"; type="application/json"' in answer["link"]
    assert web.request("/users", Accept="application/activity+json")["content-type"] == "application/problem+json"


def test_each_representation_and_audience_has_its_own_etag(web: Browser) -> None:
    """W004, W005"""
    tags = set()
    for ending in (".html", ".json", ".txt"):
        stranger, member = web.request(f"/users/alice{ending}"), web.request(f"/users/alice{ending}", peer=MEMBER)
        assert stranger["cache-control"] == "public, max-age=0, must-revalidate"
        assert member["cache-control"] == "private, no-store"
        tags |= {stranger["etag"], member["etag"]}
    assert len(tags) == 6
    bob = {web.request("/users/bob.json", peer=peer)["etag"] for peer in (MEMBER, "198.51.100.7")}
    assert len(bob) == 2


def test_members_see_more(web: Browser) -> None:
    for ending in (".html", ".json", ".txt"):
        assert b"555 0100" in web.request(f"/users/alice{ending}", peer=MEMBER).body
        assert b"555 0100" not in web.request(f"/users/alice{ending}").body


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize("accept", ["*/*", BROWSER, "application/json"])
def test_head_is_get_without_a_body(web: Browser, path: str, accept: str) -> None:
    """W001, W083: no byte of a body, whatever coding is accepted, and the next request answers."""
    get = web.request(path, Accept=accept, Accept_Encoding="gzip")
    head = f"HEAD {path} HTTP/1.1\r\nHost: dir.test\r\nAccept: {accept}\r\nAccept-Encoding: gzip\r\n\r\n"
    after = "GET /static/icon.svg HTTP/1.1\r\nHost: dir.test\r\n\r\n"
    answer, next_one = parse_responses(web.send_raw((head + after).encode()), "HEAD")
    assert (answer.code, answer.body) == (get.code, b"")
    assert {**answer.headers, "date": ""} == {**get.headers, "date": ""}
    assert answer["content-length"] == str(len(get.body))
    assert next_one.body.startswith(b"<svg")


@pytest.mark.parametrize("path", [*PAGES, "/static/style.css", "/users/ALICE", "/%ff", "/nowhere"])
def test_every_response_has_security_headers(web: Browser, path: str) -> None:
    """W007, W102"""
    for method in ("GET", "POST", "OPTIONS"):
        answer = web.request(path, method, Accept=BROWSER)
        assert answer["server"] == "finger-gateway"
        assert answer["x-content-type-options"] == "nosniff"
        assert answer["referrer-policy"] == "same-origin"
        policy = answer["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert "geolocation=()" in answer["permissions-policy"]
        assert answer["strict-transport-security"] == "max-age=31536000"
        if answer.body:
            assert "content-type" in answer
            assert answer["content-length"] == str(len(answer.body))


def test_markup_in_every_field_is_inert(build: Build) -> None:
    """W009: in HTML, JSON and text."""
    bad = "<script>alert(1)</script>\" onload='x' \u202e\x1b[31m"
    lines = ["name", "pronouns", "pronunciation", "title", "organisation", "office", "office_phone", "home_phone"]
    lines += ["email", "location", "project", "fediverse"]
    web = build(
        people=[
            {"login": "eve", **dict.fromkeys(lines, bad), "plan": bad, "status": {"text": bad},
             "links": [{"label": bad, "url": "https://a.test/\"onload='x'"}],
             "keys": [{"kind": bad, "label": bad, "text": bad}], "irc": [{"network": bad, "account": bad}]}
        ]
    )  # fmt: skip
    page = web.request("/users/eve.html", peer=MEMBER).body.decode()
    assert "&lt;script&gt;" in page
    assert "<script" not in page
    assert '" onload' not in page
    assert "onload='" not in page
    for ending in (".html", ".txt"):
        text = web.request(f"/users/eve{ending}", peer=MEMBER).body.decode()
        assert "\u202e" not in text
        assert "\x1b" not in text
    front = web.request("/", Accept=BROWSER).body.decode()
    assert "<script" not in front


def test_an_unsafe_link_is_shown_as_text(build: Build) -> None:
    """W009"""
    web = build(people=[{**ALICE, "links": [{"label": "M", "url": "matrix://u/alice"}]}])
    page = web.request("/users/alice.html").body.decode()
    assert "matrix://u/alice" in page
    assert 'href="matrix' not in page


@pytest.mark.parametrize("name", ["\u200b", "\x07", " ", "\u202e\ufeff"])
def test_an_invisible_name_counts_as_none(build: Build, name: str) -> None:
    """W080, W150: every format shows the login instead."""
    web = build(people=[{"login": "zw", "name": name, "links": [{"label": name, "url": "https://zw.example/"}]}])
    assert "name" not in json(web.request("/users/zw.json"))
    page = web.request("/users/zw.html").body.decode()
    assert '<h1 class="p-name" dir="auto">zw</h1>' in page
    assert '<dt dir="auto">Link</dt>' in page
    assert 'dir="auto">zw</a>' in web.request("/users", Accept=BROWSER).body.decode()
    assert b"\r\nFN:zw\r\n" in web.request("/users/zw.vcf").body


def test_W026_a_plan_may_begin_with_a_blank_line(build: Build) -> None:
    """HTML parsers drop a newline directly after <pre>, so one more is written."""
    web = build(people=[{"login": "al", "plan": "\n\n  here\n", "keys": [{"kind": "x", "text": "\nkey"}],
                         "visibility": {"keys": "everyone"}}])  # fmt: skip
    page = web.request("/users/al.html").body
    assert b'<pre class="p-note">\n\n\n  here\n</pre>' in page
    assert b'<pre class="p-key" tabindex="0">\n\nkey</pre>' in page


def test_repeated_headers_are_combined(web: Browser) -> None:
    """RFC 9110 section 5.3"""
    head = "GET /users/alice HTTP/1.1\r\nHost: dir.test\r\n"
    (answer,) = parse_responses(
        web.send_raw(f"{head}Accept: application/json\r\nAccept: text/plain;q=0.1\r\n\r\n".encode())
    )
    assert answer["content-type"] == "application/json"
    tag = web.request("/users/alice")["etag"]
    (answer,) = parse_responses(web.send_raw(f'{head}If-None-Match: {tag}\r\nIf-None-Match: "other"\r\n\r\n'.encode()))
    assert answer.code == 304


def test_person_without_fields(build: Build) -> None:
    web = build(people=[{"login": "empty"}])
    assert json(web.request("/users/empty.json")) == {
        "login": "empty",
        "url": "https://dir.test/users/empty",
        "acct": "acct:empty@dir.test",
        "finger": "finger://dir.test/empty",
    }
    page = web.request("/users/empty.html")
    assert b"No plan." in page.body
    assert b"Reach" not in page.body
    assert "last-modified" not in page


def test_hidden_plan(build: Build) -> None:
    web = build(people=[{**ALICE, "visibility": {"plan": "nobody"}}])
    page = web.request("/users/alice.html").body
    assert b"First line" not in page
    assert b"The plan is not shown here." in page


def test_page_shows_every_visible_field(build: Build) -> None:
    """W026"""
    fields = {
        "pronouns": "she/her", "pronunciation": "AL-iss", "organisation": "Club", "home_phone": "+420 555 0199",
        "location": "Prague",
        "timezone": "Europe/Prague", "fediverse": "@alice@social.example", "irc": [{"network": "libera", "account": "al"}],
        "keys": [{"kind": "ssh", "label": "laptop", "text": "ssh-ed25519 AAAA"}],
        "status": {"text": "at the kettle", "until": "2046-12-01T10:00:00Z"},
        "visibility": dict.fromkeys(
            ["organisation", "home_phone", "location", "timezone", "irc", "keys", "office", "office_phone", "email"],
            "everyone",
        ),
    }  # fmt: skip
    page = build(people=[ALICE | fields]).request("/users/alice.html").body.decode()
    for shown in ("she/her", "AL-iss", "Club", "Prague", "Europe/Prague", "@alice@social.example", "ssh-ed25519 AAAA",
                  "B12", "ally", "at the kettle", '<time datetime="2046-12-01T10:00:00Z">1 December 2046, 10:00 UTC</time>',
                  'href="tel:+4205550199"', 'href="tel:+4205550100"', 'href="mailto:alice@dir.test"',
                  "<bdi>al</bdi> on <bdi>libera</bdi>"):  # fmt: skip
        assert shown in page


def test_a_long_plan_is_cut_only_on_the_page(build: Build) -> None:
    """W140: a page under 30 KiB."""
    plan = "".join(f"line {n}, of a plan that goes on\n" for n in range(2000))
    web = build(people=[{"login": "long", "plan": plan}])
    page = web.request("/users/long.html").body
    assert len(page) < 30 * 1024
    assert b'<a href="/users/long/plan">The whole plan, as text</a>' in page
    assert web.request("/users/long.txt").body.decode().endswith(plan)


def test_number_of_cached_replies_is_limited(build: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.web.replies.MAX_KEPT_REPLIES", 2)
    web = build()
    web.request("/users/alice.json", peer=MEMBER)
    assert web.service.app.state.replies._kept == {}
    for _ in range(2):
        for name in ("alice", "bob", "dave", "zofie"):
            assert web.request(f"/users/{name}.json").code == 200
            assert web.request(f"/users/{name}.json", peer=MEMBER).code == 200
    assert len(web.service.app.state.replies._kept) == 2


# validators


def test_not_modified(web: Browser) -> None:
    """W004: no body, the tag again, and no length."""
    for path in ("/users/alice.html", "/users/alice.json", "/users/alice.txt", "/", "/static/style.css"):
        full = web.request(path)
        again = web.request(path, If_None_Match=full["etag"])
        assert (again.code, again.body, again["etag"]) == (304, b"", full["etag"])
        assert "content-length" not in again
        assert web.request(path, "HEAD", If_None_Match=full["etag"]).code == 304
        assert web.request(path, If_None_Match='"x"').code == 200
    dated = web.request("/users/alice/plan")
    assert web.request("/users/alice/plan", If_Modified_Since=dated["last-modified"]).code == 304
    assert web.request("/users/alice/plan", If_Modified_Since="Mon, 01 Jan 2046 00:00:00 GMT").code == 200


@pytest.mark.parametrize("path", ["/users/alice.html", "/users/alice.json", "/users/alice.txt", "/users/alice.vcf"])
def test_W004_if_modified_since_never_confirms_a_field_hidden_since(build: Build, path: str) -> None:
    """Last-Modified is the date of the newest visible field, so hiding an older field does not change it."""
    web = build(people=[{**ALICE, "visibility": {"email": "everyone"}}])
    write_plan(web.built, "alice", "A newer plan\n", 5)
    before = web.request(path)
    assert b"alice@dir.test" in before.body.replace(b"acct:alice@dir.test", b"")
    set_visibility(web.built, "alice", 6, email=N)
    after = web.request(path, If_Modified_Since=before["last-modified"])
    assert (after.code, after["last-modified"]) == (200, before["last-modified"])
    assert after.body != before.body


@pytest.mark.parametrize("ending", [".html", ".json", ".txt"])
def test_validators_change_only_with_visible_fields(build: Build, ending: str) -> None:
    """W004, W119: neither the clock nor a hidden field changes them."""
    web = build()
    path = f"/users/alice{ending}"

    def validators(peer: str = "198.51.100.7") -> tuple[str, str]:
        answer = web.request(path, peer=peer)
        return answer["etag"], answer["last-modified"]

    before, for_members = validators(), validators(MEMBER)
    web.built.clock.advance(90_000)
    assert validators() == before
    later = datetime_of(before[1]) + 60
    change(web, Modify("alice", {"office": "C1"}), later)
    assert validators() == before
    assert validators(MEMBER)[0] != for_members[0]
    assert validators(MEMBER)[1] != for_members[1]
    change(web, Modify("alice", {"plan": "Another"}), later + 60)
    assert validators()[0] != before[0]
    assert validators()[1] != before[1]


def datetime_of(date: str) -> float:
    from email.utils import parsedate_to_datetime

    return parsedate_to_datetime(date).timestamp()


def change(web: Browser, edit: Modify, at: float) -> None:
    from datetime import UTC, datetime

    from tests.unit.fixtures import write_edits

    write_edits(web.built.database_path, [edit], datetime.fromtimestamp(at, UTC))
    web.built.poll_store()


def test_a_change_is_visible_at_once(build: Build) -> None:
    web = build()
    old = web.request("/users/alice.html")
    web.built.change(Modify("alice", {"plan": "A new plan"}))
    web.built.poll_store()
    new = web.request("/users/alice.html", If_None_Match=old["etag"])
    assert new.code == 200
    assert b"A new plan" in new.body


# hidden and unknown people


@pytest.mark.parametrize("accept", ["*/*", BROWSER, "application/json"])
@pytest.mark.parametrize("ending", ["", ".html", ".json", ".txt"])
def test_hidden_and_unknown_people_get_identical_bytes(web: Browser, accept: str, ending: str) -> None:
    """W003, W022"""
    hidden, unknown = (web.request(f"/users/{name}{ending}", Accept=accept) for name in ("carol", "nobody"))
    assert hidden.code == 404
    assert hidden.body == unknown.body
    assert {**hidden.headers, "date": ""} == {**unknown.headers, "date": ""}
    assert web.request(f"/users/CAROL{ending}").code == web.request(f"/users/NOBODY{ending}").code == 308


def test_not_found_in_the_requested_format(web: Browser) -> None:
    """W003"""
    sentence = "No such person or page."
    for path in (
        "/users/nobody",
        "/nowhere",
        "/users/",
        "/online/",
        "/static/none.css",
        "//",
        "/users//alice",
        "//users/alice",
    ):
        assert web.request(path).body.decode() == sentence + "\n", path
        problem = web.request(path, Accept="application/json")
        assert (problem.code, problem["content-type"]) == (404, "application/problem+json")
        assert json(problem) == {"title": "Not found", "status": 404, "detail": sentence}
        page = web.request(path, Accept=BROWSER)
        assert page["content-type"] == "text/html; charset=utf-8"
        assert "<h1>Not found</h1>" in page.body.decode()
        assert page["cache-control"] == "private, no-store"


# names


@pytest.mark.parametrize(
    ("path", "location"),
    [
        ("/users/ALICE", "/users/alice"),
        ("/users/Alice.json", "/users/alice.json"),
        ("/users/ally", "/users/alice"),
        ("/users/ally.txt", "/users/alice.txt"),
        ("/users/Alice%20Adams", "/users/alice"),
        ("/~alice", "/users/alice"),
        ("/~ALICE", "/users/alice"),
        ("/%7Ealice", "/users/alice"),
        ("/users/%C5%BDOFIE", "/users/%C5%BEofie"),
        ("/~a%20b", "/users/a%20b"),
        ("/users/alice/", "/users/alice"),
    ],
)
def test_redirects_to_the_canonical_path(web: Browser, path: str, location: str) -> None:
    """W021"""
    answer = web.request(path, Accept=BROWSER)
    assert (answer.code, answer["location"], answer.body) == (308, location, b"")


def test_a_redirect_from_an_alias_is_not_cached(web: Browser) -> None:
    assert web.request("/users/ally")["cache-control"] == "private, no-store"


def test_CORS_headers_on_redirects_to_readable_documents(web: Browser) -> None:
    for path in ("/users/ally.json", "/users/ALICE.json", "/users/ally/feed", "/users/ally/history.json"):
        answer = web.request(path)
        assert (answer.code, answer["access-control-allow-origin"]) == (308, "*"), path
    assert "access-control-allow-origin" not in web.request("/users/ally.html").headers


def test_W021_a_redirect_keeps_the_query(web: Browser) -> None:
    before = "?before=20261120T153000.000000Z"
    for name in ("ALICE", "ally"):
        assert web.request(f"/users/{name}/history.json{before}")["location"] == f"/users/alice/history.json{before}"
        assert web.request(f"/users/{name}?x=y")["location"] == "/users/alice"
    assert web.request('/users/ally/history?before=<"x">')["location"] == "/users/alice/history?before=%3C%22x%22%3E"


@pytest.mark.parametrize(
    "path",
    ["//", "//evil.test", "//evil.test/", "///x", "/users//alice", "/users/alice/", "/users/ALICE", "/users/ALICE/", "/~ALICE",
     "/~alice/", "/~//evil.test", "/users/ally", "/users", "/users/", "/static", "/static/", "/static//style.css", "/./users",
     "/users/../users/ALICE", "/users/evil.test%3A80"],
)  # fmt: skip
def test_no_redirect_leads_to_another_host(web: Browser, path: str) -> None:
    """W085: whatever the Host header contains."""
    for host in ("evil.test", "dir.test:6666", "evil.test:80", 'evil/x"<b>'):
        answer = web.request(path, host=host)
        location = answer.headers.get("location")
        assert b"evil" not in answer.body
        assert location is None or (location.startswith("/users/") and "6666" not in location)


def test_ambiguous_name(web: Browser) -> None:
    answer = web.request("/users/adams", Accept="application/json")
    assert answer.code == 300
    assert [person["login"] for person in json(answer)["people"]] == ["alice", "bob"]
    assert web.request("/users/adams/feed.atom").code == web.request("/users/adams/qr.svg").code == 300
    page = web.request("/users/adams", Accept=BROWSER).body.decode()
    assert "<h1>Which one?</h1>" in page
    assert '<a class="u-url p-name" href="/users/bob" dir="auto">Bob Adams</a>' in page
    text = web.request("/users/adams").body.decode()
    assert text.startswith("2 people have that name")
    assert web.request("/users/adams", peer=MEMBER)["cache-control"] == "private, no-store"


def test_one_hidden_and_one_visible_namesake(build: Build) -> None:
    web = build(people=[ALICE, {**CAROL, "name": "Carol Adams"}])
    assert web.request("/users/adams")["location"] == "/users/alice"


# the front page


def test_front_page(web: Browser) -> None:
    page = web.request("/", Accept=BROWSER).body.decode()
    assert "<title>The Tea Club</title>" in page
    for shown in ("finger alice@dir.test", "curl https://dir.test/users/alice", "/msg fingerbot alice"):
        assert shown in page
        assert shown in web.request("/").body.decode()
    assert "Carol" not in page


# static files


def test_stylesheet_and_icon(web: Browser) -> None:
    """W140: with a hash in the path they are cached for ever."""
    page = web.request("/", Accept=BROWSER).body.decode()
    sheet = page.partition('<link rel="stylesheet" href="')[2].partition('"')[0]
    answer = web.request(sheet)
    assert answer.code == 200
    assert answer["content-type"] == "text/css; charset=utf-8"
    assert answer["cache-control"] == "public, max-age=31536000, immutable"
    assert len(answer.body) <= 8 * 1024
    plain = web.request("/static/style.css")
    assert plain.body == answer.body
    assert plain["cache-control"] == "public, max-age=0, must-revalidate"
    assert web.request("/static/icon.svg")["content-type"] == "image/svg+xml"
    for path in ("/static/../base.html", "/static/base.html", "/static/style.0000000000.css", "/static/%2e%2e"):
        assert web.request(path).code == 404


# errors


def test_unavailable_directory(build: Build) -> None:
    """W003"""
    web = build()
    web.built.store.reader.connection.close()  # type: ignore[union-attr]
    for path in ("/users/alice", "/users/nobody", "/"):
        answer = web.request(path, Accept="application/json")
        assert (answer.code, answer["retry-after"]) == (503, "5")
        assert json(answer)["detail"] == "The directory is unavailable. Try again in a moment."
    web.built.store.reader.connection = None
    assert {entry["outcome"] for entry in web.built.access_log_entries} == {"unavailable"}


@pytest.mark.parametrize("accept", ["*/*", BROWSER, "application/json"])
def test_an_exception_gives_a_reference(build: Build, accept: str, failures: list[dict[str, Any]]) -> None:
    """W011: in the requested format; the traceback is only in the log."""
    web = build(sources=[BrokenSource()])
    answer = web.request("/users/alice", Accept=accept)
    (event,) = failures
    failures.clear()
    (entry,) = web.built.access_log_entries
    assert answer.code == 500
    assert entry["outcome"] == "error"
    assert entry["reference"] == event["reference"]
    assert entry["reference"].encode() in answer.body
    assert b"secret" not in answer.body
    assert b"Traceback" not in answer.body
    assert "secret" in str(event["log_failure"])


def test_an_error_page_that_fails_becomes_text(build: Build, failures: list[dict[str, Any]]) -> None:
    """W011: when even the built-in page cannot be rendered (test_template_check.py covers the operator's own)."""
    web = build()
    web.service.app.state.assets.urls.clear()
    missing = web.request("/nowhere", Accept=BROWSER)
    assert (missing.code, missing["content-type"]) == (404, "text/plain; charset=utf-8")
    broken = web.request("/users/alice.html")
    assert broken.code == 500
    assert broken.body.startswith(b"Something went wrong here. Please quote this reference to the operator: ")
    assert len(failures) == 3
    failures.clear()


def test_an_exception_outside_klein(build: Build, failures: list[dict[str, Any]]) -> None:
    """W011"""
    web = build()

    class Wrong:
        isLeaf = True

        def render(self, request: Any) -> Any:
            raise RuntimeError("the secret reason")

    web.service.factory.resource = Wrong()
    answer = web.request("/users/alice", Accept="application/json")
    assert answer.code == 500
    assert json(answer)["reference"] == failures[0]["reference"]
    assert b"secret" not in answer.body
    assert [entry["reference"] for entry in web.built.access_log_entries] == [failures[0]["reference"]]
    failures.clear()


# requests: log, limits, cancellation


def test_one_access_log_entry_per_request(build: Build) -> None:
    """W010"""
    web = build()
    sizes = [
        len(web.request(path).body)
        for path in ("/users/alice", "/users/nobody", "/users/carol.json", "/users/adams", "/")
    ]
    web.request("/users/alice", "HEAD")
    web.request("/static/style.css")
    entries = [
        {key: entry[key] for key in ("protocol", "verb", "query", "outcome", "bytes", "peer")}
        for entry in web.built.access_log_entries
    ]
    requests = [("lookup", "alice", "found"), ("lookup", "nobody", "not_found"), ("lookup", "carol", "not_found"),
             ("lookup", "adams", "ambiguous"), ("list", "", "listed"), ("lookup", "alice", "found")]  # fmt: skip
    assert entries == [
        {"protocol": "web", "verb": verb, "query": query, "outcome": outcome, "bytes": size, "peer": "198.51.100.7"}
        for (verb, query, outcome), size in zip(requests, [*sizes, 0], strict=True)
    ]


def test_rate_limit(build: Build) -> None:
    web = build(queries_per_minute=2)
    assert [web.request("/users/alice").code for _ in range(2)] == [200, 200]
    limited = web.request("/users/alice")
    assert (limited.code, limited["retry-after"]) == (429, "30")
    assert limited.body == b"Too many requests from your address. Try again in 30 seconds.\n"
    assert json(web.request("/", Accept="application/json"))["status"] == 429
    assert b"Try again in 30 seconds." in web.request("/", Accept=BROWSER).body
    assert web.request("/users/alice", peer=MEMBER).code == 200
    web.built.clock.advance(29.5)
    assert web.request("/users/alice").body.endswith(b"Try again in 1 second.\n")
    web.built.clock.advance(0.5)
    assert web.request("/users/alice").code == 200
    assert [entry["outcome"] for entry in web.built.access_log_entries].count("limited") == 4


def test_a_disconnect_cancels_the_lookup(build: Build) -> None:
    """W103"""
    slow = SlowSource()
    web = build(sources=[slow])
    connection = web.connect()
    connection.send(b"GET /users/alice HTTP/1.1\r\nHost: dir.test\r\n\r\n")
    assert len(slow.waiting) == 1
    assert web.built.deps.tracker.in_flight == 1
    connection.close()
    assert web.built.deps.tracker.in_flight == 0
    assert [(entry["outcome"], entry["bytes"]) for entry in web.built.access_log_entries] == [("gone", 0)]
    slow.waiting[0].callback(None)
    assert connection.received == b""


def test_an_exception_after_a_disconnect_is_logged_once(build: Build, failures: list[dict[str, Any]]) -> None:
    """W103: with its reference, although the client has left."""

    class Stubborn(SlowSource):
        def _cancel(self, one: Any) -> None:
            one.errback(RuntimeError("the secret reason"))

        async def get(self, login: str) -> None:
            one: Any = Deferred(self._cancel)
            self.waiting.append(one)
            await one

    web = build(sources=[Stubborn()])
    connection = web.connect()
    connection.send(b"GET /users/alice HTTP/1.1\r\nHost: dir.test\r\n\r\n")
    connection.close()
    assert web.built.deps.tracker.in_flight == 0
    assert {entry["outcome"] for entry in web.built.access_log_entries} <= {"gone", "error"}
    assert len(failures) <= 1
    failures.clear()


def test_slow_lookups_are_answered_in_order(build: Build) -> None:
    slow = SlowSource()
    web = build(sources=[slow])
    connection = web.connect()
    connection.send(
        b"GET /users/alice HTTP/1.1\r\nHost: dir.test\r\n\r\nGET /users/bob HTTP/1.1\r\nHost: dir.test\r\n\r\n"
    )
    web.built.clock.advance(1.9)
    assert connection.received == b""
    slow.waiting[0].callback(None)
    web.built.clock.advance(0)
    slow.waiting[1].callback(None)
    alice, bob = parse_responses(connection.received)
    assert b"Alice" in alice.body
    assert b"Bob" in bob.body
    connection.close()
