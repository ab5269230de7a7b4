"""Feeds as documents: what names an entry."""

from datetime import datetime, timedelta, timezone

from gateway.dependencies import SiteInfo
from gateway.directory.names import HostNames
from gateway.formats.feed import Entry, Feed, atom, identifier, json_feed, stamp

SITE = SiteInfo("The Tea Club", HostNames(["dir.test"]), "https://dir.test")
AT = datetime(2026, 11, 24, 0, 30, 7, 42, tzinfo=timezone(timedelta(hours=1)))


def test_W028_an_entry_is_named_by_host_login_and_time() -> None:
    """RFC 4151: in ASCII, in UTC, to the microsecond; the name that people change is not in it."""
    entry = Entry("žofie", "Žofie", AT, "Title", "Text\n")
    assert stamp(AT) == "20261123T233007.000042Z"
    assert identifier(SITE, entry) == "tag:dir.test,2026-11-23:%C5%BEofie/20261123T233007.000042Z"


def test_without_entry_or_date_nothing_comes_from_the_clock() -> None:
    feed = Feed("x", "https://dir.test/", "https://dir.test/feed", ())
    assert "<updated>1970-01-01T00:00:00Z</updated>" in atom(feed, SITE)
    assert json_feed(feed, SITE).items == []
