"""The QR code on the page, read off the screen by zbarimg, in light and in the dark."""

import re
import subprocess
from pathlib import Path
from typing import Any

from tests.people50 import people

from .browser import launch_chromium
from .gateway_process import make_installation, run_gateway

ALICE: dict[str, Any] = {
    "login": "alice", "name": "Alice; Adams", "email": "alice@dir.test", "home_phone": "+420 555 0199",
    "visibility": {"email": "everyone"},
}  # fmt: skip


def test_W116_it_is_read_off_the_page_and_holds_nothing_hidden(tmp_path: Path) -> None:
    installation = make_installation(tmp_path, people=[ALICE])
    with run_gateway(installation), launch_chromium() as browser:
        page = browser.new_page(viewport={"width": 1200, "height": 900}, device_scale_factor=2)
        for theme in ("light", "dark"):
            page.emulate_media(color_scheme=theme)
            page.goto(f"http://localhost:{installation.web_port}/users/alice")
            picture = tmp_path / f"{theme}.png"
            code = page.locator("img.qr")
            code.scroll_into_view_if_needed()
            page.wait_for_function("document.querySelector('img.qr').complete")
            code.screenshot(path=picture)
            read = subprocess.run(["zbarimg", "-q", "--raw", str(picture)], capture_output=True, text=True, check=True)
            lines = read.stdout.split()
            assert lines[:3] == ["BEGIN:VCARD", "VERSION:4.0", "FN:Alice\\;"]
            assert "EMAIL:alice@dir.test" in lines
            assert f"URL:http://localhost:{installation.web_port}/users/alice" in lines
            assert "0199" not in read.stdout


def test_W116_W150_cards_in_all_letters_are_read_off_the_screen(tmp_path: Path) -> None:
    """Whatever is in them, since the mask is not chosen by what they hold."""
    documents = people(23, 25)
    installation = make_installation(tmp_path, people=documents)
    read = []
    with run_gateway(installation), launch_chromium() as browser:
        page = browser.new_page(viewport={"width": 400, "height": 400})
        for person in documents:
            page.goto(f"http://localhost:{installation.web_port}/users/{person['login']}/qr.svg")
            picture = tmp_path / "code.png"
            page.screenshot(path=picture)
            command = ["zbarimg", "-q", "--raw", "--oneshot", "-Sbinary", str(picture)]
            read.append(subprocess.run(command, capture_output=True, check=True).stdout.decode())
    for text, person in zip(read, documents, strict=True):
        card = dict(line.split(":", 1) for line in text.strip().splitlines())
        assert card["URL"] == f"http://localhost:{installation.web_port}/users/{person['login']}"
        assert unescaped(card["FN"]) == person["name"][:64]


def unescaped(value: str) -> str:
    return re.sub(r"\\(.)", r"\1", value)
