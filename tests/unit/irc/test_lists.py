"""Lists on IRC: who is online, searches, suggestions."""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from gateway.directory.person import Login
from gateway.directory.results import UNAVAILABLE
from gateway.irc.suggestions import find_similar_names
from tests.unit.fixtures import PEOPLE, make_dependencies, result_of
from tests.unit.irc.server import BotHarness, ServerConnection, messages_to

ALL = dict.fromkeys(("presence", "terminal", "origin", "idle", "last_seen"), "everyone")
ANN: dict[str, Any] = {"login": "ann", "name": "Ann Able", "title": "Keeper of the kettle", "visibility": ALL}
BEN: dict[str, Any] = {"login": "ben", "name": "Ben Able", "visibility": {"presence": "everyone", "idle": "nobody"}}
CLEO: dict[str, Any] = {"login": "cleo", "name": "Cleo Clay"}
DAN: dict[str, Any] = {"login": "dan", "name": "Dan Able", "hidden": True, "visibility": ALL}
EVE: dict[str, Any] = {"login": "eve", "name": "Eve Able", "listed": False, "visibility": ALL}
SOME = (ANN, BEN, CLEO, DAN, EVE)
MANY: tuple[dict[str, Any], ...] = tuple(
    {"login": f"lee{n:02}", "name": f"Lee {n}", "visibility": ALL} for n in range(12)
)


def at(hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 11, 23, hour, minute, tzinfo=UTC)


SESSIONS: dict[str, Any] = {each["login"]: [Login("pts/0", "tea.example", at(10), at(17, 59))] for each in SOME}


def make_bot(
    folder: Path, people: Any = SOME, sessions: Mapping[str, Any] = SESSIONS
) -> tuple[BotHarness, ServerConnection]:
    harness = BotHarness(folder, {"people": people})
    harness.built.deps.directory.presence.update("test", sessions)
    return harness, harness.sign_on()


@pytest.mark.parametrize("text", ["who", "online", "WHO", "!who", "who is there"])
def test_I046_lists_who_is_online(tmp_path: Path, text: str) -> None:
    harness, irc = make_bot(tmp_path)
    assert messages_to(irc.ask(text)) == [
        "Online now:",
        "  ann (Ann Able), since 2026-11-23 10:00 UTC on pts/0 from tea.example, active 17:59 UTC",
        "  ben (Ben Able), since 2026-11-23 10:00 UTC",
    ]
    (entry,) = harness.log_entries
    assert (entry["verb"], entry["outcome"]) == ("list", "listed")


@pytest.mark.parametrize("text", ["!who", "!online", "fingerbot: who"])
def test_I046_lists_who_is_online_in_one_channel_line(tmp_path: Path, text: str) -> None:
    _, irc = make_bot(tmp_path)
    assert messages_to(irc.ask(text, to="#tea"), "#tea") == ["bob: Online now: ann (Ann Able), ben (Ben Able)"]


def test_I046_nobody_is_online(tmp_path: Path) -> None:
    _, irc = make_bot(tmp_path, sessions={each: SESSIONS[each] for each in ("cleo", "dan", "eve")})
    assert messages_to(irc.ask("who")) == ["nobody is online"]
    assert messages_to(irc.ask("!who", to="#tea"), "#tea") == ["bob: nobody is online"]


def test_I046_ends_a_long_list_with_the_web_address(tmp_path: Path) -> None:
    _, irc = make_bot(tmp_path, MANY, {each["login"]: [Login()] for each in MANY})
    answer = messages_to(irc.ask("who"))
    assert answer[:2] == ["Online now:", "  lee00 (Lee 0), now"]
    assert answer[-2:] == ["  lee09 (Lee 9), now", "and more: https://dir.test/online"]
    assert len(answer) == 12
    five = ", ".join(f"lee{n:02} (Lee {n})" for n in range(5))
    assert messages_to(irc.ask("!who", to="#tea"), "#tea") == [
        f"bob: Online now: {five}, and more: https://dir.test/online"
    ]  # fmt: skip
    answer = messages_to(irc.ask("search lee"))
    assert (len(answer), answer[0], answer[-1]) == (
        12,
        "People who match lee:",
        "and more: https://dir.test/users?q=lee",
    )
    assert messages_to(irc.ask("!search lee", to="#tea"), "#tea") == [
        f"bob: People who match lee: {five}, and more: https://dir.test/users?q=lee"
    ]


def test_I046_search(tmp_path: Path) -> None:
    harness, irc = make_bot(tmp_path)
    assert messages_to(irc.ask("search able")) == [
        "People who match able:",
        "  ann (Ann Able), Keeper of the kettle",
        "  ben (Ben Able)",
    ]
    assert messages_to(irc.ask("!search able", to="#tea"), "#tea") == [
        "bob: People who match able: ann (Ann Able), ben (Ben Able)"
    ]
    assert messages_to(irc.ask("search AB an")) == [
        "People who match AB an:",
        "  ann (Ann Able), Keeper of the kettle",
    ]
    assert messages_to(irc.ask("search dan")) == ["nobody matches dan"]
    assert messages_to(irc.ask("search nobody")) == ["nobody matches nobody"]
    assert messages_to(irc.ask("search")) == ["usage: search WORDS"]
    assert [(each["verb"], each["outcome"]) for each in harness.log_entries][-2:] == [
        ("search", "listed"), ("search", "invalid"),
    ]  # fmt: skip


