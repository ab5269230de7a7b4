"""Who may make which edit: administrator rights need both the person's role and evidence that allows its use."""

from dataclasses import replace

import pytest

from gateway.directory.edit_checks import check_change, check_create
from gateway.directory.interfaces import Create, Modify, Remove, Rename
from gateway.directory.person import Person
from gateway.directory.privacy import Audience, Policy, audience_for
from gateway.directory.results import Forbidden
from gateway.directory.viewers import Viewer
from tests.unit.directory.doubles import ADMINISTRATOR, as_self

ALICE = Person(login="alice")
POLICY = Policy.preset()
EDITS = (Modify("alice", {"aliases": ("queen",)}), Remove("alice"), Rename("alice", "queen"))
ROLE_ALONE = replace(as_self("alice"), administrator=True)
SCOPE_ALONE = replace(as_self("alice"), scope="administrator")


@pytest.mark.parametrize("viewer", [ROLE_ALONE, SCOPE_ALONE, as_self("alice")], ids=["role", "scope", "neither"])
def test_administrator_edits_need_both_role_and_scope(viewer: Viewer) -> None:
    """An administrator with a token for less, or another person with a token that claims more, is no administrator."""
    assert audience_for(viewer, ALICE) is Audience.SELF
    assert check_create(Create("new"), viewer, POLICY) == Forbidden()
    for edit in EDITS:
        assert check_change(edit, ALICE, Audience.SELF, viewer, POLICY) == Forbidden()
    title = Modify("alice", {"title": "Queen"})
    assert check_change(title, ALICE, Audience.SELF, viewer, POLICY) != Forbidden()


def test_an_administrator_may_make_every_edit() -> None:
    assert check_create(Create("new"), ADMINISTRATOR, POLICY) != Forbidden()
    for edit in EDITS:
        assert check_change(edit, ALICE, audience_for(ADMINISTRATOR, ALICE), ADMINISTRATOR, POLICY) != Forbidden()
