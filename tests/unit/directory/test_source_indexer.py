"""People of another source in lists, searches and full names, as its sweeps find them; and sources that sweep badly."""

from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.logger import globalLogPublisher

from gateway.directory import source_indexer
from gateway.directory.answers import Ambiguous, Found, Listing, NotFound, Page, Unavailable
from gateway.directory.interfaces import Create, NameVisibilityFilter, Remove, SourceDown
from gateway.directory.person import Partial, Visibility
from gateway.directory.privacy import Policy
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


class Town(InMemorySource):
    """Another source, whose everyone() says *told*, where that is set: people, rubbish, waits and errors."""

    def __init__(self, *people: Partial, restricts: bool = False, cache_ttl: timedelta | None = timedelta()) -> None:
        super().__init__(*people, restricts=restricts, cache_ttl=cache_ttl)
        self.told: Sequence[Any] | None = None
        self.sweeps = 0
        self.closed = 0

    async def everyone(self) -> AsyncIterator[Partial]:
        self.sweeps += 1
        try:
            if self.down:
                raise SourceDown("the town is down")
            for each in list(self.people.values()) if self.told is None else self.told:
                if isinstance(each, Exception):
                    raise each
                if isinstance(each, Deferred):
                    await each
                else:
                    yield each
        finally:
            self.closed += 1


class Set:
    """A store of *own* people and the directory of it and *towns*, swept; everything is done when the clock moves."""

    def __init__(self, folder: Path, own: Sequence[Create], *towns: Town, policy: Policy | None = None) -> None:
        self.path, self.clock, self.towns = folder / "people.db", ReactorClock(), towns
        database.create(self.path)
        write_edits(self.path, own)
        self.store = sqlite_store.SQLiteStore(self.path, self.clock, readers=0)
        self.store.startService()
        self.directory = DirectoryService(self.store, towns, policy or Policy.preset(), self.clock)
        for town in towns:
            index = InMemoryIndex(self.clock, 0)
            self.directory.add_index(town, index)
            SourceIndexer(town, index, self.clock).setServiceParent(self.directory)
        self.directory.startService()
        self.turns()

    def turns(self) -> None:
        for _ in range(1000):
            self.clock.advance(0)

    def swept(self) -> None:
        """Lets all sources be read once more."""
        before = [town.sweeps for town in self.towns]
        self.clock.advance(MIN_INTERVAL + 0.01)
        self.turns()
        assert [town.sweeps for town in self.towns] == [count + 1 for count in before]

    def ask(self, asking: Any) -> Any:
        results: list[Any] = []
        Deferred.fromCoroutine(asking).addBoth(results.append)
        self.turns()
        assert results
        if hasattr(results[0], "raiseException"):
            results[0].raiseException()
        return results[0]

    def listed(self, words: str = "", viewer: Viewer = STRANGER, limit: int = 1000) -> list[str]:
        answer = self.ask(self.directory.list_people(words, viewer, Page(limit=limit)))
        assert isinstance(answer, Listing), answer
        return [profile.login for profile in answer.profiles]

    def found(self, name: str, viewer: Viewer = STRANGER) -> Any:
        """The login that *name* finds, or the answer that is none."""
        answer = self.ask(self.directory.lookup(name, viewer))
        return answer.profile.login if isinstance(answer, Found) else answer


Build = Callable[..., Set]


@pytest.fixture
def build(tmp_path: Path) -> Iterator[Build]:
    made: list[Set] = []

    def make(own: Sequence[Create], *towns: Town, **options: Any) -> Set:
        made.append(Set(tmp_path, own, *towns, **options))
        return made[-1]

    yield make
    for each in made:
        each.directory.stopService()
        each.store.stopService()


@pytest.fixture
def log() -> Iterator[list[str]]:
    said: list[str] = []

    def note(event: Any) -> None:
        if event.get("log_namespace", "").endswith(".source_indexer"):
            said.append(event["log_format"].format(**event))

    observer: Any = note
    globalLogPublisher.addObserver(observer)
    yield said
    globalLogPublisher.removeObserver(observer)


ADA = Partial(login="ada", name="Ada Lovelace", aliases=("countess",))


# found


