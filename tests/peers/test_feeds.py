"""Feeds and the sitemap of the real gateway, read by third-party programs."""

import http.client
import json
import threading
import time
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import feedparser
import pytest

from gateway.directory.interfaces import Modify
from gateway.directory.person import Visibility
from tests.sample_people import people
from tests.unit.fixtures import PEOPLE, make_create_edit, write_edits

from .gateway_process import Installation, http_get, make_installation, run_gateway, wait_until

MANY = 10_200  # more than the sitemap has room for
C1 = "".join(f"x{chr(code)}y\n" for code in (*range(1, 0x20), *range(0x7F, 0xA0), *range(0x202A, 0x202F)))


def read_feed(installation: Installation, path: str, **known: str) -> Any:
    """Return the feed as feedparser fetches it."""
    feed = feedparser.parse(f"http://localhost:{installation.web_port}{path}", **known)
    assert not feed.bozo, feed.bozo_exception
    return feed


def test_W028_W117_feeds_of_fifty_people(tmp_path: Path) -> None:
    """feedparser fetches them all without a bozo flag and gets 304 if nothing has changed; withdrawn entries
    disappear."""
    documents = people(17)
    documents[0] |= {"plan": C1 + "]]></content>\n"}
    installation = make_installation(tmp_path, people=[])
    (tmp_path / "people.json").write_text(json.dumps(documents))
    installation.run("people", "import", tmp_path / "people.json")
    with run_gateway(installation):
        for each in documents:
            path = f"/users/{each['login']}/feed"
            feed = read_feed(installation, f"{path}.atom")
            assert (feed.status, feed.version, len(feed.entries)) == (200, "atom10", int("plan" in each))
            output = json.loads(http_get(installation.web_port, f"{path}.json")[1])
            assert [item["id"] for item in output["items"]] == [entry.id for entry in feed.entries]
            assert feed.feed.author == output["authors"][0]["name"]
        common = read_feed(installation, "/feed.atom")
        assert len(common.entries) == 30
        assert read_feed(installation, "/feed.atom", etag=common.etag).status == 304
        login = common.entries[0].link.split("/")[-2]
        mine = read_feed(installation, f"/users/{login}/feed.atom")
        assert (
            read_feed(installation, f"/users/{login}/feed.atom", etag=mine.etag, modified=mine.modified).status == 304
        )
        installation.run("plan", login, "-", stdin="A new plan\n")
        wait_until(lambda: read_feed(installation, "/feed.atom").entries[0].title == "A new plan", "the new plan")
        assert read_feed(installation, f"/users/{login}/feed.atom").entries[0].title == "A new plan"
        write_edits(installation.database, [Modify(login, {}, {"plan": Visibility.MEMBERS})])
        wait_until(lambda: not read_feed(installation, f"/users/{login}/feed.atom").entries, "the feed without plans")
        assert login not in str(read_feed(installation, "/feed.atom").entries)


@pytest.mark.long
def test_W144_a_large_sitemap_delays_no_other_request(tmp_path: Path) -> None:
    """Other requests are answered meanwhile; the watchdog checks each reactor iteration."""
    installation = make_installation(tmp_path, people=PEOPLE)
    write_edits(installation.database, [make_create_edit({"login": f"p{number:06}"}) for number in range(MANY)])
    with run_gateway(installation):
        http_get(installation.web_port, "/users/alice")
        output: list[tuple[int, str]] = []
        client = threading.Thread(target=lambda: output.append(http_get(installation.web_port, "/sitemap.xml")))
        client.start()
        slowest = 0.0
        connection = http.client.HTTPConnection("localhost", installation.web_port)
        while client.is_alive():
            begun = time.monotonic()
            connection.request("GET", "/users/alice")
            assert connection.getresponse().read()
            slowest = max(slowest, time.monotonic() - begun)
        client.join()
        connection.close()
        ((code, body),) = output
        assert code == 200
        assert len(ET.fromstring(body)) == 2 + 10_000
        assert slowest < 0.1
        print(f"slowest answer meanwhile: {slowest * 1000:.1f} ms")
