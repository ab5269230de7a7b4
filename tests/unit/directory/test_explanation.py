"""explain(): who sees each field and why, for every reason, and in agreement with privacy.py."""

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.directory.explanation import Explanation, FieldExplanation, FieldRule, Reason, explain, field_rules
from gateway.directory.fields import FIELDS
from gateway.directory.person import PartialPerson, Person, Visibility
from gateway.directory.privacy import Audience, Policy, Preset, make_profile
from gateway.directory.results import Forbidden, NotFound, Unavailable
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


def explain_alice(
    policy: Policy, own: Mapping[str, Visibility] | None = None, **others: Mapping[str, Visibility]
) -> dict[str, FieldExplanation]:
    """Explain alice by field; *own* are her own choices, *others* the levels that further sources set."""
    sources = [NamedSource(name, PartialPerson(login="alice", visibility=levels)) for name, levels in others.items()]
    service = make_directory(
        InMemoryStore(PartialPerson(login="alice", name="Alice", visibility=own or {})), *sources, policy=policy
    )
    answer = result_of(service.explain("alice", ADMINISTRATOR))
    assert isinstance(answer, Explanation)
    assert [fields.field for fields in answer.fields] == ["login", *FIELDS]
    return {fields.field: fields for fields in answer.fields}


class NamedSource(InMemorySource):
    def __init__(self, name: str, person: PartialPerson) -> None:
        super().__init__(person)
        self.name = name


# each reason


def test_reasons_preset_and_default() -> None:
    fields = explain_alice(Policy.preset("open", default={"email": N}))
    assert fields["name"] == FieldExplanation("name", E, Reason.PRESET)
    assert fields["office"] == FieldExplanation("office", M, Reason.PRESET)
    assert fields["irc"] == FieldExplanation("irc", N, Reason.PRESET)
    assert fields["email"] == FieldExplanation("email", N, Reason.DEFAULT)


def test_reason_choice() -> None:
    fields = explain_alice(Policy.preset(), {"office": E, "plan": N})
    assert fields["office"] == FieldExplanation("office", E, Reason.CHOICE)
    assert fields["plan"] == FieldExplanation("plan", N, Reason.CHOICE)
    assert (
        explain_alice(Policy.preset(), {"office": M})["office"].reason is Reason.CHOICE
    )  # equal to the default, but chosen


def test_reason_source() -> None:
    fields = explain_alice(
        Policy.preset(), {"office": M, "plan": N}, homes={"office": N, "plan": M, "title": N}, ldap={"title": M}
    )
    assert fields["office"] == FieldExplanation("office", N, Reason.SOURCE, by="homes")
    assert fields["title"] == FieldExplanation("title", N, Reason.SOURCE, by="homes")
    assert fields["plan"] == FieldExplanation("plan", N, Reason.CHOICE)
    both = explain_alice(Policy.preset(), {"office": N}, homes={"office": N})
    assert both["office"].reason is Reason.CHOICE, "the person's own choice comes first"


@pytest.mark.parametrize(("own", "chosen"), [({"home_phone": E}, E), ({}, M)])
def test_reason_limit_of_the_operator(own: dict[str, Visibility], chosen: Visibility) -> None:
    fields = explain_alice(Policy.preset("open", limit={"home_phone": N}), own)
    assert fields["home_phone"] == FieldExplanation("home_phone", N, Reason.LIMIT, wanted=chosen, own_limit=True)


def test_reason_limit_of_the_preset() -> None:
    fields = explain_alice(Policy.preset("C"), {"office": E, "plan": N})
    assert fields["office"] == FieldExplanation("office", M, Reason.LIMIT, wanted=E)
    assert fields["plan"] == FieldExplanation("plan", N, Reason.CHOICE), "a choice below the limit is the person's own"


def test_a_hidden_name_hides_all_fields() -> None:
    fields = explain_alice(Policy.preset(), {"name": N, "plan": E, "office": N})
    assert fields["name"] == FieldExplanation("name", N, Reason.CHOICE)
    assert fields["login"] == FieldExplanation("login", N, Reason.NAME)
    assert fields["plan"] == FieldExplanation("plan", N, Reason.NAME)
    assert fields["office"] == FieldExplanation("office", N, Reason.CHOICE)
    assert {each.seen_by for each in fields.values()} == {N}


def test_a_name_for_members_limits_all_fields_to_members() -> None:
    fields = explain_alice(Policy.preset(default={"name": M}))
    assert (fields["name"].seen_by, fields["name"].reason) == (M, Reason.DEFAULT)
    assert fields["plan"] == FieldExplanation("plan", M, Reason.NAME)
    assert fields["email"] == FieldExplanation("email", M, Reason.PRESET)