def test_own_and_others_stand_in_one_order_and_on_all_pages(build: Build) -> None:
    own = [Create(f"p{n:02}") for n in range(0, 30, 3)]
    first = Town(*(Partial(login=f"p{n:02}") for n in range(1, 30, 3)))
    second = Town(*(Partial(login=f"p{n:02}") for n in range(29, 0, -3)))
    set_ = build(own, first, second)
    for limit in (1, 4, 50):
        seen, page = list[str](), Page(limit=limit)
        while True:
            listing = set_.ask(set_.directory.list_people("", STRANGER, page))
            seen += [profile.login for profile in listing.profiles]
            if listing.after is None:
                break
            page = Page(listing.after, limit)
        assert seen == [f"p{n:02}" for n in range(30)], limit


def test_they_are_found_by_all_names_and_searched(build: Build) -> None:
    set_ = build([Create("bob", {"name": "Bob Brown"})], Town(ADA, cache_ttl=HOUR))
    for name in ("ada", "Ada Lovelace", "lovelace", "countess", "ADA LOVELACE"):
        assert set_.found(name) == "ada", name
    for words in ("ad", "lovel", "count", "love ada", "Ada Lovelace"):
        assert set_.listed(words) == ["ada"], words
    assert set_.found("Bob Brown") == "bob"
    assert set_.listed("b") == ["bob"]


def test_namesakes_of_store_and_source_are_several(build: Build) -> None:
    set_ = build([Create("bob", {"name": "Bob Adams"})], Town(Partial(login="ann", name="Ann Adams")))
    answer = set_.found("Adams")
    assert isinstance(answer, Ambiguous)
    assert [profile.login for profile in answer.profiles] == ["ann", "bob"]


def test_who_is_in_both_is_one_person(build: Build) -> None:
    set_ = build([Create("ada", {"title": "Keeper"})], Town(ADA), Town(ADA))
    listing = set_.ask(set_.directory.list_people("", STRANGER, Page()))
    assert [(each.login, each.name, each.title) for each in listing.profiles] == [("ada", "Ada Lovelace", "Keeper")]
    assert set_.listed("ada") == ["ada"]
    assert set_.found("Lovelace") == "ada"


