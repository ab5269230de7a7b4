"""Which representation an asker gets."""

import pytest

from gateway.web.formats import Format, accepted, split

CHROMIUM = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8"


@pytest.mark.parametrize(
    ("accept", "format"),
    [
        (None, Format.TEXT),
        ("*/*", Format.TEXT),
        (CHROMIUM, Format.HTML),
        ("text/html, text/*, image/jpeg;q=0.5, */*;q=0.1", Format.HTML),
        ("application/json", Format.JSON),
        ("application/json, text/plain, */*", Format.TEXT),
        ("application/json, */*;q=0.5", Format.JSON),
        ("application/problem+json", Format.JSON),
        ("text/plain;q=0.2, text/html;q=0.1", Format.TEXT),
        ("text/html;q=0, */*", Format.TEXT),
        ("image/png", Format.TEXT),
        ("", Format.TEXT),
        ("rubbish;;q=x,,", Format.TEXT),
    ],
)
def test_by_accept(accept: str | None, format: Format) -> None:
    """W020"""
    assert accepted(accept) is format


def test_by_ending() -> None:
    """W020"""
    assert split("alice.html") == ("alice", Format.HTML)
    assert split("alice.json") == ("alice", Format.JSON)
    assert split("alice.txt") == ("alice", Format.TEXT)
    assert split("alice") == ("alice", None)
    assert split("alice.smith") == ("alice.smith", None)
