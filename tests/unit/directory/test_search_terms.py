"""Which profiles match a search, and that the index of the store finds all of them."""

import sqlite3
import unicodedata
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.directory.interfaces import Create
from gateway.directory.names import canonical_login_or_none, fold_name
from gateway.directory.person import PartialPerson, Visibility
from gateway.directory.privacy import Audience, Policy, Profile, audience_for, audience_for_others, make_profile
from gateway.directory.results import Listing, Page
from gateway.directory.search_terms import MAX_WORDS, query_words, rank, split_words
from gateway.directory.service import DirectoryService
from gateway.directory.source_chain import merge_partials
from gateway.directory.viewers import Viewer
from gateway.store import database, sqlite_store
from gateway.store.search_keys import CREATE_WORDS
from tests.unit.directory.doubles import ADMINISTRATOR, MEMBER, STRANGER, as_self
from tests.unit.fixtures import ReactorClock, result_of, write_edits

E, M, N = Visibility.EVERYONE, Visibility.MEMBERS, Visibility.NOBODY
NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Alice Adams", ("alice", "adams")),
        ("Žofie ČERNÁ", ("zofie", "cerna")),
        ("Straße", ("strasse",)),
        ("STRASSE", ("strasse",)),
        ("O'Brien-Smith", ("o", "brien", "smith")),
        ("mary.jane_doe+x", ("mary", "jane", "doe", "x")),
        ("王小明", ("王小明",)),
        ("हिन्दी नाम", ("हिनदी", "नाम")),  # vowel signs are kept, so that names do not lose their vowels
        ("ﬁnn ①", ("finn", "1")),
        ("İstanbul", ("istanbul",)),
        ("Ὀδυσσεύς", ("οδυσσευσ",)),
        ("  ", ()),
        ("★ - !", ()),
        ("a\x00b\x1bc", ("a", "b", "c")),
        ("", ()),
    ],
)
def test_split_words(text: str, expected: tuple[str, ...]) -> None:
    assert split_words(text) == expected


def test_query_words_are_unique_and_limited() -> None:
    assert query_words("b a b A c") == ("b", "a", "c")
    assert len(query_words(" ".join(f"w{n}" for n in range(99)))) == MAX_WORDS == 8


def profile(login: str, name: str = "", **more: Any) -> Profile:
    who = more.pop("who", Audience.EVERYONE)
    person = PartialPerson(login=login, name=name, **more)
    search_pages = merge_partials([person])
    assert search_pages is not None
    shown = make_profile(search_pages, who, Policy.preset(), NOW)
    assert shown is not None
    return shown


ALICE = profile("alice", "Alice Éva Adams-Straße", aliases=("ally", "queen.of.tea"))


@pytest.mark.parametrize(
    ("query", "expected_rank"),
    [
        ("alice", 0),
        ("ALICE", 0),
        ("alice eva adams-strasse", 0),
        ("  Alice  ÉVA Adams-STRASSE ", 0),
        ("ali", 1),
        ("alice e", 2),
        ("Alice Éva Adams", 2),
        ("adams", 3),
        ("ADA", 3),
        ("strasse", 3),
        ("straß", 3),
        ("eva ali", 3),
        ("ally", 3),
        ("tea", 3),
        ("ad all str", 3),
        ("lice", None),  # a search word matches the start of a word
        ("dams", None),
        ("alice bob", None),  # all words must match
        ("x", None),
        ("-", None),
        ("\u0301", None),
        ("", None),
    ],
)
def test_W023_rank_of_a_profile(query: str, expected_rank: int | None) -> None:
    assert rank(ALICE, query, query_words(query)) == expected_rank


def test_W023_aliases_are_searched_only_where_visible() -> None:
    for who, expected_rank in (
        (Audience.EVERYONE, None),
        (Audience.MEMBER, None),
        (Audience.SELF, 3),
        (Audience.ADMINISTRATOR, 3),
    ):
        hidden = profile("alice", "Alice", aliases=("ally",), visibility={"aliases": N}, who=who)
        assert rank(hidden, "ally", query_words("ally")) == expected_rank


def test_W023_other_fields_are_not_searched() -> None:
    """Phone, office, e-mail, title, plan and former logins are not searched, even for administrators."""
    full = profile(
        "alice", "Alice", office="B12", office_phone="555", home_phone="556", email="kettle@dir.test", title="Keeper",
        plan="Tea", project="Pot", organisation="Club", former=("al1ce",), who=Audience.ADMINISTRATOR,
    )  # fmt: skip
    for query in ("B12", "555", "556", "kettle", "dir.test", "keeper", "tea", "pot", "club", "al1ce"):
        assert rank(full, query, query_words(query)) is None, query


def test_a_login_with_accents_is_found_without_them() -> None:
    jose = profile("josé", "")
    assert [rank(jose, query, query_words(query)) for query in ("jose", "josé", "jos", "JOSÉ")] == [0, 0, 1, 0]


# the index


@pytest.fixture(scope="module")
def index() -> sqlite3.Connection:
    connection = sqlite3.connect(":memory:")
    connection.execute(CREATE_WORDS)
    return connection