def test_a_search_goes_on_in_the_next_index_where_one_ends(build: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.directory.lists.BATCH_SIZE", 4)
    own = [Create(f"o{n}", {"name": f"Ann {n}"}) for n in range(6)]
    towns = [Town(*(Partial(login=f"{source}{n}", name=f"Ann {n}") for n in range(7))) for source in "tu"]
    set_ = build(own, *towns)
    assert sorted(set_.listed("ann")) == sorted(
        [*(f"o{n}" for n in range(6)), *(f"{source}{n}" for source in "tu" for n in range(7))]
    )


# who may see them


def test_each_is_judged_by_what_all_sources_say(build: Build) -> None:
    people = [
        Partial(login="hidden", name="Ann", visibility={"name": N}),
        Partial(login="inner", name="Ann", visibility={"name": M}),
        Partial(login="open", name="Ann"),
        Partial(login="ours", name="Ann"),
        Partial(login="theirs", name="Ann"),
        Partial(login="unlisted", name="Ann", listed=False),
    ]
    hides = Town(Partial(login="theirs", visibility={"name": N}), restricts=True)
    set_ = build([Create("ours", {}, {"name": N})], Town(*people), hides)
    for words in ("", "ann"):
        assert set_.listed(words) == ["open"], words
        assert set_.listed(words, MEMBER) == ["inner", "open"]
        assert set_.listed(words, ADMINISTRATOR) == ["hidden", "inner", "open", "ours", "theirs", "unlisted"]
    assert set_.found("Ann") == "open"
    for login in ("hidden", "inner", "ours", "theirs"):
        assert set_.found(login) == NotFound()
    assert set_.found("unlisted") == "unlisted"
    for login in ("hidden", "ours", "theirs"):
        assert isinstance(set_.found("Ann", as_self(login)), Ambiguous)


def test_a_name_that_stands_behind_another_one_finds_nobody(build: Build) -> None:
    """Who calls herself otherwise here than another source does is not found by that: it would tell the other name."""
    town = Town(Partial(login="ada", name="Robert Smith", aliases=("bobby",)))
    set_ = build([Create("ada", {"name": "Ada", "aliases": ("countess",)})], town)
    for name in ("Robert Smith", "smith", "bobby"):
        assert set_.found(name) == NotFound(), name
        assert set_.listed(name) == []
        assert set_.found(name, ADMINISTRATOR) == NotFound()
    assert set_.found("countess") == "ada"


def test_what_the_source_says_now_counts_and_not_what_was_swept(build: Build) -> None:
    town = Town(ADA, Partial(login="eve", name="Eve"))
    set_ = build([], town)
    town.people["ada"] = Partial(login="ada", name="Ada Lovelace", visibility={"name": N})
    town.people["eve"] = Partial(login="eve", name="Evelyn")
    assert set_.listed() == ["eve"]
    assert (set_.found("Lovelace"), set_.found("Eve")) == (NotFound(), "eve")
    assert set_.listed("ada") == []


# the next sweep


def test_who_came_is_there_and_who_went_is_gone_after_the_next_sweep(build: Build) -> None:
    town = Town(ADA, Partial(login="eve"))
    set_ = build([Create("bob")], town)
    assert set_.listed() == ["ada", "bob", "eve"]
    del town.people["ada"]
    town.people["zoe"] = Partial(login="zoe", name="Zoe")
    assert set_.listed() == ["bob", "eve"]  # who is gone is gone at once; who came is not known yet
    set_.swept()
    assert set_.listed() == ["bob", "eve", "zoe"]
    assert (set_.found("countess"), set_.listed("zo")) == (NotFound(), ["zoe"])
    write_edits(set_.path, [Remove("bob")])
    set_.clock.advance(file_watcher.POLL_INTERVAL)
    assert set_.listed() == ["eve", "zoe"]


@pytest.mark.parametrize(
    ("cache_ttl", "seconds"),
    [
        (timedelta(0), MIN_INTERVAL),
        (timedelta(seconds=5), 5.0),
        (HOUR, 3600.0),
        (None, DEFAULT_INTERVAL.total_seconds()),
    ],
)
def test_it_is_swept_as_often_as_its_answers_may_change(
    build: Build, cache_ttl: timedelta | None, seconds: float
) -> None:
    town = Town(ADA, cache_ttl=cache_ttl)
    set_ = build([], town)
    set_.clock.advance(seconds - 0.01)
    assert town.sweeps == 1
    set_.clock.advance(0.02)
    set_.turns()
    assert town.sweeps == 2


def test_what_takes_long_is_done_seldom(build: Build) -> None:
    town = Town()
    arrives: Deferred[None] = Deferred()
    town.told = [arrives, ADA]
    set_ = build([], town)
    set_.clock.advance(7)
    arrives.callback(None)
    set_.turns()
    assert set_.listed() == []  # nobody answers to the name
    town.told = None
    set_.clock.advance(7 * MIN_PAUSE_FACTOR - 0.1)
    assert town.sweeps == 1
    set_.clock.advance(0.2)
    assert town.sweeps == 2


# down


@pytest.mark.parametrize("restricts", [False, True])
def test_while_it_is_down_its_last_sweep_stands(build: Build, log: list[str], restricts: bool) -> None:
    hidden = Partial(login="eve", name="Eve", visibility={"name": N})
    town = Town(ADA, hidden, restricts=restricts)
    set_ = build([Create("bob")], town)
    town.down = True
    for _ in range(3):
        set_.swept()
    assert log == ["people of ldap: the town is down"]
    assert set_.found("ada") == "ada"
    for name in ("eve", "nobody", "Nobody At All", "Lovelace", "countess"):  # it may know of such a login by now
        assert set_.found(name) == Unavailable(), name
    if restricts:
        for name in ("bob", "Ada Lovelace"):  # it may hide him by now, and her namesake not
            assert set_.found(name) == Unavailable(), name
        assert set_.ask(set_.directory.list_people("", STRANGER, Page())) == Unavailable()
    else:
        assert set_.found("Ada Lovelace") == "ada"
        assert set_.listed() == ["ada", "bob"]
        assert set_.listed("lovel") == ["ada"]
    town.down = False
    set_.swept()
    assert set_.listed() == ["ada", "bob"]


def test_down_from_the_start_it_takes_nothing_from_the_others(build: Build, log: list[str]) -> None:
    town = Town(ADA)
    town.down = True
    set_ = build([Create("bob")], town)
    assert set_.listed() == ["bob"]
    town.down = False
    set_.swept()
    assert set_.listed() == ["ada", "bob"]
    assert log == ["people of ldap: the town is down"]


def test_R027_one_that_hangs_holds_up_a_list_once_and_not_for_each_of_its_people(build: Build) -> None:
    town = Town(*(Partial(login=f"p{n}") for n in range(20)))
    set_ = build([], town)
    town.requested_logins.clear()

    async def hangs(login: str) -> Partial | None:
        town.requested_logins.append(login)
        return await Deferred()

    town.get = hangs  # type: ignore[method-assign]
    results: list[Any] = []
    Deferred.fromCoroutine(set_.directory.list_people("", STRANGER, Page())).addBoth(results.append)
    assert not results
    set_.clock.advance(2.0)
    set_.turns()
    assert [profile.login for profile in results[0].profiles] == sorted(town.people)
    assert town.requested_logins == ["p0"]


# sources that sweep badly


CROWD = [Partial(login=f"p{n:03}", name=f"Ann {n}") for n in range(BATCH_SIZE * 2 + 7)]


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (SourceDown("gone"), "gone"),
        (KeyError("uid"), "KeyError: 'uid'"),
        (ConnectionResetError("reset"), "ConnectionResetError: reset"),
    ],
)
def test_one_that_raises_midway_changes_nothing(build: Build, log: list[str], error: Exception, told: str) -> None:
    town = Town(ADA)
    set_ = build([], town)
    town.people |= {person.login: person for person in CROWD}
    town.told = [*CROWD, error]
    for _ in range(2):
        set_.swept()
    assert set_.listed() == ["ada"]
    assert log == [f"people of ldap: {told}"]
    town.told = None
    set_.swept()
    assert len(set_.listed()) == len(CROWD) + 1
    town.told = [error]
    set_.swept()
    assert len(log) == 2  # it is told again, since it was well meanwhile


