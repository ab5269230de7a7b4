"""Lists on the web: people, search results, who is online, the front page."""

import re
from datetime import UTC, datetime
from itertools import chain
from typing import Any

import msgspec
import pytest

from gateway.directory.interfaces import Create, Modify, Remove
from gateway.directory.person import Login, Visibility
from tests.unit.fixtures import ALICE, BOB, CAROL, ZOFIE
from tests.unit.web.browser import MEMBER, Browser
from tests.unit.web.conftest import Build

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
JSON = "application/json"
E = Visibility.EVERYONE
CROWD = [{"login": f"p{n:03}", "name": f"Pat Number{n:03}"} for n in range(120)]


def people(web: Browser, path: str, **more: Any) -> list[str]:
    return [each["login"] for each in read(web, path, **more)["people"]]


def read(web: Browser, path: str, **more: Any) -> dict[str, Any]:
    answer = web.request(path, Accept=JSON, **more)
    assert answer.code == 200, answer
    document: dict[str, Any] = msgspec.json.decode(answer.body)
    return document


def pages(web: Browser, path: str, **more: Any) -> list[list[str]]:
    """Return all pages of a list, following their `next` links."""
    found = []
    following: str | None = path
    while following:
        document = read(web, following, **more)
        found.append([each["login"] for each in document["people"]])
        following = document.get("next")
    return found


def test_W023_only_listed_people_are_listed(build: Build) -> None:
    web = build(people=[ALICE, {**BOB, "listed": False}, CAROL, {**ZOFIE, "visibility": {"name": "members"}}])
    assert people(web, "/users") == ["alice"]
    assert people(web, "/users", peer=MEMBER) == ["alice", "zofie"]
    page = web.request("/users", Accept=BROWSER).body.decode()
    assert '<a class="u-url p-name" href="/users/alice" dir="auto">Alice Adams</a>' in page
    for hidden in ("bob", "carol", "zofie", "Carol Hidden"):
        assert hidden not in page
    assert web.request("/users").body.decode() == "Login  Name\nalice  Alice Adams\n"


def test_W023_pages_of_fifty_link_to_the_next(build: Build) -> None:
    web = build(people=CROWD)
    found = pages(web, "/users")
    assert [len(page) for page in found] == [50, 50, 20]
    assert list(chain(*found)) == [each["login"] for each in CROWD]
    first = web.request("/users", Accept=BROWSER)
    (link,) = re.findall(r'<(/users\?after=[^>]+)>; rel="next"', first["link"])
    assert f'<a class="btn" rel="next" href="{link}">Next page</a>' in first.body.decode()
    second = web.request(link, Accept=BROWSER).body.decode()
    assert "/users/p050" in second
    assert "First page" in second
    assert "link" not in web.request(read(web, link)["next"], Accept=BROWSER)
    assert f"More: https://dir.test{link}\n" in web.request("/users").body.decode()


def test_W146_pagination_stays_right_while_people_change(build: Build) -> None:
    web = build(people=CROWD)
    document = read(web, "/users")
    web.built.change(
        Remove("p049"), Remove("p003"), Create("p0000", {"name": "Early"}), Create("p0505", {"name": "Late"})
    )
    web.built.poll_store()
    second = read(web, document["next"])
    assert [each["login"] for each in second["people"]][:3] == ["p050", "p0505", "p051"]
    everyone = {each["login"] for each in document["people"]} | set(chain(*pages(web, document["next"])))
    assert everyone == {each["login"] for each in CROWD} | {"p0505"}


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("alice", ["alice"]), ("ALI", ["alice"]), ("adams", ["alice", "bob"]), ("ada", ["alice", "bob"]),
        ("adams+al", ["alice"]), ("cerna", ["zofie"]), ("%C4%8CERN%C3%81", ["zofie"]), ("ally", ["alice"]),
        ("dams", []), ("%25", []), ("*", []), ("_", []), ("hidden", []), ("carol", []), ("b12", []),
        ("alice%40dir.test", []), ("555", []), ("kettle", []), ("x%22+OR+a", []), ("%22", []), ("a", ["alice", "bob"]),
    ],
)  # fmt: skip
def test_W023_search(web: Browser, query: str, found: list[str]) -> None:
    """By login, full name and visible aliases, each search term a prefix of a word; not by office, email or phone."""
    assert people(web, f"/users?q={query}") == found


