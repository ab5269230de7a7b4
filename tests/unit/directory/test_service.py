"""DirectoryService: shared fetches, the cache, fail-closed lookups, lists, edits on a real SQLite file, and history."""

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

from gateway.directory.cache import CachedPerson, PersonCache
from gateway.directory.changes import Change
from gateway.directory.interfaces import Create, Edit, Modify, Remove, StaleEdit
from gateway.directory.person import Link, PartialPerson, Status, Visibility
from gateway.directory.privacy import Policy, Profile
from gateway.directory.results import (
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
from tests.unit.fixtures import ALICE, GatewayHarness, make_dependencies, result_of, write_edits
from tests.unit.store.waiting import wait_for

E, M, N = Visibility.EVERYONE, Visibility.MEMBERS, Visibility.NOBODY
NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)


@pytest.fixture
def built(tmp_path: Path) -> Iterator[GatewayHarness]:
    made = make_dependencies(tmp_path)
    yield made
    made.stop()


def profile_of(answer: object) -> Profile:
    assert isinstance(answer, Found), answer
    return answer.profile


def start(coroutine: Any) -> tuple[Deferred[Any], list[Any]]:
    """Start a coroutine; return its Deferred and a list that receives the result."""
    results: list[Any] = []
    deferred = Deferred.fromCoroutine(coroutine)
    deferred.addBoth(results.append)
    return deferred, results


def alice(**more: Any) -> PartialPerson:
    return PartialPerson(login="alice", **({"name": "Alice Adams"} | more))


# shared fetches


def test_R026_a_hundred_requests_share_one_fetch() -> None:
    slow = SlowSource(alice())
    service = make_directory(InMemoryStore(), slow)
    requests = [start(service.lookup("alice", STRANGER)) for _ in range(100)]
    assert slow.requested_logins == ["alice"]
    assert not any(results for _, results in requests)
    slow.complete_requests()
    profiles = [profile_of(results[0]) for _, results in requests]
    assert all(profile is profiles[0] for profile in profiles)
    assert profile_of(result_of(service.lookup("alice", MEMBER))).name == "Alice Adams"
    assert slow.requested_logins == ["alice"]


def test_R026_a_slow_lookup_does_not_delay_others() -> None:
    slow = SlowSource()
    service = make_directory(InMemoryStore(alice()), slow)
    _, first = start(service.lookup("alice", STRANGER))
    _, second = start(service.lookup("bob", STRANGER))
    assert slow.requested_logins == ["alice", "bob"]
    slow.pending.pop().callback(None)
    assert second == [NotFound()]
    assert first == []


@pytest.mark.parametrize("cancelled", [0, 7, 99])
def test_a_cancelled_request_does_not_affect_the_others(cancelled: int) -> None:
    slow = SlowSource(alice())
    service = make_directory(InMemoryStore(), slow)
    requests = [start(service.lookup("alice", STRANGER)) for _ in range(100)]
    requests[cancelled][0].cancel()
    slow.complete_requests()
    for number, (_, results) in enumerate(requests):
        if number == cancelled:
            assert results[0].check(CancelledError)
        else:
            assert profile_of(results[0]).login == "alice"


def test_the_answer_is_cached_although_every_request_is_cancelled() -> None:
    slow = SlowSource(alice())
    service = make_directory(InMemoryStore(), slow)
    deferred, results = start(service.lookup("alice", STRANGER))
    deferred.cancel()
    assert results[0].check(CancelledError)
    slow.complete_requests()
    assert profile_of(result_of(service.lookup("alice", STRANGER))).login == "alice"
    assert slow.requested_logins == ["alice"]


def test_a_callback_may_cancel_other_waiters() -> None:
    """A client that disconnects after its first answer cancels its other requests while results are delivered."""
    slow = SlowSource(alice())
    service = make_directory(InMemoryStore(), slow)
    first = Deferred.fromCoroutine(service.lookup("alice", STRANGER))
    second, results = start(service.lookup("alice", STRANGER))
    _, others = start(service.lookup("alice", STRANGER))
    shutdown_results: list[Any] = []
    first.addCallback(lambda _: second.cancel()).addBoth(shutdown_results.append)
    slow.complete_requests()
    assert shutdown_results == [None]
    assert results[0].check(CancelledError)
    assert profile_of(others[0]).login == "alice"


