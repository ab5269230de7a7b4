"""The benchmarks' own code: people written in bulk are found like others, and the statistics are right."""

from pathlib import Path
from typing import Any

import pytest

from gateway.directory.results import Found, Listing, NotFound, Page
from tests.bench import people
from tests.bench.hidden import auc
from tests.bench.measure import percentile
from tests.unit.fixtures import ALICE, make_dependencies, result_of


def test_people_written_in_bulk_are_found(tmp_path: Path) -> None:
    built = make_dependencies(tmp_path, [ALICE])
    people.fill_database(built.database_path, 3, 2)
    built.poll_store()
    directory = built.deps.directory
    viewer = built.deps.viewers.from_address("finger", None)

    def found(name: str) -> Any:
        return result_of(directory.lookup(name, viewer))

    for name in (people.login_of(2), people.full_name(2)):
        answer = found(name)
        assert isinstance(answer, Found) and answer.profile.login == people.login_of(2)
    assert "number 2" in found(people.login_of(2)).profile.plan
    assert isinstance(found(people.hidden_login(0)), NotFound) and isinstance(found(people.missing_login(0)), NotFound)
    listed = result_of(directory.list_people("", viewer, Page()))
    assert isinstance(listed, Listing)
    assert [each.login for each in listed.profiles] == ["alice", *map(people.login_of, range(3))]
    built.stop()


def test_auc() -> None:
    assert auc([1, 2, 3], [1, 2, 3]) == 0.5
    assert (auc([2, 3], [1, 1]), auc([1, 1], [2, 3])) == (1.0, 0.0)
    assert auc([1, 3], [2, 2]) == pytest.approx(0.5)


def test_percentile() -> None:
    assert (percentile([3, 1, 2], 0.5), percentile([3, 1, 2], 0.99), percentile([5], 0.5)) == (2, 3, 5)
