"""Lists and searches in pages: stable, bounded, not affected by hidden people, and without blocking the reactor."""

from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall
from twisted.internet.task import Clock

from gateway.directory import lists
from gateway.directory.interfaces import Create, NameVisibilityFilter, Remove
from gateway.directory.lists import BATCH_SIZE, MAX_MATCHES, MAX_ROWS_SCANNED, SEARCH_BATCH
from gateway.directory.person import Login, PartialPerson, Visibility
from gateway.directory.privacy import Policy
from gateway.directory.results import Ambiguous, Found, Listing, NotFound, Page
from gateway.directory.service import DirectoryService
from gateway.directory.viewers import Viewer
from tests.unit.directory.doubles import (
    ADMINISTRATOR,
    MEMBER,
    STRANGER,
    InMemorySource,
    InMemoryStore,
    as_self,
    make_directory,
)
from tests.unit.fixtures import GatewayHarness, make_dependencies, result_of, write_edits

E, M, N = Visibility.EVERYONE, Visibility.MEMBERS, Visibility.NOBODY


@pytest.fixture
def built(tmp_path: Path) -> Iterator[GatewayHarness]:
    made = make_dependencies(tmp_path, people=())
    yield made
    made.stop()


def logins(listing: object) -> list[str]:
    assert isinstance(listing, Listing), listing
    return [profile.login for profile in listing.profiles]


def complete(built: GatewayHarness, coroutine: Any) -> Any:
    """Run the reactor until *coroutine* is finished, and return its result."""
    results: list[Any] = []
    Deferred.fromCoroutine(coroutine).addBoth(results.append)
    for _ in range(1000):
        if results:
            break
        built.clock.advance(0)
    assert results
    if hasattr(results[0], "raiseException"):
        results[0].raiseException()
    return results[0]


def ask(built: GatewayHarness, words: str, viewer: Viewer = STRANGER, page: Page | None = None) -> Any:
    return complete(built, built.deps.directory.list_people(words, viewer, page or Page()))


# pages


def test_W146_search_pages_are_stable_while_people_change(built: GatewayHarness) -> None:
    built.change(*(Create(f"p{n:02}", {"name": f"Ann {n:02}"}) for n in range(0, 40, 2)))
    first_page = ask(built, "ann", page=Page(limit=5))
    assert logins(first_page) == ["p00", "p02", "p04", "p06", "p08"]
    built.change(Remove("p08"), Remove("p10"), Create("p03", {"name": "Ann"}), Create("p11", {"name": "Ann 11"}))
    built.poll_store()
    second = ask(built, "ann", page=Page(first_page.after, 5))
    assert logins(second) == ["p11", "p12", "p14", "p16", "p18"]
    rest = ask(built, "ann", page=Page(second.after, 100))
    assert logins(rest) == [f"p{n}" for n in range(20, 40, 2)]
    assert rest.after is None


def test_W023_the_best_matches_come_first_on_all_pages(built: GatewayHarness) -> None:
    built.change(
        Create("zoe", {"name": "Ann Zett"}), Create("ann", {"name": "Somebody"}), Create("annika"),
        Create("bob", {"name": "Bob Ann"}), Create("abe", {"name": "Ann"}),
    )  # fmt: skip
    logins_seen, page = list[str](), Page(limit=1)
    for _ in range(5):
        listing = ask(built, "Ann", page=page)
        logins_seen += logins(listing)
        page = Page(listing.after, 1)
    assert page.after is None
    assert logins_seen == ["abe", "ann", "annika", "zoe", "bob"]


TAMPERED = ["0~", "3~zzz", "-1~", "2~a~b", "9~a", "~", "٣~a", "0~\ud800"]


@given(
    st.text(max_size=12) | st.sampled_from(TAMPERED),
    st.text(max_size=3),
)
def test_W146_a_tampered_cursor_is_only_a_position(after: str, query: str) -> None:
    service = make_directory(InMemoryStore(*(PartialPerson(login=f"p{n}", name="Ann") for n in range(5))))
    viewers: Sequence[Viewer] = (STRANGER, MEMBER, ADMINISTRATOR)
    for viewer in viewers:
        for words in ("", "ann", query):
            listing = result_of(service.list_people(words, viewer, Page(after, 3)))
            assert isinstance(listing, Listing)
            assert len(listing.profiles) <= 3
        assert isinstance(result_of(service.list_online(viewer, Page(after, 3))), Listing)


def test_W146_a_tampered_cursor_with_a_real_database(built: GatewayHarness) -> None:
    built.change(Create("alice", {"name": "Ann"}))
    for after in ("'", '" OR 1', "0~%", "\x00", "0~\U0010ffff", "zzz", "3~", "~~~"):
        for words in (
            "",
            "ann",
            '"',
            "' *",
            "ann* OR bob",
            "a:b",
            "NEAR(a b)",
            "NOT ann",
            "\x00",
            "(",
            "^a",
            "-a",
            "+",
        ):
            assert isinstance(ask(built, words, page=Page(after, 3)), Listing), (after, words)


