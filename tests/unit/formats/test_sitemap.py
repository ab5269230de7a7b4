"""The sitemap as a document."""

from datetime import datetime, timedelta, timezone

from gateway.formats.sitemap import make_sitemap

HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">\n'


def test_addresses_are_escaped_and_dates_are_utc() -> None:
    at = datetime(2026, 11, 24, 1, 30, 7, 999_999, tzinfo=timezone(timedelta(hours=2)))
    assert make_sitemap([("https://dir.test/?a=1&b=<2>", at), ("https://dir.test/", None)]) == (
        f"{HEAD}<url><loc>https://dir.test/?a=1&amp;b=&lt;2&gt;</loc><lastmod>2026-11-23T23:30:07Z</lastmod></url>\n"
        "<url><loc>https://dir.test/</loc></url>\n</urlset>\n"
    )
    assert make_sitemap([], "so--many") == f"{HEAD}<!-- so-many -->\n</urlset>\n"