@pytest.mark.usefixtures("untraced")
def test_the_index_splits_words_as_we_do(index: sqlite3.Connection) -> None:
    """For every Unicode character, one of our words is one token of SQLite, whose Unicode tables may be older.

    A word with two tokens would be a phrase query, which an index without positions rejects.
    """
    characters = [chr(code) for code in range(0x20, 0x110000) if not 0xD800 <= code <= 0xDFFF]
    words = sorted({word for c in characters for word in split_words(f"a{c}z")})
    rows = [(number, word) for number, word in enumerate(words, 1)]
    index.execute("BEGIN")
    index.executemany("INSERT INTO words(rowid, text) VALUES (?, ?)", rows)
    rejected = []
    for number, word in rows:
        try:
            found = index.execute("SELECT rowid FROM words WHERE words MATCH ? AND rowid = ?", (f'"{word}" *', number))
            if not found.fetchone():
                rejected.append(word)
        except sqlite3.Error:
            rejected.append(word)
    index.execute("ROLLBACK")
    assert [f"{word[1:-1]!a} {unicodedata.category(word[1:2])}" for word in rejected] == []


PIECES = (
    "a", "al", "alice", "ann", "adams", "ad", "bob", "Ž", "ž", "é", "ss", "ß", "王", "王小", "हि", "न्", "-", ".", "_", "'", " ",
    " ", "İ", "1", "x", "\u0301", "★", "ς", "Σ", "ﬁ",
)  # fmt: skip
texts = st.lists(st.sampled_from(PIECES), max_size=6).map("".join)
logins = texts.map(lambda text: canonical_login_or_none(text) or "").filter(bool)
queries = texts | st.text(max_size=4)


@st.composite
def groups_of_people(draw: st.DrawFn) -> list[PartialPerson]:
    people: dict[str, PartialPerson] = {}
    taken: set[str] = set()
    for login in draw(st.lists(logins, min_size=3, max_size=9, unique=True)):
        alias = draw(st.none() | logins)
        visibility = {}
        for field in ("name", "aliases"):
            level = draw(st.sampled_from([None, None, E, M, N]))
            if level is not None:
                visibility[field] = level
        names = {fold_name(each) for each in (login, alias) if each}
        if names & taken:
            continue
        taken |= names
        people[login] = PartialPerson(
            login=login, name=draw(texts), aliases=(alias,) if alias else (), visibility=visibility,
            listed=draw(st.booleans()),
        )  # fmt: skip
    return list(people.values())


def search_all(people: Sequence[PartialPerson], query: str, viewer: Viewer, policy: Policy) -> list[str]:
    """Search without an index: check every person."""
    matches = []
    for partial in people:
        person = merge_partials([partial])
        assert person is not None
        who = audience_for(viewer, person)
        shown = make_profile(person, who, policy, NOW)
        if shown is None or not (person.listed or who is Audience.ADMINISTRATOR):
            continue
        if make_profile(person, audience_for_others(viewer), policy, NOW) is None:
            continue  # people hidden from others are not in lists, not even in their own
        expected_rank = rank(shown, query, query_words(query))
        if expected_rank is not None:
            matches.append((expected_rank, person.login))
    return [login for _, login in sorted(matches)]


@settings(max_examples=30, deadline=None)
@given(groups_of_people(), queries, st.sampled_from([None, E, M, N]), st.sampled_from([E, M, N]), st.integers(1, 5))
def test_W023_the_index_finds_every_match(
    people: list[PartialPerson], query: str, default: Visibility | None, limit: Visibility, size: int
) -> None:
    """For every kind of viewer, a search in the database gives the same as a check of every person."""
    policy = Policy.preset("open", {} if default is None else {"name": default}, {"name": limit})
    with TemporaryDirectory() as folder:
        path = Path(folder) / "people.db"
        database.create(path)
        write_edits(
            path,
            [
                Create(each.login, {"name": each.name, "aliases": each.aliases}, each.visibility, each.listed)
                for each in people
            ],
        )
        clock = ReactorClock()
        store = sqlite_store.SQLiteStore(path, clock, readers=0)
        store.startService()
        service = DirectoryService(store, (), policy, clock)
        service.startService()
        try:
            search_queries = {query, *(each.name for each in people[:2]), *(each.login[:2] for each in people[:2])}
            for viewer in (STRANGER, MEMBER, ADMINISTRATOR, *(as_self(each.login) for each in people[:2])):
                for search_words in search_queries:
                    if search_words.strip():
                        assert search_pages(service, search_words, viewer, size) == search_all(
                            people, search_words, viewer, policy
                        ), search_words
        finally:
            store.watcher._polling.stop()
            assert store.reader.connection is not None
            store.reader.connection.close()


def search_pages(service: DirectoryService, query: str, viewer: Viewer, size: int) -> list[str]:
    logins_seen: list[str] = []
    page = Page(limit=size)
    while True:
        listing = result_of(service.list_people(query, viewer, page))
        assert isinstance(listing, Listing)
        logins_seen += [each.login for each in listing.profiles]
        if listing.after is None:
            return logins_seen
        page = Page(listing.after, size)
