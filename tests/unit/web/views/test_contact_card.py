"""Contact cards over HTTP: the vCard, its QR code, and the avatar."""

from typing import Any
from urllib.parse import quote
from xml.etree import ElementTree

import pytest

from tests.unit.web.browser import MEMBER, Browser
from tests.unit.web.conftest import Build

ALICE: dict[str, Any] = {"login": "alice", "name": "Alice Adams", "email": "alice@dir.test", "organisation": "Tea Club"}


@pytest.fixture
def web(build: Build) -> Browser:
    return build(people=[ALICE, {"login": "m" * 64, "name": "林" * 128, "title": "🫖" * 100}])


def test_W027_vCard_by_suffix_and_by_Accept(web: Browser) -> None:
    by_suffix, by_accept = web.request("/users/alice.vcf"), web.request("/users/alice", Accept="text/vcard")
    for answer in (by_suffix, by_accept):
        assert (answer.code, answer["content-type"]) == (200, "text/vcard; charset=utf-8")
        assert answer["content-disposition"] == "inline; filename*=UTF-8''alice.vcf"
        assert answer.body.startswith(b"BEGIN:VCARD\r\nVERSION:4.0\r\n")
    assert by_suffix.body == by_accept.body
    assert "Accept" in by_accept["vary"]
    assert web.request("/users/alice.vcf", If_None_Match=by_suffix["etag"]).code == 304


def test_W027_each_audience_has_its_own_card(web: Browser) -> None:
    stranger, member = web.request("/users/alice.vcf"), web.request("/users/alice.vcf", peer=MEMBER)
    assert b"alice@dir.test\r\n" not in stranger.body.replace(b"acct:alice@dir.test\r\n", b"")
    assert b"EMAIL:alice@dir.test\r\n" in member.body
    assert member["cache-control"] == "private, no-store"
    assert stranger["etag"] != member["etag"]


def test_W116_each_audience_has_its_own_QR_code_without_external_resources(web: Browser) -> None:
    stranger, member = web.request("/users/alice/qr.svg"), web.request("/users/alice/qr.svg", peer=MEMBER)
    assert (stranger.code, stranger["content-type"]) == (200, "image/svg+xml")
    assert stranger.body != member.body
    assert member["cache-control"] == "private, no-store"
    for word in (b"style=", b"class=", b"href", b"<script"):
        assert word not in stranger.body
    assert b'fill="#fff"' in stranger.body


def test_W116_QR_code_for_a_long_URL(build: Build) -> None:
    """Each letter takes nine bytes in the URL."""
    web = build(people=[{"login": "山" * 64}, {"login": "林" * 64}])
    one, other = (web.request(f"/users/{quote(letter * 64)}/qr.svg").body for letter in "山林")
    assert one != other


def test_W116_fields_that_do_not_fit_are_left_out(web: Browser) -> None:
    answer = web.request(f"/users/{'m' * 64}/qr.svg")
    assert answer.code == 200
    assert len(answer.body) < 16 * 1024


def test_W030_W040_avatar_as_SVG(build: Build) -> None:
    """Initials of a public name, a colour from the login, and no external resources."""
    people = [
        ALICE,
        {"login": "eve", "name": "<b> &"},
        {"login": "zed", "name": "Quinn", "visibility": {"name": "members"}},
    ]
    web = build(people=people)
    answer = web.request("/users/alice/face.svg")
    assert (answer.code, answer["content-type"]) == (200, "image/svg+xml")
    root = ElementTree.fromstring(answer.body)
    assert root.get("aria-label") == "AA"
    assert "".join(root.itertext()).strip() == "AA"
    for word in (b"style=", b"href", b"<script"):
        assert word not in answer.body
    assert "".join(ElementTree.fromstring(web.request("/users/eve/face.svg").body).itertext()).strip() == "<"
    for peer in ("198.51.100.7", MEMBER):  # other sites embed it, so a person for members only has none
        assert web.request("/users/zed/face.svg", peer=peer).body == web.request("/users/nobody/face.svg").body
        assert web.request("/users/alice/face.svg", peer=peer)["cross-origin-resource-policy"] == "cross-origin"
    assert web.request("/users/ALICE/face.svg")["location"] == "/users/alice/face.svg"
    assert web.request("/users/alice/face.svg", If_None_Match=answer["etag"]).code == 304
