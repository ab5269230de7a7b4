"""People from CSV and vCard files; detecting the format; reporting all problems at once."""

import random
from typing import Any

import pytest
import vobject
from hypothesis import given
from hypothesis import strategies as st

from gateway.directory.interfaces import Create, Modify
from gateway.directory.person import Key, Link, Status, Visibility
from gateway.directory.privacy import Audience, Profile
from gateway.formats import people_files
from gateway.formats.people_files import Kind, PersonEntry
from gateway.formats.person_json import BadDocument

N, M = Visibility.NOBODY, Visibility.MEMBERS


def read(kind: Kind, data: str | bytes) -> list[PersonEntry]:
    return people_files.read_people(kind, data.encode() if isinstance(data, str) else data)


def one(kind: Kind, data: str | bytes) -> Create:
    (entry,) = read(kind, data)
    edit = entry.make_edit(None)
    assert isinstance(edit, Create)
    return edit


def problems_of(kind: Kind, data: str | bytes) -> list[str]:
    with pytest.raises(BadDocument) as bad:
        read(kind, data)
    return str(bad.value).splitlines()


def assert_problems(kind: Kind, data: str | bytes, *expected: str) -> None:
    """Assert that each problem begins as expected, and that there are no others."""
    for line, start in zip(problems_of(kind, data), expected, strict=True):
        assert line.startswith(start), line


# Format


@pytest.mark.parametrize(
    ("name", "data", "kind"),
    [
        ("-", b'[{"login": "a"}]', "json"),
        ("people.csv", b"\xef\xbb\xbf {}", "json"),
        ("-", b"begin:vcard\r\n", "vcard"),
        ("people.txt", b"\r\nBEGIN:VCARD\nVERSION:4.0\n", "vcard"),
        ("-", b"Name;Login\nAlice;alice\n", "csv"),
        ("-", b"login\nalice\n", "csv"),
        ("people.csv", b"nmae,e-mail\n", "csv"),
        ("PEOPLE.VCF", b"", "vcard"),
        ("people.json", b"login: alice", "json"),
        ("-", b"Dear all,\n", None),
        ("-", b"", None),
        ("-", b"\xff\xfel\0o\0", None),
    ],
)
def test_the_format_is_detected(name: str, data: bytes, kind: str | None) -> None:
    assert people_files.detect_kind(name, data) == kind


@given(st.binary(max_size=200), st.sampled_from(people_files.KINDS))
def test_any_bytes_give_people_or_problems(data: bytes, kind: Kind) -> None:
    for start in (b"", b"login,name,links\n", b"BEGIN:VCARD\nVERSION:4.0\nNICKNAME:a\nFN:A\n"):
        people_files.detect_kind("-", start + data)
        try:
            people_files.read_people(kind, start + data)
        except BadDocument as bad:
            assert str(bad)


# CSV


def test_csv_reads_every_shape_of_field() -> None:
    edit = one(
        "csv",
        "login,name,aliases,links,keys,status,Office Phone,visibility.office,listed,hidden,plan\r\n"
        'alice,"Adams, ""Al""",ally al,https://a.example https://b.example,'
        '"[{""kind"": ""ssh"", ""text"": ""ssh-ed25519 AAAA""}]",at tea,+420 1,Members,no,yes,"First\r\nSecond"\r\n',
    )
    assert edit.login == "alice"
    assert edit.values == {
        "name": 'Adams, "Al"',
        "aliases": ("ally", "al"),
        "links": (Link(url="https://a.example"), Link(url="https://b.example")),
        "keys": (Key(kind="ssh", text="ssh-ed25519 AAAA"),),
        "status": Status(text="at tea"),
        "office_phone": "+420 1",
        "plan": "First\r\nSecond",
    }
    assert (edit.visibility, edit.listed) == ({"office": M, "name": N}, False)


