"""SourceIndexer: people of other sources in lists, searches and name lookups, and sources that fail while read."""

from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.logger import globalLogPublisher

from gateway.directory import source_indexer
from gateway.directory.interfaces import Create, NameVisibilityFilter, Remove, SourceDown
from gateway.directory.person import PartialPerson, Visibility
from gateway.directory.privacy import Policy
from gateway.directory.results import Ambiguous, Found, Listing, NotFound, Page, Unavailable
from gateway.directory.service import DirectoryService
from gateway.directory.source_indexer import (
    BATCH_SIZE,
    DEFAULT_INTERVAL,
    MIN_INTERVAL,
    MIN_PAUSE_FACTOR,
    READ_TIMEOUT,
    SourceIndexer,
)
from gateway.directory.viewers import Viewer
from gateway.store import database, file_watcher, sqlite_store
from gateway.store.in_memory_index import InMemoryIndex
from tests.unit.directory.doubles import ADMINISTRATOR, MEMBER, STRANGER, InMemorySource, as_self
from tests.unit.fixtures import ReactorClock, write_edits

E, M, N = Visibility.EVERYONE, Visibility.MEMBERS, Visibility.NOBODY
HOUR = timedelta(hours=1)


class ScriptedSource(InMemorySource):
    """A source whose everyone() yields *override* if set: people and invalid values; it awaits Deferreds, raises errors."""

    def __init__(
        self, *people: PartialPerson, restricts: bool = False, cache_ttl: timedelta | None = timedelta()
    ) -> None:
        super().__init__(*people, restricts=restricts, cache_ttl=cache_ttl)
        self.override: Sequence[Any] | None = None
        self.reads = 0
        self.closed = 0

    async def everyone(self) -> AsyncIterator[PartialPerson]:
        self.reads += 1
        try:
            if self.down:
                raise SourceDown("the source is down")
            for each in list(self.people.values()) if self.override is None else self.override:
                if isinstance(each, Exception):
                    raise each
                if isinstance(each, Deferred):
                    await each
                else:
                    yield each
        finally:
            self.closed += 1


class IndexedDirectory:
    """A started directory on a store with *own* people and on indexed *sources*."""

    def __init__(
        self, folder: Path, own: Sequence[Create], *sources: ScriptedSource, policy: Policy | None = None
    ) -> None:
        self.path, self.clock, self.sources = folder / "people.db", ReactorClock(), sources
        database.create(self.path)
        write_edits(self.path, own)
        self.store = sqlite_store.SQLiteStore(self.path, self.clock, readers=0)
        self.store.startService()
        self.directory = DirectoryService(self.store, sources, policy or Policy.preset(), self.clock)
        for source in sources:
            index = InMemoryIndex(self.clock, 0)
            self.directory.add_index(source, index)
            SourceIndexer(source, index, self.clock).setServiceParent(self.directory)
        self.directory.startService()
        self.run_pending_calls()

    def run_pending_calls(self) -> None:
        for _ in range(1000):
            self.clock.advance(0)

    def read_sources_again(self) -> None:
        """Advance the clock until all sources have been read once more."""
        before = [source.reads for source in self.sources]
        self.clock.advance(MIN_INTERVAL + 0.01)
        self.run_pending_calls()
        assert [source.reads for source in self.sources] == [count + 1 for count in before]

    def complete(self, coroutine: Any) -> Any:
        results: list[Any] = []
        Deferred.fromCoroutine(coroutine).addBoth(results.append)
        self.run_pending_calls()
        assert results
        if hasattr(results[0], "raiseException"):
            results[0].raiseException()
        return results[0]

    def list_logins(self, words: str = "", viewer: Viewer = STRANGER, limit: int = 1000) -> list[str]:
        answer = self.complete(self.directory.list_people(words, viewer, Page(limit=limit)))
        assert isinstance(answer, Listing), answer
        return [profile.login for profile in answer.profiles]

    def find(self, name: str, viewer: Viewer = STRANGER) -> Any:
        """Return the login that *name* finds, or the answer if it is not Found."""
        answer = self.complete(self.directory.lookup(name, viewer))
        return answer.profile.login if isinstance(answer, Found) else answer


