"""Fifty people requested in every format: all formats agree, as third-party programs read them."""

import json
import os
import re
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import mf2py
import pytest

from tests.sample_people import people

from .gateway_process import Installation, make_installation, query_finger, run_gateway

PEOPLE = people()
READERS = Path(sys.prefix) / "npm" / "node_modules"
LINES = ("name", "pronouns", "title", "organisation", "email")


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    installation = make_installation(tmp_path_factory.mktemp("agreement"), people=PEOPLE)
    with run_gateway(installation):
        yield installation


def get(installation: Installation, path: str) -> str:
    with urllib.request.urlopen(f"http://localhost:{installation.web_port}{path}", timeout=10) as answer:
        return str(answer.read().decode())


@pytest.fixture(scope="module")
def json_documents(installation: Installation) -> list[dict[str, Any]]:
    """Return the JSON document of each person, checked against the data that was written."""
    documents = [json.loads(get(installation, f"/users/{each['login']}.json")) for each in PEOPLE]
    for document, person in zip(documents, PEOPLE, strict=True):
        for name, value in person.items():
            if name not in ("visibility", "status", "links"):
                assert document.get(name) == value
    return documents


def test_W027_W114_W150_two_vcard_parsers_read_the_same(
    installation: Installation, json_documents: list[dict[str, Any]]
) -> None:
    cards = [get(installation, f"/users/{each['login']}.vcf") for each in json_documents]
    script = Path(__file__).with_name("readers.js")
    ended = subprocess.run(
        ["node", str(script)],
        input=json.dumps(cards),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env=os.environ | {"NODE_PATH": str(READERS)},
    )
    assert ended.returncode == 0, ended.stderr
    for read, person in zip(json.loads(ended.stdout), json_documents, strict=True):
        strict, other = (properties_by_name(read[reader]) for reader in ("vcard4", "ical"))
        other = {name: [unescape_semicolons(value) for value in values] for name, values in other.items()}
        for card in (strict, other):
            assert card["uid"] == [person["acct"]]
            for name, field in (
                ("fn", "name"), ("x-pronouns", "pronouns"), ("title", "title"), ("email", "email"), ("tz", "timezone"),
                ("x-socialprofile", "fediverse"), ("note", "plan"),
            ):  # fmt: skip
                reply, known = card.get(name, []), [person[field]] if field in person else []
                assert (
                    reply == known
                    if not name.startswith("x-")
                    else strip_backslashes(reply) == strip_backslashes(known)
                ), (name, person)
            assert flatten(card["nickname"]) == [person["login"], *person.get("aliases", [])]
            assert card.get("key", []) == [key["text"] for key in person.get("keys", [])]
            assert card["url"] == [person["url"], *(link["url"] for link in person.get("links", []))]
            labelled = [*person.get("links", []), *person.get("keys", [])]
            labels = [each["label"] for each in labelled if each.get("label")]
            assert strip_backslashes(card.get("x-ablabel", [])) == strip_backslashes(labels)
            installations = [installation for parts in card.get("adr", []) for installation in parts if installation]
            assert installations == [person[field] for field in ("office", "location") if field in person]
            assert flatten(card.get("org", [])) == [person[field] for field in ("organisation",) if field in person]
            numbers = [
                re.sub(r"[^\w+]", "", person[field]) for field in ("office_phone", "home_phone") if field in person
            ]
            spoken = [re.sub("^tel:", "", each).replace(";ext=", "ext") for each in card.get("tel", [])]
            assert [re.sub(r"[^\w+]", "", each) for each in spoken] == numbers


def properties_by_name(properties: list[Any]) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {}
    for _, name, _, value in properties:
        values = value if isinstance(value, list) else [list(value.values()) if isinstance(value, dict) else value]
        found.setdefault(name, []).extend(values)
    return found


def unescape_semicolons(value: Any) -> Any:
    """Unescape semicolons, which ical.js leaves escaped."""
    return [unescape_semicolons(each) for each in value] if isinstance(value, list) else value.replace("\\;", ";")


def strip_backslashes(values: list[str]) -> list[str]:
    """Remove backslashes: parsers cannot unescape properties that they do not know."""
    return [re.sub(r'["\\]', "", each) for each in values]


def flatten(values: list[Any]) -> list[Any]:
    return [each for value in values for each in (value if isinstance(value, list) else [value])]


def test_W040_W150_webfinger_agrees(installation: Installation, json_documents: list[dict[str, Any]]) -> None:
    for person in json_documents:
        document = json.loads(get(installation, f"/.well-known/webfinger?resource={quote(person['acct'])}"))
        assert document["subject"] == person["acct"]
        assert {person["url"], person["finger"]} <= set(document["aliases"])
        assert {f"acct:{alias}@dir.test" for alias in person.get("aliases", [])} <= set(document["aliases"])
        mine = [link["href"] for link in document["links"] if link["rel"] == "me"]
        assert mine == [link["url"] for link in person.get("links", []) if link.get("me")]


def test_W150_finger_agrees(installation: Installation, json_documents: list[dict[str, Any]]) -> None:
    """Finger wraps long values, so they are compared without whitespace."""
    for person in json_documents:
        answer = "".join(query_finger(installation.finger_port, f"/W {person['login']}").split())
        for field in (
            *LINES,
            "pronunciation",
            "office",
            "location",
            "project",
            "office_phone",
            "home_phone",
            "fediverse",
        ):
            if field in person:
                assert "".join(person[field].split()) in answer, (field, person)
        for link in person.get("links", []):
            assert link["url"] in answer
        for line in person.get("plan", "").split("\n"):
            assert "".join(line.split()) in answer


def test_W026_W121_W150_the_page_holds_the_same_h_card(
    installation: Installation, json_documents: list[dict[str, Any]]
) -> None:
    for person in json_documents:
        page = mf2py.parse(doc=get(installation, f"/users/{person['login']}.html"), url=person["url"])
        (card,) = (each["properties"] for each in page["items"] if each["type"] == ["h-card"])
        for name, field in (
            ("name", "name"), ("nickname", "login"), ("pronouns", "pronouns"), ("job-title", "title"), ("org", "organisation"),
            ("locality", "location"), ("tz", "timezone"),
        ):  # fmt: skip
            assert [" ".join(each.split()) for each in card.get(name, [])] == (
                [" ".join(person[field].split())] if field in person else []
            ), (name, person)
        assert card["uid"] == [person["url"]]
        assert {person["url"], *(link["url"] for link in person.get("links", []))} <= set(card["url"])
        assert card.get("email", []) == ([f"mailto:{person['email']}"] if "email" in person else [])
        numbers = [person[field] for field in ("office_phone", "home_phone") if field in person]
        digits = [re.sub(r"[^\w]", "", each.removeprefix("tel:")) for each in card.get("tel", [])]
        assert digits == [re.sub(r"[^\w]", "", each) for each in numbers]
        assert [each.strip() for each in card.get("key", [])] == [key["text"] for key in person.get("keys", [])]
        if "plan" in person:
            notes = [note if isinstance(note, str) else note["value"] for note in card["note"]]
            assert "".join(person["plan"].split()) in ["".join(note.split()) for note in notes]
        mine = {link["url"] for link in person.get("links", []) if link.get("me")}
        assert set(page["rels"].get("me", [])) == mine