def test_a_csv_cell_may_hold_json() -> None:
    edit = one("csv", 'login\tlinks\tstatus\nalice\t{"url":"https://a.example","me":true}\t{"text":"x"}\n')
    assert edit.values == {"links": (Link(url="https://a.example", me=True),), "status": Status(text="x")}


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("bom", ["", "\ufeff"])
def test_the_csv_delimiter_is_detected(delimiter: str, end: str, bom: str) -> None:
    rows = (("login", "name", "title"), ("alice", '"A, B; C"', "x"), ("", "", ""), ("bob", "Bob"))
    text = bom + end.join(delimiter.join(row) for row in rows)
    alice, bob = (entry.make_edit(None) for entry in read("csv", text))
    assert isinstance(alice, Create)
    assert isinstance(bob, Create)
    assert alice.values == {"name": "A, B; C", "title": "x"}
    assert bob.values == {"name": "Bob"}


def test_the_separator_line_of_excel_is_obeyed() -> None:
    assert one("csv", "sep=;\r\nlogin;name\r\nalice;Alice\r\n").values == {"name": "Alice"}


def test_empty_csv_cells_clear_nothing() -> None:
    now = Profile(
        login="alice", audience=Audience.ADMINISTRATOR, shown=frozenset(), changed={}, updated=None, until=None,
        visibility={"office": M, "email": N}, listed=False, version=3,
    )  # fmt: skip
    (entry,) = read("csv", "login,name,office,visibility.office,visibility.email,listed\nalice,,C1,,everyone,\n")
    edit = entry.make_edit(now)
    assert isinstance(edit, Modify)
    assert edit.values == {"office": "C1"}
    assert (edit.visibility, edit.listed, edit.base) == ({"email": Visibility.EVERYONE}, None, 3)


def test_every_csv_problem_is_reported_with_its_line() -> None:
    assert_problems(
        "csv",
        "login,name,timezone,links,hidden,visibility.office\n"
        'alice,"two\nlines",Mars,nope,perhaps,friends\n'
        ",Nobody\n"
        "e v,,,[,,\n"
        "Bob,,,,,\n"
        "bob,,,,,,more\n"
        "bob,,,,,\n",
        "line 2 (alice): hidden: found 'perhaps'; must be true or false",
        'line 2 (alice): visibility.office: found \'friends\'; must be "everyone", "members" or "nobody"',
        "line 4: login: missing",
        "line 5 (e v): links: found '[' (",
        "line 7 (bob): column 7: 'more' has no heading above it",
        "line 8 (bob): login: 'bob' is also a name of line 6 (Bob)",
    )
    assert_problems(
        "csv",
        'login;name;timezone;links;aliases\nalice;"two\nlines";Mars;nope;a@b\n-x;;;;\n',
        "line 2 (alice): name: found several lines; must be a single line",
        "line 2 (alice): aliases: found 'a@b'; must be a name without spaces and without / \\ @ ",
        "line 2 (alice): timezone: found 'Mars'; must be a time zone, e.g. ",
        "line 2 (alice): links: found 'nope'; must be a full address, e.g. https://",
        "line 4 (-x): login: found '-x'; must be a name that does not begin with - ~ or .",
    )


def key_and_hint(line: str) -> tuple[str, str]:
    return line.split(": ")[1], line.partition("; did you mean ")[2].partition("?")[0]


def test_an_unknown_heading_is_reported_with_a_suggestion() -> None:
    wrong = problems_of("csv", "User,Full Name,E-Mail,Phone,nmae,visibility.ofice,shoe size,name,name\nx,,,,,,,,\n")
    assert [key_and_hint(line) for line in wrong] == [
        ("User", "login"),
        ("Full Name", "name"),
        ("E-Mail", "email"),
        ("Phone", "office_phone"),
        ("nmae", "name"),
        ("visibility.ofice", "visibility.office"),
        ("shoe size", ""),
        ("name", ""),
        ("login", ""),
    ]


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (
            b"login,name\nalice,Ren\xe9\n",
            "line 2: found a byte that is not UTF-8 (0xE9); must be CSV in UTF-8; save it as",
        ),
        ("login,name\n".encode("utf-16"), "line 1: found UTF-16; must be CSV in UTF-8"),
        (b"", "line 1: empty; the first row must name the fields"),
        (b"\n\n", "line 1: empty; the first row must name the fields"),
        (b'login,name\nalice,"Al\n', "line 2: not valid CSV (unexpected end of data)"),
        (b'login,name\nbob,B\nalice,"Al"x\n', "line 3: not valid CSV ("),
        (b"name\nalice\n", "line 1: login: no such heading; a column must have everybody's login"),
    ],
)
def test_invalid_csv_is_reported(data: bytes, expected: str) -> None:
    assert_problems("csv", data, expected)


