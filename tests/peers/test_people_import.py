"""People imported from CSV and vCard files by the command: a dry run reports what the real run does, and exits like
it."""

import json
from pathlib import Path

import pytest

from tests.peers.gateway_process import Installation, make_installation, query_finger, run_gateway, wait_until

TABLE = """Login;Name;Office;Links;Visibility.Office;Hidden
alice;;C1;;everyone;
bob;Bob Adams;;;;
eve;"Eve\x1b[31m ""E."" Eden";;https://a.example https://b.example;;yes
"""
SHOWN = """alice:
  office: B12 -> C1
  visibility.office: nothing -> everyone
eve: new
  name: Eve "E." Eden
  links: [{"url":"https://a.example"},{"url":"https://b.example"}]
  hidden: true
  visibility.name: nobody
"""
CARDS = """BEGIN:VCARD
VERSION:4.0
FN:Zoë Čern
 á
NICKNAME:zoe
TEL;TYPE="work,voice";VALUE=uri:tel:+420-555-0177
NOTE:not for everybody
END:VCARD
BEGIN:VCARD
VERSION:3.0
FN:Žofie Nová
EMAIL;TYPE=INTERNET:Zofie@dir.test
END:VCARD
"""


@pytest.fixture
def installation(tmp_path: Path) -> Installation:
    return make_installation(tmp_path)


def test_a_csv_file_is_previewed_then_imported_while_the_gateway_runs(installation: Installation) -> None:
    file = installation.folder / "members.csv"
    file.write_text(TABLE)
    before = installation.run("people", "export").out
    dry = installation.run("people", "import", "members.csv", "--dry-run")
    assert dry.out == SHOWN
    assert dry.err == "Dry run: 1 added, 1 changed, 1 unchanged. Nothing was written.\n"
    assert installation.run("people", "export").out == before
    with run_gateway(installation):
        ran = installation.run("people", "import", "--json", "members.csv")
        assert ran.err == "1 added, 1 changed, 1 unchanged.\n"
        wait_until(lambda: "C1" in query_finger(installation.finger_port, "/W alice"), "the new office", 1)
        assert "no such user" in query_finger(installation.finger_port, "eve").lower()
    reply = json.loads(ran.out)
    assert reply["written"] is True
    assert [(each["login"], each["new"]) for each in reply["people"]] == [
        ("alice", False),
        ("bob", False),
        ("eve", True),
    ]
    assert reply["people"][0]["changes"]["office"] == {"from": "B12", "to": "C1"}
    again = installation.run("people", "import", "--dry-run", "members.csv")
    assert (again.out, again.err[:24]) == ("", "Dry run: 0 added, 0 chan")
    assert sorted(each.name for each in installation.folder.iterdir() if "people" in each.name) == ["people.db"]


def test_vcards_report_the_derived_login_and_ignored_properties(installation: Installation) -> None:
    dry = installation.run("people", "import", "--dry-run", "-", stdin=CARDS)
    assert dry.out == (
        "zoe: new\n  name: Zoë Černá\n  office_phone: +420-555-0177\n"
        "zofie:\n  name: Žofie Černá -> Žofie Nová\n  email: nothing -> Zofie@dir.test\n"
    )
    assert dry.err == (
        "<stdin>: card in line 1 (Zoë Černá): login zoe, taken from NICKNAME\n"
        "<stdin>: card in line 1 (Zoë Černá): not imported: NOTE\n"
        "<stdin>: card in line 9 (Žofie Nová): login zofie, taken from EMAIL\n"
        "Dry run: 1 added, 1 changed, 0 unchanged. Nothing was written.\n"
    )
    ran = installation.run("people", "import", "--format", "vcard", "-", stdin=CARDS)
    assert ran.err.splitlines()[-1] == "1 added, 1 changed, 0 unchanged."
    assert json.loads(installation.run("people", "export", "zofie").out)["email"] == "Zofie@dir.test"


@pytest.mark.parametrize("how", [(), ("--dry-run",)])
def test_a_dry_run_refuses_the_same_files_with_every_error(installation: Installation, how: tuple[str, ...]) -> None:
    installation.run("people", "rename", "bob", "rob")
    before = installation.run("people", "export").out
    wrong = "login,aliases,timezone\neve,,Mars\ne v,,\ntrent,a@b,\n"
    ran = installation.run("people", "import", *how, "-", stdin=wrong, code=2)
    assert [line.partition("; must be")[0] for line in ran.err.splitlines()] == [
        "<stdin>: line 2 (eve): timezone: found 'Mars'",
        "<stdin>: line 3 (e v): login: found 'e v'",
        "<stdin>: line 4 (trent): aliases: found 'a@b'",
    ]
    taken = "login,aliases\neve,ally\nbob,\ntrent,carol\ndave,al\n"
    ran = installation.run("people", "import", *how, "-", stdin=taken, code=2)
    assert ran.err == "".join(
        f"<stdin>: {who}: {field}: {name!r} is already taken\n"
        for who, field, name in (
            ("line 2 (eve)", "aliases", "ally"),
            ("line 3 (bob)", "login", "bob"),
            ("line 4 (trent)", "aliases", "carol"),
        )
    )
    assert ran.out == ""
    assert installation.run("people", "export").out == before


def test_a_former_login_finds_its_person_until_it_is_dropped(installation: Installation) -> None:
    with run_gateway(installation):
        ran = installation.run("people", "rename", "alice", "Alicia")
        assert ran.err == (
            "Renamed alice to alicia. 'alice' stays reserved and still finds this person. To release it: "
            "finger-gateway people set alicia former ''\n"
        )
        wait_until(lambda: "alicia" in query_finger(installation.finger_port, "alice"), "the new login", 1)
        for new in ("alice", "ally", "bob"):
            refused = installation.run("people", "rename", "dave", new, code=2)
            assert refused.err == f"dave: login: {new!r} is already taken\n"
        assert "; must be a name" in installation.run("people", "rename", "dave", "d v", code=2).err
        assert installation.run("people", "rename", "nobody", "x", code=1).err == "nobody: no such user.\n"
        assert json.loads(installation.run("people", "show", "alice", "--json").out)["former"] == ["alice"]
        installation.run("people", "set", "alicia", "former", "")
        wait_until(lambda: "alicia" not in query_finger(installation.finger_port, "alice"), "nobody", 1)
        installation.run("people", "rename", "dave", "alice")


def test_a_hundred_errors_are_listed_and_the_others_counted(installation: Installation) -> None:
    file = installation.folder / "wrong.csv"
    file.write_text("login,name\n" + "no login,x\n" * 150)
    ran = installation.run("people", "import", file, code=2)
    *output, last = ran.err.splitlines()
    assert len(output) == 100
    assert last.endswith("and 50 more errors")
