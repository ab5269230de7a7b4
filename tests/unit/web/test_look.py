"""What of the pages' look is the operator's: colour, logo, a line below."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from gateway.house import Look
from gateway.text.render import Renderer
from gateway.text.templates import Texts
from gateway.web.colours import DARK, LIGHT, accented, contrast
from gateway.web.settings import Web
from tests.unit.web.conftest import Build
from tests.unit.web.wire import Browser

SVG = b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1 1"/>'


def looking(browser: Browser, look: Look) -> Browser:
    site = replace(browser.built.house.site, look=look)
    return Browser(
        replace(browser.built, house=replace(browser.built.house, site=site, renderer=Renderer(Texts(), site)))
    )


@pytest.mark.parametrize("colour", ["#b33", "#000000", "#ffffff", "#ff0", "#0a5872", "#777"])
def test_any_colour_can_be_read_on_both_papers(colour: str) -> None:
    match = re.fullmatch(r":root\{--accent:light-dark\(#(.{6}),#(.{6})\)\}\n", accented(colour))
    assert match is not None
    for found, paper in zip(match.groups(), (LIGHT, DARK), strict=True):
        red, green, blue = bytes.fromhex(found)
        assert contrast((red, green, blue), paper) >= 4.5


def test_a_colour_that_can_be_read_stays() -> None:
    assert "light-dark(#bb3333," in accented("#b33")
    assert accented(None) == ""


def test_colour_logo_and_a_line_below_each_page(build: Build, tmp_path: Path) -> None:
    logo = tmp_path / "tea.SVG"
    logo.write_bytes(SVG)
    web = looking(build(), Look("#b33", logo, "Questions: https://help.example/ <b>\x1b[31m"))
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
    plain, coloured = (looking(build(), look).ask("/static/style.css").body for look in (Look(), Look("#b33")))
    assert len(plain) < len(coloured) <= 8192


def test_a_reload_brings_another_look_and_what_was_named_before_still_is_there(build: Build, tmp_path: Path) -> None:
    web = build()
    before = re.findall(
        r'"(/static/[^"]+)"', web.ask("/").body.decode() + web.ask("/", Accept="text/html").body.decode()
    )
    other = looking(web, Look("#00f")).built.house
    web.service.reload(Web(), other)
    page = web.ask("/", Accept="text/html").body.decode()
    after = re.findall(r'"(/static/[^"]+)"', page)
    assert set(before) != set(after)
    for address in {*before, *after}:
        assert web.ask(address).code == 200
