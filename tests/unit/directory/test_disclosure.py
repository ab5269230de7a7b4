"""The directory hides data that a store returns in excess, missing people, and what a stricter policy forbids."""

from collections.abc import Sequence
from datetime import UTC, datetime

import pytest

from gateway.directory.person import PartialPerson, Visibility
from gateway.directory.privacy import Policy
from gateway.directory.results import Found, History, NotFound, PlanVersion
from gateway.directory.viewers import Viewer
from tests.unit.directory.doubles import ADMINISTRATOR, MEMBER, STRANGER, InMemoryStore, as_self, make_directory
from tests.unit.fixtures import result_of


class UnfilteredHistoryStore(InMemoryStore):
    """A store that ignores the highest level and returns plans of all levels."""

    async def history(
        self, login: str, limit: int, highest: int = Visibility.NOBODY, before: datetime | None = None
    ) -> Sequence[PlanVersion]:
        return [PlanVersion(datetime(2026, 6, 1, tzinfo=UTC), level.name, level) for level in Visibility]


@pytest.mark.parametrize(
    ("viewer", "plans"),
    [
        (STRANGER, ["EVERYONE"]),
        (MEMBER, ["EVERYONE", "MEMBERS"]),
        (as_self("alice"), ["EVERYONE", "MEMBERS", "NOBODY"]),
        (ADMINISTRATOR, ["EVERYONE", "MEMBERS", "NOBODY"]),
    ],
    ids=["stranger", "member", "self", "administrator"],
)
def test_W029_the_directory_checks_the_level_of_each_old_plan(viewer: Viewer, plans: list[str]) -> None:
    store = UnfilteredHistoryStore(
        PartialPerson(login="alice", plan="EVERYONE", visibility={"plan": Visibility.EVERYONE})
    )
    history = result_of(make_directory(store).history("alice", viewer))
    assert isinstance(history, History)
    assert [entry.text for entry in history.entries] == plans


@pytest.mark.parametrize("viewer", [STRANGER, MEMBER, as_self("bob")], ids=["stranger", "member", "somebody else"])
def test_W022_missing_and_hidden_people_get_the_same_check(viewer: Viewer) -> None:
    """The same privacy check runs for both and is cached for both, so that timing reveals nothing."""
    service = make_directory(
        InMemoryStore(PartialPerson(login="hidden", name="Hidden", visibility={"name": Visibility.NOBODY}))
    )
    cached = []
    for login in ("hidden", "missing"):
        assert result_of(service.lookup(login, viewer)) == NotFound()
        entry = service._queries.cache.peek(login)
        assert entry is not None
        cached.append(entry.profiles)
    assert cached[0] == cached[1]
    assert list(cached[0].values()) == [None]


def test_a_stricter_policy_applies_to_cached_people() -> None:
    service = make_directory(InMemoryStore(PartialPerson(login="alice", name="Alice", title="Keeper", visibility={})))
    for policy, title in (
        (Policy.preset("open"), "Keeper"),
        (Policy.preset("C"), ""),
        (Policy.preset("open"), "Keeper"),
    ):
        service.set_policy(policy)
        for _ in range(2):
            answer = result_of(service.lookup("alice", STRANGER))
            assert isinstance(answer, Found)
            assert answer.profile.title == title
    service.set_policy(Policy.preset(limit={"name": Visibility.MEMBERS}))
    assert result_of(service.lookup("alice", STRANGER)) == NotFound()
