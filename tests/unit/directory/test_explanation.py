"""For each field who sees it, and why: every reason there is, and that nothing is said of privacy twice."""

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.directory.answers import Refused, Unavailable, Unknown
from gateway.directory.explanation import Explanation, Rule, Seen, Why, explain, rules
from gateway.directory.fields import FIELDS
from gateway.directory.person import Partial, Person, Visibility
from gateway.directory.privacy import Audience, Policy, Preset, reveal
from tests.unit.directory.keepers import ADMINISTRATOR, MEMBER, STRANGER, Place, Shelf, as_self, directory
from tests.unit.directory.test_privacy import NOW, PRESETS
from tests.unit.house import now

E, M, N = Visibility.EVERYONE, Visibility.MEMBERS, Visibility.NOBODY


def told(
    policy: Policy, own: Mapping[str, Visibility] | None = None, **others: Mapping[str, Visibility]
) -> dict[str, Seen]:
    """The explanation of alice, by field, who chose *own*; *others* are what further sources say."""
    sources = [_Named(name, Partial(login="alice", visibility=levels)) for name, levels in others.items()]
    kept = directory(Shelf(Partial(login="alice", name="Alice", visibility=own or {})), *sources, policy=policy)
    answer = now(kept.explain("alice", ADMINISTRATOR))
    assert isinstance(answer, Explanation)
    assert [seen.field for seen in answer.fields] == ["login", *FIELDS]
    return {seen.field: seen for seen in answer.fields}


class _Named(Place):
    def __init__(self, name: str, person: Partial) -> None:
        super().__init__(person)
        self.name = name


# each reason


def test_nobody_said_anything() -> None:
    seen = told(Policy.preset("open", default={"email": N}))
    assert seen["name"] == Seen("name", E, Why.PRESET)
    assert seen["office"] == Seen("office", M, Why.PRESET)
    assert seen["irc"] == Seen("irc", N, Why.PRESET)
    assert seen["email"] == Seen("email", N, Why.DEFAULT)


def test_the_person_chose() -> None:
    seen = told(Policy.preset(), {"office": E, "plan": N})
    assert seen["office"] == Seen("office", E, Why.CHOICE)
    assert seen["plan"] == Seen("plan", N, Why.CHOICE)
    assert told(Policy.preset(), {"office": M})["office"].why is Why.CHOICE  # as the default, but said


def test_a_source_is_the_strictest() -> None:
    seen = told(
        Policy.preset(), {"office": M, "plan": N}, homes={"office": N, "plan": M, "title": N}, ldap={"title": M}
    )
    assert seen["office"] == Seen("office", N, Why.SOURCE, by="homes")
    assert seen["title"] == Seen("title", N, Why.SOURCE, by="homes")
    assert seen["plan"] == Seen("plan", N, Why.CHOICE)
    both = told(Policy.preset(), {"office": N}, homes={"office": N})
    assert both["office"].why is Why.CHOICE, "the person's own is named first"


@pytest.mark.parametrize(("own", "wanted"), [({"home_phone": E}, E), ({}, M)])
def test_the_operators_limit_cut(own: dict[str, Visibility], wanted: Visibility) -> None:
    seen = told(Policy.preset("open", limit={"home_phone": N}), own)
    assert seen["home_phone"] == Seen("home_phone", N, Why.LIMIT, wanted=wanted, own_limit=True)


def test_the_presets_limit_cut() -> None:
    seen = told(Policy.preset("C"), {"office": E, "plan": N})
    assert seen["office"] == Seen("office", M, Why.LIMIT, wanted=E)
    assert seen["plan"] == Seen("plan", N, Why.CHOICE), "narrower than the limit is nobody's but the person's"


def test_a_hidden_name_hides_all() -> None:
    seen = told(Policy.preset(), {"name": N, "plan": E, "office": N})
    assert seen["name"] == Seen("name", N, Why.CHOICE)
    assert seen["login"] == Seen("login", N, Why.NAME)
    assert seen["plan"] == Seen("plan", N, Why.NAME)
    assert seen["office"] == Seen("office", N, Why.CHOICE)
    assert {each.by_whom for each in seen.values()} == {N}


def test_a_name_for_members_leaves_the_rest_to_them() -> None:
    seen = told(Policy.preset(default={"name": M}))
    assert (seen["name"].by_whom, seen["name"].why) == (M, Why.DEFAULT)
    assert seen["plan"] == Seen("plan", M, Why.NAME)
    assert seen["email"] == Seen("email", M, Why.PRESET)


