"""Logins, aliases, full names and host names: RFC 8265 and the limits of the directory."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.directory.names import (
    HostNames,
    InvalidLogin,
    canonical_host,
    canonical_login,
    canonical_login_or_none,
    fold_name,
)

FORBIDDEN = list("/\\@,:;%?#&<>\"'") + [chr(code) for code in (*range(0x21), *range(0x7F, 0xA0))]


@pytest.mark.parametrize("character", FORBIDDEN, ids=ascii)
@pytest.mark.parametrize("place", ["{}alice", "al{}ice", "alice{}"])
def test_forbidden_characters_in_logins(character: str, place: str) -> None:
    with pytest.raises(InvalidLogin):
        canonical_login(place.format(character))


@pytest.mark.parametrize("character", [*"!$()*+=[]^_`{|}~.-", "é", "日", "ж"])
def test_other_characters_are_allowed_inside_logins(character: str) -> None:
    assert canonical_login(f"a{character}b") == f"a{character}b"


@pytest.mark.parametrize("begin", ["-", "~", "."])
def test_forbidden_prefixes_of_logins(begin: str) -> None:
    with pytest.raises(InvalidLogin, match="does not begin with"):
        canonical_login(f"{begin}alice")


@pytest.mark.parametrize("end", [".html", ".json", ".vcf", ".txt", ".atom", ".HTML", ".Json", "é.txt"])
def test_forbidden_suffixes_of_logins(end: str) -> None:
    with pytest.raises(InvalidLogin, match="does not end in"):
        canonical_login(f"alice{end}")


@pytest.mark.parametrize("name", ["alice.htm", "html", "alice.html5", "txt.alice", "a.", "a-", "0", "_x", "a~"])
def test_allowed_names_similar_to_forbidden_ones(name: str) -> None:
    assert canonical_login(name) == name


def test_logins_have_at_most_64_characters() -> None:
    assert canonical_login("a" * 64) == "a" * 64
    assert canonical_login("é" * 64) == "é" * 64
    for name in ("a" * 65, "é" * 65):
        with pytest.raises(InvalidLogin, match="at most 64 characters"):
            canonical_login(name)


@pytest.mark.parametrize("name", ["\u0958" * 64, "\u0130" * 33])
def test_64_characters_count_in_the_canonical_form(name: str) -> None:
    """DEVANAGARI LETTER QA and I WITH DOT ABOVE become two characters each."""
    with pytest.raises(InvalidLogin, match="at most 64 characters"):
        canonical_login(name)


@pytest.mark.parametrize(
    ("typed", "canonical"),
    [
        ("ALICE", "alice"),
        ("Alice", "alice"),
        ("ａｌｉｃｅ", "alice"),
        ("ＡＬＩＣＥ", "alice"),
        ("Zoë", "zo\u00eb"),
        ("zoe\u0308", "zo\u00eb"),
        ("ZOE\u0308", "zo\u00eb"),
        ("Straße", "stra\u00dfe"),
        ("Ωμέγα", "ωμέγα"),
        ("李四", "李四"),
        ("אבג", "אבג"),
        ("אבג1", "אבג1"),
    ],
)
def test_username_case_mapped(typed: str, canonical: str) -> None:
    assert canonical_login(typed) == canonical


@pytest.mark.parametrize(
    "name",
    [
        "",
        " ",
        "alice adams",
        "alice\u00a0adams",
        "alice\u3000adams",
        "אa",  # mixed directions
        "a\u05d0",
        "\u0661a\u06f1",  # two kinds of Arabic digits
        "ﬁn",  # a compatibility ligature
        "al\u200bice",
        "al\u200dice",
        "al\u202eice",
        "\ufeffalice",
        "\ud800",
        "☃",
        "😀",
        "ａ／ｂ",  # a full-width slash is a slash
        "ａ＠ｂ",
        "．alice",
        "～alice",
        "alice．txt",
    ],
    ids=ascii,
)
def test_invalid_logins(name: str) -> None:
    with pytest.raises(InvalidLogin):
        canonical_login(name)
    assert canonical_login_or_none(name) is None


@given(st.one_of(st.text(max_size=70), st.text("aA.-~é/İ\u0958 .htmlx", max_size=70)))
def test_canonical_logins_are_stable(text: str) -> None:
    canonical = canonical_login_or_none(text)
    if canonical is not None:
        assert canonical_login(canonical) == canonical
        assert 1 <= len(canonical) <= 64
        assert not set(canonical) & set(FORBIDDEN)
        assert not canonical.startswith(("-", "~", "."))
        assert not canonical.endswith((".html", ".json", ".vcf", ".txt", ".atom"))


@pytest.mark.parametrize(
    ("name", "folded"),
    [
        ("", ""),
        ("Alice Adams", "alice adams"),
        ("  Alice \t\n Adams ", "alice adams"),
        ("Žofie Černá", "zofie cerna"),
        ("Z\u030cofie", "zofie"),
        ("STRASSE", "strasse"),
        ("Straße", "strasse"),
        ("ﬁnn", "finn"),
        ("Ａｌｉｃｅ", "alice"),
        ("Łukasz", "łukasz"),
        ("İlker", "ilker"),
        ("李\u3000四", "李 四"),
    ],
)
def test_fold_name(name: str, folded: str) -> None:
    assert fold_name(name) == folded


@given(st.text())
def test_fold_is_idempotent(text: str) -> None:
    assert fold_name(fold_name(text)) == fold_name(text)


def test_host_names() -> None:
    hosts = HostNames(["Dir.Test.", "club.test", "dir.test"])
    assert hosts.names == ("dir.test", "club.test")
    assert hosts.main == "dir.test"
    for ours in ("dir.test", "DIR.TEST", "dir.test.", "club.test", "127.0.0.1", "127.9.9.9", "[::1]", "::1"):
        assert ours in hosts, ours
    assert "::ffff:127.0.0.1" in hosts
    for other in ("", ".", "dir.test..", "example.org", "sub.dir.test", "192.0.2.1", "[::2]", None, 5):
        assert other not in hosts, other
    assert canonical_host("A.B.") == "a.b"
