"""Which representation an asker gets."""

import pytest

from gateway.web.http.negotiation import Format, accepted, asked, ending, told

CHROMIUM = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8"
PERSON = (Format.TEXT, Format.HTML, Format.JSON, Format.VCARD)
FEEDS = (Format.ATOM, Format.FEED)


@pytest.mark.parametrize(
    ("accept", "format"),
    [
        (None, Format.TEXT),
        ("*/*", Format.TEXT),
        (CHROMIUM, Format.HTML),
        ("text/html, text/*, image/jpeg;q=0.5, */*;q=0.1", Format.HTML),
        ("application/json", Format.JSON),
        ("application/json, text/plain, */*", Format.JSON),
        ("text/html, text/plain, text/sgml, text/css, application/xhtml+xml, */*;q=0.01", Format.HTML),
        ("text/plain, text/html", Format.TEXT),
        ("text/*, application/json", Format.JSON),
        ("text/*, */*", Format.TEXT),
        ("application/json, */*;q=0.5", Format.JSON),
        ("application/problem+json", Format.JSON),
        ("text/vcard", Format.VCARD),
        ("text/x-vcard, text/html;q=0.5", Format.VCARD),
        ("text/plain;q=0.2, text/html;q=0.1", Format.TEXT),
        ("text/html;q=0, */*", Format.TEXT),
        ("", Format.TEXT),
        ("rubbish;;q=x,,", Format.TEXT),
        ("text/html; charset=utf-8", Format.HTML),
        ("application/json;charset=UTF-8", Format.JSON),
        ("text/vcard;version=4.0, */*;q=0.1", Format.VCARD),
        ("TEXT/HTML", Format.HTML),
        ("application/json;q=0, application/*", None),
        ("application/json;q=0.1, application/*;q=0.9, text/html;q=0.5", Format.HTML),
        ("text/*;q=0.5, text/vcard", Format.VCARD),
        ("image/png", None),
        ("application/activity+json", None),
        ("text/html;q=0", None),
    ],
)
def test_by_accept(accept: str | None, format: Format | None) -> None:
    """W020"""
    assert accepted(accept, PERSON) is format


def test_a_feed_by_accept() -> None:
    """W028"""
    assert accepted(CHROMIUM, FEEDS) is Format.ATOM
    assert accepted("application/feed+json", FEEDS) is Format.FEED
    assert accepted("application/json", FEEDS) is Format.FEED
    assert accepted("application/rss+xml, application/xml;q=0.9", FEEDS) is Format.ATOM
    assert accepted("application/atom+xml;type=feed", FEEDS) is Format.ATOM
    assert accepted("application/atom+xml;q=0, */*", FEEDS) is Format.FEED
    assert accepted("application/atom+xml;q=0.1, */*;q=0.9", FEEDS) is Format.FEED
    assert accepted("application/atom+xml;q=0, application/xml", FEEDS) is None


def test_one_alone_is_given_whatever_is_asked_for() -> None:
    assert accepted("text/html", (Format.JRD,)) is Format.JRD


def test_what_errors_are_told_in() -> None:
    """W003"""
    assert told(CHROMIUM) is Format.HTML
    assert told("application/jrd+json") is Format.JSON
    assert told("image/png") is Format.TEXT
    assert [each.told for each in (Format.VCARD, Format.ATOM, Format.FEED, Format.JRD, Format.XRD)] == [
        Format.TEXT,
        Format.TEXT,
        Format.JSON,
        Format.JSON,
        Format.TEXT,
    ]


def test_by_ending() -> None:
    """W020"""
    assert ending("/users/alice.html", PERSON) is Format.HTML
    assert ending("/users/alice.json", PERSON) is Format.JSON
    assert ending("/users/alice.vcf", PERSON) is Format.VCARD
    assert ending("/users/alice.txt", PERSON) is Format.TEXT
    assert ending("/users/alice", PERSON) is None
    assert ending("/users/alice.smith", PERSON) is None
    assert ending("/feed.json", FEEDS) is Format.FEED
    assert ending("/.well-known/host-meta", (Format.XRD, Format.JRD)) is None


def test_W142_who_has_a_reader_gets_a_page() -> None:
    """Links and ELinks take anything, as curl does, but name languages."""
    assert accepted(asked("*/*", "en,*;q=0.1"), PERSON) is Format.HTML
    assert accepted(asked("*/*", "en"), FEEDS) is Format.ATOM
    assert accepted(asked("*/*", None), PERSON) is Format.TEXT
    assert accepted(asked("*/*", "*"), PERSON) is Format.TEXT
    assert accepted(asked("application/json", "en"), PERSON) is Format.JSON


def test_an_accept_without_end_is_as_none() -> None:
    """Blanks took the square of their number, 2 s of everybody's time for 14 000."""
    assert asked("a/b" + 1022 * ";", None) is None
    assert asked("a/b" + 14_000 * " " + "x", "en") == asked(None, "en")
    assert asked("text/html" + 1000 * " " + "; q=1", None) == "text/html ; q=1"
    assert accepted(asked("text/html" + 1000 * " " + ";\t q=1", None), PERSON) is Format.HTML
