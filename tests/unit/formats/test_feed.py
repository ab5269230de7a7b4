"""Feeds as documents: the ids of their entries."""

from datetime import datetime, timedelta, timezone

from gateway.dependencies import SiteInfo
from gateway.directory.names import HostNames
from gateway.formats.feed import Feed, FeedEntry, format_timestamp, make_atom_feed, make_entry_id, make_json_feed

SITE = SiteInfo("The Tea Club", HostNames(["dir.test"]), "https://dir.test")
AT = datetime(2026, 11, 24, 0, 30, 7, 42, tzinfo=timezone(timedelta(hours=1)))


def test_W028_an_entry_id_is_made_of_host_login_and_time() -> None:
    """RFC 4151: ASCII, UTC, to the microsecond; the full name, which people change, is not part of it."""
    entry = FeedEntry("žofie", "Žofie", AT, "Title", "Text\n")
    assert format_timestamp(AT) == "20261123T233007.000042Z"
    assert make_entry_id(SITE, entry) == "tag:dir.test,2026-11-23:%C5%BEofie/20261123T233007.000042Z"


def test_a_feed_without_entries_or_date_does_not_use_the_clock() -> None:
    feed = Feed("x", "https://dir.test/", "https://dir.test/feed", ())
    assert "<updated>1970-01-01T00:00:00Z</updated>" in make_atom_feed(feed, SITE)
    assert make_json_feed(feed, SITE).items == []
