"""The connection: registration, joins, nicks, and whatever a server may send."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from twisted.logger import globalLogPublisher

from tests.unit.irc.server import TWO_SECONDS, BotHarness, ServerConnection, messages_to


@pytest.fixture
def log() -> Iterator[list[dict[str, Any]]]:
    """Return the log; a logged failure fails the test."""
    events: list[dict[str, Any]] = []
    observer: Any = events.append
    globalLogPublisher.addObserver(observer)
    yield events
    globalLogPublisher.removeObserver(observer)
    assert [event for event in events if "log_failure" in event] == []


def count_logged(events: list[dict[str, Any]], word: str) -> int:
    return sum(word in event["log_format"].format(**event) for event in events if event.get("log_format"))


def test_registers_with_nick_user_and_real_name(tmp_path: Path) -> None:
    """I007"""
    irc = BotHarness(tmp_path).accept()
    nick, user = irc.received()
    assert nick == "NICK fingerbot"
    assert user.startswith("USER finger ")
    assert user.endswith(" :finger gateway of The Tea Club; /msg fingerbot help")


def test_joins_channels_with_their_keys(tmp_path: Path) -> None:
    """I011"""
    irc = BotHarness(tmp_path, channels=["#tea", "#club s3cret", "#x"]).accept()
    irc.received()
    irc.send("NOTICE * :hello")
    assert irc.received() == []
    irc.welcome()
    assert irc.received() == ["JOIN #club,#tea,#x s3cret"]


def test_joins_ten_channels_per_line(tmp_path: Path) -> None:
    """I011"""
    irc = BotHarness(tmp_path, channels=[f"#c{n}" for n in range(12)]).accept()
    irc.received()
    irc.welcome()
    assert irc.received() == ["JOIN #c0,#c1,#c2,#c3,#c4,#c5,#c6,#c7,#c8,#c9", "JOIN #c10,#c11"]


def test_rejoins_with_a_growing_delay_after_a_kick(tmp_path: Path) -> None:
    """I011"""
    harness = BotHarness(tmp_path, channels=["#tea k"])
    irc = harness.sign_on()
    for delay in (10, 20, 40):
        irc.send(":op!o@h KICK #TEA FingerBot :out")
        irc.send(":op!o@h KICK #TEA FingerBot :out")
        harness.advance(delay - 0.25)
        assert irc.received() == []
        harness.advance(0.25)
        assert irc.received() == ["JOIN #tea k"]
    harness.advance(1300, 100)
    irc.received()
    irc.send(":op!o@h KICK #tea fingerbot :out")
    harness.advance(10)
    assert irc.received() == ["JOIN #tea k"]


@pytest.mark.parametrize("number", ["403", "405", "437", "471", "473", "474", "475", "477"])
def test_retries_a_channel_that_cannot_be_joined(tmp_path: Path, number: str) -> None:
    """I011"""
    harness = BotHarness(tmp_path, channels=["#tea"])
    irc = harness.sign_on()
    irc.send(f":irc.test {number} fingerbot #tea :Cannot join channel")
    harness.advance(10)
    assert irc.received() == ["JOIN #tea"]


def test_ignores_kicks_of_others_and_from_other_channels(tmp_path: Path) -> None:
    """I011"""
    harness = BotHarness(tmp_path, channels=["#tea"])
    irc = harness.sign_on()
    irc.send(":op!o@h KICK #tea bob :out", ":op!o@h KICK #other fingerbot :out")
    harness.advance(60)
    assert irc.received() == []


def test_cancels_rejoins_when_the_connection_ends(tmp_path: Path) -> None:
    """I011"""
    harness = BotHarness(tmp_path, channels=["#tea"])
    irc = harness.sign_on()
    irc.send(":op!o@h KICK #tea fingerbot :out")
    irc.close()
    harness.advance(20)
    assert irc.received() == []


def test_tries_alternate_nicks_if_the_nick_is_in_use(tmp_path: Path) -> None:
    """I006"""
    irc = BotHarness(tmp_path, alternate_nicks=["fb", "fb2"]).accept()
    irc.received()
    for wanted in ("fb", "fb2", "fingerbot_", "fingerb1", "fingerb2"):
        irc.send(":irc.test 433 * x :Nickname is already in use")
        assert irc.received() == [f"NICK {wanted}"]
    irc.send(":irc.test 432 * x :Erroneous", ":irc.test 436 * x :Collision", ":irc.test 437 * x :Unavailable")
    assert irc.received() == ["NICK fingerb3", "NICK fingerb4", "NICK fingerb5"]
    irc.welcome("fingerb5")
    assert messages_to(irc.ask("fingerb5: bob", to="#tea"), "#tea")
    assert messages_to(irc.ask("bob", to="fingerb5"))
    irc.send(":irc.test 433 fingerb5 x :Nickname is already in use")
    assert irc.received() == []


def test_disconnects_if_every_nick_is_in_use(tmp_path: Path) -> None:
    """I006"""
    irc = BotHarness(tmp_path).accept()
    for _ in range(30):
        irc.send(":irc.test 433 * x :Nickname is already in use")
    assert irc.transport.disconnecting
    assert len([line for line in irc.received() if line.startswith("NICK")]) < 15


def test_accepts_another_nick_from_the_server(tmp_path: Path) -> None:
    """I006"""
    irc = BotHarness(tmp_path).accept()
    irc.welcome("fingerbo")
    irc.received()
    assert messages_to(irc.ask("bob", to="fingerbo"))
    irc.send(":fingerbo!f@h NICK :Guest1", ":eve!e@h NICK :fingerbo")
    assert irc.ask("bob", to="fingerbo") == []
    assert messages_to(irc.ask("bob", to="guest1"))


def test_answers_ping(tmp_path: Path) -> None:
    """I009"""
    irc = BotHarness(tmp_path).accept()
    irc.received()
    irc.send("PING :abc", "PING x y")
    assert irc.received() == ["PONG abc", "PONG y"]


@pytest.mark.parametrize(
    "garbage",
    [
        b"",
        b"   ",
        b":",
        b":only-a-prefix",
        b":p ",
        b"@tag",
        b"@tag ",
        b"\xff\xfe\x00\x01",
        b"\x10\x10",
        b":\xe9!x@y PRIVMSG",
        b"PING",
        b":irc.test 001",
        b":irc.test 005",
        b":irc.test 433",
        b":irc.test 475",
        b":irc.test 475 fingerbot",
        b"KICK",
        b":x KICK #tea",
        b"JOIN",
        b":fingerbot!a@b JOIN",
        b":fingerbot NICK",
        b"NICK",
        b"MODE",
        b":x MODE #tea",
        b":x MODE #tea +",
        b"QUIT",
        b"TOPIC",
        b"NOTICE x",
        b":bob!b@h NOTICE fingerbot :",
        b"PRIVMSG",
        b":bob!b@h PRIVMSG fingerbot",
        b"PRIVMSG fingerbot :alice",
        b":a 999",
        b"\0" * 50,
        b":irc.test 353 fingerbot",
        b":irc.test 254 fingerbot x",
        b"CAP",
        b"AUTHENTICATE",
        b"BATCH +x",
        b"ERR_NICKNAMEINUSE",
        b"UNKNOWN",
        b"DATARECEIVED a b",
        b"RPL_WELCOME",
        b": PRIVMSG  :",
        b":bob! PRIVMSG fingerbot :alice",
    ],
)
def test_ignores_garbage(tmp_path: Path, garbage: bytes, log: list[dict[str, Any]]) -> None:
    """I009"""
    irc = BotHarness(tmp_path).sign_on()
    irc.send(garbage, garbage, garbage)
    irc.received()
    assert not irc.transport.disconnecting
    assert messages_to(irc.ask("bob")) == ["Bob Adams (bob)"]
    assert sum("ignored" in str(event.get("log_format")) for event in log) <= 1


@pytest.mark.parametrize("size", [16 * 1024 - 30, 16 * 1024, 16 * 1024 + 1, 300_000])
def test_limits_received_lines_to_16_kib(tmp_path: Path, size: int, log: list[dict[str, Any]]) -> None:
    """I009"""
    harness = BotHarness(tmp_path)
    irc = harness.sign_on()
    line = b":x NOTICE fingerbot :" + b"x" * size
    for start in range(0, len(line), 4000):
        irc.protocol.dataReceived(line[start : start + 4000])
        assert len(harness.client._pending) <= 16 * 1024
    irc.protocol.dataReceived(b"\r\n")
    irc.send(line)
    assert messages_to(irc.ask("bob")) == ["Bob Adams (bob)"]
    assert count_logged(log, "too long") == (size >= 16 * 1024)


@pytest.mark.parametrize("name", [b"\xe9l\xe8ve", b"\xff\xff", b"\xc5", b"\xf0\xa9"])
def test_decodes_invalid_utf_8_as_latin_1(tmp_path: Path, name: bytes, log: list[dict[str, Any]]) -> None:
    """I009"""
    irc = BotHarness(tmp_path).sign_on()
    assert messages_to(irc.ask(name)) == ["no such user: " + name.decode("latin-1")]


def test_decodes_a_character_split_over_tcp_segments(tmp_path: Path) -> None:
    """I009"""
    irc = BotHarness(tmp_path).sign_on()
    data = ":bob!b@h PRIVMSG fingerbot :Žofie Černá\r\n".encode()
    for byte in data:
        irc.protocol.dataReceived(bytes([byte]))
    assert messages_to(irc.received()) == ["Žofie Černá (zofie)"]


def test_accepts_message_tags_and_bare_lf(tmp_path: Path) -> None:
    """I009"""
    irc = BotHarness(tmp_path).sign_on()
    irc.protocol.dataReceived(
        b"@time=2026-01-01T00:00:00Z;x :bob!b@h PRIVMSG fingerbot :bob\n:bob!b@h privmsg fingerbot bob\n"
    )
    assert messages_to(irc.received()) == ["Bob Adams (bob)"] * 2


def test_never_answers_notices_ctcp_servers_or_itself(tmp_path: Path) -> None:
    """I023"""
    harness = BotHarness(tmp_path)
    irc = harness.sign_on()
    irc.send(
        ":bob!b@h NOTICE fingerbot :alice",
        ":bob!b@h NOTICE #tea :!finger alice",
        ":fingerbot!f@h PRIVMSG #tea :!finger alice",
        ":FINGERBOT!f@h PRIVMSG fingerbot :alice",
        ":irc.test PRIVMSG fingerbot :alice",
        ":bob!b@h PRIVMSG $* :alice",
        ":bob!b@h PRIVMSG @#tea :!finger alice",
        ":bob!b@h PRIVMSG fingerbot :\x01VERSION\x01",
        ":bob!b@h PRIVMSG fingerbot :\x01PING 1\x01",
        ":bob!b@h PRIVMSG fingerbot :\x01FINGER\x01",
        ":bob!b@h PRIVMSG fingerbot :\x01SOURCE",
        ":bob!b@h PRIVMSG fingerbot :\x01DCC SEND passwd 1 1 1\x01",
        ":bob!b@h PRIVMSG #tea :\x01ACTION !finger alice\x01",
    )
    assert irc.received() == []
    assert harness.log_entries == []


def test_aborts_a_silent_connection(tmp_path: Path) -> None:
    """I008"""
    harness = BotHarness(tmp_path)
    irc = harness.sign_on()
    harness.advance(120, 10)
    assert irc.received() == ["PING :finger-gateway"]
    irc.send(":irc.test PONG irc.test :finger-gateway")
    harness.advance(120, 10)
    assert irc.received() == ["PING :finger-gateway"]
    assert not irc.transport.disconnecting
    harness.advance(120, 10)
    assert irc.transport.disconnecting


def sign_on_with_second_nick(harness: BotHarness) -> ServerConnection:
    """Sign the bot on with its second nick."""
    irc = harness.accept()
    irc.send(":irc.test 433 * fingerbot :Nickname is already in use")
    irc.welcome("fb")
    irc.received()
    return irc


@pytest.mark.parametrize("leaves", [":FingerBot!g@h QUIT :bye", ":fingerbot!g@h NICK :ghost", ":fingerbot QUIT"])
def test_I006_takes_the_wanted_nick_when_its_holder_leaves(tmp_path: Path, leaves: str) -> None:
    harness = BotHarness(tmp_path, alternate_nicks=["fb"])
    irc = sign_on_with_second_nick(harness)
    irc.send(":eve!e@h QUIT :bye", ":eve!e@h NICK :eva")
    assert irc.received() == []
    irc.send(leaves)
    assert irc.received() == ["NICK fingerbot"]
    irc.send(":fb!f@h NICK :fingerbot")
    assert messages_to(irc.ask("bob", to="fingerbot"))
    harness.advance(110, 10)
    irc.send(":eve!e@h NICK :fingerbot_", ":fingerbot_!e@h QUIT :bye")
    assert irc.received() == []
    harness.advance(9 * 120, 10)
    assert not any(line.startswith("NICK") for line in irc.received())


def test_I006_asks_for_the_wanted_nick_periodically(tmp_path: Path) -> None:
    """The bot does not see everybody leave."""
    harness = BotHarness(tmp_path, alternate_nicks=["fb"])
    irc = sign_on_with_second_nick(harness)
    for _ in range(3):
        harness.advance(110, 10)
        assert not any(line.startswith("NICK") for line in irc.received())
        harness.advance(10, 10)
        assert [line for line in irc.received() if line.startswith("NICK")] == ["NICK fingerbot"]
        irc.send(":irc.test 433 fb fingerbot :Nickname is already in use")
    irc.close()
    harness.advance(130, 10)
    assert not any(line.startswith("NICK") for line in irc.received())


def test_I006_asks_later_for_a_nick_that_was_taken_away(tmp_path: Path) -> None:
    """Not at once: services that rename the bot do so on purpose."""
    harness = BotHarness(tmp_path)
    irc = harness.sign_on()
    irc.send(":fingerbot!f@h NICK :Guest1")
    assert irc.received() == []
    harness.advance(120, 10)
    assert "NICK fingerbot" in irc.received()


def test_I006_never_asks_again_for_an_invalid_nick(tmp_path: Path) -> None:
    harness = BotHarness(tmp_path, alternate_nicks=["fb"])
    irc = sign_on_with_second_nick(harness)
    irc.send(":irc.test 432 fb fingerbot :Erroneous nickname")
    harness.advance(360, 10)
    assert not any(line.startswith("NICK") for line in irc.received())


# two bots


def exchange_messages(
    harnesses: Sequence[BotHarness], one: ServerConnection, other: ServerConnection, seconds: int
) -> int:
    """Let two bots receive each other's messages for *seconds*; return how many there were."""
    count = 0
    for _ in range(seconds):
        for speaker, listener, nick in ((one, other, "one"), (other, one, "other")):
            for line in speaker.received():
                command, target, text = [*line.split(" ", 2), "", ""][:3]
                if command == "PRIVMSG":
                    count += 1
                    listener.send(f":{nick}!finger@{nick}.test PRIVMSG {target} {text}")
        for harness in harnesses:
            harness.clock.advance(1)
    return count