def test_W023_a_hidden_alias_is_not_found(build: Build) -> None:
    web = build(people=[{**ALICE, "visibility": {"aliases": "members"}}])
    assert people(web, "/users?q=ally") == []
    assert people(web, "/users?q=ally", peer=MEMBER) == ["alice"]


def test_W023_best_matches_come_first(build: Build) -> None:
    names = {"zed": "Ann Zed", "anna": "Bo", "ann": "Cy", "x": "Mary Ann", "y": "Annabel"}
    web = build(people=[{"login": login, "name": name} for login, name in names.items()])
    assert people(web, "/users?q=ann") == ["ann", "anna", "y", "zed", "x"]


def test_W146_the_URL_contains_the_search(build: Build) -> None:
    web = build(people=CROWD)
    document = read(web, "/users?q=number")
    assert document["next"].startswith("/users?q=number&after=")
    assert [len(page) for page in pages(web, "/users?q=number")] == [50, 50, 20]
    page = web.request("/users?q=pat+number", Accept=BROWSER).body.decode()
    assert '<input id="q" name="q" type="search" value="pat number"' in page
    assert "<title>pat number – People – The Tea Club</title>" in page


def test_W023_an_incomplete_result_says_so(build: Build) -> None:
    web = build(people=[{"login": f"p{n:03}", "name": f"Pat N{n:03}"} for n in range(230)])
    assert sum(map(len, pages(web, "/users?q=pat"))) == 200
    assert b"More people match" in web.request("/users?q=pat", Accept=BROWSER).body
    assert b"More people match" in web.request("/users?q=pat").body
    assert people(web, "/users?q=pat+n229") == ["p229"]


def test_W023_hidden_namesakes_do_not_push_out_a_visible_person(build: Build) -> None:
    hidden = [{"login": f"h{n:03}", "name": "Sam Same", "hidden": True} for n in range(450)]
    web = build(people=[*hidden, {"login": "seen", "name": "Sam Same"}])
    assert people(web, "/users?q=same") == ["seen"]
    assert people(web, "/users") == ["seen"]


@pytest.mark.parametrize("after", ["~", "9~x", "0", "1~zzz", "%00", "x" * 500, "0~alice%27--", "-1~"])
def test_W146_invalid_cursors(web: Browser, after: str) -> None:
    assert web.request(f"/users?after={after}").code in (200, 400)
    assert web.request(f"/users?q=adams&after={after}").code in (200, 400)


@pytest.mark.parametrize("query", ["q=a&q=b", "after=a&after=b", "q=%ff", "q=" + "x" * 201, "&".join(["x=1"] * 30)])
def test_W023_invalid_queries(web: Browser, query: str) -> None:
    answer = web.request(f"/users?{query}")
    assert answer.code == 400
    assert answer.body == b"This request cannot be understood.\n"


def test_W023_the_search_text_is_escaped(web: Browser) -> None:
    page = web.request("/users?q=%22%3E%3Cscript%3E%1b%5B31m", Accept=BROWSER).body.decode()
    assert "<script>" not in page
    assert "\x1b" not in page
    assert "Nobody matches" in page


def test_W023_a_list_is_one_access_log_entry(build: Build) -> None:
    web = build(people=[ALICE])
    for path in ("/users", "/users?q=al", "/online", "/users/"):
        web.request(path)
    entries = [(each["verb"], each["query"], each["outcome"]) for each in web.built.access_log_entries]
    assert entries == [
        ("list", "", "listed"),
        ("search", "al", "listed"),
        ("list", "", "listed"),
        ("page", "/users/", "not_found"),
    ]


def test_W023_lists_contain_no_long_texts(build: Build) -> None:
    web = build(people=[{**ALICE, "plan": "x" * 100_000}])
    (alice,) = read(web, "/users")["people"]
    assert "plan" not in alice
    assert alice["title"] == "Keeper of the kettle"


# who is online

HERE = Login(
    terminal="pts/7",
    origin="desk.dir.test",
    since=datetime(2026, 6, 1, 9, tzinfo=UTC),
    active=datetime(2026, 6, 1, 9, 30, tzinfo=UTC),
)


