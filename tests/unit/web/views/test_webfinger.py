"""WebFinger (RFC 7033) and host-meta (RFC 6415) as other servers request them."""

from dataclasses import replace
from typing import Any
from urllib.parse import quote
from xml.etree import ElementTree

import msgspec
import pytest

from gateway.dependencies import SiteInfo
from gateway.rendering.render import Renderer
from gateway.rendering.templates import TemplateSet
from tests.unit.web.browser import MEMBER, Browser, Response
from tests.unit.web.conftest import Build

ALICE: dict[str, Any] = {
    "login": "alice", "name": "Alice Adams", "aliases": ["ally"], "email": "alice@dir.test",
    "links": [{"label": "Blog", "url": "https://alice.example/", "me": True}, {"url": "https://club.example/"}],
}  # fmt: skip
HIDDEN: dict[str, Any] = {"login": "hidden", "name": "Heidi", "hidden": True}


@pytest.fixture
def web(build: Build) -> Browser:
    return build(people=[ALICE, HIDDEN])


def query_webfinger(web: Browser, resource: str, *rels: str, **more: Any) -> Response:
    query = "&".join([f"resource={quote(resource)}", *(f"rel={quote(rel, safe='')}" for rel in rels)])
    return web.request(f"/.well-known/webfinger?{query}", **more)


def jrd(answer: Response) -> Any:
    assert (answer.code, answer["content-type"]) == (200, "application/jrd+json")
    return msgspec.json.decode(answer.body)


def browser_with(web: Browser, **settings: Any) -> Browser:
    """Return a browser of the site with other *settings*."""
    site: SiteInfo = replace(web.built.deps.site, **settings)
    return Browser(replace(web.built, deps=replace(web.built.deps, site=site, renderer=Renderer(TemplateSet(), site))))


def test_W040_account_document(web: Browser) -> None:
    answer = query_webfinger(web, "acct:alice@dir.test")
    document = jrd(answer)
    assert answer["access-control-allow-origin"] == "*"
    assert document["subject"] == "acct:alice@dir.test"
    assert "https://dir.test/users/alice" in document["aliases"]
    assert "finger://dir.test/alice" in document["aliases"]
    links = {(link["rel"], link["href"]): link.get("type") for link in document["links"]}
    assert links["http://webfinger.net/rel/profile-page", "https://dir.test/users/alice"] == "text/html"
    assert links["describedby", "https://dir.test/users/alice.vcf"] == "text/vcard"
    assert links["http://webfinger.net/rel/avatar", "https://dir.test/users/alice/face.svg"] == "image/svg+xml"
    assert (
        links["http://schemas.google.com/g/2010#updates-from", "https://dir.test/users/alice/feed.atom"]
        == "application/atom+xml"
    )
    assert ("me", "https://alice.example/") in links
    assert not any(href == "https://club.example/" for _, href in links)


@pytest.mark.parametrize(
    "query",
    [
        "", "?", "?rel=me", "?resource", "?resource=", "?resource==", "?resource=alice@dir.test", "?resource=alice",
        "?resource=%2Fusers%2Falice", "?resource=acct:", "?resource=acct:alice@dir.test&resource=acct:bob@dir.test",
        "?resource=acct:alice@dir.test&resource=acct:alice@dir.test", "?resource=%ff:x",
    ],
)  # fmt: skip
def test_W041_W105_invalid_queries(web: Browser, query: str) -> None:
    answer = web.request(f"/.well-known/webfinger{query}")
    assert (answer.code, answer["content-type"]) == (400, "application/problem+json")
    assert answer["access-control-allow-origin"] == "*"


def test_W046_W106_wrong_method_gets_a_JSON_error(web: Browser) -> None:
    answer = web.request("/.well-known/webfinger?resource=acct:alice@dir.test", "POST")
    assert (answer.code, answer["content-type"]) == (405, "application/problem+json")
    assert answer["access-control-allow-origin"] == "*"


def test_W104_plus_is_not_a_space(build: Build) -> None:
    """RFC 7033 section 4.1 uses the encoding of RFC 3986, not that of forms; the subject itself must be a valid resource."""
    web = build(people=[{"login": "a+b", "name": "A B"}])
    for resource in (
        "acct:a+b@dir.test",
        "mailto:a+b@dir.test",
        "https://dir.test/users/a+b",
        "acct%3Aa%2Bb%40dir.test",
    ):
        assert jrd(web.request(f"/.well-known/webfinger?resource={resource}"))["subject"] == "acct:a+b@dir.test"
    location = browser_with(web, webfinger="https://other.example").request(
        "/.well-known/webfinger?resource=acct:a+b%20c@dir.test"
    )["location"]
    assert location == "https://other.example/.well-known/webfinger?resource=acct%3Aa%2Bb%20c%40dir.test"


def test_W144_unlisted_people_are_not_indexed(build: Build) -> None:
    web = build(people=[ALICE, {"login": "bob", "listed": False}])
    assert query_webfinger(web, "acct:bob@dir.test")["x-robots-tag"] == "noindex"
    assert "x-robots-tag" not in query_webfinger(web, "acct:alice@dir.test").headers


@pytest.mark.parametrize(
    "resource",
    [
        "acct:nobody@dir.test", "acct:hidden@dir.test", "https://dir.test/users/hidden", "mailto:hidden@dir.test",
        "acct:alice@elsewhere.test", "acct:alice@dir.test.evil.test", "tel:+4205550100", "acct:alice", "acct:@dir.test",
        "https://elsewhere.test/users/alice", "https://dir.test/", "https://dir.test/online", "acct:adams@dir.test",
        "acct:Alice Adams@dir.test", "urn:x:y", "https://dir.test/users/alice?x", "https://[/users/alice",
    ],
)  # fmt: skip
def test_W042_W105_W106_not_found(web: Browser, resource: str) -> None:
    """All get the same bytes, with a CORS header."""
    answer, nobody = query_webfinger(web, resource), query_webfinger(web, "acct:zz@dir.test")
    assert (answer.code, answer.body) == (404, nobody.body)
    assert {**answer.headers, "date": ""} == {**nobody.headers, "date": ""}
    assert answer["access-control-allow-origin"] == "*"


