"""People's texts as HTML: no markup or script in them takes effect."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup, escape

from gateway.text.sanitize import sanitize
from gateway.web import markup


def plan(text: str) -> Markup:
    """Return the whole plan as HTML."""
    shown, cut = markup.plan_html(text)
    assert not cut
    return shown


A = '<a href="{0}" rel="nofollow ugc">{0}</a>'


def test_a_plan_is_shown_as_written() -> None:
    """W026"""
    assert plan("a\n\n  b <c>\tx & y\n") == "a\n\n  b &lt;c&gt;\tx &amp; y\n"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("http://a.test", A.format("http://a.test")),
        ("HTTPS://a.test/x", A.format("HTTPS://a.test/x")),
        ("see https://a.test/x.", "see " + A.format("https://a.test/x") + "."),
        ("(https://a.test/x)", "(" + A.format("https://a.test/x") + ")"),
        ("https://a.test/b_(c)!", A.format("https://a.test/b_(c)") + "!"),
        ("[https://a.test/)]", "[" + A.format("https://a.test/") + ")]"),
        ("<https://a.test/>", "&lt;" + A.format("https://a.test/") + "&gt;"),
        ("https://a.test/東棟。次", A.format("https://a.test/東棟") + "。次"),
        ("https://a.test/?a=1&b", A.format("https://a.test/?a=1&amp;b")),
        ("https://a.test/'x", A.format("https://a.test/&#39;x")),
        ('https://a.test/"onload=x', A.format("https://a.test/") + "&#34;onload=x"),
        ("http://", "http://"),
        ("http:// x", "http:// x"),
        ("xhttp://a.test", "xhttp://a.test"),
        ("javascript:alert(1)", "javascript:alert(1)"),
        ("data:text/html,x", "data:text/html,x"),
        ("https\x00://a.test/\u202ex", A.format("https://a.test/x")),
    ],
)
def test_URLs_in_a_plan_become_links(text: str, shown: str) -> None:
    """W009, W120"""
    assert plan(text) == shown


def test_a_long_line_keeps_its_indentation() -> None:
    """W138"""
    line = "    four blanks before, more than 32 cells\n"
    assert plan(line) == f'<span class="in4" dir="auto">{line}</span>'
    assert plan(" " * 40 + "x") == '<span class="in12" dir="auto">' + " " * 40 + "x</span>"
    assert plan("山" * 16) == "山" * 16
    assert plan("山" * 17).startswith('<span class="in0" dir="auto">')


def test_a_drawing_is_never_wrapped() -> None:
    pot = "      )  (\n     (   ) )   and a text beside it, which is long\n  .-'---------|  https://a.test/\n ( C|/\\/\\/\\/|\n"
    assert markup.is_drawing(pot)
    assert "<span" not in plan(pot)
    assert A.format("https://a.test/") in plan(pot)
    table = "Monday    tea\nTuesday   more tea\nWednesday    none\n"
    assert markup.is_drawing(table)
    for text in (
        "",
        "One.\n",
        "-----\n=====\n*****\n",
        "a\n" * 20 + pot,
        "  * one  (two)\n    three\n\n--\nbye\n",
        "週一　茶\n週二\n週三\n",
    ):
        assert not markup.is_drawing(text), text


@pytest.mark.usefixtures("untraced")
def test_a_megabyte_takes_linear_time() -> None:
    """W120"""
    for part in ("a    ", " ", "http://", "http://a ", "http://a.test/(((", "a)", "https://a.test/" + ")" * 200):
        times = []
        for size in (100_000, 1_000_000):
            text = (part * (size // len(part)))[:size]
            began = time.process_time()
            plan(text)
            times.append(time.process_time() - began)
        assert times[1] < 40 * times[0] + 0.5, (part, times)


@given(st.text(alphabet=st.sampled_from("ahtps:/. ()<>\"'&\n\x1b\u202e\ud800山"), max_size=80))
def test_no_text_of_a_plan_is_lost(text: str) -> None:
    """W026: without its tags the HTML is the sanitized text."""
    import re

    assert re.sub(r"</?(?:a|span)\b[^>]*>", "", plan(text)) == escape(sanitize(text))


@pytest.mark.parametrize(
    "url",
    ["https://a.test/", "http://a", "gemini://a.test/", "gopher://a.test/0", "finger://a.test/b", "mailto:a@b.test",
     "xmpp:a@b.test", "irc://a.test/b", "ircs://a.test", "HTTPS://A.test"],
)  # fmt: skip
def test_safe_URLs(url: str) -> None:
    """W120"""
    assert markup.safe_url(url) == url


@pytest.mark.parametrize(
    "url",
    ["javascript:alert(1)", "JavaScript://a.test/%0aalert(1)", "data:text/html,x", "java\nscript:x", "//a.test", "/x", "",
     "https://a.test/ x", 'https://a.test/"x', "vbscript:x", "matrix:u/a", "file:///etc/passwd", "https://"],
)  # fmt: skip
def test_unsafe_URLs(url: str) -> None:
    """W009"""
    assert markup.safe_url(url) is None


def test_mailto_tel_and_short_URLs() -> None:
    assert markup.mailto_url("alice@dir.test") == "mailto:alice@dir.test"
    assert markup.mailto_url("a@b?subject=x") is None
    assert markup.mailto_url("alice at dir") is None
    assert markup.tel_url("+420 555 (01)-00") == "tel:+4205550100"
    assert markup.tel_url("555 0100") is None
    assert markup.tel_url("+420;ext=1") is None
    assert markup.short_url("https://alice.example/") == "alice.example"
    assert markup.short_url("http://a.test/b/") == "a.test/b"
    assert markup.short_url("gemini://a.test/") == "gemini://a.test"


@pytest.mark.parametrize(
    ("name", "login", "letters"),
    [("Alice Liddell", "alice", "AL"), ("Alice Jane van Adams", "a", "AA"), ("", "bob", "B"), ("", "jo.smith", "JS"),
     ("山田 花子", "y", "山"), ("🐙", "octo", "🐙"), ("Alice (away)", "a", "A"), ("žofie", "z", "Ž"), ("", "_", "?")],
)  # fmt: skip
def test_initials(name: str, login: str, letters: str) -> None:
    """W030"""
    assert markup.initials(name, login) == letters


def test_stylesheet_has_every_avatar_hue_and_indentation() -> None:
    """W030"""
    from gateway.web.assets import STATIC_FOLDER

    sheet = (STATIC_FOLDER / "style.css").read_text()
    assert all(f".f{number} {{ --hue: {hue}; }}" in sheet for number, hue in enumerate(markup.AVATAR_HUES))
    assert all(f".in{depth} {{ --in: {depth}ch; }}" in sheet for depth in range(markup.MAX_INDENT_CELLS + 1))
    assert {markup.hue_index(f"login{n}") for n in range(200)} == set(range(len(markup.AVATAR_HUES)))
    assert markup.hue_index("alice") == markup.hue_index("alice") == 11


def test_a_plan_is_cut_at_the_byte_limit() -> None:
    """W140: whole lines with their tags; of an endless first line only the beginning."""
    assert markup.plan_html("one\ntwo\nthree\n", 8) == ("one\ntwo\n", True)
    assert markup.plan_html("one\ntwo\n", 8) == ("one\ntwo\n", False)
    assert markup.plan_html("a\n& & &\n", 19) == ("a\n", True)
    assert markup.plan_html("a\n& & &\n", 20) == ("a\n&amp; &amp; &amp;\n", False)
    for text in ("x" * 5000, "\n\n" + "山" * 5000, "&" * 5000, "http://a&& " * 500, "  \t" * 2000 + "x"):
        for limit in (0, 1, 100, 4000):
            shown, cut = markup.plan_html(text, limit)
            assert cut
            assert len(shown.encode()) <= limit
            assert limit < 4000 or shown.strip()


def test_a_long_text_is_cut_at_a_line_end() -> None:
    """W140"""
    assert markup.cut_at_line("short", 10) == ("short", False)
    assert markup.cut_at_line("one\ntwo\nthree", 10) == ("one\ntwo", True)
    assert markup.cut_at_line("x" * 11, 10) == ("x" * 10, True)
