"""The JSON document of a person: reading, writing and round trips."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from gateway.directory.fields import STORED
from gateway.directory.interfaces import Create, Modify
from gateway.directory.person import Account, Key, Link, Status, Visibility
from gateway.directory.privacy import Profile
from gateway.directory.results import Found, Invalid, Listing, Page, Saved
from gateway.formats import person_json
from gateway.formats.person_json import BadDocument
from tests.unit.directory.doubles import ADMINISTRATOR
from tests.unit.fixtures import PEOPLE, GatewayHarness, make_dependencies, result_of
from tests.unit.store.waiting import wait_for

E, M, N = Visibility.EVERYONE, Visibility.MEMBERS, Visibility.NOBODY
UNTIL = datetime(2026, 12, 1, 10, tzinfo=UTC)

# A person with every field.
DOCUMENT = rb"""
{"login": "alice", "name": "Alice Adams", "aliases": ["ally"], "pronouns": "she/her", "pronunciation": "AL-iss",
 "title": "Keeper of the kettle",
 "organisation": "The Tea Club", "office": "B12", "office_phone": "+420 555 0100", "home_phone": "+420 555 0199",
 "email": "alice@dir.test", "location": "Prague", "timezone": "Europe/Prague",
 "links": [{"label": "Blog", "url": "https://alice.example/", "me": true}],
 "keys": [{"kind": "ssh", "label": "laptop", "text": "ssh-ed25519 AAAA..."}],
 "project": "A better teapot", "plan": "First line\nSecond line\n",
 "status": {"text": "at the kettle", "until": "2026-12-01T10:00:00Z"},
 "irc": [{"network": "libera", "account": "alice"}], "fediverse": "@alice@social.example",
 "listed": true, "hidden": false,
 "visibility": {"home_phone": "nobody", "office_phone": "members", "presence": "members"}}
