"""vCard 4.0 (RFC 6350): what is written, and that import reads it back."""

import re
from datetime import UTC, datetime
from time import process_time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.directory.person import Account, Key, Link
from gateway.directory.privacy import Audience, Profile
from gateway.formats import people_files, person_json, vcard_syntax
from gateway.formats.vcard_writer import make_short_vcards, make_vcard

AT = datetime(2026, 11, 24, 8, 12, 5, 999999, UTC)


class Site:
    host = "dir.test"
    url = "https://dir.test"

    def person_url(self, login: str) -> str:
        return f"https://dir.test/users/{login}"


def profile(**values: Any) -> Profile:
    facts: dict[str, Any] = {"login": "alice"} | values
    return Profile(**facts, audience=Audience.EVERYONE, shown=frozenset(), changed={}, updated=AT)


def lines(**values: Any) -> list[str]:
    """Return the unfolded lines of the card of that profile."""
    text = make_vcard(profile(**values), Site())
    assert text.endswith("\r\n")
    return text.replace("\r\n ", "").split("\r\n")[:-1]


def test_W115_a_card_of_a_person_who_shows_nothing() -> None:
    assert lines() == [
        "BEGIN:VCARD",
        "VERSION:4.0",
        "KIND:individual",
        "PRODID:-//finger-gateway//EN",
        "UID:acct:alice@dir.test",
        "SOURCE:https://dir.test/users/alice.vcf",
        "FN:alice",
        "NICKNAME:alice",
        "URL:https://dir.test/users/alice",
        "REV:20261124T081205Z",
        "END:VCARD",
    ]


@pytest.mark.parametrize(
    ("field", "value", "line"),
    [
        ("name", "Adams, Alice; \\o/", "FN:Adams\\, Alice\\; \\\\o/"),
        ("aliases", ("ally", "al"), "NICKNAME:alice,ally,al"),
        ("office_phone", "+420 (555) 01-00", "TEL;TYPE=work;VALUE=uri:tel:+4205550100"),
        ("office_phone", "+420 555 0100 ext. 12", "TEL;TYPE=work;VALUE=uri:tel:+4205550100;ext=12"),
        ("home_phone", "555 0199; at night", "TEL;TYPE=home;VALUE=text:555 0199\\; at night"),
        ("office", "B12", "ADR;TYPE=work:;B12;;;;;"),
        ("location", "Prague, CZ", "ADR:;;;Prague\\, CZ;;;"),
        ("timezone", "Europe/Prague", "TZ:Europe/Prague"),
        ("fediverse", "@alice@social.example", "X-SOCIALPROFILE:@alice@social.example"),
        ("links", (Link(label="Blog", url="https://alice.example/"),), "item1.URL:https://alice.example/"),
        ("links", (Link(label="My, blog", url="https://a.example/"),), "item1.X-ABLABEL:My\\, blog"),
        ("keys", (Key(kind="ssh", text="ssh-ed25519 AAAA a@b"),), "KEY;TYPE=ssh;VALUE=text:ssh-ed25519 AAAA a@b"),
        ("keys", (Key('my "own"', "old; one", "abc"),), "key1.KEY;TYPE=\"my 'own'\";VALUE=text:abc"),
        ("keys", (Key("ssh", "old; one", "abc"),), "key1.X-ABLABEL:old\\; one"),
        ("links", (Link("", "https://a.example/", True),), "URL;X-REL=me:https://a.example/"),
        ("plan", "One\nTwo, three\n", "NOTE:One\\nTwo\\, three\\n"),
    ],
)
def test_W114_values_are_escaped(field: str, value: Any, line: str) -> None:
    assert line in lines(**{field: value})


