"""A person's local time: right across daylight saving, shown to viewers of the time zone, exact to the minute."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from gateway.web.localtime import LocalTime, local_time
from tests.unit.web.browser import MEMBER
from tests.unit.web.conftest import Build

VIENNA: dict[str, Any] = {"login": "vera", "timezone": "Europe/Vienna", "visibility": {"timezone": "everyone"}}
HIDDEN: dict[str, Any] = {"login": "hugo", "timezone": "Europe/Vienna"}


@pytest.mark.parametrize(
    ("now", "clock", "offset"),
    [
        (datetime(2027, 3, 28, 0, 59, 59, tzinfo=UTC), "01:59", "UTC+1"),
        (datetime(2027, 3, 28, 1, 0, tzinfo=UTC), "03:00", "UTC+2"),
        (datetime(2027, 10, 31, 0, 59, tzinfo=UTC), "02:59", "UTC+2"),
        (datetime(2027, 10, 31, 1, 0, tzinfo=UTC), "02:00", "UTC+1"),
    ],
)
def test_W118_across_daylight_saving(now: datetime, clock: str, offset: str) -> None:
    assert local_time("Europe/Vienna", now) == LocalTime(
        clock, "Sunday", offset, f"{now:%Y-%m-%d}T{clock}+0{offset[-1]}:00"
    )


@pytest.mark.parametrize(
    ("zone", "offset"),
    [("UTC", "UTC"), ("Asia/Kathmandu", "UTC+5:45"), ("America/Nome", "UTC−9"), ("Mars/Base", None), ("", None)],
)
def test_offsets_of_other_time_zones(zone: str, offset: str | None) -> None:
    shown = local_time(zone, datetime(2026, 11, 24, 12, tzinfo=UTC))
    assert (shown.offset if shown else None) == offset


def test_W118_no_local_time_for_a_hidden_time_zone(build: Build) -> None:
    web = build(people=[VIENNA, HIDDEN])
    assert b"It is " in web.request("/users/vera.html").body
    assert b"It is " not in web.request("/users/hugo.html").body
    assert b"It is " in web.request("/users/hugo.html", peer=MEMBER).body


def test_W118_W119_only_a_page_with_a_clock_changes_and_only_each_minute(build: Build) -> None:
    web = build(people=[VIENNA, HIDDEN])
    now = datetime(2027, 3, 28, 0, 59, 10, tzinfo=UTC)
    object.__setattr__(web.built.deps, "now", lambda: now)

    def validators(path: str) -> tuple[str, str | None]:
        answer = web.request(path)
        return answer["etag"], answer.headers.get("last-modified")

    paths = ("/users/vera.html", "/users/vera.json", "/users/vera.txt", "/users/hugo.html", "/")
    before = {path: validators(path) for path in paths}
    now += timedelta(seconds=49)
    assert {path: validators(path) for path in paths} == before
    now += timedelta(seconds=1)
    after = {path: validators(path) for path in paths}
    assert {path for path in paths if after[path] != before[path]} == {"/users/vera.html"}
    assert after["/users/vera.html"][1] == "Sun, 28 Mar 2027 01:00:00 GMT"
    assert b"03:00" in web.request("/users/vera.html").body
