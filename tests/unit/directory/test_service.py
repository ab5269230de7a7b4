"""DirectoryService: one cache, one flight, fail closed, edits that end. Edits go to a real SQLite file."""

import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event
from typing import Any, cast

import pytest
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock
from twisted.logger import ILogObserver, capturedLogs, globalLogPublisher

from gateway.directory.answers import (
    Ambiguous,
    Conflict,
    Forbidden,
    Found,
    History,
    Invalid,
    Listing,
    NotFound,
    Page,
    Saved,
    Unavailable,
)
from gateway.directory.cache import CachedPerson, PersonCache
from gateway.directory.changes import Change
from gateway.directory.interfaces import Create, Edit, Modify, Remove, StaleEdit
from gateway.directory.person import Link, Partial, Status, Visibility
from gateway.directory.privacy import Policy, Profile
from gateway.directory.service import DirectoryService
from gateway.directory.source_chain import merge_partials
from gateway.directory.viewers import Viewer
from tests.unit.directory.doubles import (
    ADMINISTRATOR,
    MEMBER,
    STRANGER,
    InMemorySource,
    InMemoryStore,
    SlowSource,
    as_self,
    make_directory,
)
from tests.unit.fixtures import ALICE, Built, make_dependencies, result_of, write_edits
from tests.unit.store.waiting import wait_for

E, M, N = Visibility.EVERYONE, Visibility.MEMBERS, Visibility.NOBODY
NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)


@pytest.fixture
def built(tmp_path: Path) -> Iterator[Built]:
    made = make_dependencies(tmp_path)
    yield made
    made.stop()


def found(answer: object) -> Profile:
    assert isinstance(answer, Found), answer
    return answer.profile


def start(coroutine: Any) -> tuple[Deferred[Any], list[Any]]:
    """Begins a question: its Deferred, and a list that its answer comes into."""
    results: list[Any] = []
    deferred = Deferred.fromCoroutine(coroutine)
    deferred.addBoth(results.append)
    return deferred, results


def alice(**more: Any) -> Partial:
    return Partial(login="alice", **({"name": "Alice Adams"} | more))


# one flight


def test_R026_a_hundred_askers_make_one_call() -> None:
    slow = SlowSource(alice())
    service = make_directory(InMemoryStore(), slow)
    asked = [start(service.lookup("alice", STRANGER)) for _ in range(100)]
    assert slow.requested_logins == ["alice"]
    assert not any(results for _, results in asked)
    slow.answer()
    profiles = [found(results[0]) for _, results in asked]
    assert all(profile is profiles[0] for profile in profiles)
    assert found(result_of(service.lookup("alice", MEMBER))).name == "Alice Adams"
    assert slow.requested_logins == ["alice"]


def test_R026_a_slow_source_holds_up_nobody_else() -> None:
    slow = SlowSource()
    service = make_directory(InMemoryStore(alice()), slow)
    _, first = start(service.lookup("alice", STRANGER))
    _, second = start(service.lookup("bob", STRANGER))
    assert slow.requested_logins == ["alice", "bob"]
    slow.pending.pop().callback(None)
    assert second == [NotFound()]
    assert first == []


@pytest.mark.parametrize("leaver", [0, 7, 99])
def test_an_asker_who_leaves_takes_nothing_from_the_others(leaver: int) -> None:
    slow = SlowSource(alice())
    service = make_directory(InMemoryStore(), slow)
    asked = [start(service.lookup("alice", STRANGER)) for _ in range(100)]
    asked[leaver][0].cancel()
    slow.answer()
    for number, (_, results) in enumerate(asked):
        if number == leaver:
            assert results[0].check(CancelledError)
        else:
            assert found(results[0]).login == "alice"


def test_when_all_leave_the_answer_is_kept_for_the_next() -> None:
    slow = SlowSource(alice())
    service = make_directory(InMemoryStore(), slow)
    deferred, results = start(service.lookup("alice", STRANGER))
    deferred.cancel()
    assert results[0].check(CancelledError)
    slow.answer()
    assert found(result_of(service.lookup("alice", STRANGER))).login == "alice"
    assert slow.requested_logins == ["alice"]


def test_one_who_is_told_may_take_the_next_along() -> None:
    """A client that goes away when it got its first answer cancels its other questions in the middle of the landing."""
    slow = SlowSource(alice())
    service = make_directory(InMemoryStore(), slow)
    first = Deferred.fromCoroutine(service.lookup("alice", STRANGER))
    second, results = start(service.lookup("alice", STRANGER))
    _, others = start(service.lookup("alice", STRANGER))
    ended: list[Any] = []
    first.addCallback(lambda _: second.cancel()).addBoth(ended.append)
    slow.answer()
    assert ended == [None]
    assert results[0].check(CancelledError)
    assert found(others[0]).login == "alice"


def test_a_failure_reaches_every_asker_and_the_next_asks_again() -> None:
    slow = SlowSource(alice())
    service = make_directory(InMemoryStore(), slow)
    slow.down = True
    asked = [start(service.lookup("alice", STRANGER)) for _ in range(3)]
    slow.answer()
    assert [results for _, results in asked] == [[Unavailable()]] * 3
    slow.down = False
    _, results = start(service.lookup("alice", STRANGER))
    slow.answer()
    assert found(results[0]).login == "alice"


