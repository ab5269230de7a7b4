"""robots.txt, sitemap.xml and security.txt."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from gateway.directory.interfaces import Remove
from gateway.directory.privacy import Policy
from gateway.web.app import WebService
from gateway.web.settings import WebSettings
from gateway.web.views import well_known
from gateway.web.views.well_known import expires
from tests.unit.fixtures import ALICE, BOB, CAROL, ZOFIE, make_create_edit, write_edits
from tests.unit.web.browser import MEMBER, Browser, Response, SlowSource
from tests.unit.web.conftest import Build
from tests.unit.web.plans import M, N, hours_later, set_visibility, without_date, write_plan

SITEMAP = "{http://www.sitemaps.org/schemas/sitemap/0.9}"


@pytest.fixture
def club(build: Build) -> Browser:
    return build(people=[ALICE, BOB, CAROL, ZOFIE, {"login": "žluť", "name": "Žluť"}])


def sitemap_urls(answer: Response) -> dict[str, str | None]:
    """Return the URLs of a sitemap with their dates; assert the schema of sitemaps.org."""
    assert (answer.code, answer["content-type"]) == (200, "application/xml")
    root = ET.fromstring(answer.body)
    assert root.tag == f"{SITEMAP}urlset"
    found: dict[str, str | None] = {}
    for url in root:
        tags = [child.tag.removeprefix(SITEMAP) for child in url]
        assert (url.tag, tags[0], set(tags[1:]) <= {"lastmod"}) == (f"{SITEMAP}url", "loc", True)
        address = url[0].text
        assert address is not None
        assert address not in found
        found[address] = url[1].text if len(url) > 1 else None
    return found


def people(web: Browser) -> list[str]:
    return [address.rpartition("/")[2] for address in sitemap_urls(web.request("/sitemap.xml")) if "/users/" in address]


# robots.txt


def test_W144_robots_txt(web: Browser) -> None:
    answer = web.request("/robots.txt")
    assert (answer.code, answer["content-type"]) == (200, "text/plain; charset=utf-8")
    lines = answer.body.decode().splitlines()
    assert lines[0] == "User-agent: *"
    assert "Allow: /" in lines
    assert [line for line in lines if line.startswith("Disallow:")] == ["Disallow: /users?q="]
    assert lines[-1] == "Sitemap: https://dir.test/sitemap.xml"
    # robots must be allowed to fetch a page to see its noindex
    assert not any(line.startswith("Disallow: /users") and "?" not in line for line in lines)


# sitemap.xml


def test_sitemap_has_the_pages_of_listed_people(club: Browser) -> None:
    write_plan(club.built, "bob", "A plan", 24)
    assert sitemap_urls(club.request("/sitemap.xml")) == {
        "https://dir.test/": None,
        "https://dir.test/users": None,
        "https://dir.test/users/alice": "2026-11-20T09:30:00Z",
        "https://dir.test/users/bob": "2026-11-21T09:30:00Z",
        "https://dir.test/users/zofie": "2026-11-20T09:30:00Z",
        "https://dir.test/users/%C5%BElu%C5%A5": "2026-11-20T09:30:00Z",
    }
    assert without_date(club.request("/sitemap.xml", peer=MEMBER)) == without_date(club.request("/sitemap.xml"))


def test_W144_unlisted_people_leave_the_sitemap_at_once(club: Browser) -> None:
    everyone = people(club)
    set_visibility(club.built, "alice", 1, listed=False)
    assert people(club) == [name for name in everyone if name != "alice"]
    set_visibility(club.built, "bob", 2, name=M)
    set_visibility(club.built, "zofie", 3, name=N)
    assert people(club) == ["%C5%BElu%C5%A5"]
    set_visibility(club.built, "bob", 4, name=None)
    assert people(club) == ["bob", "%C5%BElu%C5%A5"]
    write_edits(club.built.database_path, [Remove("bob")])
    club.built.poll_store()
    assert people(club) == ["%C5%BElu%C5%A5"]


def test_dates_cover_only_public_fields(club: Browser) -> None:
    set_visibility(club.built, "alice", 24, office=M)
    assert sitemap_urls(club.request("/sitemap.xml"))["https://dir.test/users/alice"] == "2026-11-20T09:30:00Z"


def test_a_policy_that_hides_everyone_empties_the_sitemap(club: Browser) -> None:
    assert len(people(club)) == 4
    club.built.deps.directory.set_policy(Policy.preset(limit={"name": M}))
    assert people(club) == []


def record_page_reads(monkeypatch: pytest.MonkeyPatch, web: Browser) -> list[str]:
    """Return a list that collects the start of each page of people that is read from the store."""
    starts: list[str] = []
    reading = web.built.store.page

    async def page(after: str, *rest: Any) -> Any:
        starts.append(after)
        return await reading(after, *rest)

    monkeypatch.setattr(web.built.store, "page", page)
    return starts


def test_W119_sitemap_is_cached_for_a_minute(club: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    starts = record_page_reads(monkeypatch, club)
    first = club.request("/sitemap.xml")
    made = len(starts)
    assert made
    club.built.clock.advance(59)
    assert club.request("/sitemap.xml", If_None_Match=first["etag"]).code == 304
    assert len(starts) == made
    club.built.clock.advance(1)
    assert without_date(club.request("/sitemap.xml")) == without_date(first)
    assert len(starts) == 2 * made
    head = club.request("/sitemap.xml", "HEAD")
    assert (head.code, head.body, head["content-length"]) == (200, b"", first["content-length"])


def test_sitemap_with_other_sources_is_cached_for_a_second(build: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sources do not announce changes."""
    web = build(people=[])
    monkeypatch.setattr(web.built.deps.directory, "sources", (SlowSource(),))
    starts = record_page_reads(monkeypatch, web)
    for seconds, made in ((0, 1), (0.9, 1), (0.1, 2)):
        web.built.clock.advance(seconds)
        web.request("/sitemap.xml")
        assert len(starts) == made