def test_one_that_never_goes_on_is_given_up(build: Build, log: list[str]) -> None:
    town = Town(ADA)
    set_ = build([], town)
    town.told = [*CROWD, Deferred()]
    set_.clock.advance(MIN_INTERVAL + 0.01)
    set_.turns()
    set_.clock.advance(READ_TIMEOUT - 0.1)
    assert (town.closed, log) == (1, [])
    set_.clock.advance(0.2)
    assert (town.closed, log) == (2, [f"people of ldap: did not go on for {READ_TIMEOUT:g} seconds"])
    assert set_.listed() == ["ada"]
    town.told = None
    set_.clock.advance(READ_TIMEOUT * (MIN_PAUSE_FACTOR + 1))
    set_.turns()
    assert town.sweeps == 3


def test_one_that_never_ends_is_given_up(build: Build, log: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source_indexer, "MAX_PEOPLE", 300)
    town = Town(ADA)
    set_ = build([], town)
    town.told = [ADA] * 301
    set_.swept()
    assert set_.listed() == ["ada"]
    assert log == ["people of ldap: more than 300 people"]


class Stubborn(Town):
    """Does not let itself be ended."""

    async def everyone(self) -> AsyncIterator[Partial]:
        self.sweeps += 1
        try:
            yield ADA
            await Deferred()
        finally:
            self.closed += 1
            await Deferred()


def test_one_that_does_not_even_end_is_given_up_twice(build: Build, log: list[str]) -> None:
    town = Stubborn(ADA)
    set_ = build([Create("bob")], town)
    set_.clock.advance(READ_TIMEOUT)
    assert (town.closed, log) == (1, [])
    set_.clock.advance(READ_TIMEOUT)
    assert log == [f"people of ldap: did not go on for {READ_TIMEOUT:g} seconds"]
    assert set_.listed() == ["bob"]
    set_.clock.advance(READ_TIMEOUT * 2 * MIN_PAUSE_FACTOR)
    assert town.sweeps == 2
    set_.directory.stopService()
    set_.clock.advance(READ_TIMEOUT)
    assert town.closed == 2


