"""One line, several names; one name, several people. Expected bytes are typed."""

from typing import Any

import pytest

from gateway.finger.settings import FingerSettings
from tests.unit.finger.conftest import Build
from tests.unit.finger.wire import ask
from tests.unit.fixtures import Built

ANN = (
    b"Login:      ann\r\n"
    b"Name:       Ann Able\r\n"
    b"Web:        https://dir.test/users/ann\r\n"
    b"Changed:    2026-11-20 09:30 UTC\r\n"
    b"\r\n"
    b"No Plan.\r\n"
)  # fmt: skip
BEN = (
    b"Login:      ben\r\n"
    b"Name:       Ben Able\r\n"
    b"Web:        https://dir.test/users/ben\r\n"
    b"Changed:    2026-11-20 09:30 UTC\r\n"
    b"\r\n"
    b"Plan:\r\n"
    b"Tea\r\n"
)  # fmt: skip
JR = (
    b"Login:      jr\r\n"
    b"Name:       Ann Able, Jr.\r\n"
    b"Web:        https://dir.test/users/jr\r\n"
    b"Changed:    2026-11-20 09:30 UTC\r\n"
    b"\r\n"
    b"No Plan.\r\n"
)
PEOPLE: tuple[dict[str, Any], ...] = (
    {"login": "ann", "name": "Ann Able", "aliases": ["annie"]},
    {"login": "ben", "name": "Ben Able", "plan": "Tea\n"},
    {"login": "cleo", "name": "Cleo Able", "hidden": True},
    {"login": "jr", "name": "Ann Able, Jr."},
    {"login": "žofie", "name": "Žofie Černá"},
    {"login": "dan", "name": "Ann%20Able"},
)


@pytest.fixture
def place(build: Build) -> Built:
    return build(people=PEOPLE)


def outcomes(built: Built) -> list[str]:
    return [record["outcome"] for record in built.access_log_entries]


@pytest.mark.parametrize("line", [b"ann,ben", b"ann, ben", b" ann ,,ben,", b"ann,annie,ben,ANN", b"ann,ben,ann,ben"])
def test_F055_names_between_commas(place: Built, line: bytes) -> None:
    assert ask(place, line + b"\r\n") == ANN + b"\r\n" + BEN
    assert outcomes(place) == ["found"]


def test_F055_each_name_is_answered_in_its_place(place: Built) -> None:
    assert ask(place, b"xx,ann,yy\r\n") == b"xx: no such user.\r\n\r\n" + ANN + b"\r\nyy: no such user.\r\n"
    assert ask(place, b"xx,yy\r\n") == b"xx: no such user.\r\n\r\nyy: no such user.\r\n"
    assert ask(place, b",\r\n") == b",: no such user.\r\n"
    assert outcomes(place) == ["found", "not_found", "not_found"]


def test_F055_no_more_than_max_names(place: Built) -> None:
    four = b"a1: no such user.\r\n\r\na2: no such user.\r\n\r\na3: no such user.\r\n\r\na4: no such user.\r\n"
    assert ask(place, b"a1,a2,a3,a4\r\n") == four
    assert ask(place, b"a1,a2,a3,a4,ann\r\n") == four + "\r\n…\r\n".encode()
    assert ask(place, b"ann,ben\r\n", settings=FingerSettings(max_names=1)) == ANN + "\r\n…\r\n".encode()
    assert ask(place, b"ann ben\r\n", settings=FingerSettings(max_names=1)) == ANN + "\r\n…\r\n".encode()


def test_F055_one_line_asks_no_more_than_so_often(place: Built, monkeypatch: pytest.MonkeyPatch) -> None:
    lookup, asked = place.deps.directory.lookup, []

    async def counted(name: str, viewer: Any) -> Any:
        asked.append(name)
        return await lookup(name, viewer)

    monkeypatch.setattr(place.deps.directory, "lookup", counted)
    ask(place, b",".join(b"%%2%d a b" % n for n in range(50)) + b"\r\n")
    assert len(asked) <= 25
    assert len(place.access_log_entries) == 1


