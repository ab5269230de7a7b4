"""Every field of a person appears in every view, and import reads it back, unless MISSING says why not."""

import csv
import io
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from gateway.directory.fields import FIELDS, STORED
from gateway.directory.person import Login
from gateway.directory.privacy import Profile
from gateway.directory.results import Found
from gateway.finger.protocol import FingerService
from gateway.finger.settings import FingerSettings
from gateway.formats import people_files, person_json
from gateway.formats.vcard_writer import make_vcard
from tests.unit.directory.doubles import ADMINISTRATOR
from tests.unit.fixtures import GatewayHarness, make_dependencies, result_of
from tests.unit.test_request_tracking import STRANGER, exchange_bytes, over_irc
from tests.unit.web.browser import MEMBER, Browser

# The value of each field, and a word that appears only if the field is shown.
VALUES: dict[str, tuple[Any, str]] = {
    "name": ("Zqname", "Zqname"),
    "aliases": (["zqalias"], "zqalias"),
    "pronouns": ("zqpronouns", "zqpronouns"),
    "pronunciation": ("zqpronunciation", "zqpronunciation"),
    "title": ("Zqtitle", "Zqtitle"),
    "organisation": ("Zqorganisation", "Zqorganisation"),
    "office": ("Zqoffice", "Zqoffice"),
    "office_phone": ("zqofficephone", "zqofficephone"),
    "home_phone": ("zqhomephone", "zqhomephone"),
    "email": ("zqemail@mail.example", "zqemail@mail.example"),
    "location": ("Zqlocation", "Zqlocation"),
    "timezone": ("Antarctica/Vostok", "Antarctica/Vostok"),
    "links": ([{"url": "https://zqlink.example/", "label": "Zqlabel", "me": True}], "zqlink.example"),
    "keys": ([{"kind": "ssh", "text": "zqkey", "label": "Zqlaptop"}], "zqkey"),
    "project": ("Zqproject", "Zqproject"),
    "plan": ("Zqplan\n", "Zqplan"),
    "status": ({"text": "Zqstatus"}, "Zqstatus"),
    "irc": ([{"network": "zqnetwork", "account": "zqaccount"}], "zqaccount"),
    "fediverse": ("@zqfediverse@social.example", "zqfediverse"),
    "former": (["zqformer"], "zqformer"),
}
# A session that shows only the field, for the fields that are observed and not stored.
SESSIONS: dict[str, tuple[Login, str]] = {
    "presence": (Login(since=datetime(2026, 3, 14, 9, tzinfo=UTC)), "2026-03-14"),
    "terminal": (Login(terminal="zqterminal"), "zqterminal"),
    "origin": (Login(origin="zqorigin"), "zqorigin"),
    "idle": (Login(active=datetime(2026, 3, 15, 9, tzinfo=UTC)), "2026-03-15"),
}
LAST_SEEN, LAST_SEEN_WORD = datetime(2026, 3, 16, 9, tzinfo=UTC), "2026-03-16"

_LONG_ANSWER_ONLY = "the short answer leaves it to /W"
_ON_THE_PAGE = "an IRC answer has only the most requested fields; the page has all"
_NO_PROPERTY = "vCard has no property for it"
_OBSERVED = "observed, not stored: no card or file has it"
# The fields that a view leaves out, and why. A field that appears all the same has to go from here.
MISSING: dict[str, dict[str, str]] = {
    "finger long answer": {},
    "IRC answer": dict.fromkeys(("keys", "irc", "former"), _ON_THE_PAGE),
    "HTML page": {},
    "JSON document": {},
    "text page": dict.fromkeys(("aliases", "former", "pronunciation", "irc", "keys"), _LONG_ANSWER_ONLY),
    "vCard": dict.fromkeys(("pronunciation", "project", "status", "irc", "former"), _NO_PROPERTY)
    | dict.fromkeys((name for name in FIELDS if name not in STORED), _OBSERVED),
}


def ask_finger(built: GatewayHarness) -> str:
    return exchange_bytes(FingerService(FingerSettings(), built.deps).factory.buildProtocol(STRANGER), b"/W alice\r\n")


def ask_irc(built: GatewayHarness) -> str:
    return over_irc(built.deps)


