"""What the directory reveals when a store gives too much, when nobody has the name, and when the policy becomes stricter."""

from collections.abc import Sequence
from datetime import UTC, datetime

import pytest

from gateway.directory.answers import Found, History, NotFound, PlanVersion
from gateway.directory.person import Partial, Visibility
from gateway.directory.privacy import Policy
from gateway.directory.viewers import Viewer
from tests.unit.directory.doubles import ADMINISTRATOR, MEMBER, STRANGER, InMemoryStore, as_self, make_directory
from tests.unit.fixtures import result_of


class UnfilteredHistoryStore(InMemoryStore):
    """A store that gives plans of all levels, whatever the highest level is that it was asked for."""

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
    store = UnfilteredHistoryStore(Partial(login="alice", plan="EVERYONE", visibility={"plan": Visibility.EVERYONE}))
    history = result_of(make_directory(store).history("alice", viewer))
    assert isinstance(history, History)
    assert [entry.text for entry in history.entries] == plans


@pytest.mark.parametrize("viewer", [STRANGER, MEMBER, as_self("bob")], ids=["stranger", "member", "somebody else"])
def test_W022_a_missing_person_takes_the_work_of_a_hidden_one(viewer: Viewer) -> None:
    """The same check runs for both, so that the time of the answer does not tell them apart; its result is kept for both."""
    service = make_directory(
        InMemoryStore(Partial(login="hidden", name="Hidden", visibility={"name": Visibility.NOBODY}))
    )
    checked = []
    for login in ("hidden", "missing"):
        assert result_of(service.lookup(login, viewer)) == NotFound()
        entry = service._queries.cache.peek(login)
        assert entry is not None
        checked.append(entry.profiles)
    assert checked[0] == checked[1]
    assert list(checked[0].values()) == [None]


def test_a_stricter_policy_counts_for_people_who_were_asked_for_before() -> None:
    service = make_directory(InMemoryStore(Partial(login="alice", name="Alice", title="Keeper", visibility={})))
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