def test_F055_hidden_among_several_is_unknown(place: Built) -> None:
    for line in (b"ann,%s,ben", b"%s,ann", b"ann %s", b"%s %s"):
        hidden = ask(place, line.replace(b"%s", b"cleo") + b"\r\n")
        assert hidden.replace(b"cleo", b"clxo") == ask(place, line.replace(b"%s", b"clxo") + b"\r\n")
    assert outcomes(place)[::2] == outcomes(place)[1::2]


def test_F056_F057_first_one_full_name_then_several(place: Built) -> None:
    assert ask(place, b"ann able\r\n") == ANN
    assert ask(place, b"ann ben\r\n") == ANN + b"\r\n" + BEN
    assert ask(place, b"ann xx\r\n") == ANN + b"\r\nxx: no such user.\r\n"
    assert ask(place, b"xx yy\r\n") == b"xx yy: no such user.\r\n"
    assert ask(place, b"ben,ann able\r\n") == BEN + b"\r\n" + ANN


def test_F057_a_comma_may_stand_in_a_full_name(place: Built) -> None:
    assert ask(place, b"Ann Able, Jr.\r\n") == JR


@pytest.mark.parametrize("line", [b"ann/W", b"/Wann"])
def test_F052_what_is_no_switch_is_a_name(place: Built, line: bytes) -> None:
    assert ask(place, line + b"\r\n") == line + b": no such user.\r\n"


def test_F059_a_name_of_several_people(place: Built) -> None:
    assert ask(place, b"able\r\n") == ANN + b"\r\n" + BEN
    assert ask(place, b"able\r\n", settings=FingerSettings(ambiguous="short")) == (
        b"2 people have that name; ask for one by login:\r\n\r\nLogin  Name\r\nann    Ann Able\r\nben    Ben Able\r\n"
    )
    assert ask(place, b"able\r\n", settings=FingerSettings(ambiguous="deny")) == (
        b"able: more than one person has that name; ask by login.\r\n"
    )
    assert outcomes(place) == ["ambiguous", "ambiguous", "refused"]


def test_F059_many_people_of_one_name_are_a_list(build: Build) -> None:
    built = build(people=[{"login": f"lee{n:02}", "name": "Ann Lee"} for n in range(60)])
    reply = ask(built, b"ann lee\r\n").decode().splitlines()
    assert reply[:4] == ["60 people have that name; ask for one by login:", "", "Login  Name", "lee00  Ann Lee"]
    assert reply[-3:] == ["lee49  Ann Lee", "", "… and 10 more."]


@pytest.mark.parametrize("line", [b"a", b"an", b"*", b"%", b"%25", b".", b"0", b"_", b"ann%", b"a*", b"a,*", b"an %"])
def test_F060_no_part_of_a_name_finds_anybody(place: Built, line: bytes) -> None:
    assert b"Login" not in ask(place, line + b"\r\n")


def test_F061_composed_and_decomposed(place: Built) -> None:
    composed, decomposed = b"\xc5\xbeofie\r\n", b"z\xcc\x8cofie\r\n"
    assert "Name:       Žofie Černá\r\n".encode() in ask(place, composed)
    assert ask(place, composed) == ask(place, decomposed)


@pytest.mark.parametrize("line", [b"%C5%BEofie", b"%c5%beofie", b"z%CC%8Cofie", b"%C5%BEofie%20%C4%8Cern%C3%A1"])
def test_F062_percent_encoding(place: Built, line: bytes) -> None:
    assert "Name:       Žofie Černá\r\n".encode() in ask(place, line + b"\r\n")


def test_F062_the_literal_name_comes_first(place: Built) -> None:
    assert b"Login:      dan\r\n" in ask(place, b"Ann%20Able\r\n")
    assert ask(place, b"Ann%20Abl%65\r\n") == ANN
    assert ask(place, b"ann%2Cben\r\n") == b"ann%2Cben: no such user.\r\n"
    assert ask(place, b"%FF\r\n") == b"%FF: no such user.\r\n"
    assert ask(place, b"cleo%20\r\n") == b"cleo%20: no such user.\r\n"