def ask_web(extension: str) -> Callable[[GatewayHarness], str]:
    def ask(built: GatewayHarness) -> str:
        answer = Browser(built).request(f"/users/alice{extension}", peer=MEMBER, Accept="text/html")
        assert answer.code == 200
        body = answer.body.decode().replace("\r\n ", "")  # vCards are folded
        return re.sub(' href="[^"]*"', "", body)  # an address has to be readable, not only a link

    return ask


VIEWS: dict[str, Callable[[GatewayHarness], str]] = {
    "finger long answer": ask_finger,
    "IRC answer": ask_irc,
    "HTML page": ask_web(""),
    "JSON document": ask_web(".json"),
    "text page": ask_web(".txt"),
    "vCard": ask_web(".vcf"),
}
Build = Callable[[str], GatewayHarness]


@pytest.fixture
def build(tmp_path: Path) -> Iterator[Build]:
    """Build a gateway whose one person has only the given field; everyone may see all."""
    made: list[GatewayHarness] = []

    def make(name: str) -> GatewayHarness:
        person: dict[str, Any] = {"login": "alice", "visibility": dict.fromkeys(FIELDS, "everyone")}
        if name in VALUES:
            person[name] = VALUES[name][0]
        built = make_dependencies(tmp_path, [person])
        made.append(built)
        presence = built.deps.directory.presence
        if name in SESSIONS:
            presence.update("test", {"alice": (SESSIONS[name][0],)})
        if name == "last_seen":
            presence.last_seen["alice"] = LAST_SEEN
        return built

    yield make
    for each in made:
        each.stop()


def word(name: str) -> str:
    if name in VALUES:
        return VALUES[name][1]
    return SESSIONS[name][1] if name in SESSIONS else LAST_SEEN_WORD


def test_each_field_has_a_value_and_each_view_its_gaps() -> None:
    assert list(VALUES) == list(STORED)
    assert [*VALUES, *SESSIONS, "last_seen"] == list(FIELDS)
    assert MISSING.keys() == VIEWS.keys()
    assert {name for gaps in MISSING.values() for name in gaps} <= FIELDS.keys()


@pytest.mark.parametrize("name", FIELDS)
@pytest.mark.parametrize("view", VIEWS)
def test_a_view_shows_the_field(view: str, name: str, build: Build) -> None:
    shown = word(name) in VIEWS[view](build(name))
    assert shown == (name not in MISSING[view]), MISSING[view].get(name, "not shown")


def profile(built: GatewayHarness) -> Profile:
    answer = result_of(built.deps.directory.lookup("alice", ADMINISTRATOR))
    assert isinstance(answer, Found)
    return answer.profile


def as_json(built: GatewayHarness) -> tuple[people_files.Kind, bytes]:
    return "json", person_json.encode_json(person_json.make_person_document(profile(built)))


def as_csv(built: GatewayHarness) -> tuple[people_files.Kind, bytes]:
    """The gateway writes no CSV: a spreadsheet has texts as they are, and JSON for everything else."""
    document = person_json.make_person_document(profile(built))
    row = {name: document[name] for name in STORED if name in document} | {"login": "alice"}
    for name, value in row.items():
        if isinstance(value, list | tuple) and all(isinstance(each, str) for each in value):
            row[name] = " ".join(value)
        elif not isinstance(value, str):
            row[name] = msgspec.json.encode(value).decode()
    table = io.StringIO(newline="")
    writer = csv.DictWriter(table, row)
    writer.writeheader()
    writer.writerow(row)
    return "csv", table.getvalue().encode()


def as_vcard(built: GatewayHarness) -> tuple[people_files.Kind, bytes]:
    return "vcard", make_vcard(profile(built), built.deps.site).encode()


@pytest.mark.parametrize("name", STORED)
@pytest.mark.parametrize("write", [as_json, as_csv, as_vcard])
def test_import_reads_the_field_back(
    write: Callable[[GatewayHarness], tuple[people_files.Kind, bytes]], name: str, build: Build
) -> None:
    built = build(name)
    kind, data = write(built)
    (entry,) = people_files.read_people(kind, data)
    kept = kind != "vcard" or name not in MISSING["vCard"]
    values = person_json.field_values(entry.document)
    assert values == ({name: getattr(profile(built), name)} if kept else {})
