"""What a search takes for a match, and that the index of the store finds all of it."""

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

from gateway.directory.answers import Listing, Page
from gateway.directory.interfaces import Create
from gateway.directory.names import canonical_login_or_none, fold_name
from gateway.directory.person import Partial, Visibility
from gateway.directory.privacy import Audience, Policy, Profile, audience_for, audience_for_others, make_profile
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
        ("हिन्दी नाम", ("हिनदी", "नाम")),  # the vowel signs stay, or all names were consonants
        ("ﬁnn ①", ("finn", "1")),
        ("İstanbul", ("istanbul",)),
        ("Ὀδυσσεύς", ("οδυσσευσ",)),
        ("  ", ()),
        ("★ - !", ()),
        ("a\x00b\x1bc", ("a", "b", "c")),
        ("", ()),
    ],
)
def test_words(text: str, expected: tuple[str, ...]) -> None:
    assert split_words(text) == expected


def test_a_query_has_so_many_words_and_each_once() -> None:
    assert query_words("b a b A c") == ("b", "a", "c")
    assert len(query_words(" ".join(f"w{n}" for n in range(99)))) == MAX_WORDS == 8


def profile(login: str, name: str = "", **more: Any) -> Profile:
    who = more.pop("who", Audience.EVERYONE)
    person = Partial(login=login, name=name, **more)
    whole = merge_partials([person])
    assert whole is not None
    shown = make_profile(whole, who, Policy.preset(), NOW)
    assert shown is not None
    return shown


ALICE = profile("alice", "Alice Éva Adams-Straße", aliases=("ally", "queen.of.tea"))


@pytest.mark.parametrize(
    ("query", "near"),
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
        ("lice", None),  # a word has to begin so
        ("dams", None),
        ("alice bob", None),  # each word
        ("x", None),
        ("-", None),
        ("\u0301", None),
        ("", None),
    ],
)
def test_W023_how_near_a_profile_comes(query: str, near: int | None) -> None:
    assert rank(ALICE, query, query_words(query)) == near


def test_W023_an_alias_is_searched_where_it_is_shown() -> None:
    for who, near in (
        (Audience.EVERYONE, None),
        (Audience.MEMBER, None),
        (Audience.SELF, 3),
        (Audience.ADMINISTRATOR, 3),
    ):
        hidden = profile("alice", "Alice", aliases=("ally",), visibility={"aliases": N}, who=who)
        assert rank(hidden, "ally", query_words("ally")) == near


def test_W023_nothing_else_is_searched() -> None:
    """No oracle: phone, office, mail, title, plan and former logins are not looked at, even for administrators."""
    full = profile(
        "alice", "Alice", office="B12", office_phone="555", home_phone="556", email="kettle@dir.test", title="Keeper",
        plan="Tea", project="Pot", organisation="Club", former=("al1ce",), who=Audience.ADMINISTRATOR,
    )  # fmt: skip
    for query in ("B12", "555", "556", "kettle", "dir.test", "keeper", "tea", "pot", "club", "al1ce"):
        assert rank(full, query, query_words(query)) is None, query


def test_a_login_with_marks_is_found_without() -> None:
    jose = profile("josé", "")
    assert [rank(jose, query, query_words(query)) for query in ("jose", "josé", "jos", "JOSÉ")] == [0, 0, 1, 0]


# the index


@pytest.fixture(scope="module")
def index() -> sqlite3.Connection:
    connection = sqlite3.connect(":memory:")
    connection.execute(CREATE_WORDS)
    return connection


@pytest.mark.usefixtures("untraced")
def test_the_index_cuts_words_where_we_do(index: sqlite3.Connection) -> None:
    """For each character that there is: what is a word for us is one token of SQLite's, whose tables may be older. A
    word that it cuts in two were a phrase, which an index without positions refuses to look for."""
    every = [chr(code) for code in range(0x20, 0x110000) if not 0xD800 <= code <= 0xDFFF]
    kept = sorted({word for c in every for word in split_words(f"a{c}z")})
    rows = [(number, word) for number, word in enumerate(kept, 1)]
    index.execute("BEGIN")
    index.executemany("INSERT INTO words(rowid, text) VALUES (?, ?)", rows)
    refused = []
    for number, word in rows:
        try:
            found = index.execute("SELECT rowid FROM words WHERE words MATCH ? AND rowid = ?", (f'"{word}" *', number))
            if not found.fetchone():
                refused.append(word)
        except sqlite3.Error:
            refused.append(word)
    index.execute("ROLLBACK")
    assert [f"{word[1:-1]!a} {unicodedata.category(word[1:2])}" for word in refused] == []


PIECES = (
    "a", "al", "alice", "ann", "adams", "ad", "bob", "Ž", "ž", "é", "ss", "ß", "王", "王小", "हि", "न्", "-", ".", "_", "'", " ",
    " ", "İ", "1", "x", "\u0301", "★", "ς", "Σ", "ﬁ",
)  # fmt: skip
texts = st.lists(st.sampled_from(PIECES), max_size=6).map("".join)
logins = texts.map(lambda text: canonical_login_or_none(text) or "").filter(bool)
queries = texts | st.text(max_size=4)


@st.composite
def crowds(draw: st.DrawFn) -> list[Partial]:
    people: dict[str, Partial] = {}
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
        people[login] = Partial(
            login=login, name=draw(texts), aliases=(alias,) if alias else (), visibility=visibility,
            listed=draw(st.booleans()),
        )  # fmt: skip
    return list(people.values())


def brute(people: Sequence[Partial], query: str, viewer: Viewer, policy: Policy) -> list[str]:
    """All of a search, without any index."""
    hits = []
    for partial in people:
        person = merge_partials([partial])
        assert person is not None
        who = audience_for(viewer, person)
        shown = make_profile(person, who, policy, NOW)
        if shown is None or not (person.listed or who is Audience.ADMINISTRATOR):
            continue
        if make_profile(person, audience_for_others(viewer), policy, NOW) is None:
            continue  # one who is hidden from the others of their kind stands in no list, not even their own
        near = rank(shown, query, query_words(query))
        if near is not None:
            hits.append((near, person.login))
    return [login for _, login in sorted(hits)]


@settings(max_examples=30, deadline=None)
@given(crowds(), queries, st.sampled_from([None, E, M, N]), st.sampled_from([E, M, N]), st.integers(1, 5))
def test_W023_the_index_finds_all_that_is_a_match(
    people: list[Partial], query: str, default: Visibility | None, limit: Visibility, size: int
) -> None:
    """A search over the real tables gives what a look at everybody gives, for every kind of viewer."""
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
            asked = {query, *(each.name for each in people[:2]), *(each.login[:2] for each in people[:2])}
            for viewer in (STRANGER, MEMBER, ADMINISTRATOR, *(as_self(each.login) for each in people[:2])):
                for words_ in asked:
                    if words_.strip():
                        assert whole(service, words_, viewer, size) == brute(people, words_, viewer, policy), words_
        finally:
            store.watcher._polling.stop()
            assert store.reader.connection is not None
            store.reader.connection.close()


def whole(service: DirectoryService, query: str, viewer: Viewer, size: int) -> list[str]:
    seen: list[str] = []
    page = Page(limit=size)
    while True:
        listing = result_of(service.list_people(query, viewer, page))
        assert isinstance(listing, Listing)
        seen += [each.login for each in listing.profiles]
        if listing.after is None:
            return seen
        page = Page(listing.after, size)
