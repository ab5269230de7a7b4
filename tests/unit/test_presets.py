"""Whole answers about a person with every field, by preset, viewer and protocol, against tests/golden/PRESET/VIEWER.

No test writes these files; change them by hand when a template changes. Members get the same answers under B and C
as under open, because the profiles of RFC_WORDS 1288 are about strangers.
"""

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gateway.directory.fields import FIELDS
from gateway.directory.person import Login
from gateway.directory.privacy import Policy, Preset
from gateway.irc.command_handler import CommandHandler
from gateway.irc.command_registry import BotRequest
from gateway.text.width import width
from tests.unit.finger import wire as finger_wire
from tests.unit.fixtures import GatewayHarness, make_create_edit, make_dependencies, result_of, write_edits
from tests.unit.web.browser import Browser

GOLDEN = Path(__file__).parents[1] / "golden"
PRESETS: tuple[Preset, ...] = ("A", "B", "C", "open")
ADDRESSES = {"stranger": "198.51.100.7", "member": "192.0.2.7"}
AT = datetime(2026, 11, 23, 18, 4, tzinfo=UTC)
ALICE = {
    "login": "alice",
    "name": "Alice Adams",
    "aliases": ["ally"],
    "pronouns": "she/her",
    "pronunciation": "AL-iss",
    "title": "Keeper of the kettle",
    "organisation": "Royal Tea Board",
    "office": "B12",
    "office_phone": "+420 555 0100",
    "home_phone": "+420 555 0199",
    "email": "alice@mail.test",
    "location": "Žižkov",
    "timezone": "Europe/Prague",
    "links": [{"label": "Blog", "url": "https://alice.example/", "me": True}],
    "keys": [{"kind": "ssh", "label": "laptop", "text": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI"}],
    "project": "A better teapot",
    "plan": "Descale.\nThen tea.\n",
    "status": {"text": "at the kettle"},
    "irc": [{"network": "libera", "account": "kettlealice"}],
    "fediverse": "@alice@social.example",
}
LOGIN = Login(
    terminal="pts/7",
    origin="far.example",
    since=datetime(2026, 11, 23, 8, 15, tzinfo=UTC),
    active=datetime(2026, 11, 23, 9, 47, tzinfo=UTC),
)
LAST_SEEN = datetime(2026, 11, 20, 7, 31, tzinfo=UTC)

Build = Callable[[Preset], GatewayHarness]


@pytest.fixture
def build(tmp_path: Path) -> Iterator[Build]:
    made: list[GatewayHarness] = []

    def make(preset: Preset) -> GatewayHarness:
        built = make_dependencies(tmp_path, people=[], policy=Policy.preset(preset))
        made.append(built)
        write_edits(built.database_path, [make_create_edit(ALICE)], AT)
        built.deps.directory.presence.last_seen["alice"] = LAST_SEEN
        return built

    yield make
    for built in made:
        built.stop()


def log_on(built: GatewayHarness) -> None:
    built.deps.directory.presence.update("here", {"alice": (LOGIN,)})


# one request on each protocol


def over_finger(built: GatewayHarness, address: str, line: str = "alice") -> str:
    return finger_wire.ask(built, f"{line}\r\n".encode(), peer=address).decode().replace("\r\n", "\n")


def over_web(built: GatewayHarness, address: str, accept: str) -> str:
    return Browser(built).request("/users/alice", peer=address, Accept=accept).body.decode()


def over_irc(built: GatewayHarness, address: str) -> str:
    request = BotRequest(
        nick="bo", userhost="bo@host", channel=None, text="alice", own_nick="fingerbot", max_line_bytes=400
    )
    reply = result_of(CommandHandler("demo", "!", built.deps).answer(request))
    assert reply is not None
    return "".join(f"{line}\n" for line in reply.lines)


PROTOCOLS: dict[str, Callable[[GatewayHarness, str], str]] = {
    "finger.txt": over_finger,
    "finger_long.txt": lambda built, address: over_finger(built, address, "/W alice"),
    "web.json": lambda built, address: over_web(built, address, "application/json"),
    "irc.txt": over_irc,  # IRC clients have no address: all are strangers
}


# the golden files


def goldens() -> Iterator[tuple[Preset, str, str]]:
    for preset in PRESETS:
        for name in PROTOCOLS:
            yield preset, "stranger", name
            if name != "irc.txt":
                yield preset, "member", name


def golden(preset: Preset, viewer: str, name: str) -> Path:
    return GOLDEN / ("open" if viewer == "member" and preset in ("B", "C") else preset) / viewer / name


@pytest.mark.parametrize(("preset", "viewer", "name"), [*goldens()])
def test_F101_answers_under_each_preset(build: Build, preset: Preset, viewer: str, name: str) -> None:
    built = build(preset)
    log_on(built)
    answer = PROTOCOLS[name](built, ADDRESSES[viewer])
    assert answer == golden(preset, viewer, name).read_text(encoding="utf-8")
    if name.startswith("finger"):
        assert max(map(width, answer.splitlines())) <= 80
    if name == "finger.txt":
        assert over_web(built, ADDRESSES[viewer], "text/plain") == answer


def test_every_golden_file_is_compared_and_the_person_has_every_field() -> None:
    files = {path for preset in PRESETS for path in (GOLDEN / preset).rglob("*") if path.is_file()}
    assert files == {golden(*each) for each in goldens()}
    stored = {field.name for field in FIELDS.values() if field.stored}
    assert stored - set(ALICE) == {"former"}, "only a rename sets `former`"


# RFC_WORDS 1288 section 3.2.3, quoted

# "Administrator A should be able to choose to return office location, office phone number, home phone number, and
# logged in/out times; B: only office location and office phone number; C: the minimum amount of required information,
# which is the person's full name."
NAME, OFFICE, OFFICE_PHONE, HOME_PHONE = "Alice Adams", "B12", "+420 555 0100", "+420 555 0199"
LOGGED_IN, LAST_OUT = "08:15", "07:31"
RFC_WORDS = {
    "A": {NAME, OFFICE, OFFICE_PHONE, HOME_PHONE, LOGGED_IN, LAST_OUT},
    "B": {NAME, OFFICE, OFFICE_PHONE},
    "C": {NAME},
}
OTHER_WORDS = {
    "ally", "she/her", "AL-iss", "Keeper of the kettle", "Royal Tea Board", "alice@mail.test", "Žižkov", "Prague",
    "alice.example", "laptop", "ssh-ed25519", "A better teapot", "Descale", "Then tea", "at the kettle", "kettlealice",
    "libera", "social.example", "pts/7", "far.example",
}  # fmt: skip


def visible_words(text: str) -> set[str]:
    """Return the words of alice's fields that appear in *text*."""
    return {word for word in RFC_WORDS["A"] | OTHER_WORDS if word in text}


@pytest.mark.parametrize("preset", ["A", "B", "C"])
def test_F101_strangers_see_exactly_what_the_RFC_lists(build: Build, preset: Preset) -> None:
    """Under C "the person's full name" comes with the login and the web address, which the client already knows."""
    built = build(preset)
    ways: dict[str, Callable[[GatewayHarness, str], str]] = {
        **PROTOCOLS,
        "web.txt": lambda built, address: over_web(built, address, "text/plain"),
        "web.html": lambda built, address: over_web(built, address, "text/html"),
    }
    off = {name: ask(built, ADDRESSES["stranger"]) for name, ask in ways.items()}
    log_on(built)
    for name, ask in ways.items():
        answer = visible_words(off[name] + ask(built, ADDRESSES["stranger"]))
        assert answer == RFC_WORDS[preset], name


def test_F101_under_C_finger_shows_only_login_name_and_web_address(build: Build) -> None:
    built = build("C")
    log_on(built)
    for line in ("alice", "/W alice"):
        answer = dict(re.findall(r"^(\w+): +(.*)$", over_finger(built, ADDRESSES["stranger"], line), re.MULTILINE))
        answer.pop("Changed", None)
        assert answer == {"Login": "alice", "Name": "Alice Adams", "Web": "https://dir.test/users/alice"}