def test_a_failure_reaches_every_waiter_and_is_not_cached() -> None:
    slow = SlowSource(alice())
    service = make_directory(InMemoryStore(), slow)
    slow.down = True
    requests = [start(service.lookup("alice", STRANGER)) for _ in range(3)]
    slow.complete_requests()
    assert [results for _, results in requests] == [[Unavailable()]] * 3
    slow.down = False
    _, results = start(service.lookup("alice", STRANGER))
    slow.complete_requests()
    assert profile_of(results[0]).login == "alice"


def record_change(store: InMemoryStore, login: str) -> None:
    store.change_log.append(Change(len(store.change_log) + 1, login, ("name",), NOW))
    assert store.on_change is not None
    result_of(store.on_change())


def test_a_fetch_from_before_an_edit_is_neither_joined_nor_cached() -> None:
    store, slow = InMemoryStore(), SlowSource(alice(title="old"))
    service = make_directory(store, slow)
    _, before = start(service.lookup("alice", STRANGER))
    slow.people["alice"] = alice(title="new")
    record_change(store, "alice")
    _, after = start(service.lookup("alice", STRANGER))
    assert slow.requested_logins == ["alice", "alice"]
    old, new = slow.pending
    slow.pending = []
    old.callback(None)
    assert profile_of(before[0]).title == "old"  # requested before the edit
    assert after == []
    _, later = start(service.lookup("alice", STRANGER))
    assert slow.requested_logins == ["alice", "alice"]  # joins the second fetch
    new.callback(None)
    assert profile_of(after[0]).title == profile_of(later[0]).title == "new"
    assert profile_of(result_of(service.lookup("alice", STRANGER))).title == "new"
    assert slow.requested_logins == ["alice", "alice"]


def test_a_late_fetch_does_not_overwrite_a_newer_one() -> None:
    store, slow = InMemoryStore(), SlowSource(alice(title="old"))
    service = make_directory(store, slow)
    start(service.lookup("alice", STRANGER))
    slow.people["alice"] = alice(title="new")
    record_change(store, "alice")
    start(service.lookup("alice", STRANGER))
    old, new = slow.pending
    new.callback(None)
    old.callback(None)
    assert profile_of(result_of(service.lookup("alice", STRANGER))).title == "new"


def test_clear_drops_cached_people() -> None:
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


# failing closed (R027)


def test_R027_an_error_is_not_cached_as_missing() -> None:
    source = InMemorySource(alice())
    service = make_directory(InMemoryStore(), source)
    source.down = True
    assert result_of(service.lookup("alice", STRANGER)) == Unavailable()
    assert result_of(service.lookup("alice", STRANGER)) == Unavailable()
    source.down = False
    assert profile_of(result_of(service.lookup("alice", STRANGER))).login == "alice"


def test_R027_missing_after_an_error() -> None:
    store = InMemoryStore(alice())
    service = make_directory(store)
    store.down = True
    assert result_of(service.lookup("alice", STRANGER)) == Unavailable()
    store.down = False
    store.people.clear()
    service._chain._clock.advance(1)  # type: ignore[attr-defined]
    assert result_of(service.lookup("alice", STRANGER)) == NotFound()


def test_a_restricting_source_that_is_down_serves_only_its_last_answers() -> None:
    source = InMemorySource(alice(visibility={"title": N}), restricts=True)
    service = make_directory(InMemoryStore(alice(title="Keeper"), PartialPerson(login="bob", name="Bob")), source)
    assert profile_of(result_of(service.lookup("alice", STRANGER))).title == ""
    source.down = True
    profile = profile_of(result_of(service.lookup("alice", STRANGER)))
    assert (profile.title, "title" in profile.shown) == ("", False)
    assert profile_of(result_of(service.lookup("alice", as_self("alice")))).title == "Keeper"
    for name in ("bob", "nobody", "Bob", "No Body", "a b c"):
        assert result_of(service.lookup(name, STRANGER)) == Unavailable(), name
        assert result_of(service.lookup(name, ADMINISTRATOR)) == Unavailable(), name
    source.down = False
    assert profile_of(result_of(service.lookup("bob", STRANGER))).name == "Bob"


HIDDEN = PartialPerson(login="carol", name="Carol Cole", aliases=("cc",), visibility={"name": N})
FOUND_BY = {"cc": ["carol"], "cole": ["carol"], "carol cole": ["carol"]}
NAMES = ("carol", "cc", "cole", "Carol Cole", "unheard", "Not Here")


