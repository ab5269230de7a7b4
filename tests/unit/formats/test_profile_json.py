"""People in the JSON API."""

from typing import Any

import msgspec
import pytest

from gateway.directory.fields import FIELDS, STORED
from gateway.directory.viewers import Viewer
from gateway.formats.person_json import encode_json
from gateway.formats.profile_json import PeopleDocument, make_list_documents, make_profile_document
from tests.unit.directory.doubles import ADMINISTRATOR, MEMBER, STRANGER
from tests.unit.fixtures import GatewayHarness
from tests.unit.formats.test_person_json import DOCUMENT, built, imported, profile

__all__ = ["built"]


class Site:
    host = "dir.test"
    url = "https://dir.test"

    def person_url(self, login: str) -> str:
        return f"https://dir.test/users/{login}"


def document_of(built: GatewayHarness, login: str, viewer: Viewer = STRANGER) -> dict[str, Any]:
    document: dict[str, Any] = msgspec.json.decode(
        encode_json(make_profile_document(profile(built, login, viewer), Site()))
    )
    return document


def test_W020_a_profile_as_everyone_sees_it(built: GatewayHarness) -> None:
    imported(built, DOCUMENT)
    document = document_of(built, "alice")
    assert len(document.pop("updated")) == len("2026-12-01T10:00:00Z")
    assert document == {
        "login": "alice", "name": "Alice Adams", "aliases": ["ally"], "pronouns": "she/her", "pronunciation": "AL-iss",
        "title": "Keeper of the kettle", "links": [{"label": "Blog", "url": "https://alice.example/", "me": True}],
        "project": "A better teapot", "plan": "First line\nSecond line\n",
        "status": {"text": "at the kettle", "until": "2026-12-01T10:00:00Z"}, "fediverse": "@alice@social.example",
        "url": "https://dir.test/users/alice", "acct": "acct:alice@dir.test", "finger": "finger://dir.test/alice",
    }  # fmt: skip


def test_a_profile_shows_what_its_viewer_may_see(built: GatewayHarness) -> None:
    imported(built, DOCUMENT)
    imported(built, b'{"login": "alice", "former": ["alice.adams"]}')
    member = document_of(built, "alice", MEMBER)
    assert {"email", "office_phone", "keys", "timezone"} <= set(member)
    assert not {"home_phone", "irc", "former", "listed", "hidden", "visibility", "version"} & set(member)
    administrator = document_of(built, "alice", ADMINISTRATOR)
    assert administrator["home_phone"] == "+420 555 0199"
    assert set(administrator) & set(FIELDS) == set(STORED)


def test_a_person_without_fields(built: GatewayHarness) -> None:
    imported(built, b'{"login": "bare"}')
    assert set(document_of(built, "bare")) == {"login", "url", "acct", "finger"}


def test_a_list_leaves_out_long_texts(built: GatewayHarness) -> None:
    imported(built, DOCUMENT)
    people = PeopleDocument(make_list_documents([profile(built, "alice", MEMBER)], Site()), "/users?after=x")
    listed = msgspec.json.decode(encode_json(people))
    assert listed["next"] == "/users?after=x"
    assert listed["people"][0]["project"] == "A better teapot"
    assert not {"plan", "keys"} & set(listed["people"][0])


@pytest.mark.parametrize(
    ("field", "value", "shown"),
    [
        ("plan", "a\x1b[31mred\nb", "ared\nb"),
        ("title", "Keeper\x1b]0;owned\x07 of\u202e it", "Keeper of it"),
        ("status", {"text": "at\x07 the kettle"}, {"text": "at the kettle"}),
        (
            "links",
            [{"url": "https://a.example/", "label": "B\x1b[1mlog"}],
            [{"url": "https://a.example/", "label": "Blog"}],
        ),
    ],
)
def test_W009_texts_are_sanitized(built: GatewayHarness, field: str, value: object, shown: object) -> None:
    imported(built, msgspec.json.encode({"login": "alice", field: value}))
    assert document_of(built, "alice")[field] == shown
