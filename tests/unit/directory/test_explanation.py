"""For each field who sees it, and why: every reason there is, and that nothing is said of privacy twice."""

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.directory.answers import Forbidden, NotFound, Unavailable
from gateway.directory.explanation import Explanation, FieldExplanation, FieldRule, Reason, explain, field_rules
from gateway.directory.fields import FIELDS
from gateway.directory.person import Partial, Person, Visibility
from gateway.directory.privacy import Audience, Policy, Preset, make_profile
from tests.unit.directory.doubles import (
    ADMINISTRATOR,
    MEMBER,
    STRANGER,
    InMemorySource,
    InMemoryStore,
    as_self,
    make_directory,
)
from tests.unit.directory.test_privacy import NOW, PRESETS
from tests.unit.fixtures import result_of

E, M, N = Visibility.EVERYONE, Visibility.MEMBERS, Visibility.NOBODY


def told(
    policy: Policy, own: Mapping[str, Visibility] | None = None, **others: Mapping[str, Visibility]
) -> dict[str, FieldExplanation]:
    """The explanation of alice, by field, who chose *own*; *others* are what further sources say."""
    sources = [_Named(name, Partial(login="alice", visibility=levels)) for name, levels in others.items()]
    kept = make_directory(
        InMemoryStore(Partial(login="alice", name="Alice", visibility=own or {})), *sources, policy=policy
    )
    answer = result_of(kept.explain("alice", ADMINISTRATOR))
    assert isinstance(answer, Explanation)
    assert [seen.field for seen in answer.fields] == ["login", *FIELDS]
    return {seen.field: seen for seen in answer.fields}


class _Named(InMemorySource):
    def __init__(self, name: str, person: Partial) -> None:
        super().__init__(person)
        self.name = name


# each reason


def test_nobody_said_anything() -> None:
    seen = told(Policy.preset("open", default={"email": N}))
    assert seen["name"] == FieldExplanation("name", E, Reason.PRESET)
    assert seen["office"] == FieldExplanation("office", M, Reason.PRESET)
    assert seen["irc"] == FieldExplanation("irc", N, Reason.PRESET)
    assert seen["email"] == FieldExplanation("email", N, Reason.DEFAULT)


def test_the_person_chose() -> None:
    seen = told(Policy.preset(), {"office": E, "plan": N})
    assert seen["office"] == FieldExplanation("office", E, Reason.CHOICE)
    assert seen["plan"] == FieldExplanation("plan", N, Reason.CHOICE)
    assert told(Policy.preset(), {"office": M})["office"].reason is Reason.CHOICE  # as the default, but said


def test_a_source_is_the_strictest() -> None:
    seen = told(
        Policy.preset(), {"office": M, "plan": N}, homes={"office": N, "plan": M, "title": N}, ldap={"title": M}
    )
    assert seen["office"] == FieldExplanation("office", N, Reason.SOURCE, by="homes")
    assert seen["title"] == FieldExplanation("title", N, Reason.SOURCE, by="homes")
    assert seen["plan"] == FieldExplanation("plan", N, Reason.CHOICE)
    both = told(Policy.preset(), {"office": N}, homes={"office": N})
    assert both["office"].reason is Reason.CHOICE, "the person's own is named first"


@pytest.mark.parametrize(("own", "wanted"), [({"home_phone": E}, E), ({}, M)])
def test_the_operators_limit_cut(own: dict[str, Visibility], wanted: Visibility) -> None:
    seen = told(Policy.preset("open", limit={"home_phone": N}), own)
    assert seen["home_phone"] == FieldExplanation("home_phone", N, Reason.LIMIT, wanted=wanted, own_limit=True)


def test_the_presets_limit_cut() -> None:
    seen = told(Policy.preset("C"), {"office": E, "plan": N})
    assert seen["office"] == FieldExplanation("office", M, Reason.LIMIT, wanted=E)
    assert seen["plan"] == FieldExplanation("plan", N, Reason.CHOICE), (
        "narrower than the limit is nobody's but the person's"
    )


def test_a_hidden_name_hides_all() -> None:
    seen = told(Policy.preset(), {"name": N, "plan": E, "office": N})
    assert seen["name"] == FieldExplanation("name", N, Reason.CHOICE)
    assert seen["login"] == FieldExplanation("login", N, Reason.NAME)
    assert seen["plan"] == FieldExplanation("plan", N, Reason.NAME)
    assert seen["office"] == FieldExplanation("office", N, Reason.CHOICE)
    assert {each.seen_by for each in seen.values()} == {N}


def test_a_name_for_members_leaves_the_rest_to_them() -> None:
    seen = told(Policy.preset(default={"name": M}))
    assert (seen["name"].seen_by, seen["name"].reason) == (M, Reason.DEFAULT)
    assert seen["plan"] == FieldExplanation("plan", M, Reason.NAME)
    assert seen["email"] == FieldExplanation("email", M, Reason.PRESET)