Build = Callable[..., IndexedDirectory]


@pytest.fixture
def build(tmp_path: Path) -> Iterator[Build]:
    made: list[IndexedDirectory] = []

    def make(own: Sequence[Create], *sources: ScriptedSource, **options: Any) -> IndexedDirectory:
        made.append(IndexedDirectory(tmp_path, own, *sources, **options))
        return made[-1]

    yield make
    for each in made:
        each.directory.stopService()
        each.store.stopService()


@pytest.fixture
def log() -> Iterator[list[str]]:
    messages: list[str] = []

    def observe(event: Any) -> None:
        if event.get("log_namespace", "").endswith(".source_indexer"):
            messages.append(event["log_format"].format(**event))

    observer: Any = observe
    globalLogPublisher.addObserver(observer)
    yield messages
    globalLogPublisher.removeObserver(observer)


ADA = PartialPerson(login="ada", name="Ada Lovelace", aliases=("countess",))


# lookups and lists


def test_people_of_all_sources_are_in_one_order_on_all_pages(build: Build) -> None:
    own = [Create(f"p{n:02}") for n in range(0, 30, 3)]
    first = ScriptedSource(*(PartialPerson(login=f"p{n:02}") for n in range(1, 30, 3)))
    second = ScriptedSource(*(PartialPerson(login=f"p{n:02}") for n in range(29, 0, -3)))
    directory = build(own, first, second)
    for limit in (1, 4, 50):
        seen, page = list[str](), Page(limit=limit)
        while True:
            listing = directory.complete(directory.directory.list_people("", STRANGER, page))
            seen += [profile.login for profile in listing.profiles]
            if listing.after is None:
                break
            page = Page(listing.after, limit)
        assert seen == [f"p{n:02}" for n in range(30)], limit


def test_people_of_sources_are_found_by_all_names_and_searches(build: Build) -> None:
    directory = build([Create("bob", {"name": "Bob Brown"})], ScriptedSource(ADA, cache_ttl=HOUR))
    for name in ("ada", "Ada Lovelace", "lovelace", "countess", "ADA LOVELACE"):
        assert directory.find(name) == "ada", name
    for words in ("ad", "lovel", "count", "love ada", "Ada Lovelace"):
        assert directory.list_logins(words) == ["ada"], words
    assert directory.find("Bob Brown") == "bob"
    assert directory.list_logins("b") == ["bob"]


def test_namesakes_in_store_and_source_are_ambiguous(build: Build) -> None:
    directory = build(
        [Create("bob", {"name": "Bob Adams"})], ScriptedSource(PartialPerson(login="ann", name="Ann Adams"))
    )
    answer = directory.find("Adams")
    assert isinstance(answer, Ambiguous)
    assert [profile.login for profile in answer.profiles] == ["ann", "bob"]


def test_a_login_in_several_sources_is_one_person(build: Build) -> None:
    directory = build([Create("ada", {"title": "Keeper"})], ScriptedSource(ADA), ScriptedSource(ADA))
    listing = directory.complete(directory.directory.list_people("", STRANGER, Page()))
    assert [(each.login, each.name, each.title) for each in listing.profiles] == [("ada", "Ada Lovelace", "Keeper")]
    assert directory.list_logins("ada") == ["ada"]
    assert directory.find("Lovelace") == "ada"