def test_W009_W114_no_value_adds_a_property() -> None:
    evil = "x\r\nEND:VCARD\r\nBEGIN:VCARD\x1b[31m\u202e"
    written = lines(name=evil, title=evil, plan=evil, email=evil, office=evil, links=(Link(label=evil, url=evil),))
    assert written.count("END:VCARD") == written.count("BEGIN:VCARD") == 1
    assert not any("\x1b" in line or "\u202e" in line for line in written)


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=200))
def test_W114_lines_are_folded_at_75_octets_between_characters(name: str) -> None:
    text = make_vcard(profile(name=name, plan=name * 3), Site())
    assert all(len(line.encode()) <= 75 for line in text.split("\r\n"))
    assert all(re.match(r"[\w.;=-]+[:;]| ", line) for line in text.split("\r\n")[:-1])


def read_back(**values: Any) -> dict[str, Any]:
    """Return the fields that people import reads from the card of that profile, without the login."""
    (entry,) = people_files.read_people("vcard", make_vcard(profile(**values), Site()).encode())
    assert entry.login == "alice"
    assert entry.raw.ignored == ()
    return person_json.field_values(entry.document)


def test_W027_a_card_reads_back_as_the_same_person() -> None:
    values: dict[str, Any] = {
        "name": "Žofie, the; 2nd \\", "aliases": ("ally", "al"), "pronouns": "she/her", "title": "Keeper; of tea",
        "organisation": "The Tea Club", "office": "B12; door 3, left", "email": "z@dir.test",
        "office_phone": "+4205550100", "home_phone": "555", "location": "Prague", "timezone": "Europe/Prague",
        "plan": "  One\n\nTwo, three; four \\n\n", "fediverse": "@alice@social.example",
        "links": (Link("Blog, mine", "https://z.example/?a=b;c", True), Link("", "https://y.example/", False)),
        "keys": (
            Key("ssh", "laptop: old", "ssh-ed25519 AAAA a@b\n"), Key("my, kind", "", "https://z.example/key"),
            Key("PGP", "", "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nabc=\n"),
        ),
    }  # fmt: skip
    assert read_back(**values, irc=(Account("n", "a"),)) == values


def test_a_card_reads_back_without_what_the_person_does_not_have() -> None:
    """The mandatory FN and the address of the person's page are in every card."""
    assert read_back() == {}


def test_cards_of_other_programs_give_no_plan_aliases_office_or_account() -> None:
    card = make_vcard(
        profile(
            aliases=("al",), office="B12", plan="Tea", fediverse="@a@b.example", links=(Link("", "https://a/", True),)
        ),
        Site(),
    )
    (entry,) = people_files.read_people("vcard", card.replace("finger-gateway//EN", "other//EN").encode())
    urls = ("https://dir.test/users/alice", "https://a/")
    assert person_json.field_values(entry.document) == {"name": "alice", "links": tuple(Link(url=url) for url in urls)}
    assert entry.raw.ignored == ("ADR", "X-SOCIALPROFILE", "NOTE")


def test_W116_short_cards_become_shorter() -> None:
    long = profile(
        name="N" * 500, organisation="O" * 500, email="e@dir.test", plan="secret plan", keys=(Key(text="k"),)
    )
    texts = list(make_short_vcards(long, Site()))
    assert texts[-1] == "https://dir.test/users/alice"
    assert [len(each) for each in texts] == sorted((len(each) for each in texts), reverse=True)
    assert not any("plan" in each or "KEY" in each for each in texts)
    for each in texts[:-1]:
        (read_back,) = vcard_syntax.parse_cards(each.encode())
        assert isinstance(read_back, vcard_syntax.VCard)
        assert "EMAIL:e@dir.test" in texts[0]


@pytest.mark.usefixtures("untraced")
def test_a_long_note_is_folded_in_linear_time() -> None:
    """Folding once took quadratic time."""
    times = []
    for size in (25_000, 250_000):
        person = profile(plan="\n" * (size - 1) + "x")
        began = process_time()
        make_vcard(person, Site())
        times.append(process_time() - began)
    assert times[1] < 40 * times[0] + 0.2, times