def test_operators_of_the_fts_query_language_are_plain_words(built: GatewayHarness) -> None:
    built.change(Create("alice", {"name": "Not Near And Or"}), Create("bob", {"name": "Bob"}))
    for query in ("NOT", "AND", "OR NEAR", "near", "not and"):
        assert logins(ask(built, query)) == ["alice"], query


# bounds


def test_W023_a_search_is_truncated_at_200(built: GatewayHarness) -> None:
    built.change(*(Create(f"p{n:03}", {"name": f"Ann {n}"}) for n in range(MAX_MATCHES)))
    listing = ask(built, "ann", page=Page(limit=1000))
    assert (len(listing.profiles), listing.truncated, listing.after) == (200, False, None)
    built.change(Create("another", {"name": "Ann"}))
    built.poll_store()
    listing = ask(built, "ann", page=Page(limit=1000))
    assert (len(listing.profiles), listing.truncated, listing.after) == (200, True, None)
    assert logins(listing)[0] == "another"  # an exact match is listed, however many there are
    assert logins(ask(built, "ann 17", page=Page(limit=1))) == ["p017"]
    assert len(ask(built, "", page=Page(limit=1000)).profiles) == 201  # a list without search words has no maximum


def add_namesakes(built: GatewayHarness, hidden: int, **more: Any) -> None:
    write_edits(
        built.database_path,
        [
            *(Create(f"a{n:04}", {"name": "Ann Adams"}, {"name": N}) for n in range(hidden)),
            Create("zoe", {"name": "Ann Adams"}),
        ],
    )
    built.poll_store()


def test_hidden_namesakes_do_not_displace_others(built: GatewayHarness) -> None:
    add_namesakes(built, 2500)
    for viewer in (STRANGER, MEMBER, as_self("zoe"), as_self("somebody")):
        for name in ("Ann Adams", "adams"):
            answer = complete(built, built.deps.directory.lookup(name, viewer))
            assert isinstance(answer, Found), (viewer, name, answer)
            assert answer.profile.login == "zoe"
        for words in ("ann adams", "adams", "ann", "ad an"):
            listing = ask(built, words, viewer)
            assert logins(listing) == ["zoe"], (viewer, words)
            assert not listing.truncated
        assert logins(ask(built, "", viewer)) == ["zoe"]
    answer = complete(built, built.deps.directory.lookup("adams", ADMINISTRATOR))
    assert isinstance(answer, Ambiguous)
    assert len(answer.profiles) == 200
    assert ask(built, "adams", ADMINISTRATOR).truncated
    page, logins_seen = Page(limit=500), list[str]()
    while True:
        listing = ask(built, "", ADMINISTRATOR, page)
        logins_seen += logins(listing)
        if listing.after is None:
            break
        page = Page(listing.after, 500)
    assert logins_seen == [*(f"a{n:04}" for n in range(2500)), "zoe"]


def test_hidden_people_find_themselves(built: GatewayHarness) -> None:
    built.change(
        Create("alice", {"name": "Ann Adams", "aliases": ("ally",)}, {"name": N}),
        Create("bob", {"name": "Bob Adams"}, {"name": M}),
    )
    for name in ("alice", "ally", "Ann Adams"):
        answer = result_of(built.deps.directory.lookup(name, as_self("alice")))
        assert isinstance(answer, Found), name
        for viewer in (STRANGER, MEMBER, as_self("bob")):
            assert result_of(built.deps.directory.lookup(name, viewer)) == NotFound()
    assert isinstance(result_of(built.deps.directory.lookup("Adams", as_self("alice"))), Ambiguous)
    assert result_of(built.deps.directory.lookup("Adams", as_self("bob"))).profile.login == "bob"


@pytest.mark.parametrize("words", ["", "ann"])
def test_W023_unlisted_people_are_listed_for_administrators_only(built: GatewayHarness, words: str) -> None:
    built.change(
        Create("a", {"name": "Ann"}, listed=False), Create("b", {"name": "Ann"}, {"name": N}),
        Create("c", {"name": "Ann"}, {"name": M}), Create("d", {"name": "Ann"}),
    )  # fmt: skip
    assert logins(ask(built, words)) == ["d"]
    assert logins(ask(built, words, MEMBER)) == ["c", "d"]
    assert logins(ask(built, words, as_self("a"))) == ["c", "d"]
    assert logins(ask(built, words, ADMINISTRATOR)) == ["a", "b", "c", "d"]