def test_a_search_continues_in_the_next_index(build: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.directory.lists.BATCH_SIZE", 4)
    own = [Create(f"o{n}", {"name": f"Ann {n}"}) for n in range(6)]
    sources = [
        ScriptedSource(*(PartialPerson(login=f"{source}{n}", name=f"Ann {n}") for n in range(7))) for source in "tu"
    ]
    directory = build(own, *sources)
    assert sorted(directory.list_logins("ann")) == sorted(
        [*(f"o{n}" for n in range(6)), *(f"{source}{n}" for source in "tu" for n in range(7))]
    )


# visibility


def test_visibility_depends_on_all_sources(build: Build) -> None:
    people = [
        PartialPerson(login="hidden", name="Ann", visibility={"name": N}),
        PartialPerson(login="inner", name="Ann", visibility={"name": M}),
        PartialPerson(login="open", name="Ann"),
        PartialPerson(login="ours", name="Ann"),
        PartialPerson(login="theirs", name="Ann"),
        PartialPerson(login="unlisted", name="Ann", listed=False),
    ]
    hiding_source = ScriptedSource(PartialPerson(login="theirs", visibility={"name": N}), restricts=True)
    directory = build([Create("ours", {}, {"name": N})], ScriptedSource(*people), hiding_source)
    for words in ("", "ann"):
        assert directory.list_logins(words) == ["open"], words
        assert directory.list_logins(words, MEMBER) == ["inner", "open"]
        assert directory.list_logins(words, ADMINISTRATOR) == ["hidden", "inner", "open", "ours", "theirs", "unlisted"]
    assert directory.find("Ann") == "open"
    for login in ("hidden", "inner", "ours", "theirs"):
        assert directory.find(login) == NotFound()
    assert directory.find("unlisted") == "unlisted"
    for login in ("hidden", "ours", "theirs"):
        assert isinstance(directory.find("Ann", as_self(login)), Ambiguous)


def test_an_overridden_name_finds_nobody(build: Build) -> None:
    """A name that a higher source overrides finds nobody: the lookup would reveal the overridden name."""
    source = ScriptedSource(PartialPerson(login="ada", name="Robert Smith", aliases=("bobby",)))
    directory = build([Create("ada", {"name": "Ada", "aliases": ("countess",)})], source)
    for name in ("Robert Smith", "smith", "bobby"):
        assert directory.find(name) == NotFound(), name
        assert directory.list_logins(name) == []
        assert directory.find(name, ADMINISTRATOR) == NotFound()
    assert directory.find("countess") == "ada"


def test_current_answers_of_a_source_override_the_index(build: Build) -> None:
    source = ScriptedSource(ADA, PartialPerson(login="eve", name="Eve"))
    directory = build([], source)
    source.people["ada"] = PartialPerson(login="ada", name="Ada Lovelace", visibility={"name": N})
    source.people["eve"] = PartialPerson(login="eve", name="Evelyn")
    assert directory.list_logins() == ["eve"]
    assert (directory.find("Lovelace"), directory.find("Eve")) == (NotFound(), "eve")
    assert directory.list_logins("ada") == []


# repeated reads


def test_new_and_removed_people_after_the_next_read(build: Build) -> None:
    source = ScriptedSource(ADA, PartialPerson(login="eve"))
    directory = build([Create("bob")], source)
    assert directory.list_logins() == ["ada", "bob", "eve"]
    del source.people["ada"]
    source.people["zoe"] = PartialPerson(login="zoe", name="Zoe")
    assert directory.list_logins() == ["bob", "eve"]  # removed people disappear at once; new ones are not known yet
    directory.read_sources_again()
    assert directory.list_logins() == ["bob", "eve", "zoe"]
    assert (directory.find("countess"), directory.list_logins("zo")) == (NotFound(), ["zoe"])
    write_edits(directory.path, [Remove("bob")])
    directory.clock.advance(file_watcher.POLL_INTERVAL)
    assert directory.list_logins() == ["eve", "zoe"]


@pytest.mark.parametrize(
    ("cache_ttl", "seconds"),
    [
        (timedelta(0), MIN_INTERVAL),
        (timedelta(seconds=5), 5.0),
        (HOUR, 3600.0),
        (None, DEFAULT_INTERVAL.total_seconds()),
    ],
)
def test_a_source_is_read_at_its_cache_ttl(build: Build, cache_ttl: timedelta | None, seconds: float) -> None:
    source = ScriptedSource(ADA, cache_ttl=cache_ttl)
    directory = build([], source)
    directory.clock.advance(seconds - 0.01)
    assert source.reads == 1
    directory.clock.advance(0.02)
    directory.run_pending_calls()
    assert source.reads == 2


def test_slow_reads_are_rarer(build: Build) -> None:
    source = ScriptedSource()
    arrival: Deferred[None] = Deferred()
    source.override = [arrival, ADA]
    directory = build([], source)
    directory.clock.advance(7)
    arrival.callback(None)
    directory.run_pending_calls()
    assert directory.list_logins() == []  # get() does not know the login
    source.override = None
    directory.clock.advance(7 * MIN_PAUSE_FACTOR - 0.1)
    assert source.reads == 1
    directory.clock.advance(0.2)
    assert source.reads == 2


# sources that are down


@pytest.mark.parametrize("restricts", [False, True])
def test_the_last_index_remains_while_a_source_is_down(build: Build, log: list[str], restricts: bool) -> None:
    hidden = PartialPerson(login="eve", name="Eve", visibility={"name": N})
    source = ScriptedSource(ADA, hidden, restricts=restricts)
    directory = build([Create("bob")], source)
    source.down = True
    for _ in range(3):
        directory.read_sources_again()
    assert log == ["people of ldap: the source is down"]
    assert directory.find("ada") == "ada"
    for name in ("eve", "nobody", "Nobody At All", "Lovelace", "countess"):  # the source may have such a login by now
        assert directory.find(name) == Unavailable(), name
    if restricts:
        for name in ("bob", "Ada Lovelace"):  # the source may hide bob by now, or show a namesake of Ada
            assert directory.find(name) == Unavailable(), name
        assert directory.complete(directory.directory.list_people("", STRANGER, Page())) == Unavailable()
    else:
        assert directory.find("Ada Lovelace") == "ada"
        assert directory.list_logins() == ["ada", "bob"]
        assert directory.list_logins("lovel") == ["ada"]
    source.down = False
    directory.read_sources_again()
    assert directory.list_logins() == ["ada", "bob"]


def test_a_source_down_at_startup_does_not_affect_the_others(build: Build, log: list[str]) -> None:
    source = ScriptedSource(ADA)
    source.down = True
    directory = build([Create("bob")], source)
    assert directory.list_logins() == ["bob"]
    source.down = False
    directory.read_sources_again()
    assert directory.list_logins() == ["ada", "bob"]
    assert log == ["people of ldap: the source is down"]


def test_R027_a_hanging_source_delays_a_list_only_once(build: Build) -> None:
    source = ScriptedSource(*(PartialPerson(login=f"p{n}") for n in range(20)))
    directory = build([], source)
    source.requested_logins.clear()

    async def never_returns(login: str) -> PartialPerson | None:
        source.requested_logins.append(login)
        return await Deferred()

    source.get = never_returns  # type: ignore[method-assign]
    results: list[Any] = []
    Deferred.fromCoroutine(directory.directory.list_people("", STRANGER, Page())).addBoth(results.append)
    assert not results
    directory.clock.advance(2.0)
    directory.run_pending_calls()
    assert [profile.login for profile in results[0].profiles] == sorted(source.people)
    assert source.requested_logins == ["p0"]


# faulty sources


MANY_PEOPLE = [PartialPerson(login=f"p{n:03}", name=f"Ann {n}") for n in range(BATCH_SIZE * 2 + 7)]


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (SourceDown("gone"), "gone"),
        (KeyError("uid"), "KeyError: 'uid'"),
        (ConnectionResetError("reset"), "ConnectionResetError: reset"),
    ],
)
def test_a_read_that_fails_midway_changes_nothing(build: Build, log: list[str], error: Exception, message: str) -> None:
    source = ScriptedSource(ADA)
    directory = build([], source)
    source.people |= {person.login: person for person in MANY_PEOPLE}
    source.override = [*MANY_PEOPLE, error]
    for _ in range(2):
        directory.read_sources_again()
    assert directory.list_logins() == ["ada"]
    assert log == [f"people of ldap: {message}"]
    source.override = None
    directory.read_sources_again()
    assert len(directory.list_logins()) == len(MANY_PEOPLE) + 1
    source.override = [error]
    directory.read_sources_again()
    assert len(log) == 2  # logged again, because it worked in between