@pytest.mark.parametrize(("text", "method"), [("who", "list_online"), ("search able", "list_people")])
def test_answers_a_list_unavailable_if_the_directory_is_down(
    tmp_path: Path, text: str, method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    harness, irc = make_bot(tmp_path)

    async def down(*_: Any) -> Any:
        return UNAVAILABLE

    monkeypatch.setattr(harness.built.deps.directory, method, down)
    assert messages_to(irc.ask(text)) == ["the directory is unavailable; try again in a moment"]
    assert harness.log_entries[0]["outcome"] == "unavailable"


def test_I046_shows_the_sessions_of_a_person(tmp_path: Path) -> None:
    harness, irc = make_bot(tmp_path)
    assert messages_to(irc.ask("ann")) == [
        "Ann Able (ann)",
        "Keeper of the kettle",
        "Online since 2026-11-23 10:00 UTC on pts/0 from tea.example, active 17:59 UTC",
    ]
    assert messages_to(irc.ask("ben")) == ["Ben Able (ben)", "Online since 2026-11-23 10:00 UTC"]
    assert messages_to(irc.ask("cleo")) == ["Cleo Clay (cleo)"]
    harness.built.deps.directory._now = lambda: at(18)
    harness.built.deps.directory.presence.update("test", {"ann": [Login()] * 5})
    assert messages_to(irc.ask("ann"))[-1] == "Online now; now; now; and 2 more"
    harness.built.deps.directory.presence.update("test", {})
    assert messages_to(irc.ask("ann"))[-1] == "Last seen 2026-11-23 18:00 UTC"


# suggestions


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("alcie", "no such user: alcie; did you mean alice (Alice Adams)?"),
        ("Alice Adms", "no such user: Alice Adms; did you mean alice (Alice Adams)?"),
        ("adam", "no such user: adam; did you mean alice (Alice Adams) or bob (Bob Adams)?"),
        ("zofi", "no such user: zofi; did you mean zofie (Žofie Černá)?"),
        ("cerny", "no such user: cerny; did you mean zofie (Žofie Černá)?"),
        ("dav", "no such user: dav; did you mean dave (Dave)?"),
        ("quentin", "no such user: quentin"),
        ("a", "no such user: a"),
        ("!?", "no such user: !?"),
        ("carol", "no such user: carol"),
        ("carl", "no such user: carl"),
    ],
)
def test_I028_suggests_similar_names(tmp_path: Path, text: str, answer: str) -> None:
    irc = BotHarness(tmp_path).sign_on()
    assert messages_to(irc.ask(text)) == [answer]
    assert messages_to(irc.ask(f"!finger {text}", to="#tea"), "#tea") == [f"bob: {answer}"]


def test_I028_suggests_at_most_three_the_most_similar_first(tmp_path: Path) -> None:
    people = [{"login": each, "name": each.title()} for each in ("robert", "roberta", "roberto", "robin", "robertus")]
    irc = BotHarness(tmp_path, {"people": people}).sign_on()
    assert messages_to(irc.ask("robertt")) == [
        "no such user: robertt; did you mean robert (Robert), roberta (Roberta) or roberto (Roberto)?"
    ]


def test_I028_hidden_and_unlisted_people_do_not_affect_suggestions(tmp_path: Path) -> None:
    """Ask the same with the hidden people in the directory and without them."""
    hidden = [
        {"login": "alicia", "name": "Alicia Adamson", "hidden": True},
        {"login": "alic", "name": "Alic", "visibility": {"name": "members"}},
        {"login": "alici", "name": "Alici", "listed": False},
    ]
    with_them, without = tmp_path / "with", tmp_path / "without"
    with_them.mkdir()
    without.mkdir()
    one = BotHarness(with_them, {"people": [*PEOPLE, *hidden]}).sign_on()
    other = BotHarness(without).sign_on()
    for text in ("alicia", "alic", "alcia", "alicai", "adamson", "Alicia Adamson", "ali", "alixi"):
        assert messages_to(one.ask(text)) == messages_to(other.ask(text)), text


def test_I028_limits_the_number_of_candidates(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    people = [{"login": f"lee{n:04}", "name": f"Lee {n}"} for n in range(300)]
    built = make_dependencies(tmp_path, people)
    directory, viewer = built.deps.directory, built.deps.viewers.from_address("irc", None)
    listing, limits = directory.list_people, []

    async def counted(words: str, viewer: Any, page: Any) -> Any:
        limits.append(page.limit)
        return await listing(words, viewer, page)

    monkeypatch.setattr(directory, "list_people", counted)
    assert result_of(find_similar_names("x" * 65, viewer, directory)) == []
    assert limits == []
    assert result_of(find_similar_names("xyz", viewer, directory)) == []
    assert sum(limits) <= 200
    built.stop()


def test_I024_a_name_like_a_command_comes_after_the_clients_nick(tmp_path: Path) -> None:
    people = [{"login": "mal", "name": "\x03\x01!op\nme\x1b[2J", "visibility": ALL}]
    _, irc = make_bot(tmp_path, people, {"mal": [Login("\x02!t\x01", "\r\nQUIT", None, None)]})
    assert messages_to(irc.ask("!who", to="#tea"), "#tea") == ["bob: Online now: mal (!op me)"]
    assert messages_to(irc.ask("who")) == ["Online now:", "  mal (!op me), now on !t from QUIT"]
    assert messages_to(irc.ask("maal")) == ["no such user: maal; did you mean mal (!op me)?"]
