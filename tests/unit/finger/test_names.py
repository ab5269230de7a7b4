"""Several names in one query, and several people with one name, against typed bytes."""

from typing import Any

import pytest

from gateway.finger.settings import FingerSettings
from tests.unit.finger.conftest import Build
from tests.unit.finger.wire import ask
from tests.unit.fixtures import GatewayHarness

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
def built(build: Build) -> GatewayHarness:
    return build(people=PEOPLE)


def logged_outcomes(built: GatewayHarness) -> list[str]:
    return [record["outcome"] for record in built.access_log_entries]


@pytest.mark.parametrize("line", [b"ann,ben", b"ann, ben", b" ann ,,ben,", b"ann,annie,ben,ANN", b"ann,ben,ann,ben"])
def test_F055_names_separated_by_commas(built: GatewayHarness, line: bytes) -> None:
    assert ask(built, line + b"\r\n") == ANN + b"\r\n" + BEN
    assert logged_outcomes(built) == ["found"]


def test_F055_answers_are_in_the_order_of_the_names(built: GatewayHarness) -> None:
    assert ask(built, b"xx,ann,yy\r\n") == b"xx: no such user.\r\n\r\n" + ANN + b"\r\nyy: no such user.\r\n"
    assert ask(built, b"xx,yy\r\n") == b"xx: no such user.\r\n\r\nyy: no such user.\r\n"
    assert ask(built, b",\r\n") == b",: no such user.\r\n"
    assert logged_outcomes(built) == ["found", "not_found", "not_found"]


def test_F055_at_most_max_names_are_answered(built: GatewayHarness) -> None:
    four = b"a1: no such user.\r\n\r\na2: no such user.\r\n\r\na3: no such user.\r\n\r\na4: no such user.\r\n"
    assert ask(built, b"a1,a2,a3,a4\r\n") == four
    assert ask(built, b"a1,a2,a3,a4,ann\r\n") == four + "\r\n…\r\n".encode()
    assert ask(built, b"ann,ben\r\n", settings=FingerSettings(max_names=1)) == ANN + "\r\n…\r\n".encode()
    assert ask(built, b"ann ben\r\n", settings=FingerSettings(max_names=1)) == ANN + "\r\n…\r\n".encode()


def test_F055_lookups_of_one_line_are_limited(built: GatewayHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    lookup, names = built.deps.directory.lookup, []

    async def counted(name: str, viewer: Any) -> Any:
        names.append(name)
        return await lookup(name, viewer)

    monkeypatch.setattr(built.deps.directory, "lookup", counted)
    ask(built, b",".join(b"%%2%d a b" % n for n in range(50)) + b"\r\n")
    assert len(names) <= 25
    assert len(built.access_log_entries) == 1


def test_F055_a_hidden_name_among_several_is_like_a_missing_one(built: GatewayHarness) -> None:
    for line in (b"ann,%s,ben", b"%s,ann", b"ann %s", b"%s %s"):
        hidden = ask(built, line.replace(b"%s", b"cleo") + b"\r\n")
        assert hidden.replace(b"cleo", b"clxo") == ask(built, line.replace(b"%s", b"clxo") + b"\r\n")
    assert logged_outcomes(built)[::2] == logged_outcomes(built)[1::2]


def test_F056_F057_a_full_name_is_tried_before_several_names(built: GatewayHarness) -> None:
    assert ask(built, b"ann able\r\n") == ANN
    assert ask(built, b"ann ben\r\n") == ANN + b"\r\n" + BEN
    assert ask(built, b"ann xx\r\n") == ANN + b"\r\nxx: no such user.\r\n"
    assert ask(built, b"xx yy\r\n") == b"xx yy: no such user.\r\n"
    assert ask(built, b"ben,ann able\r\n") == BEN + b"\r\n" + ANN


def test_F057_a_full_name_may_contain_a_comma(built: GatewayHarness) -> None:
    assert ask(built, b"Ann Able, Jr.\r\n") == JR


@pytest.mark.parametrize("line", [b"ann/W", b"/Wann"])
def test_F052_text_that_is_not_a_switch_is_a_name(built: GatewayHarness, line: bytes) -> None:
    assert ask(built, line + b"\r\n") == line + b": no such user.\r\n"


def test_F059_an_ambiguous_name(built: GatewayHarness) -> None:
    assert ask(built, b"able\r\n") == ANN + b"\r\n" + BEN
    assert ask(built, b"able\r\n", settings=FingerSettings(ambiguous="short")) == (
        b"2 people have that name; ask for one by login:\r\n\r\nLogin  Name\r\nann    Ann Able\r\nben    Ben Able\r\n"
    )
    assert ask(built, b"able\r\n", settings=FingerSettings(ambiguous="deny")) == (
        b"able: more than one person has that name; ask by login.\r\n"
    )
    assert logged_outcomes(built) == ["ambiguous", "ambiguous", "refused"]


def test_F059_many_people_with_one_name_are_listed(build: Build) -> None:
    built = build(people=[{"login": f"lee{n:02}", "name": "Ann Lee"} for n in range(60)])
    reply = ask(built, b"ann lee\r\n").decode().splitlines()
    assert reply[:4] == ["60 people have that name; ask for one by login:", "", "Login  Name", "lee00  Ann Lee"]
    assert reply[-3:] == ["lee49  Ann Lee", "", "… and 10 more."]


@pytest.mark.parametrize("line", [b"a", b"an", b"*", b"%", b"%25", b".", b"0", b"_", b"ann%", b"a*", b"a,*", b"an %"])
def test_F060_partial_names_and_wildcards_find_nobody(built: GatewayHarness, line: bytes) -> None:
    assert b"Login" not in ask(built, line + b"\r\n")


def test_F061_composed_and_decomposed_characters_are_equal(built: GatewayHarness) -> None:
    composed, decomposed = b"\xc5\xbeofie\r\n", b"z\xcc\x8cofie\r\n"
    assert "Name:       Žofie Černá\r\n".encode() in ask(built, composed)
    assert ask(built, composed) == ask(built, decomposed)


@pytest.mark.parametrize("line", [b"%C5%BEofie", b"%c5%beofie", b"z%CC%8Cofie", b"%C5%BEofie%20%C4%8Cern%C3%A1"])
def test_F062_percent_encoding(built: GatewayHarness, line: bytes) -> None:
    assert "Name:       Žofie Černá\r\n".encode() in ask(built, line + b"\r\n")


def test_F062_the_literal_name_is_tried_first(built: GatewayHarness) -> None:
    assert b"Login:      dan\r\n" in ask(built, b"Ann%20Able\r\n")
    assert ask(built, b"Ann%20Abl%65\r\n") == ANN
    assert ask(built, b"ann%2Cben\r\n") == b"ann%2Cben: no such user.\r\n"
    assert ask(built, b"%FF\r\n") == b"%FF: no such user.\r\n"
    assert ask(built, b"cleo%20\r\n") == b"cleo%20: no such user.\r\n"