@pytest.mark.parametrize("restricts", [True, False])
@pytest.mark.parametrize("cache_ttl", [timedelta(), timedelta(hours=1)])
@pytest.mark.parametrize("seconds", [0.0, 5.0])
def test_hidden_and_missing_are_equal_while_a_source_is_down(
    restricts: bool, cache_ttl: timedelta, seconds: float
) -> None:
    """Everything that is not Found is Unavailable, even where the cache still has the hidden person."""
    source = InMemorySource(PartialPerson(login="dave", name="Dave"), restricts=restricts, cache_ttl=cache_ttl)
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
    assert profile_of(result_of(service.lookup("alice", STRANGER))).name == "Alice Adams"
    source.down = False
    service._chain._clock.advance(5)  # type: ignore[attr-defined]
    for name in NAMES:
        assert result_of(service.lookup(name, STRANGER)) == NotFound(), name


def test_ambiguous_answers_while_a_source_is_down() -> None:
    people = (PartialPerson(login="a", name="Ann Adams"), PartialPerson(login="b", name="Ann Adams"))
    for restricts in (False, True):
        source = InMemorySource(restricts=restricts)
        service = make_directory(InMemoryStore(*people, found_by={"ann adams": ["a", "b"]}), source)
        assert isinstance(result_of(service.lookup("Ann Adams", STRANGER)), Ambiguous)
        source.down = True
        answer = result_of(service.lookup("Ann Adams", STRANGER))
        assert isinstance(answer, Unavailable if restricts else Ambiguous)


def test_values_of_other_sources_remain_while_a_source_is_down() -> None:
    source = InMemorySource(alice(title="from ldap"), PartialPerson(login="bob", name="Bob"))
    service = make_directory(InMemoryStore(alice(office="B12")), source)
    source.down = True
    profile = profile_of(result_of(service.lookup("alice", MEMBER)))
    assert (profile.office, profile.title) == ("B12", "")
    assert result_of(service.lookup("bob", STRANGER)) == Unavailable()
    source.down = False
    assert profile_of(result_of(service.lookup("alice", MEMBER))).title == "from ldap"
    source.down = True
    assert profile_of(result_of(service.lookup("alice", MEMBER))).title == ""  # the old value is not kept either
    source.down = False
    assert (
        profile_of(result_of(service.lookup("alice", STRANGER))).title == "from ldap"
    )  # the incomplete answer was not cached
    assert profile_of(result_of(service.lookup("bob", STRANGER))).name == "Bob"


def test_answers_while_the_store_is_down() -> None:
    store = InMemoryStore(alice(), PartialPerson(login="bob"))
    service = make_directory(store)
    result_of(service.lookup("alice", STRANGER))
    store.down = True
    assert profile_of(result_of(service.lookup("alice", STRANGER))).login == "alice"
    assert result_of(service.lookup("bob", STRANGER)) == Unavailable()
    assert result_of(service.lookup("Any Body", STRANGER)) == Unavailable()
    assert result_of(service.list_people("", STRANGER, Page())) == Unavailable()
    assert result_of(service.history("alice", STRANGER)) == Unavailable()
    assert result_of(service.edit("bob", Modify(""), ADMINISTRATOR)) == Unavailable()
    assert result_of(service.edit("alice", Modify("", {"title": "x"}), ADMINISTRATOR)) == Unavailable()


def test_a_store_that_is_down_at_startup_is_followed_later() -> None:
    store = InMemoryStore(alice(title="old"))
    store.change_log.append(Change(1, "alice", ("title",), NOW))
    store.down = True
    service = make_directory(store)
    store.down = False
    result_of(service.lookup("alice", STRANGER))
    store.people["alice"] = alice(title="new")
    record_change(store, "alice")
    assert profile_of(result_of(service.lookup("alice", STRANGER))).title == "new"


# merging


def test_values_come_from_the_first_source_that_has_them() -> None:
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


def test_the_strictest_restriction_applies() -> None:
    person = merge_partials(
        [
            alice(visibility={"plan": E, "email": N}),
            alice(visibility={"plan": M, "email": E, "office": E}, listed=False),
            alice(visibility={"name": N}),
        ]
    )
    assert person.visibility == {"plan": M, "email": N, "office": E, "name": N}
    assert person.listed is False


def test_a_person_in_another_source_only() -> None:
    service = make_directory(InMemoryStore(), InMemorySource(alice(title="x")))
    assert profile_of(result_of(service.lookup("alice", STRANGER))).title == "x"


def test_any_source_can_hide_a_person() -> None:
    service = make_directory(
        InMemoryStore(alice()), InMemorySource(PartialPerson(login="alice", visibility={"name": N}), restricts=True)
    )
    assert result_of(service.lookup("alice", STRANGER)) == NotFound()


# the cache


def test_the_cache_is_bounded_and_drops_the_oldest() -> None:
    store = InMemoryStore(*(PartialPerson(login=f"p{n}") for n in range(10)))
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


