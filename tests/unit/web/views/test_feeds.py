"""Plans as feeds: only public plans, whoever requests them."""

from dataclasses import replace
from typing import Any
from xml.etree import ElementTree as ET

import feedparser
import pytest

from gateway.directory.interfaces import Remove
from gateway.directory.privacy import Policy
from tests.sample_people import people
from tests.unit.fixtures import ALICE, BOB, CAROL, ZOFIE, make_create_edit, write_edits
from tests.unit.web.browser import MEMBER, Browser
from tests.unit.web.conftest import Build
from tests.unit.web.plans import E, M, N, decode_json, hours_later, set_visibility, without_date, write_plan

FEEDS = ("/users/alice/feed.atom", "/users/alice/feed.json", "/feed.atom", "/feed.json")
# C0 and C1 control characters, and the characters that change the direction of text.
CONTROLS = [*range(0x20), *range(0x7F, 0xA0), *range(0x202A, 0x202F), *range(0x2066, 0x206A), 0xFFFE, 0xFEFF]


@pytest.fixture
def tea(build: Build) -> Browser:
    """Return a site where alice has three plans, one of them for members, and bob one."""
    web = build(people=[ALICE, BOB, CAROL, ZOFIE])
    write_plan(web.built, "alice", "-----\nKettle on\n  & <two> cups\n", 1)
    write_plan(web.built, "alice", "For members", 2, M)
    write_plan(web.built, "bob", "Bob's first", 3)
    write_plan(web.built, "alice", "Kettle off\n", 4)
    return web


def read(web: Browser, path: str) -> Any:
    """Return the feed as parsed by feedparser; assert that it finds no error."""
    answer = web.request(path)
    assert answer.code == 200, answer
    ET.fromstring(answer.body)
    feed = feedparser.parse(answer.body, response_headers={"content-type": answer["content-type"]})
    assert not feed.bozo, feed.bozo_exception
    return feed


def titles(web: Browser, path: str = "/users/alice/feed") -> list[str]:
    atom = [entry.title for entry in read(web, f"{path}.atom").entries]
    assert atom == [item["title"] for item in decode_json(web.request(f"{path}.json"))["items"]]
    return atom


def test_W028_one_entry_per_plan_change(tea: Browser) -> None:
    answer = tea.request("/users/alice/feed.atom")
    assert answer["content-type"] == "application/atom+xml; charset=utf-8"
    assert answer["cache-control"] == "public, max-age=0, must-revalidate"
    assert answer["access-control-allow-origin"] == "*"
    feed = read(tea, "/users/alice/feed.atom")
    assert (feed.version, feed.feed.title, feed.feed.id) == (
        "atom10", "Alice Adams (alice)", "tag:dir.test,2026:users/alice/feed",
    )  # fmt: skip
    assert feed.feed.updated == "2026-11-20T13:30:00Z"
    assert feed.feed.author_detail == {"name": "Alice Adams", "href": "https://dir.test/users/alice"}
    assert [(link.rel, link.type, link.href) for link in feed.feed.links] == [
        ("self", "application/atom+xml", "https://dir.test/users/alice/feed.atom"),
        ("alternate", "text/html", "https://dir.test/users/alice"),
        ("alternate", "application/feed+json", "https://dir.test/users/alice/feed.json"),
    ]
    newest, oldest = feed.entries
    assert (newest.title, newest.updated, newest.published) == ("Kettle off", "2026-11-20T13:30:00Z", newest.updated)
    assert oldest.title == "Kettle on"
    assert oldest.id == "tag:dir.test,2026-11-20:alice/20261120T103000.000000Z"
    assert oldest.link == "https://dir.test/users/alice/history#20261120T103000.000000Z"
    assert oldest.content[0].type == "text/html"
    assert oldest.content[0].value == "<pre>\n-----\nKettle on\n  &amp; &lt;two&gt; cups\n</pre>"


def test_W028_JSON_feed(tea: Browser) -> None:
    answer = tea.request("/users/alice/feed", Accept="application/feed+json")
    assert answer["content-type"] == "application/feed+json"
    assert answer["vary"] == "Accept, Accept-Encoding"
    feed = decode_json(answer)
    items = feed.pop("items")
    assert feed == {
        "version": "https://jsonfeed.org/version/1.1",
        "title": "Alice Adams (alice)",
        "home_page_url": "https://dir.test/users/alice",
        "feed_url": "https://dir.test/users/alice/feed.json",
        "authors": [{"name": "Alice Adams", "url": "https://dir.test/users/alice"}],
    }
    assert items[1] == {
        "id": "tag:dir.test,2026-11-20:alice/20261120T103000.000000Z",
        "url": "https://dir.test/users/alice/history#20261120T103000.000000Z",
        "title": "Kettle on",
        "content_text": "-----\nKettle on\n  & <two> cups\n",
        "content_html": "<pre>\n-----\nKettle on\n  &amp; &lt;two&gt; cups\n</pre>",
        "date_published": "2026-11-20T10:30:00Z",
    }
    assert [item["title"] for item in items] == ["Kettle off", "Kettle on"]


