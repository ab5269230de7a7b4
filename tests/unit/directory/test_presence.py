"""Presence: reports of logins, last-seen times, and who may see them."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from twisted.logger import capturedLogs

from gateway.directory.interfaces import Create, Modify, Remove, Rename, SourceDown
from gateway.directory.person import Login, PartialPerson, Person, Visibility
from gateway.directory.presence import Presence
from gateway.directory.privacy import Audience, Policy, Preset, Profile, make_profile
from gateway.directory.results import Found, Listing, Page, Unavailable
from gateway.directory.service import DirectoryService
from gateway.directory.viewers import Viewer
from gateway.store import database, sqlite_store
from tests.unit.directory.doubles import ADMINISTRATOR, MEMBER, STRANGER, InMemoryStore, as_self, make_directory
from tests.unit.fixtures import GatewayHarness, make_dependencies, result_of
from tests.unit.store.waiting import wait_for

E, M, N = Visibility.EVERYONE, Visibility.MEMBERS, Visibility.NOBODY
NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
TTY = Login(terminal="tty1", origin="host.example", since=NOW - 2 * HOUR, active=NOW - HOUR)
BARE = Login(since=NOW - 2 * HOUR, active=NOW - HOUR)
IRC = Login(terminal="irc")
ALICE = {"login": "alice", "name": "Alice Adams"}
BOB = {"login": "bob", "name": "Bob Adams"}


@pytest.fixture
def built(tmp_path: Path) -> Iterator[GatewayHarness]:
    made = make_dependencies(tmp_path, people=(ALICE, BOB))
    yield made
    made.stop()


# reports


class PresenceRecorder:
    """A Presence that records its callbacks."""

    def __init__(self) -> None:
        self.changed: list[str] = []
        self.logged_out: list[list[str]] = []
        self.presence = Presence(self.changed.append, lambda logins: self.logged_out.append(sorted(logins)))

    def report(self, where: str, logins_by_name: Mapping[str, tuple[Login, ...]]) -> tuple[list[str], list[list[str]]]:
        self.changed.clear()
        self.logged_out.clear()
        self.presence.update(where, logins_by_name)
        return sorted(self.changed), list(self.logged_out)


def test_reports_of_several_sources_are_combined() -> None:
    recorder = PresenceRecorder()
    assert recorder.report("host", {"alice": (TTY,), "bob": (BARE,)}) == (["alice", "bob"], [])
    assert recorder.report("irc", {"alice": (IRC,)}) == (["alice"], [])
    assert recorder.presence.logins_of("alice") == (TTY, IRC)
    assert recorder.presence.logins_of("bob") == (BARE,)
    assert recorder.presence.logins_of("carol") == ()
    assert recorder.presence.logins_after("") == ["alice", "bob"]
    assert recorder.presence.logins_after("alice") == ["bob"]
    assert recorder.report("host", {"bob": (BARE,)}) == (["alice"], [])
    assert recorder.presence.logins_of("alice") == (IRC,)  # still online by another report
    assert recorder.report("irc", {}) == (["alice"], [["alice"]])
    assert recorder.presence.logins_of("alice") == ()
    assert recorder.presence.logins_after("") == ["bob"]


def test_unchanged_reports_cause_no_callback() -> None:
    recorder = PresenceRecorder()
    recorder.report("host", {"alice": (TTY,)})
    assert recorder.report("host", {"alice": (Login(**{n: getattr(TTY, n) for n in TTY.__struct_fields__}),)}) == (
        [],
        [],
    )
    assert recorder.report("host", {"alice": (TTY, TTY)}) == (["alice"], [])
    assert recorder.report("host", {"alice": (BARE,)}) == (["alice"], [])


def test_logins_in_reports_are_canonicalised() -> None:
    recorder = PresenceRecorder()
    recorder.report("host", {"ALICE": (TTY,), "alice": (BARE,), "no login": (TTY,), "a@b": (TTY,), "bob": ()})
    assert recorder.presence.logins_after("") == ["alice"]
    assert recorder.presence.logins_of("alice") == (TTY, BARE)


# in profiles


def profile(service: DirectoryService, login: str, viewer: Viewer) -> Profile:
    answer = result_of(service.lookup(login, viewer))
    assert isinstance(answer, Found), answer
    return answer.profile


def test_a_report_is_visible_in_the_next_lookup() -> None:
    service = make_directory(InMemoryStore(PartialPerson(login="alice"), PartialPerson(login="bob")))
    for viewer in (MEMBER, as_self("alice"), ADMINISTRATOR):
        assert (profile(service, "alice", viewer).online, profile(service, "alice", viewer).logins) == (False, ())
    service.presence.update("host", {"alice": (TTY,), "somebody-else": (TTY,)})
    assert profile(service, "alice", MEMBER).online is True
    assert profile(service, "alice", MEMBER).logins == (Login(since=NOW - 2 * HOUR, active=NOW - HOUR),)
    for viewer in (as_self("alice"), ADMINISTRATOR):
        assert profile(service, "alice", viewer).logins == (TTY,)
    assert profile(service, "bob", MEMBER).online is False
    stranger = profile(service, "alice", STRANGER)
    assert (stranger.online, stranger.logins, stranger.last_seen) == (None, (), None)
    service.presence.update("host", {})
    assert profile(service, "alice", MEMBER).online is False


def make_alice_profile(visibility: dict[str, Visibility], who: Audience, policy: Policy | None = None) -> Profile:
    person = Person(login="alice", visibility=visibility, logins=(TTY,), last_seen=NOW)
    alice_profile = make_profile(person, who, policy or Policy.preset(), NOW)
    assert alice_profile is not None
    return alice_profile


@pytest.mark.parametrize(
    ("visibility", "who", "login"),
    [
        ({}, Audience.EVERYONE, None),
        ({}, Audience.MEMBER, Login(since=TTY.since, active=TTY.active)),
        ({}, Audience.SELF, TTY),
        ({}, Audience.ADMINISTRATOR, TTY),
        ({"presence": E}, Audience.EVERYONE, Login(since=TTY.since, active=TTY.active)),  # idle follows presence
        ({"presence": E, "idle": M}, Audience.EVERYONE, Login(since=TTY.since)),
        ({"presence": E, "idle": M}, Audience.MEMBER, Login(since=TTY.since, active=TTY.active)),
        ({"idle": N}, Audience.MEMBER, Login(since=TTY.since)),
        ({"presence": N}, Audience.MEMBER, None),
        ({"presence": N, "idle": E, "terminal": E, "origin": E}, Audience.MEMBER, None),  # hidden with presence
        ({"terminal": M}, Audience.MEMBER, Login(terminal="tty1", since=TTY.since, active=TTY.active)),
        ({"origin": M}, Audience.MEMBER, Login(origin="host.example", since=TTY.since, active=TTY.active)),
        ({"terminal": E, "origin": E}, Audience.EVERYONE, None),
    ],
)
def test_who_sees_which_part_of_a_login(visibility: dict[str, Visibility], who: Audience, login: Login | None) -> None:
    alice_profile = make_alice_profile(visibility, who)
    assert alice_profile.logins == (() if login is None else (login,))
    assert alice_profile.online is (None if login is None else True)


@pytest.mark.parametrize("preset", ["B", "C"])
def test_presets_B_and_C_hide_presence_from_strangers(preset: Preset) -> None:
    chosen = dict.fromkeys(("presence", "idle", "terminal", "origin", "last_seen"), E)
    alice_profile = make_alice_profile(chosen, Audience.EVERYONE, Policy.preset(preset))
    assert (alice_profile.online, alice_profile.logins, alice_profile.last_seen) == (None, (), None)


def test_preset_A_shows_presence_and_idle_time_to_strangers() -> None:
    alice_profile = make_alice_profile({}, Audience.EVERYONE, Policy.preset("A"))
    assert alice_profile.logins == (Login(since=TTY.since, active=TTY.active),)
    assert (alice_profile.online, alice_profile.last_seen) == (True, NOW)
    chosen = make_alice_profile({"terminal": E, "origin": E}, Audience.EVERYONE, Policy.preset("A"))
    assert chosen.logins == alice_profile.logins


def test_last_seen_is_hidden_by_default() -> None:
    assert [make_alice_profile({}, who).last_seen for who in Audience] == [None, None, NOW, NOW]
    assert make_alice_profile({"last_seen": M}, Audience.MEMBER).last_seen == NOW
    assert make_alice_profile({"last_seen": M}, Audience.EVERYONE).last_seen is None


# the list


def online(service: DirectoryService, viewer: Viewer, page: Page | None = None) -> Listing:
    listing = result_of(service.list_online(viewer, page or Page()))
    assert isinstance(listing, Listing)
    return listing


def names(listing: Listing) -> list[str]:
    return [each.login for each in listing.profiles]


def test_the_online_list_contains_those_who_show_their_presence() -> None:
    people = (
        PartialPerson(login="a"),
        PartialPerson(login="b", visibility={"presence": E}),
        PartialPerson(login="c", visibility={"presence": N}),
        PartialPerson(login="d", visibility={"name": N, "presence": E}),
        PartialPerson(login="e", listed=False),
        PartialPerson(login="f", visibility={"name": M, "presence": E}),
        PartialPerson(login="off", visibility={"presence": E}),
    )
    service = make_directory(InMemoryStore(*people))
    service.presence.update("host", dict.fromkeys(("a", "b", "c", "d", "e", "f", "nobody", "x y"), (TTY,)))
    assert names(online(service, STRANGER)) == ["b"]
    assert names(online(service, MEMBER)) == ["a", "b", "f"]
    assert names(online(service, as_self("c"))) == ["a", "b", "c", "f"]
    assert names(online(service, as_self("e"))) == ["a", "b", "f"]  # unlisted people do not see themselves in lists
    assert names(online(service, ADMINISTRATOR)) == ["a", "b", "c", "d", "e", "f"]


def test_W146_the_online_list_has_pages() -> None:
    service = make_directory(InMemoryStore(*(PartialPerson(login=f"p{n}") for n in range(9))))
    service.presence.update("host", {f"p{n}": (TTY,) for n in range(9)})
    first = online(service, MEMBER, Page(limit=3))
    assert names(first) == ["p0", "p1", "p2"]
    service.presence.update("host", {f"p{n}": (TTY,) for n in (0, 1, 4, 5, 6, 7)})
    second = online(service, MEMBER, Page(first.after, 3))
    assert names(second) == ["p4", "p5", "p6"]
    last = online(service, MEMBER, Page(second.after, 3))
    assert (names(last), last.after) == (["p7"], None)


def test_the_online_list_is_unavailable_while_the_store_is_down() -> None:
    store = InMemoryStore(PartialPerson(login="alice"))
    service = make_directory(store)
    service.presence.update("host", {"alice": (TTY,)})
    store.down = True
    assert result_of(service.list_online(MEMBER, Page())) == Unavailable()


# last seen


def seen_rows(built: GatewayHarness) -> list[tuple[str, str]]:
    connection = database.connect(built.database_path, "ro", 1.0)
    try:
        return connection.execute("SELECT login, at FROM seen ORDER BY login").fetchall()
    finally:
        connection.close()


def wait_for_writer(built: GatewayHarness) -> None:
    """Wait until the writer thread has written everything."""
    wait_for(built.store.writer.thread.run(lambda: None))


def restart(built: GatewayHarness) -> DirectoryService:
    """Start another directory on the same database."""
    store = sqlite_store.SQLiteStore(built.database_path, built.clock, readers=0)
    store.startService()
    service = DirectoryService(store, (), Policy.preset(), built.clock)
    service.startService()
    store.watcher._polling.stop()
    return service


def log_in_and_out(built: GatewayHarness, *logins: str) -> datetime:
    """Let *logins* log in and out; return the time of it."""
    service = built.deps.directory
    at = datetime.now(UTC)
    service._now = lambda: at
    service.presence.update("host", dict.fromkeys(logins, (TTY,)))
    service.presence.update("host", {})
    wait_for_writer(built)
    return at


def test_last_seen_survives_a_restart(built: GatewayHarness) -> None:
    assert profile(built.deps.directory, "alice", ADMINISTRATOR).last_seen is None
    at = log_in_and_out(built, "alice", "somebody-of-this-machine")
    assert profile(built.deps.directory, "alice", ADMINISTRATOR).last_seen == at
    assert seen_rows(built) == [("alice", at.isoformat())]  # only people of the directory
    again = restart(built)
    assert profile(again, "alice", ADMINISTRATOR).last_seen == at
    assert profile(again, "bob", ADMINISTRATOR).last_seen is None


def test_shutdown_saves_last_seen_of_people_online(built: GatewayHarness) -> None:
    service = built.deps.directory
    service.presence.update("host", {"alice": (TTY,)})
    assert seen_rows(built) == []
    stopping = service.stopService()
    wait_for(stopping)
    assert [login for login, _ in seen_rows(built)] == ["alice"]


def test_last_seen_is_removed_with_the_person(built: GatewayHarness) -> None:
    log_in_and_out(built, "alice", "bob")
    wait_for(built.deps.directory.edit("alice", Remove(""), ADMINISTRATOR))
    assert [login for login, _ in seen_rows(built)] == ["bob"]
    built.change(Create("alice"))
    built.poll_store()
    assert profile(built.deps.directory, "alice", ADMINISTRATOR).last_seen is None
    assert profile(restart(built), "alice", ADMINISTRATOR).last_seen is None


def test_last_seen_moves_with_a_rename(built: GatewayHarness) -> None:
    at = log_in_and_out(built, "alice")
    wait_for(built.deps.directory.edit("alice", Rename("", "alicia"), ADMINISTRATOR))
    assert profile(built.deps.directory, "alicia", ADMINISTRATOR).last_seen == at
    assert profile(restart(built), "alicia", ADMINISTRATOR).last_seen == at
    built.change(Rename("alicia", "aly"))  # in another process
    built.poll_store()
    assert profile(built.deps.directory, "aly", ADMINISTRATOR).last_seen == at


def test_a_failure_to_save_last_seen_is_only_logged(built: GatewayHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    async def save_last_seen(at: Any) -> None:
        raise SourceDown("the disk is full")

    monkeypatch.setattr(built.store, "save_last_seen", save_last_seen)
    with capturedLogs() as logs:
        log_in_and_out(built, "alice")
    assert [(each["log_level"].name, each.get("why")) for each in logs] == [("warn", "the disk is full")]
    assert (
        profile(built.deps.directory, "alice", ADMINISTRATOR).last_seen is not None
    )  # in memory until the process ends


def test_presence_survives_an_edit(built: GatewayHarness) -> None:
    built.deps.directory.presence.update("host", {"alice": (TTY,)})
    assert profile(built.deps.directory, "alice", MEMBER).online
    wait_for(built.deps.directory.edit("alice", Modify("", {"title": "x"}), ADMINISTRATOR))
    after = profile(built.deps.directory, "alice", MEMBER)
    assert (after.title, after.online) == ("x", True)