def change(store: InMemoryStore, login: str) -> None:
    store.change_log.append(Change(len(store.change_log) + 1, login, ("name",), NOW))
    assert store.on_change is not None
    result_of(store.on_change())


def test_a_flight_begun_before_an_edit_is_never_joined_nor_kept() -> None:
    store, slow = InMemoryStore(), SlowSource(alice(title="old"))
    service = make_directory(store, slow)
    _, before = start(service.lookup("alice", STRANGER))
    slow.people["alice"] = alice(title="new")
    change(store, "alice")
    _, after = start(service.lookup("alice", STRANGER))
    assert slow.requested_logins == ["alice", "alice"]
    old, new = slow.pending
    slow.pending = []
    old.callback(None)
    assert found(before[0]).title == "old"  # asked before the edit
    assert after == []
    _, later = start(service.lookup("alice", STRANGER))
    assert slow.requested_logins == ["alice", "alice"]  # joins the second flight
    new.callback(None)
    assert found(after[0]).title == found(later[0]).title == "new"
    assert found(result_of(service.lookup("alice", STRANGER))).title == "new"
    assert slow.requested_logins == ["alice", "alice"]


def test_a_flight_that_ends_late_does_not_overwrite() -> None:
    store, slow = InMemoryStore(), SlowSource(alice(title="old"))
    service = make_directory(store, slow)
    start(service.lookup("alice", STRANGER))
    slow.people["alice"] = alice(title="new")
    change(store, "alice")
    start(service.lookup("alice", STRANGER))
    old, new = slow.pending
    new.callback(None)
    old.callback(None)
    assert found(result_of(service.lookup("alice", STRANGER))).title == "new"


def test_clearing_forgets_flights_too() -> None:
    calls: list[str] = []

    async def fetch(login: str) -> CachedPerson:
        calls.append(login)
        return CachedPerson(None, None)

    cache = PersonCache(fetch, lambda: 0.0, 10)
    result_of(cache.get("a"))
    result_of(cache.get("a"))
    cache.clear()
    assert cache.peek("a") is None
    result_of(cache.get("a"))
    assert calls == ["a", "a"]


# R027 and fail closed


def test_R027_an_error_is_never_kept_as_absent() -> None:
    source = InMemorySource(alice())
    service = make_directory(InMemoryStore(), source)
    source.down = True
    assert result_of(service.lookup("alice", STRANGER)) == Unavailable()
    assert result_of(service.lookup("alice", STRANGER)) == Unavailable()
    source.down = False
    assert found(result_of(service.lookup("alice", STRANGER))).login == "alice"


def test_R027_an_error_and_then_absent() -> None:
    store = InMemoryStore(alice())
    service = make_directory(store)
    store.down = True
    assert result_of(service.lookup("alice", STRANGER)) == Unavailable()
    store.down = False
    store.people.clear()
    service._chain._clock.advance(1)  # type: ignore[attr-defined]
    assert result_of(service.lookup("alice", STRANGER)) == NotFound()


def test_a_restricting_source_that_is_down_its_last_good_answer_or_nobodys() -> None:
    source = InMemorySource(alice(visibility={"title": N}), restricts=True)
    service = make_directory(InMemoryStore(alice(title="Keeper"), Partial(login="bob", name="Bob")), source)
    assert found(result_of(service.lookup("alice", STRANGER))).title == ""
    source.down = True
    profile = found(result_of(service.lookup("alice", STRANGER)))
    assert (profile.title, "title" in profile.shown) == ("", False)
    assert found(result_of(service.lookup("alice", as_self("alice")))).title == "Keeper"
    for name in ("bob", "nobody", "Bob", "No Body", "a b c"):
        assert result_of(service.lookup(name, STRANGER)) == Unavailable(), name
        assert result_of(service.lookup(name, ADMINISTRATOR)) == Unavailable(), name
    source.down = False
    assert found(result_of(service.lookup("bob", STRANGER))).name == "Bob"


HIDDEN = Partial(login="carol", name="Carol Cole", aliases=("cc",), visibility={"name": N})
FOUND_BY = {"cc": ["carol"], "cole": ["carol"], "carol cole": ["carol"]}
NAMES = ("carol", "cc", "cole", "Carol Cole", "unheard", "Not Here")


