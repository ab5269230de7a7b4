"""Who sees which field. Expected values are typed here, not taken from the code."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.directory.interfaces import NameVisibilityFilter
from gateway.directory.person import Account, Key, Link, Login, PartialPerson, Person, Status, Visibility
from gateway.directory.privacy import Audience, Policy, Preset, Profile, audience_for, exists, make_profile, shows
from gateway.directory.results import Ambiguous, Found, NotFound
from gateway.directory.viewers import Viewer
from tests.unit.directory.doubles import (
    ADMINISTRATOR,
    MEMBER,
    STRANGER,
    InMemoryStore,
    all_viewers,
    as_self,
    make_directory,
)
from tests.unit.fixtures import result_of

E, M, N = Visibility.EVERYONE, Visibility.MEMBERS, Visibility.NOBODY
NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)

# Every field that a person can store; FIELDS adds those that are observed.
VALUES: dict[str, Any] = {
    "name": "Alice Adams",
    "aliases": ("ally",),
    "pronouns": "she/her",
    "pronunciation": "AL-iss",
    "title": "Keeper of the kettle",
    "organisation": "The Tea Club",
    "office": "B12",
    "office_phone": "+420 555 0100",
    "home_phone": "+420 555 0199",
    "email": "alice@dir.test",
    "location": "Prague",
    "timezone": "Europe/Prague",
    "links": (Link(label="Blog", url="https://alice.example/", me=True),),
    "keys": (Key(kind="ssh", label="laptop", text="ssh-ed25519 AAAA"),),
    "project": "A better teapot",
    "plan": "First line\nSecond line\n",
    "status": Status(text="at the kettle"),
    "irc": (Account(network="libera", account="alice"),),
    "fediverse": "@alice@social.example",
    "former": ("al1ce",),
}
FIELDS = [*VALUES, "presence", "terminal", "origin", "idle", "last_seen"]
EMPTY: dict[str, Any] = dict.fromkeys(VALUES, "") | {
    "aliases": (), "links": (), "keys": (), "irc": (), "former": (), "status": None
}  # fmt: skip

# The presets: the default of every field, what everyone sees, and the limit. E(veryone), M(embers), N(obody).
OPEN = {
    "name": E, "aliases": E, "pronouns": E, "pronunciation": E, "title": E, "project": E, "plan": E, "status": E, "links": E,
    "fediverse": E, "organisation": M, "office": M, "office_phone": M, "home_phone": M, "email": M, "location": M,
    "timezone": M, "keys": M, "presence": M, "idle": M, "last_seen": N, "irc": N,
    "former": N, "terminal": N, "origin": N,
}  # fmt: skip
VISIBLE_TO_EVERYONE = {
    "C": {"name"},
    "B": {"name", "office", "office_phone"},
    "A": {"name", "office", "office_phone", "home_phone", "presence", "idle", "last_seen"},
}
DEFAULT: dict[str, dict[str, Visibility]] = {
    "open": OPEN,
    **{
        preset: {f: E if f in visible else N if OPEN[f] is N else M for f in FIELDS}
        for preset, visible in VISIBLE_TO_EVERYONE.items()
    },
}
LIMIT: dict[str, dict[str, Visibility]] = {
    "open": dict.fromkeys(FIELDS, E),
    **{preset: {f: E if f in visible else M for f in FIELDS} for preset, visible in VISIBLE_TO_EVERYONE.items()},
}
PRESETS: tuple[Preset, ...] = ("open", "A", "B", "C")

levels = st.sampled_from([E, M, N])
some_levels = st.dictionaries(st.sampled_from(FIELDS), levels)
# The visibility of the name matters most, so half of all people set it.
visibilities = st.builds(
    lambda all_, name: all_ | ({} if name is None else {"name": name}), some_levels, st.sampled_from([None, E, M, N])
)
times = st.integers(-5000, 5000).map(lambda hours: NOW + hours * HOUR)
statuses = st.none() | st.builds(Status, text=st.just("busy"), until=st.none() | times)
audiences = st.sampled_from(list(Audience))
RANK = {Audience.EVERYONE: 0, Audience.MEMBER: 1, Audience.SELF: 2, Audience.ADMINISTRATOR: 2}


LOGIN = Login(terminal="tty1", origin="host.example", since=NOW - 2 * HOUR, active=NOW - HOUR)


@st.composite
def people(draw: st.DrawFn) -> Person:
    set_fields = draw(st.sets(st.sampled_from(list(VALUES))))
    values = {name: VALUES[name] for name in set_fields} | {"status": draw(statuses)}
    return Person(
        login="alice",
        **values,
        visibility=draw(visibilities),
        changed=draw(st.dictionaries(st.sampled_from(FIELDS), times)),
        logins=draw(st.sampled_from([(), (LOGIN,)])),
        last_seen=draw(st.none() | times),
        listed=draw(st.booleans()),
        version=draw(st.integers(1, 1000)),
    )


@st.composite
def policies(draw: st.DrawFn) -> tuple[Policy, Mapping[str, Visibility], Mapping[str, Visibility]]:
    """Draw a policy from settings, with the defaults and limits that the tables above give."""
    preset = draw(st.sampled_from(PRESETS))
    default, limit = draw(some_levels), draw(some_levels)
    return (
        Policy.preset(preset, default, limit), with_own_levels(DEFAULT[preset], default), with_own_levels(LIMIT[preset], limit)
    )  # fmt: skip


def with_own_levels(preset: Mapping[str, Visibility], own: Mapping[str, Visibility]) -> dict[str, Visibility]:
    """Apply *own* levels to a preset; idle follows presence unless it is set itself."""
    return {**preset, **({"idle": own["presence"]} if "presence" in own else {}), **own}


def full_person(**more: Any) -> Person:
    return Person(login="alice", **(VALUES | more))


def partial(person: Person) -> PartialPerson:
    return PartialPerson(**{name: getattr(person, name) for name in PartialPerson.__struct_fields__})


# the table of levels

LEVEL_TABLE = """
    limit own default -> level
    E - E -> E   E - M -> M   E - N -> N
    E E E -> E   E E M -> E   E E N -> E
    E M E -> M   E M M -> M   E M N -> M
    E N E -> N   E N M -> N   E N N -> N
    M - E -> M   M - M -> M   M - N -> N
    M E E -> M   M E M -> M   M E N -> M
    M M E -> M   M M M -> M   M M N -> M
    M N E -> N   M N M -> N   M N N -> N
    N - E -> N   N - M -> N   N - N -> N
    N E E -> N   N E M -> N   N E N -> N
    N M E -> N   N M M -> N   N M N -> N
    N N E -> N   N N M -> N   N N N -> N
