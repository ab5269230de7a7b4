"""What may be said to the bot, and what it answers."""

from pathlib import Path
from typing import Any

import pytest
from twisted.internet.defer import Deferred

from gateway.directory.interfaces import SourceDown
from gateway.irc.command_handler import parse_command, strip_address
from gateway.irc.command_registry import COMMAND_BY_NAME
from gateway.irc.protocol import fold_nick
from tests.unit.fixtures import ALICE, BOB
from tests.unit.irc.server import SLOW, Bench, texts

FULL = [
    "Alice Adams (alice), aliases ally",
    "Keeper of the kettle",
    "Project: A better teapot",
    "Blog: https://alice.example/",
    "Plan:",
    "First line",
    "Second line",
]
CHANNEL = [
    "bob: Alice Adams (alice), Keeper of the kettle",
    "Project: A better teapot",
    "https://dir.test/users/alice",
]


class Waiting:
    """A source that answers when it is told to."""

    name, restricts, cache_ttl = "waiting", True, None

    def __init__(self) -> None:
        self.asked: list[Deferred[None]] = []

    async def get(self, login: str) -> None:
        waiting: Deferred[None] = Deferred()
        self.asked.append(waiting)
        await waiting

    async def everyone(self) -> Any:
        return
        yield


class Broken(Waiting):
    """A source with a mistake in it."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error

    async def get(self, login: str) -> None:
        raise self.error


@pytest.mark.parametrize(
    "asked",
    [
        "alice",
        "finger alice",
        "FINGER alice",
        "Alice",
        "ally",
        "alice adams",
        "alice@dir.test",
        "alice@CLUB.test.",
        "!finger alice",
        "fingerbot: alice",
        "\x02alice\x02",
        "  alice  ",
    ],
)
def test_a_name_alone_is_looked_up(tmp_path: Path, asked: str) -> None:
    """I020"""
    irc = Bench(tmp_path).signed_on()
    assert texts(irc.says(asked)) == FULL


def test_every_question_is_one_record(tmp_path: Path) -> None:
    """I020"""
    bench = Bench(tmp_path)
    lines = texts(bench.signed_on().says("alice"))
    (record,) = bench.records
    assert (record["protocol"], record["verb"], record["query"], record["outcome"]) == (
        "irc",
        "lookup",
        "alice",
        "found",
    )
    assert (record["peer"], record["login"]) == ("test/bob", None)
    assert record["bytes"] == sum(len(line) for line in lines)
    assert bench.built.deps.tracker.in_flight == 0


def test_a_stranger_sees_what_everyone_may_see(tmp_path: Path) -> None:
    """I020"""
    said = "\n".join(texts(Bench(tmp_path).signed_on().says("alice")))
    for word in ("B12", "+420 555 0100", "alice@dir.test"):
        assert word not in said


def test_all_that_everyone_may_see_is_shown(tmp_path: Path) -> None:
    """I020"""
    everything = ALICE | {
        "pronouns": "she/her",
        "pronunciation": "AL-iss",
        "organisation": "Tea Club",
        "home_phone": "+420 555 0199",
        "location": "Prague",
        "timezone": "Europe/Prague",
        "fediverse": "@alice@social.example",
        "status": {"text": "at the kettle"},
        "links": [{"label": "Blog", "url": "https://alice.example/"}, {"url": "https://b.example/"}],
        "visibility": dict.fromkeys(
            ("organisation", "office", "office_phone", "home_phone", "email", "location", "timezone"), "everyone"
        ),
    }
    assert texts(Bench(tmp_path, {"people": [everything]}).signed_on().says("alice")) == [
        "Alice Adams (alice), she/her, pronounced AL-iss, aliases ally",
        "Keeper of the kettle, Tea Club",
        "Office: B12, +420 555 0100",
        "Home phone: +420 555 0199",
        "Email: alice@dir.test",
        "Location: Prague, Europe/Prague",
        "Status: at the kettle",
        "Project: A better teapot",
        "Blog: https://alice.example/",
        "Link: https://b.example/",
        "Fediverse: @alice@social.example",
        "Plan:",
        "First line",
        "Second line",
    ]


def test_a_long_plan_ends_in_the_web_address(tmp_path: Path) -> None:
    """I020"""
    plan = "".join(f"line {n}\n\n" for n in range(1, 14))
    irc = Bench(tmp_path, {"people": [BOB | {"plan": plan}]}).signed_on()
    said = texts(irc.says("bob"))
    assert said == [
        "Bob Adams (bob)",
        "Plan:",
        *(f"line {n}" for n in range(1, 11)),
        "(3 more lines: https://dir.test/users/bob)",
    ]


def test_a_plan_of_eleven_lines_is_one_short(tmp_path: Path) -> None:
    """I020"""
    irc = Bench(tmp_path, {"people": [BOB | {"plan": "x\n" * 11}]}).signed_on()
    assert texts(irc.says("bob"))[-1] == "(1 more line: https://dir.test/users/bob)"


def test_a_plan_of_one_endless_line_is_cut(tmp_path: Path) -> None:
    """I020"""
    irc = Bench(tmp_path, {"people": [BOB | {"plan": "x" * 200_000}]}).signed_on()
    assert "".join(texts(irc.says("bob"))) == "Bob Adams (bob)Plan:" + "x" * 399 + "…"


@pytest.mark.parametrize("asked", ["help", "HELP", "!help", "fingerbot: help", "help me"])
def test_help_is_short_and_tells_of_every_command(tmp_path: Path, asked: str) -> None:
    """I021"""
    bench = Bench(tmp_path)
    said = texts(bench.signed_on().says(asked))
    assert said == [
        "I know the people of The Tea Club. Send me a name, or:",
        "  finger NAME - look up NAME, a login or a full name",
        "  who - who is online (also: online)",
        "  search WORDS - find people by the start of their names",
        "  help - this help",
        "You can also just send a name. In a channel: !finger NAME, or fingerbot: NAME",
        "https://dir.test/",
    ]
    assert bench.records[0]["verb"] == "help"
    assert bench.records[0]["outcome"] == "served"


def test_every_command_of_the_registry_has_its_line_of_help(tmp_path: Path) -> None:
    """I021"""
    said = texts(Bench(tmp_path).signed_on().says("help"))
    for name, command in COMMAND_BY_NAME.items():
        assert name in (command.name, command.alias)
        assert command.help
        assert f"  {command.usage} - {command.help}" in said


def test_help_in_a_channel_is_one_line(tmp_path: Path) -> None:
    """I021"""
    said = texts(Bench(tmp_path, channels=["#tea"]).signed_on().says("fingerbot: help", to="#tea"), "#tea")
    assert said == [
        "bob: !finger NAME or fingerbot: NAME tells who somebody is; more by /msg fingerbot help or on https://dir.test/"
    ]


@pytest.mark.parametrize("asked", ["", " ", "\x02", "fingerbot:"])
def test_nothing_asked_is_a_call_for_help(tmp_path: Path, asked: str) -> None:
    """I021"""
    assert texts(Bench(tmp_path).signed_on().says(asked))[1:5] == [
        "  finger NAME - look up NAME, a login or a full name",
        "  who - who is online (also: online)",
        "  search WORDS - find people by the start of their names",
        "  help - this help",
    ]


@pytest.mark.parametrize(
    "asked", ["!finger alice", "fingerbot: alice", "fingerbot, alice", "FingerBot:alice", "fingerbot: finger alice"]
)
def test_in_a_channel_the_answer_has_one_to_three_lines(tmp_path: Path, asked: str) -> None:
    """I022"""
    irc = Bench(tmp_path).signed_on()
    assert irc.says(asked, to="#tea") == [f"PRIVMSG #tea :{line}" for line in CHANNEL]


def test_the_prefix_is_a_setting(tmp_path: Path) -> None:
    """I022"""
    irc = Bench(tmp_path, prefix="?!").signed_on()
    assert texts(irc.says("?!finger alice", to="#tea"), "#tea") == CHANNEL
    assert irc.says("!finger alice", to="#tea") == []
    assert "?!finger NAME" in texts(irc.says("?!help", to="#tea"), "#tea")[0]


@pytest.mark.parametrize(
    "said",
    [
        "alice",
        "finger alice",
        "!seen alice",
        "!",
        "!alice",
        "fingerbot alice",
        "fingerbotx: alice",
        "hello, fingerbot: alice",
        "",
        "!fingers alice",
    ],
)
def test_what_is_not_meant_for_the_bot_is_left_alone(tmp_path: Path, said: str) -> None:
    """I022"""
    bench = Bench(tmp_path)
    assert bench.signed_on().says(said, to="#tea") == []
    assert bench.records == []


def test_a_short_plan_stands_in_the_channel(tmp_path: Path) -> None:
    """I022"""
    people = [BOB | {"plan": "Tea at five\n", "status": {"text": "in the garden"}, "pronouns": "he/him"}]
    irc = Bench(tmp_path, {"people": people}).signed_on()
    assert texts(irc.says("!finger bob", to="#tea"), "#tea") == [
        "bob: Bob Adams (bob), he/him: in the garden",
        "Plan: Tea at five",
        "https://dir.test/users/bob",
    ]


def test_an_answer_too_long_for_a_channel_is_the_web_address(tmp_path: Path) -> None:
    """I022"""
    wide = "漢" * 128
    people = [
        {"login": "bob", "name": wide, "title": wide, "project": wide * 4, "status": {"text": wide}, "plan": "p\np\n"}
    ]
    irc = Bench(tmp_path, {"people": people}, nick="b" * 60).signed_on()
    irc.send(":irc.test 001 bbb :hi")
    irc.send(f":bbb NICK :{'b' * 60}")
    irc.got()
    nick = "n" * 120
    said = texts(irc.says("!finger bob", to="#" + "t" * 140, by=f"{nick}!b@192.0.2.7"), "#" + "t" * 140)
    assert 1 <= len(said) <= 3
    whole = "".join(line.removeprefix("… ") for line in said)
    assert whole.replace(" ", "") == f"{nick}:{'漢' * 29}…(bob):https://dir.test/users/bob"


def test_no_line_in_a_channel_begins_with_what_somebody_else_wrote(tmp_path: Path) -> None:
    """I022"""
    people = [{"login": "bob", "name": "!op mallory", "plan": "!op mallory\n"}]
    irc = Bench(tmp_path, {"people": people}).signed_on()
    assert texts(irc.says("!finger bob", to="#tea"), "#tea") == [
        "bob: !op mallory (bob)",
        "Plan: !op mallory",
        "https://dir.test/users/bob",
    ]


NASTY = [
    "\r\nQUIT :bye",
    "\nPRIVMSG #tea :forged",
    "\0",
    "\x01ACTION waves\x01",
    "\x01VERSION\x01",
    "\x03" + "04red",
    "\x02bold",
    "\x1b[31mred\x1b[0m",
    "\x1b]0;title\x07",
    "\x9b31m",
    "\u202egnp",
    "\x16\x1d\x1f\x1e\x11\x0f",
]


@pytest.mark.parametrize("nasty", NASTY)
def test_what_people_write_leaves_as_text(tmp_path: Path, nasty: str) -> None:
    """I024"""
    value = f"before{nasty}after"
    person = {
        "login": "bob",
        "name": value,
        "pronouns": value,
        "pronunciation": value,
        "title": value,
        "organisation": value,
        "office": value,
        "office_phone": value,
        "home_phone": value,
        "email": value,
        "location": value,
        "timezone": value,
        "project": value,
        "status": {"text": value},
        "links": [{"label": value, "url": value}],
        "fediverse": value,
        "visibility": dict.fromkeys(
            ("organisation", "office", "office_phone", "home_phone", "email", "location"), "everyone"
        ),
    }
    del person["timezone"]
    irc = Bench(tmp_path, {"people": [person]}).signed_on()
    for target, asked, count in (("bob", "bob", 10), ("#tea", "!finger bob", 3)):
        lines = irc.says(asked, to="fingerbot" if target == "bob" else "#tea")
        assert len(lines) == count
        for line in lines:
            assert line.startswith(f"PRIVMSG {target} :")
            assert line.isprintable()


@pytest.mark.parametrize("nasty", NASTY)
def test_what_stands_in_a_plan_leaves_as_text(tmp_path: Path, nasty: str) -> None:
    """I024"""
    irc = Bench(tmp_path, {"people": [BOB | {"plan": f"before{nasty}after"}]}).signed_on()
    for target, asked in (("bob", "bob"), ("#tea", "!finger bob")):
        for line in irc.says(asked, to="fingerbot" if target == "bob" else "#tea"):
            assert line.startswith(f"PRIVMSG {target} :")
            assert line.isprintable()


def test_the_askers_own_words_come_back_spelled_out(tmp_path: Path) -> None:
    """I024"""
    irc = Bench(tmp_path).signed_on()
    assert texts(irc.says("no\x1b[31mbody\x07\x0304,05")) == ["no such user: no\\x1b[31mbody\\x07\\x0304,05"]
    assert texts(irc.says("finger " + "x" * 300)) == ["no such user: " + "x" * 63 + "…"]


def test_unknown_and_hidden_are_the_same(tmp_path: Path) -> None:
    """I028"""
    bench = Bench(tmp_path)
    irc = bench.signed_on()
    assert texts(irc.says("carol")) == ["no such user: carol"]
    assert texts(irc.says("xarol")) == ["no such user: xarol"]
    assert texts(irc.says("!finger carol", to="#tea"), "#tea") == ["bob: no such user: carol"]
    assert [record["outcome"] for record in bench.records] == ["not_found"] * 3


def test_several_people(tmp_path: Path) -> None:
    """I029: names, at most five, then the web address."""
    irc = Bench(tmp_path).signed_on()
    assert texts(irc.says("adams")) == ["2 people match adams: alice (Alice Adams), bob (Bob Adams)"]
    assert texts(irc.says("!finger adams", to="#tea"), "#tea") == [
        "bob: 2 people match adams: alice (Alice Adams), bob (Bob Adams)"
    ]


def test_many_people(tmp_path: Path) -> None:
    """I029: names, at most five, then the web address."""
    people = [{"login": f"a{n}", "name": "Ann Lee"} for n in range(1, 8)]
    said = texts(Bench(tmp_path, {"people": people}).signed_on().says("lee"))
    names = ", ".join(f"a{n} (Ann Lee)" for n in range(1, 6))
    assert said == [f"7 people match lee: {names}, and 2 more: https://dir.test/users?q=lee"]


@pytest.mark.parametrize("asked", ["alice@elsewhere.example", "alice@a@dir.test", "@elsewhere.example", "finger a@b@c"])
def test_other_hosts_are_not_asked(tmp_path: Path, asked: str) -> None:
    """I030"""
    bench = Bench(tmp_path)
    assert texts(bench.signed_on().says(asked)) == ["Finger forwarding service denied"]
    assert bench.records[0]["outcome"] == "refused"


@pytest.mark.parametrize("asked", ["finger", "@dir.test", "finger \x02"])
def test_a_command_without_a_name(tmp_path: Path, asked: str) -> None:
    """I021"""
    assert texts(Bench(tmp_path).signed_on().says(asked)) == ["usage: finger NAME"]


def test_the_limit_counts_the_asker_not_the_nick(tmp_path: Path) -> None:
    """I026: over the limit an asker is told so once a minute."""
    bench = Bench(tmp_path, {"queries_per_minute": 2})
    irc = bench.signed_on()
    assert texts(irc.says("bob", by="bob!b@192.0.2.7")) == ["Bob Adams (bob)"]
    assert texts(irc.says("bob", by="eve!b@192.0.2.7"), "eve") == ["Bob Adams (bob)"]
    assert texts(irc.says("bob", by="mallory!b@192.0.2.7"), "mallory") == ["too many requests; try again in 30 seconds"]
    assert irc.says("bob", by="mallory!b@192.0.2.7") == []
    assert texts(irc.says("bob", by="zoe!z@192.0.2.8"), "zoe") == ["Bob Adams (bob)"]
    bench.pass_(29.5)
    assert irc.says("bob", by="bob!b@192.0.2.7") == []
    bench.pass_(0.5)
    assert texts(irc.says("bob", by="bob!b@192.0.2.7")) == ["Bob Adams (bob)"]
    bench.pass_(29.5)
    assert texts(irc.says("bob", by="bob!b@192.0.2.7")) == []
    bench.pass_(0.25)
    assert [record["outcome"] for record in bench.records].count("limited") == 4


def test_the_last_second_of_the_limit_is_one_second(tmp_path: Path) -> None:
    """I026"""
    bench = Bench(tmp_path, {"queries_per_minute": 60})
    irc = bench.signed_on()
    for _ in range(60):
        irc.says("nobody")
    assert texts(irc.says("nobody")) == ["too many requests; try again in 1 second"]


def test_a_channel_hears_of_the_limit_once_a_minute(tmp_path: Path) -> None:
    """I022, I026"""
    bench = Bench(tmp_path, {"queries_per_minute": 1})
    irc = bench.signed_on()
    irc.says("!finger bob", to="#tea", by="bob!b@192.0.2.7")
    irc.says("!finger bob", to="#tea", by="eve!e@192.0.2.8")
    assert texts(irc.says("!finger bob", to="#tea", by="bob!b@192.0.2.7"), "#tea") == [
        "bob: too many requests; try again in 60 seconds"
    ]
    assert irc.says("!finger bob", to="#TEA", by="eve!e@192.0.2.8") == []
    bench.pass_(60)
    irc.says("!finger bob", to="#tea", by="bob!b@192.0.2.7")
    assert texts(irc.says("!finger bob", to="#tea", by="bob!b@192.0.2.7"), "#tea") == [
        "bob: too many requests; try again in 60 seconds"
    ]


def test_a_directory_that_is_down(tmp_path: Path) -> None:
    """I020"""
    bench = Bench(tmp_path, {"sources": [Broken(SourceDown("gone"))]})
    assert texts(bench.signed_on().says("alice")) == ["the directory is unavailable; try again in a moment"]
    assert bench.records[0]["outcome"] == "unavailable"


def test_a_mistake_of_ours_is_told_by_a_reference(tmp_path: Path, caplog: Any) -> None:
    """I009"""
    bench = Bench(tmp_path, {"sources": [Broken(RuntimeError("secret"))]})
    (said,) = texts(bench.signed_on().says("alice"))
    (record,) = bench.records
    assert record["outcome"] == "error"
    assert said == f"internal error, reference {record['reference']}"


def test_an_answer_in_flight_ends_with_its_connection(tmp_path: Path) -> None:
    """I007: it is cancelled quietly, and recorded."""
    source = Waiting()
    bench = Bench(tmp_path, {"sources": [source]})
    irc = bench.signed_on()
    assert irc.says("alice") == []
    assert bench.built.deps.tracker.in_flight == 1
    irc.close()
    assert bench.built.deps.tracker.in_flight == 0
    assert [record["outcome"] for record in bench.records] == ["unavailable"]
    source.asked[0].callback(None)
    bench.pass_(5)
    again = bench.signed_on()
    bench.pass_(5)
    assert again.got() == []


def test_a_slow_answer_comes_when_it_is_there(tmp_path: Path) -> None:
    """I020"""
    source = Waiting()
    bench = Bench(tmp_path, {"sources": [source]})
    irc = bench.signed_on()
    irc.says("alice")
    source.asked[0].callback(None)
    assert texts(irc.got()) == FULL


def test_two_hundred_questions_leave_at_the_pace(tmp_path: Path) -> None:
    """I026"""
    bench = Bench(tmp_path, burst=5, line_interval=SLOW)
    irc = bench.signed_on()
    for number in range(200):
        irc.send(f":n{number}!u@192.0.2.{number} PRIVMSG fingerbot :bob")
    assert irc.got() == [f"PRIVMSG n{number} :Bob Adams (bob)" for number in range(5)]
    bench.pass_(20)
    assert irc.got() == [f"PRIVMSG n{number} :Bob Adams (bob)" for number in range(5, 15)]
    for _ in range(38):
        bench.pass_(10)
        irc.send("PING :x")
    assert [line for line in irc.got() if line.startswith("PRIVMSG")] == [
        f"PRIVMSG n{number} :Bob Adams (bob)" for number in range(15, 200)
    ]
    assert [record["outcome"] for record in bench.records] == ["found"] * 200


def test_addressing() -> None:
    """I022"""
    assert strip_address("fingerbot:alice", "fingerbot", "!", False) == "alice"
    assert strip_address("FINGERBOT[]: x", "fingerbot{}", "!", False) == "x"
    assert strip_address("alice", "fingerbot", "!", True) == "alice"
    assert strip_address("alice", "fingerbot", "!", False) is None
    assert parse_command("finger  alice ") == (COMMAND_BY_NAME["finger"], "alice")
    assert fold_nick("Ab[]\\~") == "ab{}|^"