def test_cached_missing_names_are_bounded() -> None:
    service = make_directory(InMemoryStore(), size=3)
    for n in range(100):
        assert result_of(service.lookup(f"p{n}", STRANGER)) == NotFound()
    assert len(service._queries.cache._entries) == 3
    assert not service._queries.cache._fetches


def test_a_source_is_asked_again_after_its_cache_ttl() -> None:
    source = InMemorySource(alice(title="old"), cache_ttl=timedelta(milliseconds=30))
    service = make_directory(InMemoryStore(), source)
    began = time.monotonic()
    result_of(service.lookup("alice", STRANGER))
    source.people["alice"] = alice(title="new")
    deadline = began + 5
    while profile_of(result_of(service.lookup("alice", STRANGER))).title == "old":
        assert time.monotonic() < deadline
    assert time.monotonic() - began >= 0.03
    assert 2 <= len(source.requested_logins) <= 3


def test_profiles_are_cached_until_a_change() -> None:
    store = InMemoryStore(alice(), PartialPerson(login="bob"))
    service = make_directory(store)
    first = profile_of(result_of(service.lookup("alice", STRANGER)))
    assert profile_of(result_of(service.lookup("ALICE", STRANGER))) is first
    member = profile_of(result_of(service.lookup("alice", MEMBER)))
    assert member is not first
    assert profile_of(result_of(service.lookup("alice", as_self("bob")))) is member
    record_change(store, "bob")
    assert profile_of(result_of(service.lookup("alice", STRANGER))) is first
    record_change(store, "alice")
    assert profile_of(result_of(service.lookup("alice", STRANGER))) is not first


def test_profiles_are_cached_until_the_status_expires() -> None:
    clock = [NOW]
    until = NOW + timedelta(hours=1)
    store = InMemoryStore(alice(status=Status(text="tea", until=until)))
    service = DirectoryService(store, [], Policy.preset(), Clock(), now=lambda: clock[0])
    service.startService()
    first = profile_of(result_of(service.lookup("alice", STRANGER)))
    clock[0] = until - timedelta(microseconds=1)
    assert profile_of(result_of(service.lookup("alice", STRANGER))) is first
    assert first.status is not None
    clock[0] = until
    after = profile_of(result_of(service.lookup("alice", STRANGER)))
    assert (after.status, after.until, after.updated) == (None, None, until)
    clock[0] = until + timedelta(days=1)
    assert profile_of(result_of(service.lookup("alice", STRANGER))) is after
    assert store.requested_logins == ["alice"]


def test_concurrent_reads_report_each_change_once() -> None:
    class Slowly(InMemoryStore):
        gates: list[Deferred[None]]

        async def changes(self, after: int) -> Any:
            self.gates.append(Deferred())
            profile_of = await super().changes(after)
            await self.gates[-1]
            return profile_of

    store = Slowly(alice())
    store.gates = []
    service = make_directory(store)
    changes: list[int] = []
    service.subscribe(lambda record_change: changes.append(record_change.n))
    store.change_log = [Change(1, "alice", ("name",), NOW), Change(2, "alice", ("title",), NOW)]
    assert store.on_change is not None
    start(store.on_change())
    start(store.on_change())
    for gate in tuple(store.gates):
        gate.callback(None)
    assert changes == [1, 2]


# lists


def logins(listing: object) -> list[str]:
    assert isinstance(listing, Listing), listing
    return [profile.login for profile in listing.profiles]


def thirty_people() -> InMemoryStore:
    """p00 to p29: every third is hidden, every fifth not listed."""
    return InMemoryStore(
        *(
            PartialPerson(login=f"p{n:02}", visibility={} if n % 3 else {"name": N}, listed=bool(n % 5))
            for n in range(30)
        )
    )  # fmt: skip


VISIBLE_LOGINS = [
    "p01", "p02", "p04", "p07", "p08", "p11", "p13", "p14", "p16", "p17", "p19", "p22", "p23", "p26", "p28", "p29"
]  # fmt: skip