def test_a_hanging_read_is_abandoned(build: Build, log: list[str]) -> None:
    source = ScriptedSource(ADA)
    directory = build([], source)
    source.override = [*MANY_PEOPLE, Deferred()]
    directory.clock.advance(MIN_INTERVAL + 0.01)
    directory.run_pending_calls()
    directory.clock.advance(READ_TIMEOUT - 0.1)
    assert (source.closed, log) == (1, [])
    directory.clock.advance(0.2)
    assert (source.closed, log) == (2, [f"people of ldap: did not go on for {READ_TIMEOUT:g} seconds"])
    assert directory.list_logins() == ["ada"]
    source.override = None
    directory.clock.advance(READ_TIMEOUT * (MIN_PAUSE_FACTOR + 1))
    directory.run_pending_calls()
    assert source.reads == 3


def test_an_endless_read_is_abandoned(build: Build, log: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source_indexer, "MAX_PEOPLE", 300)
    source = ScriptedSource(ADA)
    directory = build([], source)
    source.override = [ADA] * 301
    directory.read_sources_again()
    assert directory.list_logins() == ["ada"]
    assert log == ["people of ldap: more than 300 people"]


class UncloseableSource(ScriptedSource):
    """A source whose generator does not close."""

    async def everyone(self) -> AsyncIterator[PartialPerson]:
        self.reads += 1
        try:
            yield ADA
            await Deferred()
        finally:
            self.closed += 1
            await Deferred()