def test_a_csv_plan_may_be_as_long_as_the_field_allows() -> None:
    assert len(one("csv", f"login,plan\nalice,{'x' * 262144}\n").values["plan"]) == 262144
    assert_problems("csv", f"login,plan\nalice,{'x' * 262145}\n", "line 2 (alice): plan: found 262145 ")


def test_names_claimed_twice_in_a_file_are_reported() -> None:
    assert_problems(
        "csv",
        "login,aliases\nalice,al\nbob,Al\ncarol,alice\n",
        "line 3 (bob): aliases: 'al' is also a name of line 2 (alice)",
        "line 4 (carol): aliases: 'alice' is also a name of line 2 (alice)",
    )


# vCard


CARD = """BEGIN:VCARD
VERSION:4.0
UID:urn:uuid:1
FN:Zoë Č
 erná
N:Černá;Zoë;;;
NICKNAME:Zoe Č,zoe,zz
PRONOUNS:she/her
TITLE:Keeper\\, of the kettle
ORG:The Tea\\; Club;Kitchen
TEL;VALUE=uri;TYPE="work,voice";PREF=2:tel:+1-555-0100;ext=12
TEL;VALUE=uri;TYPE=home;PREF=1:tel:+1-555-0199
TEL;TYPE=work,fax:+1-555-0111
TEL;TYPE=cell:+1 555 7
item1.URL:https\\://zoe.example/
item1.X-ABLabel:_$!<HomePage>!$_
URL:https://other.example/a\\,b
EMAIL:zoe@dir.test
EMAIL;PREF=1:mailto:best@dir.test
NOTE:a note\\nof two lines
TZ:-0100
TZ:Europe/Prague
ADR;TYPE=home:;;Street 1;Praha;;11000;CZ
KEY:data:application/pgp-keys;base64,LS0tLS1CRUdJTiBQR1AgUFVCTElDIEtFWSBCTE9DSy0tLS0tCg==
KEY;TYPE=ssh:ssh-ed25519 AAAA laptop
KEY:https://zoe.example/key.asc
IMPP:xmpp:zoe@dir.test
PHOTO:https://zoe.example/me.png
END:VCARD
"""


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_vcard_is_read_into_fields(end: str) -> None:
    (entry,) = read("vcard", CARD.replace("\n", end))
    edit = entry.make_edit(None)
    assert isinstance(edit, Create)
    assert edit.login == "zoe"
    assert edit.values == {
        "name": "Zoë Černá",
        "pronouns": "she/her",
        "title": "Keeper, of the kettle",
        "organisation": "The Tea; Club, Kitchen",
        "office_phone": "+1-555-0100 ext. 12",
        "home_phone": "+1-555-0199",
        "email": "best@dir.test",
        "location": "Praha",
        "timezone": "Europe/Prague",
        "links": (
            Link(label="HomePage", url="https://zoe.example/"),
            Link(url="https://other.example/a,b"),
        ),
        "keys": (
            Key(kind="pgp", text="-----BEGIN PGP PUBLIC KEY BLOCK-----"),
            Key(kind="ssh", text="ssh-ed25519 AAAA laptop"),
        ),
    }
    assert entry.raw.login_source == "NICKNAME"
    assert entry.raw.ignored == ("TEL", "EMAIL", "NOTE", "TZ", "KEY", "IMPP", "PHOTO")


def card(*lines: str, version: str = "3.0") -> str:
    return "\r\n".join(("BEGIN:VCARD", f"VERSION:{version}", *lines, "END:VCARD", ""))