def test_what_is_derived_goes_with_what_it_is_made_of() -> None:
    seen = told(Policy.preset(), {"presence": E})
    assert seen["idle"] == FieldExplanation("idle", E, Reason.FOLLOWS, by="presence")
    assert seen["login"] == FieldExplanation("login", E, Reason.NAME)
    assert told(Policy.preset(), {"presence": E, "idle": N})["idle"] == FieldExplanation("idle", N, Reason.CHOICE)
    assert told(Policy.preset(default={"presence": N}))["idle"] == FieldExplanation("idle", N, Reason.DEFAULT)
    cut = told(Policy.preset(limit={"presence": N}), {"presence": E})["idle"]
    assert cut == FieldExplanation("idle", N, Reason.LIMIT, wanted=E, own_limit=True)


# whom it is for


def test_it_is_for_who_may_edit_and_holds_no_person() -> None:
    hidden = Partial(login="carol", name="Carol", visibility={"name": N})
    kept = make_directory(InMemoryStore(Partial(login="alice", name="Alice"), hidden))
    for viewer in (ADMINISTRATOR, as_self("alice")):
        answer = result_of(kept.explain("Alice", viewer))
        assert isinstance(answer, Explanation)
        assert answer.profile.login == "alice"
        assert answer.profile.visibility == {}
        assert not isinstance(answer.profile, Person)
    for viewer in (STRANGER, MEMBER, as_self("carol")):
        assert isinstance(result_of(kept.explain("alice", viewer)), Forbidden)
    for viewer in (STRANGER, MEMBER, as_self("alice")):
        assert isinstance(result_of(kept.explain("carol", viewer)), NotFound)
        assert isinstance(result_of(kept.explain("nobody", viewer)), NotFound)
    assert isinstance(result_of(kept.explain("carol", ADMINISTRATOR)), Explanation)
    assert isinstance(result_of(kept.explain("no login", ADMINISTRATOR)), NotFound)


def test_while_the_store_is_down_nothing_is_explained() -> None:
    store = InMemoryStore(Partial(login="alice"))
    store.down = True
    assert isinstance(result_of(make_directory(store).explain("alice", ADMINISTRATOR)), Unavailable)


def test_a_source_that_is_down_is_named_by_that() -> None:
    person = Person(login="alice", visibility={"office": N})
    profile = make_profile(person, Audience.ADMINISTRATOR, Policy.preset(), NOW)
    assert profile is not None
    answer = explain(person, profile, Policy.preset(), {"store": Partial(login="alice")}, "store")
    assert {seen.field: seen for seen in answer.fields}["office"] == FieldExplanation("office", N, Reason.SOURCE)


# never another answer than privacy.py's

levels = st.sampled_from([E, M, N])
some = st.dictionaries(st.sampled_from(sorted(FIELDS)), levels)


@given(st.sampled_from(PRESETS), some, some, some)
def test_who_sees_is_what_reveal_shows(
    preset: Preset, default: dict[str, Visibility], limit: dict[str, Visibility], own: dict[str, Visibility]
) -> None:
    policy = Policy.preset(preset, default, limit)
    person = Person(login="alice", visibility=own)
    profile = make_profile(person, Audience.ADMINISTRATOR, policy, NOW)
    assert profile is not None
    answer = explain(person, profile, policy, {"store": Partial(login="alice", visibility=own)}, "store")
    for audience, level in ((Audience.EVERYONE, E), (Audience.MEMBER, M), (Audience.SELF, N)):
        shown = make_profile(person, audience, policy, NOW)
        fields = {seen.field for seen in answer.fields if seen.seen_by <= level}
        assert fields == (set() if shown is None else {"login", *shown.shown})


# the whole site


def by_field(policy: Policy) -> dict[str, FieldRule]:
    return {rule.field: rule for rule in field_rules(policy)}


def test_the_rules_of_the_open_preset() -> None:
    table = by_field(Policy.preset())
    assert list(table) == list(FIELDS)
    assert table["plan"] == FieldRule("plan", E, E, False, False)
    assert table["email"] == FieldRule("email", M, E, False, False)
    assert table["irc"] == FieldRule("irc", N, E, False, False)
    assert table["irc"].choices == (E, M, N)


def test_the_rules_of_a_strict_preset_with_levels_of_ones_own() -> None:
    table = by_field(Policy.preset("B", {"office": N, "presence": N}, {"home_phone": N, "email": N}))
    assert table["office"] == FieldRule("office", N, E, True, False)
    assert table["office_phone"] == FieldRule("office_phone", E, E, False, False)
    assert table["plan"] == FieldRule("plan", M, M, False, False)
    assert table["plan"].choices == (M, N)
    assert table["home_phone"] == FieldRule("home_phone", N, N, False, True)
    assert table["home_phone"].choices == (N,)
    assert table["idle"] == FieldRule("idle", N, M, True, False)


def test_where_names_are_for_members_nothing_is_for_everyone() -> None:
    default: Any = {rule.default for rule in field_rules(Policy.preset(default={"name": M}))}
    assert default == {M, N}
    assert {rule.limit for rule in field_rules(Policy.preset(limit={"name": M}))} == {M}