def test_viewers_who_may_see_no_name_get_empty_lists() -> None:
    store = InMemoryStore(PartialPerson(login="alice", name="Ann", visibility={"name": E}))
    service = make_directory(store, policy=Policy.preset("open", None, {"name": M}))
    for words in ("", "ann", "alice"):
        assert logins(result_of(service.list_people(words, STRANGER, Page()))) == []
        assert logins(result_of(service.list_people(words, MEMBER, Page()))) == ["alice"]
    assert result_of(service.lookup("Ann", STRANGER)) == NotFound()


# reactor iterations


class CountingStore(InMemoryStore):
    """A store that counts the people read in one reactor iteration."""

    reads_in_iteration = 0

    async def get(self, login: str) -> PartialPerson | None:
        self.reads_in_iteration += 1
        return await super().get(login)


class CountingClock(Clock):
    """A clock that records how many people were read in each reactor iteration."""

    def __init__(self, store: CountingStore) -> None:
        super().__init__()
        self.store, self.max_reads, self.iterations = store, 0, 0

    def callLater(  # noqa: N802  # Twisted's name
        self, delay: float, callable: Callable[..., object], *args: object, **kw: object
    ) -> IDelayedCall:
        if delay == 0:
            self.end_iteration()
        return super().callLater(delay, callable, *args, **kw)

    def end_iteration(self) -> None:
        self.max_reads, self.iterations = max(self.max_reads, self.store.reads_in_iteration), self.iterations + 1
        self.store.reads_in_iteration = 0

    def complete(self, coroutine: Any) -> Any:
        """Return the result of *coroutine*; afterwards *max_reads* is the maximum per iteration."""
        results: list[Any] = []
        self.max_reads = self.iterations = self.store.reads_in_iteration = 0
        Deferred.fromCoroutine(coroutine).addBoth(results.append)
        while not results:
            assert self.getDelayedCalls(), "no call is pending"
            self.advance(0)
        self.end_iteration()
        return results[0]


@pytest.mark.usefixtures("untraced")
def test_a_list_of_20000_hidden_people_takes_many_reactor_iterations() -> None:
    """The index does not know what other sources hide, so each person is checked, in batches."""
    all_logins = [f"p{n:05}" for n in range(20_000)]
    store = CountingStore(*(PartialPerson(login=login, name="Ann") for login in all_logins))
    hiding_source = InMemorySource(
        *(PartialPerson(login=login, visibility={"name": N}) for login in all_logins[:-1]), restricts=True
    )
    sorted_logins = sorted(store.people)

    async def page(after: str, limit: int, levels: NameVisibilityFilter) -> Sequence[str]:
        begin = bisect_right(sorted_logins, after)
        return sorted_logins[begin : begin + limit]

    store.page = page  # type: ignore[method-assign]
    clock = CountingClock(store)
    service = DirectoryService(store, (hiding_source,), Policy.preset(), clock, cache_size=100_000)
    assert logins(clock.complete(service.list_people("", STRANGER, Page(limit=50)))) == ["p19999"]
    assert clock.max_reads <= BATCH_SIZE + 51
    service.presence.update("host", {login: (Login(terminal="tty1"),) for login in all_logins})
    assert logins(clock.complete(service.list_online(MEMBER, Page()))) == ["p19999"]
    assert clock.max_reads <= BATCH_SIZE


def test_a_search_without_visible_matches_takes_many_iterations_and_ends() -> None:
    """The index also contains hidden aliases."""
    store = CountingStore(
        *(PartialPerson(login=f"p{n:05}", aliases=(f"k{n}",), visibility={"aliases": N}) for n in range(20_000))
    )
    clock = CountingClock(store)
    service = DirectoryService(store, (), Policy.preset(), clock, cache_size=100_000)
    assert logins(clock.complete(service.list_people("kettle", STRANGER, Page()))) == []
    assert clock.max_reads <= SEARCH_BATCH
    assert clock.iterations == MAX_ROWS_SCANNED / SEARCH_BATCH + 1


def test_W023_the_scan_limit_does_not_reveal_hidden_matches(monkeypatch: pytest.MonkeyPatch) -> None:
    """They match by hidden aliases: a truncated result would reveal that they exist."""
    monkeypatch.setattr(lists, "SEARCH_BATCH", 4)
    monkeypatch.setattr(lists, "MAX_ROWS_SCANNED", 8)
    nobody = [PartialPerson(login=f"p{n:02}", aliases=(f"ann{n}",), visibility={"aliases": N}) for n in range(20)]
    clock = Clock()
    service = DirectoryService(InMemoryStore(*nobody), (), Policy.preset(), clock)
    service.startService()
    results: list[object] = []
    Deferred.fromCoroutine(service.list_people("ann", STRANGER, Page())).addCallback(results.append)
    for _ in range(5):
        clock.advance(0)
    assert results == [Listing((), None)]
