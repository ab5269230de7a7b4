"""How a reply becomes a response, by the rules of RFC 9110."""

import gzip
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from gateway.web.http.reply import HTML, JSON, PRIVATE, PROBLEM, PUBLIC, TEXT, Conditions, Reply, make_response

AT = datetime(2026, 11, 24, 8, 12, 5, 999999, UTC)
DATE = "Tue, 24 Nov 2026 08:12:05 GMT"


def headers(reply: Reply, conditions: Conditions | None = None) -> dict[str, str]:
    return dict(make_response(reply, conditions or Conditions()).headers)


def test_headers_of_a_reply() -> None:
    """W004, W005, W007"""
    sent = make_response(
        Reply("žofie\n".encode(), TEXT, cache_control=PUBLIC, vary="Accept", last_modified=AT), Conditions()
    )
    assert sent.code == 200
    assert sent.body == b"\xc5\xbeofie\n"
    response_headers = dict(sent.headers)
    etag = response_headers.pop("ETag")
    assert etag.startswith('"')
    assert response_headers == {
        "Cache-Control": "public, max-age=0, must-revalidate",
        "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; "
        "base-uri 'none'; frame-ancestors 'none'",
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "same-origin",
        "Permissions-Policy": "browsing-topics=(), camera=(), geolocation=(), microphone=()",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Vary": "Accept",
        "Last-Modified": DATE,
        "Content-Type": "text/plain; charset=utf-8",
        "Content-Length": "7",
    }


def test_head_has_the_length_and_no_body() -> None:
    """W001"""
    reply = Reply(b"12345", HTML)
    assert make_response(reply, Conditions("HEAD")).body == b""
    assert make_response(reply, Conditions("HEAD")).headers == make_response(reply, Conditions("GET")).headers
    assert headers(reply, Conditions("HEAD"))["Content-Length"] == "5"


def test_etags_differ_by_representation_and_audience() -> None:
    """W004: weak on HTML, strong elsewhere."""
    body = b"the same"
    tags = {
        headers(Reply(body, kind, variant=mark))["ETag"]
        for kind in (HTML, JSON, TEXT)
        for mark in ("everyone", "member")
    }
    assert len(tags) == 6
    assert sum(tag.startswith('W/"') for tag in tags) == 2
    assert sum(tag.startswith('"') for tag in tags) == 4
    assert headers(Reply(body, HTML))["ETag"].startswith('W/"')
    assert headers(Reply(body, JSON))["ETag"] == headers(Reply(body, JSON, last_modified=AT))["ETag"]


def test_if_none_match() -> None:
    """W004: compared weakly, one of several, or any."""
    for kind in (HTML, JSON):
        reply = Reply(b"x", kind, last_modified=AT)
        tag = f'"{reply.tag}"'
        for value in (tag, f"W/{tag}", f'"other", {tag}', "*"):
            sent = make_response(reply, Conditions(if_none_match=value))
            assert (sent.code, sent.body) == (304, b""), value
            assert "Content-Length" not in dict(sent.headers)
            assert dict(sent.headers)["ETag"].endswith(tag)
        for value in ('"other"', "", reply.tag[:-1]):
            assert make_response(reply, Conditions(if_none_match=value)).code == 200, value


def test_if_modified_since_must_equal_the_date() -> None:
    """W004: and only if the date changes with everything in the reply."""
    reply = Reply(b"x", last_modified=AT, exact_date=True)
    assert make_response(reply, Conditions(if_modified_since=DATE)).code == 304
    for date in ("Tue, 24 Nov 2026 08:12:06 GMT", "Wed, 25 Nov 2026 08:12:05 GMT", "yesterday", ""):
        assert make_response(reply, Conditions(if_modified_since=date)).code == 200, date
    assert make_response(Reply(b"x", exact_date=True), Conditions(if_modified_since=DATE)).code == 200
    assert make_response(Reply(b"x", last_modified=AT), Conditions(if_modified_since=DATE)).code == 200


