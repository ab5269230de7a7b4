"""What operators set for the look of pages: accent colour, logo, footer."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from gateway.config.problems import BadSettings
from gateway.dependencies import PageLook
from gateway.rendering.render import Renderer
from gateway.rendering.templates import TemplateSet
from gateway.settings import load_settings
from gateway.web.settings import WebSettings
from tests.unit.web.browser import Browser
from tests.unit.web.conftest import Build

SVG = b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1 1"/>'


def with_look(browser: Browser, look: PageLook) -> Browser:
    site = replace(browser.built.deps.site, look=look)
    return Browser(
        replace(browser.built, deps=replace(browser.built.deps, site=site, renderer=Renderer(TemplateSet(), site)))
    )


def test_accent_colour_logo_and_footer(build: Build, tmp_path: Path) -> None:
    logo = tmp_path / "tea.SVG"
    logo.write_bytes(SVG)
    web = with_look(build(), PageLook("#b33", logo, "Questions: https://help.example/ <b>\x1b[31m"))
    page = web.request("/users/alice.html").body.decode()
    link = '<a href="https://help.example/" rel="nofollow ugc">https://help.example/</a>'
    assert f"<small>Questions: {link} &lt;b&gt;</small>" in page
    found = re.search(r'<img src="(/static/logo\.[0-9a-f]+\.svg)"', page)
    assert found is not None
    answer = web.request(found[1])
    assert (answer.code, answer["content-type"], answer.body) == (200, "image/svg+xml", SVG)
    assert "default-src 'none'" in answer["content-security-policy"]
    sheet = re.search(r'href="(/static/style\.[0-9a-f]+\.css)"', page)
    assert sheet is not None
    assert b"--accent:light-dark(#bb3333," in web.request(sheet[1]).body
    assert len(web.request(sheet[1]).body) <= 8192


def test_W081_stylesheet_is_small_with_an_accent_colour(build: Build) -> None:
    plain, coloured = (
        with_look(build(), look).request("/static/style.css").body for look in (PageLook(), PageLook("#b33"))
    )
    assert len(plain) < len(coloured) <= 8192


def test_reload_changes_the_look_and_keeps_the_old_static_files(build: Build, tmp_path: Path) -> None:
    web = build()
    before = re.findall(
        r'"(/static/[^"]+)"', web.request("/").body.decode() + web.request("/", Accept="text/html").body.decode()
    )
    other = with_look(web, PageLook("#00f")).built.deps
    web.service.prepare_reload(WebSettings(), other)()
    page = web.request("/", Accept="text/html").body.decode()
    after = re.findall(r'"(/static/[^"]+)"', page)
    assert set(before) != set(after)
    for address in {*before, *after}:
        assert web.request(address).code == 200


def test_reload_reads_a_changed_logo_file(build: Build, tmp_path: Path) -> None:
    logo = tmp_path / "tea.svg"
    logo.write_bytes(SVG)
    web = with_look(build(), PageLook(logo=logo))

    def logo_url() -> str:
        found = re.search(r'<img src="(/static/logo[^"]+)"', web.request("/", Accept="text/html").body.decode())
        assert found is not None
        return found[1]

    before = logo_url()
    logo.write_bytes(SVG + b"\n")
    web.service.prepare_reload(WebSettings(), web.built.deps)()
    assert logo_url() != before
    assert web.request(before).body == SVG
    assert web.request(logo_url()).body == SVG + b"\n"


@pytest.mark.parametrize(
    ("look", "message"),
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
def test_wrong_look_settings_are_reported(tmp_path: Path, look: str, message: str) -> None:
    (tmp_path / "tea.gif").write_bytes(b"GIF89a")
    (tmp_path / "large.png").write_bytes(bytes(256 * 1024 + 1))
    (tmp_path / "empty.svg").write_bytes(b"")
    file = tmp_path / "gateway.toml"
    file.write_text(f'[site]\nlook = {{ {look} }}\n[web]\nlisten = ["tcp:0"]\n')
    with pytest.raises(BadSettings) as bad:
        load_settings(file)
    assert str(bad.value).startswith(f"{file}: {message}")
