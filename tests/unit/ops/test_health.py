"""Would it answer? What probers hear, in words that name nobody."""

from pathlib import Path

import pytest

from gateway.ops.health import MAX_CHANGE_DELAY, liveness_body, readiness_response
from tests.unit.fixtures import BOB, Built, make_create_edit, make_dependencies, result_of


@pytest.fixture
def built(tmp_path: Path) -> Built:
    return make_dependencies(tmp_path)


def test_a_house_that_answers_has_no_troubles(built: Built) -> None:
    assert result_of(built.deps.health.find_problems()) == ()
    built.stop()


def test_a_directory_that_does_not_run_is_not_ready(built: Built) -> None:
    built.deps.directory.running = 0
    assert result_of(built.deps.health.find_problems()) == ("starting or stopping",)
    built.stop()


def test_a_database_that_cannot_be_read_is_a_trouble(built: Built) -> None:
    assert built.store.reader.connection is not None
    built.store.reader.connection.execute("PRAGMA user_version")
    built.store.reader.connection.close()
    assert result_of(built.deps.health.find_problems()) == ("the database cannot be read",)
    built.store.watcher._polling.stop()
    built.deps.tracker._access_log.stopService()


def test_changes_that_are_not_followed_are_a_trouble_after_a_while(built: Built) -> None:
    built.store.watcher._polling.stop()
    built.change(make_create_edit(BOB | {"login": "bert"}))
    assert result_of(built.deps.health.find_problems()) == ()
    built.clock.advance(MAX_CHANGE_DELAY + 0.1)
    assert result_of(built.deps.health.find_problems()) == ("changes are not followed",)
    result_of(built.deps.directory._changes.catch_up())
    assert result_of(built.deps.health.find_problems()) == ()
    built.store.watcher._polling.start(60)
    built.stop()


def test_who_always_lags_a_little_follows(built: Built) -> None:
    built.store.watcher._polling.stop()
    for number in range(5):
        built.change(make_create_edit(BOB | {"login": f"bert{number}"}))
        assert result_of(built.deps.health.find_problems()) == ()
        result_of(built.deps.directory._changes.catch_up())
        built.change(make_create_edit(BOB | {"login": f"bart{number}"}))
        assert result_of(built.deps.health.find_problems()) == ()
        built.clock.advance(MAX_CHANGE_DELAY - 0.1)
    built.store.watcher._polling.start(60)
    built.stop()


def test_what_probers_hear() -> None:
    assert (liveness_body(False), liveness_body(True)) == (b"ok\n", b'{"status":"ok"}')
    assert readiness_response((), False) == (200, b"ready\n")
    assert readiness_response((), True) == (200, b'{"status":"ready"}')
    assert readiness_response(("a", "b"), False) == (503, b"a\nb\n")
    assert readiness_response(("a",), True) == (503, b'{"status":"not ready","reasons":["a"]}')