RUBBISH = [
    (None, "not a Partial"),
    ({"login": "eve"}, "not a Partial"),
    (Partial(login="Eve"), "a login that is not canonical"),
    (Partial(login="a b"), "a login that is not canonical"),
    (Partial(login=""), "a login that is not canonical"),
    (Partial(login=7), "Expected `str`, got `int` - at `$.login`"),  # type: ignore[arg-type]
    (Partial(login="eve", name=7), "Expected `str`, got `int` - at `$.name`"),  # type: ignore[arg-type]
    (Partial(login="eve", aliases=(None,)), "Expected `str`, got `null` - at `$.aliases[0]`"),  # type: ignore[arg-type]
    (Partial(login="eve", visibility={"name": 9}), "Invalid enum value 9 - at `$.visibility[...]`"),  # type: ignore[dict-item]
    (Partial(login="eve", office=object()), "Encoding objects of type object is unsupported"),  # type: ignore[arg-type]
    (ADA, "a login that was there before"),
]


@pytest.mark.parametrize(("rubbish", "why"), RUBBISH)
def test_what_is_no_person_is_passed_over(build: Build, log: list[str], rubbish: object, why: str) -> None:
    town = Town(ADA, Partial(login="zoe"))
    town.told = [ADA, rubbish, rubbish, Partial(login="zoe")]
    set_ = build([], town)
    for _ in range(2):
        assert set_.listed() == ["ada", "zoe"]
        set_.swept()
    assert log == [f"people of ldap: 2 of 4 skipped, first number 2: {why}"]


def test_a_name_with_half_a_character_is_passed_over(build: Build, log: list[str]) -> None:
    town = Town(ADA)
    town.told = [Partial(login="eve", name="\udc80"), ADA]
    set_ = build([], town)
    assert set_.listed() == ["ada"]
    assert log[0].startswith("people of ldap: 1 of 2 skipped, first number 1: ")


def test_everyone_that_is_no_generator_is_told_of(build: Build, log: list[str]) -> None:
    town = Town(ADA)
    town.everyone = lambda: [ADA]  # type: ignore[method-assign,assignment,return-value]
    assert build([Create("bob")], town).listed() == ["bob"]
    assert log == ["people of ldap: TypeError: 'async for' requires an object with __aiter__ method, got list"]


# turns


class Nowhere:
    """A Swept that only counts, and how much came in one turn."""

    def __init__(self) -> None:
        self.count = self.turn = self.most = self.ended = 0

    async def begin(self) -> None: ...

    async def add(self, people: Sequence[Partial]) -> None:
        self.count += len(people)

    async def finish(self) -> None:
        self.ended += 1

    def stop(self) -> "Deferred[None]":
        done: Deferred[None] = Deferred()
        done.callback(None)
        return done

    def last(self, login: str) -> Partial | None: ...

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


class Many(InMemorySource):
    """Notes how many are read between two turns."""

    turn = most = 0

    async def everyone(self) -> AsyncIterator[Partial]:
        for n in range(100_000):
            self.turn += 1
            self.most = max(self.most, self.turn)
            yield Partial(login=f"p{n:05}", name="Ann")


def test_100000_people_are_read_a_few_at_a_time() -> None:
    index, many = Nowhere(), Many(cache_ttl=HOUR)

    class Turns(Clock):
        count = 0

        def callLater(self, delay: float, *call: Any, **options: Any) -> Any:  # noqa: N802  # Twisted's name
            if delay == 0:
                many.turn, self.count = 0, self.count + 1
            return super().callLater(delay, *call, **options)

    clock = Turns()
    reading = SourceIndexer(many, index, clock)
    reading.startService()
    assert index.count == BATCH_SIZE  # nobody waits for the start
    while not index.ended:
        clock.advance(0)
    assert (index.count, many.most, clock.count) == (100_000, BATCH_SIZE, 100_000 / BATCH_SIZE)
    assert len(clock.getDelayedCalls()) == 1
    reading.stopService()
    assert not clock.getDelayedCalls()


def test_a_stop_ends_a_sweep_in_the_middle(build: Build, log: list[str]) -> None:
    town = Town()
    town.told = [*CROWD, Deferred()]
    set_ = build([], town)
    (reading,) = (each for each in set_.directory if isinstance(each, SourceIndexer))
    ended: list[object] = []
    reading.stopService().addBoth(ended.append)
    assert (ended, town.closed, log) == ([None], 1, [])
    set_.clock.advance(READ_TIMEOUT * MIN_PAUSE_FACTOR)
    assert town.sweeps == 1