def test_a_large_site_is_read_in_pages_up_to_a_limit(build: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(well_known, "MAX_SITEMAP_PEOPLE", 250)
    web = build(people=[])
    write_edits(
        web.built.database_path, [make_create_edit({"login": f"p{number:04}"}) for number in range(251)], hours_later(0)
    )
    web.built.poll_store()
    starts = record_page_reads(monkeypatch, web)
    answer = web.request("/sitemap.xml")
    assert len(sitemap_urls(answer)) == 2 + 250
    assert starts[:3] == ["", "p0099", "p0199"]
    assert b"<!-- The first 250 people. All of them: https://dir.test/users -->" in answer.body
    write_edits(web.built.database_path, [Remove("p0000")])
    web.built.poll_store()
    answer = web.request("/sitemap.xml")
    assert len(sitemap_urls(answer)) == 2 + 250
    assert b"<!--" not in answer.body


def test_concurrent_requests_share_one_sitemap(club: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    """A client that leaves does not cancel it for others; a client after a change gets a new one."""
    starts = record_page_reads(monkeypatch, club)
    waiting: list[Any] = []
    listing = club.built.deps.directory.list_people

    async def slow(*arguments: Any) -> Any:
        from twisted.internet.defer import Deferred

        gate: Deferred[None] = Deferred()
        waiting.append(gate)
        await gate
        return await listing(*arguments)

    monkeypatch.setattr(club.built.deps.directory, "list_people", slow)
    request_ = b"GET /sitemap.xml HTTP/1.1\r\nHost: dir.test\r\n\r\n"
    first, second, third = (club.connect() for _ in range(3))
    first.send(request_)
    second.send(request_)
    first.close()
    assert len(waiting) == 1
    set_visibility(club.built, "alice", 1, listed=False)
    third.send(request_)
    assert len(waiting) == 2
    for gate in waiting:
        gate.callback(None)
    assert second.received.count(b"<loc>") == 5  # alice was gone when it was rendered for this client
    assert b"/users/alice" not in third.received
    assert len(starts) >= 2
    assert b"/users/bob" in third.received


# security.txt


def test_no_security_txt_without_a_contact(web: Browser) -> None:
    assert web.request("/.well-known/security.txt").code == 404


@pytest.mark.parametrize(
    ("url", "canonical"),
    [
        ("https://dir.test", "Canonical: https://dir.test/.well-known/security.txt\n"),
        ("http://dir.test:8080", ""),  # RFC 9116 section 2.5.2 allows only https
    ],
)
def test_security_txt(web: Browser, url: str, canonical: str) -> None:
    """RFC 9116"""
    deps = web.built.deps
    site = replace(deps.site, url=url, security_contact=("mailto:safe@dir.test", "https://dir.test/safe"))
    browser = Browser(web.built)
    browser.service = WebService(
        WebSettings(), replace(deps, site=site, now=lambda: datetime(2026, 11, 24, 4, 30, 7, tzinfo=UTC))
    )
    answer = browser.request("/.well-known/security.txt")
    assert (answer.code, answer["content-type"]) == (200, "text/plain; charset=utf-8")
    assert answer.body.decode() == (
        "Contact: mailto:safe@dir.test\n"
        "Contact: https://dir.test/safe\n"
        "Expires: 2027-05-01T00:00:00Z\n"
        "Preferred-Languages: en\n"
        f"{canonical}"
    )
    assert browser.request("/.well-known/security.txt", If_None_Match=answer["etag"]).code == 304


def test_security_txt_expires_within_a_year_and_changes_monthly() -> None:
    """W119: RFC 9116 2.5.5 wants a date, and recommends less than a year."""
    moments = [datetime(2026, month, day, 23, 59, tzinfo=UTC) for month in range(1, 13) for day in (1, 28)]
    assert len({expires(moment) for moment in moments}) == 12
    assert all(150 < (expires(moment) - moment).days < 190 for moment in moments)
