"""R028: file descriptors: raising the limit and keeping some free."""

import resource
from collections.abc import Iterator

import pytest

from gateway.net.descriptor_limits import fit_connections


@pytest.fixture(autouse=True)
def _restore_limits() -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


def set_soft_limit(number: int) -> None:
    resource.setrlimit(resource.RLIMIT_NOFILE, (number, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))


def test_R028_the_soft_limit_is_raised_for_the_connections() -> None:
    set_soft_limit(256)
    assert fit_connections(1000) == 1000
    raised = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    assert 0.8 * raised >= 1000
    assert raised >= 1200 + 40
    set_soft_limit(4096)
    assert fit_connections(10) == 10
    assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] == 4096  # never lowered


def test_R028_at_the_hard_limit_a_fifth_is_kept_free() -> None:
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    fitting = fit_connections(10_000_000)
    assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] == hard
    assert fitting <= 0.8 * hard
    assert 1.2 * fitting + 40 <= hard
    assert fitting > 0.75 * hard