def test_W028_common_feed_of_the_newest_plans(tea: Browser) -> None:
    feed = read(tea, "/feed.atom")
    assert (feed.feed.title, feed.feed.id, feed.feed.updated) == (
        "The Tea Club", "tag:dir.test,2026:feed", "2026-11-20T13:30:00Z",
    )  # fmt: skip
    assert [(entry.title, entry.author) for entry in feed.entries] == [
        ("Kettle off", "Alice Adams"), ("Bob's first", "Bob Adams"), ("Kettle on", "Alice Adams"),
    ]  # fmt: skip
    feed = decode_json(tea.request("/feed.json"))
    assert [item["authors"][0]["name"] for item in feed["items"]] == ["Alice Adams", "Bob Adams", "Alice Adams"]
    assert (feed["title"], feed["home_page_url"], "authors" in feed) == ("The Tea Club", "https://dir.test/", False)


def test_W028_the_common_feed_limits_the_entries_of_a_person(tea: Browser) -> None:
    for number in range(5):
        write_plan(tea.built, "bob", f"Bob's {number}", 5 + number)
    assert titles(tea, "/feed") == ["Bob's 4", "Bob's 3", "Bob's 2", "Kettle off", "Kettle on"]


def test_W028_an_entry_does_not_change(tea: Browser) -> None:
    """Later changes do not change its id, date and text."""
    before = {entry.id: (entry.updated, entry.content[0].value) for entry in read(tea, FEEDS[0]).entries}
    write_plan(tea.built, "alice", "Kettle on\n", 30)
    set_visibility(tea.built, "alice", 31, office=E)
    after = {entry.id: (entry.updated, entry.content[0].value) for entry in read(tea, FEEDS[0]).entries}
    assert len(before) == 2
    assert len(after) == 3
    assert before.items() <= after.items()


@pytest.mark.parametrize("path", FEEDS)
def test_members_get_the_feeds_of_strangers(tea: Browser, path: str) -> None:
    """A feed shows what everyone may see, since many people may share one feed reader."""
    assert without_date(tea.request(path, peer=MEMBER)) == without_date(tea.request(path))
    assert b"For members" not in tea.request(path, peer=MEMBER).body


def test_hiding_a_plan_removes_its_entries_at_once(tea: Browser) -> None:
    before = {path: tea.request(path) for path in FEEDS}
    set_visibility(tea.built, "alice", 5, plan=M)
    assert (titles(tea), titles(tea, "/feed")) == ([], ["Bob's first"])
    for path, old in before.items():  # nor does a cached copy stay valid
        assert tea.request(path, If_None_Match=old["etag"]).code == 200
        assert tea.request(path, If_Modified_Since=old.headers.get("last-modified", "")).code == 200
    set_visibility(tea.built, "alice", 6, plan=E)
    assert titles(tea) == ["Kettle off", "Kettle on"]


def test_a_stricter_policy_removes_entries_at_once(tea: Browser) -> None:
    assert len(titles(tea, "/feed")) == 3
    titles(tea)
    tea.built.deps.directory.set_policy(Policy.preset("C"))
    assert (titles(tea), titles(tea, "/feed")) == ([], [])


def test_W144_unlisted_people_have_only_their_own_feed(tea: Browser) -> None:
    titles(tea, "/feed")
    set_visibility(tea.built, "alice", 5, listed=False)
    assert titles(tea, "/feed") == ["Bob's first"]
    assert titles(tea) == ["Kettle off", "Kettle on"]
    assert tea.request(FEEDS[0])["x-robots-tag"] == "noindex"
    assert "x-robots-tag" not in tea.request("/feed.atom")


@pytest.mark.parametrize("ending", ["", ".atom", ".json"])
def test_hidden_and_unknown_people_get_the_same_response(tea: Browser, ending: str) -> None:
    write_plan(tea.built, "carol", "Nobody sees this either", 5)
    assert without_date(tea.request(f"/users/carol/feed{ending}")) == without_date(
        tea.request(f"/users/nobody/feed{ending}")
    )
    assert "Nobody sees this either" not in titles(tea, "/feed")
    set_visibility(tea.built, "alice", 6, name=N)
    assert without_date(tea.request(f"/users/alice/feed{ending}")) == without_date(
        tea.request(f"/users/nobody/feed{ending}")
    )
    assert tea.request(f"/users/nobody/feed{ending}").code == 404


def test_removed_people_have_no_feed(tea: Browser) -> None:
    for path in FEEDS:
        assert tea.request(path).code == 200
    write_edits(tea.built.database_path, [Remove("alice")])
    tea.built.poll_store()
    assert [tea.request(path).code for path in FEEDS] == [404, 404, 200, 200]
    assert titles(tea, "/feed") == ["Bob's first"]