"""
LETTERS = {"E": E, "M": M, "N": N, "-": None}
WORDS = [word for line in LEVEL_TABLE.splitlines()[2:] for word in line.split()]
ROWS = [
    (LETTERS[a], LETTERS[b], LETTERS[c], LETTERS[d])
    for a, b, c, _, d in (WORDS[n : n + 5] for n in range(0, len(WORDS), 5))
]


def test_the_level_table_is_complete() -> None:
    assert len({row[:3] for row in ROWS}) == 3 * 4 * 3


@pytest.mark.parametrize(("limit", "own", "default", "level"), ROWS)
def test_levels(limit: Visibility, own: Visibility | None, default: Visibility, level: Visibility) -> None:
    policy = Policy.preset("open", {"plan": default}, {"plan": limit})
    person = full_person(visibility={} if own is None else {"plan": own})
    assert policy.level(person, "plan") == level
    for who, rank in RANK.items():
        assert shows(person, "plan", who, policy) is (rank >= int(level))


@pytest.mark.parametrize("name", [E, M, N])
@pytest.mark.parametrize("who", list(Audience))
def test_a_hidden_name_hides_every_field(name: Visibility, who: Audience) -> None:
    person, policy = full_person(visibility={"name": name}), Policy.preset()
    assert exists(person, who, policy) is (RANK[who] >= name)
    assert shows(person, "plan", who, policy) is (RANK[who] >= name)


def test_levels_and_ranks_are_ordered() -> None:
    assert (int(E), int(M), int(N)) == (0, 1, 2)
    assert {who: who.rank for who in Audience} == RANK


# audience

AUDIENCES = {
    "stranger by address": Audience.EVERYONE,
    "stranger": Audience.EVERYONE,
    "member by address": Audience.MEMBER,
    "somebody else": Audience.MEMBER,
    "self": Audience.SELF,
    "self with a token for members": Audience.MEMBER,
    "self with a token for nothing": Audience.EVERYONE,
    "administrator": Audience.ADMINISTRATOR,
    "administrator of this name": Audience.ADMINISTRATOR,
    "administrator with a token for members": Audience.MEMBER,
    "administrator with a token for self": Audience.MEMBER,
    "administrator with a token for nothing": Audience.EVERYONE,
    "another administrator": Audience.ADMINISTRATOR,
}


@pytest.mark.parametrize("kind", AUDIENCES)
def test_audience(kind: str) -> None:
    viewer, rank = all_viewers("alice", "bob")[kind]
    assert audience_for(viewer, full_person()) is AUDIENCES[kind]
    assert audience_for(viewer, full_person()).rank == rank


def test_every_kind_of_viewer_is_classified() -> None:
    assert set(all_viewers("alice", "bob")) == set(AUDIENCES)


# presets


@pytest.mark.parametrize("preset", PRESETS)
def test_presets_match_the_tables(preset: Preset) -> None:
    policy = Policy.preset(preset)
    assert policy.default == DEFAULT[preset]
    assert policy.limit == LIMIT[preset]


@pytest.mark.parametrize(
    ("preset", "visible"),
    [
        ("C", {"name"}),
        ("B", {"name", "office", "office_phone"}),
        ("A", {"name", "office", "office_phone", "home_phone", "presence", "idle", "last_seen"}),
        (
            "open",
            {
                "name",
                "aliases",
                "pronouns",
                "pronunciation",
                "title",
                "project",
                "plan",
                "status",
                "links",
                "fediverse",
            },
        ),
    ],
)
def test_what_everyone_sees(preset: Preset, visible: set[str]) -> None:
    profile = make_profile(full_person(), Audience.EVERYONE, Policy.preset(preset), NOW)
    assert profile is not None
    assert profile.shown == visible
    for name, value in VALUES.items():
        assert getattr(profile, name) == (value if name in visible else EMPTY[name]), name


@pytest.mark.parametrize("preset", ["A", "B", "C"])
def test_choices_cannot_exceed_the_limits_of_a_preset(preset: Preset) -> None:
    profile = make_profile(
        full_person(visibility=dict.fromkeys(FIELDS, E)), Audience.EVERYONE, Policy.preset(preset), NOW
    )
    assert profile is not None
    assert profile.shown == VISIBLE_TO_EVERYONE[preset]
    member = make_profile(full_person(visibility=dict.fromkeys(FIELDS, E)), Audience.MEMBER, Policy.preset(preset), NOW)
    assert member is not None
    assert member.shown == set(FIELDS)


def test_own_levels_override_a_preset() -> None:
    policy = Policy.preset("C", {"title": E}, {"title": E, "name": M})
    assert make_profile(full_person(), Audience.EVERYONE, policy, NOW) is None
    assert policy.default["title"] is E
    assert policy.limit["title"] is E


# profiles


@given(people(), policies(), audiences)
def test_profiles_show_exactly_what_policy_and_person_allow(
    person: Person, made: tuple[Policy, Mapping[str, Visibility], Mapping[str, Visibility]], who: Audience
) -> None:
    policy, default, limit = made
    profile = make_profile(person, who, policy, NOW)

    def allowed(field: str) -> bool:
        if field in ("terminal", "origin", "idle") and not allowed("presence"):
            return False
        own = with_own_levels(default, person.visibility)[field]
        return RANK[who] >= own and RANK[who] >= limit[field]

    assert (profile is not None) is allowed("name") is exists(person, who, policy)
    if profile is None:
        return
    assert profile.shown == {field for field in FIELDS if allowed(field)}
    for field in VALUES:
        stored, visible = getattr(person, field), getattr(profile, field)
        if not allowed(field):
            assert visible == EMPTY[field], field
        elif field != "status":
            assert visible == stored, field
    present = allowed("presence")
    assert profile.online == (bool(person.logins) if present else None)
    assert profile.logins == tuple(
        Login(
            terminal="tty1" if allowed("terminal") else "",
            origin="host.example" if allowed("origin") else "",
            since=NOW - 2 * HOUR,
            active=NOW - HOUR if allowed("idle") else None,
        )
        for _ in (person.logins if present else ())
    )
    assert profile.last_seen == (person.last_seen if allowed("last_seen") else None)
    assert set(profile.changed) <= profile.shown
    if RANK[who] < 2:
        assert (profile.visibility, profile.listed, profile.version) == (None, None, None)
    else:
        assert (profile.visibility, profile.listed, profile.version) == (
            person.visibility,
            person.listed,
            person.version,
        )


@given(people(), policies(), audiences, audiences)
def test_a_narrower_audience_never_sees_more(
    person: Person,
    made: tuple[Policy, Mapping[str, Visibility], Mapping[str, Visibility]],
    one: Audience,
    other: Audience,
) -> None:
    if RANK[one] > RANK[other]:
        one, other = other, one
    less, more = make_profile(person, one, made[0], NOW), make_profile(person, other, made[0], NOW)
    if less is None:
        return
    assert more is not None
    assert less.shown <= more.shown
    assert less.changed.items() <= more.changed.items()
    for field in less.shown & VALUES.keys():
        assert getattr(less, field) == getattr(more, field)
    if less.updated is not None:
        assert more.updated is not None
        assert less.updated <= more.updated


@given(people(), policies(), st.sampled_from(FIELDS), times, audiences)
def test_dates_change_only_with_visible_fields(
    person: Person,
    made: tuple[Policy, Mapping[str, Visibility], Mapping[str, Visibility]],
    field: str,
    at: datetime,
    who: Audience,
) -> None:
    """A new value or time of a hidden field changes nothing else in the profile either."""
    fields = {name: getattr(person, name) for name in Person.__struct_fields__}
    fields["changed"] = {**person.changed, field: at}
    fields["version"] = person.version if RANK[who] == 2 else person.version + 1
    if field in VALUES and field not in ("name", "status"):
        fields[field] = VALUES[field]
    before, after = make_profile(person, who, made[0], NOW), make_profile(Person(**fields), who, made[0], NOW)
    if before is None or field not in before.shown:
        assert before == after
    else:
        assert after is not None
        assert {n: t for n, t in after.changed.items() if n != field} == {
            n: t for n, t in before.changed.items() if n != field
        }


def test_updated_is_the_newest_date_of_visible_fields() -> None:
    person = full_person(changed={"name": NOW, "plan": NOW + HOUR, "email": NOW + 2 * HOUR, "irc": NOW + 3 * HOUR})
    policy = Policy.preset()

    def updated(who: Audience) -> datetime | None:
        profile = make_profile(person, who, policy, NOW)
        assert profile is not None
        return profile.updated

    assert updated(Audience.EVERYONE) == NOW + HOUR
    assert updated(Audience.MEMBER) == NOW + 2 * HOUR
    assert updated(Audience.SELF) == NOW + 3 * HOUR
    nothing = make_profile(full_person(), Audience.SELF, policy, NOW)
    assert nothing is not None
    assert nothing.updated is None


@pytest.mark.parametrize(
    ("until", "visible", "changes"),
    [
        (None, True, False),
        (NOW + HOUR, True, True),
        (NOW + timedelta(microseconds=1), True, True),
        (NOW, False, False),
        (NOW - HOUR, False, False),
    ],
)
def test_a_status_expires(until: datetime | None, visible: bool, changes: bool) -> None:
    person = full_person(
        status=Status(text="tea", until=until), changed={"status": NOW - 2 * HOUR, "name": NOW - 3 * HOUR}
    )
    profile = make_profile(person, Audience.EVERYONE, Policy.preset(), NOW)
    assert profile is not None
    assert profile.status == (Status(text="tea", until=until) if visible else None)
    assert profile.until == (until if changes else None)
    assert profile.updated == (NOW - 2 * HOUR if visible else until)


def test_a_hidden_status_changes_no_date() -> None:
    for until in (NOW - HOUR, NOW + HOUR):
        person = full_person(
            status=Status(text="tea", until=until), visibility={"status": N}, changed={"name": NOW - 9 * HOUR}
        )
        profile = make_profile(person, Audience.MEMBER, Policy.preset(), NOW)
        assert profile is not None
        assert (profile.status, profile.until, profile.updated) == (None, None, NOW - 9 * HOUR)


def test_a_profile_has_no_other_fields() -> None:
    """A Profile has only the fields of a document and those for editors, so a template cannot leak anything else."""
    assert set(Profile.__struct_fields__) - {"login"} - set(VALUES) == {
        "audience", "shown", "changed", "updated", "until", "visibility", "listed", "version", "indexed",
        "online", "logins", "last_seen",
    }  # fmt: skip


# hidden and missing people

LOOKED_UP_NAMES = ["alice", "ALICE", "ally", "Alice Adams", "adams", "ADAMS", "alice  adams", "Ally"]
FOUND_BY = {"ally": ["alice"], "alice adams": ["alice"], "adams": ["alice"]}


def answers(person: Person | None, policy: Policy, viewer: Viewer) -> list[object]:
    store = InMemoryStore(*([] if person is None else [partial(person)]), found_by={} if person is None else FOUND_BY)
    service = make_directory(store, policy=policy)
    return [result_of(service.lookup(name, viewer)) for name in LOOKED_UP_NAMES for _ in ("cold", "hot")]


@given(people(), policies(), st.sampled_from(list(AUDIENCES)))
def test_hidden_and_missing_people_get_equal_answers(
    person: Person, made: tuple[Policy, Mapping[str, Visibility], Mapping[str, Visibility]], kind: str
) -> None:
    policy, default, limit = made
    viewer, rank = all_viewers("alice", "bob")[kind]
    results = answers(person, policy, viewer)
    if rank < max(limit["name"], person.visibility.get("name", default["name"])):
        assert results == answers(None, policy, viewer) == [NotFound()] * len(results)
    else:
        assert isinstance(results[0], Found)
        assert isinstance(results[2], Found)


@given(people(), policies(), st.sampled_from(list(AUDIENCES)))
def test_lookups_of_hidden_and_missing_people_take_the_same_steps(
    person: Person, made: tuple[Policy, Mapping[str, Visibility], Mapping[str, Visibility]], kind: str
) -> None:
    """The store gets the same requests, so that timing reveals nothing: a hidden match runs the name query too."""
    viewer, rank = all_viewers("alice", "bob")[kind]
    if rank >= max(made[2]["name"], person.visibility.get("name", made[1]["name"])):
        return
    steps = []
    for store in (InMemoryStore(partial(person)), InMemoryStore()):
        name_queries: list[str] = []
        find = store.find_logins

        async def find_logins(
            name: str, levels: NameVisibilityFilter, name_queries: list[str] = name_queries, find: Any = find
        ) -> Any:
            name_queries.append(name)
            return await find(name, levels)

        store.find_logins = find_logins  # type: ignore[method-assign]
        service = make_directory(store, policy=made[0])
        for _ in range(2):
            assert result_of(service.lookup("alice", viewer)) == NotFound()
        steps.append((store.requested_logins, name_queries))
    assert steps[0] == steps[1]
    assert steps[0][0] == ["alice"]
    assert len(steps[0][1]) in (
        0,
        2,
        4,
    )  # no name is visible; one query for each lookup; two for a viewer with a login


@pytest.mark.parametrize("name", LOOKED_UP_NAMES)
def test_a_hidden_person_is_found_by_self_and_administrator(name: str) -> None:
    store = InMemoryStore(partial(full_person(visibility={"name": N})), found_by=FOUND_BY)
    service = make_directory(store)
    for viewer, who in ((as_self("alice"), Audience.SELF), (ADMINISTRATOR, Audience.ADMINISTRATOR)):
        answer = result_of(service.lookup(name, viewer))
        assert isinstance(answer, Found)
        assert answer.profile.audience is who
        assert answer.profile.plan == "First line\nSecond line\n"
    for viewer in (STRANGER, MEMBER, as_self("bob")):
        assert result_of(service.lookup(name, viewer)) == NotFound()


def make_adams(login: str, **more: Any) -> PartialPerson:
    return PartialPerson(login=login, name=f"{login.title()} Adams", **more)


@given(st.lists(st.tuples(st.sampled_from([None, E, M, N]), st.booleans()), max_size=5), st.sampled_from([0, 1, 2]))
def test_ambiguous_answers_contain_visible_listed_people_only(
    kinds: list[tuple[Visibility | None, bool]], rank: int
) -> None:
    persons = [
        make_adams(f"p{number}", listed=listed, visibility={} if level is None else {"name": level})
        for number, (level, listed) in enumerate(kinds)
    ]
    store = InMemoryStore(*persons, found_by={"adams": [person.login for person in persons]})
    viewer = (STRANGER, MEMBER, ADMINISTRATOR)[rank]
    answer = result_of(make_directory(store).lookup("Adams", viewer))
    visible = [f"p{number}" for number, (level, listed) in enumerate(kinds) if listed and rank >= (level or 0)]
    if not visible:
        assert answer == NotFound()
    elif len(visible) == 1:
        assert isinstance(answer, Found)
        assert answer.profile.login == visible[0]
    else:
        assert isinstance(answer, Ambiguous)
        assert [profile.login for profile in answer.profiles] == visible


def test_ambiguous_answers_are_sorted_by_login() -> None:
    store = InMemoryStore(*(make_adams(login) for login in "abc"), found_by={"adams": ["c", "a", "b"]})
    answer = result_of(make_directory(store).lookup("adams", STRANGER))
    assert isinstance(answer, Ambiguous)
    assert [profile.login for profile in answer.profiles] == ["a", "b", "c"]


def test_one_hidden_and_one_visible_adams() -> None:
    store = InMemoryStore(
        make_adams("ann", visibility={"name": N}), make_adams("bob"), found_by={"adams": ["ann", "bob"]}
    )
    service = make_directory(store)
    answer = result_of(service.lookup("adams", STRANGER))
    assert isinstance(answer, Found)
    assert answer.profile.login == "bob"
    assert isinstance(result_of(service.lookup("adams", ADMINISTRATOR)), Ambiguous)


def test_unlisted_people_are_found_by_login_and_alias_only() -> None:
    store = InMemoryStore(partial(full_person(listed=False)), found_by=FOUND_BY)
    service = make_directory(store)
    for name in ("alice", "ALICE", "ally", "Ally"):
        assert isinstance(result_of(service.lookup(name, STRANGER)), Found), name
    for name in ("Alice Adams", "adams"):
        assert result_of(service.lookup(name, STRANGER)) == NotFound(), name


def test_a_hidden_alias_still_finds_the_person() -> None:
    store = InMemoryStore(partial(full_person(visibility={"aliases": N})), found_by=FOUND_BY)
    answer = result_of(make_directory(store).lookup("ally", STRANGER))
    assert isinstance(answer, Found)
    assert answer.profile.aliases == ()


def test_lookup_order_is_login_alias_name() -> None:
    store = InMemoryStore(
        PartialPerson(login="adams", name="Somebody Else"),
        PartialPerson(login="alice", name="Alice Adams", aliases=("kettle",)),
        PartialPerson(login="bob", name="Bob Kettle"),
        found_by={"adams": ["alice"], "kettle": ["bob", "alice"]},
    )
    service = make_directory(store)
    for name, login in (("adams", "adams"), ("kettle", "alice")):
        answer = result_of(service.lookup(name, STRANGER))
        assert isinstance(answer, Found)
        assert answer.profile.login == login


def test_an_alias_of_a_hidden_person_does_not_block_others() -> None:
    """The next person with the name is found, so a stranger does not learn that the alias is taken."""
    store = InMemoryStore(
        PartialPerson(login="alice", aliases=("kettle",), visibility={"name": N}),
        PartialPerson(login="bob", name="Bob Kettle"),
        found_by={"kettle": ["alice", "bob"]},
    )
    service = make_directory(store)
    answer = result_of(service.lookup("kettle", STRANGER))
    assert isinstance(answer, Found)
    assert answer.profile.login == "bob"


@pytest.mark.parametrize("part", ["terminal", "origin", "idle"])
def test_parts_of_presence_are_hidden_with_it(part: str) -> None:
    policy = Policy.preset()
    person = Person(login="alice", visibility={part: E, "presence": M})
    assert not shows(person, part, Audience.EVERYONE, policy)
    assert shows(person, part, Audience.MEMBER, policy)


@pytest.mark.parametrize("listed", [True, False])
@pytest.mark.parametrize("audience", Audience)
def test_every_profile_tells_whether_search_engines_may_index_it(listed: bool, audience: Audience) -> None:
    """W144: `listed` itself is shown to its owner only, but pages obey it for everyone."""
    profile = make_profile(Person(login="alice", listed=listed), audience, Policy.preset(), NOW)
    assert profile is not None
    assert profile.indexed is listed
    assert (profile.listed is None) == (audience in (Audience.EVERYONE, Audience.MEMBER))
