"""The table of fields: which values each field accepts, at its limit and one above."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import msgspec
import pytest

from gateway.directory import fields
from gateway.directory.fields import FIELDS, STORED, BadValue, check_value, empty_value
from gateway.directory.person import Account, Key, Link, PersonFields, Status, Visibility

# The maximum number of characters of each text.
SIZES = {
    "name": 128, "pronouns": 64, "pronunciation": 128, "title": 128, "organisation": 128, "office": 128, "office_phone": 64,
    "home_phone": 64, "email": 254, "location": 128, "project": 512, "fediverse": 256,
}  # fmt: skip
TEXTS = [*SIZES, "timezone", "plan"]
LISTS = ["aliases", "links", "keys", "irc", "former"]
OBSERVED = {"presence", "terminal", "origin", "idle", "last_seen"}
ALL = {*TEXTS, *LISTS, "status", *OBSERVED}
EVERYONE = {"name", "aliases", "pronouns", "pronunciation", "title", "project", "plan", "status", "links", "fediverse"}
NOBODY = {"last_seen", "irc", "former", "terminal", "origin"}


def test_every_field_is_classified() -> None:
    facts = {field.name for field in msgspec.structs.fields(PersonFields)} - {"login"}
    assert set(FIELDS) == ALL
    assert set(STORED) == facts == ALL - OBSERVED
    assert {field.shape for field in FIELDS.values()} == set(fields._SHAPES)
    assert all(name == field.name for name, field in FIELDS.items())


def test_defaults_are_those_of_the_open_preset() -> None:
    assert {name for name, field in FIELDS.items() if field.default is Visibility.EVERYONE} == EVERYONE
    assert {name for name, field in FIELDS.items() if field.default is Visibility.NOBODY} == NOBODY


def test_fields_for_administrators() -> None:
    assert {name for name, field in FIELDS.items() if field.editor == "administrator"} == {
        "aliases", "irc", "former"
    }  # fmt: skip


def test_only_idle_follows_another_field() -> None:
    assert {name: field.follows for name, field in FIELDS.items() if field.follows} == {"idle": "presence"}


@pytest.mark.parametrize(("name", "size"), SIZES.items())
def test_maximum_length_of_a_line(name: str, size: int) -> None:
    for character in "xé😀":
        assert check_value(name, character * size) == character * size
    with pytest.raises(BadValue) as bad:
        check_value(name, "é" * (size + 1))
    assert (bad.value.found, bad.value.allowed) == (f"{size + 1} characters", f"at most {size} characters")
    assert str(bad.value) == f"found {size + 1} characters; must be at most {size} characters"


def test_maximum_size_of_a_plan_is_in_bytes() -> None:
    assert check_value("plan", "x" * 262144) == "x" * 262144
    assert check_value("plan", "é" * 131072) == "é" * 131072
    for plan, found in (("x" * 262145, "262145 characters"), ("é" * 131073, "262146 bytes")):
        with pytest.raises(BadValue) as bad:
            check_value("plan", plan)
        assert (bad.value.found, bad.value.allowed) == (found, f"at most 262144 {found.split()[1]}")


@pytest.mark.parametrize("name", [*SIZES, "timezone"])
@pytest.mark.parametrize("end", ["\n", "\r", "\r\n", "\x85", "\u2028", "\u2029"], ids=ascii)
def test_single_line_fields_reject_every_kind_of_line_end(name: str, end: str) -> None:
    """sanitize() turns all of these into line ends."""
    for text in (f"a{end}b", f"a{end}", end):
        with pytest.raises(BadValue):
            check_value(name, text)
    with pytest.raises(BadValue):
        check_value("status", f"a{end}b")


def test_text_is_stored_unchanged() -> None:
    for text in ("\x1b[31mRED\x1b[0m", "\x00\x07\x08\x7f", "\u202egnp", " a\t", "<b>&amp;</b>", "e\u0301"):
        assert check_value("name", text) == text
        assert check_value("plan", text + "\r\n") == text + "\r\n"


@pytest.mark.parametrize("name", TEXTS)
@pytest.mark.parametrize("value", [None, 5, b"bytes", True, ["x"], {}, 1.5, ("x",)], ids=repr)
def test_text_fields_reject_other_types(name: str, value: Any) -> None:
    with pytest.raises(BadValue) as bad:
        check_value(name, value)
    assert bad.value.found in (
        "nothing", "true or false", "a number", "a list", "a value of type bytes", "a value of type dict"
    )  # fmt: skip


@pytest.mark.parametrize("name", TEXTS)
@pytest.mark.parametrize("value", ["\ud800", "a\udfffb", "\udc80"], ids=ascii)
def test_lone_surrogates_are_rejected(name: str, value: str) -> None:
    with pytest.raises(BadValue, match="half a character"):
        check_value(name, value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("aliases", ["a\ud800"]),
        ("links", [Link(url="https://a.example/\ud800")]),
        ("links", [Link(label="\ud800", url="https://a.example/")]),
        ("keys", [Key(kind="ssh", text="\ud800")]),
        ("keys", [Key(kind="\ud800", text="x")]),
        ("keys", [Key(kind="ssh", label="\ud800", text="x")]),
        ("status", Status(text="\ud800")),
        ("irc", [Account(network="\ud800", account="x")]),
        ("irc", [Account(network="x", account="\ud800")]),
    ],
)
def test_lone_surrogates_inside_values_are_rejected(name: str, value: Any) -> None:
    with pytest.raises(BadValue):
        check_value(name, value)


def test_timezone() -> None:
    for zone in ("Europe/Prague", "UTC", "America/Argentina/Buenos_Aires", ""):
        assert check_value("timezone", zone) == zone
    for zone in ("Prague", "europe/prague", "CEST+2", "../../etc/passwd", "Europe/Prague "):
        with pytest.raises(BadValue, match="must be a time zone"):
            check_value("timezone", zone)


@pytest.mark.parametrize(
    "url",
    [
        "https://alice.example/", "http://a.example", "HTTPS://A.EXAMPLE/", "gemini://a.example/", "gopher://a.example/0x",
        "finger://dir.test/alice", "mailto:alice@dir.test", "xmpp:alice@dir.test", "irc://irc.example/club",
        "ircs://irc.example/club", "https://a.example/\x1b[31m",
    ],
)  # fmt: skip
def test_valid_links(url: str) -> None:
    assert check_value("links", [Link(url=url)]) == (Link(url=url),)


@pytest.mark.parametrize(
    "url",
    [
        "", "alice.example", "//a.example/", "/x", "javascript:alert(1)", "javascript://%0aalert(1)", "data:text/html,x",
        "file:///etc/passwd", "vbscript:x", " https://a.example/", "https://", "https:", "https://a b", "https://a\nb",
        "https://a.example/\n", "mailto:", "mailto:a@b\n", "xhttps://a", "java\nscript:x", 5, None,
    ],
)  # fmt: skip
def test_invalid_links(url: Any) -> None:
    with pytest.raises(BadValue):
        check_value("links", [Link(url=url)])


def test_limits_of_links() -> None:
    largest = Link(label="é" * 128, url="https://" + "x" * 1016, me=True)
    assert check_value("links", [largest] * 32) == (largest,) * 32
    for value in (
        [largest] * 33,
        [Link(label="é" * 129, url="https://a.example/")],
        [Link(url="https://" + "x" * 1017)],
    ):
        with pytest.raises(BadValue, match="at most"):
            check_value("links", value)


def test_keys() -> None:
    largest = Key(kind="k" * 64, label="l" * 128, text="t" * 4096)
    assert check_value("keys", [largest]) == (largest,)
    assert check_value("keys", (Key(kind="ssh", text="several\nlines"),)) == (Key(kind="ssh", text="several\nlines"),)
    for key in (
        Key(kind="k" * 65, text="t"),
        Key(kind="k", label="l" * 129, text="t"),
        Key(kind="k", text="t" * 4097),
        Key(kind="k", text=""),
        Key(kind="", text="t"),  # a document requires a kind, so an export without one could not be imported
        Key(kind=5, text="t"),  # type: ignore[arg-type]
    ):
        with pytest.raises(BadValue):
            check_value("keys", [key])


def test_status() -> None:
    until = datetime(2026, 12, 1, 10, tzinfo=UTC)
    assert check_value("status", "at the kettle") == Status(text="at the kettle")
    assert check_value("status", Status(text="x" * 256, until=until)) == Status(text="x" * 256, until=until)
    for empty in ("", None, Status(), Status(until=until)):
        assert check_value("status", empty) is None
    for value in (
        Status(text="x" * 257),
        Status(text="x", until=datetime(2026, 12, 1, 10)),  # noqa: DTZ001  # the error under test
        Status(text="x", until="2026-12-01"),  # type: ignore[arg-type]
        Status(text=5),  # type: ignore[arg-type]
        Status(text="two\nlines"),
        5,
        {"text": "x"},
    ):
        with pytest.raises(BadValue):
            check_value("status", value)


def test_the_time_of_a_status_is_stored_in_utc() -> None:
    """Times are aware UTC datetimes; templates print "UTC" after them."""
    prague = timezone(timedelta(hours=2))
    kept = check_value("status", Status(text="x", until=datetime(2026, 8, 1, 10, tzinfo=prague)))
    assert kept.until.isoformat() == "2026-08-01T08:00:00+00:00"
    with pytest.raises(BadValue):
        check_value("status", Status(text="x", until=datetime(1, 1, 1, tzinfo=prague)))


def test_aliases() -> None:
    assert check_value("aliases", ["ALLY", "ally", "ａｌ", "z" * 64]) == ("ally", "al", "z" * 64)
    for value in (["a b"], ["z" * 65], ["-x"], [""], [5], "ally", None, {"ally"}, [f"a{n}" for n in range(33)]):
        with pytest.raises(BadValue):
            check_value("aliases", value)


def test_irc_accounts() -> None:
    largest = Account(network="n" * 128, account="a" * 128)
    assert check_value("irc", [largest]) == (largest,)
    for value in (
        [Account(network="", account="a")],
        [Account(network="n", account="")],
        [Account(network="n" * 129, account="a")],
        [Account(network="n", account="a" * 129)],
        [{"network": "n", "account": "a"}],
        [Link()],
    ):
        with pytest.raises(BadValue):
            check_value("irc", value)


@pytest.mark.parametrize("name", LISTS)
@pytest.mark.parametrize("value", [None, 5, "text", {}, {"a"}, [None], [["x"]], [5]], ids=repr)
def test_list_fields_reject_other_types(name: str, value: Any) -> None:
    with pytest.raises(BadValue):
        check_value(name, value)


@pytest.mark.parametrize("name", sorted(OBSERVED))
def test_observed_fields_accept_no_value(name: str) -> None:
    with pytest.raises(BadValue, match="only its visibility"):
        check_value(name, "x")


@pytest.mark.parametrize("name", sorted(ALL - OBSERVED))
def test_empty_values_clear_a_field(name: str) -> None:
    empty: Any = "" if name in TEXTS else None if name == "status" else ()
    assert empty_value(name) == empty
    assert check_value(name, empty) == empty
    assert getattr(PersonFields(login="x"), name) == empty


def test_unknown_field() -> None:
    with pytest.raises(KeyError):
        check_value("shoe_size", "44")