@pytest.mark.parametrize(
    ("lines", "login", "source"),
    [
        (("NICKNAME:Ally", "EMAIL:alice@dir.test"), "Ally", "NICKNAME"),
        (("NICKNAME:Al A.", "EMAIL:alice@dir.test"), "alice", "EMAIL"),
        (("EMAIL:first@dir.test", "EMAIL;TYPE=pref:best@dir.test"), "first", "EMAIL"),
        (("email;type=INTERNET:a.b+c@dir.test",), "a.b+c", "EMAIL"),
    ],
)
def test_the_login_is_a_nickname_or_the_part_before_the_at(lines: tuple[str, ...], login: str, source: str) -> None:
    (entry,) = read("vcard", card("FN:A", *lines))
    assert (entry.document.login, entry.raw.login_source) == (login, source)


def test_a_fold_may_split_a_character() -> None:
    assert one("vcard", card("FN:Ren\u00e9", "NICKNAME:r").encode().replace(b"\xc3\xa9", b"\xc3\r\n \xa9")).values == {
        "name": "René"
    }


def test_every_vcard_problem_is_reported_with_its_line() -> None:
    assert_problems(
        "vcard",
        card("FN:Old", version="2.1")
        + card("FN:Nobody")
        + card("FN:Odd", "NICKNAME:a b", "EMAIL:@dir.test")
        + card("FN;ENCODING=QUOTED-PRINTABLE:B=3D", "broken")
        + card("FN:The Club", "KIND:group", "NICKNAME:club", version="4.0")
        + card("NICKNAME:zoe", "URL:zoe.example")
        + "FN:outside\r\nBEGIN:VCARD\r\nBEGIN:VCARD\r\n",
        "line 1: VERSION: found 2.1; must be 3.0 or 4.0",
        "card in line 5 (Nobody): login: none can be taken from a card without NICKNAME and EMAIL",
        "card in line 9 (Odd): login: none can be taken from NICKNAME 'a b', EMAIL '@dir.test'; add ",
        "line 17: FN: quoted-printable is of vCard 2.1",
        "line 18: found 'broken'; must be NAME:value",
        "card in line 20 (The Club): KIND: found 'group'; must be individual",
        "card in line 26: links: found 'zoe.example'; must be a full address, e.g. https://",
        "line 31: FN: this line is outside of a card",
        "line 33: BEGIN: the card of line 32 has no END:VCARD",
        "line 33: BEGIN: this card has no END:VCARD",
    )
    assert_problems(
        "vcard", b"BEGIN:VCARD\nVERSION:3.0\nFN:\xe9\nEND:VCARD\n", "line 3: found a byte that is not UTF-8 (0xE9)"
    )
    assert_problems("vcard", "", "line 1: no card; a card is BEGIN:VCARD ... END:VCARD")


def test_a_thousand_cards_written_by_vobject() -> None:
    chance = random.Random(3)
    letters = "abc ABC,;:\\\"'\n\tÉžλ漢🫖=^|"

    def text(most: int) -> str:
        return "".join(chance.choices(letters, k=chance.randint(1, most))).strip() or "x"

    written: list[dict[str, Any]] = []
    cards = []
    for number in range(1000):
        person = {
            "name": " ".join(text(120).split()),
            "title": " ".join(text(100).split()),
            "organisation": " ".join(text(60).split()),
            "office_phone": f"+420 {chance.randint(1, 999999)}",
            "email": f"person{number}@dir.test",
            "location": " ".join(text(30).split()),
        }
        made = vobject.vCard()
        made.add("fn").value = person["name"]
        made.add("n").value = vobject.vcard.Name(family=text(20))
        made.add("title").value = person["title"]
        made.add("org").value = [person["organisation"]]
        made.add("email").value = person["email"]
        made.add("note").value = text(200)
        made.add("adr").value = vobject.vcard.Address(city=person["location"], street=text(20))
        telephone = made.add("tel")
        telephone.value, telephone.type_param = person["office_phone"], ["WORK", "VOICE"]
        cards.append(made.serialize())
        written.append(person)
    edits = [entry.make_edit(None) for entry in read("vcard", "".join(cards))]
    assert [edit.login for edit in edits] == [f"person{number}" for number in range(1000)]
    assert [edit.values for edit in edits] == written
