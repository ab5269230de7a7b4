"""What stands at which address, and for whom."""

from typing import Any

import msgspec
import pytest
from twisted.internet.defer import Deferred

from gateway.directory.interfaces import Modify
from tests.unit.fixtures import ALICE, CAROL
from tests.unit.web.conftest import Build
from tests.unit.web.plans import N, choose, say
from tests.unit.web.wire import MEMBER, Broken, Browser, Slow, parsed

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


def test_curl_gets_the_text_of_finger(web: Browser) -> None:
    """W020: the same text that finger sends, with LF."""
    answer = web.ask("/users/alice", Accept="*/*", User_Agent="curl/8")
    assert answer.code == 200
    assert answer["content-type"] == "text/plain; charset=utf-8"
    text = answer.body.decode()
    assert "\r" not in text
    assert text.startswith("Login:")
    assert "Alice Adams" in text
    assert text.endswith("Plan:\nFirst line\nSecond line\n")
    assert web.ask("/users/alice").body == answer.body


def test_a_browser_gets_a_page(web: Browser) -> None:
    """W020, W026, W082"""
    answer = web.ask("/users/alice", Accept=BROWSER)
    assert answer["content-type"] == "text/html; charset=utf-8"
    page = answer.body.decode()
    assert page.startswith('<!doctype html>\n<html lang="en">')
    assert "<title>Alice Adams (alice) – The Tea Club</title>" in page
    assert '<h1 class="p-name" dir="auto">Alice Adams</h1>' in page
    assert '<pre class="p-note">First line\nSecond line\n</pre>' in page
    assert '<a class="u-url" href="https://alice.example/" rel="me nofollow ugc">alice.example</a>' in page
    assert "style=" not in page
    assert "<script" not in page


def test_a_program_gets_json(web: Browser) -> None:
    """W020"""
    answer = web.ask("/users/alice", Accept="application/json")
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
def test_an_ending_forces_one(web: Browser, ending: str, kind: str) -> None:
    """W020"""
    answer = web.ask(f"/users/alice{ending}", Accept="image/png")
    assert answer["content-type"] == kind
    assert answer["vary"].removesuffix(", Accept-Encoding") == "Cookie, Authorization"
    assert (
        web.ask("/users/alice")["vary"].removesuffix(", Accept-Encoding")
        == "Accept, Accept-Language, Cookie, Authorization"
    )


def test_W020_who_accepts_nothing_that_there_is_is_told_so(web: Browser) -> None:
    answer = web.ask("/users/alice", Accept="image/png")
    assert (answer.code, answer["content-type"]) == (406, "text/plain; charset=utf-8")
    assert '</users/alice.json>; rel="alternate"; type="application/json"' in answer["link"]
    assert web.ask("/users", Accept="application/activity+json")["content-type"] == "application/problem+json"


def test_each_representation_and_audience_has_its_tag(web: Browser) -> None:
    """W004, W005"""
    tags = set()
    for ending in (".html", ".json", ".txt"):
        stranger, member = web.ask(f"/users/alice{ending}"), web.ask(f"/users/alice{ending}", peer=MEMBER)
        assert stranger["cache-control"] == "public, max-age=0, must-revalidate"
        assert member["cache-control"] == "private, no-store"
        tags |= {stranger["etag"], member["etag"]}
    assert len(tags) == 6
    bob = {web.ask("/users/bob.json", peer=peer)["etag"] for peer in (MEMBER, "198.51.100.7")}
    assert len(bob) == 2


