"""The pages in browsers, with screen readers, in print and in text browsers, judged by third-party checkers."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest
from playwright.sync_api import Page

from .browser import DIFFICULT_PEOPLE, PAGES, launch_chromium
from .gateway_process import Installation, http_get, make_installation, run_gateway

PICTURES = ("/users/alice/qr.svg", "/users/alice/face.svg")
MODULES = Path(sys.prefix) / "npm" / "node_modules"
AXE = (MODULES / "axe-core" / "axe.min.js").read_text()
WIDTHS = (320, 360, 1200, 1920) if "FINGER_GATEWAY_LONG" in os.environ else (320, 1200)
RUN_AXE = """async () => (await axe.run({resultTypes: ["violations"]})).violations.map(
    each => each.id + ": " + each.nodes.map(node => node.html).join(" | ").slice(0, 300))"""


@pytest.fixture(scope="module")
def installations(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Installation]]:
    """Run a gateway whose visitors are strangers and one whose visitors are members."""
    stranger = make_installation(tmp_path_factory.mktemp("stranger"), people=DIFFICULT_PEOPLE)
    member = make_installation(
        tmp_path_factory.mktemp("member"), people=DIFFICULT_PEOPLE, site='members = ["127.0.0.1/32"]'
    )
    with run_gateway(stranger), run_gateway(member):
        yield {"stranger": stranger, "member": member}


def find_faults(page: Page, width: int) -> Iterator[str]:
    """Return the faults of *page* that a visitor would notice."""
    wide = page.evaluate("document.documentElement.scrollWidth")
    if wide > width:
        yield f"{wide} px wide"
    yield from page.evaluate(RUN_AXE)


@pytest.mark.parametrize("audience", ["stranger", "member"])
def test_W080_W137_W138_W139_every_page_in_light_and_dark_narrow_and_wide(
    installations: dict[str, Installation], audience: str
) -> None:
    """axe finds nothing, the page does not scroll sideways, the console is empty, and no other site is contacted."""
    base = f"http://localhost:{installations[audience].web_port}"
    complaints: list[str] = []
    hosts: set[str] = set()
    found: list[str] = []
    with launch_chromium() as browser:
        page = browser.new_context(bypass_csp=True).new_page()
        page.on("request", lambda request: hosts.add(request.url.split("/")[2]))
        for path in PAGES:
            page.goto(base + path)
            page.evaluate(AXE)
            for theme in ("light", "dark"):
                page.emulate_media(color_scheme=theme)
                for width in WIDTHS:
                    page.set_viewport_size({"width": width, "height": 900})
                    found += [f"{path} {theme} {width}: {each}" for each in find_faults(page, width)]
        page.emulate_media(color_scheme="light", forced_colors="active")
        page.goto(f"{base}/users/alice")
        page.evaluate(AXE)
        found += [f"forced colours: {each}" for each in find_faults(page, WIDTHS[-1])]
        strict = browser.new_page()  # with our own policy
        strict.on("console", lambda message: complaints.append(f"{strict.url}: {message.text}"))
        for path in PAGES:
            strict.goto(base + path)
        browser.close()
    assert found == []
    assert [each for each in complaints if "404" not in each] == []
    assert hosts == {base.removeprefix("http://")}


def test_W136_the_nu_checker_reports_nothing(installations: dict[str, Installation], tmp_path: Path) -> None:
    files = []
    for audience, installation in installations.items():
        for number, path in enumerate(PAGES):
            file = tmp_path / f"{audience}{number}.html"
            file.write_bytes(fetch_page(installation, path))
            files.append(str(file))
    installation = installations["stranger"]
    page = fetch_page(installation, "/users/alice").decode()
    for number, asset in enumerate(sorted({*re.findall(r'"(/static/[^"]+)"', page), *PICTURES})):
        file = tmp_path / f"asset{number}{Path(asset).suffix}"
        file.write_bytes(fetch_page(installation, asset))
        files.append(str(file))
    jar = MODULES / "vnu-jar" / "build" / "dist" / "vnu.jar"
    command = ["java", "-Xss4m", "-jar", str(jar), "--also-check-css", "--also-check-svg", "--format", "json", *files]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    reply = json.loads(ended.stderr)["messages"]
    assert [
        f"{Path(each['url']).name} {each.get('lastLine')}: {each['message']} {each.get('extract', '')}"
        for each in reply
    ] == []


def fetch_page(installation: Installation, path: str) -> bytes:
    """Return a page as a browser gets it, error pages too."""
    from urllib.error import HTTPError

    request = Request(
        f"http://localhost:{installation.web_port}{path}", headers={"Accept": "text/html,image/*;q=0.9,*/*;q=0.8"}
    )
    try:
        with urlopen(request, timeout=10) as answer:
            return bytes(answer.read())
    except HTTPError as error:
        return error.read()


def test_W081_W140_pages_are_small_and_have_no_script(installations: dict[str, Installation]) -> None:
    for installation in installations.values():
        for path in PAGES:
            page = fetch_page(installation, path)
            assert len(page) <= 30 * 1024, path
            assert b"<script" not in page
            assert b"style=" not in page
            sheets = re.findall(rb'<link rel="stylesheet" href="([^"]+)"', page)
            assert len(sheets) == 1
            assert len(fetch_page(installation, sheets[0].decode())) <= 8 * 1024


def test_W082_pages_name_their_owner_and_time(installations: dict[str, Installation]) -> None:
    installation = installations["stranger"]
    page = fetch_page(installation, "/users/alice").decode()
    assert "<title>Alice Adams (alice) – The Tea Club</title>" in page
    assert '<html lang="en">' in page
    assert re.search(r'<time datetime="20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ">', page)
    titles = [re.search("<title>(.*?)</title>", fetch_page(installation, path).decode()) for path in PAGES]
    assert len({title[1] for title in titles if title}) >= len(PAGES) - 2


def test_W141_print_is_one_white_page_without_controls(installations: dict[str, Installation], tmp_path: Path) -> None:
    with launch_chromium() as browser:
        page = browser.new_page()
        page.goto(f"http://localhost:{installations['stranger'].web_port}/users/alice")
        page.emulate_media(media="print", color_scheme="dark")
        printed = page.pdf(format="A4", print_background=True)
        assert len(re.findall(rb"/Type\s*/Page\b", printed)) == 1
        layout: dict[str, Any] = page.evaluate(
            """() => ({paper: getComputedStyle(document.body).backgroundColor,
                controls: [...document.querySelectorAll("form, button, .skip, nav")]
                    .filter(each => each.checkVisibility()).length})"""
        )
    assert layout == {"paper": "rgb(255, 255, 255)", "controls": 0}


TEXT_BROWSERS = (
    ("lynx", "-dump", "-nolist", "-width=80"),
    ("w3m", "-dump", "-cols", "80"),
    ("links2", "-dump", "-width", "80"),
    ("elinks", "-dump", "-no-references", "-no-numbering"),
)


@pytest.mark.parametrize("command", TEXT_BROWSERS, ids=lambda command: command[0])
def test_W142_in_a_text_browser(
    installations: dict[str, Installation], command: tuple[str, ...], tmp_path: Path
) -> None:
    address = f"http://localhost:{installations['stranger'].web_port}/users/alice"
    ended = subprocess.run(
        [*command, address],
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
        env=os.environ | {"HOME": str(tmp_path)},
    )
    words = " ".join(ended.stdout.split())
    for reply in (
        "Alice Adams",
        "she/her",
        "Keeper of the kettle",
        "at the kettle",
        "Tuesday: tea.",
        "alice.example",
        "Other ways to look up",
    ):
        assert reply in words, ended.stdout
    assert re.search(r"^ *Monday\n +(\*|•) descale", ended.stdout, re.M), ended.stdout


def test_W142_curl_gets_the_finger_answer(installations: dict[str, Installation]) -> None:
    assert "Tuesday: tea." in http_get(installations["stranger"].web_port, "/users/alice")[1]
