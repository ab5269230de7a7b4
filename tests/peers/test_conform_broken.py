"""Each conformance check that can run from outside passes with a good server and fails with one that is broken for
it."""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from gateway.conform.runner import CHECKS, Result, Target, run_checks
from tests.peers.broken_servers import BASES, SERVERS
from tests.peers.plain_server import PlainServer, run_server

TESTABLE = [check for check in CHECKS.values() if not check.untestable]
# This check never fails: a server may have the feature switched off.
NEVER_FAIL = {"F098"}
Results = tuple[dict[str, Future[Result]], dict[str, Future[Result]]]


def run_check(kind: type[PlainServer], name: str) -> Result:
    """Return the result of the check *name* for a server of *kind*."""
    with run_server(kind) as server:
        target = Target(
            "127.0.0.1",
            server.port,
            logins=("alice", "bob", "\u017eofie"),
            name="Alice Adams",
            host_names=("dir.test", "club.test", "::1"),
            aggressive=True,
            wait=2.5,
            timeout=1.2,
        )
        (only,) = run_checks(target, [CHECKS[name]])
    return only


@pytest.fixture(scope="module")
def results() -> Iterator[Results]:
    """Run all checks with good and with broken servers, in parallel because most of their time is waiting."""
    with ThreadPoolExecutor(6) as pool:
        good = {check.id: pool.submit(run_check, BASES.get(check.id, PlainServer), check.id) for check in TESTABLE}
        yield (
            good,
            {
                check.id: pool.submit(run_check, SERVERS[check.id], check.id)
                for check in TESTABLE
                if check.id in SERVERS
            },
        )


def test_every_testable_check_has_a_broken_server() -> None:
    assert {check.id for check in TESTABLE} == set(SERVERS)


@pytest.mark.parametrize("name", [check.id for check in TESTABLE])
def test_a_good_server_passes(name: str, results: Results) -> None:
    result = results[0][name].result()
    assert result.verdict == "pass", result


@pytest.mark.parametrize("name", [check.id for check in TESTABLE])
def test_a_broken_server_fails(name: str, results: Results) -> None:
    result = results[1][name].result()
    assert result.verdict == ("not tested" if name in NEVER_FAIL else "fail"), result