def test_members_see_more(web: Browser) -> None:
    for ending in (".html", ".json", ".txt"):
        assert b"555 0100" in web.ask(f"/users/alice{ending}", peer=MEMBER).body
        assert b"555 0100" not in web.ask(f"/users/alice{ending}").body


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize("accept", ["*/*", BROWSER, "application/json"])
def test_head_is_get_without_a_body(web: Browser, path: str, accept: str) -> None:
    """W001, W083: no byte of a body, whatever coding is accepted, and the next request answers."""
    get = web.ask(path, Accept=accept, Accept_Encoding="gzip")
    head = f"HEAD {path} HTTP/1.1\r\nHost: dir.test\r\nAccept: {accept}\r\nAccept-Encoding: gzip\r\n\r\n"
    after = "GET /static/icon.svg HTTP/1.1\r\nHost: dir.test\r\n\r\n"
    answer, next_one = parsed(web.raw((head + after).encode()), "HEAD")
    assert (answer.code, answer.body) == (get.code, b"")
    assert {**answer.headers, "date": ""} == {**get.headers, "date": ""}
    assert answer["content-length"] == str(len(get.body))
    assert next_one.body.startswith(b"<svg")


@pytest.mark.parametrize("path", [*PAGES, "/static/style.css", "/users/ALICE", "/%ff", "/nowhere"])
def test_every_answer_is_guarded(web: Browser, path: str) -> None:
    """W007, W102"""
    for method in ("GET", "POST", "OPTIONS"):
        answer = web.ask(path, method, Accept=BROWSER)
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
    """W009: HTML, JSON and text."""
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
    page = web.ask("/users/eve.html", peer=MEMBER).body.decode()
    assert "&lt;script&gt;" in page
    assert "<script" not in page
    assert '" onload' not in page
    assert "onload='" not in page
    for ending in (".html", ".txt"):
        text = web.ask(f"/users/eve{ending}", peer=MEMBER).body.decode()
        assert "\u202e" not in text
        assert "\x1b" not in text
    front = web.ask("/", Accept=BROWSER).body.decode()
    assert "<script" not in front


def test_a_link_that_is_none_is_text(build: Build) -> None:
    """W009"""
    web = build(people=[{**ALICE, "links": [{"label": "M", "url": "matrix://u/alice"}]}])
    page = web.ask("/users/alice.html").body.decode()
    assert "matrix://u/alice" in page
    assert 'href="matrix' not in page


@pytest.mark.parametrize("name", ["\u200b", "\x07", " ", "\u202e\ufeff"])
def test_a_name_that_nobody_sees_is_none(build: Build, name: str) -> None:
    """W080, W150: in each format the login stands for it."""
    web = build(people=[{"login": "zw", "name": name, "links": [{"label": name, "url": "https://zw.example/"}]}])
    assert "name" not in json(web.ask("/users/zw.json"))
    page = web.ask("/users/zw.html").body.decode()
    assert '<h1 class="p-name" dir="auto">zw</h1>' in page
    assert '<dt dir="auto">Link</dt>' in page
    assert 'dir="auto">zw</a>' in web.ask("/users", Accept=BROWSER).body.decode()
    assert b"\r\nFN:zw\r\n" in web.ask("/users/zw.vcf").body


def test_W026_a_plan_may_begin_with_a_blank_line(build: Build) -> None:
    """The first line's end behind <pre> is dropped by every reader of HTML."""
    web = build(people=[{"login": "al", "plan": "\n\n  here\n", "keys": [{"kind": "x", "text": "\nkey"}],
                         "visibility": {"keys": "everyone"}}])  # fmt: skip
    page = web.ask("/users/al.html").body
    assert b'<pre class="p-note">\n\n\n  here\n</pre>' in page
    assert b'<pre class="p-key" tabindex="0">\n\nkey</pre>' in page


def test_a_list_may_come_in_several_headers(web: Browser) -> None:
    """RFC 9110 section 5.3"""
    head = "GET /users/alice HTTP/1.1\r\nHost: dir.test\r\n"
    (answer,) = parsed(web.raw(f"{head}Accept: application/json\r\nAccept: text/plain;q=0.1\r\n\r\n".encode()))
    assert answer["content-type"] == "application/json"
    tag = web.ask("/users/alice")["etag"]
    (answer,) = parsed(web.raw(f'{head}If-None-Match: {tag}\r\nIf-None-Match: "other"\r\n\r\n'.encode()))
    assert answer.code == 304