"""
VALUES: dict[str, Any] = {
    "name": "Alice Adams", "aliases": ("ally",), "pronouns": "she/her", "pronunciation": "AL-iss",
 "title": "Keeper of the kettle",
    "organisation": "The Tea Club", "office": "B12", "office_phone": "+420 555 0100", "home_phone": "+420 555 0199",
    "email": "alice@dir.test", "location": "Prague", "timezone": "Europe/Prague",
    "links": (Link(label="Blog", url="https://alice.example/", me=True),),
    "keys": (Key(kind="ssh", label="laptop", text="ssh-ed25519 AAAA..."),), "project": "A better teapot",
    "plan": "First line\nSecond line\n", "status": Status(text="at the kettle", until=UNTIL),
    "irc": (Account(network="libera", account="alice"),), "fediverse": "@alice@social.example",
}  # fmt: skip


class Site:
    host = "dir.test"
    url = "https://dir.test"

    def person_url(self, login: str) -> str:
        return f"https://dir.test/users/{login}"


@pytest.fixture
def built(tmp_path: Path) -> Iterator[GatewayHarness]:
    made = make_dependencies(tmp_path, [])
    yield made
    made.stop()


def profile(built: GatewayHarness, login: str, viewer: Any = ADMINISTRATOR) -> Profile:
    answer = result_of(built.deps.directory.lookup(login, viewer))
    assert isinstance(answer, Found), answer
    return answer.profile


def imported(built: GatewayHarness, data: bytes) -> Any:
    """Import as the command does: change existing people, add new ones."""
    edits: list[Any] = []
    for document in person_json.read_documents(data):
        answer = result_of(built.deps.directory.lookup(document.login, ADMINISTRATOR))
        edits.append(
            person_json.make_modify(document, answer.profile)
            if isinstance(answer, Found)
            else person_json.make_create(document)
        )
    return wait_for(built.deps.directory.save(edits, ADMINISTRATOR))


def exported(built: GatewayHarness) -> bytes:
    listing = result_of(built.deps.directory.list_people("", ADMINISTRATOR, Page()))
    assert isinstance(listing, Listing)
    return person_json.encode_json([person_json.make_person_document(each) for each in listing.profiles])


def test_the_document_of_the_interface_is_read() -> None:
    (document,) = person_json.read_documents(DOCUMENT)
    assert person_json.make_create(document) == Create(
        "alice", VALUES, {"home_phone": N, "office_phone": M, "presence": M}, listed=True
    )


def test_the_document_has_every_field() -> None:
    names = {field.name for field in msgspec.structs.fields(person_json.PersonDocument)}
    assert names == {"login", "listed", "hidden", "visibility", *STORED}


def test_a_document_is_written_as_it_was_read(built: GatewayHarness) -> None:
    assert isinstance(imported(built, DOCUMENT), Saved)
    document = person_json.make_person_document(profile(built, "alice"))
    assert msgspec.json.decode(person_json.encode_json(document)) == msgspec.json.decode(DOCUMENT)


EXTREMES = msgspec.json.encode(
    [
        *PEOPLE,
        {"login": "bare"},
        {"login": "zoë", "hidden": True, "listed": False, "name": "Ž\u0301 \x1b[31m", "status": {"text": "x"}},
        {"login": "members", "visibility": {"name": "members", "last_seen": "everyone"}},
        {"login": "links", "links": [{"url": "https://a.example/"}], "keys": [{"kind": "pgp", "text": "k"}]},
        {"login": "time", "status": {"text": "x", "until": "2026-12-01T12:00:00.5+02:00"}},
    ]
)


@pytest.mark.parametrize("data", [DOCUMENT, EXTREMES], ids=["interface", "extremes"])
def test_import_of_export_changes_nothing(built: GatewayHarness, data: bytes) -> None:
    assert isinstance(imported(built, data), Saved)
    last = result_of(built.store.last_change())
    once = exported(built)
    assert isinstance(imported(built, once), Saved)
    assert result_of(built.store.last_change()) == last
    assert exported(built) == once


def test_export_into_an_empty_database_gives_the_same(built: GatewayHarness, tmp_path: Path) -> None:
    imported(built, EXTREMES)
    once = exported(built)
    (tmp_path / "other").mkdir()
    other = make_dependencies(tmp_path / "other", [])
    assert isinstance(imported(other, once), Saved)
    assert exported(other) == once
    other.stop()


def test_missing_fields_stay_and_empty_fields_are_cleared(built: GatewayHarness) -> None:
    imported(built, DOCUMENT)
    imported(built, b'{"login": "alice", "title": "", "links": [], "status": null, "office": "C1"}')
    after = profile(built, "alice")
    assert (after.title, after.links, after.status, after.office) == ("", (), None, "C1")
    assert (after.name, after.plan, after.keys) == (VALUES["name"], VALUES["plan"], VALUES["keys"])
    assert after.visibility == {"home_phone": N, "office_phone": M, "presence": M}


def read_one(**fields: Any) -> person_json.PersonDocument:
    (document,) = person_json.read_documents(msgspec.json.encode({"login": "alice"} | fields))
    return document


@pytest.mark.parametrize(
    ("kept", "said", "after"),
    [
        ({}, {"hidden": True}, {"name": N}),
        ({}, {"hidden": False}, {}),
        ({}, {"hidden": True, "visibility": {"plan": "members"}}, {"name": N, "plan": M}),
        ({}, {"hidden": True, "visibility": {"name": "everyone"}}, {"name": N}),
        ({}, {"hidden": False, "visibility": {"name": "nobody"}}, {"name": N}),
        ({}, {"visibility": {"name": "nobody"}}, {"name": N}),
        ({"name": "nobody"}, {"hidden": True}, {"name": N}),
        ({"name": "nobody"}, {"hidden": False}, {}),
        ({"name": "nobody"}, {}, {"name": N}),
        ({"name": "nobody"}, {"visibility": {}}, {"name": N}),
        ({"name": "nobody"}, {"hidden": False, "visibility": {"name": "members"}}, {"name": M}),
        ({"name": "members"}, {"hidden": False}, {"name": M}),
        ({"name": "members"}, {"hidden": True}, {"name": N}),
        ({"plan": "nobody", "office": "everyone"}, {"visibility": {"plan": "members"}}, {"plan": M}),
        ({"plan": "nobody"}, {"visibility": {}}, {}),
        ({"plan": "nobody"}, {}, {"plan": N}),
    ],
)
def test_hidden_is_the_visibility_of_the_name(
    built: GatewayHarness, kept: dict[str, str], said: dict[str, Any], after: dict[str, Visibility]
) -> None:
    imported(built, msgspec.json.encode({"login": "alice", "visibility": kept}))
    assert isinstance(imported(built, msgspec.json.encode({"login": "alice"} | said)), Saved)
    seen = profile(built, "alice")
    assert seen.visibility == after
    assert person_json.make_person_document(seen)["hidden"] is (after.get("name") is N)


def test_listed_is_kept() -> None:
    assert person_json.make_create(read_one(listed=False)).listed is False
    assert person_json.make_create(read_one()).listed is True


def test_a_change_is_based_on_what_was_read(built: GatewayHarness) -> None:
    imported(built, DOCUMENT)
    seen = profile(built, "alice")
    assert person_json.make_modify(read_one(title="x"), seen) == Modify("alice", {"title": "x"}, {}, None, seen.version)


@pytest.mark.parametrize(
    ("fields", "where"),
    [
        ({"name": 5}, "name"),
        ({"aliases": "ally"}, "aliases"),
        ({"aliases": [5]}, "aliases[0]"),
        ({"links": [{"label": "no url"}]}, "links[0].url"),
        ({"links": [{"url": "x", "rel": "me"}]}, "links[0].rel"),
        ({"keys": [{"text": "no kind"}]}, "keys[0].kind"),
        ({"status": "at the kettle"}, "status"),
        ({"status": {"text": "x", "until": "tomorrow"}}, "status.until"),
        ({"status": {"text": "x", "until": "2026-12-01T10:00:00"}}, "status.until"),
        ({"irc": [{"network": "libera"}]}, "irc[0].account"),
        ({"listed": "yes"}, "listed"),
        ({"hidden": 1}, "hidden"),
        ({"visibility": {"plan": "friends"}}, "visibility.plan"),
        ({"visibility": ["plan"]}, "visibility"),
        ({"visibility": {"plan": 0}}, "visibility.plan"),
        ({"nickname": "al"}, "nickname"),
        ({"presence": "here"}, "presence"),
        ({"name": None}, "name"),
    ],
    ids=repr,
)
def test_a_problem_names_person_and_key(fields: dict[str, Any], where: str) -> None:
    data = msgspec.json.encode([{"login": "bob"}, {"login": "alice"} | fields])
    with pytest.raises(BadDocument) as bad:
        person_json.read_documents(data)
    assert str(bad.value).startswith(f"person 2 (alice): {where}: ")
    assert re.search(r"found .+; must be |missing; must be |unknown key; ", str(bad.value))


def test_every_problem_is_reported_on_a_line() -> None:
    with pytest.raises(BadDocument) as bad:
        person_json.read_documents(
            b'[{"login": "a", "name": 5}, {"name": "no login"}, 7, {"login": "b"}, {"login": 5}]'
        )
    starts = [line.split(":")[0] for line in str(bad.value).splitlines()]
    assert starts == ["person 1 (a)", "person 2", "person 3", "person 5"]


@pytest.mark.parametrize(
    "data",
    [b"", b"{", b"login: alice", b'{"login": "a"}{"login": "b"}', b"\xff", b'{"login": "\xff"}', b'{"login": "\\ud800"}',
     b"[" * 100_000, b'{"a":' * 100_000],
    ids=lambda data: repr(data[:20]),
)  # fmt: skip
def test_invalid_json_is_reported(data: bytes) -> None:
    with pytest.raises(BadDocument, match=r"line [1-9]: not valid JSON"):
        person_json.read_documents(data)


@pytest.mark.parametrize("data", [b"5", b"null", b'"alice"', b"[[]]"])
def test_json_that_is_not_a_person_is_reported(data: bytes) -> None:
    with pytest.raises(BadDocument, match="person 1: "):
        person_json.read_documents(data)


def test_an_empty_list_is_valid() -> None:
    assert person_json.read_documents(b"[]") == []


def test_saving_rejects_an_unknown_field_in_visibility(built: GatewayHarness) -> None:
    outcome = imported(built, b'{"login": "alice", "visibility": {"shoe_size": "nobody"}}')
    assert isinstance(outcome, Invalid)
    assert (outcome.problems[0].login, outcome.problems[0].field) == ("alice", "visibility.shoe_size")


@pytest.mark.parametrize(
    ("name", "raw", "value"),
    [
        ("title", "Keeper", "Keeper"),
        ("aliases", ["ally"], ("ally",)),
        ("links", [{"url": "https://a.example/"}], (Link(url="https://a.example/"),)),
        ("keys", [{"kind": "ssh", "text": "x"}], (Key(kind="ssh", text="x"),)),
        ("irc", [{"network": "libera", "account": "a"}], (Account(network="libera", account="a"),)),
        ("status", {"text": "tea", "until": "2026-12-01T10:00:00Z"}, Status(text="tea", until=UNTIL)),
        ("status", None, None),
    ],
)
def test_parse_value(name: str, raw: Any, value: Any) -> None:
    assert person_json.parse_value(name, raw) == value


def test_parse_value_rejects_another_shape() -> None:
    with pytest.raises(BadDocument, match="title"):
        person_json.parse_value("title", 5)


def test_json_is_indented() -> None:
    assert (
        person_json.encode_json({"name": "Žofie", "aliases": []})
        == '{\n  "name": "Žofie",\n  "aliases": []\n}\n'.encode()
    )


# the schema


def test_the_schema_is_valid_and_describes_every_key() -> None:
    schema = person_json.person_schema()
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert msgspec.json.decode(msgspec.json.encode(schema)) == schema
    name = schema["$ref"].removeprefix("#/$defs/")
    described = schema["$defs"][name]
    assert described["type"] == "object"
    assert set(described["properties"]) == {"login", "listed", "hidden", "visibility", *STORED}
    assert described["required"] == ["login"]
    assert described["additionalProperties"] is False

    def references(tree: Any) -> Iterator[str]:
        for key, value in tree.items() if isinstance(tree, dict) else enumerate(tree if isinstance(tree, list) else []):
            if key == "$ref":
                yield value
            yield from references(value)

    for reference in references(schema):
        assert reference.removeprefix("#/$defs/") in schema["$defs"], reference
    levels = described["properties"]["visibility"]["additionalProperties"]
    assert levels == {"enum": ["everyone", "members", "nobody"]}