def test_if_none_match_overrides_if_modified_since() -> None:
    """W004, RFC 9110 section 13.2.2"""
    reply = Reply(b"x", last_modified=AT, exact_date=True)
    assert make_response(reply, Conditions(if_none_match='"other"', if_modified_since=DATE)).code == 200


def test_other_methods_and_codes_are_never_304() -> None:
    """W004"""
    reply = Reply(b"x", last_modified=AT)
    assert make_response(reply, Conditions("POST", if_none_match="*")).code == 200
    for code in (404, 308, 503):
        sent = make_response(Reply(b"x", code=code), Conditions(if_none_match="*"))
        assert sent.code == code
        assert "ETag" not in dict(sent.headers)


def test_204_has_no_length_and_no_type() -> None:
    """W002: 204 has neither length nor type."""
    sent = make_response(Reply(b"", code=204, headers=(("Allow", "GET"),)), Conditions("OPTIONS"))
    response_headers = dict(sent.headers)
    assert (sent.code, sent.body, response_headers["Allow"]) == (204, b"", "GET")
    assert not {"Content-Length", "Content-Type", "ETag"} & set(response_headers)


def test_strict_transport_security_only_over_TLS() -> None:
    """W007"""
    assert "Strict-Transport-Security" not in headers(Reply(b""))
    assert headers(Reply(b""), Conditions(secure=True))["Strict-Transport-Security"] == "max-age=31536000"


def test_replies_are_private_by_default() -> None:
    """W005"""
    assert headers(Reply(b""))["Cache-Control"] == PRIVATE == "private, no-store"


LONG = Reply(b"a plan " * 400, cache_control=PUBLIC)


@pytest.mark.parametrize(
    ("accept_encoding", "packed"),
    [
        ("gzip", True),
        ("deflate, gzip;q=0.5", True),
        ("GZIP", True),
        ("br, *", True),
        ("*;q=0", False),
        ("gzip;q=0", False),
        ("gzip; q=0.000, *", False),
        ("gzip;q=x", False),
        ("gzip;q=2", False),
        ("br", False),
        ("", False),
    ],
)
def test_W084_gzip_if_accepted(accept_encoding: str, packed: bool) -> None:
    sent = make_response(LONG, Conditions(accept_encoding=accept_encoding))
    headers = dict(sent.headers)
    assert (headers.get("Content-Encoding") == "gzip") == packed
    assert (gzip.decompress(sent.body) if packed else sent.body) == LONG.body
    assert headers["Content-Length"] == str(len(sent.body))
    assert headers["Vary"] == "Accept-Encoding"


def test_W084_each_coding_has_its_own_etag() -> None:
    plain, packed = (
        dict(make_response(LONG, Conditions(accept_encoding=each)).headers)["ETag"] for each in (None, "gzip")
    )
    assert packed == plain[:-1] + '-gz"'
    for tag, coding, code in ((plain, None, 304), (packed, "gzip", 304), (plain, "gzip", 200), (packed, None, 200)):
        assert make_response(LONG, Conditions(if_none_match=tag, accept_encoding=coding)).code == code


def test_W084_private_and_short_replies_are_not_compressed() -> None:
    for reply in (replace(LONG, cache_control=PRIVATE), Reply(b"short", cache_control=PUBLIC)):
        headers = dict(make_response(reply, Conditions(accept_encoding="gzip")).headers)
        assert not {"Content-Encoding", "Vary"} & set(headers)


@pytest.mark.parametrize(
    ("kind", "cache", "open"),
    [
        (JSON, PUBLIC, True),
        ("application/jrd+json", PUBLIC, True),
        ("application/feed+json", PUBLIC, True),
        ("application/atom+xml; charset=utf-8", PUBLIC, True),
        (PROBLEM, PRIVATE, True),
        (JSON, PRIVATE, False),
        (HTML, PUBLIC, False),
        (TEXT, PUBLIC, False),
    ],
)
def test_CORS_header_on_public_documents_for_programs(kind: str, cache: str, open: bool) -> None:
    headers = dict(make_response(Reply(b"{}", kind, cache_control=cache), Conditions()).headers)
    assert headers.get("Access-Control-Allow-Origin") == ("*" if open else None)
