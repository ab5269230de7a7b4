"""Pages of other places, open in a member's browser: they learn what a stranger may know, and nothing else."""

import pytest

from tests.unit.web.conftest import Build
from tests.unit.web.plans import bare
from tests.unit.web.wire import MEMBER, Browser

INNER = {"login": "zed", "name": "Zed", "aliases": ["zz"], "visibility": {"name": "members"}}
ALICE = {"login": "alice", "name": "Alice Adams", "office": "B12"}
PATHS = ["/users/zed", "/users/zed.json", "/users/zed.html", "/users/zed/qr.svg", "/users/zed/face.svg", "/users/zz.json",
         "/users/zed/history.json", "/users?q=zed", "/users", "/", "/online"]  # fmt: skip
# What browsers say of who asks: Fetch Metadata, and Origin where there is none (over plain http).
FOREIGN = [
    {"Sec_Fetch_Site": "cross-site", "Sec_Fetch_Mode": "no-cors", "Sec_Fetch_Dest": "image"},
    {"Sec_Fetch_Site": "same-site", "Sec_Fetch_Mode": "cors", "Sec_Fetch_Dest": "empty"},
    {"Sec_Fetch_Site": "cross-site", "Sec_Fetch_Mode": "navigate", "Sec_Fetch_Dest": "iframe"},
    {"Sec_Fetch_Site": "cross-site", "Sec_Fetch_Mode": "navigate", "Sec_Fetch_Dest": "object"},
    {"Origin": "https://evil.test"},
    {"Origin": "null"},
    {"Origin": "https://dir.test:8443"},
]
OWN = [
    {},
    {"Sec_Fetch_Site": "same-origin", "Sec_Fetch_Mode": "no-cors", "Sec_Fetch_Dest": "image"},
    {"Sec_Fetch_Site": "none", "Sec_Fetch_Mode": "navigate", "Sec_Fetch_Dest": "document"},
    {"Sec_Fetch_Site": "cross-site", "Sec_Fetch_Mode": "navigate", "Sec_Fetch_Dest": "document"},
    {"Origin": "https://dir.test"},
]


@pytest.fixture
def web(build: Build) -> Browser:
    return build(people=[ALICE, INNER])


@pytest.mark.parametrize("said", FOREIGN, ids=str)
@pytest.mark.parametrize("path", PATHS)
def test_W022_another_places_page_asks_as_a_stranger(web: Browser, path: str, said: dict[str, str]) -> None:
    assert bare(web.ask(path, peer=MEMBER, **said)) == bare(web.ask(path))


@pytest.mark.parametrize("said", OWN, ids=str)
def test_who_follows_a_link_asks_for_themselves(web: Browser, said: dict[str, str]) -> None:
    answer = web.ask("/users/zed.html", peer=MEMBER, **said)
    assert (answer.code, answer["cache-control"]) == (200, "private, no-store")


@pytest.mark.parametrize("path", [*PATHS, "/users/nobody", "/policy", "/robots.txt", "/static/style.css"])
def test_no_page_of_another_place_embeds_ours(web: Browser, path: str) -> None:
    """W007: over plain http no browser says who asks, but each obeys this (Fetch, Cross-Origin-Resource-Policy)."""
    for peer in (MEMBER, "198.51.100.7"):
        assert web.ask(path, peer=peer)["cross-origin-resource-policy"] == "same-origin"
