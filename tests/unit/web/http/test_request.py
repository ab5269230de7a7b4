"""Requests that pages of other sites make in a member's browser get what a stranger gets."""

import pytest

from tests.unit.web.browser import MEMBER, Browser
from tests.unit.web.conftest import Build
from tests.unit.web.plans import without_date

MEMBERS_ONLY = {"login": "zed", "name": "Zed", "aliases": ["zz"], "visibility": {"name": "members"}}
ALICE = {"login": "alice", "name": "Alice Adams", "office": "B12"}
PATHS = ["/users/zed", "/users/zed.json", "/users/zed.html", "/users/zed/qr.svg", "/users/zed/face.svg", "/users/zz.json",
         "/users/zed/history.json", "/users?q=zed", "/users", "/", "/online"]  # fmt: skip
# What browsers send about the page that makes the request: Fetch Metadata, or over plain http only Origin.
CROSS_SITE = [
    {"Sec_Fetch_Site": "cross-site", "Sec_Fetch_Mode": "no-cors", "Sec_Fetch_Dest": "image"},
    {"Sec_Fetch_Site": "same-site", "Sec_Fetch_Mode": "cors", "Sec_Fetch_Dest": "empty"},
    {"Sec_Fetch_Site": "cross-site", "Sec_Fetch_Mode": "navigate", "Sec_Fetch_Dest": "iframe"},
    {"Sec_Fetch_Site": "cross-site", "Sec_Fetch_Mode": "navigate", "Sec_Fetch_Dest": "object"},
    {"Origin": "https://evil.test"},
    {"Origin": "null"},
    {"Origin": "https://dir.test:8443"},
]
SAME_SITE = [
    {},
    {"Sec_Fetch_Site": "same-origin", "Sec_Fetch_Mode": "no-cors", "Sec_Fetch_Dest": "image"},
    {"Sec_Fetch_Site": "none", "Sec_Fetch_Mode": "navigate", "Sec_Fetch_Dest": "document"},
    {"Sec_Fetch_Site": "cross-site", "Sec_Fetch_Mode": "navigate", "Sec_Fetch_Dest": "document"},
    {"Origin": "https://dir.test"},
]


@pytest.fixture
def web(build: Build) -> Browser:
    return build(people=[ALICE, MEMBERS_ONLY])


@pytest.mark.parametrize("headers", CROSS_SITE, ids=str)
@pytest.mark.parametrize("path", PATHS)
def test_W022_cross_site_requests_are_answered_as_a_strangers(web: Browser, path: str, headers: dict[str, str]) -> None:
    assert without_date(web.request(path, peer=MEMBER, **headers)) == without_date(web.request(path))


@pytest.mark.parametrize("headers", SAME_SITE, ids=str)
def test_navigation_keeps_the_members_rights(web: Browser, headers: dict[str, str]) -> None:
    answer = web.request("/users/zed.html", peer=MEMBER, **headers)
    assert (answer.code, answer["cache-control"]) == (200, "private, no-store")


@pytest.mark.parametrize("path", [*PATHS, "/users/nobody", "/policy", "/robots.txt", "/static/style.css"])
def test_pages_of_other_sites_cannot_embed_ours(web: Browser, path: str) -> None:
    """W007: over plain http browsers send no Fetch Metadata, but they obey Cross-Origin-Resource-Policy."""
    for peer in (MEMBER, "198.51.100.7"):
        assert web.request(path, peer=peer)["cross-origin-resource-policy"] == "same-origin"