def test_a_generator_that_does_not_close_is_abandoned(build: Build, log: list[str]) -> None:
    source = UncloseableSource(ADA)
    directory = build([Create("bob")], source)
    directory.clock.advance(READ_TIMEOUT)
    assert (source.closed, log) == (1, [])
    directory.clock.advance(READ_TIMEOUT)
    assert log == [f"people of ldap: did not go on for {READ_TIMEOUT:g} seconds"]
    assert directory.list_logins() == ["bob"]
    directory.clock.advance(READ_TIMEOUT * 2 * MIN_PAUSE_FACTOR)
    assert source.reads == 2
    directory.directory.stopService()
    directory.clock.advance(READ_TIMEOUT)
    assert source.closed == 2


INVALID_PEOPLE = [
    (None, "not a PartialPerson"),
    ({"login": "eve"}, "not a PartialPerson"),
    (PartialPerson(login="Eve"), "a login that is not canonical"),
    (PartialPerson(login="a b"), "a login that is not canonical"),
    (PartialPerson(login=""), "a login that is not canonical"),
    (PartialPerson(login=7), "Expected `str`, got `int` - at `$.login`"),  # type: ignore[arg-type]
    (PartialPerson(login="eve", name=7), "Expected `str`, got `int` - at `$.name`"),  # type: ignore[arg-type]
    (PartialPerson(login="eve", aliases=(None,)), "Expected `str`, got `null` - at `$.aliases[0]`"),  # type: ignore[arg-type]
    (PartialPerson(login="eve", visibility={"name": 9}), "Invalid enum value 9 - at `$.visibility[...]`"),  # type: ignore[dict-item]
    (PartialPerson(login="eve", office=object()), "Encoding objects of type object is unsupported"),  # type: ignore[arg-type]
    (ADA, "a login that was there before"),
]


@pytest.mark.parametrize(("invalid", "why"), INVALID_PEOPLE)
def test_invalid_people_are_skipped(build: Build, log: list[str], invalid: object, why: str) -> None:
    source = ScriptedSource(ADA, PartialPerson(login="zoe"))
    source.override = [ADA, invalid, invalid, PartialPerson(login="zoe")]
    directory = build([], source)
    for _ in range(2):
        assert directory.list_logins() == ["ada", "zoe"]
        directory.read_sources_again()
    assert log == [f"people of ldap: 2 of 4 skipped, first number 2: {why}"]