def test_W043_W110_filter_by_relation(web: Browser) -> None:
    whole = jrd(query_webfinger(web, "acct:alice@dir.test"))
    me = jrd(query_webfinger(web, "acct:alice@dir.test", "me"))
    assert [link["href"] for link in me["links"]] == ["https://alice.example/"]
    both = jrd(query_webfinger(web, "acct:alice@dir.test", "me", "http://webfinger.net/rel/profile-page"))
    assert {link["rel"] for link in both["links"]} == {"me", "http://webfinger.net/rel/profile-page"}
    none = jrd(query_webfinger(web, "acct:alice@dir.test", "nothing"))
    assert none["links"] == []
    for each in (me, both, none):
        assert {**each, "links": []} == {**whole, "links": []}


@pytest.mark.parametrize(
    "query",
    [
        "acct:alice@dir.test", "acct%3Aalice%40dir.test", "https://dir.test/users/alice", "https://dir.test/users/alice/",
        "https://dir.test/~alice", "http://club.test/users/ALICE", "mailto:alice@dir.test", "MAILTO:alice@club.test",
        "acct:ALICE@DIR.TEST", "acct:alice@DIR.test.", "acct:ally@dir.test", "finger://dir.test/alice",
        "finger://alice@dir.test", "acct:%61lice@dir.test",
    ],
)  # fmt: skip
def test_W044_W045_W104_W107_W108_resources_of_one_person(build: Build, query: str) -> None:
    web = build(people=[ALICE], hosts=("dir.test", "club.test"))
    assert jrd(web.request(f"/.well-known/webfinger?resource={query}"))["subject"] == "acct:alice@dir.test"


def test_W108_every_alias_has_the_same_subject(build: Build) -> None:
    web = build(people=[ALICE], hosts=("dir.test", "club.test"))
    document = jrd(query_webfinger(web, "acct:alice@dir.test"))
    assert {"acct:ally@dir.test", "acct:alice@club.test", "acct:ally@club.test"} <= set(document["aliases"])
    for alias in document["aliases"]:
        assert jrd(query_webfinger(web, alias)) == document


def test_W046_other_methods_get_405(web: Browser) -> None:
    answer = query_webfinger(web, "acct:alice@dir.test", method="POST")
    assert (answer.code, answer["allow"]) == (405, "GET, HEAD, OPTIONS")


def test_W047_W111_the_template_of_host_meta_works(web: Browser) -> None:
    answer = web.request("/.well-known/host-meta")
    assert answer["content-type"] == "application/xrd+xml; charset=utf-8"
    xrd = ElementTree.fromstring(answer.body)
    (link,) = xrd.findall("{http://docs.oasis-open.org/ns/xri/xrd-1.0}Link")
    assert (link.get("rel"), link.get("type")) == ("lrdd", "application/jrd+json")
    for path in ("/.well-known/host-meta.json", "/.well-known/host-meta"):
        same = jrd(web.request(path, Accept="application/jrd+json"))
        assert same["links"] == [{key: link.get(key) for key in ("rel", "type", "template")}]
    address = str(link.get("template")).replace("{uri}", quote("acct:alice@dir.test", safe=""))
    assert jrd(web.request(address.removeprefix("https://dir.test")))["subject"] == "acct:alice@dir.test"


def test_W048_redirect_to_another_WebFinger_server(web: Browser) -> None:
    elsewhere = browser_with(web, webfinger="https://social.example")
    answer = query_webfinger(elsewhere, "acct:alice@dir.test", "self")
    assert (answer.code, answer.body) == (307, b"")
    assert (
        answer["location"] == "https://social.example/.well-known/webfinger?resource=acct%3Aalice%40dir.test&rel=self"
    )
    assert answer["access-control-allow-origin"] == "*"
    assert query_webfinger(elsewhere, "acct:hidden@dir.test").code == 307
    whole = elsewhere.request("/.well-known/webfinger?rel=a&x=1%0D%0A&resource=acct:alice@dir.test&rel=%C5%BE&y=")
    assert (
        whole["location"]
        == "https://social.example/.well-known/webfinger?rel=a&x=1%0D%0A&resource=acct%3Aalice%40dir.test&rel=%C5%BE&y="
    )


def test_W109_no_ActivityPub_actor(web: Browser) -> None:
    assert [link for link in jrd(query_webfinger(web, "acct:alice@dir.test"))["links"] if link["rel"] == "self"] == []


def test_members_get_the_public_document(web: Browser) -> None:
    stranger, member = (query_webfinger(web, "acct:alice@dir.test", peer=peer) for peer in ("198.51.100.7", MEMBER))
    assert {**stranger.headers, "date": ""} == {**member.headers, "date": ""}
    assert stranger.body == member.body
    assert query_webfinger(web, "acct:alice@dir.test", If_None_Match=stranger["etag"]).code == 304


def test_W048_W150_the_configured_fediverse_account_is_shown_once_confirmed(web: Browser) -> None:
    """The account need not exist for each person: no format shows it as a field, and the page shows it only
    after its host has confirmed it (tests/peers/test_fediverse.py)."""
    deps = browser_with(web, fediverse="@{login}@social.example")
    for ending in (".html", ".json", ".txt", ".vcf"):
        assert b"social.example" not in deps.request(f"/users/alice{ending}").body