@pytest.mark.parametrize(("to", "max_count"), [("#tea", 60), ("one", 1500)])
def test_I023_two_bots_that_answer_each_other_fall_silent(tmp_path: Path, to: str, max_count: int) -> None:
    """Each takes the other's answer for a request: "other: no such user"."""
    harnesses = []
    for nick in ("one", "other"):
        (tmp_path / nick).mkdir()
        harnesses.append(BotHarness(tmp_path / nick, nick=nick, channels=["#tea"], line_interval=TWO_SECONDS, burst=5))
    first, second = harnesses
    one, other = first.accept(), second.accept()
    for connection, nick in ((one, "one"), (other, "other")):
        connection.welcome(nick)
        connection.received()
    one.send(f":other!finger@other.test PRIVMSG {to} :{'one: ' if to == '#tea' else ''}nobody")
    count = exchange_messages(harnesses, one, other, 7200)
    assert 2 < count < max_count
    assert exchange_messages(harnesses, one, other, 3600) == 0


def test_I023_limits_channels_and_users_in_a_channel(tmp_path: Path) -> None:
    harness = BotHarness(tmp_path, deps={"queries_per_minute": 10_000}, burst=10_000)
    irc = harness.sign_on()

    def count_answers(by: str, count: int, to: str = "#tea") -> int:
        lines = [line for _ in range(count) for line in irc.ask("!finger bob", to=to, by=by)]
        harness.advance(5)
        return sum("Bob Adams" in line for line in [*lines, *irc.received()])

    assert count_answers("bob!b@192.0.2.7", 30) == 20
    assert count_answers("bob!b@192.0.2.7", 30, to="#other") == 20
    assert count_answers("eve!e@192.0.2.8", 30) == 20
    assert count_answers("eva!e@192.0.2.9", 30) == 20
    assert count_answers("evi!e@192.0.2.9", 30, to="#TEA") <= 1  # the same user; and the channel has had its 60
    assert count_answers("ann!a@192.0.2.10", 5) < 5
    harness.advance(120)
    assert count_answers("ann!a@192.0.2.10", 5) == 5
