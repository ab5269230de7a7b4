"""Health: problems that make the gateway unready, and the responses to probes."""

from pathlib import Path

import pytest

from gateway.ops.health import MAX_CHANGE_DELAY, liveness_body, readiness_response
from tests.unit.fixtures import BOB, GatewayHarness, make_create_edit, make_dependencies, result_of


@pytest.fixture
def built(tmp_path: Path) -> GatewayHarness:
    return make_dependencies(tmp_path)


def test_a_working_gateway_has_no_problems(built: GatewayHarness) -> None:
    assert result_of(built.deps.health.find_problems()) == ()
    built.stop()


def test_a_stopped_directory_is_not_ready(built: GatewayHarness) -> None:
    built.deps.directory.running = 0
    assert result_of(built.deps.health.find_problems()) == ("starting or stopping",)
    built.stop()


def test_an_unreadable_database_is_a_problem(built: GatewayHarness) -> None:
    assert built.store.reader.connection is not None
    built.store.reader.connection.execute("PRAGMA user_version")
    built.store.reader.connection.close()
    assert result_of(built.deps.health.find_problems()) == ("the database cannot be read",)
    built.store.watcher._polling.stop()
    built.deps.tracker._access_log.stopService()


def test_unfollowed_changes_become_a_problem_after_a_delay(built: GatewayHarness) -> None:
    built.store.watcher._polling.stop()
    built.change(make_create_edit(BOB | {"login": "bert"}))
    assert result_of(built.deps.health.find_problems()) == ()
    built.clock.advance(MAX_CHANGE_DELAY + 0.1)
    assert result_of(built.deps.health.find_problems()) == ("changes are not followed",)
    result_of(built.deps.directory._changes.catch_up())
    assert result_of(built.deps.health.find_problems()) == ()
    built.store.watcher._polling.start(60)
    built.stop()


def test_a_constant_small_lag_is_no_problem(built: GatewayHarness) -> None:
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


def test_responses_to_probes() -> None:
    assert (liveness_body(False), liveness_body(True)) == (b"ok\n", b'{"status":"ok"}')
    assert readiness_response((), False) == (200, b"ready\n")
    assert readiness_response((), True) == (200, b'{"status":"ready"}')
    assert readiness_response(("a", "b"), False) == (503, b"a\nb\n")
    assert readiness_response(("a",), True) == (503, b'{"status":"not ready","reasons":["a"]}')
