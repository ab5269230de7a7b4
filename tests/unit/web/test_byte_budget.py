"""W140: no page is larger than 30 KiB, however long the fields are; the page links to what it leaves out."""

import re
from typing import Any

import pytest

from gateway.directory.fields import MAX_ENTRIES
from tests import sample_people
from tests.unit.web.browser import Browser
from tests.unit.web.conftest import Build
from tests.unit.web.plans import BROWSER, E, decode_json, write_plan

MAX_PAGE_BYTES = 30 * 1024
SHOWN = (*sample_people.VISIBLE_TO_EVERYONE, "irc", "former")
LINES = {"pronouns": 64, "pronunciation": 128, "title": 128, "organisation": 128, "office": 128,
         "office_phone": 64, "home_phone": 64,
         "email": 254, "location": 128, "project": 512, "fediverse": 256}  # fmt: skip
WORST = {"&": "escaped character", "山": "three bytes", "👩‍👩‍👧‍👦": "family emoji", '"': "quotation mark"}


def full_person(login: str, character: str) -> dict[str, Any]:
    """Return a person whose every field is filled with *character* up to its limit."""

    def filled(size: int) -> str:
        return (character * size)[:size]

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


@pytest.mark.parametrize("character", WORST, ids=WORST.values())
def test_page_of_a_person_with_every_field_full(build: Build, character: str) -> None:
    web = build(people=[full_person("full", character)])
    page = web.request("/users/full.html").body
    assert len(page) <= MAX_PAGE_BYTES
    text = page.decode()
    assert '<a href="/users/full/plan">The whole plan, as text</a>' in text
    links, keys = text.count('rel="me nofollow ugc"'), text.count('<pre class="p-key"')
    assert links < MAX_ENTRIES
    assert f"{links or 'None'} of 32 links fit on this page" in text
    assert f"{keys or 'None'} of 32 keys fit on this page" in text
    document = decode_json(web.request("/users/full.json"))
    assert (len(document["links"]), len(document["keys"]), len(document["plan"])) == (MAX_ENTRIES, MAX_ENTRIES, 60_000)


def test_what_fits_is_shown_in_full(build: Build) -> None:
    links = [{"url": f"https://{n}.example/", "me": True} for n in range(MAX_ENTRIES)]
    keys = [{"kind": "ssh", "label": f"{n}", "text": f"ssh-ed25519 {'A' * 68} {n}"} for n in range(20)]
    plan = "".join(f"{n:4} a line of a plan that is as long as they are\n" for n in range(150))
    web = build(
        people=[{"login": "al", "links": links, "keys": keys, "plan": plan, "visibility": {"keys": "everyone"}}]
    )
    page = web.request("/users/al.html").body.decode()
    assert "fit on this page" not in page
    assert "The whole plan" not in page
    assert page.count('rel="me nofollow ugc"') == MAX_ENTRIES
    assert page.count('<pre class="p-key"') == 20
    assert "149 a line" in page


@pytest.mark.parametrize("plan", ["& " * 8000, "山" * 16_000, "http://a.b\n" * 1500, "x" * 16_000, "'\n" * 8000],
                         ids=["escaped", "letters", "links", "one-line", "lines"])  # fmt: skip
def test_a_plan_is_cut_to_the_space_left(build: Build, plan: str) -> None:
    web = build(people=[{"login": "al", "plan": plan}])
    page = web.request("/users/al.html").body
    assert len(page) <= MAX_PAGE_BYTES
    if plan.count("\n") > 2000:  # the number of lines is limited too
        assert len(page.split(b"</pre>")[0].split(b"<pre")[1].splitlines()) == 1000
        return
    assert plan == "x" * 16_000 or len(page) > MAX_PAGE_BYTES * 2 // 3  # of one endless line about half is shown
    assert (b"The whole plan, as text" in page) == (plan != "x" * 16_000)


def list_all_logins(web: Browser, path: str) -> list[str]:
    """Return the logins in a list, following its pages; each page must stay within the limit."""
    found: list[str] = []
    following: str | None = path
    while following:
        page = web.request(following, Accept=BROWSER).body
        assert len(page) <= MAX_PAGE_BYTES
        text = page.decode()
        found += re.findall(r'<a class="u-url p-name" href="/users/([^"]+)"', text)
        (following,) = re.findall('rel="next" href="([^"]+)"', text) or [None]
        following = following and following.replace("&amp;", "&")
    return found


def test_a_list_page_ends_at_the_size_limit(build: Build) -> None:
    people = [full_person(f"p{n:02}", "&") for n in range(60)]
    web = build(people=people)
    logins = [each["login"] for each in people]
    assert list_all_logins(web, "/users") == logins
    assert sorted(list_all_logins(web, "/users?q=adams")) == logins
    assert len(decode_json(web.request("/users?q=adams", Accept="application/json"))["people"]) == 50
    page = web.request("/users/adams", Accept=BROWSER)
    assert page.code == 300
    assert len(page.body) <= MAX_PAGE_BYTES
    assert b"60 people have that name; these are the first" in page.body


def test_front_page_shows_the_beginning_of_each_plan(build: Build) -> None:
    web = build(people=[full_person(f"p{n:02}", "&") for n in range(12)])
    for n in range(12):
        write_plan(web.built, f"p{n:02}", f"{n} words " + "word &" * 40_000, n, E)
    page = web.request("/", Accept=BROWSER).body
    assert len(page) <= MAX_PAGE_BYTES
    assert b'<p dir="auto">11 words word &amp;word' in page
    assert "…</p>".encode() in page
