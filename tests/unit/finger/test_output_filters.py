"""Complete answers at 80 columns against golden/NAME.txt.

The golden files were written or reviewed by hand, and no test regenerates them: change them together with a template.
"""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from gateway.finger.settings import FingerSettings
from gateway.text.width import width
from tests.unit.finger.conftest import Build
from tests.unit.finger.wire import MEMBER, STRANGER, ask
from tests.unit.fixtures import ZOFIE, make_create_edit, write_edits

GOLDEN = Path(__file__).parent / "golden"
AT = datetime(2026, 11, 23, 18, 4, tzinfo=UTC)
MEMBERS = ("organisation", "office", "office_phone", "home_phone", "email", "location", "timezone", "keys", "irc")
FULL = {
    "login": "alice",
    "name": "Alice Adams",
    "aliases": ["ally", "al"],
    "pronouns": "she/her",
    "pronunciation": "AL-iss",
    "title": "Keeper of the kettle",
    "organisation": "The Tea Club",
    "office": "B12",
    "office_phone": "+420 555 0100",
    "home_phone": "+420 555 0199",
    "email": "alice@dir.test",
    "location": "Prague",
    "timezone": "Europe/Prague",
    "links": [{"label": "Blog", "url": "https://alice.example/", "me": True}, {"url": "gemini://alice.example/"}],
    "keys": [
        {"kind": "ssh", "label": "laptop", "text": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI alice"},
        {"kind": "age", "text": "age1qyqszqgpqyqszqgpqyqszqgp\n"},
    ],
    "project": "A better teapot",
    "plan": "First line\n\n    art\n   /\\_/\\\n  ( o.o )\n\nLast line, no end",
    "status": {"text": "at the kettle", "until": "2086-12-01T10:00:00Z"},
    "irc": [{"network": "libera", "account": "alice"}],
    "fediverse": "@alice@social.example",
    "visibility": dict.fromkeys(MEMBERS, "everyone"),
}
EMPTY = {"login": "bob", "name": "Bob Adams"}
WIDE = {
    "login": "小明",
    "name": "王小明",
    "title": "茶艺师",
    "plan": "一二三四五六七八九十一二三四五六七八九十一二三四五六七八九十一二三四五六七八九十\n茶\n",
}
MEMBERS_ONLY_PLAN = {"login": "nora", "name": "Nora Nolan", "plan": "Members only.", "visibility": {"plan": "members"}}
BLANK = {"login": "ed", "name": "Ed", "plan": "\x1b[0m \r\n"}
HOSTILE = {
    "login": "mal",
    "name": "Mal\x1b[2J\tory",
    "pronouns": "\x1b]0;title\x07it",
    "title": "a\x9b31mb",
    "links": [{"label": "x\r\ny\u202e", "url": "https://mal.example/\x07"}],
    "project": "\x1b[31mred",
    "status": {"text": "one\ntwo"},
    "plan": "Login:      root\r\rName:       Root\x1b[1A\n\n\n",
}
LONG = {
    "login": "wilhelmina",
    "name": "Wilhelmina Aurelia Theodora Constantinova von und zu Hohenlohe-Schillingsfürst the Third",
    "title": "Keeper of a title that goes on and on until no line of eighty columns holds it any more",
    "project": "茶" * 60,
    "links": [
        {"label": "No line holds it", "url": "https://long.example/" + "x" * 60},
        {"label": "Blog", "url": "https://short.example/"},
    ],
}
ART = {
    "login": "art",
    "name": "\x1b[1mArt",
    "plan": "\x1b[31m♥\x1b[0m tea\n\x1b[2J\x1b]0;x\x07\x1b[38;5;208m~~~ žlutá\nno end",
}
PEOPLE = (FULL, EMPTY, WIDE, MEMBERS_ONLY_PLAN, BLANK, HOSTILE)
OTHERS = (LONG, ART, ZOFIE | {"plan": "Příliš žluťoučký kůň\n"})
FINGER = FingerSettings(empty_query="people", ambiguous="short", list_columns=[])


@pytest.mark.parametrize(
    ("name", "line", "peer"),
    [
        ("full", "alice", STRANGER),
        ("full_long", "/W alice", STRANGER),
        ("empty", "bob", STRANGER),
        ("empty_long", "/W bob", STRANGER),
        ("wide", "小明", STRANGER),
        ("plan_unseen", "nora", STRANGER),
        ("plan_seen", "nora", MEMBER),
        ("plan_blank", "ed", STRANGER),
        ("hostile", "mal", STRANGER),
        ("ambiguous", "adams", STRANGER),
        ("ambiguous_asked", "bob,nora,žofka", STRANGER),
        ("not_found", "žofka", STRANGER),
        ("list", "", STRANGER),
        ("list_long", "/W", STRANGER),
    ],
)
def test_F096_complete_answers(build: Build, name: str, line: str, peer: str) -> None:
    assert_golden(build, PEOPLE, name, line, FINGER, peer)


@pytest.mark.parametrize(
    ("name", "line", "changes"),
    [
        ("long_values", "wilhelmina", {}),
        ("list_columns", "", {"list_columns": ["title", "office"]}),
        ("ascii", "zofie", {"charset": "ascii"}),
        ("ascii_list", "", {"charset": "ascii", "list_columns": ["title"]}),
        ("strip", "art", {}),
        ("sgr", "art", {"ansi": "sgr"}),
        ("sgr_ascii", "art", {"ansi": "sgr", "charset": "ascii"}),
    ],
)
def test_F028_F034_answers_with_other_settings(build: Build, name: str, line: str, changes: dict[str, object]) -> None:
    assert_golden(build, OTHERS, name, line, replace(FINGER, **changes))


def assert_golden(
    build: Build, people: Any, name: str, line: str, finger: FingerSettings, peer: str = STRANGER
) -> None:
    built = build(people=[])
    write_edits(built.database_path, [make_create_edit(each) for each in people], AT)
    reply = ask(built, line.encode() + b"\r\n", peer=peer, settings=finger).decode()
    assert reply.replace("\r\n", "\n") == (GOLDEN / f"{name}.txt").read_text(encoding="utf-8")
    assert max(width(each) for each in reply.split("\r\n") if "://long." not in each) <= 80
    if "Plan:" not in reply:
        assert "\r\n\r\n\r\n" not in reply


def test_every_golden_file_is_used() -> None:
    assert {path.stem for path in GOLDEN.iterdir()} == {
        "full", "full_long", "empty", "empty_long", "wide", "plan_unseen", "plan_seen", "plan_blank", "hostile",
        "ambiguous", "ambiguous_asked", "not_found", "list", "list_long", "long_values", "list_columns", "ascii", "ascii_list",
        "strip", "sgr", "sgr_ascii",
    }  # fmt: skip