@pytest.mark.parametrize("restricts", [True, False])
@pytest.mark.parametrize("hold", [timedelta(), timedelta(hours=1)])
@pytest.mark.parametrize("seconds", [0.0, 5.0])
def test_while_a_source_is_down_hidden_and_unknown_are_equal(restricts: bool, hold: timedelta, seconds: float) -> None:
    """Also where the cache still knows the hidden one: everything that is not Found is Unavailable."""
    source = InMemorySource(Partial(login="dave", name="Dave"), restricts=restricts, cache_ttl=hold)
    service = make_directory(InMemoryStore(HIDDEN, alice(), found_by=FOUND_BY), source)
    for name in ("carol", "Carol Cole"):
        assert result_of(service.lookup(name, STRANGER)) == NotFound()
    result_of(service.list_people("", STRANGER, Page()))
    source.down = True
    assert result_of(service.lookup("nobody-ever", STRANGER)) == Unavailable()
    service._chain._clock.advance(seconds)  # type: ignore[attr-defined]
    for name in NAMES:
        assert result_of(service.lookup(name, STRANGER)) == Unavailable(), name
        assert result_of(service.history(name, STRANGER)) == Unavailable(), name
        assert result_of(service.edit(name, Modify(""), STRANGER)) in (Unavailable(), NotFound()), name
    assert result_of(service.edit("carol", Modify(""), STRANGER)) == Unavailable()
    assert result_of(service.edit("unheard", Modify(""), STRANGER)) == Unavailable()
    assert found(result_of(service.lookup("alice", STRANGER))).name == "Alice Adams"
    source.down = False
    service._chain._clock.advance(5)  # type: ignore[attr-defined]
    for name in NAMES:
        assert result_of(service.lookup(name, STRANGER)) == NotFound(), name


def test_several_are_told_while_a_source_that_restricts_nobody_is_down() -> None:
    people = (Partial(login="a", name="Ann Adams"), Partial(login="b", name="Ann Adams"))
    for restricts in (False, True):
        source = InMemorySource(restricts=restricts)
        service = make_directory(InMemoryStore(*people, found_by={"ann adams": ["a", "b"]}), source)
        assert isinstance(result_of(service.lookup("Ann Adams", STRANGER)), Ambiguous)
        source.down = True
        answer = result_of(service.lookup("Ann Adams", STRANGER))
        assert isinstance(answer, Unavailable if restricts else Ambiguous)


def test_a_source_that_restricts_nobody_is_down_and_the_others_values_stand() -> None:
    source = InMemorySource(alice(title="from the place"), Partial(login="bob", name="Bob"))
    service = make_directory(InMemoryStore(alice(office="B12")), source)
    source.down = True
    profile = found(result_of(service.lookup("alice", MEMBER)))
    assert (profile.office, profile.title) == ("B12", "")
    assert result_of(service.lookup("bob", STRANGER)) == Unavailable()
    source.down = False
    assert found(result_of(service.lookup("alice", MEMBER))).title == "from the place"
    source.down = True
    assert found(result_of(service.lookup("alice", MEMBER))).title == ""  # nor is the old one kept
    source.down = False
    assert found(result_of(service.lookup("alice", STRANGER))).title == "from the place"  # the half answer was not kept
    assert found(result_of(service.lookup("bob", STRANGER))).name == "Bob"


def test_the_store_is_down() -> None:
    store = InMemoryStore(alice(), Partial(login="bob"))
    service = make_directory(store)
    result_of(service.lookup("alice", STRANGER))
    store.down = True
    assert found(result_of(service.lookup("alice", STRANGER))).login == "alice"
    assert result_of(service.lookup("bob", STRANGER)) == Unavailable()
    assert result_of(service.lookup("Any Body", STRANGER)) == Unavailable()
    assert result_of(service.list_people("", STRANGER, Page())) == Unavailable()
    assert result_of(service.history("alice", STRANGER)) == Unavailable()
    assert result_of(service.edit("bob", Modify(""), ADMINISTRATOR)) == Unavailable()
    assert result_of(service.edit("alice", Modify("", {"title": "x"}), ADMINISTRATOR)) == Unavailable()


def test_a_store_that_is_down_at_the_start_is_followed_later() -> None:
    store = InMemoryStore(alice(title="old"))
    store.change_log.append(Change(1, "alice", ("title",), NOW))
    store.down = True
    service = make_directory(store)
    store.down = False
    result_of(service.lookup("alice", STRANGER))
    store.people["alice"] = alice(title="new")
    change(store, "alice")
    assert found(result_of(service.lookup("alice", STRANGER))).title == "new"


# merging


def test_values_come_from_the_first_source_that_has_one() -> None:
    links = (Link(url="https://a.example/"),)
    person = merge_partials(
        [
            alice(title="", office="B12", changed={"office": NOW, "title": NOW}, version=7),
            alice(name="Other", title="Keeper", status=Status(text="x"), changed={"title": NOW - timedelta(days=1)}),
            alice(title="third", office="third", links=links, version=9),
        ]
    )
    assert person is not None
    assert (person.name, person.title, person.office) == ("Alice Adams", "Keeper", "B12")
    assert (person.links, person.status) == (links, Status(text="x"))
    assert person.changed == {"office": NOW, "title": NOW - timedelta(days=1)}
    assert person.version == 7


def test_restrictions_are_the_strictest_of_all() -> None:
    person = merge_partials(
        [
            alice(visibility={"plan": E, "email": N}),
            alice(visibility={"plan": M, "email": E, "office": E}, listed=False),
            alice(visibility={"name": N}),
        ]
    )
    assert person.visibility == {"plan": M, "email": N, "office": E, "name": N}
    assert person.listed is False