def test_what_is_derived_goes_with_what_it_is_made_of() -> None:
    seen = told(Policy.preset(), {"presence": E})
    assert seen["idle"] == Seen("idle", E, Why.FOLLOWS, by="presence")
    assert seen["login"] == Seen("login", E, Why.NAME)
    assert told(Policy.preset(), {"presence": E, "idle": N})["idle"] == Seen("idle", N, Why.CHOICE)
    assert told(Policy.preset(default={"presence": N}))["idle"] == Seen("idle", N, Why.DEFAULT)
    cut = told(Policy.preset(limit={"presence": N}), {"presence": E})["idle"]
    assert cut == Seen("idle", N, Why.LIMIT, wanted=E, own_limit=True)


# whom it is for


def test_it_is_for_who_may_edit_and_holds_no_person() -> None:
    hidden = Partial(login="carol", name="Carol", visibility={"name": N})
    kept = directory(Shelf(Partial(login="alice", name="Alice"), hidden))
    for viewer in (ADMINISTRATOR, as_self("alice")):
        answer = now(kept.explain("Alice", viewer))
        assert isinstance(answer, Explanation)
        assert answer.profile.login == "alice"
        assert answer.profile.visibility == {}
        assert not isinstance(answer.profile, Person)
    for viewer in (STRANGER, MEMBER, as_self("carol")):
        assert isinstance(now(kept.explain("alice", viewer)), Refused)
    for viewer in (STRANGER, MEMBER, as_self("alice")):
        assert isinstance(now(kept.explain("carol", viewer)), Unknown)
        assert isinstance(now(kept.explain("nobody", viewer)), Unknown)
    assert isinstance(now(kept.explain("carol", ADMINISTRATOR)), Explanation)
    assert isinstance(now(kept.explain("no login", ADMINISTRATOR)), Unknown)


def test_while_the_store_is_down_nothing_is_explained() -> None:
    shelf = Shelf(Partial(login="alice"))
    shelf.down = True
    assert isinstance(now(directory(shelf).explain("alice", ADMINISTRATOR)), Unavailable)


def test_a_source_that_is_down_is_named_by_that() -> None:
    person = Person(login="alice", visibility={"office": N})
    profile = reveal(person, Audience.ADMINISTRATOR, Policy.preset(), NOW)
    assert profile is not None
    answer = explain(person, profile, Policy.preset(), {"store": Partial(login="alice")}, "store")
    assert {seen.field: seen for seen in answer.fields}["office"] == Seen("office", N, Why.SOURCE)


# never another answer than privacy.py's

levels = st.sampled_from([E, M, N])
some = st.dictionaries(st.sampled_from(sorted(FIELDS)), levels)


@given(st.sampled_from(PRESETS), some, some, some)
def test_who_sees_is_what_reveal_shows(
    preset: Preset, default: dict[str, Visibility], limit: dict[str, Visibility], own: dict[str, Visibility]
) -> None:
    policy = Policy.preset(preset, default, limit)
    person = Person(login="alice", visibility=own)
    profile = reveal(person, Audience.ADMINISTRATOR, policy, NOW)
    assert profile is not None
    answer = explain(person, profile, policy, {"store": Partial(login="alice", visibility=own)}, "store")
    for audience, level in ((Audience.EVERYONE, E), (Audience.MEMBER, M), (Audience.SELF, N)):
        shown = reveal(person, audience, policy, NOW)
        fields = {seen.field for seen in answer.fields if seen.by_whom <= level}
        assert fields == (set() if shown is None else {"login", *shown.shown})


# the whole site


def by_field(policy: Policy) -> dict[str, Rule]:
    return {rule.field: rule for rule in rules(policy)}


def test_the_rules_of_the_open_preset() -> None:
    table = by_field(Policy.preset())
    assert list(table) == list(FIELDS)
    assert table["plan"] == Rule("plan", E, E, False, False)
    assert table["email"] == Rule("email", M, E, False, False)
    assert table["irc"] == Rule("irc", N, E, False, False)
    assert table["irc"].choices == (E, M, N)


def test_the_rules_of_a_strict_preset_with_levels_of_ones_own() -> None:
    table = by_field(Policy.preset("B", {"office": N, "presence": N}, {"home_phone": N, "email": N}))
    assert table["office"] == Rule("office", N, E, True, False)
    assert table["office_phone"] == Rule("office_phone", E, E, False, False)
    assert table["plan"] == Rule("plan", M, M, False, False)
    assert table["plan"].choices == (M, N)
    assert table["home_phone"] == Rule("home_phone", N, N, False, True)
    assert table["home_phone"].choices == (N,)
    assert table["idle"] == Rule("idle", N, M, True, False)


def test_where_names_are_for_members_nothing_is_for_everyone() -> None:
    default: Any = {rule.default for rule in rules(Policy.preset(default={"name": M}))}
    assert default == {M, N}
    assert {rule.limit for rule in rules(Policy.preset(limit={"name": M}))} == {M}
