"""Content negotiation: which representation a request gets."""

import pytest

from gateway.web.http.negotiation import Format, best_match, effective_accept, error_format, format_of_suffix

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
def test_format_by_Accept(accept: str | None, format: Format | None) -> None:
    """W020"""
    assert best_match(accept, PERSON) is format


def test_feed_format_by_Accept() -> None:
    """W028"""
    assert best_match(CHROMIUM, FEEDS) is Format.ATOM
    assert best_match("application/feed+json", FEEDS) is Format.FEED
    assert best_match("application/json", FEEDS) is Format.FEED
    assert best_match("application/rss+xml, application/xml;q=0.9", FEEDS) is Format.ATOM
    assert best_match("application/atom+xml;type=feed", FEEDS) is Format.ATOM
    assert best_match("application/atom+xml;q=0, */*", FEEDS) is Format.FEED
    assert best_match("application/atom+xml;q=0.1, */*;q=0.9", FEEDS) is Format.FEED
    assert best_match("application/atom+xml;q=0, application/xml", FEEDS) is None


def test_a_single_format_is_served_whatever_is_accepted() -> None:
    assert best_match("text/html", (Format.JRD,)) is Format.JRD


def test_format_of_errors() -> None:
    """W003"""
    assert error_format(CHROMIUM) is Format.HTML
    assert error_format("application/jrd+json") is Format.JSON
    assert error_format("image/png") is Format.TEXT
    assert [each.for_errors for each in (Format.VCARD, Format.ATOM, Format.FEED, Format.JRD, Format.XRD)] == [
        Format.TEXT,
        Format.TEXT,
        Format.JSON,
        Format.JSON,
        Format.TEXT,
    ]


def test_format_by_suffix() -> None:
    """W020"""
    assert format_of_suffix("/users/alice.html", PERSON) is Format.HTML
    assert format_of_suffix("/users/alice.json", PERSON) is Format.JSON
    assert format_of_suffix("/users/alice.vcf", PERSON) is Format.VCARD
    assert format_of_suffix("/users/alice.txt", PERSON) is Format.TEXT
    assert format_of_suffix("/users/alice", PERSON) is None
    assert format_of_suffix("/users/alice.smith", PERSON) is None
    assert format_of_suffix("/feed.json", FEEDS) is Format.FEED
    assert format_of_suffix("/.well-known/host-meta", (Format.XRD, Format.JRD)) is None


def test_W142_text_browsers_get_a_page() -> None:
    """Links and ELinks accept everything, as curl does, but they send Accept-Language."""
    assert best_match(effective_accept("*/*", "en,*;q=0.1"), PERSON) is Format.HTML
    assert best_match(effective_accept("*/*", "en"), FEEDS) is Format.ATOM
    assert best_match(effective_accept("*/*", None), PERSON) is Format.TEXT
    assert best_match(effective_accept("*/*", "*"), PERSON) is Format.TEXT
    assert best_match(effective_accept("application/json", "en"), PERSON) is Format.JSON


def test_an_overlong_Accept_is_ignored() -> None:
    """Parsing blanks once took quadratic time: 14 000 of them blocked the reactor for 2 s."""
    assert effective_accept("a/b" + 1022 * ";", None) is None
    assert effective_accept("a/b" + 14_000 * " " + "x", "en") == effective_accept(None, "en")
    assert effective_accept("text/html" + 1000 * " " + "; q=1", None) == "text/html ; q=1"
    assert best_match(effective_accept("text/html" + 1000 * " " + ";\t q=1", None), PERSON) is Format.HTML