def test_a_person_of_another_source_only() -> None:
    service = make_directory(InMemoryStore(), InMemorySource(alice(title="x")))
    assert found(result_of(service.lookup("alice", STRANGER))).title == "x"


def test_any_source_can_hide() -> None:
    service = make_directory(
        InMemoryStore(alice()), InMemorySource(Partial(login="alice", visibility={"name": N}), restricts=True)
    )
    assert result_of(service.lookup("alice", STRANGER)) == NotFound()


# the cache


def test_the_cache_is_bounded_and_the_oldest_goes_first() -> None:
    store = InMemoryStore(*(Partial(login=f"p{n}") for n in range(10)))
    service = make_directory(store, size=3)
    for n in range(10):
        result_of(service.lookup(f"p{n}", STRANGER))
    assert len(service._queries.cache._entries) == 3
    store.requested_logins.clear()
    for n in (9, 8, 7):
        result_of(service.lookup(f"p{n}", STRANGER))
    assert store.requested_logins == []
    result_of(service.lookup("p0", STRANGER))
    result_of(service.lookup("p7", STRANGER))
    assert store.requested_logins == ["p0", "p7"]


def test_unknown_names_are_bounded_too() -> None:
    service = make_directory(InMemoryStore(), size=3)
    for n in range(100):
        assert result_of(service.lookup(f"p{n}", STRANGER)) == NotFound()
    assert len(service._queries.cache._entries) == 3
    assert not service._queries.cache._fetches


def test_a_source_without_news_is_asked_again_when_its_time_is_over() -> None:
    source = InMemorySource(alice(title="old"), cache_ttl=timedelta(milliseconds=30))
    service = make_directory(InMemoryStore(), source)
    began = time.monotonic()
    result_of(service.lookup("alice", STRANGER))
    source.people["alice"] = alice(title="new")
    deadline = began + 5
    while found(result_of(service.lookup("alice", STRANGER))).title == "old":
        assert time.monotonic() < deadline
    assert time.monotonic() - began >= 0.03
    assert 2 <= len(source.requested_logins) <= 3


def test_the_same_profile_until_something_changes() -> None:
    store = InMemoryStore(alice(), Partial(login="bob"))
    service = make_directory(store)
    first = found(result_of(service.lookup("alice", STRANGER)))
    assert found(result_of(service.lookup("ALICE", STRANGER))) is first
    member = found(result_of(service.lookup("alice", MEMBER)))
    assert member is not first
    assert found(result_of(service.lookup("alice", as_self("bob")))) is member
    change(store, "bob")
    assert found(result_of(service.lookup("alice", STRANGER))) is first
    change(store, "alice")
    assert found(result_of(service.lookup("alice", STRANGER))) is not first


def test_the_same_profile_until_its_status_is_over() -> None:
    clock = [NOW]
    until = NOW + timedelta(hours=1)
    store = InMemoryStore(alice(status=Status(text="tea", until=until)))
    service = DirectoryService(store, [], Policy.preset(), Clock(), now=lambda: clock[0])
    service.startService()
    first = found(result_of(service.lookup("alice", STRANGER)))
    clock[0] = until - timedelta(microseconds=1)
    assert found(result_of(service.lookup("alice", STRANGER))) is first
    assert first.status is not None
    clock[0] = until
    after = found(result_of(service.lookup("alice", STRANGER)))
    assert (after.status, after.until, after.updated) == (None, None, until)
    clock[0] = until + timedelta(days=1)
    assert found(result_of(service.lookup("alice", STRANGER))) is after
    assert store.requested_logins == ["alice"]


def test_two_who_read_the_same_changes_tell_them_once() -> None:
    class Slowly(InMemoryStore):
        gates: list[Deferred[None]]

        async def changes(self, after: int) -> Any:
            self.gates.append(Deferred())
            found = await super().changes(after)
            await self.gates[-1]
            return found

    store = Slowly(alice())
    store.gates = []
    service = make_directory(store)
    told: list[int] = []
    service.subscribe(lambda change: told.append(change.n))
    store.change_log = [Change(1, "alice", ("name",), NOW), Change(2, "alice", ("title",), NOW)]
    assert store.on_change is not None
    start(store.on_change())
    start(store.on_change())
    for gate in tuple(store.gates):
        gate.callback(None)
    assert told == [1, 2]


# lists


def logins(listing: object) -> list[str]:
    assert isinstance(listing, Listing), listing
    return [profile.login for profile in listing.profiles]


def crowd() -> InMemoryStore:
    """p00 to p29: every third is hidden, every fifth not listed."""
    return InMemoryStore(
        *(
            Partial(login=f"p{n:02}", visibility={} if n % 3 else {"name": N}, listed=bool(n % 5))
            for n in range(30)
        )
    )  # fmt: skip


SEEN = [
    "p01", "p02", "p04", "p07", "p08", "p11", "p13", "p14", "p16", "p17", "p19", "p22", "p23", "p26", "p28", "p29"
]  # fmt: skip


