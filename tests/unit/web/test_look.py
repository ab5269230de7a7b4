"""What of the pages' look is the operator's: colour, logo, a line below."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from gateway.config.problems import BadSettings
from gateway.dependencies import PageLook
from gateway.rendering.render import Renderer
from gateway.rendering.templates import TemplateSet
from gateway.settings import load_settings
from gateway.web.colours import DARK_PAPER, LIGHT_PAPER, accent_css, contrast
from gateway.web.settings import WebSettings
from tests.unit.web.conftest import Build
from tests.unit.web.wire import Browser

SVG = b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1 1"/>'


def looking(browser: Browser, look: PageLook) -> Browser:
    site = replace(browser.built.deps.site, look=look)
    return Browser(
        replace(browser.built, deps=replace(browser.built.deps, site=site, renderer=Renderer(TemplateSet(), site)))
    )


@pytest.mark.parametrize("colour", ["#b33", "#000000", "#ffffff", "#ff0", "#0a5872", "#777"])
def test_any_colour_can_be_read_on_both_papers(colour: str) -> None:
    match = re.fullmatch(r":root\{--accent:light-dark\(#(.{6}),#(.{6})\)\}\n", accent_css(colour))
    assert match is not None
    for found, paper in zip(match.groups(), (LIGHT_PAPER, DARK_PAPER), strict=True):
        red, green, blue = bytes.fromhex(found)
        assert contrast((red, green, blue), paper) >= 4.5


def test_a_colour_that_can_be_read_stays() -> None:
    assert "light-dark(#bb3333," in accent_css("#b33")
    assert accent_css(None) == ""


def test_colour_logo_and_a_line_below_each_page(build: Build, tmp_path: Path) -> None:
    logo = tmp_path / "tea.SVG"
    logo.write_bytes(SVG)
    web = looking(build(), PageLook("#b33", logo, "Questions: https://help.example/ <b>\x1b[31m"))
    page = web.ask("/users/alice.html").body.decode()
    link = '<a href="https://help.example/" rel="nofollow ugc">https://help.example/</a>'
    assert f"<small>Questions: {link} &lt;b&gt;</small>" in page
    found = re.search(r'<img src="(/static/logo\.[0-9a-f]+\.svg)"', page)
    assert found is not None
    answer = web.ask(found[1])
    assert (answer.code, answer["content-type"], answer.body) == (200, "image/svg+xml", SVG)
    assert "default-src 'none'" in answer["content-security-policy"]
    sheet = re.search(r'href="(/static/style\.[0-9a-f]+\.css)"', page)
    assert sheet is not None
    assert b"--accent:light-dark(#bb3333," in web.ask(sheet[1]).body
    assert len(web.ask(sheet[1]).body) <= 8192


def test_W081_the_sheet_is_small_with_the_operators_colour(build: Build) -> None:
    plain, coloured = (looking(build(), look).ask("/static/style.css").body for look in (PageLook(), PageLook("#b33")))
    assert len(plain) < len(coloured) <= 8192


def test_a_reload_brings_another_look_and_what_was_named_before_still_is_there(build: Build, tmp_path: Path) -> None:
    web = build()
    before = re.findall(
        r'"(/static/[^"]+)"', web.ask("/").body.decode() + web.ask("/", Accept="text/html").body.decode()
    )
    other = looking(web, PageLook("#00f")).built.deps
    web.service.prepare_reload(WebSettings(), other)()
    page = web.ask("/", Accept="text/html").body.decode()
    after = re.findall(r'"(/static/[^"]+)"', page)
    assert set(before) != set(after)
    for address in {*before, *after}:
        assert web.ask(address).code == 200


def test_a_reload_brings_another_picture_of_the_same_name(build: Build, tmp_path: Path) -> None:
    logo = tmp_path / "tea.svg"
    logo.write_bytes(SVG)
    web = looking(build(), PageLook(logo=logo))

    def shown() -> str:
        found = re.search(r'<img src="(/static/logo[^"]+)"', web.ask("/", Accept="text/html").body.decode())
        assert found is not None
        return found[1]

    before = shown()
    logo.write_bytes(SVG + b"\n")
    web.service.prepare_reload(WebSettings(), web.built.deps)()
    assert shown() != before
    assert web.ask(before).body == SVG
    assert web.ask(shown()).body == SVG + b"\n"


@pytest.mark.parametrize(
    ("look", "said"),
    [
        ('accent = "red"', """site.look.accent: found 'red'; must be a colour, e.g. "#b33" or "#bb3333\""""),
        ('accent = "#12345"', "site.look.accent: found '#12345'"),
        ('accent = "#fff\\n"', "site.look.accent: found '#fff\\n'"),
        ('logo = "none.svg"', "site.look.logo: found 'none.svg'; must be an image file that exists, at most 256 KiB"),
        ('logo = "tea.gif"', "site.look.logo: found 'tea.gif'"),
        ('logo = "large.png"', "site.look.logo: found 'large.png'"),
        ('logo = "empty.svg"', "site.look.logo: found 'empty.svg'"),
        ('logo = "x\\u0000.svg"', "site.look.logo: found 'x\\x00.svg'"),
        ('colour = "#fff"', "site.look.colour: unknown key; known: accent, logo, footer"),
    ],
)
def test_mistakes_in_the_settings_are_told(tmp_path: Path, look: str, said: str) -> None:
    (tmp_path / "tea.gif").write_bytes(b"GIF89a")
    (tmp_path / "large.png").write_bytes(bytes(256 * 1024 + 1))
    (tmp_path / "empty.svg").write_bytes(b"")
    file = tmp_path / "gateway.toml"
    file.write_text(f'[site]\nlook = {{ {look} }}\n[web]\nlisten = ["tcp:0"]\n')
    with pytest.raises(BadSettings) as bad:
        load_settings(file)
    assert str(bad.value).startswith(f"{file}: {said}")