def test_a_name_with_a_lone_surrogate_is_skipped(build: Build, log: list[str]) -> None:
    source = ScriptedSource(ADA)
    source.override = [PartialPerson(login="eve", name="\udc80"), ADA]
    directory = build([], source)
    assert directory.list_logins() == ["ada"]
    assert log[0].startswith("people of ldap: 1 of 2 skipped, first number 1: ")


def test_everyone_without_a_generator_is_logged(build: Build, log: list[str]) -> None:
    source = ScriptedSource(ADA)
    source.everyone = lambda: [ADA]  # type: ignore[method-assign,assignment,return-value]
    assert build([Create("bob")], source).list_logins() == ["bob"]
    assert log == ["people of ldap: TypeError: 'async for' requires an object with __aiter__ method, got list"]


# batches


class CountingIndex:
    """An index that only counts the people added."""

    def __init__(self) -> None:
        self.count = self.finished = 0

    async def begin(self) -> None: ...

    async def add(self, people: Sequence[PartialPerson]) -> None:
        self.count += len(people)

    async def finish(self) -> None:
        self.finished += 1

    def stop(self) -> "Deferred[None]":
        done: Deferred[None] = Deferred()
        done.callback(None)
        return done

    def last(self, login: str) -> PartialPerson | None: ...

    async def find_logins(self, name: str, levels: NameVisibilityFilter) -> Sequence[str]:
        return []

    async def page(self, after: str, limit: int, levels: NameVisibilityFilter) -> Sequence[str]:
        return []

    async def logins_starting_with(self, beginning: str, limit: int, levels: NameVisibilityFilter) -> Sequence[str]:
        return []

    async def search(
        self, words: Sequence[str], after: int, limit: int, levels: NameVisibilityFilter
    ) -> Sequence[tuple[int, str]]:
        return []


class LargeSource(InMemorySource):
    """A source that records how many people are read in one reactor iteration."""

    in_iteration = max_in_iteration = 0

    async def everyone(self) -> AsyncIterator[PartialPerson]:
        for n in range(100_000):
            self.in_iteration += 1
            self.max_in_iteration = max(self.max_in_iteration, self.in_iteration)
            yield PartialPerson(login=f"p{n:05}", name="Ann")


def test_100000_people_are_read_in_batches() -> None:
    index, large = CountingIndex(), LargeSource(cache_ttl=HOUR)

    class CountingClock(Clock):
        count = 0

        def callLater(self, delay: float, *call: Any, **options: Any) -> Any:  # noqa: N802  # Twisted's name
            if delay == 0:
                large.in_iteration, self.count = 0, self.count + 1
            return super().callLater(delay, *call, **options)

    clock = CountingClock()
    indexer = SourceIndexer(large, index, clock)
    indexer.startService()
    assert index.count == BATCH_SIZE  # the start does not wait for the rest
    while not index.finished:
        clock.advance(0)
    assert (index.count, large.max_in_iteration, clock.count) == (100_000, BATCH_SIZE, 100_000 / BATCH_SIZE)
    assert len(clock.getDelayedCalls()) == 1
    indexer.stopService()
    assert not clock.getDelayedCalls()


def test_shutdown_interrupts_a_read(build: Build, log: list[str]) -> None:
    source = ScriptedSource()
    source.override = [*MANY_PEOPLE, Deferred()]
    directory = build([], source)
    (indexer,) = (each for each in directory.directory if isinstance(each, SourceIndexer))
    ended: list[object] = []
    indexer.stopService().addBoth(ended.append)
    assert (ended, source.closed, log) == ([None], 1, [])
    directory.clock.advance(READ_TIMEOUT * MIN_PAUSE_FACTOR)
    assert source.reads == 1
