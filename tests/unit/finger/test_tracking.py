"""Every question passes exchange.open: limits, record and count hang on it, and each check here would see it gone."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from gateway.ops.request_tracker import Asked, Exchange, Exchanges
from tests.unit.finger.conftest import Build
from tests.unit.finger.wire import ask
from tests.unit.house import Built


def check_limit(built: Built) -> None:
    """The question behind the last one that may be asked in a minute is refused."""
    replies = [ask(built, b"alice\r\n") for _ in range(4)]
    assert [b"Too many queries" in reply for reply in replies] == [False, False, False, True]


def check_record(built: Built) -> None:
    """One question, one record."""
    ask(built, b"/W alice\r\n")
    assert [(each["protocol"], each["query"], each["outcome"]) for each in built.records] == [
        ("finger", "/W alice", "found")
    ]


def check_count(built: Built) -> None:
    """One question, one more of its kind."""
    ask(built, b"nobody\r\n")
    assert dict(built.house.exchanges.counts) == {("finger", "lookup", "unknown"): 1}


CHECKS = (check_limit, check_record, check_count)


class Unheard(Exchange):
    """An exchange that nobody hears of."""

    def __init__(self) -> None:
        pass

    def close(self, *said: Any, **more: Any) -> None:
        pass


class Open(Exchanges):
    """Exchanges whose door has been taken out."""

    def open(self, asked: Asked) -> Exchange:
        return Unheard()


@pytest.mark.parametrize("check", CHECKS)
def test_R_every_question_is_limited_recorded_counted(build: Build, check: Callable[[Built], None]) -> None:
    check(build(queries_per_minute=3))


@pytest.mark.parametrize("check", CHECKS)
def test_R_without_open_each_of_the_checks_fails(build: Build, check: Callable[[Built], None]) -> None:
    built = build(queries_per_minute=3)
    exchanges = built.house.exchanges
    without = Open(exchanges._rate, exchanges._records, exchanges._clock)
    built.house = replace(built.house, exchanges=without)
    with pytest.raises(AssertionError):
        check(built)
