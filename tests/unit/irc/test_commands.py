"""Commands, addressing, limits, and the answers."""

from pathlib import Path
from typing import Any

import pytest
from twisted.internet.defer import Deferred

from gateway.directory.interfaces import SourceDown
from gateway.irc.command_handler import parse_command, strip_address
from gateway.irc.command_registry import COMMAND_BY_NAME, COMMANDS, command
from gateway.irc.protocol import fold_nick
from tests.unit.fixtures import ALICE, BOB
from tests.unit.irc.server import TWO_SECONDS, BotHarness, messages_to

ALICE_IN_PRIVATE = [
    "Alice Adams (alice), aliases ally",
    "Keeper of the kettle",
    "Project: A better teapot",
    "Blog: https://alice.example/",
    "Plan:",
    "First line",
    "Second line",
]
ALICE_IN_CHANNEL = [
    "bob: Alice Adams (alice), Keeper of the kettle",
    "Project: A better teapot",
    "https://dir.test/users/alice",
]


class SlowSource:
    """A source that answers once the test fires the Deferred."""

    name, restricts, cache_ttl = "waiting", True, None

    def __init__(self) -> None:
        self.requests: list[Deferred[None]] = []

    async def get(self, login: str) -> None:
        waiting: Deferred[None] = Deferred()
        self.requests.append(waiting)
        await waiting

    async def everyone(self) -> Any:
        return
        yield