def test_an_empty_person(build: Build) -> None:
    web = build(people=[{"login": "empty"}])
    assert json(web.ask("/users/empty.json")) == {
        "login": "empty",
        "url": "https://dir.test/users/empty",
        "acct": "acct:empty@dir.test",
        "finger": "finger://dir.test/empty",
    }
    page = web.ask("/users/empty.html")
    assert b"No plan." in page.body
    assert b"Reach" not in page.body
    assert "last-modified" not in page


def test_a_plan_that_is_not_shown(build: Build) -> None:
    web = build(people=[{**ALICE, "visibility": {"plan": "nobody"}}])
    page = web.ask("/users/alice.html").body
    assert b"First line" not in page
    assert b"The plan is not shown here." in page


def test_everything_that_is_shown_stands_on_the_page(build: Build) -> None:
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
    page = build(people=[ALICE | fields]).ask("/users/alice.html").body.decode()
    for shown in ("she/her", "AL-iss", "Club", "Prague", "Europe/Prague", "@alice@social.example", "ssh-ed25519 AAAA",
                  "B12", "ally", "at the kettle", '<time datetime="2046-12-01T10:00:00Z">1 December 2046, 10:00 UTC</time>',
                  'href="tel:+4205550199"', 'href="tel:+4205550100"', 'href="mailto:alice@dir.test"',
                  "<bdi>al</bdi> on <bdi>libera</bdi>"):  # fmt: skip
        assert shown in page


def test_a_very_long_plan_is_cut_on_the_page_alone(build: Build) -> None:
    """W140: a page under 30 KiB."""
    plan = "".join(f"line {n}, of a plan that goes on\n" for n in range(2000))
    web = build(people=[{"login": "long", "plan": plan}])
    page = web.ask("/users/long.html").body
    assert len(page) < 30 * 1024
    assert b'<a href="/users/long/plan">The whole plan, as text</a>' in page
    assert web.ask("/users/long.txt").body.decode().endswith(plan)