def test_derived_fields_follow_their_source_field() -> None:
    fields = explain_alice(Policy.preset(), {"presence": E})
    assert fields["idle"] == FieldExplanation("idle", E, Reason.FOLLOWS, by="presence")
    assert fields["login"] == FieldExplanation("login", E, Reason.NAME)
    assert explain_alice(Policy.preset(), {"presence": E, "idle": N})["idle"] == FieldExplanation(
        "idle", N, Reason.CHOICE
    )
    assert explain_alice(Policy.preset(default={"presence": N}))["idle"] == FieldExplanation("idle", N, Reason.DEFAULT)
    cut = explain_alice(Policy.preset(limit={"presence": N}), {"presence": E})["idle"]
    assert cut == FieldExplanation("idle", N, Reason.LIMIT, wanted=E, own_limit=True)


# who may ask for it


def test_explanations_are_for_editors_and_contain_no_person() -> None:
    hidden = PartialPerson(login="carol", name="Carol", visibility={"name": N})
    service = make_directory(InMemoryStore(PartialPerson(login="alice", name="Alice"), hidden))
    for viewer in (ADMINISTRATOR, as_self("alice")):
        answer = result_of(service.explain("Alice", viewer))
        assert isinstance(answer, Explanation)
        assert answer.profile.login == "alice"
        assert answer.profile.visibility == {}
        assert not isinstance(answer.profile, Person)
    for viewer in (STRANGER, MEMBER, as_self("carol")):
        assert isinstance(result_of(service.explain("alice", viewer)), Forbidden)
    for viewer in (STRANGER, MEMBER, as_self("alice")):
        assert isinstance(result_of(service.explain("carol", viewer)), NotFound)
        assert isinstance(result_of(service.explain("nobody", viewer)), NotFound)
    assert isinstance(result_of(service.explain("carol", ADMINISTRATOR)), Explanation)
    assert isinstance(result_of(service.explain("no login", ADMINISTRATOR)), NotFound)


def test_no_explanation_while_the_store_is_down() -> None:
    store = InMemoryStore(PartialPerson(login="alice"))
    store.down = True
    assert isinstance(result_of(make_directory(store).explain("alice", ADMINISTRATOR)), Unavailable)


def test_reason_source_while_a_source_is_down() -> None:
    person = Person(login="alice", visibility={"office": N})
    profile = make_profile(person, Audience.ADMINISTRATOR, Policy.preset(), NOW)
    assert profile is not None
    answer = explain(person, profile, Policy.preset(), {"store": PartialPerson(login="alice")}, "store")
    assert {fields.field: fields for fields in answer.fields}["office"] == FieldExplanation("office", N, Reason.SOURCE)


# agreement with privacy.py

levels = st.sampled_from([E, M, N])
some_levels = st.dictionaries(st.sampled_from(sorted(FIELDS)), levels)


@given(st.sampled_from(PRESETS), some_levels, some_levels, some_levels)
def test_explanations_agree_with_profiles(
    preset: Preset, default: dict[str, Visibility], limit: dict[str, Visibility], own: dict[str, Visibility]
) -> None:
    policy = Policy.preset(preset, default, limit)
    person = Person(login="alice", visibility=own)
    profile = make_profile(person, Audience.ADMINISTRATOR, policy, NOW)
    assert profile is not None
    answer = explain(person, profile, policy, {"store": PartialPerson(login="alice", visibility=own)}, "store")
    for audience, level in ((Audience.EVERYONE, E), (Audience.MEMBER, M), (Audience.SELF, N)):
        shown = make_profile(person, audience, policy, NOW)
        fields = {fields.field for fields in answer.fields if fields.seen_by <= level}
        assert fields == (set() if shown is None else {"login", *shown.shown})


# the whole site


def by_field(policy: Policy) -> dict[str, FieldRule]:
    return {rule.field: rule for rule in field_rules(policy)}


def test_the_rules_of_the_open_preset() -> None:
    rules = by_field(Policy.preset())
    assert list(rules) == list(FIELDS)
    assert rules["plan"] == FieldRule("plan", E, E, False, False)
    assert rules["email"] == FieldRule("email", M, E, False, False)
    assert rules["irc"] == FieldRule("irc", N, E, False, False)
    assert rules["irc"].choices == (E, M, N)


def test_the_rules_of_a_strict_preset_with_own_levels() -> None:
    rules = by_field(Policy.preset("B", {"office": N, "presence": N}, {"home_phone": N, "email": N}))
    assert rules["office"] == FieldRule("office", N, E, True, False)
    assert rules["office_phone"] == FieldRule("office_phone", E, E, False, False)
    assert rules["plan"] == FieldRule("plan", M, M, False, False)
    assert rules["plan"].choices == (M, N)
    assert rules["home_phone"] == FieldRule("home_phone", N, N, False, True)
    assert rules["home_phone"].choices == (N,)
    assert rules["idle"] == FieldRule("idle", N, M, True, False)


def test_names_for_members_limit_every_field_to_members() -> None:
    default: Any = {rule.default for rule in field_rules(Policy.preset(default={"name": M}))}
    assert default == {M, N}
    assert {rule.limit for rule in field_rules(Policy.preset(limit={"name": M}))} == {M}