def test_W024_online_people(build: Build) -> None:
    web = build(
        people=[
            {**ALICE, "visibility": {"presence": "everyone"}},
            BOB,
            {**CAROL, "visibility": {"presence": "everyone"}},
            {**ZOFIE, "visibility": {"presence": "everyone", "terminal": "everyone", "idle": "nobody"}, "listed": True},
            {"login": "erin", "name": "Erin", "listed": False, "visibility": {"presence": "everyone"}},
        ]
    )
    assert b"No one is logged on." in web.request("/online").body
    assert b"No one is logged on." in web.request("/online", Accept=BROWSER).body
    on = {login: [HERE] for login in ("alice", "bob", "carol", "zofie", "erin", "root")}
    web.built.deps.directory.presence.update("test", on)
    assert people(web, "/online") == ["alice", "zofie"]
    assert people(web, "/online", peer=MEMBER) == ["alice", "bob", "zofie"]
    alice, zofie = read(web, "/online")["people"]
    assert alice["online"] is True
    assert alice["logins"] == [{"since": "2026-06-01T09:00:00Z", "active": "2026-06-01T09:30:00Z"}]
    assert zofie["logins"] == [{"terminal": "pts/7", "since": "2026-06-01T09:00:00Z"}]
    page = web.request("/online", Accept=BROWSER).body.decode()
    assert "pts/7" in page
    assert "desk.dir.test" not in page
    assert web.request("/online").body.decode() == "Login  Name\nalice  Alice Adams\nzofie  Žofie Černá\n"
    web.built.deps.directory.presence.update("test", {})
    assert people(web, "/online") == []


def test_W024_a_profile_shows_presence(build: Build) -> None:
    web = build(people=[{**ALICE, "visibility": {"presence": "everyone"}}, BOB])
    web.built.deps.directory.presence.update("test", {"alice": [HERE], "bob": [HERE]})
    document = msgspec.json.decode(web.request("/users/alice.json").body)
    assert document["online"] is True
    assert "Online since" in web.request("/users/alice.html").body.decode()
    assert "online" not in msgspec.json.decode(web.request("/users/bob.json").body)
    assert "On now" not in web.request("/users/bob.html").body.decode()
    tag = web.request("/users/alice.json")["etag"]
    web.built.deps.directory.presence.update("test", {"alice": [HERE], "bob": [HERE]})
    assert web.request("/users/alice.json")["etag"] == tag


# the front page


def test_W025_front_page(build: Build) -> None:
    web = build(
        people=[
            {"login": "alice", "name": "Alice Adams"},
            {**BOB, "visibility": {"presence": "everyone"}},
            CAROL,
            {"login": "erin", "listed": False},
        ]
    )
    plans = {"alice": "First line", "bob": "\n---\nBob's first line\nand more", "carol": "Nobody", "erin": "Erin's"}
    web.built.change(*(Modify(login, {"plan": plan}, plan_level=E) for login, plan in plans.items()))
    web.built.poll_store()
    web.built.deps.directory.presence.update("test", {"bob": [HERE], "alice": [HERE]})
    page = web.request("/", Accept=BROWSER).body.decode()
    assert 'action="/users"' in page
    assert "Bob&#39;s first line" in page
    assert page.index("Bob&#39;s first line") < page.index("First line")  # his is newer
    assert '<ul class="faces">' in page
    for hidden in ("Carol", "Nobody", "Erin"):
        assert hidden not in page
    document = read(web, "/")
    assert [each["login"] for each in document["newest"]] == ["bob", "alice"]
    assert [each["login"] for each in document["online"]] == ["bob"]
    text = web.request("/").body.decode()
    assert re.search(r"^  \d{4}-\d\d-\d\d  bob +Bob's first line$", text, re.M)


def test_W025_each_person_once_and_by_the_visibility_of_the_plan(build: Build) -> None:
    web = build(people=[ALICE, {**BOB, "plan": "one"}])
    web.built.change(Modify("bob", {"plan": "one and a half"}, plan_level=E))
    web.built.change(Modify("bob", {"plan": "two"}, plan_level=Visibility.NOBODY))
    web.built.change(Modify("alice", {"plan": "again"}, plan_level=E))
    web.built.poll_store()
    assert [each["login"] for each in read(web, "/")["newest"]] == ["alice"]


def test_W025_site_without_people(build: Build) -> None:
    web = build(people=[])
    assert b"Nobody has written a plan yet." in web.request("/", Accept=BROWSER).body
    assert b"Nobody has written a plan yet." in web.request("/").body
    assert b"Nobody is listed here." in web.request("/users", Accept=BROWSER).body
    assert b"Nobody is listed here." in web.request("/users").body