def test_replies_are_kept_within_bounds(build: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.web.pages.MAX_KEPT_REPLIES", 2)
    web = build()
    web.ask("/users/alice.json", peer=MEMBER)
    assert web.service.app.state.pages._kept == {}
    for _ in range(2):
        for name in ("alice", "bob", "dave", "zofie"):
            assert web.ask(f"/users/{name}.json").code == 200
            assert web.ask(f"/users/{name}.json", peer=MEMBER).code == 200
    assert len(web.service.app.state.pages._kept) == 2


# validators


def test_not_modified(web: Browser) -> None:
    """W004: no body, the tag again, and no length."""
    for path in ("/users/alice.html", "/users/alice.json", "/users/alice.txt", "/", "/static/style.css"):
        full = web.ask(path)
        again = web.ask(path, If_None_Match=full["etag"])
        assert (again.code, again.body, again["etag"]) == (304, b"", full["etag"])
        assert "content-length" not in again
        assert web.ask(path, "HEAD", If_None_Match=full["etag"]).code == 304
        assert web.ask(path, If_None_Match='"x"').code == 200
    dated = web.ask("/users/alice/plan")
    assert web.ask("/users/alice/plan", If_Modified_Since=dated["last-modified"]).code == 304
    assert web.ask("/users/alice/plan", If_Modified_Since="Mon, 01 Jan 2046 00:00:00 GMT").code == 200


@pytest.mark.parametrize("path", ["/users/alice.html", "/users/alice.json", "/users/alice.txt", "/users/alice.vcf"])
def test_W004_a_date_alone_keeps_nothing_alive_that_was_taken_back(build: Build, path: str) -> None:
    """The date is that of the newest field that is shown, whatever becomes of an older one."""
    web = build(people=[{**ALICE, "visibility": {"email": "everyone"}}])
    say(web.built, "alice", "A newer plan\n", 5)
    before = web.ask(path)
    assert b"alice@dir.test" in before.body.replace(b"acct:alice@dir.test", b"")
    choose(web.built, "alice", 6, email=N)
    after = web.ask(path, If_Modified_Since=before["last-modified"])
    assert (after.code, after["last-modified"]) == (200, before["last-modified"])
    assert after.body != before.body


@pytest.mark.parametrize("ending", [".html", ".json", ".txt"])
def test_validators_move_with_what_is_shown_and_with_nothing_else(build: Build, ending: str) -> None:
    """W004, W119: not by the clock, not by a field that is not shown."""
    web = build()
    path = f"/users/alice{ending}"

    def validators(peer: str = "198.51.100.7") -> tuple[str, str]:
        answer = web.ask(path, peer=peer)
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

    write_edits(web.built.path, [edit], datetime.fromtimestamp(at, UTC))
    web.built.poll_store()


def test_a_change_is_seen_at_once(build: Build) -> None:
    web = build()
    old = web.ask("/users/alice.html")
    web.built.change(Modify("alice", {"plan": "A new plan"}))
    web.built.poll_store()
    new = web.ask("/users/alice.html", If_None_Match=old["etag"])
    assert new.code == 200
    assert b"A new plan" in new.body


# who is not there


@pytest.mark.parametrize("accept", ["*/*", BROWSER, "application/json"])
@pytest.mark.parametrize("ending", ["", ".html", ".json", ".txt"])
def test_unknown_and_hidden_are_the_same_bytes(web: Browser, accept: str, ending: str) -> None:
    """W003, W022"""
    hidden, unknown = (web.ask(f"/users/{name}{ending}", Accept=accept) for name in ("carol", "nobody"))
    assert hidden.code == 404
    assert hidden.body == unknown.body
    assert {**hidden.headers, "date": ""} == {**unknown.headers, "date": ""}
    assert web.ask(f"/users/CAROL{ending}").code == web.ask(f"/users/NOBODY{ending}").code == 308


def test_not_found_in_the_format_asked_for(web: Browser) -> None:
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
        assert web.ask(path).body.decode() == sentence + "\n", path
        problem = web.ask(path, Accept="application/json")
        assert (problem.code, problem["content-type"]) == (404, "application/problem+json")
        assert json(problem) == {"title": "Not found", "status": 404, "detail": sentence}
        page = web.ask(path, Accept=BROWSER)
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
def test_canonical_addresses(web: Browser, path: str, location: str) -> None:
    """W021"""
    answer = web.ask(path, Accept=BROWSER)
    assert (answer.code, answer["location"], answer.body) == (308, location, b"")


def test_a_redirect_by_alias_is_not_kept(web: Browser) -> None:
    assert web.ask("/users/ally")["cache-control"] == "private, no-store"


def test_scripts_of_other_places_may_follow_a_redirect_of_what_they_may_read(web: Browser) -> None:
    for path in ("/users/ally.json", "/users/ALICE.json", "/users/ally/feed", "/users/ally/history.json"):
        answer = web.ask(path)
        assert (answer.code, answer["access-control-allow-origin"]) == (308, "*"), path
    assert "access-control-allow-origin" not in web.ask("/users/ally.html").headers


def test_W021_a_redirect_takes_the_query_along(web: Browser) -> None:
    before = "?before=20261120T153000.000000Z"
    for name in ("ALICE", "ally"):
        assert web.ask(f"/users/{name}/history.json{before}")["location"] == f"/users/alice/history.json{before}"
        assert web.ask(f"/users/{name}?x=y")["location"] == "/users/alice"
    assert web.ask('/users/ally/history?before=<"x">')["location"] == "/users/alice/history?before=%3C%22x%22%3E"


@pytest.mark.parametrize(
    "path",
    ["//", "//evil.test", "//evil.test/", "///x", "/users//alice", "/users/alice/", "/users/ALICE", "/users/ALICE/", "/~ALICE",
     "/~alice/", "/~//evil.test", "/users/ally", "/users", "/users/", "/static", "/static/", "/static//style.css", "/./users",
     "/users/../users/ALICE", "/users/evil.test%3A80"],
)  # fmt: skip
def test_no_redirect_leads_elsewhere(web: Browser, path: str) -> None:
    """W085: whatever the Host header says."""
    for host in ("evil.test", "dir.test:6666", "evil.test:80", 'evil/x"<b>'):
        answer = web.ask(path, host=host)
        location = answer.headers.get("location")
        assert b"evil" not in answer.body
        assert location is None or (location.startswith("/users/") and "6666" not in location)


def test_several(web: Browser) -> None:
    answer = web.ask("/users/adams", Accept="application/json")
    assert answer.code == 300
    assert [person["login"] for person in json(answer)["people"]] == ["alice", "bob"]
    assert web.ask("/users/adams/feed.atom").code == web.ask("/users/adams/qr.svg").code == 300
    page = web.ask("/users/adams", Accept=BROWSER).body.decode()
    assert "<h1>Which one?</h1>" in page
    assert '<a class="u-url p-name" href="/users/bob" dir="auto">Bob Adams</a>' in page
    text = web.ask("/users/adams").body.decode()
    assert text.startswith("2 people have that name")
    assert web.ask("/users/adams", peer=MEMBER)["cache-control"] == "private, no-store"


def test_one_hidden_and_one_visible_namesake(build: Build) -> None:
    web = build(people=[ALICE, {**CAROL, "name": "Carol Adams"}])
    assert web.ask("/users/adams")["location"] == "/users/alice"


# the front page


def test_the_front_page(web: Browser) -> None:
    page = web.ask("/", Accept=BROWSER).body.decode()
    assert "<title>The Tea Club</title>" in page
    for shown in ("finger alice@dir.test", "curl https://dir.test/users/alice", "/msg fingerbot alice"):
        assert shown in page
        assert shown in web.ask("/").body.decode()
    assert "Carol" not in page


# what is not a page


def test_the_sheet_and_the_icon(web: Browser) -> None:
    """W140: with a mark in the address they are kept for ever."""
    page = web.ask("/", Accept=BROWSER).body.decode()
    sheet = page.partition('<link rel="stylesheet" href="')[2].partition('"')[0]
    answer = web.ask(sheet)
    assert answer.code == 200
    assert answer["content-type"] == "text/css; charset=utf-8"
    assert answer["cache-control"] == "public, max-age=31536000, immutable"
    assert len(answer.body) <= 8 * 1024
    plain = web.ask("/static/style.css")
    assert plain.body == answer.body
    assert plain["cache-control"] == "public, max-age=0, must-revalidate"
    assert web.ask("/static/icon.svg")["content-type"] == "image/svg+xml"
    for path in ("/static/../base.html", "/static/base.html", "/static/style.0000000000.css", "/static/%2e%2e"):
        assert web.ask(path).code == 404


# what goes wrong


def test_unavailable(build: Build) -> None:
    """W003"""
    web = build()
    web.built.store.reader.connection.close()  # type: ignore[union-attr]
    for path in ("/users/alice", "/users/nobody", "/"):
        answer = web.ask(path, Accept="application/json")
        assert (answer.code, answer["retry-after"]) == (503, "5")
        assert json(answer)["detail"] == "The directory is unavailable. Try again in a moment."
    web.built.store.reader.connection = None
    assert {record["outcome"] for record in web.built.access_log_entries} == {"unavailable"}


@pytest.mark.parametrize("accept", ["*/*", BROWSER, "application/json"])
def test_an_exception_gives_a_reference(build: Build, accept: str, failures: list[dict[str, Any]]) -> None:
    """W011: in the format asked for; the traceback in the log only."""
    web = build(sources=[Broken()])
    answer = web.ask("/users/alice", Accept=accept)
    (event,) = failures
    failures.clear()
    (record,) = web.built.access_log_entries
    assert answer.code == 500
    assert record["outcome"] == "error"
    assert record["reference"] == event["reference"]
    assert record["reference"].encode() in answer.body
    assert b"secret" not in answer.body
    assert b"Traceback" not in answer.body
    assert "secret" in str(event["log_failure"])


def test_a_broken_error_page_is_told_in_text(build: Build, failures: list[dict[str, Any]]) -> None:
    """W011: where even ours cannot be made. (Of the operator's own tells test_own_pages.py.)"""
    web = build()
    web.service.app.state.assets._urls.clear()
    missing = web.ask("/nowhere", Accept=BROWSER)
    assert (missing.code, missing["content-type"]) == (404, "text/plain; charset=utf-8")
    broken = web.ask("/users/alice.html")
    assert broken.code == 500
    assert broken.body.startswith(b"Something went wrong here. Please quote this reference to the operator: ")
    assert len(failures) == 3
    failures.clear()


def test_an_exception_below_klein(build: Build, failures: list[dict[str, Any]]) -> None:
    """W011"""
    web = build()

    class Wrong:
        isLeaf = True

        def render(self, request: Any) -> Any:
            raise RuntimeError("the secret reason")

    web.service.factory.resource = Wrong()
    answer = web.ask("/users/alice", Accept="application/json")
    assert answer.code == 500
    assert json(answer)["reference"] == failures[0]["reference"]
    assert b"secret" not in answer.body
    assert [record["reference"] for record in web.built.access_log_entries] == [failures[0]["reference"]]
    failures.clear()


# the exchange


def test_one_record_a_question(build: Build) -> None:
    """W010"""
    web = build()
    sizes = [
        len(web.ask(path).body) for path in ("/users/alice", "/users/nobody", "/users/carol.json", "/users/adams", "/")
    ]
    web.ask("/users/alice", "HEAD")
    web.ask("/static/style.css")
    records = [
        {key: record[key] for key in ("protocol", "verb", "query", "outcome", "bytes", "peer")}
        for record in web.built.access_log_entries
    ]
    asked = [("lookup", "alice", "found"), ("lookup", "nobody", "not_found"), ("lookup", "carol", "not_found"),
             ("lookup", "adams", "ambiguous"), ("list", "", "listed"), ("lookup", "alice", "found")]  # fmt: skip
    assert records == [
        {"protocol": "web", "verb": verb, "query": query, "outcome": outcome, "bytes": size, "peer": "198.51.100.7"}
        for (verb, query, outcome), size in zip(asked, [*sizes, 0], strict=True)
    ]


def test_too_many_questions(build: Build) -> None:
    web = build(queries_per_minute=2)
    assert [web.ask("/users/alice").code for _ in range(2)] == [200, 200]
    limited = web.ask("/users/alice")
    assert (limited.code, limited["retry-after"]) == (429, "30")
    assert limited.body == b"Too many requests from your address. Try again in 30 seconds.\n"
    assert json(web.ask("/", Accept="application/json"))["status"] == 429
    assert b"Try again in 30 seconds." in web.ask("/", Accept=BROWSER).body
    assert web.ask("/users/alice", peer=MEMBER).code == 200
    web.built.clock.advance(29.5)
    assert web.ask("/users/alice").body.endswith(b"Try again in 1 second.\n")
    web.built.clock.advance(0.5)
    assert web.ask("/users/alice").code == 200
    assert [record["outcome"] for record in web.built.access_log_entries].count("limited") == 4


def test_a_client_that_hangs_up_cancels_the_work(build: Build) -> None:
    """W103"""
    slow = Slow()
    web = build(sources=[slow])
    connection = web.connect()
    connection.send(b"GET /users/alice HTTP/1.1\r\nHost: dir.test\r\n\r\n")
    assert len(slow.waiting) == 1
    assert web.built.deps.tracker.in_flight == 1
    connection.close()
    assert web.built.deps.tracker.in_flight == 0
    assert [(record["outcome"], record["bytes"]) for record in web.built.access_log_entries] == [("gone", 0)]
    slow.waiting[0].callback(None)
    assert connection.received == b""


def test_a_mistake_while_hanging_up_is_logged_once(build: Build, failures: list[dict[str, Any]]) -> None:
    """W103: by its reference, though nobody is there to be told."""

    class Stubborn(Slow):
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
    assert {record["outcome"] for record in web.built.access_log_entries} <= {"gone", "error"}
    assert len(failures) <= 1
    failures.clear()


def test_a_slow_answer_comes_all_the_same(build: Build) -> None:
    slow = Slow()
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
    alice, bob = parsed(connection.received)
    assert b"Alice" in alice.body
    assert b"Bob" in bob.body
    connection.close()