class FailingSource(SlowSource):
    """A source that raises an exception."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error

    async def get(self, login: str) -> None:
        raise self.error


@pytest.mark.parametrize(
    "text",
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
def test_looks_up_a_name(tmp_path: Path, text: str) -> None:
    """I020"""
    irc = BotHarness(tmp_path).sign_on()
    assert messages_to(irc.ask(text)) == ALICE_IN_PRIVATE


def test_logs_each_request_once(tmp_path: Path) -> None:
    """I020"""
    harness = BotHarness(tmp_path)
    lines = messages_to(harness.sign_on().ask("alice"))
    (entry,) = harness.log_entries
    assert (entry["protocol"], entry["verb"], entry["query"], entry["outcome"]) == (
        "irc",
        "lookup",
        "alice",
        "found",
    )
    assert (entry["peer"], entry["login"]) == ("test/bob", None)
    assert entry["bytes"] == sum(len(line) for line in lines)
    assert harness.built.deps.tracker.in_flight == 0


def test_shows_only_public_fields(tmp_path: Path) -> None:
    """I020"""
    answer = "\n".join(messages_to(BotHarness(tmp_path).sign_on().ask("alice")))
    for word in ("B12", "+420 555 0100", "alice@dir.test"):
        assert word not in answer


def test_shows_all_public_fields(tmp_path: Path) -> None:
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
    assert messages_to(BotHarness(tmp_path, {"people": [everything]}).sign_on().ask("alice")) == [
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


def test_ends_a_long_plan_with_the_web_address(tmp_path: Path) -> None:
    """I020"""
    plan = "".join(f"line {n}\n\n" for n in range(1, 14))
    irc = BotHarness(tmp_path, {"people": [BOB | {"plan": plan}]}).sign_on()
    answer = messages_to(irc.ask("bob"))
    assert answer == [
        "Bob Adams (bob)",
        "Plan:",
        *(f"line {n}" for n in range(1, 11)),
        "(3 more lines: https://dir.test/users/bob)",
    ]


def test_cuts_one_line_from_a_plan_of_eleven(tmp_path: Path) -> None:
    """I020"""
    irc = BotHarness(tmp_path, {"people": [BOB | {"plan": "x\n" * 11}]}).sign_on()
    assert messages_to(irc.ask("bob"))[-1] == "(1 more line: https://dir.test/users/bob)"


def test_cuts_a_plan_of_one_very_long_line(tmp_path: Path) -> None:
    """I020"""
    irc = BotHarness(tmp_path, {"people": [BOB | {"plan": "x" * 200_000}]}).sign_on()
    assert "".join(messages_to(irc.ask("bob"))) == "Bob Adams (bob)Plan:" + "x" * 399 + "…"


@pytest.mark.parametrize("text", ["help", "HELP", "!help", "fingerbot: help", "help me"])
def test_help_lists_every_command(tmp_path: Path, text: str) -> None:
    """I021"""
    harness = BotHarness(tmp_path)
    answer = messages_to(harness.sign_on().ask(text))
    assert answer == [
        "I know the people of The Tea Club. Send me a name, or:",
        "  finger NAME - look up NAME, a login or a full name",
        "  who - who is online (also: online)",
        "  search WORDS - find people by the start of their names",
        "  help - this help",
        "In a channel: !finger NAME, or fingerbot: NAME",
        "https://dir.test/",
    ]
    assert harness.log_entries[0]["verb"] == "help"
    assert harness.log_entries[0]["outcome"] == "served"


def test_every_registered_command_has_a_line_of_help(tmp_path: Path) -> None:
    """I021"""
    answer = messages_to(BotHarness(tmp_path).sign_on().ask("help"))
    for name, entry in COMMAND_BY_NAME.items():
        assert name in (entry.name, entry.alias)
        assert entry.help
        assert f"  {entry.usage} - {entry.help}" in answer


def test_help_in_a_channel_is_one_line(tmp_path: Path) -> None:
    """I021"""
    answer = messages_to(BotHarness(tmp_path, channels=["#tea"]).sign_on().ask("fingerbot: help", to="#tea"), "#tea")
    assert answer == [
        "bob: !finger NAME or fingerbot: NAME tells you who somebody is. More: /msg fingerbot help, or https://dir.test/"
    ]


@pytest.mark.parametrize("text", ["", " ", "\x02", "fingerbot:"])
def test_answers_empty_text_with_help(tmp_path: Path, text: str) -> None:
    """I021"""
    assert messages_to(BotHarness(tmp_path).sign_on().ask(text))[1:5] == [
        "  finger NAME - look up NAME, a login or a full name",
        "  who - who is online (also: online)",
        "  search WORDS - find people by the start of their names",
        "  help - this help",
    ]


@pytest.mark.parametrize(
    "text", ["!finger alice", "fingerbot: alice", "fingerbot, alice", "FingerBot:alice", "fingerbot: finger alice"]
)
def test_answers_in_a_channel_with_at_most_three_lines(tmp_path: Path, text: str) -> None:
    """I022"""
    irc = BotHarness(tmp_path).sign_on()
    assert irc.ask(text, to="#tea") == [f"PRIVMSG #tea :{line}" for line in ALICE_IN_CHANNEL]


def test_uses_the_configured_prefix(tmp_path: Path) -> None:
    """I022"""
    irc = BotHarness(tmp_path, prefix="?!").sign_on()
    assert messages_to(irc.ask("?!finger alice", to="#tea"), "#tea") == ALICE_IN_CHANNEL
    assert irc.ask("!finger alice", to="#tea") == []
    assert "?!finger NAME" in messages_to(irc.ask("?!help", to="#tea"), "#tea")[0]


@pytest.mark.parametrize(
    "answer",
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
def test_ignores_channel_messages_to_others(tmp_path: Path, answer: str) -> None:
    """I022"""
    harness = BotHarness(tmp_path)
    assert harness.sign_on().ask(answer, to="#tea") == []
    assert harness.log_entries == []


def test_shows_a_short_plan_in_a_channel(tmp_path: Path) -> None:
    """I022"""
    people = [BOB | {"plan": "Tea at five\n", "status": {"text": "in the garden"}, "pronouns": "he/him"}]
    irc = BotHarness(tmp_path, {"people": people}).sign_on()
    assert messages_to(irc.ask("!finger bob", to="#tea"), "#tea") == [
        "bob: Bob Adams (bob), he/him: in the garden",
        "Plan: Tea at five",
        "https://dir.test/users/bob",
    ]


def test_answers_with_the_web_address_if_too_long_for_a_channel(tmp_path: Path) -> None:
    """I022"""
    wide = "漢" * 128
    people = [
        {"login": "bob", "name": wide, "title": wide, "project": wide * 4, "status": {"text": wide}, "plan": "p\np\n"}
    ]
    irc = BotHarness(tmp_path, {"people": people}, nick="b" * 60).sign_on()
    irc.send(":irc.test 001 bbb :hi")
    irc.send(f":bbb NICK :{'b' * 60}")
    irc.received()
    nick = "n" * 120
    answer = messages_to(irc.ask("!finger bob", to="#" + "t" * 140, by=f"{nick}!b@192.0.2.7"), "#" + "t" * 140)
    assert 1 <= len(answer) <= 3
    whole = "".join(line.removeprefix("… ") for line in answer)
    assert whole.replace(" ", "") == f"{nick}:{'漢' * 29}…(bob):https://dir.test/users/bob"


def test_no_channel_line_begins_with_a_persons_text(tmp_path: Path) -> None:
    """I022"""
    people = [{"login": "bob", "name": "!op mallory", "plan": "!op mallory\n"}]
    irc = BotHarness(tmp_path, {"people": people}).sign_on()
    assert messages_to(irc.ask("!finger bob", to="#tea"), "#tea") == [
        "bob: !op mallory (bob)",
        "Plan: !op mallory",
        "https://dir.test/users/bob",
    ]


CONTROLS = [
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


@pytest.mark.parametrize("controls", CONTROLS)
def test_sends_fields_without_controls(tmp_path: Path, controls: str) -> None:
    """I024"""
    value = f"before{controls}after"
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
    irc = BotHarness(tmp_path, {"people": [person]}).sign_on()
    for target, text, count in (("bob", "bob", 10), ("#tea", "!finger bob", 3)):
        lines = irc.ask(text, to="fingerbot" if target == "bob" else "#tea")
        assert len(lines) == count
        for line in lines:
            assert line.startswith(f"PRIVMSG {target} :")
            assert line.isprintable()


@pytest.mark.parametrize("controls", CONTROLS)
def test_sends_plans_without_controls(tmp_path: Path, controls: str) -> None:
    """I024"""
    irc = BotHarness(tmp_path, {"people": [BOB | {"plan": f"before{controls}after"}]}).sign_on()
    for target, text in (("bob", "bob"), ("#tea", "!finger bob")):
        for line in irc.ask(text, to="fingerbot" if target == "bob" else "#tea"):
            assert line.startswith(f"PRIVMSG {target} :")
            assert line.isprintable()


def test_escapes_and_cuts_the_request_in_the_answer(tmp_path: Path) -> None:
    """I024"""
    irc = BotHarness(tmp_path).sign_on()
    assert messages_to(irc.ask("no\x1b[31mbody\x07\x0304,05")) == ["no such user: no\\x1b[31mbody\\x07\\x0304,05"]
    assert messages_to(irc.ask("finger " + "x" * 300)) == ["no such user: " + "x" * 63 + "…"]


def test_answers_alike_for_missing_and_hidden_people(tmp_path: Path) -> None:
    """I028"""
    harness = BotHarness(tmp_path)
    irc = harness.sign_on()
    assert messages_to(irc.ask("carol")) == ["no such user: carol"]
    assert messages_to(irc.ask("xarol")) == ["no such user: xarol"]
    assert messages_to(irc.ask("!finger carol", to="#tea"), "#tea") == ["bob: no such user: carol"]
    assert [entry["outcome"] for entry in harness.log_entries] == ["not_found"] * 3


def test_lists_the_matches_of_an_ambiguous_name(tmp_path: Path) -> None:
    """I029: names, at most five, then the web address."""
    irc = BotHarness(tmp_path).sign_on()
    assert messages_to(irc.ask("adams")) == ["2 people match adams: alice (Alice Adams), bob (Bob Adams)"]
    assert messages_to(irc.ask("!finger adams", to="#tea"), "#tea") == [
        "bob: 2 people match adams: alice (Alice Adams), bob (Bob Adams)"
    ]


def test_lists_five_matches_of_an_ambiguous_name(tmp_path: Path) -> None:
    """I029: names, at most five, then the web address."""
    people = [{"login": f"a{n}", "name": "Ann Lee"} for n in range(1, 8)]
    answer = messages_to(BotHarness(tmp_path, {"people": people}).sign_on().ask("lee"))
    names = ", ".join(f"a{n} (Ann Lee)" for n in range(1, 6))
    assert answer == [f"7 people match lee: {names}, and 2 more: https://dir.test/users?q=lee"]


@pytest.mark.parametrize("text", ["alice@elsewhere.example", "alice@a@dir.test", "@elsewhere.example", "finger a@b@c"])
def test_refuses_to_forward(tmp_path: Path, text: str) -> None:
    """I030"""
    harness = BotHarness(tmp_path)
    assert messages_to(harness.sign_on().ask(text)) == ["Finger forwarding service denied"]
    assert harness.log_entries[0]["outcome"] == "refused"


@pytest.mark.parametrize("text", ["finger", "@dir.test", "finger \x02"])
def test_shows_usage_if_the_name_is_missing(tmp_path: Path, text: str) -> None:
    """I021"""
    assert messages_to(BotHarness(tmp_path).sign_on().ask(text)) == ["usage: finger NAME"]


def test_limits_requests_by_user_and_host_not_nick(tmp_path: Path) -> None:
    """I026: a user over the limit gets one notice a minute."""
    harness = BotHarness(tmp_path, {"queries_per_minute": 2})
    irc = harness.sign_on()
    assert messages_to(irc.ask("bob", by="bob!b@192.0.2.7")) == ["Bob Adams (bob)"]
    assert messages_to(irc.ask("bob", by="eve!b@192.0.2.7"), "eve") == ["Bob Adams (bob)"]
    assert messages_to(irc.ask("bob", by="mallory!b@192.0.2.7"), "mallory") == [
        "too many requests; try again in 30 seconds"
    ]
    assert irc.ask("bob", by="mallory!b@192.0.2.7") == []
    assert messages_to(irc.ask("bob", by="zoe!z@192.0.2.8"), "zoe") == ["Bob Adams (bob)"]
    harness.advance(29.5)
    assert irc.ask("bob", by="bob!b@192.0.2.7") == []
    harness.advance(0.5)
    assert messages_to(irc.ask("bob", by="bob!b@192.0.2.7")) == ["Bob Adams (bob)"]
    harness.advance(29.5)
    assert messages_to(irc.ask("bob", by="bob!b@192.0.2.7")) == []
    harness.advance(0.25)
    assert [entry["outcome"] for entry in harness.log_entries].count("limited") == 4


def test_says_one_second_in_the_singular(tmp_path: Path) -> None:
    """I026"""
    harness = BotHarness(tmp_path, {"queries_per_minute": 60})
    irc = harness.sign_on()
    for _ in range(60):
        irc.ask("nobody")
    assert messages_to(irc.ask("nobody")) == ["too many requests; try again in 1 second"]


def test_notifies_a_channel_of_the_limit_once_a_minute(tmp_path: Path) -> None:
    """I022, I026"""
    harness = BotHarness(tmp_path, {"queries_per_minute": 1})
    irc = harness.sign_on()
    irc.ask("!finger bob", to="#tea", by="bob!b@192.0.2.7")
    irc.ask("!finger bob", to="#tea", by="eve!e@192.0.2.8")
    assert messages_to(irc.ask("!finger bob", to="#tea", by="bob!b@192.0.2.7"), "#tea") == [
        "bob: too many requests; try again in 60 seconds"
    ]
    assert irc.ask("!finger bob", to="#TEA", by="eve!e@192.0.2.8") == []
    harness.advance(60)
    irc.ask("!finger bob", to="#tea", by="bob!b@192.0.2.7")
    assert messages_to(irc.ask("!finger bob", to="#tea", by="bob!b@192.0.2.7"), "#tea") == [
        "bob: too many requests; try again in 60 seconds"
    ]


def test_answers_unavailable_if_the_directory_is_down(tmp_path: Path) -> None:
    """I020"""
    harness = BotHarness(tmp_path, {"sources": [FailingSource(SourceDown("gone"))]})
    assert messages_to(harness.sign_on().ask("alice")) == ["the directory is unavailable; try again in a moment"]
    assert harness.log_entries[0]["outcome"] == "unavailable"


def test_answers_an_exception_with_a_reference(tmp_path: Path, caplog: Any) -> None:
    """I009"""
    harness = BotHarness(tmp_path, {"sources": [FailingSource(RuntimeError("secret"))]})
    (answer,) = messages_to(harness.sign_on().ask("alice"))
    (entry,) = harness.log_entries
    assert entry["outcome"] == "error"
    assert answer == f"internal error, reference {entry['reference']}"


def test_cancels_requests_when_the_connection_ends(tmp_path: Path) -> None:
    """I007: they are cancelled without an error, and logged."""
    source = SlowSource()
    harness = BotHarness(tmp_path, {"sources": [source]})
    irc = harness.sign_on()
    assert irc.ask("alice") == []
    assert harness.built.deps.tracker.in_flight == 1
    irc.close()
    assert harness.built.deps.tracker.in_flight == 0
    assert [entry["outcome"] for entry in harness.log_entries] == ["unavailable"]
    source.requests[0].callback(None)
    harness.advance(5)
    again = harness.sign_on()
    harness.advance(5)
    assert again.received() == []


def test_sends_a_slow_answer_when_it_is_ready(tmp_path: Path) -> None:
    """I020"""
    source = SlowSource()
    harness = BotHarness(tmp_path, {"sources": [source]})
    irc = harness.sign_on()
    irc.ask("alice")
    source.requests[0].callback(None)
    assert messages_to(irc.received()) == ALICE_IN_PRIVATE


def test_sends_two_hundred_answers_at_the_configured_rate(tmp_path: Path) -> None:
    """I026"""
    harness = BotHarness(tmp_path, burst=5, line_interval=TWO_SECONDS)
    irc = harness.sign_on()
    for number in range(200):
        irc.send(f":n{number}!u@192.0.2.{number} PRIVMSG fingerbot :bob")
    assert irc.received() == [f"PRIVMSG n{number} :Bob Adams (bob)" for number in range(5)]
    harness.advance(20)
    assert irc.received() == [f"PRIVMSG n{number} :Bob Adams (bob)" for number in range(5, 15)]
    for _ in range(38):
        harness.advance(10)
        irc.send("PING :x")
    assert [line for line in irc.received() if line.startswith("PRIVMSG")] == [
        f"PRIVMSG n{number} :Bob Adams (bob)" for number in range(15, 200)
    ]
    assert [entry["outcome"] for entry in harness.log_entries] == ["found"] * 200


def test_parses_addresses_and_commands() -> None:
    """I022"""
    assert strip_address("fingerbot:alice", "fingerbot", "!", False) == "alice"
    assert strip_address("FINGERBOT[]: x", "fingerbot{}", "!", False) == "x"
    assert strip_address("alice", "fingerbot", "!", True) == "alice"
    assert strip_address("alice", "fingerbot", "!", False) is None
    assert parse_command("finger  alice ") == (COMMAND_BY_NAME["finger"], "alice")
    assert fold_nick("Ab[]\\~") == "ab{}|^"


def test_a_second_command_of_the_same_name_is_an_error() -> None:
    """I021"""
    before = list(COMMANDS)
    for usage, alias in (("help ME", ""), ("another", "online")):
        with pytest.raises(ValueError, match="another bot command is called"):
            command(usage, "help", "help", alias)(COMMAND_BY_NAME["help"].run)
    assert before == COMMANDS
