"""The QR code on the page, read from a screenshot by zbarimg, in light and dark mode."""

import re
import subprocess
from pathlib import Path
from typing import Any

from tests.sample_people import people

from .browser import launch_chromium
from .gateway_process import make_installation, run_gateway

ALICE: dict[str, Any] = {
    "login": "alice", "name": "Alice; Adams", "email": "alice@dir.test", "home_phone": "+420 555 0199",
    "visibility": {"email": "everyone"},
}  # fmt: skip


def test_W116_the_code_is_readable_and_holds_nothing_hidden(tmp_path: Path) -> None:
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


def test_W116_W150_codes_with_all_scripts_are_readable(tmp_path: Path) -> None:
    """For any content, because the mask is not chosen by it."""
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
        assert unescape(card["FN"]) == person["name"][:64]


def unescape(value: str) -> str:
    return re.sub(r"\\(.)", r"\1", value)