@pytest.mark.parametrize("limit", [1, 2, 3, 5, 8, 15, 16, 17, 50])
def test_pages_contain_exactly_visible_listed_people(limit: int) -> None:
    service = make_directory(thirty_people())
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
    assert seen == VISIBLE_LOGINS
    assert pages == -(-16 // limit)


def test_W146_a_cursor_stays_valid_while_people_change() -> None:
    store = thirty_people()
    service = make_directory(store)
    first = result_of(service.list_people("", STRANGER, Page(limit=5)))
    assert logins(first) == VISIBLE_LOGINS[:5]
    del store.people["p08"]
    store.people["p00a"], store.people["p08a"] = PartialPerson(login="p00a"), PartialPerson(login="p08a")
    assert logins(result_of(service.list_people("", STRANGER, Page(first.after, 3)))) == ["p08a", "p11", "p13"]


def test_unlisted_people_are_in_no_list_of_strangers_and_members() -> None:
    for viewer in (STRANGER, MEMBER, as_self("nobody")):
        assert logins(result_of(make_directory(thirty_people()).list_people("", viewer, Page()))) == VISIBLE_LOGINS
    assert logins(result_of(make_directory(InMemoryStore()).list_people("", STRANGER, Page()))) == []


def test_a_person_removed_between_index_and_read() -> None:
    store = InMemoryStore(alice(), found_by={"ghost": ["gone"]})
    service = make_directory(store)
    assert result_of(service.lookup("ghost", STRANGER)) == NotFound()
    del store.people["alice"]
    store.people["alice"] = None  # type: ignore[assignment]
    assert logins(result_of(service.list_people("", STRANGER, Page()))) == []


# edits, on a real file


def save(built: GatewayHarness, edit: Any, viewer: Viewer) -> Any:
    """Apply *edit* to the person that it names, and return the outcome."""
    return wait_for(built.deps.directory.edit(edit.login, edit, viewer))


def ask(built: GatewayHarness, name: str, viewer: Viewer = STRANGER) -> Any:
    return result_of(built.deps.directory.lookup(name, viewer))


def test_people_edit_their_own_data(built: GatewayHarness) -> None:
    outcome = save(built, Modify("alice", {"plan": "New plan"}, {"office": E}, listed=False), as_self("alice"))
    assert isinstance(outcome, Saved)
    profile = profile_of(ask(built, "alice"))
    assert (profile.plan, profile.office) == ("New plan", "B12")
    mine = profile_of(ask(built, "alice", as_self("alice")))
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
def test_who_may_edit_what(built: GatewayHarness, viewer: Viewer, values: dict[str, Any], outcome: object) -> None:
    result = save(built, Modify("alice", values), viewer)
    if outcome is None:
        assert isinstance(result, Saved)
    else:
        assert result == outcome
        assert profile_of(ask(built, "alice")).title == "Keeper of the kettle"
        assert ask(built, "queen") == NotFound()


def test_only_administrators_create_and_remove(built: GatewayHarness) -> None:
    for viewer in (STRANGER, MEMBER, as_self("alice"), as_self("new")):
        for edit in (Create("new"), Remove("alice")):
            assert wait_for(built.deps.directory.save([edit], viewer)) == Forbidden()
    assert isinstance(wait_for(built.deps.directory.save([Create("NEW", {"name": "New One"})], ADMINISTRATOR)), Saved)
    assert profile_of(ask(built, "new")).name == "New One"
    assert profile_of(ask(built, "New One")).login == "new"
    assert isinstance(save(built, Remove("alice"), ADMINISTRATOR), Saved)
    assert ask(built, "alice") == ask(built, "ally") == NotFound()


def test_editing_a_hidden_person_is_like_editing_a_missing_one(built: GatewayHarness) -> None:
    """carol is hidden: the answer is the same as for a missing person."""
    for name in ("carol", "unheard", "no login"):
        for viewer in (STRANGER, MEMBER, as_self("alice")):
            assert wait_for(built.deps.directory.edit(name, Modify("x", {"title": "x"}), viewer)) == NotFound()
            assert wait_for(built.deps.directory.edit(name, Remove("x"), viewer)) == NotFound()
    assert isinstance(save(built, Modify("carol", {"title": "x"}), as_self("carol")), Saved)


def test_the_second_of_two_editors_gets_a_conflict(built: GatewayHarness) -> None:
    base = profile_of(ask(built, "alice", as_self("alice"))).version
    first = save(built, Modify("alice", {"title": "First"}, base=base), as_self("alice"))
    assert isinstance(first, Saved)
    second = save(built, Modify("alice", {"title": "Second", "office": "C1"}, base=base), ADMINISTRATOR)
    assert isinstance(second, Conflict)
    assert (second.current.title, second.current.office, second.current.version) == ("First", "B12", first.version)
    profile = profile_of(ask(built, "alice", MEMBER))
    assert (profile.title, profile.office) == ("First", "B12")
    third = save(built, Modify("alice", {"title": "Second"}, base=second.current.version), ADMINISTRATOR)
    assert isinstance(third, Saved)


def test_R005_a_conflict_with_another_process_returns_the_current_text(built: GatewayHarness) -> None:
    base = profile_of(ask(built, "alice", as_self("alice"))).version
    write_edits(built.database_path, [Modify("alice", {"plan": "Theirs"})])
    outcome = save(built, Modify("alice", {"plan": "Mine"}, base=base), as_self("alice"))
    assert isinstance(outcome, Conflict)
    assert outcome.current.plan == "Theirs"
    assert profile_of(ask(built, "alice")).plan == "Theirs"


def test_a_conflict_with_a_removal(built: GatewayHarness) -> None:
    base = profile_of(ask(built, "alice", as_self("alice"))).version
    write_edits(built.database_path, [Remove("alice")])
    assert save(built, Modify("alice", {"plan": "Mine"}, base=base), as_self("alice")) == NotFound()
    built.poll_store()
    assert ask(built, "alice") == NotFound()


@pytest.mark.parametrize("wanted", ["bob", "BOB", "carol", "cc", "ＣＣ"])
def test_taken_names_give_equal_messages(tmp_path: Path, wanted: str) -> None:
    carol = {"login": "carol", "aliases": ["cc"], "hidden": True}
    built = make_dependencies(tmp_path, [ALICE, {"login": "bob"}, carol])
    canonical = {"BOB": "bob", "ＣＣ": "cc"}.get(wanted, wanted)
    for edit, field in ((Modify("alice", {"aliases": (wanted,)}), "aliases"), (Create(wanted), "login")):
        outcome = wait_for(built.deps.directory.save([edit], ADMINISTRATOR))
        assert isinstance(outcome, Invalid)
        (problem,) = outcome.problems
        assert (problem.field, problem.found) == (field, "")
        assert problem.allowed == f"{canonical!r} is already taken"
    assert profile_of(ask(built, "ally")).login == "alice"
    built.stop()


def test_editing_a_missing_person(built: GatewayHarness) -> None:
    assert save(built, Modify("unheard", {"title": "x"}), ADMINISTRATOR) == NotFound()
    assert save(built, Remove("unheard"), ADMINISTRATOR) == NotFound()


def test_people_of_another_source_cannot_be_edited(tmp_path: Path) -> None:
    built = make_dependencies(tmp_path, sources=[InMemorySource(PartialPerson(login="eve", name="Eve"))])
    assert save(built, Modify("eve", {"title": "x"}), ADMINISTRATOR) == NotFound()
    built.stop()


def test_several_edits_are_atomic(built: GatewayHarness) -> None:
    edits: list[Edit] = [
        Modify("alice", {"title": "Changed"}),
        Create("new", {"name": "New"}),
        Remove("dave"),
        Create("bob"),  # exists
    ]
    outcome = wait_for(built.deps.directory.save(edits, ADMINISTRATOR))
    assert isinstance(outcome, Invalid)
    assert outcome.problems[0].login == "bob"
    assert profile_of(ask(built, "alice")).title == "Keeper of the kettle"
    assert ask(built, "new") == NotFound()
    assert profile_of(ask(built, "dave")).login == "dave"
    assert isinstance(wait_for(built.deps.directory.save(edits[:3], ADMINISTRATOR)), Saved)
    assert profile_of(ask(built, "alice")).title == "Changed"
    assert profile_of(ask(built, "new")).name == "New"
    assert ask(built, "dave") == NotFound()


def test_every_problem_names_its_person(built: GatewayHarness) -> None:
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
    assert profile_of(ask(built, "zofie")).title == ""


def test_an_edit_that_changes_nothing(built: GatewayHarness) -> None:
    version = profile_of(ask(built, "alice", ADMINISTRATOR)).version
    assert save(built, Modify("alice", {"title": "Keeper of the kettle"}), ADMINISTRATOR) == Saved(version or 0)
    assert profile_of(ask(built, "alice", ADMINISTRATOR)).version == version


def test_an_edit_is_written_although_the_client_disconnects(built: GatewayHarness) -> None:
    gate, changes = Event(), list[Change]()
    seen = Event()
    built.deps.directory.subscribe(lambda record_change: (changes.append(record_change), seen.set())[1])  # type: ignore[func-returns-value]
    built.store.writer.thread.run(lambda: gate.wait(10))
    deferred, results = start(built.deps.directory.edit("alice", Modify("", {"title": "Written"}), as_self("alice")))
    deferred.cancel()
    assert results[0].check(CancelledError)
    assert profile_of(ask(built, "alice")).title == "Keeper of the kettle"
    gate.set()
    assert seen.wait(10)
    assert changes[0].login == "alice"
    assert profile_of(ask(built, "alice")).title == "Written"


def test_shutdown_waits_for_running_edits(built: GatewayHarness) -> None:
    gate = Event()
    built.store.writer.thread.run(lambda: gate.wait(10))
    deferred, left = start(built.deps.directory.edit("alice", Modify("", {"title": "Written"}), as_self("alice")))
    deferred.cancel()
    stopping = built.deps.directory.stopService()
    shutdown_results: list[Any] = []
    stopping.addBoth(shutdown_results.append)
    assert shutdown_results == []
    gate.set()
    wait_for(stopping)
    assert left[0].check(CancelledError)
    assert profile_of(ask(built, "alice")).title == "Written"


def test_listeners_are_called_in_order_after_the_cache_is_updated(built: GatewayHarness) -> None:
    changes: list[tuple[int, str, tuple[str, ...], str]] = []

    def listen(record_change: Change) -> None:
        answer = ask(built, record_change.login)
        changes.append((record_change.n, record_change.login, record_change.fields, profile_of(answer).title))

    end = built.deps.directory.subscribe(listen)
    save(built, Modify("alice", {"title": "One"}), ADMINISTRATOR)
    built.change(Modify("bob", {"title": "Two"}), Modify("alice", {"title": "Three", "office": "X"}))
    built.poll_store()
    assert [each[1:] for each in changes] == [
        ("alice", ("title",), "One"),
        ("bob", ("title",), "Two"),
        ("alice", ("title", "office"), "Three"),
    ]
    numbers = [each[0] for each in changes]
    assert numbers == sorted(set(numbers))
    end()
    save(built, Modify("alice", {"title": "Four"}), ADMINISTRATOR)
    assert len(changes) == 3


class FailingStore(InMemoryStore):
    """A store that saves when the test fires *gate*, and is down afterwards."""

    def __init__(self, *people: PartialPerson, error: Exception | None = None) -> None:
        super().__init__(*people)
        self.error, self.gate = error, Deferred[None]()

    async def save(self, edits: Any, by: Viewer, at: datetime) -> int:
        await self.gate
        self.down = True
        if self.error is not None:
            raise self.error
        return 7


def test_a_written_edit_is_saved_although_changes_cannot_be_read() -> None:
    store = FailingStore(alice())
    service = make_directory(store)
    _, results = start(service.edit("alice", Modify("", {"title": "x"}), ADMINISTRATOR))
    store.gate.callback(None)
    assert results == [Saved(7)]
    assert result_of(service.lookup("alice", STRANGER)) == Unavailable()  # not the state before the edit


def test_a_conflict_while_the_store_cannot_be_read() -> None:
    store = FailingStore(alice(), error=StaleEdit("alice"))
    _, results = start(make_directory(store).edit("alice", Modify("", {"title": "x"}, base=1), ADMINISTRATOR))
    store.gate.callback(None)
    assert results == [Unavailable()]


@pytest.mark.parametrize("cancel", [True, False])
def test_a_failed_edit_is_raised_or_logged_if_cancelled(cancel: bool) -> None:
    store = FailingStore(alice(), error=ZeroDivisionError("a mistake of ours"))
    deferred, results = start(make_directory(store).edit("alice", Modify("", {"title": "x"}), ADMINISTRATOR))
    events: list[Any] = []
    globalLogPublisher.addObserver(cast("ILogObserver", events.append))
    try:
        if cancel:
            deferred.cancel()
        store.gate.callback(None)
    finally:
        globalLogPublisher.removeObserver(cast("ILogObserver", events.append))
    assert results[0].check(CancelledError if cancel else ZeroDivisionError)
    assert [event["log_failure"].type for event in events if "log_failure" in event] == [ZeroDivisionError] * cancel


# history


def visible_plans(built: GatewayHarness, viewer: Viewer) -> list[str]:
    history = result_of(built.deps.directory.history("alice", viewer))
    assert isinstance(history, History), history
    return [entry.text for entry in history.entries]


@pytest.fixture
def with_plan(built: GatewayHarness) -> GatewayHarness:
    """Set the plan of alice to "First", visible to everyone."""
    save(built, Modify("alice", {"plan": "First"}), as_self("alice"))
    return built


ME = as_self("alice")
OLDEST = "First line\nSecond line\n"  # make_create_edit() makes plans visible to nobody


def test_history_has_old_plans_newest_first(with_plan: GatewayHarness) -> None:
    save(with_plan, Modify("alice", {"plan": "Second"}), ME)
    save(with_plan, Modify("alice", {"plan": "Third"}), ME)
    save(with_plan, Modify("alice", {"title": "No plan"}), ME)
    assert visible_plans(with_plan, STRANGER) == ["Third", "Second", "First"]
    assert visible_plans(with_plan, ME) == ["Third", "Second", "First", OLDEST]
    limited = result_of(with_plan.deps.directory.history("ALICE", STRANGER, 2))
    assert [entry.text for entry in limited.entries] == ["Third", "Second"]


def test_restricting_hides_old_plans_and_widening_publishes_none(with_plan: GatewayHarness) -> None:
    save(with_plan, Modify("alice", {"plan": "For members"}, {"plan": M}), ME)
    assert (visible_plans(with_plan, STRANGER), visible_plans(with_plan, MEMBER)) == ([], ["For members", "First"])
    save(with_plan, Modify("alice", {"plan": "Mine alone"}, {"plan": N}), ME)
    assert (
        visible_plans(with_plan, STRANGER),
        visible_plans(with_plan, MEMBER),
        len(visible_plans(with_plan, ME)),
    ) == ([], [], 4)
    save(with_plan, Modify("alice", {}, {"plan": E}), ME)
    assert visible_plans(with_plan, STRANGER) == ["First"]
    assert visible_plans(with_plan, MEMBER) == ["For members", "First"]
    assert (
        visible_plans(with_plan, ME)
        == visible_plans(with_plan, ADMINISTRATOR)
        == ["Mine alone", "For members", "First", OLDEST]
    )
    save(with_plan, Modify("alice", {"plan": "For all"}), ME)
    assert visible_plans(with_plan, STRANGER) == ["For all", "First"]


def test_a_plan_written_while_hidden_stays_hidden(with_plan: GatewayHarness) -> None:
    save(with_plan, Modify("alice", {"plan": "In hiding"}, {"name": N}), ME)
    assert result_of(with_plan.deps.directory.history("alice", STRANGER)) == NotFound()
    save(with_plan, Modify("alice", {}, {"name": None}), ME)
    assert visible_plans(with_plan, STRANGER) == ["First"]


@pytest.mark.parametrize("field", ["plan", "name"])
def test_a_plan_restricted_by_another_process_is_not_published_later(with_plan: GatewayHarness, field: str) -> None:
    """The level of an old plan comes from the database inside the transaction, not from the cache."""
    ask(with_plan, "alice", ME)
    write_edits(with_plan.database_path, [Modify("alice", {}, {field: N})])  # not polled yet
    save(with_plan, Modify("alice", {"plan": "Thought to be for nobody"}), ME)
    save(with_plan, Modify("alice", {}, {field: None}), ME)
    assert visible_plans(with_plan, STRANGER) == ["First"]


def test_a_stricter_policy_hides_old_plans(with_plan: GatewayHarness) -> None:
    service = DirectoryService(with_plan.store, [], Policy.preset("C"), with_plan.clock)
    history = result_of(service.history("alice", STRANGER))
    assert (history, result_of(service.history("alice", MEMBER)).entries[0].text) == (History(()), "First")


@pytest.mark.parametrize("name", ["carol", "unheard", "no login", ""])
def test_no_history_of_hidden_and_missing_people(built: GatewayHarness, name: str) -> None:
    assert result_of(built.deps.directory.history(name, STRANGER)) == NotFound()


def test_a_failing_listener_does_not_affect_the_others(tmp_path: Path) -> None:
    built = make_dependencies(tmp_path)
    changes: list[str] = []

    def fail(record_change: Change) -> None:
        raise RuntimeError("not my day")

    built.deps.directory.subscribe(fail)
    built.deps.directory.subscribe(lambda record_change: changes.append(record_change.login))
    with capturedLogs() as logged:
        built.change(Modify("bob", {"project": "x"}))
        built.poll_store()
    assert changes == ["bob"]
    assert [str(event["log_failure"].value) for event in logged if "log_failure" in event] == ["not my day"]
    built.stop()


@pytest.mark.parametrize(("restricts", "answer"), [(True, Unavailable), (False, Found)])
def test_lookups_time_out_on_a_hanging_source(restricts: bool, answer: type) -> None:
    """After two seconds a source counts as down, because its answer would be too late for the waiting clients."""
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


def test_a_source_that_is_down_is_logged_once() -> None:
    store = InMemoryStore()
    service = make_directory(store)
    store.down = True
    with capturedLogs() as logged:
        for number in range(50):
            assert result_of(service.lookup(f"who{number}", STRANGER)) == Unavailable()
    assert [event["what"] for event in logged if "what" in event] == ["lookup not answered"]
