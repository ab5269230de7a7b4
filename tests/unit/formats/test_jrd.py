"""The documents of WebFinger and host-meta."""

from datetime import UTC, datetime
from typing import Any
from xml.etree import ElementTree

import msgspec

from gateway.dependencies import SiteInfo
from gateway.directory.names import HostNames
from gateway.directory.person import Link, Person, Visibility
from gateway.directory.privacy import Audience, Policy, Profile, make_profile
from gateway.formats.jrd import make_host_meta, make_host_meta_xrd, make_jrd
from gateway.formats.person_json import encode_json
from gateway.outbound.fediverse_address import Actor

SITE = SiteInfo("The Tea Club", HostNames(["dir.test", "club.test"]), "https://www.dir.test/who")
ACTOR = Actor("https://social.example/users/alice", "https://social.example/@alice")


def make_alice(**fields: Any) -> Profile:
    profile = make_profile(Person(**fields), Audience.EVERYONE, Policy.preset(), datetime(2026, 11, 24, tzinfo=UTC))
    assert profile is not None
    return profile


def jrd(profile: Profile, actor: Actor | None = None, site: SiteInfo = SITE) -> Any:
    return msgspec.json.decode(encode_json(make_jrd(profile, site, site.hosts.names, actor)))


def test_W040_W107_W109_subject_aliases_and_links() -> None:
    page = "https://www.dir.test/who/users/alice"
    links = (Link("My\x1b[31m blog", "https://alice.example/", True), Link("Club", "https://club.example/", False))
    assert jrd(make_alice(login="alice", aliases=("ally",), links=links, email="alice@x.example"), ACTOR) == {
        "subject": "acct:alice@dir.test",
        "aliases": [
            page, "acct:alice@club.test", "acct:ally@dir.test", "acct:ally@club.test", "finger://dir.test/alice",
        ],
        "links": [
            {"rel": "http://webfinger.net/rel/profile-page", "type": "text/html", "href": page},
            {"rel": "http://webfinger.net/rel/avatar", "type": "image/svg+xml", "href": f"{page}/face.svg"},
            {"rel": "describedby", "type": "text/vcard", "href": f"{page}.vcf"},
            {"rel": "describedby", "type": "application/json", "href": f"{page}.json"},
            {
                "rel": "http://schemas.google.com/g/2010#updates-from", "type": "application/atom+xml",
                "href": f"{page}/feed.atom",
            },
            {"rel": "alternate", "type": "application/feed+json", "href": f"{page}/feed.json"},
            {"rel": "me", "href": "https://alice.example/", "titles": {"und": "My blog"}},
            {"rel": "me", "type": "text/html", "href": ACTOR.page},
            {"rel": "self", "type": "application/activity+json", "href": ACTOR.href},
        ],
    }  # fmt: skip


def test_link_addresses_are_valid_uris() -> None:
    """RFC 7033 section 4.4.4.3"""
    links = (Link("", 'https://x.example/ü?a="<>%zz%20', True),)
    (link,) = (each for each in jrd(make_alice(login="alice", links=links))["links"] if each["rel"] == "me")
    assert link["href"] == "https://x.example/%C3%BC?a=%22%3C%3E%25zz%20"


def test_W121_an_account_that_is_also_a_link_appears_once() -> None:
    document = jrd(make_alice(login="alice", links=(Link("Me", ACTOR.page, True),)), ACTOR)
    assert [link["href"] for link in document["links"] if link["rel"] == "me"] == [ACTOR.page]


def test_W109_hidden_fields_are_left_out() -> None:
    hidden = Visibility.MEMBERS
    links = (Link("Blog", "https://alice.example/", True),)
    document = jrd(
        make_alice(login="alice", aliases=("ally",), links=links, visibility={"aliases": hidden, "links": hidden})
    )
    assert document["aliases"] == [
        "https://www.dir.test/who/users/alice", "acct:alice@club.test", "finger://dir.test/alice",
    ]  # fmt: skip
    assert {link["rel"] for link in document["links"]}.isdisjoint({"me", "self"})


def test_a_non_ascii_login_gives_valid_uris() -> None:
    document = jrd(make_alice(login="žofie"))
    assert document["subject"] == "acct:%C5%BEofie@dir.test"
    assert document["aliases"][0] == "https://www.dir.test/who/users/%C5%BEofie"
    assert all(link["href"].isascii() for link in document["links"])


def test_W047_W111_host_meta_names_the_webfinger_template() -> None:
    template = "https://www.dir.test/who/.well-known/webfinger?resource={uri}"
    link = {"rel": "lrdd", "type": "application/jrd+json", "template": template}
    assert msgspec.json.decode(encode_json(make_host_meta(SITE))) == {"links": [link]}
    assert make_host_meta_xrd(SITE) == (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<XRD xmlns="http://docs.oasis-open.org/ns/xri/xrd-1.0">\n'
        f'  <Link rel="lrdd" type="application/jrd+json" template="{template}"/>\n'
        "</XRD>\n"
    )


def test_W111_the_template_is_escaped_in_xml() -> None:
    site = SiteInfo("", HostNames(["dir.test"]), "https://dir.test/a&b\"'<")
    (link,) = ElementTree.fromstring(make_host_meta_xrd(site))
    assert link.get("template") == "https://dir.test/a&b\"'</.well-known/webfinger?resource={uri}"