@pytest.mark.parametrize("limit", [1, 2, 3, 5, 8, 15, 16, 17, 50])
def test_pages_hold_exactly_those_who_exist_and_are_listed(limit: int) -> None:
    service = make_directory(crowd())
    seen, after, pages = list[str](), None, 0
    while True:
        listing = result_of(service.list_people("", STRANGER, Page(after, limit)))
        page = logins(listing)
        assert len(page) <= limit
        seen += page
        pages += 1
        if listing.after is None:
            break
        assert len(page) == limit
        after = listing.after
    assert seen == SEEN
    assert pages == -(-16 // limit)


def test_W146_a_cursor_stays_right_while_people_come_and_go() -> None:
    store = crowd()
    service = make_directory(store)
    first = result_of(service.list_people("", STRANGER, Page(limit=5)))
    assert logins(first) == SEEN[:5]
    del store.people["p08"]
    store.people["p00a"], store.people["p08a"] = Partial(login="p00a"), Partial(login="p08a")
    assert logins(result_of(service.list_people("", STRANGER, Page(first.after, 3)))) == ["p08a", "p11", "p13"]


def test_who_is_not_listed_is_in_no_list_of_members() -> None:
    for viewer in (STRANGER, MEMBER, as_self("nobody")):
        assert logins(result_of(make_directory(crowd()).list_people("", viewer, Page()))) == SEEN
    assert logins(result_of(make_directory(InMemoryStore()).list_people("", STRANGER, Page()))) == []


def test_a_person_who_went_between_index_and_read() -> None:
    store = InMemoryStore(alice(), found_by={"ghost": ["gone"]})
    service = make_directory(store)
    assert result_of(service.lookup("ghost", STRANGER)) == NotFound()
    del store.people["alice"]
    store.people["alice"] = None  # type: ignore[assignment]
    assert logins(result_of(service.list_people("", STRANGER, Page()))) == []


# edits, on a real file


def save(built: Built, edit: Any, viewer: Viewer) -> Any:
    """The outcome of editing *edit*.login."""
    return wait_for(built.deps.directory.edit(edit.login, edit, viewer))


def ask(built: Built, name: str, viewer: Viewer = STRANGER) -> Any:
    return result_of(built.deps.directory.lookup(name, viewer))


def test_a_person_edits_what_is_theirs(built: Built) -> None:
    outcome = save(built, Modify("alice", {"plan": "New plan"}, {"office": E}, listed=False), as_self("alice"))
    assert isinstance(outcome, Saved)
    profile = found(ask(built, "alice"))
    assert (profile.plan, profile.office) == ("New plan", "B12")
    mine = found(ask(built, "alice", as_self("alice")))
    assert (mine.version, mine.listed) == (outcome.version, False)
    assert mine.visibility == {"office": E}


@pytest.mark.parametrize(
    ("viewer", "values", "outcome"),
    [
        (STRANGER, {"title": "x"}, Forbidden()),
        (MEMBER, {"title": "x"}, Forbidden()),
        (as_self("bob"), {"title": "x"}, Forbidden()),
        (replace(as_self("alice"), scope="members"), {"title": "x"}, Forbidden()),
        (as_self("alice"), {"aliases": ("queen",)}, Forbidden()),
        (replace(as_self("alice"), scope="administrator"), {"aliases": ("queen",)}, Forbidden()),
        (replace(ADMINISTRATOR, scope="self"), {"title": "x"}, Forbidden()),
        (replace(ADMINISTRATOR, scope="members"), {"title": "x"}, Forbidden()),
        (as_self("alice"), {"irc": ()}, Forbidden()),
        (as_self("alice"), {"title": "x", "aliases": ("queen",)}, Forbidden()),
        (as_self("alice"), {"title": "x"}, None),
        (ADMINISTRATOR, {"aliases": ("queen",)}, None),
    ],
)
def test_who_may_edit_what(built: Built, viewer: Viewer, values: dict[str, Any], outcome: object) -> None:
    got = save(built, Modify("alice", values), viewer)
    if outcome is None:
        assert isinstance(got, Saved)
    else:
        assert got == outcome
        assert found(ask(built, "alice")).title == "Keeper of the kettle"
        assert ask(built, "queen") == NotFound()


def test_only_administrators_make_and_remove(built: Built) -> None:
    for viewer in (STRANGER, MEMBER, as_self("alice"), as_self("new")):
        for edit in (Create("new"), Remove("alice")):
            assert wait_for(built.deps.directory.save([edit], viewer)) == Forbidden()
    assert isinstance(wait_for(built.deps.directory.save([Create("NEW", {"name": "New One"})], ADMINISTRATOR)), Saved)
    assert found(ask(built, "new")).name == "New One"
    assert found(ask(built, "New One")).login == "new"
    assert isinstance(save(built, Remove("alice"), ADMINISTRATOR), Saved)
    assert ask(built, "alice") == ask(built, "ally") == NotFound()


def test_whoever_may_not_see_a_person_edits_nobody(built: Built) -> None:
    """carol is hidden: the same words as for a name that nobody has."""
    for name in ("carol", "unheard", "no login"):
        for viewer in (STRANGER, MEMBER, as_self("alice")):
            assert wait_for(built.deps.directory.edit(name, Modify("x", {"title": "x"}), viewer)) == NotFound()
            assert wait_for(built.deps.directory.edit(name, Remove("x"), viewer)) == NotFound()
    assert isinstance(save(built, Modify("carol", {"title": "x"}), as_self("carol")), Saved)


def test_two_editors_the_second_gets_a_conflict_and_nothing_is_lost(built: Built) -> None:
    base = found(ask(built, "alice", as_self("alice"))).version
    first = save(built, Modify("alice", {"title": "First"}, base=base), as_self("alice"))
    assert isinstance(first, Saved)
    second = save(built, Modify("alice", {"title": "Second", "office": "C1"}, base=base), ADMINISTRATOR)
    assert isinstance(second, Conflict)
    assert (second.current.title, second.current.office, second.current.version) == ("First", "B12", first.version)
    profile = found(ask(built, "alice", MEMBER))
    assert (profile.title, profile.office) == ("First", "B12")
    third = save(built, Modify("alice", {"title": "Second"}, base=second.current.version), ADMINISTRATOR)
    assert isinstance(third, Saved)


def test_R005_a_conflict_with_another_process_gives_the_current_text(built: Built) -> None:
    base = found(ask(built, "alice", as_self("alice"))).version
    write_edits(built.path, [Modify("alice", {"plan": "Theirs"})])
    outcome = save(built, Modify("alice", {"plan": "Mine"}, base=base), as_self("alice"))
    assert isinstance(outcome, Conflict)
    assert outcome.current.plan == "Theirs"
    assert found(ask(built, "alice")).plan == "Theirs"


def test_a_conflict_with_a_removal(built: Built) -> None:
    base = found(ask(built, "alice", as_self("alice"))).version
    write_edits(built.path, [Remove("alice")])
    assert save(built, Modify("alice", {"plan": "Mine"}, base=base), as_self("alice")) == NotFound()
    built.poll_store()
    assert ask(built, "alice") == NotFound()


@pytest.mark.parametrize("wanted", ["bob", "BOB", "carol", "cc", "ＣＣ"])
def test_taken_in_the_same_words_whoever_has_it(tmp_path: Path, wanted: str) -> None:
    carol = {"login": "carol", "aliases": ["cc"], "hidden": True}
    built = make_dependencies(tmp_path, [ALICE, {"login": "bob"}, carol])
    canonical = {"BOB": "bob", "ＣＣ": "cc"}.get(wanted, wanted)
    for edit, field in ((Modify("alice", {"aliases": (wanted,)}), "aliases"), (Create(wanted), "login")):
        outcome = wait_for(built.deps.directory.save([edit], ADMINISTRATOR))
        assert isinstance(outcome, Invalid)
        (problem,) = outcome.problems
        assert (problem.field, problem.found) == (field, "")
        assert problem.allowed == f"{canonical!r} is already taken"
    assert found(ask(built, "ally")).login == "alice"
    built.stop()


def test_missing(built: Built) -> None:
    assert save(built, Modify("unheard", {"title": "x"}), ADMINISTRATOR) == NotFound()
    assert save(built, Remove("unheard"), ADMINISTRATOR) == NotFound()


def test_somebody_of_another_source_cannot_be_edited(tmp_path: Path) -> None:
    built = make_dependencies(tmp_path, sources=[InMemorySource(Partial(login="eve", name="Eve"))])
    assert save(built, Modify("eve", {"title": "x"}), ADMINISTRATOR) == NotFound()
    built.stop()


def test_several_edits_all_or_nothing(built: Built) -> None:
    edits: list[Edit] = [
        Modify("alice", {"title": "Changed"}),
        Create("new", {"name": "New"}),
        Remove("dave"),
        Create("bob"),  # is there
    ]
    outcome = wait_for(built.deps.directory.save(edits, ADMINISTRATOR))
    assert isinstance(outcome, Invalid)
    assert outcome.problems[0].login == "bob"
    assert found(ask(built, "alice")).title == "Keeper of the kettle"
    assert ask(built, "new") == NotFound()
    assert found(ask(built, "dave")).login == "dave"
    assert isinstance(wait_for(built.deps.directory.save(edits[:3], ADMINISTRATOR)), Saved)
    assert found(ask(built, "alice")).title == "Changed"
    assert found(ask(built, "new")).name == "New"
    assert ask(built, "dave") == NotFound()


def test_every_problem_is_named_with_its_person(built: Built) -> None:
    edits: list[Edit] = [
        Modify("alice", {"title": "x" * 129}),
        Modify("bob", {"shoe_size": "44"}),
        Modify("dave", {}, {"shoe_size": E}),
        Create("a b"),
        Create("new", {"links": (Link(url="javascript:x"),)}),
        Modify("zofie", {"title": "fine"}),
    ]
    outcome = wait_for(built.deps.directory.save(edits, ADMINISTRATOR))
    assert isinstance(outcome, Invalid)
    assert [(problem.login, problem.field) for problem in outcome.problems] == [
        ("alice", "title"),
        ("bob", "shoe_size"),
        ("dave", "visibility.shoe_size"),
        ("a b", "login"),
        ("new", "links"),
    ]
    assert (outcome.problems[0].found, outcome.problems[0].allowed) == ("129 characters", "at most 128 characters")
    assert found(ask(built, "zofie")).title == ""


def test_an_edit_that_changes_nothing(built: Built) -> None:
    version = found(ask(built, "alice", ADMINISTRATOR)).version
    assert save(built, Modify("alice", {"title": "Keeper of the kettle"}), ADMINISTRATOR) == Saved(version or 0)
    assert found(ask(built, "alice", ADMINISTRATOR)).version == version


def test_an_edit_whose_asker_left_is_written(built: Built) -> None:
    gate, told = Event(), list[Change]()
    seen = Event()
    built.deps.directory.subscribe(lambda change: (told.append(change), seen.set())[1])  # type: ignore[func-returns-value]
    built.store.writer.thread.run(lambda: gate.wait(10))
    deferred, results = start(built.deps.directory.edit("alice", Modify("", {"title": "Written"}), as_self("alice")))
    deferred.cancel()
    assert results[0].check(CancelledError)
    assert found(ask(built, "alice")).title == "Keeper of the kettle"
    gate.set()
    assert seen.wait(10)
    assert told[0].login == "alice"
    assert found(ask(built, "alice")).title == "Written"


def test_a_stop_waits_for_an_edit_that_began(built: Built) -> None:
    gate = Event()
    built.store.writer.thread.run(lambda: gate.wait(10))
    deferred, left = start(built.deps.directory.edit("alice", Modify("", {"title": "Written"}), as_self("alice")))
    deferred.cancel()
    stopping = built.deps.directory.stopService()
    ended: list[Any] = []
    stopping.addBoth(ended.append)
    assert ended == []
    gate.set()
    wait_for(stopping)
    assert left[0].check(CancelledError)
    assert found(ask(built, "alice")).title == "Written"


def test_listeners_are_told_in_order_after_the_cache_forgot(built: Built) -> None:
    told: list[tuple[int, str, tuple[str, ...], str]] = []

    def listen(change: Change) -> None:
        answer = ask(built, change.login)
        told.append((change.n, change.login, change.fields, found(answer).title))

    end = built.deps.directory.subscribe(listen)
    save(built, Modify("alice", {"title": "One"}), ADMINISTRATOR)
    built.change(Modify("bob", {"title": "Two"}), Modify("alice", {"title": "Three", "office": "X"}))
    built.poll_store()
    assert [each[1:] for each in told] == [
        ("alice", ("title",), "One"),
        ("bob", ("title",), "Two"),
        ("alice", ("title", "office"), "Three"),
    ]
    numbers = [each[0] for each in told]
    assert numbers == sorted(set(numbers))
    end()
    save(built, Modify("alice", {"title": "Four"}), ADMINISTRATOR)
    assert len(told) == 3


class Breaking(InMemoryStore):
    """A store that saves as the test says, and then cannot be read."""

    def __init__(self, *people: Partial, error: Exception | None = None) -> None:
        super().__init__(*people)
        self.error, self.gate = error, Deferred[None]()

    async def save(self, edits: Any, by: Viewer, at: datetime) -> int:
        await self.gate
        self.down = True
        if self.error is not None:
            raise self.error
        return 7


def test_what_is_on_disk_is_saved_though_the_changes_cannot_be_read() -> None:
    store = Breaking(alice())
    service = make_directory(store)
    _, results = start(service.edit("alice", Modify("", {"title": "x"}), ADMINISTRATOR))
    store.gate.callback(None)
    assert results == [Saved(7)]
    assert result_of(service.lookup("alice", STRANGER)) == Unavailable()  # and not what stood there before


def test_a_conflict_while_the_store_cannot_be_read() -> None:
    store = Breaking(alice(), error=StaleEdit("alice"))
    _, results = start(make_directory(store).edit("alice", Modify("", {"title": "x"}, base=1), ADMINISTRATOR))
    store.gate.callback(None)
    assert results == [Unavailable()]


@pytest.mark.parametrize("leaves", [True, False])
def test_a_failure_that_nobody_waits_for_is_logged_and_any_other_told(leaves: bool) -> None:
    store = Breaking(alice(), error=ZeroDivisionError("a mistake of ours"))
    deferred, results = start(make_directory(store).edit("alice", Modify("", {"title": "x"}), ADMINISTRATOR))
    events: list[Any] = []
    globalLogPublisher.addObserver(cast("ILogObserver", events.append))
    try:
        if leaves:
            deferred.cancel()
        store.gate.callback(None)
    finally:
        globalLogPublisher.removeObserver(cast("ILogObserver", events.append))
    assert results[0].check(CancelledError if leaves else ZeroDivisionError)
    assert [event["log_failure"].type for event in events if "log_failure" in event] == [ZeroDivisionError] * leaves


# history


def plans(built: Built, viewer: Viewer) -> list[str]:
    history = result_of(built.deps.directory.history("alice", viewer))
    assert isinstance(history, History), history
    return [entry.text for entry in history.entries]


@pytest.fixture
def written(built: Built) -> Built:
    """alice's plan says "First", for everyone."""
    save(built, Modify("alice", {"plan": "First"}), as_self("alice"))
    return built


ME = as_self("alice")
OLDEST = "First line\nSecond line\n"  # house.document writes plans for nobody


def test_history_holds_the_old_plans_the_newest_first(written: Built) -> None:
    save(written, Modify("alice", {"plan": "Second"}), ME)
    save(written, Modify("alice", {"plan": "Third"}), ME)
    save(written, Modify("alice", {"title": "No plan"}), ME)
    assert plans(written, STRANGER) == ["Third", "Second", "First"]
    assert plans(written, ME) == ["Third", "Second", "First", OLDEST]
    limited = result_of(written.deps.directory.history("ALICE", STRANGER, 2))
    assert [entry.text for entry in limited.entries] == ["Third", "Second"]


def test_narrowing_retracts_at_once_and_widening_publishes_no_old_plan(written: Built) -> None:
    save(written, Modify("alice", {"plan": "For members"}, {"plan": M}), ME)
    assert (plans(written, STRANGER), plans(written, MEMBER)) == ([], ["For members", "First"])
    save(written, Modify("alice", {"plan": "Mine alone"}, {"plan": N}), ME)
    assert (plans(written, STRANGER), plans(written, MEMBER), len(plans(written, ME))) == ([], [], 4)
    save(written, Modify("alice", {}, {"plan": E}), ME)
    assert plans(written, STRANGER) == ["First"]
    assert plans(written, MEMBER) == ["For members", "First"]
    assert plans(written, ME) == plans(written, ADMINISTRATOR) == ["Mine alone", "For members", "First", OLDEST]
    save(written, Modify("alice", {"plan": "For all"}), ME)
    assert plans(written, STRANGER) == ["For all", "First"]


def test_a_plan_written_while_hidden_stays_so(written: Built) -> None:
    save(written, Modify("alice", {"plan": "In hiding"}, {"name": N}), ME)
    assert result_of(written.deps.directory.history("alice", STRANGER)) == NotFound()
    save(written, Modify("alice", {}, {"name": None}), ME)
    assert plans(written, STRANGER) == ["First"]


@pytest.mark.parametrize("field", ["plan", "name"])
def test_a_plan_that_another_process_narrowed_unseen_is_not_published_later(written: Built, field: str) -> None:
    """The editor judged by what the cache knew; what counts is what stands there in the transaction."""
    ask(written, "alice", ME)
    write_edits(written.path, [Modify("alice", {}, {field: N})])  # not seen yet
    save(written, Modify("alice", {"plan": "Thought to be for nobody"}), ME)
    save(written, Modify("alice", {}, {field: None}), ME)
    assert plans(written, STRANGER) == ["First"]


def test_a_policy_that_narrows_retracts_too(written: Built) -> None:
    service = DirectoryService(written.store, [], Policy.preset("C"), written.clock)
    history = result_of(service.history("alice", STRANGER))
    assert (history, result_of(service.history("alice", MEMBER)).entries[0].text) == (History(()), "First")


@pytest.mark.parametrize("name", ["carol", "unheard", "no login", ""])
def test_no_history_of_the_hidden_and_unknown(built: Built, name: str) -> None:
    assert result_of(built.deps.directory.history(name, STRANGER)) == NotFound()


def test_a_listener_that_fails_takes_nothing_from_the_others(tmp_path: Path) -> None:
    built = make_dependencies(tmp_path)
    told: list[str] = []

    def fail(change: Change) -> None:
        raise RuntimeError("not my day")

    built.deps.directory.subscribe(fail)
    built.deps.directory.subscribe(lambda change: told.append(change.login))
    with capturedLogs() as logged:
        built.change(Modify("bob", {"project": "x"}))
        built.poll_store()
    assert told == ["bob"]
    assert [str(event["log_failure"].value) for event in logged if "log_failure" in event] == ["not my day"]
    built.stop()


@pytest.mark.parametrize(("restricts", "answer"), [(True, Unavailable), (False, Found)])
def test_nobody_waits_for_ever_for_a_source(restricts: bool, answer: type) -> None:
    """Two seconds, then it counts as down: its own answer would come too late for everybody who waits."""
    slow = SlowSource(restricts=restricts)
    service = make_directory(InMemoryStore(alice()), slow)
    answers: list[object] = []
    for _ in range(2):
        Deferred.fromCoroutine(service.lookup("alice", STRANGER)).addBoth(answers.append)
    service._chain._clock.advance(1.99)  # type: ignore[attr-defined]
    assert answers == []
    service._chain._clock.advance(0.02)  # type: ignore[attr-defined]
    assert [type(each) for each in answers] == [answer, answer]
    assert slow.requested_logins == ["alice"]


def test_a_source_that_is_down_is_told_of_once_however_many_ask() -> None:
    store = InMemoryStore()
    service = make_directory(store)
    store.down = True
    with capturedLogs() as logged:
        for number in range(50):
            assert result_of(service.lookup(f"who{number}", STRANGER)) == Unavailable()
    assert [event["what"] for event in logged if "what" in event] == ["lookup not answered"]