@pytest.mark.parametrize("path", FEEDS)
def test_W004_W119_validators(tea: Browser, path: str) -> None:
    """Strong etags that stay the same for an hour; HEAD sends the headers of GET."""
    answer = tea.request(path)
    assert answer["etag"].startswith('"')
    tea.built.clock.advance(3600)
    assert without_date(tea.request(path)) == without_date(answer)
    again = tea.request(path, If_None_Match=answer["etag"])
    assert (again.code, again.body) == (304, b"")
    head = tea.request(path, "HEAD")
    assert (head.code, head.body, head["content-length"]) == (200, b"", answer["content-length"])
    write_plan(tea.built, "alice", "Another", 9)
    assert tea.request(path, If_None_Match=answer["etag"]).code == 200
    assert tea.request(path)["etag"] != answer["etag"]


def test_W004_the_date_is_that_of_the_newest_plan(tea: Browser) -> None:
    set_visibility(tea.built, "alice", 5, office=E)
    assert tea.request(FEEDS[0])["last-modified"] == "Fri, 20 Nov 2026 13:30:00 GMT"
    # the feed also contains names, which change at other dates, so the date alone is no validator
    assert tea.request(FEEDS[0], If_Modified_Since="Fri, 20 Nov 2026 13:30:00 GMT").code == 200
    assert "last-modified" not in tea.request("/users/zofie/feed.atom")


def test_W006_the_size_of_a_feed_is_limited(tea: Browser) -> None:
    for number in range(20):
        write_plan(tea.built, "alice", f"{number}\n" + "& <\n" * 4000, 10 + number)
    for path in FEEDS[:2]:
        answer = tea.request(path)
        assert b"19" in answer.body
        assert len(answer.body) < 2 * 1024 * 1024
    assert titles(tea) == [str(number) for number in range(19, 11, -1)]


def test_empty_feed(tea: Browser) -> None:
    """Its date is that of the profile, not the current time."""
    feed = read(tea, "/users/zofie/feed.atom")
    assert (feed.entries, feed.feed.updated) == ([], "2026-11-20T09:30:00Z")
    assert decode_json(tea.request("/users/zofie/feed.json"))["items"] == []
    write_plan(tea.built, "zofie", " \n\n", 6)  # nothing to read
    assert titles(tea, "/users/zofie/feed") == []


def test_W117_feeds_are_well_formed_whatever_a_plan_contains(tea: Browser) -> None:
    text = "]]><x>&amp;\n" + "".join(f"x{chr(code)}y\n" for code in CONTROLS)
    write_plan(tea.built, "alice", text, 5)
    for path in ("/users/alice/feed.atom", "/feed.atom"):
        value = read(tea, path).entries[0].content[0].value
        assert not [f"{code:x}" for code in CONTROLS if chr(code) in value and chr(code) not in "\t\n"]
        assert "]]&gt;&lt;x&gt;&amp;amp;" in value
    assert "]]><x>&amp;" in decode_json(tea.request("/users/alice/feed.json"))["items"][0]["content_text"]


def test_W028_fifty_people(build: Build) -> None:
    """Atom is well-formed for all of them, and both formats have the same entries."""
    documents = people(28)
    web = build(people=[])
    write_edits(
        web.built.database_path, [replace(make_create_edit(each), plan_level=E) for each in documents], hours_later(0)
    )
    web.built.poll_store()
    for each in documents:
        path = f"/users/{each['login']}/feed"
        items = decode_json(web.request(f"{path}.json"))["items"]
        entries = read(web, f"{path}.atom").entries
        assert len(items) == ("plan" in each)
        assert [(entry.id, entry.title) for entry in entries] == [(item["id"], item["title"]) for item in items]
    assert len(titles(web, "/feed")) == 30


def test_a_long_plan_is_cut_at_a_line_end(tea: Browser) -> None:
    write_plan(tea.built, "alice", "0123456789\n" * 20_000, 5)
    (item, *_) = decode_json(tea.request(FEEDS[1]))["items"]
    assert item["content_text"].endswith("0123456789\n…\n")
    assert 16_000 < len(item["content_text"]) < 16_400


def test_only_the_last_of_two_plans_of_one_moment_is_an_entry(tea: Browser) -> None:
    write_plan(tea.built, "bob", "Never seen", 5)
    write_plan(tea.built, "bob", "Stood", 5)
    assert titles(tea, "/users/bob/feed") == ["Stood", "Bob's first"]


def test_an_unchanged_feed_is_not_rendered_again(tea: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    first = {path: tea.request(path).body for path in FEEDS}
    requested: list[str] = []
    reading = tea.built.store.history

    async def watched(login: str, *rest: Any) -> Any:
        requested.append(login)
        return await reading(login, *rest)

    monkeypatch.setattr(tea.built.store, "history", watched)
    assert {path: tea.request(path).body for path in FEEDS} == first
    assert requested == []
    write_plan(tea.built, "bob", "Bob's second", 5)
    assert titles(tea, "/feed")[0] == "Bob's second"
