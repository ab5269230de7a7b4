"""W140: no page is over 30 KiB, whatever people write down; what has no room is a link away."""

import re
from typing import Any

import pytest

from gateway.directory.fields import MAX_ENTRIES
from tests import people50
from tests.unit.web.conftest import Build
from tests.unit.web.plans import BROWSER, E, json, say
from tests.unit.web.wire import Browser

PAGE = 30 * 1024
SHOWN = (*people50.SHOWN, "irc", "former")
LINES = {"pronouns": 64, "pronunciation": 128, "title": 128, "organisation": 128, "office": 128,
         "office_phone": 64, "home_phone": 64,
         "email": 254, "location": 128, "project": 512, "fediverse": 256}  # fmt: skip
WORST = {"&": "a sign that is escaped", "山": "three bytes", "👩‍👩‍👧‍👦": "a family", '"': "a quotation"}


def full(login: str, sign: str) -> dict[str, Any]:
    """Somebody whose every field holds as much of *sign* as it takes."""

    def filled(size: int) -> str:
        return (sign * size)[:size]

    person: dict[str, Any] = {name: filled(size) for name, size in LINES.items()}
    return {
        "login": login,
        **person,
        "name": f"{filled(120)} Adams",
        "aliases": [f"{login}{n}".ljust(64, "山") for n in range(MAX_ENTRIES)],
        "timezone": "America/Argentina/ComodRivadavia",
        "links": [{"label": filled(64), "url": "https://a.test/" + "&" * 1000, "me": True} for _ in range(MAX_ENTRIES)],
        "keys": [{"kind": filled(64), "label": filled(64), "text": filled(4096)} for _ in range(MAX_ENTRIES)],
        "irc": [{"network": filled(128), "account": filled(128)} for _ in range(8)],
        "plan": filled(60_000),
        "status": {"text": filled(256), "until": "2099-01-01T00:00:00Z"},
        "visibility": dict.fromkeys(SHOWN, "everyone"),
    }


@pytest.mark.parametrize("sign", WORST, ids=WORST.values())
def test_a_person_with_all_there_can_be(build: Build, sign: str) -> None:
    web = build(people=[full("full", sign)])
    page = web.ask("/users/full.html").body
    assert len(page) <= PAGE
    text = page.decode()
    assert '<a href="/users/full/plan">The whole plan, as text</a>' in text
    links, keys = text.count('rel="me nofollow ugc"'), text.count('<pre class="p-key"')
    assert links < MAX_ENTRIES
    assert f"{links or 'None'} of 32 links fit on this page" in text
    assert f"{keys or 'None'} of 32 keys fit on this page" in text
    told = json(web.ask("/users/full.json"))
    assert (len(told["links"]), len(told["keys"]), len(told["plan"])) == (MAX_ENTRIES, MAX_ENTRIES, 60_000)


def test_what_fits_is_told_whole(build: Build) -> None:
    links = [{"url": f"https://{n}.example/", "me": True} for n in range(MAX_ENTRIES)]
    keys = [{"kind": "ssh", "label": f"{n}", "text": f"ssh-ed25519 {'A' * 68} {n}"} for n in range(20)]
    plan = "".join(f"{n:4} a line of a plan that is as long as they are\n" for n in range(150))
    web = build(
        people=[{"login": "al", "links": links, "keys": keys, "plan": plan, "visibility": {"keys": "everyone"}}]
    )
    page = web.ask("/users/al.html").body.decode()
    assert "fit on this page" not in page
    assert "The whole plan" not in page
    assert page.count('rel="me nofollow ugc"') == MAX_ENTRIES
    assert page.count('<pre class="p-key"') == 20
    assert "149 a line" in page


@pytest.mark.parametrize("plan", ["& " * 8000, "山" * 16_000, "http://a.b\n" * 1500, "x" * 16_000, "'\n" * 8000],
                         ids=["signs", "letters", "links", "a line", "lines"])  # fmt: skip
def test_a_plan_gets_what_room_there_is(build: Build, plan: str) -> None:
    web = build(people=[{"login": "al", "plan": plan}])
    page = web.ask("/users/al.html").body
    assert len(page) <= PAGE
    if plan.count("\n") > 2000:  # each of which costs time
        assert len(page.split(b"</pre>")[0].split(b"<pre")[1].splitlines()) == 1000
        return
    assert plan == "x" * 16_000 or len(page) > PAGE * 2 // 3  # of a line without end about half
    assert (b"The whole plan, as text" in page) == (plan != "x" * 16_000)


def listed(web: Browser, path: str) -> list[str]:
    """Whoever is in a list for people, by following its pages; each has to be small."""
    found: list[str] = []
    following: str | None = path
    while following:
        page = web.ask(following, Accept=BROWSER).body
        assert len(page) <= PAGE
        text = page.decode()
        found += re.findall(r'<a class="u-url p-name" href="/users/([^"]+)"', text)
        (following,) = re.findall('rel="next" href="([^"]+)"', text) or [None]
        following = following and following.replace("&amp;", "&")
    return found


def test_lists_end_where_their_page_is_full(build: Build) -> None:
    people = [full(f"p{n:02}", "&") for n in range(60)]
    web = build(people=people)
    logins = [each["login"] for each in people]
    assert listed(web, "/users") == logins
    assert sorted(listed(web, "/users?q=adams")) == logins
    assert len(json(web.ask("/users?q=adams", Accept="application/json"))["people"]) == 50
    page = web.ask("/users/adams", Accept=BROWSER)
    assert page.code == 300
    assert len(page.body) <= PAGE
    assert b"60 people have that name; these are the first" in page.body


def test_the_front_page_shows_the_beginning_of_each_plan(build: Build) -> None:
    web = build(people=[full(f"p{n:02}", "&") for n in range(12)])
    for n in range(12):
        say(web.built, f"p{n:02}", f"{n} words " + "word &" * 40_000, n, E)
    page = web.ask("/", Accept=BROWSER).body
    assert len(page) <= PAGE
    assert b'<p dir="auto">11 words word &amp;word' in page
    assert "…</p>".encode() in page
